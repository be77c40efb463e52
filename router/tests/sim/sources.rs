//! Senders in the simulated network, and what the network does to them.

use std::{collections::VecDeque, net::SocketAddr};

use ormatrix_protocol::InputSpec;
use ormatrix_router::packet_io::sim::Parcel;
use st2110::{leg::Leg, rfc4175::FramePlan};

/// Lines of the test picture: 64 packets a frame.
const LINES: u16 = 64;

/// What each packet carries in its first octets of picture, for the judge to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    pub source: u8,
    /// How often the source has started.
    pub start: u16,
    pub frame: u32,
    pub index: u16,
    pub count: u16,
}

impl Tag {
    pub fn write(self, data: &mut [u8]) {
        data[0] = self.source;
        data[1..5].copy_from_slice(&self.frame.to_be_bytes());
        data[5..7].copy_from_slice(&self.index.to_be_bytes());
        data[7..9].copy_from_slice(&self.count.to_be_bytes());
        data[9..11].copy_from_slice(&self.start.to_be_bytes());
    }

    pub fn read(packet: &[u8]) -> Self {
        let data = &packet[20..];
        Self {
            source: data[0],
            frame: u32::from_be_bytes(data[1..5].try_into().unwrap()),
            index: u16::from_be_bytes(data[5..7].try_into().unwrap()),
            count: u16::from_be_bytes(data[7..9].try_into().unwrap()),
            start: u16::from_be_bytes(data[9..11].try_into().unwrap()),
        }
    }
}

pub fn spec(id: &str) -> InputSpec {
    InputSpec {
        id: id.parse().unwrap(),
        video: serde_json::from_value(serde_json::json!({
            "width": 16, "height": LINES, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10
        }))
        .unwrap(),
        legs: vec![Leg::new("127.0.0.1".parse().unwrap(), 5004)],
        payload_type: 96,
        max_udp: 1460,
        label: None,
        audio: None,
        ancillary: None,
        failover: ormatrix_protocol::Failover::default(),
        merge: ormatrix_protocol::Merge::default(),
    }
}

/// What may happen to a packet, in packets of ten thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub loss: u16,
    pub duplicate: u16,
    pub reorder: u16,
}

/// One sender with its own clock.
pub struct Source {
    pub number: u8,
    plan: FramePlan,
    from: SocketAddr,
    ssrc: u32,
    sequence: u32,
    pub frame: u32,
    index: usize,
    /// Its frame period, off the nominal by its skew.
    pub period_ns: u64,
    pub next_at: u64,
    /// Dead until then.
    pub dead_until: u64,
    late: VecDeque<(u8, Parcel)>,
    /// Whether its extended sequence number advances.
    pub extends: bool,
    starts: u16,
}

/// What came of one packet sent.
pub struct Sent {
    pub tag: Tag,
    pub delivered: Vec<Parcel>,
    pub lost: bool,
    pub duplicated: bool,
}

impl Source {
    pub fn new(number: u8, skew_ns: i64, phase_ns: u64) -> Self {
        let plan = FramePlan::new(&spec("any").video, 1460).unwrap();
        assert_eq!(plan.packets(), usize::from(LINES));
        Self {
            number,
            plan,
            from: format!("192.0.2.{}:40000", number + 1).parse().unwrap(),
            ssrc: 100 + u32::from(number),
            sequence: 60_000 * u32::from(number),
            frame: 0,
            index: 0,
            period_ns: 20_000_000_u64.saturating_add_signed(skew_ns),
            next_at: phase_ns,
            dead_until: 0,
            late: VecDeque::new(),
            extends: number != 0,
            starts: 0,
        }
    }

    /// Dies now, wherever in its frame, and starts again later as another sender: another
    /// port, SSRC and sequence, at the start or in the middle of a frame.
    pub fn die(&mut self, until: u64, dice: &mut fastrand::Rng) {
        self.dead_until = until;
        self.next_at = until;
        self.starts += 1;
        self.late.clear();
        self.from.set_port(40_000 + self.starts);
        self.ssrc = self.ssrc.wrapping_add(0x10_0000);
        self.sequence = dice.u32(..);
        self.frame += 1;
        self.index = dice.usize(0..self.plan.packets());
    }

    /// Sends the packet that is due.
    pub fn send(&mut self, weather: Weather, dice: &mut fastrand::Rng) -> Sent {
        let planned = self.plan.packet(self.index).unwrap();
        let mut octets = vec![0_u8; planned.packet_len()];
        let timestamp = self.frame.wrapping_mul(1800).wrapping_add(u32::from(self.number) << 20);
        let length = planned.write_header(self.sequence, timestamp, self.ssrc, 96, &mut octets);
        if !self.extends {
            octets[12..14].fill(0);
        }
        let count = self.plan.packets() as u16;
        let tag = Tag {
            source: self.number,
            start: self.starts,
            frame: self.frame,
            index: self.index as u16,
            count,
        };
        tag.write(&mut octets[length..]);
        self.sequence = self.sequence.wrapping_add(1);
        self.index += 1;
        if self.index == self.plan.packets() {
            (self.index, self.frame) = (0, self.frame + 1);
        }
        self.next_at += self.period_ns / u64::from(count);
        let segment = octets.len();
        let parcel =
            Parcel { octets, segment, from: self.from, truncated: false, fragmented: false };
        self.suffer(tag, parcel, weather, dice)
    }

    fn suffer(
        &mut self,
        tag: Tag,
        parcel: Parcel,
        weather: Weather,
        dice: &mut fastrand::Rng,
    ) -> Sent {
        let mut happens = |chance: u16| dice.u16(0..10_000) < chance;
        let lost = happens(weather.loss);
        let duplicated = !lost && happens(weather.duplicate);
        let late = !lost && happens(weather.reorder);
        let mut delivered = Vec::new();
        if duplicated {
            delivered.push(parcel.clone());
        }
        // At most two others overtake a late packet.
        for (others, held) in std::mem::take(&mut self.late) {
            if others == 0 {
                delivered.push(held);
            } else {
                self.late.push_back((others - 1, held));
            }
        }
        if late {
            self.late.push_back((dice.u8(0..2), parcel));
        } else if !lost {
            delivered.push(parcel);
        }
        Sent { tag, delivered, lost, duplicated }
    }
}
