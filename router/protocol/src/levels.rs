//! Levels: what belongs to a picture and may be routed apart from it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use st2110::{ancillary::AncillaryFormat, audio::AudioFormat, leg::Leg};

use crate::spec::Merge;

/// One of the streams of an input or output.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The picture (ST 2110-20).
    #[default]
    Video,
    /// The sound (ST 2110-30).
    Audio,
    /// Ancillary data: time code, captions, markers (ST 2110-40).
    Ancillary,
}

impl Level {
    /// Every level; a level's place in it is `level as usize`.
    pub const ALL: [Self; 3] = [Self::Video, Self::Audio, Self::Ancillary];

    /// Those that follow the picture.
    pub const BESIDE: [Self; 2] = [Self::Audio, Self::Ancillary];

    /// Its name in JSON, metrics and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Ancillary => "ancillary",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| LevelError(text.to_owned()))
    }
}

/// Not a level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a level: use 'video', 'audio' or 'ancillary'")]
pub struct LevelError(pub String);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_keep_their_place_and_names() {
        for (place, level) in Level::ALL.into_iter().enumerate() {
            assert_eq!(level as usize, place);
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
        assert!("sound".parse::<Level>().unwrap_err().to_string().contains("'audio'"));
    }
}
