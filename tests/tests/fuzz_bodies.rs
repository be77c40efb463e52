//! The fuzz targets' bodies over a bounded corpus; `ORMATRIX_FUZZ_ROUNDS` for another bound.

use ormatrix_protocol::{
    Command, Event, Failover, FromRouter, InputId, Level, Merge, OnLoss, OutputSpec, OutputStream,
    Request, Route, RouteState, Take, codec,
};
use ormatrix_router::conductor::snapshot::Snapshot;
use ormatrix_tests::{
    fuzz::{self, noise},
    namespace::router::{input, leg},
};
use serde::Serialize;

/// Both legs for a while; one alone; what came before; steps ahead; changed packets.
#[test]
fn merge() {
    let both = [0x92; 6];
    let alone = [0x00, 0x00, 0x05, 10, 0x08, 0x33, 3, 0x3b, 7, 0x08];
    let ahead = [0x34, 9, 0x72, 0xa4, 200, 0x72, 0xf5, 40, 0x72];
    let changed = [0x07, 2, 1, 0x17, 11, 1, 0x0f, 16, 255, 0xf7, 0x72, 0xe7, 0x72];
    let seeds: Vec<Vec<u8>> = (0..32_u8)
        .map(|choice| {
            [&[choice][..], &both, &alone, &both, &ahead, &both, &changed, &both].concat()
        })
        .collect();
    noise::drill("merge", 300, &seeds, fuzz::merge);
}

#[test]
fn protocol() {
    fn line(message: &impl Serialize) -> Vec<u8> {
        let mut line = Vec::new();
        codec::write(&mut line, message).unwrap();
        line
    }
    let camera: InputId = "endoscope".parse().unwrap();
    let legs = vec![leg("239.0.1.1", 5004, "in1"), leg("2001:db8::1", 5006, "in2")];
    let mut spec = input("endoscope", "1920x1080p60", legs.clone(), Merge::default());
    spec.label = Some("Endoscope".to_owned());
    let output = OutputSpec {
        id: "main".parse().unwrap(),
        legs: legs.clone(),
        payload_type: 96,
        ssrc: 7,
        ttl: 8,
        dscp: 34,
        audio: Some(OutputStream { legs, payload_type: 97, ssrc: 8, ramp_ms: 5 }),
        ancillary: None,
        on_loss: OnLoss::Nothing,
    };
    let take = Take::new(output.id.clone(), Some(camera.clone()));
    spec.failover = Failover { backups: vec![camera.clone()], ..Failover::default() };
    let commands = [
        Command::PutInput(spec.clone()),
        Command::PutOutput(output.clone()),
        Command::Salvo { takes: vec![take], at: Some(1_900_000_000_000_000_000) },
        Command::RemoveInput { input: camera.clone() },
        Command::CancelSalvo { take: 7 },
        Command::Status,
    ];
    let lines =
        (1..).zip(commands).map(|(id, command)| line(&Request { id, request_id: None, command }));
    let mut seeds: Vec<Vec<u8>> = lines.collect();
    seeds.push(seeds.concat());
    let route = Route {
        input: Some(camera.clone()),
        state: RouteState::Live,
        since: 1,
        confirmed_at: Some(2),
        take: 3,
        stand_in: None,
    };
    let (id, level) = (output.id.clone(), Level::Audio);
    seeds.push(line(&FromRouter::Event(Event::Route { output: id.clone(), level, route })));
    let mut snapshot = Snapshot::default();
    (snapshot.inputs, snapshot.outputs) = (vec![spec], vec![output]);
    snapshot.routes.insert(id, camera);
    seeds.push(line(&snapshot));
    noise::drill("protocol", 300, &seeds, fuzz::protocol);
}

#[test]
fn settings() {
    // Every line of the commented file, with what it sets.
    let commented = include_str!("../../router/router.toml");
    let lines = commented.lines().map(|line| match line.strip_prefix('#') {
        Some(set) if !set.starts_with(' ') => set,
        _ => line,
    });
    let file: String = lines.flat_map(|line| [line, "\n"]).collect();
    let variables = "ORMATRIX_ROUTER_COALESCE_US=100\nORMATRIX_ROUTER_LINK_MBPS__ETH0=1000\n";
    let seeds = [file.clone(), format!("{file}\0{variables}"), format!("\0{variables}")];
    let seeds: Vec<Vec<u8>> = seeds.into_iter().map(String::into_bytes).collect();
    noise::drill("settings", 300, &seeds, fuzz::settings);
}
