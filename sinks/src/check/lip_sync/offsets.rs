//! Offsets in microseconds: counted each, so that the median is exact.

use std::collections::BTreeMap;

use super::Offset;

/// Different offsets told apart; further ones count as their nearest neighbour below.
const MOST: usize = 4096;

/// Offsets by how often they came.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    counts: BTreeMap<i64, u64>,
    total: u64,
}

impl Offsets {
    pub fn record(&mut self, us: i64) {
        self.total += 1;
        if self.counts.len() >= MOST && !self.counts.contains_key(&us) {
            let below = self.counts.range_mut(..us).next_back();
            if let Some((_, count)) = below {
                *count += 1;
                return;
            }
        }
        *self.counts.entry(us).or_default() += 1;
    }

    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Half of all are at most this.
    pub fn median(&self) -> Option<i64> {
        let mut left = self.total.div_ceil(2);
        let middle = self.counts.iter().find(|(_, count)| {
            left = left.saturating_sub(**count);
            left == 0
        });
        middle.map(|(us, _)| *us)
    }

    pub fn report(&self) -> Option<Offset> {
        let (min, max) = (self.counts.keys().next()?, self.counts.keys().next_back()?);
        Some(Offset { min: *min, median: self.median()?, max: *max })
    }

    /// How many differ from the median by more than `us`.
    pub fn beyond(&self, us: f64) -> u64 {
        let Some(median) = self.median() else { return 0 };
        let off = self.counts.iter().filter(|(value, _)| (*value - median).abs() as f64 > us);
        off.map(|(_, count)| count).sum()
    }

    pub fn merge(&mut self, other: &Self) {
        for (us, count) in &other.counts {
            *self.counts.entry(*us).or_default() += count;
        }
        self.total += other.total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_values() {
        let mut offsets = Offsets::default();
        assert_eq!((offsets.median(), offsets.beyond(0.0)), (None, 0));
        for us in [5, -3, 5, 9, 40] {
            offsets.record(us);
        }
        let Offset { min, median, max } = offsets.report().unwrap();
        assert_eq!((min, median, max), (-3, 5, 40));
        assert_eq!((offsets.beyond(8.0), offsets.beyond(7.9)), (1, 2));
        let mut both = Offsets::default();
        both.record(-3);
        both.merge(&offsets);
        assert_eq!((both.total(), both.median()), (6, Some(5)));
    }

    #[test]
    fn no_stream_makes_it_grow_without_end() {
        let mut offsets = Offsets::default();
        for us in 0..10_000 {
            offsets.record(us * 7 % 10_007);
        }
        assert!(offsets.counts.len() <= MOST + 1 && offsets.total() == 10_000);
    }
}
