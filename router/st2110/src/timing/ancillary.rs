//! When ancillary data leaves (ST 2110-40:2023 §6).
//!
//! A packet belongs to the frame or field whose timestamp it has, and is due the epoch offset
//! (`TROFF`, or TRODEFAULT of the video) after it; it leaves no later than a window behind
//! the moment its data would lie in an SDI raster.

use num_rational::Ratio;

use super::Exact;
use crate::{ancillary::TransmissionModel, format::Rate};

/// The window of the compatible model, 1 ms (ST 2110-40:2023 §6.5, RFC 8331 §2.1).
pub const COMPATIBLE_WINDOW_NS: u64 = 1_000_000;

/// Lines that the window of the low-latency model lasts (ST 2110-40:2023 §6.4).
const LOW_LATENCY_LINES: i128 = 8;

/// How long a packet may wait under a transmission model, exactly, in nanoseconds.
///
/// `total_lines` are those of the interface, 1125 for 1080-line video; 0 is taken as 1.
pub fn ancillary_window_ns(model: TransmissionModel, rate: Rate, total_lines: u16) -> Exact {
    match model {
        TransmissionModel::Compatible => Ratio::from_integer(i128::from(COMPATIBLE_WINDOW_NS)),
        TransmissionModel::LowLatency => {
            super::frame_period_ns(rate) * LOW_LATENCY_LINES / i128::from(total_lines.max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_by_hand() {
        let rate = Rate::new(60, 1).unwrap();
        let of = |model| ancillary_window_ns(model, rate, 1125);
        assert_eq!(of(TransmissionModel::Compatible), 1_000_000.into());
        // 8 / (60 × 1125) s = 118.518… µs
        assert_eq!(of(TransmissionModel::LowLatency), Ratio::new(3_200_000, 27));
        assert_eq!(
            ancillary_window_ns(TransmissionModel::LowLatency, rate, 0),
            super::super::frame_period_ns(rate) * 8
        );
    }
}
