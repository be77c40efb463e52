//! The merge of two legs (ST 2022-7), through a whole lane in a simulated network: any
//! packets on either leg at any times.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use ormatrix_protocol::{InputSpec, Leg, Merge, MergeOrder};
use ormatrix_router::{
    counters::{InputCells, OutputCells},
    flow::Flow,
    lane::{
        Capacity, Lane, Wiring,
        messages::{FromLane, Order, Place, ToLane},
        token::Token,
    },
    packet_io::sim::{Network, Parcel, SimClock, SimIo, SimRx, SimTx},
};
use st2110::{rfc4175::FramePlan, rtp::RtpHeader};

use crate::namespace::router;

/// One packet a line.
const LINES: u64 = 16;
const PERIOD_NS: u64 = 16_666_667;
const TICKS: u32 = 1500;
/// Most operations that one input stands for: what is found behind more is found before.
const OPERATIONS: usize = 400;
const SKEWS_US: [u32; 4] = [150, 1_000, 10_000, 50_000];

/// Octets as a drill: the first says how the legs are merged, each of the others what
/// happens next. Whatever that is, nothing panics; every packet that came is passed on or
/// dropped under a name; what leaves is what came, no number twice, and where order is to be
/// restored in order.
///
/// # Panics
/// On a finding.
pub fn merge(octets: &[u8]) {
    let Some((choice, operations)) = octets.split_first() else { return };
    let mut drill = Drill::new(*choice);
    let mut left = operations.iter().copied();
    for _ in 0..OPERATIONS {
        let Some(operation) = left.next() else { break };
        drill.step(operation, &mut left);
        drill.lane.turn();
    }
    drill.settle();
    drill.judge();
}

struct Drill {
    clock: SimClock,
    network: Network,
    lane: Lane<SimIo, SimClock>,
    _mailbox: Sender<ToLane<SimIo>>,
    _reports: Receiver<FromLane<SimIo>>,
    receivers: Vec<SimRx>,
    output: SimTx,
    input_cells: Arc<InputCells>,
    output_cells: Arc<OutputCells>,
    in_order: bool,
    plan: FramePlan,
    extends: bool,
    /// The number of the stream's next packet.
    head: u64,
    ssrc: u32,
    ports: [u16; 2],
    delivered: u64,
    /// What came, but for what an output may rewrite, and how often.
    came: BTreeMap<Vec<u8>, u64>,
}

impl Drill {
    fn new(choice: u8) -> Self {
        let legs = if choice & 1 == 0 { 2 } else { 1 };
        let order = if choice & 2 == 0 { MergeOrder::Restored } else { MergeOrder::FirstCopy };
        let skew_us = SKEWS_US[usize::from(choice >> 3) % SKEWS_US.len()];
        let spec = spec(legs, Merge { skew_us, order });
        let clock = SimClock::default();
        clock.advance(1_000_000_000);
        let network = Network::new(clock.clone());
        let (reporting, reports) = unbounded();
        let (mailbox, mail) = unbounded();
        let wiring = Wiring { mailbox: mail, peers: vec![mailbox.clone()], reports: reporting };
        let capacity = Capacity { inputs: 1, outputs: 1 };
        let io = SimIo::new(network.clone(), 32);
        let mut lane = Lane::new(0, io, clock.clone(), wiring, capacity);
        let receivers: Vec<SimRx> = (0..legs).map(|_| network.inbound()).collect();
        let input_cells = Arc::new(InputCells::new(legs));
        let flow = Box::new(Flow::new(&spec).expect("a format to be sent"));
        let cells = Arc::clone(&input_cells);
        let ends = [receivers.first().copied(), receivers.get(1).copied()];
        let output = network.outbound();
        let mut token = Token::new(0, vec![Some(output)], 9, 97, u32::MAX - 5);
        let target = Some(Place { lane: 0, input: 0 });
        token.order = Order { take: 1, target, party: 1, ..Order::default() };
        let output_cells = Arc::clone(&token.cells);
        for message in
            [ToLane::AddInput { slot: 0, legs: ends, flow, cells }, ToLane::Hold(Box::new(token))]
        {
            mailbox.send(message).expect("the lane is there");
        }
        lane.turn();
        Self {
            clock,
            network,
            lane,
            _mailbox: mailbox,
            _reports: reports,
            receivers,
            output,
            input_cells,
            output_cells,
            in_order: legs == 2 && order == MergeOrder::Restored,
            plan: FramePlan::new(&spec.video, spec.max_udp).expect("a format to be sent"),
            extends: choice & 4 == 0,
            head: u64::from(u16::MAX) * 3 - 20,
            ssrc: 77,
            ports: [40_000, 40_001],
            delivered: 0,
            came: BTreeMap::new(),
        }
    }

    /// One operation: three bits say which, one the leg, four how much.
    fn step(&mut self, operation: u8, more: &mut impl Iterator<Item = u8>) {
        let (leg, much) = (usize::from(operation >> 3 & 1), operation >> 4);
        match operation & 7 {
            0 => {
                self.send(leg, self.head);
                self.head += 1;
            }
            1 => self.send_both(),
            2 => {
                for _ in 0..=u64::from(much) * 4 {
                    self.send_both();
                    self.clock.advance(PERIOD_NS / LINES);
                    self.lane.turn();
                }
            }
            3 => {
                let back = u64::from(more.next().unwrap_or(0)) << (much / 2);
                self.send(leg, self.head.saturating_sub(back));
            }
            4 => self.head += u64::from(more.next().unwrap_or(1)) << much,
            5 => self.clock.advance((u64::from(more.next().unwrap_or(1)) * 1000) << much),
            6 => {
                let length = usize::from(more.next().unwrap_or(0));
                let octets: Vec<u8> = more.take(length).collect();
                let port = if much & 1 == 0 { self.ports[leg] } else { 9 };
                self.deliver(leg, octets, port);
            }
            _ if much == 15 => self.ssrc ^= 1,
            _ if much == 14 => self.ports[leg] ^= 0x100,
            _ => {
                let mut octets = self.packet(self.head);
                // One to four changes, most of them in the headers.
                for _ in 0..=much % 4 {
                    let (at, with) = (more.next().unwrap_or(0), more.next().unwrap_or(1));
                    let at = usize::from(at) % octets.len();
                    octets[at] ^= with;
                }
                if much & 8 != 0 {
                    octets.truncate(usize::from(more.next().unwrap_or(0)));
                }
                self.deliver(leg, octets, self.ports[leg]);
            }
        }
    }

    fn send_both(&mut self) {
        self.send(0, self.head);
        self.send(1, self.head);
        self.head += 1;
    }

    fn send(&mut self, leg: usize, number: u64) {
        let octets = self.packet(number);
        self.deliver(leg, octets, self.ports[leg]);
    }

    fn packet(&self, number: u64) -> Vec<u8> {
        let planned = self.plan.packet((number % LINES) as usize).expect("within the frame");
        let mut octets = vec![0; planned.packet_len()];
        let timestamp = ((number / LINES) as u32).wrapping_mul(TICKS);
        let start = planned.write_header(number as u32, timestamp, self.ssrc, 96, &mut octets);
        if !self.extends {
            octets[12..14].fill(0);
        }
        octets[start..start + 8].copy_from_slice(&number.to_be_bytes());
        octets
    }

    fn deliver(&mut self, leg: usize, octets: Vec<u8>, port: u16) {
        let Some(rx) = self.receivers.get(leg) else { return };
        self.delivered += 1;
        if let Some((body, _)) = body(&octets) {
            *self.came.entry(body).or_default() += 1;
        }
        let from = SocketAddr::from(([192, 0, 2, leg as u8 + 1], port));
        let segment = octets.len().max(1);
        let parcel = Parcel { segment, octets, from, truncated: false, fragmented: false };
        self.network.deliver(*rx, parcel);
    }

    /// Lets everything that is held go.
    fn settle(&mut self) {
        for _ in 0..50 {
            self.clock.advance(5_000_000);
            self.lane.turn();
        }
    }

    fn judge(&mut self) {
        let counters = self.input_cells.read();
        assert_eq!(counters.packets, self.delivered, "every packet is counted: {counters:?}");
        let dropped: u64 = counters.dropped.values().sum();
        let sent = self.output_cells.read();
        let withheld: u64 = sent.withheld.values().sum();
        assert_eq!(
            counters.packets,
            dropped + sent.packets + withheld,
            "dropped, withheld or sent: {counters:?} {sent:?}"
        );
        let left = self.network.take_sent(self.output);
        assert_eq!(left.len() as u64, sent.packets);
        let mut seen = BTreeSet::new();
        let mut last: Option<i64> = None;
        for (_, packet) in left {
            let (body, sequence) = body(&packet).expect("what leaves is RTP");
            let count = self.came.get_mut(&body).expect("what leaves has come");
            *count = count.checked_sub(1).expect("no more often than it came");
            assert_eq!((&packet[8..12], packet[1] & 0x7f), (&9_u32.to_be_bytes()[..], 97));
            let number = last.map_or(i64::from(sequence), |last| {
                last + i64::from(sequence.wrapping_sub(last as u32).cast_signed())
            });
            assert!(seen.insert(number), "{number} left twice");
            assert!(
                !self.in_order || last.is_none_or(|last| number > last),
                "{number} after {last:?}"
            );
            last = Some(number);
        }
    }
}

/// A packet without what an output may rewrite, and its sequence number, if it is RTP with
/// room for an extended one.
fn body(packet: &[u8]) -> Option<(Vec<u8>, u32)> {
    let header = RtpHeader::parse(packet).ok()?;
    let mut rest = packet.to_vec();
    let [high, low] = *packet.get(header.payload_start..)?.first_chunk()?;
    rest[header.payload_start..header.payload_start + 2].fill(0);
    rest[2..4].fill(0);
    rest[8..12].fill(0);
    rest[1] &= 0x80;
    Some((rest, u32::from(u16::from_be_bytes([high, low])) << 16 | u32::from(header.sequence)))
}

fn spec(legs: usize, merge: Merge) -> InputSpec {
    let ports = [5004, 5006].into_iter().take(legs);
    let legs = ports.map(|port| Leg::new([127, 0, 0, 1].into(), port)).collect();
    let mut spec = router::input("camera", "320x180p60", legs, merge);
    (spec.video.width, spec.video.height) = (16, LINES as u16);
    spec
}
