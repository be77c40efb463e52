//! The packet path in memory: a real lane, fed with 1080p60 in batches as large as a poll
//! brings.

use std::{net::SocketAddr, sync::Arc};

use crossbeam_channel::{Receiver, Sender, unbounded};
use ormatrix_protocol::{Failover, InputSpec, Leg, Merge};
use ormatrix_router::{
    counters::InputCells,
    flow::Flow,
    lane::{
        Capacity, Lane, Wiring,
        messages::{FromLane, Order, Place, ToLane},
        token::{Thin, Token},
    },
    packet_io::sim::SimClock,
};
use st2110::rfc4175::{FramePlan, STANDARD_UDP_LIMIT};

use crate::memory::{MemoryIo, Run};

/// Packets that a poll brings: 50 µs of 1080p60, about.
const BATCH: usize = 16;

/// Time from poll to poll.
const POLL_NS: u64 = 16_666_667 * BATCH as u64 / 4320;

/// Frames until everything has joined and is as it stays.
const WARM: u32 = 3;

/// What the path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Its name.
    pub name: &'static str,
    /// Legs that the input arrives on, with the same packets (ST 2022-7, order restored).
    pub legs_in: usize,
    /// Outputs on the input.
    pub outputs: u16,
    /// Legs of each output.
    pub legs_out: usize,
    /// Monitors on the input, which take a frame four times a second.
    pub monitors: u16,
    /// Inputs beside it in the same lane that carry nothing now, such as its backup and
    /// its slate.
    pub idle: u16,
    /// Packets of a datagram as the kernel hands it over (GRO).
    pub run: usize,
}

impl Setup {
    /// One input on one output: what everything else is compared with.
    pub const PLAIN: Self = Self {
        name: "one output",
        legs_in: 1,
        outputs: 1,
        legs_out: 1,
        monitors: 0,
        idle: 0,
        run: BATCH,
    };

    /// Every one that is counted.
    pub const ALL: [Self; 9] = [
        Self::PLAIN,
        Self { name: "one output, packets one by one", run: 1, ..Self::PLAIN },
        Self { name: "one output and a monitor", monitors: 1, ..Self::PLAIN },
        Self { name: "one output, a backup and a slate beside it", idle: 2, ..Self::PLAIN },
        Self { name: "two legs in, one output", legs_in: 2, ..Self::PLAIN },
        Self { name: "one output of two legs", legs_out: 2, ..Self::PLAIN },
        Self { name: "four outputs", outputs: 4, ..Self::PLAIN },
        Self { name: "sixteen outputs", outputs: 16, ..Self::PLAIN },
        Self { name: "no output", outputs: 0, ..Self::PLAIN },
    ];

    /// The one of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setup| setup.name == name)
    }
}

/// What passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Packets of the stream, while it was measured.
    pub packets: u64,
    /// Packets that left on outputs and monitors meanwhile.
    pub sent: u64,
}

struct Bench {
    io: MemoryIo,
    clock: SimClock,
    lane: Lane<MemoryIo, SimClock>,
    _mailbox: Sender<ToLane<MemoryIo>>,
    _reports: Receiver<FromLane<MemoryIo>>,
    receivers: Vec<usize>,
    spare: Vec<Vec<Run>>,
    plan: FramePlan,
    run: usize,
    number: u64,
}

/// Passes so many frames through a lane. Only [`measured_turn`] is the path.
///
/// # Panics
/// When the lane does not do what it is asked for.
pub fn pass(setup: &Setup, frames: u32) -> Passed {
    let mut bench = Bench::new(setup);
    let per_frame = bench.plan.packets() as u64;
    bench.forward(per_frame * u64::from(WARM), |lane| {
        lane.turn();
    });
    let (packets, sent) = (bench.number, bench.io.sent());
    bench.forward(per_frame * u64::from(frames), measured_turn);
    Passed { packets: bench.number - packets, sent: bench.io.sent() - sent }
}

/// One turn of the lane: what is counted.
#[inline(never)]
pub fn measured_turn(lane: &mut Lane<MemoryIo, SimClock>) {
    assert!(lane.turn(), "packets waited");
}

impl Bench {
    fn new(setup: &Setup) -> Self {
        let spec = spec(setup.legs_in);
        let (io, clock) = (MemoryIo::default(), SimClock::default());
        clock.advance(1_000_000_000);
        let (reporting, reports) = unbounded();
        let (mailbox, mail) = unbounded();
        let wiring = Wiring { mailbox: mail, peers: vec![mailbox.clone()], reports: reporting };
        let outputs = setup.outputs + setup.monitors;
        let capacity = Capacity { inputs: 1 + setup.idle, outputs };
        let lane = Lane::new(0, io.clone(), clock.clone(), wiring, capacity);
        let receivers: Vec<usize> = (0..setup.legs_in).map(|_| io.receiver()).collect();
        let flow = Box::new(Flow::new(&spec).expect("a format to be sent"));
        let cells = Arc::new(InputCells::new(setup.legs_in));
        let end = |leg: usize| receivers.get(leg).map(|receiver| (*receiver, false));
        let mut told =
            vec![ToLane::AddInput { slot: 0, legs: [end(0), end(1)], flow: flow.clone(), cells }];
        for slot in 1..=setup.idle {
            let legs = [Some((io.receiver(), false)), None];
            let (flow, cells) = (flow.clone(), Arc::new(InputCells::new(1)));
            told.push(ToLane::AddInput { slot, legs, flow, cells });
        }
        for slot in 0..outputs {
            let legs = vec![Some(()); setup.legs_out];
            let mut token = Token::new(slot, legs, u32::from(slot) + 9, 97, 1000);
            let target = Some(Place { lane: 0, input: 0 });
            token.order = Order { take: 1, target, party: 1, ..Order::default() };
            token.thin =
                (slot >= setup.outputs).then_some(Thin { interval_ns: 250_000_000, due: 0 });
            told.push(ToLane::Hold(Box::new(token)));
        }
        for message in told {
            mailbox.send(message).expect("the lane is there");
        }
        Self {
            spare: vec![Vec::new(); receivers.len()],
            plan: FramePlan::new(&spec.video, spec.max_udp).expect("a format to be sent"),
            run: setup.run,
            number: 0,
            _mailbox: mailbox,
            _reports: reports,
            receivers,
            io,
            clock,
            lane,
        }
    }

    /// Feeds so many packets, a batch a turn.
    fn forward(&mut self, packets: u64, turn: impl Fn(&mut Lane<MemoryIo, SimClock>)) {
        let end = self.number + packets;
        while self.number < end {
            let count = BATCH.min((end - self.number) as usize);
            for index in 0..self.receivers.len() {
                let mut runs = std::mem::take(&mut self.spare[index]);
                self.fill(&mut runs, count, index as u8);
                self.spare[index] = self.io.feed(self.receivers[index], runs);
            }
            self.number += count as u64;
            self.clock.advance(POLL_NS);
            turn(&mut self.lane);
        }
    }

    /// Writes the headers of the next packets; the lane has overwritten those before.
    fn fill(&self, runs: &mut Vec<Run>, count: usize, leg: u8) {
        let per_frame = self.plan.packets() as u64;
        let segment = self.plan.packet(0).expect("a first packet").packet_len();
        let from = SocketAddr::from(([192, 0, 2, leg + 1], 5004));
        runs.resize_with(count.div_ceil(self.run), || Run { octets: Vec::new(), segment, from });
        let mut number = self.number;
        let mut left = count;
        for run in runs {
            let packets = left.min(self.run);
            run.octets.resize(packets * segment, 0x55);
            // Buffers wander from leg to leg through the lane's one batch.
            run.from = from;
            left -= packets;
            for slot in run.octets.chunks_mut(segment) {
                let planned = self.plan.packet((number % per_frame) as usize);
                let timestamp = (number / per_frame) as u32 * 1500;
                let planned = planned.expect("within the frame");
                planned.write_header(number as u32, timestamp, 1, 96, slot);
                number += 1;
            }
        }
    }
}

fn spec(legs: usize) -> InputSpec {
    let leg = |port| Leg::new([127, 0, 0, 1].into(), port);
    InputSpec {
        id: "endoscope".parse().expect("an id"),
        video: serde_json::from_value(serde_json::json!({
            "width": 1920, "height": 1080, "rate": "60", "sampling": "YCbCr-4:2:2", "depth": 10
        }))
        .expect("a format"),
        legs: [5004, 5006].into_iter().take(legs).map(leg).collect(),
        merge: Merge::default(),
        payload_type: 96,
        max_udp: STANDARD_UDP_LIMIT,
        label: None,
        audio: None,
        ancillary: None,
        failover: Failover::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_leaves_on_every_output() {
        for setup in Setup::ALL {
            let passed = pass(&setup, 2);
            assert_eq!(passed.packets, 2 * 4320, "{}", setup.name);
            let outputs = u64::from(setup.outputs) * setup.legs_out as u64;
            let beside = passed.sent - outputs * passed.packets;
            // A monitor takes whole frames or none.
            assert_eq!(beside % 4320, 0, "{}: {passed:?}", setup.name);
            assert!(beside <= u64::from(setup.monitors) * 4320);
        }
    }
}
