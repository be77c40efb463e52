//! How many packets may leave now: the leaky bucket of ST 2110-21 §6.6.1, kept by the sender.
//!
//! The same model as the analyser's (`st2110::analysis::NetworkModel`), turned round: instead
//! of reading how full the bucket is after an arrival, it says how many packets still fit,
//! and when more will. A sender that asks before each burst, and tells when the burst was
//! gone at the latest, keeps CINST within CMAX however late it wakes up: in between, its
//! packets can only have left later than asked for and earlier than told, which both leave
//! the bucket emptier than it is thought to be.
//!
//! Exact integers, no I/O; a question costs a 128-bit division.

use st2110::{analysis::drain_period_ns, format::Rate, timing::Exact};

/// A bucket that holds CMAX packets and drains β = 1.10 times as fast as packets are due.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// TDRAIN is `drain / scale` nanoseconds.
    drain: i128,
    scale: i128,
    /// Packets it holds.
    capacity: usize,
    /// When it will be empty, in parts of a nanosecond.
    empty_at: i128,
}

impl Bucket {
    /// An empty bucket of a stream of `packets` a frame, which may hold `capacity` packets
    /// (at least 1).
    pub fn new(rate: Rate, packets: usize, capacity: usize) -> Self {
        let drain: Exact = drain_period_ns(rate, packets);
        Self {
            drain: (*drain.numer()).max(1),
            scale: *drain.denom(),
            capacity: capacity.max(1),
            empty_at: 0,
        }
    }

    /// Packets it holds at most.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Nanoseconds in which so many packets drain, rounded down.
    pub fn drain_ns(&self, packets: usize) -> u64 {
        (self.drain * packets as i128 / self.scale) as u64
    }

    /// Packets that may leave at a moment, all at once.
    pub fn room(&self, now_ns: u64) -> usize {
        let ahead = (self.empty_at - i128::from(now_ns) * self.scale).max(0);
        let free = self.drain * self.capacity as i128 - ahead;
        if free <= 0 { 0 } else { (free / self.drain) as usize }
    }

    /// The first nanosecond at which `packets` may leave at once. More than it holds is
    /// taken for as many as it holds.
    pub fn ready_ns(&self, packets: usize) -> u64 {
        let kept = (self.capacity - packets.min(self.capacity)) as i128;
        let at = self.empty_at - self.drain * kept;
        u64::try_from((at + self.scale - 1).div_euclid(self.scale)).unwrap_or(0)
    }

    /// Takes in packets that have left by a moment.
    pub fn fill(&mut self, by_ns: u64, packets: usize) {
        let now = i128::from(by_ns) * self.scale;
        self.empty_at = self.empty_at.max(now) + self.drain * packets as i128;
    }

    /// Lets go of what is in it beyond what it holds.
    pub fn spill(&mut self, at_ns: u64) {
        let full = i128::from(at_ns) * self.scale + self.drain * self.capacity as i128;
        self.empty_at = self.empty_at.min(full);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use st2110::analysis::NetworkModel;

    use super::*;

    fn full_hd() -> Bucket {
        Bucket::new("60".parse().unwrap(), 4320, 16)
    }

    #[test]
    fn full_hd_by_hand() {
        // TDRAIN = 3125000/891 = 3507.295 ns.
        let mut bucket = full_hd();
        assert_eq!((bucket.room(0), bucket.ready_ns(16)), (16, 0));
        bucket.fill(1000, 16);
        assert_eq!((bucket.room(1000), bucket.room(1000 + 3507)), (0, 0));
        assert_eq!((bucket.ready_ns(1), bucket.room(1000 + 3508)), (1000 + 3508, 1));
        // 16 × 3507.295 = 56 116.7
        assert_eq!(bucket.ready_ns(16), 1000 + 56_117);
        assert_eq!(bucket.ready_ns(99), bucket.ready_ns(16));
        assert_eq!((bucket.room(57_116), bucket.room(57_117)), (15, 16));
        assert_eq!(bucket.drain_ns(8), 28_058);
        // What has not drained stays: after 8 more there is room for 8 a little later.
        bucket.fill(bucket.ready_ns(8), 8);
        assert_eq!(bucket.room(1000 + 28_059), 0);
        bucket.fill(100_000, 1000);
        bucket.spill(100_000);
        assert_eq!((bucket.room(100_000), bucket.room(100_000 + 56_117)), (0, 16));
    }

    proptest! {
        /// Whatever is sent when, the analyser reads no more than CMAX; and a packet more, or
        /// a nanosecond earlier, would have been too much.
        #[test]
        fn the_analyser_agrees(
            capacity in 1_usize..60,
            packets in 100_usize..20_000,
            steps in prop::collection::vec((0_u64..200_000, 1_usize..60, any::<bool>()), 1..200),
        ) {
            let rate: Rate = "60000/1001".parse().unwrap();
            let mut bucket = Bucket::new(rate, packets, capacity);
            let mut model = NetworkModel::new(drain_period_ns(rate, packets));
            let mut now = 1_763_757_342_000_000_000_u64;
            for (pause, wanted, waits) in steps {
                now += pause;
                if waits {
                    now = now.max(bucket.ready_ns(wanted));
                    prop_assert!(bucket.room(now) >= wanted.min(capacity));
                }
                let room = bucket.room(now);
                if room < capacity {
                    let next = bucket.ready_ns(room + 1);
                    prop_assert!(next > now && bucket.room(next) > room && bucket.room(next - 1) <= room);
                }
                // Too many at once would read too much.
                let mut over = model.clone();
                let most = (0..=room).map(|_| over.arrive(now)).max();
                prop_assert!(most > Some(capacity as i64));
                let count = wanted.min(room);
                for _ in 0..count {
                    prop_assert!(model.arrive(now) <= capacity as i64);
                }
                bucket.fill(now, count);
            }
        }
    }
}
