//! The network compatibility model (ST 2110-21 §6.6.1): CINST.
//!
//! A bucket that every packet enters as it arrives and that loses one packet each TDRAIN as
//! long as it holds any. CINST is what it holds right after an arrival, the arriving packet
//! included: a single packet reads 1, a burst of CMAX packets at one moment reads CMAX. A
//! packet that arrives into an empty bucket leaves it TDRAIN later, so that the reading
//! does not depend on where a clock's ticks lie. A packet due to leave at the very moment
//! of an arrival has left.

use num_rational::Ratio;

use crate::{
    format::Rate,
    timing::{Exact, frame_period_ns},
};

/// TDRAIN = TFRAME / NPACKETS · 1/β with β = 1.10, in nanoseconds (ST 2110-21 §6.6.1).
/// `packets` of 0 counts as 1.
pub fn drain_period_ns(rate: Rate, packets: usize) -> Exact {
    frame_period_ns(rate) / packets.max(1) as i128 * Ratio::new(10, 11)
}

/// The bucket.
#[derive(Clone, Debug)]
pub struct NetworkModel {
    /// TDRAIN is `drain / scale` nanoseconds.
    drain: i128,
    scale: i128,
    list: bool,
    first_ns: Option<u64>,
    /// When the bucket will be empty, in parts of a nanosecond since `first_ns`.
    empty_at: i128,
    /// Of the other way of counting: packets held, and ticks gone by.
    held: i64,
    ticks: i128,
}

impl NetworkModel {
    /// An empty bucket that drains a packet every `drain_ns`, which must be above 0.
    pub fn new(drain_ns: Exact) -> Self {
        Self {
            drain: (*drain_ns.numer()).max(1),
            scale: *drain_ns.denom(),
            list: false,
            first_ns: None,
            empty_at: 0,
            held: 0,
            ticks: 0,
        }
    }

    /// Counts as EBU LIST does: the first packet of all reads 0, and the bucket is drained
    /// at the ticks of a clock that started with it, before the arriving packet enters.
    #[must_use]
    pub const fn list_compatible(mut self) -> Self {
        self.list = true;
        self
    }

    /// Takes a packet in and reads the bucket.
    #[inline]
    pub fn arrive(&mut self, time_ns: u64) -> i64 {
        let first = *self.first_ns.get_or_insert(time_ns);
        let since = (i128::from(time_ns) - i128::from(first)) * self.scale;
        if self.list {
            return self.arrive_as_list(since);
        }
        self.empty_at = self.empty_at.max(since) + self.drain;
        let ahead = self.empty_at - since;
        // Rounded up: a packet partly drained is still there.
        i64::try_from((ahead + self.drain - 1) / self.drain).unwrap_or(i64::MAX)
    }

    fn arrive_as_list(&mut self, since: i128) -> i64 {
        if since == 0 && self.ticks == 0 && self.held == 0 && self.empty_at == 0 {
            // `empty_at` tells the first packet from a second one at the same moment.
            self.empty_at = 1;
            return 0;
        }
        let ticks = since.div_euclid(self.drain);
        let drained = i64::try_from(ticks - self.ticks).unwrap_or(i64::MAX);
        self.ticks = ticks;
        self.held = self.held.saturating_add(1).saturating_sub(drained).max(0);
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TDRAIN of 1.5 ns.
    fn model() -> NetworkModel {
        NetworkModel::new(Ratio::new(3, 2))
    }

    #[test]
    fn bursts_read_their_length() {
        let mut model = model();
        let read: Vec<_> = [100; 4].map(|time| model.arrive(time)).to_vec();
        assert_eq!(read, [1, 2, 3, 4]);
        // Leaves at 101.5, 103, 104.5, 106: at 103 two have left, and one arrives.
        assert_eq!(model.arrive(103), 3);
        // At 104: 104.5, 106, 107.5 are to come.
        assert_eq!(model.arrive(104), 4);
        assert_eq!(model.arrive(200), 1);
    }

    #[test]
    fn steady_packets_read_one() {
        let mut model = model();
        for step in 0..1000 {
            assert_eq!(model.arrive(7 + 2 * step), 1);
        }
    }

    #[test]
    fn as_list_the_arriving_packet_is_seldom_seen() {
        let mut model = model().list_compatible();
        let read: Vec<_> = [100; 4].map(|time| model.arrive(time)).to_vec();
        assert_eq!(read, [0, 1, 2, 3]);
        // Ticks at 101.5, 103, 104.5: two gone at 103, one enters.
        assert_eq!(model.arrive(103), 2);
        assert_eq!(model.arrive(104), 3);
        assert_eq!(model.arrive(200), 0);
    }

    #[test]
    fn the_drain_of_full_hd() {
        // 1/60 s / 4320 / 1.1 = 16 666 666.6… / 4752 ns = 3507.295… ns = 3125000/891
        let rate = Rate::new(60, 1).unwrap();
        assert_eq!(drain_period_ns(rate, 4320), Ratio::new(3_125_000, 891));
    }
}
