//! The conductor and two lanes in the simulated network, driven by commands as clients
//! give them.

mod levels;
mod schedule;
mod three_levels;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    process, thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, bounded, unbounded};
use ormatrix_io::{Clock, Link};
use ormatrix_protocol::{
    Command, Direction, FromRouter, InputSpec, Leg, MonitorSpec, OutputSpec, Refusal, Reply,
    Request, Route, RouteState, SignalState, Take, codec,
};
use ormatrix_router::{
    conductor::{
        Conductor, Identity, Lanes,
        clients::{FromClient, Line},
        keeper::Keeper,
        opener::{Marking, Opener},
        snapshot::SnapshotFile,
    },
    lane::{Capacity, Lane, Wiring},
    packet_io::sim::{Network, Parcel, SimClock, SimIo, SimRx, SimTx},
};
use st2110::rfc4175::FramePlan;

const MS: u64 = 1_000_000;
const LANES: u16 = 2;

/// Opens ports of the simulated network by port number; some cannot be opened.
#[derive(Clone)]
struct SimOpener {
    network: Network,
    rx: HashMap<u16, SimRx>,
    tx: HashMap<u16, SimTx>,
    blocked: BTreeSet<u16>,
    /// What `eth1` carries, bits a second.
    eth1: u64,
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
        (interface == "eth1").then_some(self.eth1)
    }
}

struct Bench {
    clock: SimClock,
    network: Network,
    lanes: Vec<Lane<SimIo, SimClock>>,
    conductor: Conductor<SimIo, SimOpener, SimClock>,
    reports: Receiver<ormatrix_router::lane::messages::FromLane<SimIo>>,
    lines: Receiver<Line>,
    ports: SimOpener,
    /// Frames sent by each source, by port of the input.
    senders: BTreeMap<u16, (u32, u32)>,
    folder: tempfile::TempDir,
}

fn input(id: &str, port: u16) -> InputSpec {
    InputSpec {
        id: id.parse().unwrap(),
        video: serde_json::from_value(serde_json::json!({
            "width": 480, "height": 8, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10
        }))
        .unwrap(),
        legs: vec![Leg::new("127.0.0.1".parse().unwrap(), port)],
        payload_type: 96,
        max_udp: 1460,
        label: None,
        audio: None,
        ancillary: None,
        failover: ormatrix_protocol::Failover::default(),
        merge: ormatrix_protocol::Merge::default(),
    }
}

fn output(id: &str, port: u16) -> OutputSpec {
    OutputSpec {
        id: id.parse().unwrap(),
        legs: vec![Leg::new("127.0.0.1".parse().unwrap(), port)],
        payload_type: 97,
        ssrc: u32::from(port),
        ttl: 64,
        dscp: 34,
        audio: None,
        ancillary: None,
        on_loss: ormatrix_protocol::OnLoss::Nothing,
    }
}

fn take(output: &str, input: &str) -> Take {
    Take::new(output.parse().unwrap(), Some(input.parse().unwrap()))
}

impl Bench {
    fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap(), BTreeSet::new())
    }

    /// A router on the snapshot of a folder; ports in `blocked` cannot be opened at first.
    fn on(folder: tempfile::TempDir, blocked: BTreeSet<u16>) -> Self {
        let clock = SimClock::default();
        clock.advance(1_000 * MS);
        let network = Network::new(clock.clone());
        // Opened beforehand, so that the test knows every port.
        let mut ports = SimOpener {
            network: network.clone(),
            rx: HashMap::new(),
            tx: HashMap::new(),
            blocked: BTreeSet::new(),
            eth1: 9_000_000,
        };
        for port in 1..20 {
            ports.receiver(&Leg::new("127.0.0.1".parse().unwrap(), port)).unwrap();
        }
        for port in 101..320 {
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
        let opener = SimOpener { blocked, ..ports.clone() };
        let mut conductor = Conductor::new(
            opener,
            clock.clone(),
            identity,
            capacity,
            Lanes { mailboxes, reports: reports.clone() },
            keeper,
        );
        conductor.restore(file.load().unwrap());
        let (link, lines) = unbounded();
        conductor.hear(FromClient::Connected { client: 1, link });
        let senders = BTreeMap::new();
        Self { clock, network, lanes, conductor, reports, lines, ports, senders, folder }
    }

    fn ask(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.conductor.command(command)
    }

    fn salvo(&mut self, takes: Vec<Take>) -> u64 {
        match self.ask(Command::Salvo { takes, at: None }).unwrap() {
            Reply::Taking { take } => take,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass while every sender sends, packet by packet.
    fn run(&mut self, ms: u64) {
        for _ in 0..ms * 5 {
            self.run_once();
        }
    }

    /// A fifth of a millisecond.
    fn run_once(&mut self) {
        self.clock.advance(MS / 5);
        let now = self.clock.now();
        for (port, (sequence, timestamp)) in &mut self.senders {
            let spec = input("any", *port);
            let plan = FramePlan::new(&spec.video, 1460).unwrap();
            // Each sender has a phase of its own; a frame takes 20 ms.
            let step = 20 * MS / plan.packets() as u64;
            let due = (now + u64::from(*port) * 3 * MS) / step;
            while u64::from(*sequence) < due {
                let index = *sequence as usize % plan.packets();
                let planned = plan.packet(index).unwrap();
                let mut octets = vec![0; planned.packet_len()];
                *timestamp = *sequence / plan.packets() as u32 * 1800;
                planned.write_header(*sequence, *timestamp, u32::from(*port), 96, &mut octets);
                octets[20] = *port as u8;
                *sequence += 1;
                self.network.deliver(self.ports.rx[port], parcel(octets, *port));
            }
        }
        for lane in &mut self.lanes {
            lane.turn();
        }
        self.conductor.start_due();
        for report in self.reports.try_iter() {
            self.conductor.note(report);
        }
    }

    fn start_sender(&mut self, port: u16) {
        let plan = FramePlan::new(&input("any", port).video, 1460).unwrap();
        let step = 20 * MS / plan.packets() as u64;
        let due = (self.clock.now() + u64::from(port) * 3 * MS) / step;
        self.senders.insert(port, (due as u32, 0));
    }

    fn route(&self, id: &str) -> Route {
        let status = self.conductor.status();
        let found = status.outputs.into_iter().find(|output| output.spec.id.as_str() == id);
        found.unwrap().route
    }

    fn signal(&self, id: &str) -> SignalState {
        let status = self.conductor.status();
        let found = status.inputs.into_iter().find(|input| input.spec.id.as_str() == id);
        found.unwrap().signal.state
    }

    fn sent(&self, port: u16) -> Vec<(u64, Vec<u8>)> {
        self.network.take_sent(self.ports.tx[&port])
    }

    /// Two inputs that send, on two lanes.
    fn with_two_inputs() -> Self {
        let mut bench = Self::new();
        for (id, port) in [("endoscope", 1), ("robot", 2)] {
            bench.ask(Command::PutInput(input(id, port))).unwrap();
            bench.start_sender(port);
        }
        bench
    }
}

/// One packet of the sender to a port.
fn parcel(octets: Vec<u8>, port: u16) -> Parcel {
    let from = ([192, 0, 2, port as u8], 5004).into();
    Parcel { segment: octets.len(), octets, from, truncated: false, fragmented: false }
}

fn timestamp(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[4..8].try_into().unwrap())
}

#[test]
fn a_salvo_joins_each_source_on_one_frame() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutInput(input("xray", 3))).unwrap();
    bench.start_sender(3);
    let outputs: Vec<String> = (0..64).map(|n| format!("out-{n}")).collect();
    for (n, id) in outputs.iter().enumerate() {
        bench.ask(Command::PutOutput(output(id, 101 + n as u16))).unwrap();
    }
    bench.run(100);
    // From two sources whose frames end at different times, on two lanes, all to a third
    // whose frame begins between those ends.
    let first: Vec<_> = outputs
        .iter()
        .enumerate()
        .map(|(n, id)| take(id, if n % 2 == 0 { "endoscope" } else { "xray" }))
        .collect();
    bench.salvo(first);
    bench.run(100);
    for n in 0..64 {
        bench.sent(101 + n);
    }
    let number = bench.salvo(outputs.iter().map(|id| take(id, "robot")).collect());
    bench.run(100);
    let mut joins = BTreeSet::new();
    for (n, id) in outputs.iter().enumerate() {
        let route = bench.route(id);
        assert_eq!((route.state, route.take), (RouteState::Live, number), "{id}");
        let sent = bench.sent(101 + n as u16);
        let (_, packet) = sent.iter().find(|(_, packet)| packet[20] == 2).unwrap();
        joins.insert(timestamp(packet));
    }
    assert_eq!(joins.len(), 1, "joined on {joins:?}");
}

#[test]
fn a_take_is_live_only_when_a_whole_frame_has_left() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    assert_eq!(bench.route("main").state, RouteState::Switching);
    let mut frames = BTreeMap::<u32, usize>::new();
    let whole = FramePlan::new(&input("any", 1).video, 1460).unwrap().packets();
    for _ in 0..200 {
        bench.run(1);
        for (_, packet) in bench.sent(101) {
            *frames.entry(timestamp(&packet)).or_default() += 1;
        }
        let live = bench.route("main").state == RouteState::Live;
        assert!(!live || frames.values().any(|packets| *packets == whole), "{frames:?}");
        if live {
            break;
        }
    }
    let route = bench.route("main");
    assert_eq!(route.state, RouteState::Live);
    assert!(route.confirmed_at.is_some());
}

#[test]
fn a_take_of_what_is_there_already_is_confirmed() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
    while bench.lines.try_recv().is_ok() {}
    let number = bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    let told = bench.lines.try_iter().any(|line| {
        let message =
            codec::read::<_, FromRouter>(&mut &line[..], &mut Vec::new()).unwrap().unwrap();
        matches!(message, FromRouter::Event(ormatrix_protocol::Event::Route { route, .. })
            if route.take == number && route.state == RouteState::Live)
    });
    assert!(told, "whoever asked waits for ever");
}

#[test]
fn a_lost_source_shows_and_comes_back() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    bench.senders.remove(&1);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::NoSignal);
    assert_eq!(bench.signal("endoscope"), SignalState::Lost);
    assert_eq!(bench.route("main").input, Some("endoscope".parse().unwrap()));
    bench.start_sender(1);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
    // A take to a source that is not there waits for it.
    bench.ask(Command::PutInput(input("xray", 3))).unwrap();
    bench.salvo(vec![take("main", "xray")]);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Waiting);
    bench.start_sender(3);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
}

#[test]
fn a_refusal_changes_nothing() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    let before = bench.conductor.snapshot();
    let mut three_legs = input("three", 5);
    for port in [6, 7] {
        three_legs.legs.push(Leg::new("127.0.0.1".parse().unwrap(), port));
    }
    let mut twice = input("twice", 5);
    twice.legs.push(twice.legs[0].clone());
    // The second leg is another input's.
    let mut meeting = input("meeting", 5);
    meeting.legs.push(Leg::new("127.0.0.1".parse().unwrap(), 1));
    let mut never = input("never", 5);
    never.merge.skew_us = 450_001;
    let mut bad_type = input("bad", 5);
    bad_type.payload_type = 95;
    let mut bad_video = input("bad", 5);
    bad_video.video.width = 481;
    let mut bad_dscp = output("bad", 105);
    bad_dscp.dscp = 64;
    let commands = [
        Command::PutInput(input("other", 1)),
        Command::PutInput(three_legs),
        Command::PutInput(twice),
        Command::PutInput(meeting),
        Command::PutInput(never),
        Command::PutInput(bad_type),
        Command::PutInput(bad_video),
        Command::PutOutput(bad_dscp),
        Command::PutOutput(output("other", 101)),
        Command::RemoveInput { input: "endoscope".parse().unwrap() },
        Command::RemoveInput { input: "nosuch".parse().unwrap() },
        Command::RemoveOutput { output: "nosuch".parse().unwrap() },
        Command::Salvo { takes: vec![], at: None },
        Command::Salvo { takes: vec![take("main", "robot"), take("main", "robot")], at: None },
        Command::Salvo { takes: vec![take("main", "robot"), take("nosuch", "robot")], at: None },
        Command::Salvo { takes: vec![take("main", "nosuch")], at: None },
    ];
    for command in commands {
        let said = format!("{command:?}");
        assert!(bench.ask(command).is_err(), "{said}");
        assert_eq!(bench.conductor.snapshot(), before, "{said}");
    }
    bench.run(50);
    assert_eq!(bench.route("main").state, RouteState::Live);
}

#[test]
fn an_output_that_moves_keeps_its_route_and_its_sequence() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "robot")]);
    bench.run(100);
    let last = bench.sent(101).pop().unwrap().1;
    let mut moved = output("main", 102);
    moved.ssrc = 101;
    bench.ask(Command::PutOutput(moved)).unwrap();
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
    let tail = bench.sent(101);
    let before = tail.last().map_or(last, |(_, packet)| packet.clone());
    let first = bench.sent(102).remove(0).1;
    let number = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    assert_eq!(number(&first), number(&before).wrapping_add(1));
    assert_eq!(first[1] & 0x7f, 97);
}

#[test]
fn a_monitor_sees_whole_frames_now_and_then() {
    let mut bench = Bench::with_two_inputs();
    let leg = Leg::new("127.0.0.1".parse().unwrap(), 110);
    let spec = MonitorSpec { input: "robot".parse().unwrap(), leg, interval_ms: 100 };
    bench.ask(Command::PutMonitor(spec)).unwrap();
    bench.run(1000);
    let whole = FramePlan::new(&input("any", 2).video, 1460).unwrap().packets();
    let mut frames = BTreeMap::<u32, usize>::new();
    for (_, packet) in bench.sent(110) {
        *frames.entry(timestamp(&packet)).or_default() += 1;
    }
    assert!(frames.values().all(|packets| *packets == whole), "{frames:?}");
    assert!((7..=10).contains(&frames.len()), "{frames:?}");
    bench.ask(Command::RemoveMonitor { input: "robot".parse().unwrap() }).unwrap();
    bench.run(200);
    bench.sent(110);
    bench.run(200);
    assert!(bench.sent(110).is_empty());
}

#[test]
fn a_restart_takes_up_the_routes_and_opens_late_what_it_can() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "robot")]);
    bench.run(100);
    let (folder, before) = (bench.folder, bench.conductor.snapshot());
    // The port of the routed input is in use at first.
    let mut again = Bench::on(folder, BTreeSet::from([2]));
    assert_eq!(again.conductor.snapshot().routes, before.routes);
    assert_eq!(again.conductor.snapshot().inputs, before.inputs);
    again.start_sender(2);
    again.run(100);
    assert_eq!(again.route("main").state, RouteState::Waiting);
    let folder = again.folder;
    let mut again = Bench::on(folder, BTreeSet::new());
    again.start_sender(2);
    again.run(100);
    assert_eq!(again.route("main").state, RouteState::Live);
    assert_eq!(again.route("main").input, Some("robot".parse().unwrap()));
}

/// What an input received is what it dropped by name and what it offered; what an output was
/// offered is what it sent and what it withheld by name.
#[test]
fn every_packet_is_sent_or_left_under_a_reason() {
    let mut bench = Bench::new();
    bench.ask(Command::PutInput(input("robot", 2))).unwrap();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    let leg = Leg::new("127.0.0.1".parse().unwrap(), 110);
    let monitor = MonitorSpec { input: "robot".parse().unwrap(), leg, interval_ms: 100 };
    bench.ask(Command::PutMonitor(monitor)).unwrap();
    bench.salvo(vec![take("main", "robot")]);
    bench.run(10);
    bench.start_sender(2);
    for _ in 0..20 {
        bench.run(37);
        bench.network.deliver(bench.ports.rx[&2], parcel(vec![0xff; 100], 2));
        // A source that goes and comes back leaves frames unfinished.
        let sender = bench.senders.remove(&2).unwrap();
        bench.run(100);
        bench.senders.insert(2, sender);
    }
    let status = bench.conductor.status();
    let received = &status.inputs[0].counters;
    let offered = received.packets - received.dropped.values().sum::<u64>();
    assert!(offered > 1000 && received.dropped.values().sum::<u64>() >= 20, "{received:?}");
    for counters in [&status.outputs[0].counters, &status.monitors[0].counters] {
        let withheld = counters.withheld.values().sum::<u64>();
        assert!(counters.packets > 0 && withheld > 0, "{counters:?}");
        assert_eq!(counters.packets + withheld, offered, "{counters:?} {received:?}");
    }
}

/// A stream of the test takes 4 115 200 bits a second of a wire, and `eth1` carries 9 million.
#[test]
fn no_link_is_given_more_than_it_carries() {
    const EACH: u64 = 50 * 8 * (1220 + 66) * 8;
    let mut bench = Bench::new();
    let on = |interface: &str, mut leg: Leg| {
        leg.interface = Some(interface.to_owned());
        vec![leg]
    };
    let received = |id: &str, port, interface: &str| {
        let spec = input(id, port);
        InputSpec { legs: on(interface, spec.legs[0].clone()), ..spec }
    };
    let sent = |id: &str, port, interface: &str| {
        let spec = output(id, port);
        OutputSpec { legs: on(interface, spec.legs[0].clone()), ..spec }
    };
    let full = |direction| {
        let (interface, capacity) = ("eth1".to_owned(), 9_000_000);
        Refusal::LinkFull { interface, direction, capacity, present: 2 * EACH, added: EACH }
    };
    for (id, port) in [("endoscope", 1), ("robot", 2)] {
        bench.ask(Command::PutInput(received(id, port, "eth1"))).unwrap();
    }
    let third = bench.ask(Command::PutInput(received("xray", 3, "eth1"))).unwrap_err();
    assert_eq!(third, full(Direction::Receive));
    assert!(third.to_string().contains("can receive 0.009 Gb/s: 0.008 Gb/s are given"), "{third}");
    bench.ask(Command::PutInput(received("xray", 3, "eth2"))).unwrap();
    // Twice as fast it would not fit any more; the name of one that fits may change.
    let mut faster = received("robot", 2, "eth1");
    faster.video.rate = "100".parse().unwrap();
    let refused = bench.ask(Command::PutInput(faster));
    assert!(matches!(refused, Err(Refusal::LinkFull { added: EACH, .. })), "{refused:?}");

    for (id, port) in [("main", 101), ("left", 102), ("right", 103)] {
        bench.ask(Command::PutOutput(sent(id, port, "eth1"))).unwrap();
    }
    bench.salvo(vec![take("main", "robot"), take("left", "robot")]);
    let takes = vec![take("right", "robot")];
    assert_eq!(bench.ask(Command::Salvo { takes, at: None }), Err(full(Direction::Send)));
    // One goes as another comes.
    let mut exchange = vec![take("right", "robot"), take("main", "robot")];
    exchange[1].input = None;
    bench.salvo(exchange);
    // An output that is routed cannot be moved to where there is no room.
    bench.ask(Command::PutOutput(sent("aside", 104, "eth2"))).unwrap();
    bench.salvo(vec![take("aside", "xray")]);
    let moved = bench.ask(Command::PutOutput(sent("aside", 105, "eth1")));
    assert_eq!(moved, Err(full(Direction::Send)));
}

/// A disk that hangs (here: a pipe in the place of the file, which nobody reads) must hold up
/// neither a take nor its answer.
#[test]
fn a_disk_that_hangs_holds_up_no_take() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    let pipe = bench.folder.path().join("router.new");
    assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (taken, told) = bounded::<()>(1);
    let disk = thread::spawn(move || {
        // Gives up one day, so that a router that waits fails this test instead of hanging it.
        let answered = told.recv_timeout(Duration::from_mins(1)).is_ok();
        std::fs::read(pipe).unwrap();
        answered
    });
    for input in ["endoscope", "robot", "endoscope", "robot"] {
        bench.salvo(vec![take("main", input)]);
        bench.run(100);
        assert_eq!(bench.route("main").state, RouteState::Live);
    }
    taken.send(()).unwrap();
    assert!(disk.join().unwrap(), "the takes waited for the disk");
    // Dropping it waits until the newest routes are written.
    let (folder, expected) = (bench.folder, bench.conductor.snapshot());
    drop(bench.conductor);
    let kept = SnapshotFile::new(folder.path().join("router.json")).load().unwrap();
    assert_eq!(kept, expected);
}

#[test]
fn inputs_and_outputs_come_and_go_without_running_out_of_room() {
    let mut bench = Bench::new();
    for round in 0..40 {
        bench.ask(Command::PutInput(input("endoscope", 1))).unwrap();
        bench.ask(Command::PutOutput(output("main", 101))).unwrap();
        bench.salvo(vec![take("main", "endoscope")]);
        bench.start_sender(1);
        bench.run(if round % 2 == 0 { 5 } else { 80 });
        bench.ask(Command::RemoveOutput { output: "main".parse().unwrap() }).unwrap();
        bench.ask(Command::RemoveInput { input: "endoscope".parse().unwrap() }).unwrap();
        bench.senders.clear();
        bench.run(5);
    }
    for n in 1..=16 {
        bench.ask(Command::PutInput(input(&format!("in-{n}"), n))).unwrap();
    }
    let one_more = bench.ask(Command::PutInput(input("in-17", 17)));
    assert!(matches!(one_more, Err(Refusal::Full { limit: 16, .. })), "{one_more:?}");
}

#[test]
fn clients_hear_everything_in_order() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    let request =
        Request { id: 9, command: Command::Salvo { takes: vec![take("main", "robot")], at: None } };
    bench.conductor.hear(FromClient::Request { client: 1, request });
    bench.run(100);
    let mut line = Vec::new();
    let messages: Vec<FromRouter> = bench
        .lines
        .try_iter()
        .map(|octets| codec::read(&octets[..], &mut line).unwrap().unwrap())
        .collect();
    assert!(matches!(messages[0], FromRouter::Hello { .. }));
    let replied = messages.iter().position(|m| matches!(m, FromRouter::Reply { id: 9, .. }));
    let live = messages.iter().position(|message| {
        matches!(message, FromRouter::Event(ormatrix_protocol::Event::Route { route, .. })
            if route.state == RouteState::Live)
    });
    assert!(replied.unwrap() < live.unwrap());
}
