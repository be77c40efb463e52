//! What can be wrong with a session description.

use std::fmt;

use crate::{
    audio::{AudioFormatError, ChannelOrderError},
    rfc4175::RasterError,
    timing::LimitsError,
};

/// A broken clause and where it was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SdpError {
    /// The line, from 1; `None` when a line is missing and its section has none either.
    pub line: Option<usize>,
    /// What is wrong there.
    pub fault: SdpFault,
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.fault),
            None => self.fault.fmt(f),
        }
    }
}

/// What is wrong: the clause, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpFault {
    /// Not SDP at all.
    #[error("not a session description: {reason} (RFC 8866 §5)")]
    Syntax {
        /// What the SDP grammar misses.
        reason: String,
    },
    /// A line that every session or media section must have.
    #[error("no {missing} line: add '{example}' ({clause})")]
    LineMissing {
        /// The line's start.
        missing: &'static str,
        /// A line that would do.
        example: &'static str,
        /// The clause that asks for it.
        clause: &'static str,
    },
    /// Neither one nor two video sections.
    #[error(
        "{found} video sections: a stream has one m=video line, or two with a=group:DUP (ST 2110-10 §8.5, RFC 7104)"
    )]
    VideoSections {
        /// How many there are.
        found: usize,
    },
    /// An `m=` line with something other than one payload type over RTP.
    #[error(
        "'{found}' in the m= line: write 'm={media} 5004 RTP/AVP 96', with a port that is not 0 and one payload type from 96 to 127 (RFC 8866 §5.14, RFC 3551 §6)"
    )]
    MediaLine {
        /// The part in question.
        found: String,
        /// Kind of the medium.
        media: &'static str,
    },
    /// A `c=` line with something other than one address.
    #[error(
        "'{found}' in the c= line: write 'c=IN IP4 239.1.2.3/64' for multicast, 'c=IN IP4 192.0.2.1' for unicast, 'c=IN IP6 …' without a TTL (RFC 8866 §5.7)"
    )]
    Connection {
        /// The address in question.
        found: String,
    },
    /// A source filter other than one source for the address of the leg.
    #[error(
        "source filter '{found}': write 'a=source-filter: incl IN IP4 {address} SOURCE' with the sender's one address (RFC 4570 §3)"
    )]
    SourceFilter {
        /// The attribute's value.
        found: String,
        /// Address of the leg.
        address: String,
    },
    /// An `rtpmap` other than that of the medium.
    #[error("rtpmap '{found}': write 'a=rtpmap:{payload_type} {expected}' ({clause})")]
    Rtpmap {
        /// The attribute's value.
        found: String,
        /// Payload type of the section.
        payload_type: u8,
        /// What should stand behind the payload type.
        expected: &'static str,
        /// The clause that asks for it.
        clause: &'static str,
    },
    /// A required format parameter.
    #[error("no '{name}' in the fmtp line: add '{name}={example}; ' ({clause})")]
    ParameterMissing {
        /// The parameter.
        name: &'static str,
        /// A value that would do.
        example: String,
        /// The clause that asks for it.
        clause: &'static str,
    },
    /// A format parameter given twice.
    #[error("'{name}' twice in the fmtp line: keep one ({clause})")]
    ParameterRepeated {
        /// The parameter.
        name: String,
        /// The clause that allows one.
        clause: &'static str,
    },
    /// A format parameter with a value it cannot have.
    #[error("'{found}' in the fmtp line: write '{expected}' ({clause})")]
    Parameter {
        /// Name and value as found.
        found: String,
        /// What may stand there.
        expected: String,
        /// The clause that defines it.
        clause: &'static str,
    },
    /// Allowed by the standard, not carried by this product.
    #[error("'{found}' is valid but not supported here: one of {supported}")]
    Unsupported {
        /// Name and value as found.
        found: String,
        /// What is supported.
        supported: String,
    },
    /// `segmented` without `interlace`.
    #[error(
        "'segmented' without 'interlace' in the fmtp line: write 'interlace; segmented; ' for PsF (ST 2110-20 §7.3)"
    )]
    SegmentedAlone,
    /// `MAXUDP` where datagrams keep to the standard limit.
    #[error(
        "'MAXUDP={found}' in the fmtp line: leave it out, datagrams have at most 1460 octets ({clause})"
    )]
    MaxUdp {
        /// The value.
        found: String,
        /// The clause that sets the limit.
        clause: &'static str,
    },
    /// A packet time that is none of AES67.
    #[error(
        "'a=ptime:{found}': write 'a=ptime:1' or 'a=ptime:0.125' (ST 2110-30 §7; 0.25, 0.33 and 4 by AES67 §7.2, at 44100 Hz 0.14, 0.27, 0.36, 1.09 and 4.35; AES67 §8.1)"
    )]
    PacketTime {
        /// The attribute's value.
        found: String,
    },
    /// A longest packet time that is no time, or less than the packet time.
    #[error("'a=maxptime:{found}': write no less than 'a=ptime', in milliseconds (AES67 §8.1)")]
    MaxPacketTime {
        /// The attribute's value.
        found: String,
    },
    /// An audio format that cannot be.
    #[error(transparent)]
    Audio(AudioFormatError),
    /// Not a channel order.
    #[error(transparent)]
    ChannelOrder(ChannelOrderError),
    /// A raster that cannot be cut into pixel groups.
    #[error(transparent)]
    Raster(RasterError),
    /// A sender type that is not defined for the stream.
    #[error(transparent)]
    SenderType(LimitsError),
    /// A reference clock other than PTP or a MAC address.
    #[error(
        "ts-refclk '{found}': write 'a=ts-refclk:ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127', '…ptp=IEEE1588-2008:traceable' or 'a=ts-refclk:localmac=40-A3-6B-A0-2B-D2' (ST 2110-10 §8.2, RFC 7273 §4)"
    )]
    ReferenceClock {
        /// The attribute's value.
        found: String,
    },
    /// A media clock other than direct with offset 0, or the sender's.
    #[error("mediaclk '{found}': write 'a=mediaclk:direct=0' (ST 2110-10 §8.3, RFC 7273 §5)")]
    MediaClock {
        /// The attribute's value.
        found: String,
    },
    /// No medium that could be carried.
    #[error(
        "no media section of an ST 2110 stream: 'm=video' with 'raw' or 'smpte291', or 'm=audio' with 'L16' or 'L24' (ST 2110-10 §8.1)"
    )]
    NoStreams,
    /// One section that both legs are to be found in, told apart by their sources.
    #[error(
        "'a=ssrc-group:DUP' puts both legs into one media section: describe each leg in a section of its own, with 'a=group:DUP primary secondary' at the session's level (RFC 7104 §3, ST 2022-7 §6)"
    )]
    SourceDuplication,
    /// Two media sections with one identification.
    #[error("'a=mid:{mid}' twice: give every media section its own (RFC 5888 §4)")]
    MidRepeated {
        /// The identification.
        mid: String,
    },
    /// A group that names no section, or a section that another group has.
    #[error(
        "'{tag}' in 'a=group:DUP': name the 'a=mid' of two media sections, each in one group only (RFC 5888 §5, RFC 7104 §3)"
    )]
    GroupTag {
        /// The identification in question.
        tag: String,
    },
    /// A group of one, or of more than two.
    #[error("{found} legs in 'a=group:DUP': two carry one stream (ST 2022-7 §6, RFC 7104 §3)")]
    GroupSize {
        /// How many media sections of one kind the group has.
        found: usize,
    },
    /// Ancillary data grouped with its video.
    #[error("'a=group:FID' beside ancillary data: leave it out (ST 2110-40:2023 §7)")]
    FlowIdentification,
    /// Two legs without a group that names both.
    #[error(
        "the two video sections are not grouped: write 'a=group:DUP primary secondary' at the session's level, and 'a=mid:primary', 'a=mid:secondary' in the sections (ST 2110-10 §8.5, RFC 7104 §3)"
    )]
    Group,
    /// Two legs of different streams.
    #[error("the two legs differ in {what}: both must carry the same packets (ST 2022-7 §6)")]
    LegsDiffer {
        /// What differs.
        what: &'static str,
    },
    /// Two legs with one destination and source.
    #[error(
        "both legs go to the same address and port from the same source: give each its own (RFC 7104 §3)"
    )]
    LegsSame,
}
