//! Takes at random moments between sources that die, lose, double and reorder, on several
//! lanes, in a simulated network. Every packet that leaves is judged.

mod judge;
mod sources;

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use ormatrix_io::Clock;
use ormatrix_protocol::{DropReason, RouteState};
use ormatrix_router::{
    counters::InputCells,
    flow::{Accepted, Flow, Moment},
    gate::{FrameGate, Gate, Pass},
    lane::{
        Capacity, Lane, Wiring,
        messages::{FromLane, Order, Place, ToLane},
        token::Token,
    },
    packet_io::sim::{Network, SimClock, SimIo, SimRx, SimTx},
};

use self::{
    judge::{Delivered, Judge, Verdict},
    sources::{Source, Weather, spec},
};

const LANES: u16 = 3;
const SOURCES: u8 = 4;
const OUTPUTS: u16 = 4;
/// How often lanes are turned.
const POLL_NS: u64 = 100_000;

struct Drill {
    takes: u32,
    weather: Weather,
    /// Chance in a thousand, per take, that some source dies.
    deaths: u16,
    /// Time between takes, at least and at most.
    pause_ns: std::ops::Range<u64>,
    seed: u64,
}

struct Outcome {
    verdicts: Vec<Verdict>,
    confirmed: u64,
    /// Longest silence of an output around a switch between healthy sources.
    longest_gap_ns: u64,
}

struct World<G: FrameGate> {
    clock: SimClock,
    network: Network,
    lanes: Vec<Lane<SimIo, SimClock, G>>,
    mailboxes: Vec<Sender<ToLane<SimIo, G>>>,
    reports: Receiver<FromLane<SimIo, G>>,
    receivers: Vec<SimRx>,
    cells: Vec<Arc<InputCells>>,
    ports: Vec<SimTx>,
    output_cells: Vec<Arc<ormatrix_router::counters::OutputCells>>,
}

impl<G: FrameGate> World<G> {
    fn new() -> Self {
        let clock = SimClock::default();
        clock.advance(1_000_000_000);
        let network = Network::new(clock.clone());
        let (reporting, reports) = bounded(64);
        // Small on purpose: full mailboxes must lose nothing.
        let (mailboxes, receivers): (Vec<_>, Vec<_>) = (0..LANES).map(|_| bounded(256)).unzip();
        let capacity = Capacity { inputs: u16::from(SOURCES), outputs: OUTPUTS };
        let lanes = (0..LANES).zip(receivers).map(|(index, mailbox)| {
            let wiring = Wiring { mailbox, peers: mailboxes.clone(), reports: reporting.clone() };
            Lane::new(index, SimIo::new(network.clone(), 8), clock.clone(), wiring, capacity)
        });
        let mut world = Self {
            lanes: lanes.collect(),
            mailboxes,
            reports,
            receivers: (0..SOURCES).map(|_| network.inbound()).collect(),
            cells: (0..SOURCES).map(|_| Arc::new(InputCells::new(1))).collect(),
            ports: (0..OUTPUTS).map(|_| network.outbound()).collect(),
            output_cells: Vec::new(),
            clock,
            network,
        };
        for source in 0..SOURCES {
            let flow = Box::new(Flow::new(&spec("source")).unwrap());
            let cells = Arc::clone(&world.cells[usize::from(source)]);
            let rx = world.receivers[usize::from(source)];
            let slot = u16::from(source);
            world.mailboxes[usize::from(slot % LANES)]
                .send(ToLane::AddInput { slot, legs: [Some(rx), None], flow, cells })
                .unwrap();
        }
        for output in 0..OUTPUTS {
            // Sequence numbers about to wrap, in both halves.
            let next = if output % 2 == 0 { 0xffff_fff0 } else { 0x0001_fff0 };
            let port = world.ports[usize::from(output)];
            let token = Token::new(output, vec![Some(port)], 9000 + u32::from(output), 97, next);
            world.output_cells.push(Arc::clone(&token.cells));
            world.mailboxes[0].send(ToLane::Hold(Box::new(token))).unwrap();
        }
        world
    }

    fn order(&self, output: u16, take: u64, source: Option<u8>) {
        let target = source.map(u16::from).map(|input| Place { lane: input % LANES, input });
        let order = Order { take, target, party: 1, ..Order::default() };
        for mailbox in &self.mailboxes {
            mailbox.send(ToLane::Order { output, order }).unwrap();
        }
    }
}

fn run<G: FrameGate>(drill: &Drill) -> Outcome {
    let mut world = World::<G>::new();
    let mut dice = fastrand::Rng::with_seed(drill.seed);
    let start = world.clock.now();
    let mut sources: Vec<_> = (0..SOURCES)
        .map(|n| Source::new(n, i64::from(n) * 1700 - 2500, start + u64::from(n) * 4_700_000))
        .collect();
    let mut judges: Vec<_> =
        (0..OUTPUTS).map(|output| Judge::new(9000 + u32::from(output))).collect();
    let mut delivered = Delivered::default();
    let mut wanted = vec![(0_u64, None::<u8>); usize::from(OUTPUTS)];
    let mut last_sent = vec![None::<u64>; usize::from(OUTPUTS)];
    let (mut confirmed, mut longest_gap_ns) = (0, 0);
    let (mut offered, mut doubled) = (vec![0_u64; SOURCES.into()], vec![0_u64; SOURCES.into()]);
    let mut next_take = start + 200_000_000;
    let mut take = 0;
    let mut ending = None;
    while ending.is_none_or(|end| world.clock.now() < end) {
        world.clock.advance(POLL_NS);
        let now = world.clock.now();
        for source in &mut sources {
            while source.next_at <= now {
                let sent = source.send(drill.weather, &mut dice);
                doubled[usize::from(sent.tag.source)] += u64::from(sent.duplicated);
                for parcel in sent.delivered {
                    delivered.note(sources::Tag::read(&parcel.octets));
                    offered[usize::from(source.number)] += 1;
                    world.network.deliver(world.receivers[usize::from(source.number)], parcel);
                }
                assert!(!(sent.lost && sent.duplicated));
            }
        }
        if now >= next_take && take < u64::from(drill.takes) {
            take += 1;
            let output = dice.u16(0..OUTPUTS);
            let source = (dice.u8(0..20) > 0).then(|| dice.u8(0..SOURCES));
            wanted[usize::from(output)] = (take, source);
            judges[usize::from(output)].take();
            world.order(output, take, source);
            next_take = now + dice.u64(drill.pause_ns.clone());
            if dice.u16(0..1000) < drill.deaths {
                let victim = dice.usize(0..SOURCES.into());
                // Long enough that the old sender is given up.
                sources[victim].die(now + dice.u64(60_000_000..200_000_000), &mut dice);
            }
            if take == u64::from(drill.takes) {
                ending = Some(now + 500_000_000);
            }
        }
        // Lanes take their turns in any order.
        let mut order: Vec<_> = (0..world.lanes.len()).collect();
        dice.shuffle(&mut order);
        for lane in order {
            world.lanes[lane].turn();
        }
        for (output, judge) in judges.iter_mut().enumerate() {
            for (at, packet) in world.network.take_sent(world.ports[output]) {
                if let Some(before) = last_sent[output].replace(at) {
                    longest_gap_ns = longest_gap_ns.max(at - before);
                }
                judge.hear(&packet, &delivered);
            }
            if wanted[output].1.is_none() {
                last_sent[output] = None;
            }
        }
        for report in world.reports.try_iter() {
            if let FromLane::Route { output, take, state: RouteState::Live, .. } = report {
                let (newest, source) = wanted[usize::from(output)];
                assert!(take <= newest);
                assert!(take < newest || source.is_some(), "live with nothing routed");
                confirmed += 1;
                if take == newest {
                    judges[usize::from(output)].confirmed();
                }
            }
        }
        if take.is_multiple_of(64) {
            let oldest: Vec<_> = sources.iter().map(|source| source.frame).collect();
            delivered.forget_before(&oldest);
        }
    }
    for judge in &mut judges {
        judge.finish(&delivered);
    }
    // Every packet accounted for: what was delivered is counted, what was doubled is named,
    // what was sent is counted.
    for (source, cells) in world.cells.iter().enumerate() {
        let counters = cells.read();
        assert_eq!(counters.packets, offered[source], "source {source}");
        let duplicates = counters.dropped.get(&DropReason::Duplicate).copied().unwrap_or(0);
        let late = counters.dropped.get(&DropReason::Late).copied().unwrap_or(0);
        assert!(
            duplicates <= doubled[source] && duplicates + late >= doubled[source],
            "source {source}: {counters:?}, doubled {}",
            doubled[source]
        );
    }
    for (output, judge) in judges.iter().enumerate() {
        assert_eq!(world.output_cells[output].read().packets, judge.packets, "output {output}");
    }
    let verdicts = judges.into_iter().map(|judge| judge.verdict).collect();
    Outcome { verdicts, confirmed, longest_gap_ns }
}

fn assert_clean(outcome: &Outcome, takes: u32) {
    for verdict in &outcome.verdicts {
        assert!(verdict.is_clean(), "{verdict:#?}");
        assert!(verdict.frames > 100 && verdict.switches > 10, "{verdict:#?}");
    }
    assert!(outcome.confirmed > u64::from(takes) / 10, "{} confirmed", outcome.confirmed);
}

#[test]
fn a_fine_day_switches_within_a_frame() {
    let drill = Drill {
        takes: 2000,
        weather: Weather::default(),
        deaths: 0,
        // No take during a take: each shall have its one frame to wait for, not two.
        pause_ns: 45_000_000..110_000_000,
        seed: 7,
    };
    let outcome = run::<Gate>(&drill);
    assert_clean(&outcome, drill.takes);
    // One frame of 20 ms to wait for, and the polls around it.
    assert!(outcome.longest_gap_ns <= 20_500_000, "{}", outcome.longest_gap_ns);
}

#[test]
fn a_hundred_thousand_takes_in_foul_weather() {
    let weather = Weather { loss: 5, duplicate: 20, reorder: 50 };
    let drill = Drill { takes: 100_000, weather, deaths: 10, pause_ns: 0..20_000_000, seed: 42 };
    assert_clean(&run::<Gate>(&drill), drill.takes);
}

/// Joins its source at any packet.
struct JoinsAnywhere(Gate);

/// Leaves its source in the middle of the frame.
struct LeavesAtOnce(Gate);

macro_rules! broken_gate {
    ($name:ident, |$packet:ident| $seen:expr, |$gate:ident, $now:ident, $flow:ident| $leave:expr) => {
        impl FrameGate for $name {
            fn new(next: u32) -> Self {
                Self(Gate::new(next))
            }
            fn pass(&mut self, $packet: &Accepted, may_join: bool) -> Pass {
                self.0.pass(&$seen, may_join)
            }
            fn leave(&mut self, $now: u64, $flow: &Flow) {
                let $gate = &mut self.0;
                $leave
            }
            fn leave_at(&mut self, moment: Moment, deadline: u64, flow: &Flow) {
                self.0.leave_at(moment, deadline, flow);
            }
            fn try_close(&mut self, now: u64, flow: &Flow) -> bool {
                self.0.try_close(now, flow)
            }
            fn close(&mut self) {
                self.0.close();
            }
            fn is_open(&self, epoch: u32) -> bool {
                self.0.is_open(epoch)
            }
            fn is_leaving(&self) -> bool {
                self.0.is_leaving()
            }
            fn is_closed(&self) -> bool {
                self.0.is_closed()
            }
        }
    };
}

broken_gate!(JoinsAnywhere, |packet| Accepted { joinable: true, ..*packet }, |gate, now, flow| {
    gate.leave(now, flow);
});
broken_gate!(LeavesAtOnce, |packet| *packet, |gate, _now, _flow| gate.close());

#[test]
fn the_judge_notices_a_broken_gate() {
    let drill = Drill {
        takes: 200,
        weather: Weather::default(),
        deaths: 0,
        pause_ns: 0..60_000_000,
        seed: 3,
    };
    for outcome in [run::<JoinsAnywhere>(&drill), run::<LeavesAtOnce>(&drill)] {
        let partial: u64 = outcome.verdicts.iter().map(|verdict| verdict.partial).sum();
        assert!(partial > 50, "{:#?}", outcome.verdicts);
    }
}
