//! What the router's judgement of a packet costs, before it is sent anywhere.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::net::SocketAddr;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ormatrix_protocol::{InputSpec, Leg};
use ormatrix_router::{
    flow::{Accepted, Flow},
    gate::{FrameGate, Gate},
};
use st2110::rfc4175::FramePlan;

/// Both stages of a flow, as a lane runs them while nothing is held back.
fn accept(flow: &mut Flow, leg: usize, octets: &[u8]) -> Option<Accepted> {
    let from = SocketAddr::from(([192, 0, 2, 1], 5004));
    let arrived = flow.arrive(leg, octets, from, 1).ok()?;
    flow.accept(&arrived, 1).ok()
}

fn flow(criterion: &mut Criterion) {
    let spec: InputSpec = serde_json::from_value(serde_json::json!({
        "id": "endoscope",
        "video": {
            "width": 1920, "height": 1080, "rate": "60", "sampling": "YCbCr-4:2:2", "depth": 10
        },
        "legs": [{"address": "127.0.0.1", "port": 5004}],
        "payload_type": 96
    }))
    .unwrap();
    let plan = FramePlan::new(&spec.video, spec.max_udp).unwrap();
    let mut packets = Vec::new();
    for frame in 0..4 {
        for index in 0..plan.packets() {
            let planned = plan.packet(index).unwrap();
            let mut octets = vec![0; planned.packet_len()];
            let sequence = packets.len() as u32;
            planned.write_header(sequence, frame * 1500, 1, 96, &mut octets);
            packets.push(octets);
        }
    }
    let mut group = criterion.benchmark_group("flow/1080p");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function("accept", |bench| {
        bench.iter_batched_ref(
            || Flow::new(&spec).unwrap(),
            |flow| packets.iter().filter(|octets| accept(flow, 0, octets).is_some()).count(),
            BatchSize::SmallInput,
        );
    });
    let mut two_legs = spec.clone();
    two_legs.legs.push(Leg::new("127.0.0.2".parse().unwrap(), 5004));
    group.bench_function("accept of two legs", |bench| {
        bench.iter_batched_ref(
            || Flow::new(&two_legs).unwrap(),
            |flow| {
                let both = |octets: &Vec<u8>| {
                    let first = accept(flow, 0, octets).is_some();
                    first & accept(flow, 1, octets).is_none()
                };
                packets.iter().map(both).filter(|first| *first).count()
            },
            BatchSize::SmallInput,
        );
    });
    for outputs in [1_usize, 4, 16] {
        group.bench_function(format!("accept and gate {outputs} outputs"), |bench| {
            bench.iter_batched_ref(
                || (Flow::new(&spec).unwrap(), vec![Gate::new(0); outputs]),
                |(flow, gates)| {
                    for octets in &packets {
                        if let Some(accepted) = accept(flow, 0, octets) {
                            for gate in gates.iter_mut() {
                                std::hint::black_box(gate.pass(&accepted, true));
                            }
                        }
                    }
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, flow);
criterion_main!(benches);
