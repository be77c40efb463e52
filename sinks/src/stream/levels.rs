//! The streams that a session has beside its video.

use st2110::{
    ancillary::AncillaryFormat,
    audio::AudioFormat,
    format::Scan,
    leg::Leg,
    level::Level,
    sdp::{self, SessionDescription},
};

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
