//! What was found between picture and sound.

use std::fmt;

use serde::Serialize;

/// Least, middle and greatest of offsets in microseconds. Positive: the sound is ahead of the
/// picture in content, so that what is heard belongs to a later moment than what is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Offset {
    /// The least.
    pub min: i64,
    /// Half of all were at most this.
    pub median: i64,
    /// The greatest.
    pub max: i64,
}

/// How one stream of sound goes with the video.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LipSyncReport {
    /// The place of the stream among those of sound, from 0.
    pub audio: usize,
    /// Frames whose strip could be read and whose sound was one of our tones.
    pub frames: u64,
    /// Frames whose strip could not be read.
    pub without_strip: u64,
    /// Frames of whose time no sound came.
    pub without_sound: u64,
    /// Frames whose sound was none of our tones: silent, faded, or not ours.
    pub without_tone: u64,
    /// The offset on the media time line: tone against its timestamps less strip against its.
    pub offset_us: Option<Offset>,
    /// Frames whose offset differs from their source's own, the median of its frames, by more
    /// than a sample.
    pub off: u64,
    /// Frames in whose time another source's tone was heard; but for one packet at either
    /// end, and for --ramp-ms at a switch.
    pub other_source_heard: u64,
    /// The first 64 of them.
    pub others: Vec<OtherSource>,
    /// From the arrival of a frame's last packet to that of the sound of its first moment:
    /// negative where the sound came first.
    pub arrival_us: Option<Offset>,
    /// The sources, by the strip's name; at most 64.
    pub sources: Vec<SourceOffset>,
}

/// A frame in whose time another source's tone was heard.
#[derive(Clone, Debug, Serialize)]
pub struct OtherSource {
    /// Arrival of its last packet, UTC.
    pub at: String,
    /// Its source, by the strip.
    pub name: String,
    /// Its number, by the strip.
    pub frame: u32,
    /// The tone heard.
    pub hz: u32,
    /// From the frame's first moment to the first and the last millisecond of that tone, on the
    /// media time line, in milliseconds.
    pub ms: (f64, f64),
}

/// Frames of one source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceOffset {
    /// Its name in the strip.
    pub name: String,
    /// Its tone.
    pub hz: u32,
    /// Frames measured.
    pub frames: u64,
    /// Their offsets.
    pub offset_us: Option<Offset>,
    /// How many differ from the median by more than a sample.
    pub off: u64,
}

impl LipSyncReport {
    /// What is wrong. `breakaway`: sound and picture may be of different sources.
    pub(in crate::check) fn defects(&self, breakaway: bool) -> [(u64, &'static str); 2] {
        let other = if breakaway { 0 } else { self.other_source_heard };
        [(self.off, "frames out of sync"), (other, "frames with another source's sound")]
    }
}

impl fmt::Display for LipSyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in [
            ("frames measured", self.frames),
            ("  out of sync", self.off),
            ("  other source", self.other_source_heard),
            ("without tone", self.without_tone),
            ("without sound", self.without_sound),
        ] {
            writeln!(f, "{what:<20}{count:>14}")?;
        }
        let range = |Offset { min, median, max }| format!("{median} us median ({min} to {max})");
        if let Some(offset) = self.offset_us {
            writeln!(f, "sound to picture    {}", range(offset))?;
        }
        if let Some(arrival) = self.arrival_us {
            writeln!(f, "by arrival          {}", range(arrival))?;
        }
        for SourceOffset { name, hz, frames, offset_us, .. } in &self.sources {
            if let Some(offset) = offset_us {
                writeln!(f, "source '{name}', {hz} Hz: {frames} frames, {}", range(*offset))?;
            }
        }
        Ok(())
    }
}
