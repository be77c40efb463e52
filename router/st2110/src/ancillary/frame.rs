//! The RTP packets of a frame (or field).

use super::{AncData, AncField, AncWriteError, AncWriter, MAX_PACKETS, PAYLOAD_HEADER_LEN};
use crate::{
    rfc4175::STANDARD_UDP_LIMIT,
    rtp::{HEADER_LEN, RtpHeader},
};

/// Octets of a UDP header.
const UDP_HEADER_LEN: usize = 8;

/// Spreads the ANC data packets of one frame or field over RTP packets, in their order, as
/// many in each as fit. The last has the marker. Without ANC data packets there is one RTP
/// packet with ANC_Count 0, so that receivers know the stream lives (ST 2110-40 §5.5).
#[derive(Clone, Debug)]
pub struct AncFrame<'a> {
    field: AncField,
    left: &'a [AncData<'a>],
    max_payload: usize,
    done: bool,
}

impl<'a> AncFrame<'a> {
    /// Checks that every packet can be written, and alone fits a datagram of `max_udp`
    /// octets, UDP header included: at most 1460 ([`STANDARD_UDP_LIMIT`], ST 2110-40 §5.2.1).
    pub fn new(
        field: AncField,
        packets: &'a [AncData<'a>],
        max_udp: u16,
    ) -> Result<Self, AncWriteError> {
        let headers = UDP_HEADER_LEN + HEADER_LEN;
        let mut longest = 0;
        for packet in packets {
            packet.check()?;
            longest = longest.max(packet.octets());
        }
        let needed = headers + PAYLOAD_HEADER_LEN + longest;
        if usize::from(max_udp) < needed || max_udp > STANDARD_UDP_LIMIT {
            return Err(AncWriteError::Datagram { max_udp, needed });
        }
        let max_payload = usize::from(max_udp) - headers;
        Ok(Self { field, left: packets, max_payload, done: false })
    }

    /// How many ANC data packets the next RTP packet takes.
    fn next_count(&self) -> usize {
        let mut octets = PAYLOAD_HEADER_LEN;
        self.left
            .iter()
            .take(MAX_PACKETS)
            .take_while(|packet| {
                octets += packet.octets();
                octets <= self.max_payload
            })
            .count()
    }

    /// RTP packets still to write.
    pub fn remaining(&self) -> usize {
        let mut rest = self.clone();
        let mut packets = 0;
        while !rest.done {
            rest.advance();
            packets += 1;
        }
        packets
    }

    /// Takes the packets of the next RTP packet away.
    fn advance(&mut self) -> (&'a [AncData<'a>], bool) {
        // Every packet fits alone, so that each step takes at least one.
        let (now, left) = self.left.split_at(self.next_count());
        self.left = left;
        self.done = left.is_empty();
        (now, self.done)
    }

    /// Writes the next RTP packet and returns its octets; `None` after the last.
    ///
    /// The high 16 bits of `sequence` become the extended sequence number. All packets of a
    /// frame share `timestamp` ([`frame_timestamp`](crate::timing::frame_timestamp)). When
    /// `out` is too short the packet stays to be written; 1440 octets and the RTP header
    /// always suffice.
    pub fn next_packet(
        &mut self,
        sequence: u32,
        timestamp: u32,
        ssrc: u32,
        payload_type: u8,
        out: &mut [u8],
    ) -> Result<Option<usize>, AncWriteError> {
        if self.done {
            return Ok(None);
        }
        let mut after = self.clone();
        let (packets, marker) = after.advance();
        let header = RtpHeader {
            marker,
            payload_type,
            sequence: sequence as u16,
            timestamp,
            ssrc,
            payload_start: HEADER_LEN,
            payload_end: HEADER_LEN,
        };
        let available = out.len();
        let room = AncWriteError::Room { needed: HEADER_LEN + PAYLOAD_HEADER_LEN, available };
        let (fixed, payload) = out.split_at_mut_checked(HEADER_LEN).ok_or(room)?;
        header.write_fixed(fixed).map_err(|_| room)?;
        let mut writer = AncWriter::new(payload, (sequence >> 16) as u16, self.field)?;
        for packet in packets {
            writer.push(packet)?;
        }
        let octets = HEADER_LEN + writer.octets();
        *self = after;
        Ok(Some(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ancillary::{AncPayload, DataId, Location, data_word};

    fn data(words: &[u16]) -> AncData<'_> {
        AncData {
            location: Location { line: 9, ..Location::ANYWHERE },
            id: DataId { did: 0x61, sdid: 0x02 },
            words,
        }
    }

    /// Octets, marker and ANC_Count of each RTP packet.
    fn packets(mut frame: AncFrame<'_>) -> Vec<(usize, bool, u8)> {
        let mut found = Vec::new();
        let mut out = [0; 1452];
        let announced = frame.remaining();
        let mut sequence = 0x0001_ffff;
        while let Some(octets) = frame.next_packet(sequence, 7, 8, 100, &mut out).unwrap() {
            let header = RtpHeader::parse(&out[..octets]).unwrap();
            assert_eq!((header.sequence, header.timestamp), (sequence as u16, 7));
            assert_eq!((header.ssrc, header.payload_type), (8, 100));
            let payload = AncPayload::parse(header.payload(&out[..octets])).unwrap();
            assert_eq!(payload.check(), Ok(()));
            assert_eq!(u32::from(payload.extended_sequence), sequence >> 16);
            found.push((octets, header.marker, payload.count));
            sequence += 1;
        }
        assert_eq!(found.len(), announced);
        assert_eq!(frame.next_packet(0, 0, 0, 0, &mut out), Ok(None));
        found
    }

    #[test]
    fn an_empty_frame_keeps_the_stream_alive() {
        let frame = AncFrame::new(AncField::Second, &[], STANDARD_UDP_LIMIT).unwrap();
        assert_eq!(packets(frame), [(20, true, 0)]);
        let mut out = [0; 20];
        let mut frame = AncFrame::new(AncField::Second, &[], STANDARD_UDP_LIMIT).unwrap();
        frame.next_packet(0x0002_0001, 3, 4, 100, &mut out).unwrap();
        let expected = [0x80, 0xe4, 0, 1, 0, 0, 0, 3, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0b1100_0000, 0, 0];
        assert_eq!(out, expected);
    }

    #[test]
    fn packets_are_spread_and_the_last_is_marked() {
        let longest = [data_word(0x55); 255];
        // 4 octets, and 259 words in 324 octets: four of them and 8 octets fit 1440.
        let many = [data(&longest); 9];
        assert_eq!(many[0].octets(), 328);
        let frame = AncFrame::new(AncField::Frame, &many, STANDARD_UDP_LIMIT).unwrap();
        let whole = 12 + 8 + 4 * 328;
        assert_eq!(packets(frame), [(whole, false, 4), (whole, false, 4), (348, true, 1)]);
        // Exactly full: the marker comes at once.
        let frame = AncFrame::new(AncField::Frame, &many[..4], STANDARD_UDP_LIMIT).unwrap();
        assert_eq!(packets(frame), [(whole, true, 4)]);
        // 119 of 12 octets fit by size.
        let short = [data(&[]); 300];
        assert_eq!(short[0].octets(), 12);
        let frame = AncFrame::new(AncField::Frame, &short, STANDARD_UDP_LIMIT).unwrap();
        let counts: Vec<_> = packets(frame).iter().map(|(.., count)| *count).collect();
        assert_eq!(counts, [119, 119, 62]);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let longest = [data_word(0x55); 255];
        let new = |packets: &[AncData<'_>], max_udp| {
            AncFrame::new(AncField::Frame, packets, max_udp).map(|_| ()).unwrap_err()
        };
        let one = [data(&longest)];
        let needed = 8 + 12 + 8 + 328;
        assert_eq!(new(&one, 355), AncWriteError::Datagram { max_udp: 355, needed });
        assert!(AncFrame::new(AncField::Frame, &one, 356).is_ok());
        assert_eq!(new(&one, 1461), AncWriteError::Datagram { max_udp: 1461, needed });
        assert_eq!(new(&[data(&[0x200; 256])], 1460), AncWriteError::Words { words: 256 });
        for word in [3, 0x3fc, 0x400] {
            let error = AncWriteError::Word { index: 1, word };
            assert_eq!(new(&[data(&[0x200, word])], 1460), error);
        }
        let mut far = data(&[]);
        far.location.line = 0x800;
        let error = AncWriteError::Location { name: "Line_Number", value: 0x800, most: 0x7ff };
        assert_eq!(new(&[far], 1460), error);
        // Too short a buffer loses nothing.
        let packets = [data(&[0x155])];
        let mut frame = AncFrame::new(AncField::Frame, &packets, 1460).unwrap();
        for length in [0, 11, 19, 31] {
            let error = frame.next_packet(0, 0, 0, 100, &mut vec![0; length]).unwrap_err();
            assert!(matches!(error, AncWriteError::Room { .. }), "{length}: {error}");
        }
        assert_eq!(frame.next_packet(0, 0, 0, 100, &mut [0; 32]), Ok(Some(32)));
    }
}
