//! Two streams that should be one (ST 2022-7): skew, loss, equality.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hasher},
};

use serde::Serialize;

use super::{
    Arrival,
    series::{Series, SeriesPoint, thin},
    spread::Spread,
    verdict::{Outcome, Verdict},
};
use crate::rtp::RtpHeader;

/// How long a packet waits for its twin: beyond the widest class of all.
const PATIENCE_NS: u64 = 1_000_000_000;

/// Most packets that wait, a second of 2160p60.
const MOST_WAITING: usize = 1 << 21;

/// From this rate on class C allows less (ST 2022-7 §6).
const HIGH_RATE: u64 = 270_000_000;

/// Class of a receiver by the path differential it bears (ST 2022-7 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PathClass {
    /// Up to 150 µs.
    D,
    /// Up to 10 ms.
    A,
    /// Up to 50 ms.
    B,
    /// Up to 150 ms from 270 Mb/s on, below up to 450 ms.
    C,
}

impl PathClass {
    /// The narrowest class that bears a skew at a rate; `None` beyond class C.
    pub const fn for_skew(skew_ns: u64, bits_per_second: u64) -> Option<Self> {
        let widest = if bits_per_second >= HIGH_RATE { 150_000_000 } else { 450_000_000 };
        match skew_ns {
            0..=150_000 => Some(Self::D),
            150_001..=10_000_000 => Some(Self::A),
            10_000_001..=50_000_000 => Some(Self::B),
            _ if skew_ns <= widest => Some(Self::C),
            _ => None,
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LegPairReport {
    /// RTP packets of each leg.
    pub packets: [u64; 2],
    /// Packets that came on both.
    pub pairs: u64,
    /// Pairs whose octets differ, in header or payload.
    pub different: u64,
    /// Packets of each leg without a twin, within the time that both legs were there.
    pub alone: [u64; 2],
    /// Second leg behind first, in nanoseconds.
    pub skew_ns: Spread,
    /// Distance between the legs, in nanoseconds.
    pub distance_ns: Spread,
    /// Narrowest class of receiver that bears it.
    pub class: Option<PathClass>,
    /// Second leg behind first over time, in nanoseconds.
    pub skew_over_time: Vec<SeriesPoint>,
    /// All checks.
    pub verdicts: Vec<Verdict>,
}

impl LegPairReport {
    /// Leaves at most `most` points of the skew over time.
    pub fn thin(&mut self, most: usize) {
        thin(&mut self.skew_over_time, 1024, most);
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    leg: usize,
    time_ns: u64,
    /// Hash and length of the packet.
    content: (u64, usize),
}

/// Compares two legs. Packets are matched by sequence number and timestamp together; their
/// octets are compared by a 64-bit hash.
///
/// Memory: 2^21 waiting packets at most, about 100 MB; two legs that run side by side keep
/// a few.
#[derive(Clone, Debug, Default)]
pub struct LegPair {
    waiting: HashMap<(u32, u16), Waiting>,
    order: VecDeque<((u32, u16), u64)>,
    packets: [u64; 2],
    octets: u64,
    span_ns: [Option<(u64, u64)>; 2],
    pairs: u64,
    different: u64,
    /// When those without a twin came, leg by leg, as long as the other leg may not have
    /// begun or ended.
    lonely: [u64; 2],
    skew: Spread,
    distance: Spread,
    skew_series: Series,
}

impl LegPair {
    /// Takes a datagram of a leg in: 0 is the first leg, anything else the second.
    pub fn record(&mut self, leg: usize, arrival: &Arrival<'_>) {
        let leg = leg.min(1);
        let Ok(header) = RtpHeader::parse(arrival.packet) else { return };
        let time_ns = arrival.time_ns;
        self.packets[leg] += 1;
        if leg == 0 {
            self.octets += arrival.wire_octets as u64;
        }
        let span = self.span_ns[leg].get_or_insert((time_ns, time_ns));
        *span = (span.0.min(time_ns), span.1.max(time_ns));
        self.expire(time_ns);
        let mut hasher = DefaultHasher::new();
        hasher.write(arrival.packet);
        let content = (hasher.finish(), arrival.wire_octets);
        let key = (header.timestamp, header.sequence);
        match self.waiting.get(&key) {
            Some(twin) if twin.leg != leg => {
                self.pairs += 1;
                self.different += u64::from(twin.content != content);
                let behind = i128::from(time_ns) - i128::from(twin.time_ns);
                let skew = if leg == 1 { behind } else { -behind };
                self.skew.record(skew);
                self.distance.record(skew.abs());
                let skew = i64::try_from(skew).unwrap_or_default();
                self.skew_series.record(time_ns, skew);
                self.waiting.remove(&key);
            }
            // A duplicate within a leg: the first copy counts.
            Some(_) => {}
            None => {
                self.waiting.insert(key, Waiting { leg, time_ns, content });
                self.order.push_back((key, time_ns));
            }
        }
    }

    fn expire(&mut self, now_ns: u64) {
        while let Some((key, since)) = self.order.front().copied() {
            let old = now_ns.saturating_sub(since) > PATIENCE_NS;
            if !old && self.order.len() <= MOST_WAITING {
                return;
            }
            self.order.pop_front();
            if let Some(waiting) = self.waiting.get(&key).copied()
                && waiting.time_ns == since
            {
                self.waiting.remove(&key);
                self.lonely[waiting.leg] += u64::from(self.other_was_there(&waiting));
            }
        }
    }

    /// Whether a packet's twin should have been seen: the other leg had begun and has not
    /// ended, give or take the distance seen so far.
    fn other_was_there(&self, waiting: &Waiting) -> bool {
        let Some((from, to)) = self.span_ns[1 - waiting.leg] else { return false };
        let margin = self.distance.max().map_or(0, |most| most.to_integer() as u64);
        let time_ns = waiting.time_ns;
        time_ns >= from.saturating_add(margin) && time_ns.saturating_add(margin) <= to
    }

    /// What was measured so far.
    pub fn report(&self) -> LegPairReport {
        let mut alone = self.lonely;
        for waiting in self.waiting.values() {
            alone[waiting.leg] += u64::from(self.other_was_there(waiting));
        }
        let rate = self.span_ns[0].filter(|(from, to)| to > from).map_or(0, |(from, to)| {
            (u128::from(self.octets) * 8_000_000_000 / u128::from(to - from)) as u64
        });
        let most = self.distance.max().map(|most| most.to_integer() as u64);
        let class = most.and_then(|most| PathClass::for_skew(most, rate));
        let verdicts = vec![
            Verdict::none_of("leg-equality", self.different, "ST 2022-7 §5"),
            Verdict::new(
                "leg-loss",
                Outcome::of(alone == [0, 0]),
                format!("{} and {}", alone[0], alone[1]),
                "0 and 0",
                "ST 2022-7 §5",
            ),
            Verdict::new(
                "leg-skew",
                match (most, class) {
                    (None, _) => Outcome::Unknown,
                    (_, None) => Outcome::Fail,
                    (_, Some(_)) => Outcome::Pass,
                },
                most.map_or_else(
                    || "no pair".to_owned(),
                    |most| format!("{}.{:03} µs", most / 1000, most % 1000),
                ),
                class.map_or_else(|| "class C".to_owned(), |class| format!("class {class:?}")),
                "ST 2022-7 §6",
            ),
        ];
        LegPairReport {
            packets: self.packets,
            pairs: self.pairs,
            different: self.different,
            alone,
            skew_ns: self.skew,
            distance_ns: self.distance,
            class,
            skew_over_time: self.skew_series.points(),
            verdicts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, last: u8) -> [u8; 13] {
        let [high, low] = sequence.to_be_bytes();
        [0x80, 96, high, low, 0, 0, 0, 1, 0, 0, 0, 9, last]
    }

    #[test]
    fn classes_end_where_the_standard_says() {
        let of = |skew_ns| PathClass::for_skew(skew_ns, HIGH_RATE);
        assert_eq!((of(150_000), of(150_001)), (Some(PathClass::D), Some(PathClass::A)));
        assert_eq!((of(10_000_000), of(10_000_001)), (Some(PathClass::A), Some(PathClass::B)));
        assert_eq!((of(50_000_000), of(50_000_001)), (Some(PathClass::B), Some(PathClass::C)));
        assert_eq!((of(150_000_000), of(150_000_001)), (Some(PathClass::C), None));
        assert_eq!(PathClass::for_skew(450_000_000, HIGH_RATE - 1), Some(PathClass::C));
        assert_eq!(PathClass::for_skew(450_000_001, HIGH_RATE - 1), None);
    }

    #[test]
    fn twins_differ_or_are_missing() {
        let mut pair = LegPair::default();
        for sequence in 0..100_u16 {
            let time = 1_000_000 + u64::from(sequence) * 1000;
            if sequence != 50 {
                pair.record(0, &Arrival::whole(time, &packet(sequence, 0)));
            }
            if sequence > 9 && sequence != 60 {
                let last = u8::from(sequence == 70);
                pair.record(1, &Arrival::whole(time + 300, &packet(sequence, last)));
            }
        }
        let report = pair.report();
        assert_eq!((report.pairs, report.different), (88, 1));
        // 0 to 9 came before the second leg was there.
        assert_eq!(report.alone, [1, 1]);
        assert_eq!(report.skew_ns.max(), Some(300.into()));
        assert_eq!(report.class, Some(PathClass::D));
    }
}
