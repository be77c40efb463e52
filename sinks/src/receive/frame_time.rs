//! Which packets belong to one frame, told by their timestamps.

use st2110::format::{Scan, VideoFormat};

/// The RTP timestamps of one frame.
///
/// A progressive frame has one. The fields of an interlaced frame have one each, the second
/// up to a frame period later (ST 2110-10 §7.6); the segments of PsF may share theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTime {
    stamps: [Option<u32>; 2],
    /// One frame period in ticks of 90 kHz; 0 for progressive video.
    period: u32,
}

impl FrameTime {
    /// The frame that a packet of `timestamp` and `field` begins.
    pub fn begin(format: &VideoFormat, timestamp: u32, field: usize) -> Self {
        let rate = format.rate.ratio();
        let ticks = 90_000 * u64::from(*rate.denom()) / u64::from(*rate.numer());
        let period = if format.scan == Scan::Progressive { 0 } else { ticks as u32 };
        let mut stamps = [None; 2];
        stamps[field & 1] = Some(timestamp);
        Self { stamps, period }
    }

    /// Whether a packet belongs to this frame; if so, its timestamp is noted for its field.
    #[inline]
    pub fn takes(&mut self, timestamp: u32, field: usize) -> bool {
        let field = if self.period == 0 { 0 } else { field & 1 };
        if let Some(stamp) = self.stamps[field] {
            return stamp == timestamp;
        }
        let Some(other) = self.stamps[1 - field] else { return false };
        let (first, second) = if field == 1 { (other, timestamp) } else { (timestamp, other) };
        let takes = second.wrapping_sub(first) < self.period;
        if takes {
            self.stamps[field] = Some(timestamp);
        }
        takes
    }

    /// Whether a timestamp is one of this frame's.
    #[inline]
    pub fn has(&self, timestamp: u32) -> bool {
        self.stamps.contains(&Some(timestamp))
    }

    /// The first field's timestamp, or the only one known.
    pub fn timestamp(&self) -> u32 {
        self.stamps[0].or(self.stamps[1]).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(scan: Scan) -> VideoFormat {
        let json = format!(
            r#"{{"width":320,"height":240,"rate":"25","sampling":"YCbCr-4:2:2","depth":8,"scan":"{scan}"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_progressive_frame_has_one_timestamp() {
        let mut time = FrameTime::begin(&format(Scan::Progressive), 3600, 0);
        assert!(time.takes(3600, 0));
        assert!(!time.takes(3601, 0) && !time.takes(7200, 0));
        assert_eq!(time.timestamp(), 3600);
    }

    #[test]
    fn fields_pair_up_in_order_only() {
        let mut time = FrameTime::begin(&format(Scan::Interlaced), u32::MAX, 0);
        assert!(time.takes(1799, 1), "half a frame later, over the wrap");
        assert!(!time.takes(1800, 1));
        assert!(time.has(u32::MAX) && time.has(1799));
        // A second field that comes first waits for a first one that is not later.
        let mut time = FrameTime::begin(&format(Scan::Interlaced), 1800, 1);
        assert!(!time.takes(3600, 0));
        assert!(time.takes(0, 0));
        let mut time = FrameTime::begin(&format(Scan::Psf), 1800, 0);
        assert!(time.takes(1800, 1));
    }
}
