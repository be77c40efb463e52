//! Session descriptions of ST 2110 streams: RFC 8866 with the `fmtp` of ST 2110 on top.
//!
//! A [`SessionDescription`] has streams of every level, video (ST 2110-20), audio
//! (ST 2110-30) and ancillary data (ST 2110-40), each over one leg or over the two of
//! ST 2022-7 (`a=group:DUP`, RFC 7104). An [`Sdp`] is one video stream, and passes over what
//! else its session has.
//!
//! [`Sdp::parse`] is strict: it refuses what breaks a clause, and says on which line, which
//! clause, and what to write instead. [`Sdp::parse_tolerant`] takes what `GStreamer`'s
//! `rtpvrawpay` and `FFmpeg` describe, fills what is missing, and says what it assumed.
//! [`Sdp`]'s `Display` writes what both of them open as it is. [`SessionDescription`] reads
//! and writes the same way.
//!
//! Limits: one source a source filter, one payload type a leg, one video stream a session;
//! two legs in one section (`a=ssrc-group:DUP`) are refused by name, since their packets
//! differ where ST 2022-7 wants them the same.

mod ancillary;
mod audio;
mod clocks;
mod description;
mod fault;
mod fmtp;
#[cfg(test)]
mod levels_tests;
mod parse;
mod section;
#[cfg(test)]
mod tests;
mod write;

use std::{net::IpAddr, str::FromStr};

pub use ancillary::AncillaryParameters;
pub use audio::AudioParameters;
pub use clocks::{MediaClock, ReferenceClock};
pub use description::{Essence, SessionDescription, Stream};
pub use fault::{SdpError, SdpFault};
pub use fmtp::{
    Colorimetry, Range, Standard, TimestampMode, TransferCharacteristic, VideoParameters,
};

use crate::leg::Leg;

/// A session with one video stream over one leg, or over two that carry the same packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    /// Session id of the `o=` line: stays for the life of the stream.
    pub session_id: u64,
    /// Version of the `o=` line: grows whenever the description changes.
    pub session_version: u64,
    /// Address of the `o=` line: the device that sends.
    pub origin: String,
    /// Name of the session (`s=`).
    pub name: String,
    /// What the session is about (`i=`).
    pub information: Option<String>,
    /// The stream.
    pub video: VideoParameters,
    /// Its one or two legs; with two, the first is the primary one.
    pub legs: Vec<SdpLeg>,
}

/// One media section: a leg, and what all levels say of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpLeg {
    /// Address, port and source. The interface is no matter of the SDP and always `None`.
    pub leg: Leg,
    /// Time to live of IPv4 multicast.
    pub ttl: Option<u8>,
    /// RTP payload type, 96 to 127.
    pub payload_type: u8,
    /// Identification (`a=mid`, RFC 5888), needed to group two legs.
    pub mid: Option<String>,
    /// What the sender's clock follows (`a=ts-refclk`); several may be named.
    pub reference_clocks: Vec<ReferenceClock>,
    /// How RTP timestamps relate to that clock (`a=mediaclk`).
    pub media_clock: Option<MediaClock>,
}

impl Sdp {
    /// Payload type of descriptions made here.
    pub const PAYLOAD_TYPE: u8 = 96;

    /// Time to live of multicast in descriptions made here.
    pub const TTL: u8 = 64;

    /// Describes a stream over legs, sent by `origin`, whose clock follows
    /// `reference_clock`. More than two legs are cut to two.
    ///
    /// Multicast legs without a source get `origin` as theirs where it is of the same
    /// family, so that there is a source filter.
    pub fn new(
        name: &str,
        origin: IpAddr,
        video: VideoParameters,
        legs: &[Leg],
        reference_clock: &ReferenceClock,
    ) -> Self {
        let mut session = SessionDescription::new(name, origin);
        session.push(video.clone(), legs, reference_clock);
        let legs = session.streams.pop().map(|stream| stream.legs).unwrap_or_default();
        let SessionDescription { session_id, session_version, origin, name, information, .. } =
            session;
        Self { session_id, session_version, origin, name, information, video, legs }
    }

    /// Reads a description that keeps to the standards.
    ///
    /// The error is the first broken clause.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        Self::read(text, &mut |error| Err(error))
    }

    /// Reads a description as foreign senders write it, and says what is wrong with it and
    /// what was assumed in its place. The error is what nothing can be assumed for.
    pub fn parse_tolerant(text: &str) -> Result<(Self, Vec<SdpError>), SdpError> {
        let mut warnings = Vec::new();
        let sdp = Self::read(text, &mut |warning| {
            warnings.push(warning);
            Ok(())
        })?;
        Ok((sdp, warnings))
    }

    /// Reads the video of a session and passes over the rest.
    fn read(text: &str, complain: section::Complain<'_>) -> Result<Self, SdpError> {
        let session = parse::parse(text, Some(section::Medium::Video), complain)?;
        let SessionDescription { session_id, session_version, origin, name, information, streams } =
            session;
        // Read so, a session is one video stream.
        let video = streams.into_iter().find_map(|stream| match stream.essence {
            Essence::Video(video) => Some((video, stream.legs)),
            _ => None,
        });
        let none = SdpError { line: None, fault: SdpFault::VideoSections { found: 0 } };
        let (video, legs) = video.ok_or(none)?;
        Ok(Self { session_id, session_version, origin, name, information, video, legs })
    }
}

impl SdpLeg {
    /// A leg as descriptions made here have it.
    fn new(
        leg: &Leg,
        origin: Option<IpAddr>,
        payload_type: u8,
        mid: Option<String>,
        reference_clock: &ReferenceClock,
    ) -> Self {
        let multicast = leg.address.is_multicast();
        let sender = origin
            .filter(|origin| multicast && origin.is_ipv4() == leg.address.is_ipv4())
            .filter(|origin| !origin.is_unspecified() && !origin.is_multicast());
        Self {
            leg: Leg { source: leg.source.or(sender), interface: None, ..leg.clone() },
            ttl: (multicast && leg.address.is_ipv4()).then_some(Sdp::TTL),
            payload_type,
            mid,
            reference_clocks: vec![reference_clock.clone()],
            media_clock: Some(MediaClock::Direct { offset: 0 }),
        }
    }
}

impl FromStr for Sdp {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        Self::parse(text)
    }
}
