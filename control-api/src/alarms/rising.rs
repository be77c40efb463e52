//! Which counters rise: packets lost, refused, not sent.
//!
//! The router tells its counters once a second. One that is higher than the last time rises,
//! and counts as rising for a little longer than the time between two messages. A counter
//! that is seen for the first time, or that fell because the router has started anew, is only
//! noted.

use std::collections::BTreeMap;

use ormatrix_protocol::{DropReason, Level};

/// How long a rise counts, nanoseconds.
const LASTS: u64 = 2_500_000_000;

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Packets missing on every leg.
    Lost,
    /// Packets missing on one leg.
    LegLost(usize),
    /// Packets that cannot be accepted.
    Refused(DropReason),
    /// Packets that the host did not send.
    NotSent,
}

/// Of what: an input's or output's id, and which level of it.
type Key = (String, Level, Counted);

#[derive(Clone, Copy, Debug)]
struct Seen {
    value: u64,
    rose: Option<u64>,
    round: u64,
}

/// The counters as they were.
#[derive(Clone, Debug, Default)]
pub struct Rising {
    seen: BTreeMap<Key, Seen>,
    round: u64,
}

impl Rising {
    /// Begins to look at every counter; what was not looked at in the last round is forgotten.
    pub fn begin(&mut self) {
        self.seen.retain(|_, seen| seen.round == self.round);
        self.round += 1;
    }

    /// Whether a counter rises, at `now` of the clock that never goes back.
    pub fn rises(&mut self, now: u64, id: &str, level: Level, what: Counted, value: u64) -> bool {
        let round = self.round;
        let seen = self.seen.entry((id.to_owned(), level, what)).or_insert(Seen {
            value,
            rose: None,
            round,
        });
        if value > seen.value {
            seen.rose = Some(now);
        } else if value < seen.value {
            seen.rose = None;
        }
        (seen.value, seen.round) = (value, round);
        seen.rose.is_some_and(|rose| now.saturating_sub(rose) < LASTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn only_a_rise_rises() {
        let mut rising = Rising::default();
        let mut at = |second: u64, value: u64| {
            rising.begin();
            rising.rises(second * SECOND, "a", Level::Video, Counted::Lost, value)
        };
        // What was lost before anybody looked is no news.
        assert!(!at(0, 500));
        assert!(!at(1, 500));
        assert!(at(2, 501));
        assert!(at(4, 501));
        assert!(!at(5, 501));
        // The router has started anew.
        assert!(!at(6, 3));
        assert!(at(7, 4));
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut rising = Rising::default();
        rising.begin();
        assert!(!rising.rises(0, "a", Level::Video, Counted::LegLost(1), 5));
        rising.begin();
        rising.begin();
        assert!(!rising.rises(1, "a", Level::Video, Counted::LegLost(1), 9));
        assert_eq!(rising.seen.len(), 1);
    }
}
