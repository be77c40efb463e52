//! Time in ST 2110, in integers and exact ratios: nothing here rounds but where it says.
//!
//! Times are TAI nanoseconds since the SMPTE epoch, 1970-01-01T00:00:00 TAI (ST 2059-1), in
//! a `u64`: enough until the year 2554. Frame numbers count from the epoch, so that two
//! sources at one rate agree on them without having talked.

mod ancillary;
mod limits;
mod media_clock;
mod schedule;

pub use ancillary::{COMPATIBLE_WINDOW_NS, ancillary_window_ns};
pub use limits::{
    Exact, Limits, LimitsError, Pacing, SenderType, SenderTypeError, frame_period_ns, limits,
    troffset_default_ns, trs_ns,
};
pub use media_clock::{
    VIDEO_CLOCK_HZ, frame_at, frame_start_ns, frame_timestamp, rtp_to_tai, tai_to_rtp,
};
pub use schedule::SenderSchedule;

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;
