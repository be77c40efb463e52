//! TAI time, frame numbers and RTP timestamps (ST 2110-10 §7, ST 2059-1).

use super::SECOND_NS;
use crate::format::Rate;

/// The RTP clock of video (ST 2110-20 §6.1.3).
pub const VIDEO_CLOCK_HZ: u32 = 90_000;

/// The RTP timestamp of a moment: ⌊TAI · rate⌋ mod 2³² (ST 2110-10 §7.3).
pub const fn tai_to_rtp(tai_ns: u64, clock_hz: u32) -> u32 {
    ticks(tai_ns, clock_hz) as u32
}

/// The moment an RTP timestamp stands for: of all with that timestamp the one nearest to
/// `near_tai_ns`, which must be less than 2³¹ ticks away (6.6 hours of video).
///
/// Gives the first nanosecond at which the clock shows the timestamp, so that
/// [`tai_to_rtp`] of the result is the timestamp again. A clock of 0 Hz gives
/// `near_tai_ns`.
pub const fn rtp_to_tai(timestamp: u32, near_tai_ns: u64, clock_hz: u32) -> u64 {
    if clock_hz == 0 {
        return near_tai_ns;
    }
    let near = ticks(near_tai_ns, clock_hz);
    let step = timestamp.wrapping_sub(near as u32).cast_signed();
    // Just behind the epoch the nearest moment may lie before it: take the next one then.
    let ticks = match near.checked_add_signed(step as i128) {
        Some(ticks) => ticks,
        None => timestamp as u128,
    };
    (ticks * SECOND_NS as u128).div_ceil(clock_hz as u128) as u64
}

/// Ticks of a clock since the epoch.
const fn ticks(tai_ns: u64, clock_hz: u32) -> u128 {
    tai_ns as u128 * clock_hz as u128 / SECOND_NS as u128
}

/// The number of the frame that is running at a moment: ⌊TAI / TFRAME⌋.
pub fn frame_at(rate: Rate, tai_ns: u64) -> u64 {
    let (numerator, denominator) = parts(rate);
    // At most 1000 frames a second of at most 2^64 ns: fits.
    (u128::from(tai_ns) * numerator / (denominator * u128::from(SECOND_NS))) as u64
}

/// The first nanosecond of frame `frame`: ⌈N · TFRAME⌉, so that [`frame_at`] gives the frame
/// again. Beyond the year 2554 it stays at `u64::MAX`.
pub fn frame_start_ns(rate: Rate, frame: u64) -> u64 {
    let (numerator, denominator) = parts(rate);
    let start = (u128::from(frame) * denominator * u128::from(SECOND_NS)).div_ceil(numerator);
    u64::try_from(start).unwrap_or(u64::MAX)
}

/// The RTP timestamp of a frame's field: ⌊(N + field/2) · TFRAME · rate⌋ mod 2³².
///
/// `field` is 0 for progressive frames, for first fields, and for both segments of PsF,
/// which share one moment; 1 for second fields of interlaced video (ST 2110-20 §6.1.3).
pub fn frame_timestamp(rate: Rate, frame: u64, field: u16, clock_hz: u32) -> u32 {
    let (numerator, denominator) = parts(rate);
    let halves = 2 * u128::from(frame) + u128::from(field & 1);
    (halves * denominator * u128::from(clock_hz) / (2 * numerator)) as u32
}

/// Numerator and denominator in frames a second.
fn parts(rate: Rate) -> (u128, u128) {
    (u128::from(*rate.ratio().numer()), u128::from(*rate.ratio().denom()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2024-01-01T00:00:00 UTC as TAI.
    const TAI: u64 = 1_704_067_237 * SECOND_NS;

    #[test]
    fn timestamps_by_hand() {
        assert_eq!(tai_to_rtp(0, 90_000), 0);
        assert_eq!(tai_to_rtp(11_111, 90_000), 0);
        assert_eq!(tai_to_rtp(11_112, 90_000), 1);
        // 1 704 067 237 × 90 000 = 153 366 051 330 000 = 35 708 × 2^32 + 1 367 562 832
        assert_eq!(tai_to_rtp(TAI, 90_000), (153_366_051_330_000_u64 % (1 << 32)) as u32);
        assert_eq!(tai_to_rtp(u64::MAX, 192_000), (3_541_774_862_152_233_u64 % (1 << 32)) as u32);
    }

    #[test]
    fn frames_by_hand() {
        let ntsc = Rate::new(60_000, 1001).unwrap();
        assert_eq!(frame_start_ns(ntsc, 1), 16_683_334);
        assert_eq!(frame_at(ntsc, 16_683_333), 0);
        assert_eq!(frame_at(ntsc, 16_683_334), 1);
        // 1.5 ticks of 1501.5 a frame: 0, 1501, 3003, 4504
        let stamps = [0, 1, 2, 3].map(|frame| frame_timestamp(ntsc, frame, 0, 90_000));
        assert_eq!(stamps, [0, 1501, 3003, 4504]);
        let pal = Rate::new(25, 1).unwrap();
        assert_eq!(frame_timestamp(pal, 7, 1, 90_000), 7 * 3600 + 1800);
        assert_eq!(frame_start_ns(pal, u64::MAX), u64::MAX);
    }

    #[test]
    fn unwrapping_crosses_the_wrap_both_ways() {
        let wrap_ns = (1_u64 << 32) * SECOND_NS / 90_000;
        assert_eq!(rtp_to_tai(0, wrap_ns - 1000, 90_000), wrap_ns.next_multiple_of(1) + 1);
        let before = rtp_to_tai(u32::MAX, wrap_ns + 20_000, 90_000);
        assert!(before < wrap_ns && wrap_ns - before < 12_000, "{before}");
        assert_eq!(rtp_to_tai(u32::MAX, 0, 90_000), 47_721_858_833_334);
        assert_eq!(rtp_to_tai(5, 77, 0), 77);
    }

    proptest! {
        #[test]
        fn a_timestamp_is_the_clock_at_its_moment(
            tai in 1_u64 << 45..1 << 62,
            off in -20_000_000_000_000_i64..20_000_000_000_000,
            hz in prop::sample::select(vec![90_000_u32, 48_000, 96_000]),
        ) {
            let timestamp = tai_to_rtp(tai, hz);
            let back = rtp_to_tai(timestamp, tai.wrapping_add_signed(off), hz);
            prop_assert_eq!(tai_to_rtp(back, hz), timestamp);
            prop_assert!(back <= tai && u128::from(tai - back) * u128::from(hz) < u128::from(SECOND_NS));
        }

        #[test]
        fn a_frame_runs_from_its_first_nanosecond(
            frame in 0_u64..1 << 38,
            rate in prop::sample::select(vec!["60", "60000/1001", "50", "24000/1001", "25", "30000/1001"]),
        ) {
            let rate: Rate = rate.parse().unwrap();
            let start = frame_start_ns(rate, frame);
            prop_assert_eq!(frame_at(rate, start), frame);
            if start > 0 {
                prop_assert_eq!(frame_at(rate, start - 1), frame - 1);
            }
        }
    }
}
