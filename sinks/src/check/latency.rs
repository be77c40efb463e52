//! How old things were once received.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency told apart, one minute, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// How old frames or packets were once received, in microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// The youngest.
    pub min: u64,
    /// Half of all were at most this old.
    pub median: u64,
    /// 99 of 100 were at most this old.
    pub p99: u64,
    /// The oldest.
    pub max: u64,
    /// Those that name a time yet to come: the clocks disagree.
    pub from_the_future: u64,
}

/// Collects ages.
pub(super) struct Ages {
    ages: Histogram<u64>,
    from_future: u64,
}

impl fmt::Debug for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ages").field("count", &self.ages.len()).finish_non_exhaustive()
    }
}

impl Default for Ages {
    fn default() -> Self {
        // 1 µs to a minute with 3 digits: constants that the histogram accepts.
        let ages = Histogram::new_with_bounds(1, LONGEST_US, 3)
            .expect("1 to a minute in 3 digits are valid bounds");
        Self { ages, from_future: 0 }
    }
}

impl Ages {
    /// Something of `then` arrived at `now`, both in nanoseconds of one clock.
    #[inline]
    pub fn record(&mut self, then_ns: u64, now_ns: u64) {
        // By whole microseconds of the clock, which is what strips tell.
        match (now_ns / 1000).checked_sub(then_ns / 1000) {
            Some(age) => self.ages.saturating_record(age.max(1)),
            None => self.from_future += 1,
        }
    }

    /// Nothing, if there was nothing.
    pub fn report(&self) -> Option<Latency> {
        (!self.ages.is_empty() || self.from_future > 0).then(|| Latency {
            min: self.ages.min(),
            median: self.ages.value_at_quantile(0.5),
            p99: self.ages.value_at_quantile(0.99),
            max: self.ages.max(),
            from_the_future: self.from_future,
        })
    }
}
