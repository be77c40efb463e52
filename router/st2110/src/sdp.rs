//! Session descriptions of ST 2110-20 streams: RFC 8866 with the `fmtp` of ST 2110 on top.
//!
//! [`Sdp::parse`] is strict: it refuses what breaks a clause, and says on which line, which
//! clause, and what to write instead. [`Sdp::parse_tolerant`] takes what `GStreamer`'s
//! `rtpvrawpay` and `FFmpeg` describe, fills what is missing, and says what it assumed.
//! [`Sdp`]'s `Display` writes what both of them open as it is.
//!
//! One stream has one or two video legs; a session's other media (audio, ancillary data) are
//! passed over. Limit: one source a source filter, one payload type a leg.

mod clocks;
mod fault;
mod fmtp;
mod parse;
#[cfg(test)]
mod tests;
mod write;

use std::{net::IpAddr, str::FromStr};

pub use clocks::{MediaClock, ReferenceClock};
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

/// One `m=video` section.
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
        let mids = ["primary", "secondary"];
        let legs: Vec<_> = legs
            .iter()
            .zip(mids)
            .map(|(leg, mid)| {
                let multicast = leg.address.is_multicast();
                let sender = Some(origin)
                    .filter(|origin| multicast && origin.is_ipv4() == leg.address.is_ipv4())
                    .filter(|origin| !origin.is_unspecified() && !origin.is_multicast());
                SdpLeg {
                    leg: Leg { source: leg.source.or(sender), interface: None, ..leg.clone() },
                    ttl: (multicast && leg.address.is_ipv4()).then_some(Self::TTL),
                    payload_type: Self::PAYLOAD_TYPE,
                    mid: (legs.len() > 1).then(|| mid.to_owned()),
                    reference_clocks: vec![reference_clock.clone()],
                    media_clock: Some(MediaClock::Direct { offset: 0 }),
                }
            })
            .collect();
        Self {
            session_id: 1,
            session_version: 1,
            origin: origin.to_string(),
            name: name.to_owned(),
            information: None,
            video,
            legs,
        }
    }

    /// Reads a description that keeps to the standards.
    ///
    /// The error is the first broken clause.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        parse::parse(text, &mut |error| Err(error))
    }

    /// Reads a description as foreign senders write it, and says what is wrong with it and
    /// what was assumed in its place. The error is what nothing can be assumed for.
    pub fn parse_tolerant(text: &str) -> Result<(Self, Vec<SdpError>), SdpError> {
        let mut warnings = Vec::new();
        let sdp = parse::parse(text, &mut |warning| {
            warnings.push(warning);
            Ok(())
        })?;
        Ok((sdp, warnings))
    }
}

impl FromStr for Sdp {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        Self::parse(text)
    }
}
