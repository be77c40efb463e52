//! The media time line that all levels share: TAI, as their RTP timestamps count it.

/// The tick since the TAI epoch that an RTP timestamp stands for: of all with that timestamp
/// the one nearest to `near_tai_ns`, which must be less than 2³¹ ticks away.
pub(super) fn unwrapped(timestamp: u32, near_tai_ns: u64, clock_hz: u32) -> u64 {
    let near = (u128::from(near_tai_ns) * u128::from(clock_hz) / 1_000_000_000) as u64;
    let step = timestamp.wrapping_sub(near as u32).cast_signed();
    // Just behind the epoch the nearest may lie before it.
    near.checked_add_signed(i64::from(step)).unwrap_or(u64::from(timestamp))
}

/// The first sample at or after a moment.
pub(super) fn sample_from(tai_ns: u64, rate_hz: u32) -> u64 {
    (u128::from(tai_ns) * u128::from(rate_hz)).div_ceil(1_000_000_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_by_hand() {
        let tai = 1_763_757_342_000_000_000;
        let samples = 1_763_757_342 * 48_000;
        assert_eq!(unwrapped(samples as u32, tai + 5, 48_000), samples);
        assert_eq!(unwrapped((samples - 960) as u32, tai, 48_000), samples - 960);
        assert_eq!(unwrapped(4_294_967_000, 0, 48_000), 4_294_967_000);
        assert_eq!((sample_from(0, 48_000), sample_from(1, 48_000)), (0, 1));
        assert_eq!(sample_from(20_000_000, 48_000), 960);
    }
}
