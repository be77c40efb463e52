//! Which sequence numbers have been seen: duplicates, late packets and true losses.

/// Fewest sequence numbers remembered behind the highest.
const SPAN_MIN: u64 = 1024;

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
    /// A ring of one bit a number; a power of two of words.
    words: Box<[u64]>,
    first: u64,
    highest: Option<u64>,
    lost: u64,
}

impl Window {
    /// A window that remembers at least `reach` numbers behind the highest.
    pub fn new(reach: u64) -> Self {
        let words = (reach + 64).max(SPAN_MIN).next_power_of_two() / 64;
        // Numbers before the first are nobody's loss: they count as seen.
        let words = vec![!0; words as usize].into_boxed_slice();
        Self { words, first: 0, highest: None, lost: 0 }
    }

    /// Records a number.
    #[inline]
    pub fn record(&mut self, sequence: u64) -> Seen {
        let Some(highest) = self.highest else {
            self.words[self.slot(sequence)] = (1 << (sequence % 64)) - 1;
            (self.first, self.highest) = (sequence, Some(sequence));
            self.mark(sequence);
            return Seen::New;
        };
        if sequence > highest {
            self.advance(highest / 64, sequence / 64);
            self.highest = Some(sequence);
            self.mark(sequence);
            Seen::New
        } else if highest - sequence >= self.span() - 64 || sequence < self.first {
            Seen::Late
        } else if self.words[self.slot(sequence)] & 1 << (sequence % 64) != 0 {
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
        if let Some(highest) = self.highest {
            let ahead = !0_u64 << (highest % 64) << 1;
            self.words[self.slot(highest)] |= ahead;
            self.lost += self.words.iter().map(|word| u64::from(word.count_zeros())).sum::<u64>();
        }
        self.words.fill(!0);
        (self.first, self.highest) = (0, None);
    }

    #[inline]
    fn mark(&mut self, sequence: u64) {
        let slot = self.slot(sequence);
        self.words[slot] |= 1 << (sequence % 64);
    }

    #[inline]
    fn advance(&mut self, from: u64, to: u64) {
        if from == to {
            return;
        }
        // A jump past the whole window loses every word in between as well.
        self.lost += (to - from).saturating_sub(self.words.len() as u64) * 64;
        for word in (from + 1..=to).rev().take(self.words.len()) {
            let slot = word as usize & (self.words.len() - 1);
            let word = &mut self.words[slot];
            self.lost += u64::from(word.count_zeros());
            *word = 0;
        }
    }

    fn span(&self) -> u64 {
        self.words.len() as u64 * 64
    }

    #[inline]
    fn slot(&self, sequence: u64) -> usize {
        (sequence / 64) as usize & (self.words.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gap_is_lost_once_the_window_has_passed_it() {
        let mut window = Window::new(0);
        window.record(1000);
        window.record(1002);
        assert_eq!(window.take_lost(), 0);
        assert_eq!(window.record(1001), Seen::New);
        assert_eq!(window.record(1001), Seen::Duplicate);
        window.record(1004);
        for sequence in 1005..1005 + 2 * SPAN_MIN {
            window.record(sequence);
        }
        assert_eq!(window.take_lost(), 1);
        assert_eq!(window.record(1003), Seen::Late);
    }

    #[test]
    fn a_jump_past_the_window_loses_all_between() {
        let mut window = Window::new(0);
        window.record(5);
        window.record(5 + 100_000);
        window.flush();
        assert_eq!(window.take_lost(), 99_999);
    }

    proptest! {
        /// Against a set that forgets nothing: what is lost at the end is what never came.
        #[test]
        fn losses_are_exact(steps in prop::collection::vec((0_u64..200, 0_u64..40), 1..400)) {
            let mut window = Window::new(0);
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
