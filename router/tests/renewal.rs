//! Network interfaces that go down, go away and are made again under a running router, in the
//! simulated network: what they left dead is opened anew, and nothing else is touched.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use crossbeam_channel::{Receiver, unbounded};
use ormatrix_io::Link;
use ormatrix_protocol::{
    Command, InputSpec, Leg, MonitorSpec, OutputSpec, Refusal, RouteState, Take,
};
use ormatrix_router::{
    conductor::{
        Conductor, Identity, Lanes,
        keeper::Keeper,
        opener::{Marking, Opener},
        snapshot::SnapshotFile,
    },
    lane::{Capacity, Lane, Wiring, messages::FromLane},
    packet_io::sim::{Network, Parcel, SimClock, SimIo, SimRx, SimTx},
};
use st2110::rfc4175::FramePlan;

const MS: u64 = 1_000_000;
/// Frames of 20 ms.
const FRAME: u64 = 20 * MS;

/// The interfaces and what was opened on them.
#[derive(Default)]
struct Host {
    links: BTreeMap<String, Link>,
    /// What was joined, left and opened to send, by port.
    log: Vec<String>,
    /// The newest receiver of each port.
    rx: BTreeMap<u16, SimRx>,
    /// The newest sender to each port.
    tx: BTreeMap<u16, SimTx>,
    /// Ports whose membership the kernel has forgotten.
    forgotten: BTreeSet<u16>,
}

struct HostOpener {
    network: Network,
    host: Rc<RefCell<Host>>,
    /// The port of the receiver opened last, for its membership.
    port: u16,
}

struct Joined(Rc<RefCell<Host>>, u16);

impl Drop for Joined {
    fn drop(&mut self) {
        self.0.borrow_mut().log.push(format!("leave {}", self.1));
    }
}

impl HostOpener {
    fn interface(&self, leg: &Leg) -> Result<(), Refusal> {
        let interface = leg.interface.clone().unwrap();
        if self.host.borrow().links.contains_key(&interface) {
            return Ok(());
        }
        Err(Refusal::UnknownInterface { interface })
    }
}

impl Opener<SimIo> for HostOpener {
    type Membership = Joined;

    fn receiver(&mut self, leg: &Leg) -> Result<SimRx, Refusal> {
        self.interface(leg)?;
        let mut host = self.host.borrow_mut();
        host.log.push(format!("join {}", leg.port));
        host.forgotten.remove(&leg.port);
        self.port = leg.port;
        let rx = self.network.inbound();
        host.rx.insert(leg.port, rx);
        Ok(rx)
    }

    fn sender(&mut self, leg: &Leg, _: Marking) -> Result<SimTx, Refusal> {
        self.interface(leg)?;
        let mut host = self.host.borrow_mut();
        host.log.push(format!("send {}", leg.port));
        let tx = self.network.outbound();
        host.tx.insert(leg.port, tx);
        Ok(tx)
    }

    fn membership(&self, _: &SimRx) -> Option<Joined> {
        Some(Joined(Rc::clone(&self.host), self.port))
    }

    fn link(&mut self, leg: &Leg) -> Link {
        let host = self.host.borrow();
        host.links.get(leg.interface.as_deref().unwrap()).copied().unwrap_or_default()
    }

    fn capacity(&mut self, _: &str) -> Option<u64> {
        None
    }
}

struct Bench {
    clock: SimClock,
    network: Network,
    host: Rc<RefCell<Host>>,
    conductor: Conductor<SimIo, HostOpener, SimClock>,
    lane: Lane<SimIo, SimClock>,
    reports: Receiver<FromLane<SimIo>>,
    /// Sources by port, and the packets each has sent.
    senders: BTreeMap<u16, u32>,
    _folder: tempfile::TempDir,
}

fn leg(address: &str, port: u16, interface: &str) -> Leg {
    let interface = Some(interface.to_owned());
    Leg { interface, ..Leg::new(address.parse().unwrap(), port) }
}

fn input(port: u16, interface: &str) -> InputSpec {
    InputSpec {
        id: format!("in-{port}").parse().unwrap(),
        video: serde_json::from_value(serde_json::json!({
            "width": 480, "height": 8, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10
        }))
        .unwrap(),
        legs: vec![leg("ff35::1", port, interface)],
        payload_type: 96,
        max_udp: 1460,
        label: None,
        audio: None,
        ancillary: None,
        failover: ormatrix_protocol::Failover::default(),
        merge: ormatrix_protocol::Merge::default(),
    }
}

fn plan() -> FramePlan {
    FramePlan::new(&input(1, "any").video, 1460).unwrap()
}

impl Bench {
    /// A router with interfaces `left` and `right`.
    fn new() -> Self {
        let clock = SimClock::default();
        clock.advance(1_000 * MS);
        let network = Network::new(clock.clone());
        let (reporting, reports) = unbounded();
        let (mailbox, receiver) = unbounded();
        let capacity = Capacity { inputs: 8, outputs: 8 };
        let mailboxes = vec![mailbox];
        let wiring = Wiring { mailbox: receiver, peers: mailboxes.clone(), reports: reporting };
        let io = SimIo::new(network.clone(), 8);
        let lane = Lane::new(0, io, clock.clone(), wiring, capacity);
        let folder = tempfile::tempdir().unwrap();
        let file = SnapshotFile::new(folder.path().join("router.json"));
        let host: Rc<RefCell<Host>> = Rc::default();
        let conductor = Conductor::new(
            HostOpener { network: network.clone(), host: Rc::clone(&host), port: 0 },
            clock.clone(),
            Identity { version: "test".into(), instance: 1, started_at: 0 },
            capacity,
            Lanes { mailboxes, reports: reports.clone() },
            Keeper::start(file).unwrap(),
        );
        let senders = BTreeMap::new();
        let mut bench =
            Self { clock, network, host, conductor, lane, reports, senders, _folder: folder };
        bench.set_link("left", 2, 1);
        bench.set_link("right", 3, 1);
        bench
    }

    /// With a source on an output each: group 1 on `left`, group 2 on `right`, and outputs
    /// 101 and 102 on `right`; all live.
    fn routed() -> Self {
        let mut bench = Self::new();
        for (port, interface) in [(1, "left"), (2, "right")] {
            bench.ask(Command::PutInput(input(port, interface)));
            bench.senders.insert(port, 0);
            let id = format!("out-{port}");
            bench.ask(Command::PutOutput(OutputSpec {
                id: id.parse().unwrap(),
                legs: vec![leg("239.0.0.1", 100 + port, "right")],
                payload_type: 96,
                ssrc: 7,
                ttl: 8,
                dscp: 34,
                audio: None,
                ancillary: None,
                on_loss: ormatrix_protocol::OnLoss::Nothing,
            }));
            let (output, input) = (id.parse().unwrap(), format!("in-{port}").parse().unwrap());
            bench.ask(Command::Salvo { takes: vec![Take::new(output, Some(input))], at: None });
        }
        bench.run(1000 * MS);
        assert_eq!(bench.routes(), [RouteState::Live, RouteState::Live]);
        bench.conductor.every_second();
        bench.log();
        bench
    }

    fn ask(&mut self, command: Command) {
        self.conductor.command(command).unwrap();
    }

    /// How an interface stands from now on; number 0 takes it away.
    fn set_link(&mut self, name: &str, index: u32, change: u64) {
        let mut host = self.host.borrow_mut();
        match index {
            0 => drop(host.links.remove(name)),
            _ => drop(host.links.insert(name.to_owned(), Link { index, change })),
        }
    }

    /// What was opened and left since last asked.
    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.host.borrow_mut().log)
    }

    fn routes(&self) -> Vec<RouteState> {
        let outputs = self.conductor.status().outputs;
        outputs.into_iter().map(|output| output.route.state).collect()
    }

    /// Sends one packet of a source, if the host is in its group.
    fn send(&mut self, port: u16) {
        let plan = plan();
        let Some(sequence) = self.senders.get_mut(&port) else { return };
        let planned = plan.packet(*sequence as usize % plan.packets()).unwrap();
        let mut octets = vec![0; planned.packet_len()];
        let timestamp = *sequence / plan.packets() as u32 * 1800;
        planned.write_header(*sequence, timestamp, 1, 96, &mut octets);
        *sequence += 1;
        let host = self.host.borrow();
        if !host.forgotten.contains(&port) {
            let (segment, from) = (octets.len(), ([192, 0, 2, 1], 5004).into());
            let parcel = Parcel { octets, segment, from, truncated: false, fragmented: false };
            self.network.deliver(host.rx[&port], parcel);
        }
    }

    /// The lane works, and the conductor hears of it.
    fn turn(&mut self) {
        self.lane.turn();
        for report in self.reports.try_iter() {
            self.conductor.note(report);
        }
    }

    /// Lets time pass while every source sends.
    fn run(&mut self, ns: u64) {
        let step = FRAME / plan().packets() as u64;
        for _ in 0..ns / step {
            self.clock.advance(step);
            for port in [1, 2] {
                self.send(port);
            }
            self.turn();
        }
    }

    /// Lets seconds pass, looked at as the conductor does.
    fn seconds(&mut self, count: u64) {
        for _ in 0..count {
            self.run(1000 * MS);
            self.conductor.every_second();
        }
        self.run(500 * MS);
    }

    /// Sequence numbers that the newest sender to a port has sent since last asked.
    fn sent(&self, port: u16) -> Vec<u16> {
        let packets = self.network.take_sent(self.host.borrow().tx[&port]);
        packets.iter().map(|(_, packet)| u16::from_be_bytes([packet[2], packet[3]])).collect()
    }
}

fn gapless(numbers: &[u16]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1))
}

#[test]
fn a_forgotten_group_is_joined_again_after_it_was_left() {
    let mut bench = Bench::routed();
    // Another stream of the group, on another port.
    bench.ask(Command::PutInput(input(4, "left")));
    bench.log();
    bench.host.borrow_mut().forgotten.insert(1);
    bench.set_link("left", 2, 5);
    bench.run(200 * MS);
    assert_eq!(bench.routes(), [RouteState::NoSignal, RouteState::Live]);
    bench.sent(102);
    bench.seconds(2);
    assert_eq!(bench.log(), ["leave 1", "leave 4", "join 1", "join 4"]);
    assert_eq!(bench.routes(), [RouteState::Live, RouteState::Live]);
    assert!(gapless(&bench.sent(102)), "the other interface's stream was disturbed");
    // Once is enough, also for the one that has no source.
    bench.seconds(3);
    assert_eq!(bench.log(), [""; 0]);
}

#[test]
fn a_stream_that_survives_a_change_is_left_alone() {
    let mut bench = Bench::routed();
    bench.sent(101);
    for change in 2..6 {
        bench.set_link("left", 2, change);
        bench.seconds(1);
    }
    bench.seconds(1);
    // Long after, its source is turned off: not the interface's fault.
    let source = bench.senders.remove(&1).unwrap();
    bench.seconds(2);
    bench.senders.insert(1, source);
    bench.seconds(1);
    assert_eq!(bench.log(), [""; 0]);
    let sent = bench.sent(101);
    assert!(sent.len() > 500 && gapless(&sent));
}

#[test]
fn an_interface_made_again_is_received_and_sent_on() {
    let mut bench = Bench::routed();
    let monitor = MonitorSpec {
        input: "in-1".parse().unwrap(),
        leg: leg("239.0.0.9", 110, "right"),
        interval_ms: 100,
    };
    bench.ask(Command::PutMonitor(monitor));
    bench.set_link("right", 0, 0);
    bench.host.borrow_mut().forgotten.insert(2);
    bench.log();
    bench.seconds(3);
    // Left once; opened by nobody while there is nothing to open it on.
    assert_eq!(bench.log(), ["leave 2"]);
    assert_eq!(bench.routes(), [RouteState::Live, RouteState::NoSignal]);
    let last = bench.sent(101).pop().unwrap();
    bench.set_link("right", 9, 7);
    bench.seconds(2);
    let mut log = bench.log();
    log.sort();
    assert_eq!(log, ["join 2", "send 101", "send 102", "send 110"]);
    assert_eq!(bench.routes(), [RouteState::Live, RouteState::Live]);
    let sent = bench.sent(101);
    assert!(gapless(&sent) && sent.len() > 500);
    assert!(sent[0].wrapping_sub(last) < 2000, "{last} before, {} after", sent[0]);
    assert!(!bench.sent(102).is_empty() && !bench.sent(110).is_empty());
    bench.seconds(3);
    assert_eq!(bench.log(), [""; 0]);
}

/// A receiver changes hands in the middle of a frame: the frame goes on.
#[test]
fn a_frame_goes_on_through_the_new_receiver() {
    let mut bench = Bench::routed();
    bench.sent(101);
    bench.send(1);
    bench.turn();
    let before = bench.conductor.status().inputs.remove(0).counters;
    let withheld = bench.conductor.status().outputs.remove(0).counters.withheld;
    bench.set_link("left", 4, 7);
    bench.conductor.every_second();
    bench.turn();
    assert_eq!(bench.log(), ["leave 1", "join 1"]);
    bench.run(100 * MS);
    let after = bench.conductor.status().inputs.remove(0).counters;
    assert_eq!((after.cut_frames, after.lost_packets), (before.cut_frames, before.lost_packets));
    assert!(after.whole_frames > before.whole_frames + 3);
    let sent = bench.sent(101);
    assert!(gapless(&sent) && sent.len() >= 4 * plan().packets(), "{sent:?}");
    let status = bench.conductor.status().outputs.remove(0);
    assert_eq!(status.route.state, RouteState::Live);
    assert_eq!(status.counters.withheld, withheld);
}

#[test]
fn a_unicast_receiver_needs_only_its_interface() {
    let mut bench = Bench::new();
    let mut spec = input(1, "left");
    spec.legs = vec![leg("192.0.2.9", 1, "left")];
    bench.ask(Command::PutInput(spec));
    bench.log();
    bench.set_link("left", 2, 7);
    bench.seconds(2);
    assert_eq!(bench.log(), [""; 0], "its port is in use, by itself");
    bench.set_link("left", 8, 9);
    bench.seconds(2);
    assert_eq!(bench.log(), ["leave 1", "join 1"]);
}

#[test]
fn a_leg_that_is_opened_anew_costs_the_other_leg_nothing() {
    let mut bench = Bench::routed();
    let mut spec = bench.conductor.status().outputs.remove(0).spec;
    spec.legs = vec![leg("239.0.0.1", 121, "left"), leg("239.0.0.1", 122, "right")];
    bench.ask(Command::PutOutput(spec));
    bench.seconds(2);
    bench.log();
    bench.sent(121);
    let before = bench.conductor.status().outputs.remove(0).counters;
    bench.set_link("right", 9, 7);
    bench.seconds(2);
    assert_eq!(bench.log(), ["leave 2", "join 2", "send 122", "send 102"]);
    let sent = bench.sent(121);
    assert!(gapless(&sent) && sent.len() > 2000 * plan().packets() / 20 - 10);
    assert!(!bench.sent(122).is_empty(), "the new sender is used");
    let after = bench.conductor.status().outputs.remove(0);
    assert_eq!(after.route.state, RouteState::Live);
    assert_eq!(after.counters.withheld, before.withheld, "not a packet was left");
    assert_eq!(after.counters.takes, before.takes);
}
