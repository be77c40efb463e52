//! Samples that wait for their moment.

use std::collections::VecDeque;

/// Interleaved samples of one unbroken stretch of time.
#[derive(Debug)]
pub struct Shelf {
    channels: usize,
    /// Number of the first sample kept, counted from the TAI epoch.
    start: u64,
    samples: VecDeque<i32>,
}

impl Shelf {
    /// Nothing yet.
    pub fn new(channels: u8) -> Self {
        Self { channels: usize::from(channels.max(1)), start: 0, samples: VecDeque::new() }
    }

    /// Number of the sample behind the last.
    pub fn end(&self) -> u64 {
        self.start + (self.samples.len() / self.channels) as u64
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Adds samples behind the last; a part of a frame at their end is left out.
    pub fn append(&mut self, samples: &[i32]) {
        let whole = samples.len() / self.channels * self.channels;
        self.samples.extend(&samples[..whole]);
    }

    /// Forgets everything and begins anew with samples from `number` on.
    pub fn restart(&mut self, number: u64, samples: &[i32]) {
        self.samples.clear();
        self.start = number;
        self.append(samples);
    }

    /// Gives the samples from `number` on, and forgets what is older. Where there are none it
    /// writes zeros and says so.
    pub fn take(&mut self, number: u64, out: &mut [i32]) -> bool {
        let old =
            (number.saturating_sub(self.start)).min((self.samples.len() / self.channels) as u64);
        self.samples.drain(..old as usize * self.channels);
        self.start += old;
        let wanted = out.len();
        let missing = usize::try_from(self.start.saturating_sub(number)).unwrap_or(usize::MAX);
        let (silent, out) = out.split_at_mut(missing.saturating_mul(self.channels).min(wanted));
        silent.fill(0);
        let given = out.len().min(self.samples.len());
        for (out, sample) in out.iter_mut().zip(self.samples.drain(..given)) {
            *out = sample;
        }
        self.start += (given / self.channels) as u64;
        out[given..].fill(0);
        silent.is_empty() && given == out.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_out_where_they_belong() {
        let mut shelf = Shelf::new(2);
        shelf.restart(100, &[1, -1, 2, -2, 3, -3, 4, -4, 9]);
        assert_eq!(shelf.end(), 104);
        let mut out = [7; 4];
        // One before the first, then the first.
        assert!(!shelf.take(99, &mut out));
        assert_eq!(out, [0, 0, 1, -1]);
        // One is too late.
        assert!(shelf.take(102, &mut out));
        assert_eq!((out, shelf.end()), ([3, -3, 4, -4], 104));
        shelf.append(&[5, -5]);
        assert!(!shelf.take(104, &mut out));
        assert_eq!(out, [5, -5, 0, 0]);
        assert!(shelf.is_empty() && !shelf.take(1000, &mut out));
        shelf.restart(2000, &[8, -8]);
        assert!(!shelf.take(10, &mut out) && !shelf.is_empty());
        assert_eq!(out, [0; 4]);
    }
}
