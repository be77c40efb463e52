//! Ancillary data beside the picture (ST 2110-40): time code or a script, and the mark.
//!
//! Each frame has its packets in one datagram (a long script may need more), sent when the
//! frame's first video packet is due: at the start of the frame, well within the window of
//! ST 2110-40 §6 that ends a millisecond behind the data's place in the raster. Its timestamp
//! is the frame's. Frames of interlaced video have two, one a field; the second carries the
//! mark only. A frame without data, or without a picture, has one packet with ANC_Count 0, so
//! that receivers know that the stream lives (ST 2110-40 §5.5).
//!
//! Where the packets would lie in an SDI raster does not matter to an IP receiver: they ask
//! for any line of the vertical blanking (RFC 8331 §2.1, line 0x7fe).
//!
//! Cost: a datagram of about 120 octets a frame.

pub mod script;
pub mod timecode;

use std::io::IoSlice;

use ormatrix_strip::{MARK_DID, MARK_SDID, MARK_WORDS, Mark, encode_packet};
use st2110::{
    ancillary::{AncData, AncField, AncFrame, DataId, Location, data_word},
    format::{Rate, Scan},
    rfc4175::STANDARD_UDP_LIMIT,
};

use crate::sender::{LevelCounts, Transmit};
use script::Script;
use timecode::TimeCode;

/// RTP payload type of ancillary data.
pub const PAYLOAD_TYPE: u8 = 100;

/// Time code (ST 12-2).
pub const TIME_CODE: DataId = DataId { did: 0x60, sdid: 0x60 };

/// The mark (see `ormatrix_strip::encode_packet`).
pub const MARK: DataId = DataId { did: MARK_DID, sdid: MARK_SDID };

/// Any line between the switching line and the picture.
const BLANKING: Location = Location { line: Location::LINE_VERTICAL, ..Location::ANYWHERE };

/// What each frame's packets say, beside the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The frame's UTC time of day.
    TimeCode,
    /// What a file says.
    Script(Script),
}

/// What the packets of a stream have in common.
#[derive(Clone, Debug)]
pub struct AncillaryStream {
    /// Frames a second of the video.
    pub rate: Rate,
    /// Its scan.
    pub scan: Scan,
    /// What is sent.
    pub content: Content,
    /// Whether the mark is, too.
    pub marked: bool,
    /// RTP payload type.
    pub payload_type: u8,
    /// RTP synchronisation source.
    pub ssrc: u32,
}

/// A frame's field, or the frame where it has no fields of its own.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// What the strip says of the frame.
    pub mark: Mark,
    /// When it starts, in nanoseconds of UTC.
    pub unix_ns: u64,
    /// 0 or 1.
    pub field: u16,
    /// RTP timestamp of that field of the picture.
    pub timestamp: u32,
}

/// Sends the ancillary data of a source over one or two legs.
#[derive(Debug)]
pub struct AncillarySender<T> {
    legs: Vec<T>,
    stream: AncillaryStream,
    sequence: u32,
    packet: Vec<u8>,
    /// What has been sent so far.
    pub counts: LevelCounts,
}

impl<T: Transmit> AncillarySender<T> {
    /// Nothing sent yet.
    pub fn new(legs: Vec<T>, stream: AncillaryStream) -> Self {
        let packet = vec![0; usize::from(STANDARD_UDP_LIMIT)];
        Self { legs, stream, sequence: 0, packet, counts: LevelCounts::default() }
    }

    /// Sends what belongs to a unit. Segmented frames have one unit, the first.
    pub fn send(&mut self, unit: &Unit) {
        let Some(field) = self.field(unit.field) else { return };
        let time_code = TimeCode::at(self.stream.rate, unit.unix_ns).words().map(data_word);
        let mark: [u16; MARK_WORDS] = encode_packet(&unit.mark).map(data_word);
        let data = |id, words| AncData { location: BLANKING, id, words };
        let mut packets = Vec::new();
        if field != AncField::Second {
            match &self.stream.content {
                Content::TimeCode => packets.push(data(TIME_CODE, &time_code[..])),
                Content::Script(script) => packets.extend(
                    script
                        .frame(unit.mark.frame)
                        .iter()
                        .map(|packet| data(packet.id, &packet.words)),
                ),
            }
        }
        if self.stream.marked {
            packets.push(data(MARK, &mark[..]));
        }
        transmit(
            &mut self.legs,
            &mut self.sequence,
            &mut self.packet,
            &mut self.counts,
            &Frame { field, packets: &packets, timestamp: unit.timestamp, stream: &self.stream },
        );
    }

    /// Says that the stream lives although there is nothing to say.
    pub fn keep_alive(&mut self, field: u16, timestamp: u32) {
        let Some(field) = self.field(field) else { return };
        transmit(
            &mut self.legs,
            &mut self.sequence,
            &mut self.packet,
            &mut self.counts,
            &Frame { field, packets: &[], timestamp, stream: &self.stream },
        );
    }

    /// The F bits of a field; `None` for a second segment, which has no packets.
    fn field(&self, field: u16) -> Option<AncField> {
        match (self.stream.scan, field) {
            (Scan::Interlaced, 0) => Some(AncField::First),
            (Scan::Interlaced, _) => Some(AncField::Second),
            (_, 0) => Some(AncField::Frame),
            _ => None,
        }
    }
}

/// What goes into the packets of a unit.
struct Frame<'a> {
    field: AncField,
    packets: &'a [AncData<'a>],
    timestamp: u32,
    stream: &'a AncillaryStream,
}

fn transmit<T: Transmit>(
    legs: &mut [T],
    sequence: &mut u32,
    packet: &mut [u8],
    counts: &mut LevelCounts,
    unit: &Frame<'_>,
) {
    counts.empty_packets += u64::from(unit.packets.is_empty());
    let Frame { field, packets, timestamp, stream } = *unit;
    let AncillaryStream { ssrc, payload_type, .. } = *stream;
    // What is to be said here was checked when it was read.
    let Ok(mut frame) = AncFrame::new(field, packets, STANDARD_UDP_LIMIT) else { return };
    while let Ok(Some(octets)) = frame.next_packet(*sequence, timestamp, ssrc, payload_type, packet)
    {
        *sequence = sequence.wrapping_add(1);
        counts.packets += 1;
        let datagram = packet.get(..octets).unwrap_or_default();
        for leg in &mut *legs {
            counts.sent(leg.send(&[IoSlice::new(datagram)], octets));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io, rc::Rc};

    use ormatrix_strip::decode_packet;
    use st2110::{ancillary::AncPayload, rtp::RtpHeader};

    use super::*;

    #[derive(Clone, Default)]
    struct Catch(Rc<RefCell<Vec<Vec<u8>>>>);

    impl Transmit for Catch {
        fn send(&mut self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
            let octets: Vec<u8> = gather.iter().flat_map(|slice| slice.iter().copied()).collect();
            assert_eq!(octets.len(), segment);
            self.0.borrow_mut().push(octets);
            Ok(1)
        }
    }

    fn sender(scan: Scan, content: Content, marked: bool) -> (AncillarySender<Catch>, Catch) {
        let legs = Catch::default();
        let rate = "25".parse().unwrap();
        let stream = AncillaryStream { rate, scan, content, marked, payload_type: 100, ssrc: 9 };
        (AncillarySender::new(vec![legs.clone()], stream), legs)
    }

    fn unit(frame: u32, field: u16) -> Unit {
        let mark = Mark::new("Endoscope", 1_763_757_342_000_000, frame).unwrap();
        Unit { mark, unix_ns: 45_296 * 1_000_000_000, field, timestamp: 77 }
    }

    /// F bits and kinds of each datagram.
    fn seen(catch: &Catch) -> Vec<(AncField, Vec<DataId>)> {
        let all = catch.0.borrow();
        (0..)
            .zip(all.iter())
            .map(|(sequence, packet): (u16, &Vec<u8>)| {
                let rtp = RtpHeader::parse(packet).unwrap();
                assert_eq!((rtp.sequence, rtp.timestamp, rtp.ssrc), (sequence, 77, 9));
                assert!(rtp.marker && rtp.payload_type == 100);
                let payload = AncPayload::parse(rtp.payload(packet)).unwrap();
                assert_eq!(payload.check(), Ok(()));
                let ids = payload.packets().map(|packet| packet.unwrap().id()).collect();
                (payload.field, ids)
            })
            .collect()
    }

    #[test]
    fn a_frame_has_its_time_and_its_mark() {
        let (mut sender, catch) = sender(Scan::Progressive, Content::TimeCode, true);
        sender.send(&unit(7, 0));
        assert_eq!(seen(&catch), [(AncField::Frame, vec![TIME_CODE, MARK])]);
        let packet = catch.0.borrow()[0].clone();
        let rtp = RtpHeader::parse(&packet).unwrap();
        let payload = AncPayload::parse(rtp.payload(&packet)).unwrap();
        let packets: Vec<_> = payload.packets().map(Result::unwrap).collect();
        assert_eq!(decode_packet(packets[1].words()), Ok(unit(7, 0).mark));
        let code = TimeCode::at("25".parse().unwrap(), unit(7, 0).unix_ns);
        assert!(packets[0].words().eq(code.words().map(data_word)));
        assert_eq!(packets[0].location.line, Location::LINE_VERTICAL);
    }

    #[test]
    fn fields_have_their_own_packets_and_segments_share_one() {
        let (mut interlaced, catch) = sender(Scan::Interlaced, Content::TimeCode, true);
        interlaced.send(&unit(7, 0));
        interlaced.send(&unit(7, 1));
        let expected = [(AncField::First, vec![TIME_CODE, MARK]), (AncField::Second, vec![MARK])];
        assert_eq!(seen(&catch), expected);
        let (mut segmented, catch) = sender(Scan::Psf, Content::TimeCode, false);
        segmented.send(&unit(7, 0));
        segmented.send(&unit(7, 1));
        assert_eq!(seen(&catch), [(AncField::Frame, vec![TIME_CODE])]);
    }

    #[test]
    fn nothing_to_say_keeps_the_stream_alive() {
        let script = Script::parse("-\n61/02:80").unwrap();
        let (mut sender, catch) = sender(Scan::Progressive, Content::Script(script), false);
        sender.send(&unit(0, 0));
        sender.send(&unit(1, 0));
        sender.keep_alive(0, 77);
        let captions = DataId { did: 0x61, sdid: 0x02 };
        let frame = AncField::Frame;
        assert_eq!(seen(&catch), [(frame, vec![]), (frame, vec![captions]), (frame, vec![])]);
        assert_eq!((sender.counts.packets, sender.counts.empty_packets), (3, 2));
    }
}
