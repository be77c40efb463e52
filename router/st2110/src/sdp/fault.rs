//! What can be wrong with a session description.

use std::fmt;

use crate::{rfc4175::RasterError, timing::LimitsError};

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
        "'{found}' in the m= line: write 'm=video 5004 RTP/AVP 96', with a port that is not 0 and one payload type from 96 to 127 (RFC 8866 §5.14, RFC 3551 §6)"
    )]
    MediaLine {
        /// The part in question.
        found: String,
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
    /// An `rtpmap` other than `raw/90000`.
    #[error(
        "rtpmap '{found}': write 'a=rtpmap:{payload_type} raw/90000' (ST 2110-20 §7.1, RFC 4175 §6)"
    )]
    Rtpmap {
        /// The attribute's value.
        found: String,
        /// Payload type of the section.
        payload_type: u8,
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
    #[error("'{name}' twice in the fmtp line: keep one (ST 2110-20 §7.1)")]
    ParameterRepeated {
        /// The parameter.
        name: String,
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
