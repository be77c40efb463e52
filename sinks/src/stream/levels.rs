//! The streams that a session has beside its video.

use std::{fmt, str::FromStr};

use st2110::{
    ancillary::AncillaryFormat,
    audio::AudioFormat,
    format::Scan,
    leg::Leg,
    sdp::{self, SessionDescription},
};

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// ST 2110-20.
    Video,
    /// ST 2110-30.
    Audio,
    /// ST 2110-40.
    Ancillary,
}

impl Level {
    /// Every level.
    pub const ALL: &[Self] = &[Self::Video, Self::Audio, Self::Ancillary];

    /// The name on the command line and in JSON.
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
    type Err = NotALevel;

    fn from_str(text: &str) -> Result<Self, NotALevel> {
        let level = Self::ALL.iter().copied().find(|level| level.as_str() == text);
        level.ok_or_else(|| NotALevel(text.to_owned()))
    }
}

/// Not the name of a level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no level: write video, audio or ancillary")]
pub struct NotALevel(String);

/// A stream beside the video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideStream<F> {
    /// What it looks like.
    pub format: F,
    /// The payload type, where one is declared.
    pub payload_type: Option<u8>,
    /// Where it arrives; two with ST 2022-7.
    pub legs: Vec<Leg>,
}

/// All streams beside the video, in the order of their description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The sound.
    pub audio: Vec<BesideStream<AudioFormat>>,
    /// The ancillary data.
    pub ancillary: Vec<BesideStream<AncillaryFormat>>,
}

impl Beside {
    /// The streams of a session at the levels that are wanted.
    pub fn of(session: &SessionDescription, wanted: impl Fn(Level) -> bool) -> Self {
        let interlaced =
            session.video().is_some_and(|(video, _)| video.format.scan == Scan::Interlaced);
        let mut beside = Self::default();
        if wanted(Level::Audio) {
            let audio = session.audio();
            beside.audio = audio.map(|(audio, at)| of(audio.format.clone(), at)).collect();
        }
        if wanted(Level::Ancillary) {
            let ancillary = session.ancillary();
            beside.ancillary =
                ancillary.map(|(data, at)| of(data.format(interlaced), at)).collect();
        }
        beside
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.audio.is_empty() && self.ancillary.is_empty()
    }

    /// The legs of every stream, to be changed.
    pub(super) fn legs_mut(&mut self) -> impl Iterator<Item = &mut Vec<Leg>> {
        let audio = self.audio.iter_mut().map(|stream| &mut stream.legs);
        audio.chain(self.ancillary.iter_mut().map(|stream| &mut stream.legs))
    }
}

fn of<F>(format: F, stream: &sdp::Stream) -> BesideStream<F> {
    BesideStream { format, payload_type: Some(stream.payload_type()), legs: stream.to_legs() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(*level));
        }
        assert!("sound".parse::<Level>().unwrap_err().to_string().contains("audio"));
    }
}
