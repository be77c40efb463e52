//! How often each value came.

use serde::{Serialize, Serializer};

/// Values told apart from here on; what lies below counts as this.
const LOWEST: i64 = -4096;

/// One past the greatest value told apart; what lies above counts as the one before it.
const HIGHEST: i64 = 1 << 16;

/// How often each whole number came, from -4096 to 65 535; numbers beyond count as the last
/// of their side. Least, greatest and mean are of the numbers as they came.
///
/// In JSON: `{"count", "min", "mean", "max", "sum", "histogram": [[value, times], …]}`;
/// `null` where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    from_zero: Vec<u64>,
    below_zero: Vec<u64>,
    count: u64,
    sum: i128,
    least: i64,
    greatest: i64,
}

impl Counts {
    /// Takes a value in.
    #[inline]
    pub fn record(&mut self, value: i64) {
        if self.count == 0 {
            (self.least, self.greatest) = (value, value);
        }
        self.count += 1;
        self.sum += i128::from(value);
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        let value = value.clamp(LOWEST, HIGHEST - 1);
        let (side, index) = if value < 0 {
            (&mut self.below_zero, (-1 - value) as usize)
        } else {
            (&mut self.from_zero, value as usize)
        };
        if side.len() <= index {
            side.resize(index + 1, 0);
        }
        side[index] += 1;
    }

    /// How many values.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all values.
    pub const fn sum(&self) -> i128 {
        self.sum
    }

    /// The least.
    pub fn min(&self) -> Option<i64> {
        (self.count > 0).then_some(self.least)
    }

    /// The greatest.
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.greatest)
    }

    /// The mean, rounded to what a screen can show.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// Each value that came and how often, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let below = self.below_zero.iter().enumerate().rev();
        let below = below.map(|(index, times)| (-1 - index as i64, *times));
        let above = self.from_zero.iter().enumerate().map(|(index, times)| (index as i64, *times));
        below.chain(above).filter(|(_, times)| *times > 0)
    }
}

#[derive(Serialize)]
struct CountsJson {
    count: u64,
    min: i64,
    mean: f64,
    max: i64,
    sum: i128,
    histogram: Vec<(i64, u64)>,
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(mean) = self.mean() else { return serializer.serialize_none() };
        CountsJson {
            count: self.count,
            min: self.least,
            mean,
            max: self.greatest,
            sum: self.sum,
            histogram: self.iter().collect(),
        }
        .serialize(serializer)
    }
}

/// How often intervals of about each length came: four steps an octave, so that a step is
/// at most a quarter wide.
///
/// In JSON: `[[from_ns, times], …]`; a step ends where the next possible one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalCounts {
    steps: [u64; 4 * 64],
}

impl Default for IntervalCounts {
    fn default() -> Self {
        Self { steps: [0; 4 * 64] }
    }
}

impl IntervalCounts {
    /// Takes an interval in nanoseconds in.
    #[inline]
    pub fn record(&mut self, interval_ns: u64) {
        // The first four lengths have a step each; the two octaves they would fill stay empty.
        let step = if interval_ns < 4 {
            interval_ns as usize
        } else {
            let octave = interval_ns.ilog2() as usize;
            4 * octave + (interval_ns >> (octave - 2)) as usize % 4
        };
        self.steps[step] += 1;
    }

    /// The start of each step that has any, in nanoseconds, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let steps = self.steps.iter().enumerate().filter(|(_, times)| **times > 0);
        steps.map(|(step, times)| {
            let (octave, quarter) = (step / 4, (step % 4) as u64);
            let start = if octave >= 2 { (4 + quarter) << (octave - 2) } else { step as u64 };
            (start, *times)
        })
    }
}

impl Serialize for IntervalCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_ends_are_kept_in_the_extremes() {
        let mut counts = Counts::default();
        for value in [3, 3, -2, i64::MAX, i64::MIN] {
            counts.record(value);
        }
        assert_eq!((counts.min(), counts.max()), (Some(i64::MIN), Some(i64::MAX)));
        let listed: Vec<_> = counts.iter().collect();
        assert_eq!(listed, [(LOWEST, 1), (-2, 1), (3, 2), (HIGHEST - 1, 1)]);
    }

    #[test]
    fn steps_of_intervals_are_a_quarter_wide() {
        let mut counts = IntervalCounts::default();
        for interval in [0, 1, 3, 4, 5, 1023, 1024, 1279, 1280, u64::MAX] {
            counts.record(interval);
        }
        let listed: Vec<_> = counts.iter().collect();
        assert_eq!(
            listed,
            [(0, 1), (1, 1), (3, 1), (4, 1), (5, 1), (896, 1), (1024, 2), (1280, 1), (7 << 61, 1)]
        );
    }
}
