//! A session with any number of streams: video, audio and ancillary data side by side.

use std::{net::IpAddr, str::FromStr};

use super::{
    AncillaryParameters, AudioParameters, ReferenceClock, Sdp, SdpError, SdpLeg, VideoParameters,
    parse::parse,
};
use crate::{leg::Leg, level::Level};

/// A session description with at least one stream.
///
/// [`Sdp`] is the same for those who care for its one video stream only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// Session id of the `o=` line: stays for the life of the session.
    pub session_id: u64,
    /// Version of the `o=` line: grows whenever the description changes.
    pub session_version: u64,
    /// Address of the `o=` line: the device that sends.
    pub origin: String,
    /// Name of the session (`s=`).
    pub name: String,
    /// What the session is about (`i=`).
    pub information: Option<String>,
    /// The streams, in the order of their first sections; at most one is video.
    pub streams: Vec<Stream>,
}

/// One stream, over one leg, or over two that carry the same packets (ST 2022-7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What it carries.
    pub essence: Essence,
    /// Its one or two legs; with two, the first is the primary one.
    pub legs: Vec<SdpLeg>,
}

/// What a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Essence {
    /// Uncompressed video (ST 2110-20).
    Video(VideoParameters),
    /// PCM audio (ST 2110-30).
    Audio(AudioParameters),
    /// Ancillary data (ST 2110-40).
    Ancillary(AncillaryParameters),
}

impl From<VideoParameters> for Essence {
    fn from(video: VideoParameters) -> Self {
        Self::Video(video)
    }
}

impl From<AudioParameters> for Essence {
    fn from(audio: AudioParameters) -> Self {
        Self::Audio(audio)
    }
}

impl From<AncillaryParameters> for Essence {
    fn from(ancillary: AncillaryParameters) -> Self {
        Self::Ancillary(ancillary)
    }
}

impl Essence {
    /// What it carries.
    pub const fn level(&self) -> Level {
        match self {
            Self::Video(_) => Level::Video,
            Self::Audio(_) => Level::Audio,
            Self::Ancillary(_) => Level::Ancillary,
        }
    }

    /// Payload type of descriptions made here: 96, 97 and 100.
    pub const fn payload_type(&self) -> u8 {
        match self {
            Self::Video(_) => Sdp::PAYLOAD_TYPE,
            Self::Audio(_) => 97,
            Self::Ancillary(_) => 100,
        }
    }
}

impl Stream {
    pub(super) const fn is_video(&self) -> bool {
        matches!(self.essence, Essence::Video(_))
    }

    /// Where it is found: its legs in their order, without what only SDP knows of them.
    pub fn to_legs(&self) -> Vec<Leg> {
        self.legs.iter().map(|leg| leg.leg.clone()).collect()
    }

    /// RTP payload type, which both legs share.
    pub fn payload_type(&self) -> u8 {
        self.legs.first().map_or(self.essence.payload_type(), |leg| leg.payload_type)
    }
}

impl SessionDescription {
    /// A session of the device `origin`, without streams yet, which it needs to be read
    /// again: see [`push`](Self::push).
    pub fn new(name: &str, origin: IpAddr) -> Self {
        Self {
            session_id: 1,
            session_version: 1,
            origin: origin.to_string(),
            name: name.to_owned(),
            information: None,
            streams: Vec::new(),
        }
    }

    /// Adds a stream over legs, whose clock follows `reference_clock`. More than two legs are
    /// cut to two. A session has one video stream at most.
    ///
    /// Multicast legs without a source get the session's origin as theirs where it is of the
    /// same family, so that there is a source filter.
    pub fn push(
        &mut self,
        essence: impl Into<Essence>,
        legs: &[Leg],
        reference_clock: &ReferenceClock,
    ) {
        let essence = essence.into();
        let level = essence.level();
        let same = self.streams.iter().filter(|other| other.essence.level() == level).count();
        let prefix = match (level, same) {
            (Level::Video, 0) => String::new(),
            (level, 0) => format!("{level}-"),
            (level, same) => format!("{level}-{}-", same + 1),
        };
        let origin = self.origin.parse().ok();
        let payload_type = essence.payload_type();
        let legs: Vec<_> = legs
            .iter()
            .zip(["primary", "secondary"])
            .map(|(leg, mid)| {
                let mid = (legs.len() > 1).then(|| format!("{prefix}{mid}"));
                SdpLeg::new(leg, origin, payload_type, mid, reference_clock)
            })
            .collect();
        self.streams.push(Stream { essence, legs });
    }

    /// Reads a description that keeps to the standards. Media that are none of ST 2110-20,
    /// -30 and -40 are passed over.
    ///
    /// The error is the first broken clause.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        parse(text, None, &mut |error| Err(error))
    }

    /// Reads a description as foreign senders write it, and says what is wrong with it and
    /// what was assumed in its place. The error is what nothing can be assumed for.
    pub fn parse_tolerant(text: &str) -> Result<(Self, Vec<SdpError>), SdpError> {
        let mut warnings = Vec::new();
        let session = parse(text, None, &mut |warning| {
            warnings.push(warning);
            Ok(())
        })?;
        Ok((session, warnings))
    }

    /// The video stream.
    pub fn video(&self) -> Option<(&VideoParameters, &Stream)> {
        self.streams.iter().find_map(|stream| match &stream.essence {
            Essence::Video(video) => Some((video, stream)),
            _ => None,
        })
    }

    /// The audio streams.
    pub fn audio(&self) -> impl Iterator<Item = (&AudioParameters, &Stream)> {
        self.streams.iter().filter_map(|stream| match &stream.essence {
            Essence::Audio(audio) => Some((audio, stream)),
            _ => None,
        })
    }

    /// The ancillary streams.
    pub fn ancillary(&self) -> impl Iterator<Item = (&AncillaryParameters, &Stream)> {
        self.streams.iter().filter_map(|stream| match &stream.essence {
            Essence::Ancillary(ancillary) => Some((ancillary, stream)),
            _ => None,
        })
    }
}

impl FromStr for SessionDescription {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        Self::parse(text)
    }
}

impl From<Sdp> for SessionDescription {
    fn from(sdp: Sdp) -> Self {
        let Sdp { session_id, session_version, origin, name, information, video, legs } = sdp;
        let streams = vec![Stream { essence: Essence::Video(video), legs }];
        Self { session_id, session_version, origin, name, information, streams }
    }
}
