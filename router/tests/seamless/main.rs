//! Two legs of one stream (ST 2022-7) through a real lane in a simulated network: each leg
//! loses, lags, dies, comes back, doubles and brings garbage. As long as no packet is lost
//! on both, the output must be the stream as it was sent, octet for octet.
//!
//! `ORMATRIX_SEAMLESS_PACKETS` sets how many packets the long drill sends.

mod network;

use std::{env, sync::Arc};

use crossbeam_channel::{Receiver, Sender, unbounded};
use ormatrix_io::Clock;
use ormatrix_protocol::{DropReason, InputCounters, MergeOrder};
use ormatrix_router::{
    counters::{InputCells, OutputCells},
    flow::Flow,
    lane::{
        Capacity, Lane, Wiring,
        messages::{FromLane, Order, Place, ToLane},
        token::Token,
    },
    packet_io::sim::{Network, SimClock, SimIo, SimTx},
};

use self::network::{Faults, Path, Stream, spec};

const POLL_NS: u64 = 50_000;
const MS: u64 = 1_000_000;

struct World {
    clock: SimClock,
    network: Network,
    lane: Lane<SimIo, SimClock>,
    _mailbox: Sender<ToLane<SimIo>>,
    _reports: Receiver<FromLane<SimIo>>,
    paths: [Path; 2],
    stream: Stream,
    start: u64,
    outputs: Vec<SimTx>,
    input_cells: Arc<InputCells>,
    output_cells: Arc<OutputCells>,
    judge: Judge,
    /// Packets that the network hands over as one run, at most.
    run: usize,
    dice: fastrand::Rng,
}

/// Compares what leaves with what was sent.
struct Judge {
    order: MergeOrder,
    /// Output sequence number minus packet number, once known.
    shift: Option<u32>,
    next: u64,
    /// Numbers that came before their turn.
    ahead: std::collections::BTreeSet<u64>,
    packets: u64,
}

impl Judge {
    fn hear(&mut self, packet: &[u8]) -> Result<(), String> {
        let number = Stream::read(packet);
        let low = u32::from(u16::from_be_bytes([packet[2], packet[3]]));
        let high = u32::from(u16::from_be_bytes([packet[12], packet[13]]));
        let shift = (high << 16 | low).wrapping_sub(number as u32);
        if self.shift.is_none() {
            self.next = number;
        }
        if *self.shift.get_or_insert(shift) != shift {
            return Err(format!("sequence number at packet {number}"));
        }
        match self.order {
            MergeOrder::Restored if number != self.next => {
                return Err(format!("{number} instead of {}", self.next));
            }
            MergeOrder::FirstCopy if number < self.next || !self.ahead.insert(number) => {
                return Err(format!("{number} came twice"));
            }
            _ => {}
        }
        self.packets += 1;
        if self.order == MergeOrder::Restored {
            self.next += 1;
        }
        while self.ahead.remove(&self.next) {
            self.next += 1;
        }
        Ok(())
    }
}

impl World {
    fn new(skew_us: u32, order: MergeOrder, extends: bool, seed: u64) -> Self {
        let clock = SimClock::default();
        clock.advance(1_000 * MS);
        let network = Network::new(clock.clone());
        let (reporting, reports) = unbounded();
        let (mailbox, mail) = unbounded();
        let wiring = Wiring { mailbox: mail, peers: vec![mailbox.clone()], reports: reporting };
        let capacity = Capacity { inputs: 1, outputs: 1 };
        let io = SimIo::new(network.clone(), 32);
        let lane = Lane::new(0, io, clock.clone(), wiring, capacity);
        let receivers = [network.inbound(), network.inbound()];
        let input_cells = Arc::new(InputCells::new(2));
        let flow = Box::new(Flow::new(&spec(skew_us, order)).unwrap());
        let legs = receivers.map(Some);
        let cells = Arc::clone(&input_cells);
        mailbox.send(ToLane::AddInput { slot: 0, legs, flow, cells }).unwrap();
        // The output has two legs as well: both must carry the same.
        let outputs = vec![network.outbound(), network.outbound()];
        let mut token =
            Token::new(0, outputs.iter().copied().map(Some).collect(), 9, 97, 0xffff_ff00);
        let target = Some(Place { lane: 0, input: 0 });
        token.order = Order { take: 1, target, party: 1, ..Order::default() };
        let output_cells = Arc::clone(&token.cells);
        mailbox.send(ToLane::Hold(Box::new(token))).unwrap();
        let [first, second] = receivers;
        Self {
            start: clock.now(),
            clock,
            network,
            lane,
            _mailbox: mailbox,
            _reports: reports,
            paths: [Path::new(first, 0), Path::new(second, 1)],
            stream: Stream::new(extends),
            outputs,
            input_cells,
            output_cells,
            judge: Judge {
                order,
                shift: None,
                next: 0,
                ahead: std::collections::BTreeSet::new(),
                packets: 0,
            },
            run: 1,
            dice: fastrand::Rng::with_seed(seed),
        }
    }

    /// Sends so many packets more.
    fn run(&mut self, packets: u64) {
        let until = self.stream.number + packets;
        while self.stream.number < until {
            self.poll(until);
        }
    }

    /// Lets what is under way arrive.
    fn settle(&mut self) {
        let longest = self.paths.iter().map(|path| path.lag_ns).max().unwrap_or(0);
        let until = self.clock.now() + longest + POLL_NS;
        while self.clock.now() < until {
            self.poll(0);
        }
    }

    /// Sends so many packets more while the lane does not run.
    fn stall(&mut self, packets: u64) {
        let until = self.stream.number + packets;
        while self.stream.number < until {
            self.pass_time(until);
        }
    }

    fn poll(&mut self, until: u64) {
        self.pass_time(until);
        self.turn();
    }

    fn pass_time(&mut self, until: u64) {
        self.clock.advance(POLL_NS);
        let now = self.clock.now();
        while self.stream.number < until && self.start + Stream::due(self.stream.number) <= now {
            let (number, at) = (self.stream.number, self.start + Stream::due(self.stream.number));
            let octets = self.stream.next();
            let [first, second] = &mut self.paths;
            // Whichever is asked first may lose; the other then may not.
            first.send(number, at, &octets, second.is_no_help(number), &mut self.dice);
            second.send(number, at, &octets, first.is_no_help(number), &mut self.dice);
        }
        for path in &mut self.paths {
            path.deliver(&self.network, now, self.run);
        }
    }

    fn turn(&mut self) {
        self.lane.turn();
        let [main, twin] = [0, 1].map(|leg| self.network.take_sent(self.outputs[leg]));
        assert_eq!(main.len(), twin.len());
        for ((_, packet), (_, copy)) in main.iter().zip(&twin) {
            assert_eq!(packet, copy, "both legs of the output carry the same");
            self.judge.hear(packet).unwrap_or_else(|wrong| {
                let [first, second] = &self.paths;
                let counters = self.input_cells.read();
                panic!(
                    "{wrong}\nsent: {}\n{first:#?}\n{second:#?}\n{counters:#?}",
                    self.stream.number
                )
            });
        }
    }

    /// Everything that was sent has left, once; returns what was counted.
    fn assert_nothing_lost(&mut self) -> InputCounters {
        self.settle();
        let counters = self.input_cells.read();
        assert_eq!(self.judge.next, self.stream.number, "{counters:#?}");
        assert!(self.judge.ahead.is_empty());
        // The output joined at the second frame.
        let expected = self.stream.number - Stream::packets_per_frame();
        assert_eq!(self.judge.packets, expected);
        assert_eq!((counters.lost_packets, counters.cut_frames), (0, 0), "{counters:#?}");
        for (path, leg) in self.paths.iter().zip(&counters.legs) {
            assert!(leg.lost_packets <= path.lost, "{} lost: {leg:#?}", path.lost);
        }
        let accepted = counters.packets - counters.dropped.values().sum::<u64>();
        let sent = self.output_cells.read();
        let withheld: u64 = sent.withheld.values().sum();
        assert_eq!(accepted, sent.packets + withheld, "{counters:#?} {sent:#?}");
        assert_eq!(accepted, self.stream.number);
        assert!(sent.legs.iter().all(|leg| leg.packets == sent.packets), "{sent:#?}");
        counters
    }
}

const ORDERS: [MergeOrder; 2] = [MergeOrder::Restored, MergeOrder::FirstCopy];

/// Both orders, either leg, packets one by one and in runs of 64 KiB, the longest there are.
fn stalls() -> impl Iterator<Item = (MergeOrder, usize, usize)> {
    let of = |order| [0, 1].into_iter().flat_map(move |leg| [1, 52].map(|run| (order, leg, run)));
    ORDERS.into_iter().flat_map(of)
}

/// The path differentials of ST 2022-7's classes for high bit rates: D, A, B, C.
const CLASSES_US: [u32; 4] = [150, 10_000, 50_000, 150_000];

#[test]
fn at_each_class_limit_nothing_is_lost() {
    for skew_us in CLASSES_US {
        for order in ORDERS {
            for behind in [0, 1] {
                for extends in [true, false] {
                    let mut world = World::new(skew_us, order, extends, 1);
                    world.paths[behind].lag_ns = u64::from(skew_us) * 1000;
                    // From the second frame on, so that the whole of it is seen.
                    world.run(Stream::packets_per_frame() * 12);
                    for path in &mut world.paths {
                        path.faults = Faults { loss: 2000, burst: 300, ..Faults::default() };
                    }
                    world.run(100_000);
                    let counters = world.assert_nothing_lost();
                    let lost: Vec<u64> = world.paths.iter().map(|path| path.lost).collect();
                    assert!(lost.iter().all(|lost| *lost > 1000), "{lost:?}");
                    let measured = counters.legs[behind].behind_us;
                    assert!(measured.abs_diff(skew_us) <= 100, "{measured} of {skew_us}");
                }
            }
        }
    }
}

#[test]
fn a_leg_that_dies_and_comes_back_is_not_missed() {
    for order in ORDERS {
        let mut world = World::new(10_000, order, true, 2);
        world.run(20_000);
        for round in 0..40_usize {
            let now = world.stream.number;
            // From a few packets to a second; the legs in turn.
            let away = [10, 1000, 20_000, 260_000][round % 4];
            let path = &mut world.paths[round / 4 % 2];
            path.dead = now..now + away;
            path.lag_ns = world.dice.u64(0..10 * MS);
            if round % 3 == 0 {
                path.restart_sender();
            }
            world.run(away + 30_000);
        }
        world.assert_nothing_lost();
    }
}

#[test]
fn a_lane_that_was_not_let_run_gives_nothing_up() {
    for (order, behind, run) in stalls() {
        let mut world = World::new(10_000, order, true, 4);
        world.run = run;
        world.paths[behind].lag_ns = 9 * MS;
        world.run(20_000);
        for path in &mut world.paths {
            path.faults = Faults { loss: 2000, burst: 300, ..Faults::default() };
        }
        for _ in 0..20 {
            world.run(10_000);
            // Five times as long as a leg may be behind, and longer than silence may last.
            world.stall(13_000);
        }
        world.run(20_000);
        world.assert_nothing_lost();
    }
}

/// What waits on the leg that was there goes before what waits on the one that is back.
#[test]
fn a_leg_that_comes_back_while_the_lane_is_not_let_run_is_not_missed() {
    for (order, leg, run) in stalls() {
        let mut world = World::new(10_000, order, true, 6);
        world.run = run;
        world.run(20_000);
        for _ in 0..15 {
            let now = world.stream.number;
            let away = 20_000 + world.dice.u64(1..12_000);
            world.paths[leg].dead = now..now + away;
            world.paths[leg].lag_ns = world.dice.u64(0..10 * MS);
            world.run(20_000);
            world.stall(13_000);
            world.run(30_000);
        }
        world.assert_nothing_lost();
    }
}

/// One leg brings one old packet over and over, faster than the lane reads.
#[test]
fn a_leg_that_floods_starves_nobody() {
    for order in ORDERS {
        let mut world = World::new(10_000, order, true, 5);
        world.run(20_000);
        let old = Stream::new(true).next();
        let until = world.stream.number + 20_000;
        world.paths[0].dead = world.stream.number..until;
        while world.stream.number < until {
            world.paths[0].flood(&world.network, &old, 300);
            world.poll(until);
        }
        let behind = world.stream.number - world.judge.next;
        assert!(behind < 1000, "{behind} packets behind");
    }
}

#[test]
fn a_leg_of_garbage_harms_nobody() {
    for order in ORDERS {
        let mut world = World::new(10_000, order, true, 3);
        world.paths[1].lag_ns = 3 * MS;
        world.run(20_000);
        for path in &mut world.paths {
            path.faults = Faults { loss: 500, burst: 50, duplicate: 5000, garbage: 20_000 };
        }
        world.run(500_000);
        world.settle();
        let counters = world.input_cells.read();
        for reason in [
            DropReason::Garbage,
            DropReason::Truncated,
            DropReason::Format,
            DropReason::WrongSsrc,
            DropReason::ForeignSender,
            DropReason::Stray,
            DropReason::Duplicate,
            DropReason::SecondCopy,
        ] {
            assert!(counters.dropped.contains_key(&reason), "{reason:?}: {counters:#?}");
        }
        world.assert_nothing_lost();
    }
}

/// Everything at once, for as long as is asked.
#[test]
fn a_long_drill_loses_nothing() {
    let packets = env::var("ORMATRIX_SEAMLESS_PACKETS")
        .ok()
        .map_or(20_000_000, |text| text.replace('_', "").parse().expect("a number of packets"));
    for (seed, order) in (10..).zip(ORDERS) {
        let mut world = World::new(10_000, order, seed % 2 == 0, seed);
        for path in &mut world.paths {
            path.faults = Faults { loss: 200, burst: 2000, duplicate: 100, garbage: 100 };
        }
        while world.stream.number < packets / 2 {
            let leg = world.dice.usize(0..2);
            let now = world.stream.number;
            let away = world.dice.u64(1..100_000);
            let other = &world.paths[1 - leg];
            // One leg may go once the other is back for longer than it may be behind.
            if now > other.dead.end + 10_000 && world.paths[leg].dead.end + 10_000 < now {
                world.paths[leg].dead = now..now + away;
                world.paths[leg].lag_ns = world.dice.u64(0..10 * MS);
                // Another address is believed when the one before is silent for two frames.
                let believed = away > 3 * Stream::packets_per_frame();
                if believed && world.dice.u8(0..4) == 0 {
                    world.paths[leg].restart_sender();
                }
            }
            let pause = world.dice.u64(1000..50_000);
            world.run(pause);
        }
        for path in &mut world.paths {
            path.faults.garbage = 0;
        }
        let counters = world.assert_nothing_lost();
        println!("{order:?}: {} packets sent, {counters:#?}", world.stream.number);
    }
}
