//! One video packet, parsed and checked against the format that is expected.

use st2110::{
    rfc4175::{GeometryError, PayloadError, PayloadHeader, Raster},
    rtp::{RtpError, RtpHeader},
};

/// A packet that lies within the raster.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The RTP header.
    pub rtp: RtpHeader,
    /// The payload header.
    pub payload: PayloadHeader,
    /// The octets of its segments, one behind the other.
    pub data: &'a [u8],
}

/// Why a datagram is not a packet of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// RTCP on the same port: to be borne (ST 2110-10 §6).
    #[error("RTCP")]
    Rtcp,
    /// Not RTP.
    #[error("not RTP: {0}")]
    Rtp(#[source] RtpError),
    /// RTP of another payload type.
    #[error("payload type {found} where {expected} is declared")]
    PayloadType {
        /// In the packet.
        found: u8,
        /// In the SDP.
        expected: u8,
    },
    /// RTP, but not RFC 4175.
    #[error("not RFC 4175 video: {0}")]
    Payload(#[from] PayloadError),
    /// Video of another format.
    #[error("not of the declared format: {0}")]
    Geometry(#[from] GeometryError),
}

impl<'a> Packet<'a> {
    /// Reads a datagram. `payload_type` is what the SDP declares, if anything does.
    #[inline]
    pub fn parse(
        octets: &'a [u8],
        raster: &Raster,
        payload_type: Option<u8>,
    ) -> Result<Self, Refusal> {
        let rtp = RtpHeader::parse(octets).map_err(|error| match error {
            RtpError::Rtcp { .. } => Refusal::Rtcp,
            other => Refusal::Rtp(other),
        })?;
        if let Some(expected) = payload_type
            && expected != rtp.payload_type
        {
            return Err(Refusal::PayloadType { found: rtp.payload_type, expected });
        }
        let octets = rtp.payload(octets);
        let payload = PayloadHeader::parse(octets)?;
        raster.check(&payload)?;
        Ok(Self { rtp, payload, data: octets.get(payload.data_start..).unwrap_or_default() })
    }

    /// The field (0 or 1) of the packet's segments that hold data; a packet's segments are
    /// of one field (ST 2110-20 §6.2).
    #[inline]
    pub fn field(&self) -> usize {
        usize::from(self.payload.srds().iter().any(|srd| srd.length > 0 && srd.field))
    }
}
