//! RTP packets (RFC 3550 §5.1): reading, writing and rewriting the header in place.
//!
//! Nothing allocates. [`RtpHeader::parse`] is one comparison longer than a few loads for
//! the header every ST 2110 sender writes (version 2, no CSRC, no extension, no padding);
//! the rest takes a separate, cold path.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! |                           timestamp                           |
//! |                             SSRC                              |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

mod sequence;

pub use sequence::SequenceUnwrapper;

/// Octets of the fixed header, without CSRC list and extension.
pub const HEADER_LEN: usize = 12;

/// An RTP header and where its payload lies in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// The marker: in ST 2110 video the last packet of a frame or field.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// The low 16 bits of the sequence number.
    pub sequence: u16,
    /// Media clock reading, the same for every packet of a frame (or field).
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// First octet of the payload, counted from the start of the packet.
    pub payload_start: usize,
    /// One past the last octet of the payload, without padding.
    pub payload_end: usize,
}

impl RtpHeader {
    /// Reads the header of a whole datagram.
    ///
    /// CSRC list, header extension and padding are skipped (ST 2110-10 §6 asks receivers
    /// to bear them). `payload_start <= payload_end <= packet.len()` always holds.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let Some(fixed) = packet.first_chunk::<HEADER_LEN>() else {
            return Err(RtpError::Truncated { octets: packet.len(), needed: HEADER_LEN });
        };
        let (payload_start, payload_end) = if fixed[0] == 0x80 {
            (HEADER_LEN, packet.len())
        } else {
            payload_range(packet, fixed[0])?
        };
        if is_rtcp(fixed[1]) {
            return Err(RtpError::Rtcp { packet_type: fixed[1] });
        }
        Ok(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            payload_start,
            payload_end,
        })
    }

    /// The payload of the packet this header was parsed from; empty for a shorter one.
    #[inline]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.payload_start..self.payload_end).unwrap_or_default()
    }

    /// Writes the 12 octets of a header without CSRC, extension and padding.
    ///
    /// `payload_start` and `payload_end` play no part. Returns [`HEADER_LEN`], or
    /// [`RtpError::Truncated`] (and leaves `out` alone) when `out` is shorter.
    #[inline]
    pub fn write_fixed(&self, out: &mut [u8]) -> Result<usize, RtpError> {
        let octets = out.len();
        let Some(out) = out.first_chunk_mut::<HEADER_LEN>() else {
            return Err(RtpError::Truncated { octets, needed: HEADER_LEN });
        };
        out[0] = 0x80;
        out[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        Ok(HEADER_LEN)
    }
}

/// Gives a packet another sequence number, SSRC and payload type, in place.
///
/// Marker, timestamp, flags and payload stay as they are. A packet shorter than
/// [`HEADER_LEN`] is left alone: it cannot have been parsed as RTP.
#[inline]
pub fn rewrite(packet: &mut [u8], sequence: u16, ssrc: u32, payload_type: u8) {
    if let Some(header) = packet.first_chunk_mut::<HEADER_LEN>() {
        header[1] = header[1] & 0x80 | payload_type & 0x7f;
        header[2..4].copy_from_slice(&sequence.to_be_bytes());
        header[8..12].copy_from_slice(&ssrc.to_be_bytes());
    }
}

/// Whether a packet's second octet marks it as RTCP.
///
/// RFC 5761 §4 takes 192 to 223 as RTCP packet types; RFC 3551 §6 keeps payload types 72
/// to 76 free of media for that reason, whatever the marker.
#[inline]
const fn is_rtcp(second_octet: u8) -> bool {
    matches!(second_octet, 192..=223) || matches!(second_octet & 0x7f, 72..=76)
}

/// The payload of a packet that has a CSRC list, an extension, padding or a bad version.
#[cold]
fn payload_range(packet: &[u8], first_octet: u8) -> Result<(usize, usize), RtpError> {
    let version = first_octet >> 6;
    if version != 2 {
        return Err(RtpError::Version { version });
    }
    let mut start = HEADER_LEN + 4 * usize::from(first_octet & 0x0f);
    let truncated = |needed| RtpError::Truncated { octets: packet.len(), needed };
    if first_octet & 0x10 != 0 {
        // RFC 3550 §5.3.1: 16 bits of profile, then the extension's length in words.
        let Some(length) = packet.get(start + 2..start + 4) else {
            return Err(truncated(start + 4));
        };
        start += 4 + 4 * usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
    if packet.len() < start {
        return Err(truncated(start));
    }
    let mut end = packet.len();
    if first_octet & 0x20 != 0 {
        // The last octet counts the padding, itself included (RFC 3550 §5.1).
        let padding = packet.last().copied().map_or(0, usize::from);
        if padding == 0 || padding > end - start {
            return Err(RtpError::Padding { padding, available: end - start });
        }
        end -= padding;
    }
    Ok((start, end))
}

/// Why a datagram is not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// It ends before its headers do.
    #[error("{octets} octets, but the RTP header needs {needed} (RFC 3550 §5.1)")]
    Truncated {
        /// Octets there are.
        octets: usize,
        /// Octets the headers need.
        needed: usize,
    },
    /// Not version 2.
    #[error("RTP version {version}, expected 2 (RFC 3550 §5.1)")]
    Version {
        /// What the packet says.
        version: u8,
    },
    /// RTCP on the media port: to be ignored, not an error of the sender.
    #[error("an RTCP packet of type {packet_type} on the media port (RFC 5761 §4)")]
    Rtcp {
        /// The RTCP packet type, 200 for a sender report.
        packet_type: u8,
    },
    /// The padding count is 0 or longer than the payload.
    #[error("{padding} octets of padding, {available} available (RFC 3550 §5.1)")]
    Padding {
        /// What the last octet says.
        padding: usize,
        /// Octets behind the headers.
        available: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 16] =
        [0x80, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 0xaa, 0xbb, 0xcc, 0xdd, 9, 8, 7, 6];

    #[test]
    fn a_plain_header_reads_and_writes_the_same_octets() {
        let header = RtpHeader::parse(&PLAIN).unwrap();
        assert_eq!(
            header,
            RtpHeader {
                marker: true,
                payload_type: 96,
                sequence: 0x1234,
                timestamp: 0x0102_0304,
                ssrc: 0xaabb_ccdd,
                payload_start: 12,
                payload_end: 16,
            }
        );
        assert_eq!(header.payload(&PLAIN), [9, 8, 7, 6]);
        let mut out = [0_u8; 12];
        assert_eq!(header.write_fixed(&mut out), Ok(12));
        assert_eq!(out, PLAIN[..12]);
        assert_eq!(
            header.write_fixed(&mut [0; 11]),
            Err(RtpError::Truncated { octets: 11, needed: 12 })
        );
    }

    #[test]
    fn csrc_extension_and_padding_are_skipped() {
        // V=2 P=1 X=1 CC=2, extension of one word, payload 5 5, padding 0 0 3.
        let mut packet = vec![0xb2, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([1; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]);
        packet.extend([5, 5, 0, 0, 3]);
        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!((header.payload_start, header.payload_end), (28, 30));
        assert_eq!(header.payload(&packet), [5, 5]);
        for length in 0..28 {
            assert!(RtpHeader::parse(&packet[..length]).is_err(), "{length}");
        }
        *packet.last_mut().unwrap() = 6;
        assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Padding { padding: 6, available: 5 }));
        *packet.last_mut().unwrap() = 0;
        assert!(matches!(RtpHeader::parse(&packet), Err(RtpError::Padding { padding: 0, .. })));
    }

    #[test]
    fn rtcp_and_other_versions_have_their_own_errors() {
        let mut packet = PLAIN;
        packet[1] = 200;
        assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Rtcp { packet_type: 200 }));
        packet[1] = 207;
        assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Rtcp { packet_type: 207 }));
        packet[1] = 72;
        assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Rtcp { packet_type: 72 }));
        packet[1] = 77;
        assert!(RtpHeader::parse(&packet).is_ok());
        packet[0] = 0x40;
        assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Version { version: 1 }));
    }

    #[test]
    fn rewriting_keeps_the_marker_and_the_rest() {
        let mut packet = PLAIN;
        rewrite(&mut packet, 0xfffe, 0x0102_0304, 112);
        assert_eq!(packet, [0x80, 0xf0, 0xff, 0xfe, 1, 2, 3, 4, 1, 2, 3, 4, 9, 8, 7, 6],);
        let mut short = [0x80_u8; 11];
        rewrite(&mut short, 1, 2, 3);
        assert_eq!(short, [0x80; 11]);
    }
}
