//! The levels beside a picture: sound and ancillary data.

use serde::{Deserialize, Serialize};
use st2110::{ancillary::AncillaryFormat, audio::AudioFormat, leg::Leg, level::Level};

use crate::spec::Merge;

/// Something with legs at one level or more: an input or an output.
pub trait Levelled {
    /// Where a level arrives or goes; `None` for one that it has not.
    fn legs_of(&self, level: Level) -> Option<&[Leg]>;

    /// Its levels.
    fn levels(&self) -> impl Iterator<Item = Level> {
        Level::ALL.into_iter().filter(|level| self.legs_of(*level).is_some())
    }

    /// Every leg of every level.
    fn all_legs(&self) -> impl Iterator<Item = &Leg> {
        Level::ALL.into_iter().filter_map(|level| self.legs_of(level)).flatten()
    }
}

/// A stream that arrives beside an input's picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputStream<F> {
    /// The declared format; packets that contradict it are not passed on.
    pub format: F,
    /// Where it arrives, as the picture's legs.
    pub legs: Vec<Leg>,
    /// How the legs are merged.
    #[serde(default)]
    pub merge: Merge,
    /// RTP payload type, 96 to 127.
    pub payload_type: u8,
}

/// Sound that arrives.
pub type AudioInput = InputStream<AudioFormat>;

/// Ancillary data that arrive.
pub type AncillaryInput = InputStream<AncillaryFormat>;

/// A stream that leaves beside an output's picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputStream {
    /// Where it goes, as the picture's legs.
    pub legs: Vec<Leg>,
    /// RTP payload type, 96 to 127, whatever the source uses.
    pub payload_type: u8,
    /// The one synchronisation source that it keeps through every take.
    pub ssrc: u32,
    /// How long sound takes to fade to silence before a take and from it afterwards,
    /// milliseconds up to [`RAMP_MS_MAX`]; 0 cuts. Of no matter for other levels.
    #[serde(default)]
    pub ramp_ms: u16,
}

/// Longest mute ramp, milliseconds.
pub const RAMP_MS_MAX: u16 = 100;
