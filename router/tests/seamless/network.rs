//! Two paths of a network, each with faults of its own, and the stream they carry.

use std::{collections::VecDeque, net::SocketAddr, ops::Range};

use ormatrix_protocol::{InputSpec, Leg, Merge, MergeOrder};
use ormatrix_router::packet_io::sim::{Network, Parcel, SimRx};
use st2110::rfc4175::FramePlan;

/// One packet a line; as many a frame as 1080p has with 10 bits.
const LINES: u16 = 4320;
const PERIOD_NS: u64 = 16_666_667;

pub fn spec(skew_us: u32, order: MergeOrder) -> InputSpec {
    let leg = |port| Leg::new("127.0.0.1".parse().unwrap(), port);
    InputSpec {
        id: "endoscope".parse().unwrap(),
        video: serde_json::from_value(serde_json::json!({
            "width": 16, "height": LINES, "rate": "60", "sampling": "YCbCr-4:2:2", "depth": 10
        }))
        .unwrap(),
        legs: vec![leg(5004), leg(5006)],
        payload_type: 96,
        max_udp: 1460,
        label: None,
        audio: None,
        ancillary: None,
        failover: ormatrix_protocol::Failover::default(),
        merge: Merge { skew_us, order },
    }
}

/// The stream as its sender makes it.
pub struct Stream {
    plan: FramePlan,
    /// Packets so far; every packet carries its number.
    pub number: u64,
    /// Whether the extended sequence number advances.
    pub extends: bool,
    first_sequence: u32,
    ssrc: u32,
}

impl Stream {
    pub fn new(extends: bool) -> Self {
        let plan = FramePlan::new(&spec(0, MergeOrder::Restored).video, 1460).unwrap();
        assert_eq!(plan.packets(), usize::from(LINES));
        // About to wrap in both halves.
        Self { plan, number: 0, extends, first_sequence: 0xffff_0000, ssrc: 77 }
    }

    pub fn packets_per_frame() -> u64 {
        u64::from(LINES)
    }

    /// When a packet is sent.
    pub fn due(number: u64) -> u64 {
        number / u64::from(LINES) * PERIOD_NS
            + number % u64::from(LINES) * PERIOD_NS / u64::from(LINES)
    }

    pub fn next(&mut self) -> Vec<u8> {
        let index = (self.number % u64::from(LINES)) as usize;
        let planned = self.plan.packet(index).unwrap();
        let mut octets = vec![0; planned.packet_len()];
        let frame = (self.number / u64::from(LINES)) as u32;
        let sequence = self.first_sequence.wrapping_add(self.number as u32);
        let timestamp = 0xfff0_0000_u32.wrapping_add(frame.wrapping_mul(1500));
        let start = planned.write_header(sequence, timestamp, self.ssrc, 96, &mut octets);
        if !self.extends {
            octets[12..14].fill(0);
        }
        octets[start..start + 8].copy_from_slice(&self.number.to_be_bytes());
        self.number += 1;
        octets
    }

    /// A packet's number.
    pub fn read(packet: &[u8]) -> u64 {
        u64::from_be_bytes(packet[20..28].try_into().unwrap())
    }
}

/// What one path does to packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Chance of a loss to begin, in a million packets.
    pub loss: u32,
    /// Packets that a loss takes at most.
    pub burst: u64,
    /// Chance of a packet to come twice, in a million.
    pub duplicate: u32,
    /// Chance of something that is not of the stream, in a million packets.
    pub garbage: u32,
}

/// One path.
pub struct Path {
    rx: SimRx,
    from: SocketAddr,
    pub lag_ns: u64,
    pub faults: Faults,
    under_way: VecDeque<(u64, Parcel)>,
    /// Lost until this number.
    losing_until: u64,
    /// Dead in these numbers.
    pub dead: Range<u64>,
    restarts: u16,
    pub lost: u64,
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Path")
            .field("lag_ns", &self.lag_ns)
            .field("losing_until", &self.losing_until)
            .field("dead", &self.dead)
            .field("under_way", &self.under_way.len())
            .finish_non_exhaustive()
    }
}

impl Path {
    pub fn new(rx: SimRx, leg: u8) -> Self {
        Self {
            rx,
            from: ([192, 0, 2, leg + 1], 40_000).into(),
            lag_ns: 0,
            faults: Faults::default(),
            under_way: VecDeque::new(),
            losing_until: 0,
            dead: 0..0,
            restarts: 0,
            lost: 0,
        }
    }

    /// Whether it loses what is sent now.
    pub fn loses(&self, number: u64) -> bool {
        number < self.losing_until || self.dead.contains(&number)
    }

    /// Whether it cannot help the other path: it loses this packet, or its first ones after a
    /// death are still under way, and until they arrive nobody knows that it is back.
    pub fn is_no_help(&self, number: u64) -> bool {
        let unknown = self.lag_ns * u64::from(LINES) / PERIOD_NS + 100;
        self.loses(number) || (self.dead.start..self.dead.end + unknown).contains(&number)
    }

    /// Its sender starts again, from another port.
    pub fn restart_sender(&mut self) {
        self.restarts += 1;
        self.from.set_port(40_000 + self.restarts);
    }

    /// Sends a packet, or loses it; not while it is `alone`.
    pub fn send(
        &mut self,
        number: u64,
        at: u64,
        octets: &[u8],
        alone: bool,
        dice: &mut fastrand::Rng,
    ) {
        if !alone && !self.loses(number) && dice.u32(0..1_000_000) < self.faults.loss {
            self.losing_until = number + dice.u64(1..=self.faults.burst);
        }
        if alone {
            self.losing_until = 0;
        }
        if self.loses(number) {
            self.lost += 1;
            return;
        }
        let parcel = |octets: Vec<u8>, from| Parcel {
            segment: octets.len(),
            octets,
            from,
            truncated: false,
            fragmented: false,
        };
        let ready = self.under_way.back().map_or(0, |(ready, _)| *ready).max(at + self.lag_ns);
        self.under_way.push_back((ready, parcel(octets.to_vec(), self.from)));
        if dice.u32(0..1_000_000) < self.faults.duplicate {
            self.under_way.push_back((ready, parcel(octets.to_vec(), self.from)));
        }
        if dice.u32(0..1_000_000) < self.faults.garbage {
            self.under_way.push_back((ready, garbage(octets, self.from, dice)));
        }
    }

    /// Delivers copies of a packet at once, lost or not.
    pub fn flood(&self, network: &Network, octets: &[u8], copies: usize) {
        let (segment, from) = (octets.len(), self.from);
        for octets in std::iter::repeat_n(octets.to_vec(), copies) {
            let parcel = Parcel { octets, segment, from, truncated: false, fragmented: false };
            network.deliver(self.rx, parcel);
        }
    }

    /// Delivers what has arrived by now, in runs of up to so many packets.
    pub fn deliver(&mut self, network: &Network, now: u64, run: usize) {
        let mut run_so_far: Option<Parcel> = None;
        while let Some((_, parcel)) = self.under_way.pop_front_if(|(ready, _)| *ready <= now) {
            match &mut run_so_far {
                Some(first) if goes_with(first, &parcel, run) => first.octets.extend(parcel.octets),
                _ => {
                    if let Some(whole) = run_so_far.replace(parcel) {
                        network.deliver(self.rx, whole);
                    }
                }
            }
        }
        if let Some(last) = run_so_far {
            network.deliver(self.rx, last);
        }
    }
}

/// Whether the network would make one run of these (GRO): one sender, one length.
fn goes_with(run: &Parcel, next: &Parcel, longest: usize) -> bool {
    run.from == next.from
        && run.segment == next.octets.len()
        && run.octets.len().is_multiple_of(run.segment)
        && run.octets.len() < longest * run.segment
}

/// Something that is not of the stream: noise, a part of a packet, another stream from the
/// same sender or another, the right stream out of all bounds, another format.
fn garbage(good: &[u8], from: SocketAddr, dice: &mut fastrand::Rng) -> Parcel {
    let mut octets = good.to_vec();
    let mut from = from;
    match dice.u8(0..6) {
        0 => octets.fill_with(|| dice.u8(..)),
        1 => octets.truncate(dice.usize(0..good.len())),
        2 => octets[11] ^= 1,
        3 => {
            octets[11] ^= 1;
            from.set_port(9);
        }
        4 => {
            // A jump of a second: 16 and 32 bits of sequence, and the timestamp with it.
            let low = u16::from_be_bytes([octets[2], octets[3]]);
            let sequence =
                u32::from(low) | u32::from(octets[12]) << 24 | u32::from(octets[13]) << 16;
            let sequence = sequence.wrapping_add(260_000);
            octets[2..4].copy_from_slice(&(sequence as u16).to_be_bytes());
            octets[12..14].copy_from_slice(&((sequence >> 16) as u16).to_be_bytes());
            let timestamp = u32::from_be_bytes(octets[4..8].try_into().unwrap());
            octets[4..8].copy_from_slice(&timestamp.wrapping_add(90_000).to_be_bytes());
        }
        _ => octets[16..18].copy_from_slice(&5000_u16.to_be_bytes()),
    }
    Parcel { segment: octets.len().max(1), octets, from, truncated: false, fragmented: false }
}
