//! Extends the sequence numbers of packets to 64 bits.
//!
//! The 16 bits of RTP come round four times a second at these rates, so a packet of a leg
//! that is behind may look like one ahead. The extended sequence number (RFC 4175 §4.3)
//! tells them apart, but some senders never advance it, and sound has none; then the
//! timestamps do.

use super::essence::Pace;

/// Whether the sender advances the extended sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    Unknown,
    Advances,
    Constant,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    /// Extended sequence number and sequence number.
    low: u32,
    timestamp: u32,
    sequence: u64,
}

/// The numbering of one stream.
#[derive(Clone, Debug)]
pub struct Unroll {
    newest: Option<Newest>,
    extension: Extension,
    /// Whether packets of several legs come in turn.
    several: bool,
    /// Packets a unit, and RTP ticks from unit to unit as numerator and denominator.
    packets: i64,
    ticks: (i64, i64),
}

impl Unroll {
    /// For a stream that runs like this.
    pub fn new(pace: &Pace, several: bool) -> Self {
        let packets = i64::try_from(pace.packets).unwrap_or(i64::from(u16::MAX));
        Self { newest: None, extension: Extension::Unknown, several, packets, ticks: pace.ticks }
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        (self.newest, self.extension) = (None, Extension::Unknown);
    }

    /// The highest number noted.
    pub fn newest(&self) -> Option<u64> {
        self.newest.map(|newest| newest.sequence)
    }

    /// Gives a packet its number, near those of its neighbours in time.
    #[inline]
    pub fn extend(&self, low: u32, timestamp: u32) -> u64 {
        let Some(newest) = self.newest else {
            // Far enough from 0 that packets from before the first have numbers too.
            return 1 << 32 | u64::from(low);
        };
        let near = i64::from((low as u16).wrapping_sub(newest.low as u16).cast_signed());
        let far = i64::from(low.wrapping_sub(newest.low).cast_signed());
        let step = if near.abs() < 1 << 14 && !self.several {
            // Whatever the rest says: a sender may reset it, or its clock may be set.
            near
        } else {
            match self.extension {
                Extension::Advances if far.abs() < 1 << 24 => far,
                Extension::Unknown if !self.several => {
                    if far.abs() < 1 << 24 && far.abs() > 1 << 14 { far } else { near }
                }
                _ if self.several => self.by_time(near, timestamp.wrapping_sub(newest.timestamp)),
                _ => near,
            }
        };
        newest.sequence.saturating_add_signed(step)
    }

    /// The step that agrees with the time that has passed: within a frame the 16 bits are
    /// enough.
    fn by_time(&self, near: i64, ticks: u32) -> i64 {
        let ticks = i64::from(ticks.cast_signed());
        let (numerator, denominator) = self.ticks;
        let expected = ticks.saturating_mul(self.packets).saturating_mul(denominator) / numerator;
        let turns = (expected - near + (1 << 15)) >> 16;
        let step = near + (turns << 16);
        // Further than any class and any pause that counts: its clock was set.
        if step.abs() < 1 << 24 { step } else { near }
    }

    /// Notes a packet's number.
    #[inline]
    pub fn note(&mut self, low: u32, timestamp: u32, sequence: u64) {
        let newer = self.newest.is_none_or(|newest| sequence > newest.sequence);
        if !newer {
            return;
        }
        // One step over the end of the circle shows what the sender does.
        if let Some(newest) = self.newest
            && sequence - newest.sequence < 1 << 14
            && (low as u16) < newest.low as u16
        {
            let advanced = low >> 16 != newest.low >> 16;
            self.extension = if advanced { Extension::Advances } else { Extension::Constant };
        }
        self.newest = Some(Newest { low, timestamp, sequence });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(packets: usize) -> Pace {
        Pace {
            packets,
            period_ns: 16_666_667,
            ticks: (90_000, 60),
            clock_hz: 90_000,
            silence_ns: 33_333_333,
            cmax: 16,
        }
    }

    /// Two legs, one of them 40 000 packets behind (155 ms of 1080p60): more than half the
    /// circle of 16 bits.
    fn numbers(extends: bool) {
        const PACKETS: u32 = 4320;
        let mut unroll = Unroll::new(&pace(PACKETS as usize), true);
        let packet = |number: u32| {
            let low = if extends { number } else { number & 0xffff };
            (low, 7_000_000 + number / PACKETS * 1500)
        };
        let base = 1_u64 << 32;
        for number in 100..400_000 {
            let (low, timestamp) = packet(number);
            let sequence = unroll.extend(low, timestamp);
            assert_eq!(sequence, base + u64::from(number));
            unroll.note(low, timestamp, sequence);
            if let Some(behind) = number.checked_sub(40_000).filter(|behind| *behind >= 100) {
                let (low, timestamp) = packet(behind);
                assert_eq!(unroll.extend(low, timestamp), base + u64::from(behind));
            }
        }
        // A pause of both legs.
        let (low, timestamp) = packet(1_400_000);
        assert_eq!(unroll.extend(low, timestamp), base + 1_400_000);
    }

    #[test]
    fn a_leg_far_behind_keeps_its_numbers() {
        numbers(true);
        numbers(false);
    }

    #[test]
    fn one_leg_counts_on_whatever_its_clock_says() {
        let mut unroll = Unroll::new(&pace(4320), false);
        let mut timestamp = 0_u32;
        for number in 0..200_000_u32 {
            let low = number & 0xffff;
            let sequence = unroll.extend(low, timestamp);
            assert_eq!(sequence, (1 << 32) + u64::from(number));
            unroll.note(low, timestamp, sequence);
            timestamp = timestamp.wrapping_mul(747_796_405).wrapping_add(1);
        }
    }
}
