//! Which sequence numbers have been seen: duplicates, late packets and true losses.

/// Sequence numbers remembered behind the highest.
const SPAN: u64 = 1024;
const WORDS: u64 = SPAN / 64;

/// What a sequence number is to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// First time.
    New,
    /// Seen before.
    Duplicate,
    /// Too old to tell, or from before the first.
    Late,
}

/// A sliding window over extended sequence numbers.
///
/// A number is lost only when the window has passed it, so that a reordered packet is
/// never counted as lost first and found again later.
#[derive(Clone, Debug)]
pub struct Window {
    words: [u64; WORDS as usize],
    first: u64,
    highest: Option<u64>,
    lost: u64,
}

impl Default for Window {
    fn default() -> Self {
        // Numbers before the first are nobody's loss: they count as seen.
        Self { words: [!0; WORDS as usize], first: 0, highest: None, lost: 0 }
    }
}

impl Window {
    /// Records a number.
    #[inline]
    pub fn record(&mut self, sequence: u64) -> Seen {
        let Some(highest) = self.highest else {
            self.words[slot(sequence)] = (1 << (sequence % 64)) - 1;
            (self.first, self.highest) = (sequence, Some(sequence));
            self.mark(sequence);
            return Seen::New;
        };
        if sequence > highest {
            self.advance(highest / 64, sequence / 64);
            self.highest = Some(sequence);
            self.mark(sequence);
            Seen::New
        } else if highest - sequence >= SPAN - 64 || sequence < self.first {
            Seen::Late
        } else if self.words[slot(sequence)] & 1 << (sequence % 64) != 0 {
            Seen::Duplicate
        } else {
            self.mark(sequence);
            Seen::New
        }
    }

    /// The highest number seen.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Numbers lost since the last call.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// The flow has ended or broken: whatever is missing up to the highest is lost.
    /// The window starts anew.
    pub fn flush(&mut self) {
        let mut lost = self.lost;
        if let Some(highest) = self.highest {
            let ahead = !0_u64 << (highest % 64) << 1;
            self.words[slot(highest)] |= ahead;
            lost += self.words.iter().map(|word| u64::from(word.count_zeros())).sum::<u64>();
        }
        *self = Self { lost, ..Self::default() };
    }

    #[inline]
    fn mark(&mut self, sequence: u64) {
        self.words[slot(sequence)] |= 1 << (sequence % 64);
    }

    #[inline]
    fn advance(&mut self, from: u64, to: u64) {
        if from == to {
            return;
        }
        // A jump past the whole window loses every word in between as well.
        self.lost += (to - from).saturating_sub(WORDS) * 64;
        for word in (from + 1..=to).rev().take(WORDS as usize) {
            let word = &mut self.words[(word % WORDS) as usize];
            self.lost += u64::from(word.count_zeros());
            *word = 0;
        }
    }
}

#[inline]
fn slot(sequence: u64) -> usize {
    (sequence / 64 % WORDS) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gap_is_lost_once_the_window_has_passed_it() {
        let mut window = Window::default();
        window.record(1000);
        window.record(1002);
        assert_eq!(window.take_lost(), 0);
        assert_eq!(window.record(1001), Seen::New);
        assert_eq!(window.record(1001), Seen::Duplicate);
        window.record(1004);
        for sequence in 1005..1005 + 2 * SPAN {
            window.record(sequence);
        }
        assert_eq!(window.take_lost(), 1);
        assert_eq!(window.record(1003), Seen::Late);
    }

    #[test]
    fn a_jump_past_the_window_loses_all_between() {
        let mut window = Window::default();
        window.record(5);
        window.record(5 + 100_000);
        window.flush();
        assert_eq!(window.take_lost(), 99_999);
    }

    proptest! {
        /// Against a set that forgets nothing: what is lost at the end is what never came.
        #[test]
        fn losses_are_exact(steps in prop::collection::vec((0_u64..200, 0_u64..40), 1..400)) {
            let mut window = Window::default();
            let mut seen = BTreeSet::new();
            let mut came_first = None;
            let mut at = 10_000;
            for (step, back) in steps {
                at += step;
                let sequence = if seen.is_empty() { at } else { at - back };
                if came_first.is_some_and(|first| sequence < first) {
                    prop_assert_eq!(window.record(sequence), Seen::Late);
                    continue;
                }
                came_first.get_or_insert(sequence);
                let expected = if seen.insert(sequence) { Seen::New } else { Seen::Duplicate };
                prop_assert_eq!(window.record(sequence), expected);
            }
            window.flush();
            let span = seen.last().unwrap() - seen.first().unwrap() + 1;
            prop_assert_eq!(window.take_lost(), span - seen.len() as u64);
        }
    }
}
