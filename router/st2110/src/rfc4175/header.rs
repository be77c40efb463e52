//! The payload header: extended sequence number and sample row data headers.
//!
//! Parsing costs a handful of loads and no allocation; it runs for every packet in the
//! router and in every sink.

/// Most sample row data segments a packet may carry (ST 2110-20 §6.2.1).
pub const MAX_SRDS: usize = 3;

/// Octets of one sample row data header.
pub const SRD_LEN: usize = 6;

/// Octets of the extended sequence number before the first header.
const ESN_LEN: usize = 2;

/// One sample row data header (RFC 4175 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Srd {
    /// Octets of data; a multiple of the pixel group, or 0 for an empty segment.
    pub length: u16,
    /// Second field of interlaced video, or second segment of PsF.
    pub field: bool,
    /// Line within the frame (or field), from 0; the upper line of the pair for 4:2:0.
    pub line: u16,
    /// First pixel in the line, from 0.
    pub offset: u16,
}

/// A parsed payload header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadHeader {
    /// High 16 bits of the 32-bit sequence number.
    pub extended_sequence: u16,
    /// First octet of the data, counted from the start of the payload: 8, 14 or 20.
    pub data_start: usize,
    segments: [Srd; MAX_SRDS],
    count: u8,
}

impl PayloadHeader {
    /// Reads the header of a payload and checks that the data it announces is there.
    ///
    /// Octets behind the announced data are let through. Whether the segments fit a raster
    /// is [`check`](super::check)'s question.
    #[inline]
    pub fn parse(payload: &[u8]) -> Result<Self, PayloadError> {
        let truncated = |needed| PayloadError::Truncated { octets: payload.len(), needed };
        let Some((sequence, mut rest)) = payload.split_first_chunk::<ESN_LEN>() else {
            return Err(truncated(ESN_LEN + SRD_LEN));
        };
        let mut segments = [Srd::default(); MAX_SRDS];
        let mut data_start = ESN_LEN;
        let mut announced = 0_usize;
        for (index, segment) in segments.iter_mut().enumerate() {
            data_start += SRD_LEN;
            let Some((octets, behind)) = rest.split_first_chunk::<SRD_LEN>() else {
                return Err(truncated(data_start));
            };
            let [length_high, length_low, line_high, line_low, offset_high, offset_low] = *octets;
            *segment = Srd {
                length: u16::from_be_bytes([length_high, length_low]),
                field: line_high & 0x80 != 0,
                line: u16::from_be_bytes([line_high & 0x7f, line_low]),
                offset: u16::from_be_bytes([offset_high & 0x7f, offset_low]),
            };
            announced += usize::from(segment.length);
            rest = behind;
            if offset_high & 0x80 == 0 {
                if rest.len() < announced {
                    return Err(PayloadError::DataShort { octets: rest.len(), announced });
                }
                return Ok(Self {
                    extended_sequence: u16::from_be_bytes(*sequence),
                    data_start,
                    segments,
                    count: index as u8 + 1,
                });
            }
        }
        Err(PayloadError::TooManySegments)
    }

    /// A header to write, of one to three segments; `None` for any other number.
    pub fn new(extended_sequence: u16, srds: &[Srd]) -> Option<Self> {
        if srds.is_empty() || srds.len() > MAX_SRDS {
            return None;
        }
        let mut segments = [Srd::default(); MAX_SRDS];
        segments[..srds.len()].copy_from_slice(srds);
        Some(Self {
            extended_sequence,
            data_start: ESN_LEN + SRD_LEN * srds.len(),
            segments,
            count: srds.len() as u8,
        })
    }

    /// The one to three segments, in the order of their data.
    #[inline]
    pub fn srds(&self) -> &[Srd] {
        // `count` is 1 to 3 by construction.
        self.segments.get(..usize::from(self.count)).unwrap_or(&self.segments)
    }

    /// Octets of data the segments announce together.
    #[inline]
    pub fn data_len(&self) -> usize {
        self.srds().iter().map(|srd| usize::from(srd.length)).sum()
    }

    /// Writes the header and returns its octets (`data_start`), or `None` (and writes
    /// nothing) when `out` is too short.
    #[inline]
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let out = out.get_mut(..self.data_start)?;
        let (sequence, headers) = out.split_first_chunk_mut::<ESN_LEN>()?;
        *sequence = self.extended_sequence.to_be_bytes();
        let srds = self.srds();
        for (index, (srd, out)) in srds.iter().zip(headers.chunks_exact_mut(SRD_LEN)).enumerate() {
            let line = srd.line & 0x7fff | u16::from(srd.field) << 15;
            let offset = srd.offset & 0x7fff | u16::from(index + 1 < srds.len()) << 15;
            out[0..2].copy_from_slice(&srd.length.to_be_bytes());
            out[2..4].copy_from_slice(&line.to_be_bytes());
            out[4..6].copy_from_slice(&offset.to_be_bytes());
        }
        Some(self.data_start)
    }
}

/// Gives a packet another extended sequence number, in place.
///
/// `payload_start` is that of its RTP header. A packet too short to hold one is left alone.
#[inline]
pub fn rewrite_extended_sequence(packet: &mut [u8], payload_start: usize, esn: u16) {
    if let Some(octets) = packet.get_mut(payload_start..).and_then(<[u8]>::first_chunk_mut) {
        *octets = esn.to_be_bytes();
    }
}

/// Why a payload is not RFC 4175 video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It ends within its headers.
    #[error("{octets} octets, but the payload header needs {needed} (RFC 4175 §4.2)")]
    Truncated {
        /// Octets of payload.
        octets: usize,
        /// Octets the headers read so far need.
        needed: usize,
    },
    /// More than three segments.
    #[error("more than 3 sample row data segments in a packet (ST 2110-20 §6.2.1)")]
    TooManySegments,
    /// Less data than the headers announce.
    #[error("{octets} octets of data where the headers announce {announced} (RFC 4175 §4.2)")]
    DataShort {
        /// Octets behind the headers.
        octets: usize,
        /// The sum of the segments' lengths.
        announced: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Extended sequence 1; 5 octets at field 1, line 2, offset 4; 10 at line 3, offset 0.
    const TWO: [u8; 29] = [
        0, 1, 0, 5, 0x80, 2, 0x80, 4, 0, 10, 0, 3, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
        14, 15,
    ];

    #[test]
    fn two_segments_read_and_write_the_same_octets() {
        let header = PayloadHeader::parse(&TWO).unwrap();
        assert_eq!(header.extended_sequence, 1);
        assert_eq!(
            header.srds(),
            [
                Srd { length: 5, field: true, line: 2, offset: 4 },
                Srd { length: 10, field: false, line: 3, offset: 0 },
            ]
        );
        assert_eq!((header.data_start, header.data_len()), (14, 15));
        let mut out = [0_u8; 14];
        assert_eq!(header.write(&mut out), Some(14));
        assert_eq!(out, TWO[..14]);
        assert_eq!(header.write(&mut out[..13]), None);
        assert_eq!(PayloadHeader::new(1, header.srds()), Some(header));
        assert_eq!(PayloadHeader::new(1, &[]), None);
        assert_eq!(PayloadHeader::new(1, &[Srd::default(); 4]), None);
    }

    #[test]
    fn every_truncation_is_refused() {
        for length in 0..TWO.len() {
            let error = PayloadHeader::parse(&TWO[..length]).unwrap_err();
            match error {
                PayloadError::Truncated { needed, .. } => assert!(length < needed && needed <= 14),
                PayloadError::DataShort { octets, announced } => {
                    assert_eq!((octets, announced), (length - 14, 15));
                }
                PayloadError::TooManySegments => panic!("{length}"),
            }
        }
    }

    #[test]
    fn a_fourth_segment_is_refused_and_an_empty_one_is_not() {
        let mut payload = vec![0, 0];
        for _ in 0..3 {
            payload.extend([0, 0, 0, 0, 0x80, 0]);
        }
        payload.extend([0, 0, 0, 0, 0, 0]);
        assert_eq!(PayloadHeader::parse(&payload), Err(PayloadError::TooManySegments));
        payload[18] = 0; // the third one's continuation
        assert_eq!(PayloadHeader::parse(&payload).unwrap().srds().len(), 3);
        assert_eq!(PayloadHeader::parse(&[0; 8]).unwrap().data_len(), 0);
    }

    #[test]
    fn rewriting_touches_two_octets() {
        let mut packet = [7_u8; 16];
        rewrite_extended_sequence(&mut packet, 12, 0x0102);
        assert_eq!(packet, [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1, 2, 7, 7]);
        rewrite_extended_sequence(&mut packet, 15, 0);
        rewrite_extended_sequence(&mut packet, usize::MAX, 0);
        assert_eq!(packet[15], 7);
    }
}
