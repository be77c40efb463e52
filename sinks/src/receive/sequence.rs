//! The numbers of a stream's packets: what is missing, late, doubled or out of order.
//!
//! Constant memory, no allocation, a few nanoseconds a packet.

/// Packets a late one may lie behind the newest and still count as reordered.
pub const REORDER_WINDOW: u64 = 4096;

/// The longest loss that the 32-bit number can prove: 4 s of 2160p60.
const LONGEST_LOSS: i32 = 4_194_304;

/// Words of the window's bitmap.
const WORDS: usize = (REORDER_WINDOW / 64) as usize;

/// How the sender treats the extended sequence number (RFC 4175 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtendedSequence {
    /// The 16-bit number has not wrapped yet: it cannot be told.
    #[default]
    Unknown,
    /// It counts the wraps, as it should.
    Advancing,
    /// It never changes (GStreamer's `rtpvrawpay` leaves it at 0): wraps are then inferred.
    Constant,
}

/// What a packet's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// The first of the stream, or the first after a break.
    First,
    /// The next in order.
    Next,
    /// Ahead: this many numbers were skipped.
    Ahead(u64),
    /// One that was skipped before.
    Late,
    /// One that has been seen.
    Duplicate,
}

/// Follows the sequence and extended sequence numbers of one stream.
///
/// - A number skipped counts as missing until it comes, at most [`REORDER_WINDOW`] packets
///   late.
/// - A number seen twice counts as a duplicate packet.
/// - A *break* is a step that neither loss nor reordering explains: back by more than
///   [`REORDER_WINDOW`]; an extended number that neither follows the wraps nor has stayed
///   constant; a step forward of more than 4 194 304.
/// - Where the extended number does not advance, or has not yet been seen to, a loss of
///   more than 32 767 packets in a row cannot be told from a step back.
#[derive(Debug)]
pub struct SequenceTracker {
    highest: Option<u64>,
    /// Extended number at `origin`, the wrap count of the stream's start.
    base: u16,
    origin: u64,
    extended: ExtendedSequence,
    /// One bit a number of the window below and including `highest`: seen.
    seen: [u64; WORDS],
    missing: u64,
    duplicates: u64,
    late: u64,
    breaks: u64,
}

impl Default for SequenceTracker {
    fn default() -> Self {
        Self {
            highest: None,
            base: 0,
            origin: 0,
            extended: ExtendedSequence::Unknown,
            seen: [u64::MAX; WORDS],
            missing: 0,
            duplicates: 0,
            late: 0,
            breaks: 0,
        }
    }
}

impl SequenceTracker {
    /// Takes a packet's numbers; returns its place in a 64-bit count and what it means.
    #[inline]
    pub fn packet(&mut self, sequence: u16, extended: u16) -> (u64, Numbered) {
        let Some(highest) = self.highest else {
            return self.start(sequence, extended);
        };
        let step = i64::from(sequence.wrapping_sub(highest as u16) as i16);
        // `highest` is at least 65 536 + 0, so one step back cannot pass 0.
        let by_16 = highest.wrapping_add_signed(step);
        let advanced = self.base.wrapping_add((by_16 >> 16).wrapping_sub(self.origin) as u16);
        let place = if extended == advanced && self.extended != ExtendedSequence::Constant {
            if advanced != self.base {
                self.extended = ExtendedSequence::Advancing;
            }
            by_16
        } else if extended == self.base && self.extended != ExtendedSequence::Advancing {
            if advanced != self.base {
                self.extended = ExtendedSequence::Constant;
            }
            by_16
        } else if let Some(place) = self.long_loss(highest, sequence, extended) {
            place
        } else {
            return self.break_off(sequence, extended);
        };
        if place > highest {
            let skipped = place - highest - 1;
            self.advance(highest, place);
            self.missing += skipped;
            self.highest = Some(place);
            return (place, if skipped == 0 { Numbered::Next } else { Numbered::Ahead(skipped) });
        }
        if highest - place >= REORDER_WINDOW {
            return self.break_off(sequence, extended);
        }
        let (word, bit) = Self::bit(place);
        if self.seen[word] & bit == 0 {
            self.seen[word] |= bit;
            self.missing -= 1;
            self.late += 1;
            (place, Numbered::Late)
        } else {
            self.duplicates += 1;
            (place, Numbered::Duplicate)
        }
    }

    /// A new stream begins (another SSRC): its numbers have nothing to do with the last.
    pub const fn restart(&mut self) {
        self.highest = None;
    }

    /// Numbers never received.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Numbers received again.
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Numbers received after a higher one.
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Steps that neither loss nor reordering explains.
    pub const fn breaks(&self) -> u64 {
        self.breaks
    }

    /// What the extended number was seen to do.
    pub const fn extended(&self) -> ExtendedSequence {
        self.extended
    }

    fn start(&mut self, sequence: u16, extended: u16) -> (u64, Numbered) {
        let place = (1 << 16) + u64::from(sequence);
        self.highest = Some(place);
        self.base = extended;
        self.origin = 1;
        self.extended = ExtendedSequence::Unknown;
        // What lies before the first packet was never waited for.
        self.seen = [u64::MAX; WORDS];
        (place, Numbered::First)
    }

    #[cold]
    fn break_off(&mut self, sequence: u16, extended: u16) -> (u64, Numbered) {
        self.breaks += 1;
        let kept = self.extended;
        let started = self.start(sequence, extended);
        if kept == ExtendedSequence::Advancing {
            self.extended = kept;
        }
        started
    }

    /// The place of a packet behind a loss of more than half the 16-bit range.
    #[cold]
    fn long_loss(&self, highest: u64, sequence: u16, extended: u16) -> Option<u64> {
        if self.extended != ExtendedSequence::Advancing {
            return None;
        }
        let wraps = self.base.wrapping_add((highest >> 16).wrapping_sub(self.origin) as u16);
        let last = u32::from(wraps) << 16 | (highest as u32 & 0xffff);
        let now = u32::from(extended) << 16 | u32::from(sequence);
        let step = now.wrapping_sub(last) as i32;
        (1..=LONGEST_LOSS).contains(&step).then(|| highest + u64::from(step.unsigned_abs()))
    }

    /// Marks everything between as not seen, and `place` as seen.
    #[inline]
    fn advance(&mut self, highest: u64, place: u64) {
        if place == highest + 1 {
            let (word, bit) = Self::bit(place);
            self.seen[word] |= bit;
            return;
        }
        if place - highest > REORDER_WINDOW {
            self.seen = [0; WORDS];
        } else {
            for skipped in highest + 1..place {
                let (word, bit) = Self::bit(skipped);
                self.seen[word] &= !bit;
            }
        }
        let (word, bit) = Self::bit(place);
        self.seen[word] |= bit;
    }

    #[inline]
    const fn bit(place: u64) -> (usize, u64) {
        ((place / 64) as usize % WORDS, 1 << (place % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(tracker: &mut SequenceTracker, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            tracker.packet(number as u16, (number >> 16) as u16);
        }
    }

    fn counts(tracker: &SequenceTracker) -> (u64, u64, u64, u64) {
        (tracker.missing(), tracker.duplicates(), tracker.late(), tracker.breaks())
    }

    #[test]
    fn a_continuous_stream_shows_nothing_over_three_wraps() {
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, 65_000..65_000 + 200_000);
        assert_eq!(counts(&tracker), (0, 0, 0, 0));
        assert_eq!(tracker.extended(), ExtendedSequence::Advancing);
    }

    #[test]
    fn a_constant_extended_number_is_reported_and_no_break() {
        let mut tracker = SequenceTracker::default();
        for number in 65_000..65_000 + 200_000_u32 {
            tracker.packet(number as u16, 0);
        }
        assert_eq!(counts(&tracker), (0, 0, 0, 0));
        assert_eq!(tracker.extended(), ExtendedSequence::Constant);
    }

    #[test]
    fn loss_counts_and_what_comes_late_is_taken_off() {
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, [10, 11, 15, 16, 13, 13, 10]);
        assert_eq!(counts(&tracker), (2, 2, 1, 0));
    }

    #[test]
    fn reordering_across_the_wrap_is_no_break() {
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, [65_530, 65_534, 65_537, 65_535, 65_536, 65_531, 65_532, 65_533]);
        assert_eq!(counts(&tracker), (0, 0, 5, 0));
    }

    #[test]
    fn steps_back_and_wrong_wraps_are_breaks() {
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, [50_000, 50_001, 40_000, 40_001]);
        assert_eq!(counts(&tracker), (0, 0, 0, 1));
        // The extended number advances without a wrap, and stays there.
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, [100, 101, 65_536 + 102, 65_536 + 103]);
        assert_eq!(counts(&tracker), (0, 0, 0, 1));
        // It advanced once, and then does not.
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, 65_000..66_000);
        feed(&mut tracker, (66_000..140_000).map(|number| (number & 0xffff) | 0x1_0000));
        assert_eq!(counts(&tracker), (0, 0, 0, 1));
    }

    #[test]
    fn a_long_loss_is_loss_where_the_extended_number_proves_it() {
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, 65_000..66_000);
        feed(&mut tracker, 166_000..166_010);
        assert_eq!(counts(&tracker), (100_000, 0, 0, 0));
        feed(&mut tracker, [166_010, 166_010 + 5_000_000]);
        assert_eq!(counts(&tracker), (100_000, 0, 0, 1));
    }

    #[test]
    fn another_stream_starts_anew() {
        let mut tracker = SequenceTracker::default();
        feed(&mut tracker, 10..20);
        tracker.restart();
        feed(&mut tracker, 5000..5010);
        assert_eq!(counts(&tracker), (0, 0, 0, 0));
    }
}
