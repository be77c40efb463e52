//! When a program that ended is started again, and when not any more. No processes and no
//! waiting here: times in, times out.

use std::time::Duration;

/// How long one that keeps ending is put up with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// It is given up on when it ends five times within half a minute: somebody looks at a
    /// demo, and shall hear why it does not work.
    #[default]
    Limited,
    /// It is started again however often it ends, after pauses that grow to ten seconds at
    /// most: nobody may be there to start it.
    Endless,
}

/// The numbers of a patience.
struct Terms {
    /// Ends further back are forgiven.
    window: Duration,
    /// The pause after the first end; it doubles with each further one within the window.
    first: Duration,
    /// The longest pause.
    longest: Duration,
    /// So many ends within the window are too many.
    most: Option<usize>,
}

impl Patience {
    const fn terms(self) -> Terms {
        match self {
            Self::Limited => Terms {
                window: Duration::from_secs(30),
                first: Duration::from_millis(250),
                longest: Duration::from_secs(30),
                most: Some(5),
            },
            Self::Endless => Terms {
                window: Duration::from_mins(5),
                first: Duration::from_millis(100),
                longest: Duration::from_secs(10),
                most: None,
            },
        }
    }

    /// Ends that are counted together.
    pub const fn window(self) -> Duration {
        self.terms().window
    }
}

/// The ends of one program.
#[derive(Clone, Debug, Default)]
pub struct Restarts {
    patience: Patience,
    /// When it ended, on the monotonic clock; none further back than the window.
    ends: Vec<u64>,
}

impl Restarts {
    /// None yet.
    pub fn new(patience: Patience) -> Self {
        Self { patience, ends: Vec::new() }
    }

    /// Notes an end; how long to wait before the next start, or `None` to give up.
    pub fn ended(&mut self, now: u64) -> Option<Duration> {
        let terms = self.patience.terms();
        let window = terms.window.as_nanos() as u64;
        self.ends.retain(|end| now.saturating_sub(*end) < window);
        self.ends.push(now);
        if terms.most.is_some_and(|most| self.ends.len() >= most) {
            return None;
        }
        let doublings = (self.ends.len() - 1).min(16) as u32;
        Some((terms.first * 2_u32.pow(doublings)).min(terms.longest))
    }

    /// Ends within the window before the last one, that one too.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Ends that happened before a test began.
    #[cfg(test)]
    pub fn set(&mut self, ends: Vec<u64>) {
        self.ends = ends;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// The pauses of one that ends as soon as it is started, in milliseconds.
    fn pauses(patience: Patience, most: usize) -> Vec<u128> {
        let mut restarts = Restarts::new(patience);
        let mut now = 100 * SECOND;
        let next = || {
            let pause = restarts.ended(now)?;
            now += pause.as_nanos() as u64;
            Some(pause.as_millis())
        };
        std::iter::from_fn(next).take(most).collect()
    }

    #[test]
    fn pauses_grow_and_end_in_giving_up() {
        assert_eq!(pauses(Patience::Limited, 100), [250, 500, 1000, 2000]);
    }

    #[test]
    fn who_never_gives_up_waits_ten_seconds_at_most() {
        let pauses = pauses(Patience::Endless, 1000);
        assert_eq!(pauses[..9], [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(pauses.len(), 1000);
        assert!(pauses[7..].iter().all(|pause| *pause == 10_000));
    }

    #[test]
    fn rare_ends_are_forgiven() {
        for (patience, first) in [(Patience::Limited, 250), (Patience::Endless, 100)] {
            let mut restarts = Restarts::new(patience);
            for hour in 0..100 {
                let pause = restarts.ended(hour * 3600 * SECOND);
                assert_eq!(pause, Some(Duration::from_millis(first)));
                assert_eq!(restarts.count(), 1);
            }
        }
    }
}
