//! A slate as a stream: packets made once, stamped anew for every frame, without I/O.

use ormatrix_io::MAX_SEGMENTS;
use st2110::{
    format::Scan,
    rfc4175::{FramePlan, PlanError, rewrite_extended_sequence},
    rtp,
    timing::{self, Pacing, SenderSchedule, SenderType, VIDEO_CLOCK_HZ, frame_timestamp},
};

use super::{Card, draw};

/// Octets one gathered send may hold.
const OCTETS_MAX: usize = 65_000;
/// A step of TAI by more than so many frame periods is followed, not waited for.
const PERIODS_MAX: u64 = 3;

/// The packets of a slate and when each is due (ST 2110-21, type W).
#[derive(Debug)]
pub struct Stream {
    card: Card,
    schedule: SenderSchedule,
    /// One packet after another, with all their headers.
    octets: Vec<u8>,
    /// Where each of them begins, and where the last ends.
    starts: Vec<usize>,
    packets_per_field: usize,
    /// Packets in a burst, CMAX at most.
    burst: usize,
    ssrc: u32,
    sequence: u32,
    frame: u64,
    /// The next packet to send of it.
    next: usize,
}

impl Stream {
    /// Draws a card and cuts it into packets; the first frame is one that can still be sent
    /// on time at `tai`.
    ///
    /// # Errors
    /// When the card's format cannot be cut into packets.
    pub fn new(card: Card, ssrc: u32, tai: u64) -> Result<Self, PlanError> {
        let plan = FramePlan::new(&card.format, card.max_udp)?;
        let frame = draw(&card)?;
        let count = plan.packets();
        let mut octets = Vec::with_capacity(count * plan.max_packet_len());
        let mut starts = Vec::with_capacity(count + 1);
        for packet in (0..count).filter_map(|index| plan.packet(index)) {
            let start = octets.len();
            starts.push(start);
            octets.resize(start + packet.packet_len() - packet.data_len(), 0);
            packet.write_header(0, 0, ssrc, card.payload_type, &mut octets[start..]);
            for range in packet.ranges() {
                octets.extend_from_slice(&frame[range.clone()]);
            }
        }
        starts.push(octets.len());
        let limits = timing::limits(&card.format, count, card.max_udp, SenderType::Wide);
        // Wide is undefined above 900 000 packets a second; 16 is its floor.
        let cmax = limits.map_or(16, |limits| limits.cmax as usize);
        let room = OCTETS_MAX / plan.max_packet_len().max(1);
        let schedule = SenderSchedule::new(&card.format, count, Pacing::Linear);
        Ok(Self {
            schedule,
            octets,
            starts,
            packets_per_field: plan.packets_per_field(),
            burst: cmax.min(MAX_SEGMENTS).min(room).max(1),
            ssrc,
            sequence: 0,
            frame: schedule.next_frame(tai),
            next: 0,
            card,
        })
    }

    /// The same in bursts of at most so many packets, where CMAX would be too many.
    #[must_use]
    pub fn in_bursts_of(self, packets: usize) -> Self {
        Self { burst: self.burst.min(packets.max(1)), ..self }
    }

    /// When the next burst is due, TAI ns; `tai` is now. Frames that have been missed whole
    /// are left out; one that has begun is always finished.
    pub fn due(&mut self, tai: u64) -> u64 {
        let reach = PERIODS_MAX * self.card.format.rate.period_ns();
        let due = self.schedule.departure_ns(self.frame, self.next);
        if self.next > 0 {
            return if due > tai + reach { tai } else { due };
        }
        if due > tai + reach || self.schedule.departure_ns(self.frame + 1, 0) < tai {
            self.frame = self.schedule.next_frame(tai);
        }
        self.schedule.departure_ns(self.frame, 0)
    }

    /// Sends the next burst: `send` is given packets that lie one after another, each so many
    /// octets long but the last, which may be shorter. Usually called once.
    pub fn send(&mut self, mut send: impl FnMut(&[u8], usize)) {
        let packets = self.starts.len() - 1;
        let field_end =
            if self.next < self.packets_per_field { self.packets_per_field } else { packets };
        let end = (self.next + self.burst).min(field_end).min(packets);
        for index in self.next..end {
            self.stamp(index);
        }
        let length = |index: usize| self.starts[index + 1] - self.starts[index];
        let mut from = self.next;
        while from < end {
            let segment = length(from);
            let mut to = from + 1;
            while to < end && length(to) <= segment && length(to - 1) == segment {
                to += 1;
            }
            send(&self.octets[self.starts[from]..self.starts[to]], segment);
            from = to;
        }
        self.next = end;
        if end >= packets {
            (self.frame, self.next) = (self.frame + 1, 0);
        }
    }

    fn stamp(&mut self, index: usize) {
        let format = &self.card.format;
        // Both segments of PsF are of one moment (ST 2110-20 §6.1.3).
        let field = u16::from(format.scan == Scan::Interlaced && index >= self.packets_per_field);
        let timestamp = frame_timestamp(format.rate, self.frame, field, VIDEO_CLOCK_HZ);
        let packet = &mut self.octets[self.starts[index]..self.starts[index + 1]];
        rtp::rewrite(packet, self.sequence as u16, self.ssrc, self.card.payload_type);
        if let Some(place) = packet.get_mut(4..8) {
            place.copy_from_slice(&timestamp.to_be_bytes());
        }
        rewrite_extended_sequence(packet, rtp::HEADER_LEN, (self.sequence >> 16) as u16);
        self.sequence = self.sequence.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use st2110::{
        format::{Depth, Packing, Rate, Sampling, VideoFormat},
        rfc4175::{PayloadHeader, Raster},
        rtp::RtpHeader,
    };

    use super::*;

    const TAI: u64 = 1_800_000_000_123_456_789;

    fn card(format: VideoFormat) -> Card {
        let (id, label) = ("xray".to_owned(), Some("X-ray, OR 2".to_owned()));
        Card { format, max_udp: 1460, payload_type: 101, id, label, since: TAI - 37_000_000_000 }
    }

    /// Receives two frames as any receiver would and compares them with the drawing.
    fn check(format: VideoFormat) {
        let card = card(format);
        let raster = Raster::new(&format).unwrap();
        let picture = draw(&card).unwrap();
        let mut stream = Stream::new(card, 0x5a1e, TAI).unwrap();
        stream.sequence = 0xffff_fff0;
        let (mut sequence, mut clock, mut longest) = (0xffff_fff0_u32, TAI, 0);
        for _ in 0..2 {
            let mut frame = vec![0; raster.buffer_octets()];
            let (mut timestamps, mut began) = (Vec::new(), None);
            for field in 0..format.fields() {
                let mut ended = false;
                while !ended {
                    let due = stream.due(clock);
                    assert!(due >= clock, "{format}: in order");
                    clock = due;
                    began.get_or_insert(due);
                    let mut burst = 0;
                    stream.send(|octets, segment| {
                        for packet in octets.chunks(segment) {
                            burst += 1;
                            let rtp = RtpHeader::parse(packet).unwrap();
                            assert_eq!((rtp.ssrc, rtp.payload_type), (0x5a1e, 101));
                            let payload = &packet[rtp.payload_start..rtp.payload_end];
                            let header = PayloadHeader::parse(payload).unwrap();
                            let number =
                                u32::from(header.extended_sequence) << 16 | u32::from(rtp.sequence);
                            assert_eq!(number, sequence);
                            sequence = sequence.wrapping_add(1);
                            assert!(header.srds().iter().all(|srd| srd.field == (field == 1)));
                            raster
                                .place(&header, &payload[header.data_start..], &mut frame)
                                .unwrap();
                            ended |= rtp.marker;
                            timestamps.push(rtp.timestamp);
                        }
                    });
                    longest = longest.max(burst);
                }
            }
            assert!(frame == picture, "{format}");
            timestamps.dedup();
            let moments = if format.scan == Scan::Interlaced { 2 } else { 1 };
            assert_eq!(timestamps.len(), moments, "{format}");
            // The first packet leaves TROFFSET behind the moment of its timestamp.
            let moment = timing::rtp_to_tai(timestamps[0], clock, VIDEO_CLOCK_HZ);
            let behind = began.unwrap() - moment;
            assert!(behind < format.rate.period_ns() / 20, "{format}: {behind}");
        }
        assert!(longest <= stream.burst);
    }

    #[test]
    fn every_format_arrives_as_it_was_drawn() {
        let rate = Rate::new(60_000, 1001).unwrap();
        for sampling in Sampling::ALL {
            for depth in Depth::ALL {
                for scan in Scan::ALL {
                    for packing in Packing::ALL {
                        let (sampling, depth, scan, packing) = (*sampling, *depth, *scan, *packing);
                        let (width, height) = (720, 576);
                        check(VideoFormat { width, height, rate, sampling, depth, scan, packing });
                    }
                }
            }
        }
    }

    #[test]
    fn rows_that_divide_badly_are_sent_too() {
        let rate = Rate::new(50, 1).unwrap();
        let (scan, packing) = (Scan::Progressive, Packing::Gpm);
        let (sampling, depth) = (Sampling::YCbCr422, Depth::D10);
        check(VideoFormat { width: 1366, height: 768, rate, sampling, depth, scan, packing });
    }

    #[test]
    fn time_lost_is_left_out_and_time_gone_back_is_followed() {
        let rate = Rate::new(50, 1).unwrap();
        let (scan, packing) = (Scan::Progressive, Packing::Gpm);
        let (sampling, depth) = (Sampling::YCbCr422, Depth::D10);
        let format = VideoFormat { width: 480, height: 8, rate, sampling, depth, scan, packing };
        let mut stream = Stream::new(card(format), 1, TAI).unwrap().in_bursts_of(3);
        stream.due(TAI);
        stream.send(|_, _| {});
        // Late within a frame: the rest leaves at once.
        let late = TAI + 1_000_000_000;
        assert!(stream.due(late) < late);
        stream.send(|_, _| {});
        stream.send(|_, _| {});
        assert!(stream.due(late) >= late, "the next frame is one of now");
        // Half an hour back.
        let before = TAI - 1_800_000_000_000;
        let due = stream.due(before);
        assert!((before..before + 40_000_000).contains(&due));
        stream.send(|_, _| {});
        assert_eq!(stream.due(before - 1_800_000_000_000), before - 1_800_000_000_000);
    }
}
