//! A conductor and two lanes in the simulated network, with sources that can be stopped.
//!
//! Each test that includes it uses a part of it.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use crossbeam_channel::{Receiver, never, unbounded};
use ormatrix_io::{Clock, Link};
use ormatrix_protocol::{
    Command, Event, FromRouter, InputSpec, Leg, OutputSpec, Refusal, Reply, Route, RouteState,
    SignalState, Take, codec,
};
use ormatrix_router::{
    conductor::{
        Conductor, Identity, Lanes,
        clients::{FromClient, Line},
        keeper::Keeper,
        opener::{Marking, Opener},
        snapshot::SnapshotFile,
    },
    lane::{Capacity, Lane, Wiring, messages::FromLane},
    packet_io::sim::{Network, Parcel, SimClock, SimIo, SimRx, SimTx},
    slate::{Card, Playing, SlateError, Stopped, Stream},
};
use st2110::rfc4175::FramePlan;

pub const MS: u64 = 1_000_000;
const LANES: u16 = 2;
/// How often everything takes its turn.
const STEP_NS: u64 = 200_000;

/// Opens ports of the simulated network by port number; some cannot be opened.
#[derive(Clone)]
pub struct SimOpener {
    clock: SimClock,
    network: Network,
    pub rx: HashMap<u16, SimRx>,
    tx: HashMap<u16, SimTx>,
    blocked: BTreeSet<u16>,
    pub slates: Arc<Mutex<Slates>>,
}

/// What a host's threads would do.
#[derive(Default)]
pub struct Slates {
    /// There are none to be had.
    pub refused: bool,
    /// Started since the beginning.
    pub started: Vec<Card>,
    on: Vec<(Stream, SimRx, Stopped)>,
}

impl Slates {
    pub fn running(&self) -> usize {
        self.on.len()
    }
}

impl Opener<SimIo> for SimOpener {
    type Membership = ();

    fn receiver(&mut self, leg: &Leg) -> Result<SimRx, Refusal> {
        if self.blocked.contains(&leg.port) {
            return Err(Refusal::PortInUse { address: leg.address, port: leg.port });
        }
        Ok(*self.rx.entry(leg.port).or_insert_with(|| self.network.inbound()))
    }

    fn sender(&mut self, leg: &Leg, _: Marking) -> Result<SimTx, Refusal> {
        Ok(*self.tx.entry(leg.port).or_insert_with(|| self.network.outbound()))
    }

    fn membership(&self, _: &SimRx) -> Option<()> {
        None
    }

    fn link(&mut self, _: &Leg) -> Link {
        Link::default()
    }

    fn capacity(&mut self, interface: &str) -> Option<u64> {
        // Bits a second; a stream of the tests takes 4 115 200 of a wire.
        match interface {
            "narrow" => Some(5_000_000),
            "eth1" => Some(9_000_000),
            _ => None,
        }
    }

    fn play(&mut self, card: &Card) -> Result<(SimRx, Playing), SlateError> {
        let mut slates = self.slates.lock().unwrap();
        slates.started.push(card.clone());
        if slates.refused {
            return Err(SlateError::NoLoopback);
        }
        let (playing, stopped) = Playing::new();
        let rx = self.network.inbound();
        let ssrc = 0x5a1e_0000 + slates.started.len() as u32;
        // Packet by packet, so that it can be left within a frame if at all.
        let stream = Stream::new(card.clone(), ssrc, self.clock.tai())?.in_bursts_of(1);
        slates.on.push((stream, rx, stopped));
        Ok((rx, playing))
    }
}

/// A source that sends on the port of an input, packet by packet.
struct Source {
    sequence: u32,
    /// Of its sound, a packet a millisecond to the port [`SOUND`] above, where there is such
    /// an input.
    sound: u32,
    ssrc: u32,
}

/// Ports of sound are so much above those of pictures.
pub const SOUND: u16 = 1000;

pub struct Bench {
    pub clock: SimClock,
    pub network: Network,
    lanes: Vec<Lane<SimIo, SimClock>>,
    pub conductor: Conductor<SimIo, SimOpener, SimClock>,
    reports: Receiver<FromLane<SimIo>>,
    lines: Receiver<Line>,
    pub ports: SimOpener,
    sources: BTreeMap<u16, Source>,
    starts: u32,
    heard: Vec<(u64, FromRouter)>,
    pub folder: tempfile::TempDir,
}

/// An input of 480×8 at 50 frames a second, 8 packets each.
pub fn input(id: &str, port: u16) -> InputSpec {
    serde_json::from_value(serde_json::json!({
        "id": id,
        "video": {
            "width": 480, "height": 8, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10
        },
        "legs": [{ "address": "127.0.0.1", "port": port }],
        "payload_type": 96
    }))
    .unwrap()
}

/// The same with sound.
pub fn sounding(spec: InputSpec) -> InputSpec {
    let audio = serde_json::from_value(serde_json::json!({
        "format": { "depth": "L24", "rate_hz": 48000, "channels": 2, "packet_time": "1ms" },
        "legs": [{ "address": "127.0.0.1", "port": spec.legs[0].port + SOUND }],
        "payload_type": 98
    }));
    InputSpec { audio: Some(audio.unwrap()), ..spec }
}

/// The same with backups.
pub fn backed(id: &str, port: u16, backups: &[&str]) -> InputSpec {
    let mut spec = input(id, port);
    spec.failover.backups = backups.iter().map(|backup| backup.parse().unwrap()).collect();
    spec
}

pub fn output(id: &str, port: u16) -> OutputSpec {
    serde_json::from_value(serde_json::json!({
        "id": id,
        "legs": [{ "address": "127.0.0.1", "port": port }],
        "payload_type": 97, "ssrc": port, "ttl": 64, "dscp": 34
    }))
    .unwrap()
}

pub fn take(output: &str, input: &str) -> Take {
    Take::new(output.parse().unwrap(), Some(input.parse().unwrap()))
}

/// One packet of a sender to a port.
pub fn parcel(octets: Vec<u8>, port: u16, ssrc: u32) -> Parcel {
    let from = ([192, 0, 2, port as u8], ssrc as u16).into();
    Parcel { segment: octets.len(), octets, from, truncated: false, fragmented: false }
}

impl Bench {
    pub fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap(), &[])
    }

    /// A router on the snapshot of a folder; some ports cannot be opened.
    pub fn on(folder: tempfile::TempDir, blocked: &[u16]) -> Self {
        let clock = SimClock::default();
        clock.advance(1_000_000 * MS);
        let network = Network::new(clock.clone());
        // Opened beforehand, so that the test knows every port.
        let mut ports = SimOpener {
            clock: clock.clone(),
            network: network.clone(),
            rx: HashMap::new(),
            tx: HashMap::new(),
            blocked: BTreeSet::new(),
            slates: Arc::default(),
        };
        for port in (1..20).chain(1 + SOUND..4 + SOUND) {
            ports.receiver(&Leg::new("127.0.0.1".parse().unwrap(), port)).unwrap();
        }
        for port in (101..320).chain([101 + SOUND]) {
            let leg = Leg::new("127.0.0.1".parse().unwrap(), port);
            ports.sender(&leg, Marking { ttl: 1, dscp: 0 }).unwrap();
        }
        let (reporting, reports) = unbounded();
        let (mailboxes, receivers): (Vec<_>, Vec<_>) = (0..LANES).map(|_| unbounded()).unzip();
        let capacity = Capacity { inputs: 16, outputs: 208 };
        let lanes = (0..LANES)
            .zip(receivers)
            .map(|(index, mailbox)| {
                let wiring =
                    Wiring { mailbox, peers: mailboxes.clone(), reports: reporting.clone() };
                Lane::new(index, SimIo::new(network.clone(), 8), clock.clone(), wiring, capacity)
            })
            .collect();
        let file = SnapshotFile::new(folder.path().join("router.json"));
        let keeper = Keeper::start(file.clone()).unwrap();
        let identity = Identity { version: "test".into(), instance: 1, started_at: 0 };
        let lanes_seen = Lanes { mailboxes, reports: reports.clone() };
        let opener = SimOpener { blocked: blocked.iter().copied().collect(), ..ports.clone() };
        let mut conductor =
            Conductor::new(opener, clock.clone(), identity, capacity, lanes_seen, keeper);
        conductor.restore(file.load().unwrap());
        let (link, lines) = unbounded();
        conductor.hear(FromClient::Connected { client: 1, link }, &never());
        Self {
            clock,
            network,
            lanes,
            conductor,
            reports,
            lines,
            ports,
            sources: BTreeMap::new(),
            starts: 0,
            heard: Vec::new(),
            folder,
        }
    }

    pub fn ask(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.conductor.command(command)
    }

    pub fn put_input(&mut self, spec: InputSpec) {
        self.ask(Command::PutInput(spec)).unwrap();
    }

    pub fn put_output(&mut self, spec: OutputSpec) {
        self.ask(Command::PutOutput(spec)).unwrap();
    }

    pub fn take(&mut self, to: &str, input: &str) -> u64 {
        self.salvo(vec![take(to, input)])
    }

    pub fn salvo(&mut self, takes: Vec<Take>) -> u64 {
        match self.ask(Command::Salvo { takes, at: None }).unwrap() {
            Reply::Taking { take } => take,
            other => panic!("{other:?}"),
        }
    }

    /// Two inputs that send, on two lanes.
    pub fn with_two_inputs() -> Self {
        let mut bench = Self::new();
        for (id, port) in [("endoscope", 1), ("robot", 2)] {
            bench.put_input(input(id, port));
            bench.start(port);
        }
        bench
    }

    /// Lets a source send from now on, as one that has just been switched on.
    pub fn start(&mut self, port: u16) {
        self.starts += 1;
        let sequence = self.due(port);
        let (sound, ssrc) = (self.age_ms(port), self.starts << 8 | u32::from(port));
        self.sources.insert(port, Source { sequence, sound, ssrc });
    }

    /// The source falls silent, wherever in its frame.
    pub fn stop(&mut self, port: u16) {
        self.sources.remove(&port);
    }

    /// Packets that a source has sent by now: each has a phase of its own; a frame of 8
    /// packets takes 20 ms.
    fn due(&self, port: u16) -> u32 {
        ((self.clock.now() + u64::from(port) * 3 * MS) / (20 * MS / 8)) as u32
    }

    /// Milliseconds on a source's time line.
    fn age_ms(&self, port: u16) -> u32 {
        (self.clock.now() / MS + u64::from(port) * 3) as u32
    }

    /// Lets time pass while every source sends.
    pub fn run(&mut self, ms: u64) {
        for _ in 0..ms * MS / STEP_NS {
            self.step();
        }
    }

    pub fn step(&mut self) {
        self.clock.advance(STEP_NS);
        let plan = FramePlan::new(&input("any", 1).video, 1460).unwrap();
        let ports: Vec<u16> = self.sources.keys().copied().collect();
        for port in ports {
            let (due, age) = (self.due(port), self.age_ms(port));
            let Some(source) = self.sources.get_mut(&port) else { continue };
            while source.sequence < due {
                let planned = plan.packet(source.sequence as usize % 8).unwrap();
                let mut octets = vec![0; planned.packet_len()];
                let timestamp = source.sequence / 8 * 1800;
                planned.write_header(source.sequence, timestamp, source.ssrc, 96, &mut octets);
                octets[20] = port as u8;
                source.sequence += 1;
                self.network.deliver(self.ports.rx[&port], parcel(octets, port, source.ssrc));
            }
            while source.sound < age {
                source.sound += 1;
                let Some(rx) = self.ports.rx.get(&(port + SOUND)) else { continue };
                // RTP (RFC 3550 §5.1), then 48 samples of two channels of 24 bits.
                let mut octets = vec![0x80, 98];
                octets.extend((source.sound as u16).to_be_bytes());
                octets.extend((source.sound * 48).to_be_bytes());
                octets.extend(source.ssrc.to_be_bytes());
                octets.resize(12 + 288, port as u8);
                self.network.deliver(*rx, parcel(octets, port, source.ssrc));
            }
        }
        let now = self.clock.tai();
        let mut slates = self.ports.slates.lock().unwrap();
        slates.on.retain(|(_, _, stopped)| !stopped.is_set());
        for (stream, rx, _) in &mut slates.on {
            while stream.due(now) <= now {
                stream.send(|octets, segment| {
                    let from = ([127, 0, 0, 1], 40_000).into();
                    let octets = octets.to_vec();
                    let parcel =
                        Parcel { octets, segment, from, truncated: false, fragmented: false };
                    self.network.deliver(*rx, parcel);
                });
            }
        }
        drop(slates);
        for lane in &mut self.lanes {
            lane.turn();
        }
        for report in self.reports.try_iter() {
            self.conductor.note(report);
        }
        // As the conductor's own loop does.
        if self.conductor.stand_in_due_in() == Some(0) {
            self.conductor.stand_in();
        }
        if self.conductor.due_in() == Some(0) {
            self.conductor.start_due();
        }
        let mut line = Vec::new();
        for octets in self.lines.try_iter() {
            let message = codec::read(&octets[..], &mut line).unwrap();
            self.heard.extend(message.map(|message| (self.clock.now(), message)));
        }
    }

    pub fn route(&self, id: &str) -> Route {
        let status = self.conductor.status();
        let found = status.outputs.into_iter().find(|output| output.spec.id.as_str() == id);
        found.unwrap().route
    }

    pub fn signal(&self, id: &str) -> SignalState {
        let status = self.conductor.status();
        let found = status.inputs.into_iter().find(|input| input.spec.id.as_str() == id);
        found.unwrap().signal.state
    }

    /// What was sent to a port since the last call.
    pub fn sent(&self, port: u16) -> Vec<(u64, Vec<u8>)> {
        self.network.take_sent(self.ports.tx[&port])
    }

    /// What clients were told since the last call, and when.
    pub fn messages(&mut self) -> Vec<(u64, FromRouter)> {
        std::mem::take(&mut self.heard)
    }

    /// What clients were told unasked since the last call, and when.
    pub fn events(&mut self) -> Vec<(u64, Event)> {
        let events = self.messages().into_iter().filter_map(|(at, message)| match message {
            FromRouter::Event(event) => Some((at, event)),
            _ => None,
        });
        events.collect()
    }

    /// Runs until a route is in a state; fails after two seconds.
    pub fn until(&mut self, output: &str, what: impl Fn(&Route) -> bool) -> u64 {
        let start = self.clock.now();
        while !what(&self.route(output)) {
            self.step();
            let passed = self.clock.now() - start;
            assert!(passed < 2000 * MS, "{output} is still {:?}", self.route(output));
        }
        self.clock.now() - start
    }

    /// Inputs and one output that all work: `a` on port 1 with backups `b` and `c`.
    pub fn with_backups() -> Self {
        let mut bench = Self::new();
        bench.put_input(backed("a", 1, &["b", "c"]));
        bench.put_input(input("b", 2));
        bench.put_input(input("c", 3));
        for port in [1, 2, 3] {
            bench.start(port);
        }
        bench.put_output(output("main", 101));
        bench.run(100);
        bench.take("main", "a");
        bench.until("main", |route| route.state == RouteState::Live);
        bench
    }
}

/// Frames in the order they left: source, packets. Sequence numbers must be unbroken but for
/// `gaps` packets.
pub fn frames(sent: &[(u64, Vec<u8>)], gaps: u32) -> Vec<(u8, usize)> {
    let mut frames: Vec<((u8, u32), usize)> = Vec::new();
    let mut next: Option<u32> = None;
    let mut missing = 0;
    for (_, packet) in sent {
        let word = |at: usize| u32::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
        let sequence = word(12) << 16 | word(2);
        missing += next.map_or(0, |next| sequence.wrapping_sub(next));
        next = Some(sequence.wrapping_add(1));
        let key = (packet[20], word(4) << 16 | word(6));
        match frames.last_mut() {
            Some((last, packets)) if *last == key => *packets += 1,
            _ => frames.push((key, 1)),
        }
    }
    assert!(missing <= gaps, "{missing} sequence numbers missing");
    frames.into_iter().map(|((source, _), packets)| (source, packets)).collect()
}
