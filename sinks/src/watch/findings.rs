//! What is found about inputs, and what of it the matrix has been told.

use std::collections::BTreeMap;

use serde::Serialize;

use super::picture::PictureFindings;

/// What has not changed is told again after so long, that whoever missed it learns of it.
const AGAIN_NS: u64 = 3_000_000_000;

/// What is found about an input: the body of `PUT …/findings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Its picture does not change.
    pub frozen: bool,
    /// Its picture is black.
    pub black: bool,
    /// What arrives in place of the declared format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_format: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    now: Findings,
    /// Whether somebody looks.
    looked_at: bool,
    /// Whether they have looked long enough to say that there is nothing.
    settled: bool,
    told: Option<(Findings, u64)>,
}

/// Findings by input. In each round everybody who looks says what is found, and then it is
/// told.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
}

impl Ledger {
    fn of(&mut self, input: &str, settled: bool) -> &mut Findings {
        let entry = self.entries.entry(input.to_owned()).or_default();
        entry.looked_at = true;
        entry.settled |= settled;
        &mut entry.now
    }

    /// What is found in an input's picture.
    pub fn picture(&mut self, input: &str, found: PictureFindings, settled: bool) {
        let findings = self.of(input, settled);
        (findings.frozen, findings.black) = (found.frozen, found.black);
    }

    /// What arrives in place of an input.
    pub fn stranger(&mut self, input: &str, found: Option<&str>, settled: bool) {
        self.of(input, settled).found_format = found.map(str::to_owned);
    }

    /// Tells what has changed, or was not told for long, and begins the next round. Inputs
    /// that nobody looked at in this one have nothing found about them any more. `tell` says
    /// whether it could.
    pub fn tell(&mut self, now: u64, mut tell: impl FnMut(&str, &Findings) -> bool) {
        self.entries.retain(|input, entry| {
            let found = std::mem::take(&mut entry.now);
            let looked_at = std::mem::take(&mut entry.looked_at);
            let due = match &entry.told {
                None => entry.settled || found != Findings::default(),
                Some((told, at)) => *told != found || now.saturating_sub(*at) >= AGAIN_NS,
            };
            if due && tell(input, &found) {
                entry.told = Some((found, now));
            }
            let clear = |(told, _): &(Findings, u64)| *told == Findings::default();
            // One that has been told to be clear is forgotten once nobody looks.
            looked_at || !entry.told.as_ref().is_none_or(clear)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROZEN: PictureFindings = PictureFindings { frozen: true, black: false };

    fn tell(ledger: &mut Ledger, at: u64, works: bool) -> Vec<(String, bool, Option<String>)> {
        let mut told = Vec::new();
        ledger.tell(at, |input, findings| {
            told.push((input.to_owned(), findings.frozen, findings.found_format.clone()));
            works
        });
        told
    }

    #[test]
    fn changes_are_told_at_once_and_what_stays_now_and_then() {
        let mut ledger = Ledger::default();
        ledger.picture("a", PictureFindings::default(), false);
        assert_eq!(tell(&mut ledger, 0, true), [], "nothing is claimed too early");
        ledger.picture("a", FROZEN, false);
        let frozen = [("a".to_owned(), true, None)];
        assert_eq!(tell(&mut ledger, 1, false), frozen);
        ledger.picture("a", FROZEN, false);
        assert_eq!(tell(&mut ledger, 2, true), frozen, "what could not be told is told again");
        ledger.picture("a", FROZEN, true);
        assert_eq!(tell(&mut ledger, 3, true), []);
        ledger.picture("a", FROZEN, true);
        assert_eq!(tell(&mut ledger, 2 + AGAIN_NS, true), frozen);
        // Nobody looks any more: that is told, and then it is forgotten.
        let clear = [("a".to_owned(), false, None)];
        assert_eq!(tell(&mut ledger, 3 + AGAIN_NS, false), clear);
        assert_eq!(tell(&mut ledger, 4 + AGAIN_NS, true), clear);
        assert_eq!(tell(&mut ledger, 9 * AGAIN_NS, true), []);
        assert!(ledger.entries.is_empty());
    }

    #[test]
    fn who_looked_long_enough_says_so_and_each_speaks_for_itself() {
        let mut ledger = Ledger::default();
        ledger.picture("a", PictureFindings::default(), true);
        assert_eq!(tell(&mut ledger, 0, true), [("a".to_owned(), false, None)]);
        ledger.picture("a", FROZEN, true);
        ledger.stranger("a", Some("audio"), true);
        let both = [("a".to_owned(), true, Some("audio".to_owned()))];
        assert_eq!(tell(&mut ledger, 1, true), both);
        // The input is back: nobody looks for strangers.
        ledger.picture("a", FROZEN, true);
        assert_eq!(tell(&mut ledger, 2, true), [("a".to_owned(), true, None)]);
    }
}
