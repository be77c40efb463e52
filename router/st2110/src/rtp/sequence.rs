//! Extending 16-bit sequence numbers to 64 bits.

/// Follows a stream's 16-bit sequence number and gives each packet its place in a 64-bit
/// count (in the spirit of RFC 3550 appendix A.1).
///
/// Limit: a packet is placed rightly if it is at most 32 767 ahead of, or 32 768 behind,
/// the highest packet seen so far. A gap of 32 768 or more packets (an eighth of a second
/// at 1080p60, where the 16-bit number wraps four times a second) is taken for a step
/// back: whoever knows of such a pause calls [`SequenceUnwrapper::reset`], or uses the
/// extended sequence number of RFC 4175 where the sender advances it.
///
/// The first packet counts as `65 536 + sequence`, so that packets overtaken by it still
/// get a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceUnwrapper {
    highest: Option<u64>,
}

impl SequenceUnwrapper {
    /// Starts at the first packet that comes.
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The extended number of a packet; its low 16 bits are `sequence`.
    #[inline]
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            let first = (1 << 16) + u64::from(sequence);
            self.highest = Some(first);
            return first;
        };
        let step = sequence.wrapping_sub(highest as u16) as i16;
        // `highest` is at least 65 536 and `step` at least -32 768.
        let extended = highest.wrapping_add_signed(i64::from(step));
        if step > 0 {
            self.highest = Some(extended);
        }
        extended
    }

    /// The highest extended number so far.
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Forgets the stream: the next packet starts anew.
    pub const fn reset(&mut self) {
        self.highest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_on_over_the_wrap_and_places_late_packets() {
        let mut unwrapper = SequenceUnwrapper::new();
        assert_eq!(unwrapper.extend(65_534), 131_070);
        assert_eq!(unwrapper.extend(1), 131_073);
        assert_eq!(unwrapper.extend(65_535), 131_071);
        assert_eq!(unwrapper.extend(0), 131_072);
        assert_eq!(unwrapper.highest(), Some(131_073));
    }

    #[test]
    fn packets_before_the_first_get_a_smaller_number() {
        let mut unwrapper = SequenceUnwrapper::new();
        assert_eq!(unwrapper.extend(0), 65_536);
        assert_eq!(unwrapper.extend(65_535), 65_535);
        assert_eq!(unwrapper.highest(), Some(65_536));
    }

    #[test]
    fn the_documented_limit_is_exact() {
        let mut unwrapper = SequenceUnwrapper::new();
        unwrapper.extend(0);
        assert_eq!(unwrapper.extend(32_767), 65_536 + 32_767);
        let mut unwrapper = SequenceUnwrapper::new();
        unwrapper.extend(0);
        assert_eq!(unwrapper.extend(32_768), 65_536 - 32_768);
    }
}
