//! Time, as something a test can turn.

use std::sync::OnceLock;

use crate::sys;

/// Where all time comes from.
pub trait Clock: Send {
    /// Nanoseconds since an arbitrary start; never goes back.
    fn now(&self) -> u64;
    /// Nanoseconds of International Atomic Time since 1970-01-01 00:00 TAI.
    fn tai(&self) -> u64;
    /// Nanoseconds since the Unix epoch, UTC.
    fn unix(&self) -> u64;
    /// Returns when [`Clock::now`] has reached `at`.
    fn sleep_until(&self, at: u64);
}

/// The host's clocks. On a host with PTP they follow the grandmaster.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        sys::clock_ns(libc::CLOCK_MONOTONIC)
    }

    fn tai(&self) -> u64 {
        // A kernel that was never told the offset gives UTC as TAI; half a minute of
        // difference to every other device would be worse than the fixed offset.
        static MISSING_NS: OnceLock<u64> = OnceLock::new();
        let missing = *MISSING_NS.get_or_init(|| {
            if sys::kernel_tai_offset() == 0 { sys::TAI_OFFSET_S * 1_000_000_000 } else { 0 }
        });
        sys::clock_ns(libc::CLOCK_TAI) + missing
    }

    fn unix(&self) -> u64 {
        sys::clock_ns(libc::CLOCK_REALTIME)
    }

    fn sleep_until(&self, at: u64) {
        sys::sleep_until(at);
    }
}

/// Seconds between TAI and UTC that the host's kernel knows; 0 when it was never told.
pub fn kernel_tai_offset() -> i32 {
    sys::kernel_tai_offset()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tai_is_ahead_of_utc_by_whole_seconds() {
        let clock = SystemClock;
        let (before, tai, after) = (clock.unix(), clock.tai(), clock.unix());
        let offset = kernel_tai_offset().unsigned_abs();
        let seconds = if offset == 0 { sys::TAI_OFFSET_S } else { u64::from(offset) };
        assert!(tai >= before + seconds * 1_000_000_000);
        assert!(tai <= after + seconds * 1_000_000_000);
    }

    #[test]
    fn a_sleep_ends_no_earlier_than_asked() {
        let clock = SystemClock;
        let at = clock.now() + 2_000_000;
        clock.sleep_until(at);
        assert!(clock.now() >= at);
    }
}
