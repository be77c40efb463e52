//! One time line for all levels of a source.
//!
//! Picture, sound and data of a source carry RTP timestamps of one clock, TAI, at their own
//! rates (ST 2110-10 §7.3), each modulo 2³². Scaled to the least common multiple of two rates
//! they can be compared without knowing the time: the difference is exact, modulo 2³² of
//! those smaller ticks (over an hour between 90 kHz and 48 kHz).

use st2110::timing::VIDEO_CLOCK_HZ;

/// Further apart than this, two streams do not share a time line, ms.
const RELATED_MS: u32 = 2_000;

/// A moment on the time line of a source's picture, as seen by another of its levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The moment, in the common ticks.
    at: u32,
    /// Common ticks to one tick of the stream that looks.
    scale: u32,
    /// Common ticks further than which nothing is related.
    related: u32,
}

/// Where a packet lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before the moment.
    Before,
    /// At it or after.
    After,
    /// On another time line.
    Unrelated,
}

impl Moment {
    /// The moment of a 90 kHz timestamp, for a stream whose clock runs at `clock_hz`.
    pub fn new(timestamp: u32, clock_hz: u32) -> Self {
        let common = gcd(VIDEO_CLOCK_HZ, clock_hz.max(1));
        let (theirs, scale) = (clock_hz.max(1) / common, VIDEO_CLOCK_HZ / common);
        // clock_hz / common · 90 kHz is the common rate.
        let a_second = u64::from(theirs) * u64::from(VIDEO_CLOCK_HZ);
        let related = (a_second * u64::from(RELATED_MS) / 1000).min(1 << 30) as u32;
        Self { at: timestamp.wrapping_mul(theirs), scale, related }
    }

    /// On which side of the moment a timestamp of the stream that looks lies.
    #[inline]
    pub fn side(&self, timestamp: u32) -> Side {
        let behind = timestamp.wrapping_mul(self.scale).wrapping_sub(self.at).cast_signed();
        // Timestamps are rounded down, each by less than a tick of its own.
        let rounding = self.scale.cast_signed();
        if behind.unsigned_abs() > self.related {
            Side::Unrelated
        } else if behind > -rounding {
            Side::After
        } else {
            Side::Before
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use st2110::timing::tai_to_rtp;

    use super::*;

    #[test]
    fn levels_of_one_clock_agree_whatever_the_time() {
        let second = 1_000_000_000_u64;
        for start in [0, 1_763_000_000 * second, 1_790_123_456 * second + 987_654_321] {
            let moment = tai_to_rtp(start, VIDEO_CLOCK_HZ);
            for clock_hz in [44_100, 48_000, 96_000, VIDEO_CLOCK_HZ] {
                let at = Moment::new(moment, clock_hz);
                let tick = second / u64::from(clock_hz);
                let side = |tai: u64| at.side(tai_to_rtp(tai, clock_hz));
                assert_eq!(side(start + tick), Side::After, "{clock_hz}");
                assert_eq!(side(start + second), Side::After);
                assert_eq!(
                    side(start.saturating_sub(3 * tick).max(1)),
                    if start == 0 { Side::After } else { Side::Before }
                );
                assert_eq!(side(start + 100 * second), Side::Unrelated);
            }
        }
    }
}
