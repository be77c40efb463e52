//! The judge of video: takes packets and times, says what was wrong with the stream.
//!
//! Sans-IO. Nothing is allocated a packet or a frame; the cost at 1080p60 is parsing, some
//! words of a bitmap a packet, and eighteen lines copied a frame.
//!
//! Two frames are held: the one in progress and the one before, so that packets that
//! overtake each other across the boundary still find their frame. A frame is judged when
//! the next but one begins, or at the end of the run.

use std::{collections::VecDeque, sync::Arc};

use ormatrix_strip::{Mark, Name};
use st2110::{
    format::VideoFormat,
    rfc4175::{Raster, RasterError},
};

use super::{
    frame::{Frame, Reading},
    report::{Report, Stream},
    sources::{Shown, Sources},
    strips::StripRows,
};
use crate::receive::{FrameTime, Numbered, Packet, Refusal, SequenceTracker};

/// Frames remembered to tell their late packets from a new frame.
const REMEMBERED: usize = 8;

/// Silence after which an unfinished frame at the end of a run has ended: at least this.
const SILENCE_NS: u64 = 200_000_000;

/// When something arrived, on three clocks, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival {
    /// Monotonic.
    pub now: u64,
    /// TAI since 1970.
    pub tai: u64,
    /// UTC since 1970.
    pub unix: u64,
}

/// A frame that was judged, for those who hold other levels against it.
#[derive(Clone, Copy, Debug)]
pub struct SeenFrame {
    /// Its RTP timestamps.
    pub time: FrameTime,
    /// What its strips say, where they can be read and agree.
    pub mark: Option<Mark>,
    /// When its last packet arrived.
    pub last: Arrival,
    /// How long a frame lasts, in nanoseconds.
    pub period_ns: u64,
}

/// Judges one stream of video.
#[derive(Debug)]
pub struct Judge {
    format: VideoFormat,
    raster: Raster,
    payload_type: Option<u8>,
    expected: Option<Name>,
    numbers: SequenceTracker,
    ssrc: Option<u32>,
    current: Option<Frame>,
    previous: Option<Frame>,
    spare: Vec<Frame>,
    ended: [Option<FrameTime>; REMEMBERED],
    next_ended: usize,
    last_packet: Option<u64>,
    /// The next frame to begin is the first of its format, joined in progress.
    joining: bool,
    sources: Sources,
    /// Frames judged and not yet asked for, if anybody asks.
    seen: Option<VecDeque<SeenFrame>>,
    report: Report,
}

impl Judge {
    /// A judge of streams of this format. `payload_type` refuses others; `expected` is the
    /// name that every strip must carry.
    pub fn new(
        format: &VideoFormat,
        payload_type: Option<u8>,
        expected: Option<Name>,
    ) -> Result<Self, RasterError> {
        let raster = Raster::new(format)?;
        Ok(Self {
            format: *format,
            raster,
            payload_type,
            expected,
            numbers: SequenceTracker::default(),
            ssrc: None,
            current: None,
            previous: None,
            spare: frames(format, &raster),
            ended: [None; REMEMBERED],
            next_ended: 0,
            last_packet: None,
            joining: true,
            sources: Sources::default(),
            seen: None,
            report: Report::default(),
        })
    }

    /// Keeps every frame judged from now on for [`next_seen`](Self::next_seen).
    pub fn keep_seen(&mut self) {
        self.seen.get_or_insert_default();
    }

    /// The next frame judged; whoever asked to keep them takes them after every packet.
    pub fn next_seen(&mut self) -> Option<SeenFrame> {
        self.seen.as_mut()?.pop_front()
    }

    /// Frames judged so far.
    pub const fn judged(&self) -> u64 {
        self.report.frames
    }

    /// The format changed, as its SDP says: the frame in progress is not judged, nor the
    /// first of the new format.
    pub fn change_format(
        &mut self,
        format: &VideoFormat,
        payload_type: Option<u8>,
    ) -> Result<(), RasterError> {
        self.payload_type = payload_type;
        if *format == self.format {
            return Ok(());
        }
        let raster = Raster::new(format)?;
        if let Some(frame) = self.previous.take() {
            self.judge(&frame);
        }
        self.current = None;
        self.format = *format;
        self.raster = raster;
        self.spare = frames(format, &raster);
        self.joining = true;
        self.report.format_changes += 1;
        Ok(())
    }

    /// Takes one datagram.
    pub fn packet(&mut self, octets: &[u8], at: &Arrival) {
        let packet = match Packet::parse(octets, &self.raster, self.payload_type) {
            Ok(packet) => packet,
            Err(refusal) => return self.refuse(&refusal),
        };
        self.report.packets += 1;
        if let Some(last) = self.last_packet {
            let silence = at.now.saturating_sub(last);
            self.report.longest_silence_ns = self.report.longest_silence_ns.max(silence);
        }
        self.last_packet = Some(at.now);
        if self.ssrc != Some(packet.rtp.ssrc) {
            if self.ssrc.is_some() {
                self.report.ssrc_changes += 1;
                self.numbers.restart();
            }
            self.ssrc = Some(packet.rtp.ssrc);
        }
        let (_, numbered) =
            self.numbers.packet(packet.rtp.sequence, packet.payload.extended_sequence);
        if numbered != Numbered::Duplicate {
            self.place(&packet, numbered == Numbered::Late, at);
        }
    }

    /// Judges what is left at `now`, when no packet is to come any more.
    pub fn end(&mut self, now: u64) {
        if let Some(frame) = self.previous.take() {
            self.judge(&frame);
        }
        if let Some(frame) = self.current.take() {
            let silence = (4 * self.format.rate.period_ns()).max(SILENCE_NS);
            let silent = now.saturating_sub(frame.last.now) > silence;
            if frame.missing_octets() == 0 || silent {
                self.judge(&frame);
            }
        }
    }

    /// Ends the run at `now` and gives the verdict.
    pub fn finish(mut self, now: u64) -> Report {
        self.end(now);
        let mut report = self.report;
        report.missing_packets = self.numbers.missing();
        report.duplicate_packets = self.numbers.duplicates();
        report.reordered_packets = self.numbers.late();
        report.sequence_breaks = self.numbers.breaks();
        report.extended_sequence = self.numbers.extended();
        let told = self.sources.told();
        report.missing_frames = told.missing_frames;
        report.source_restarts = told.restarts;
        report.sources = told.sources;
        report.switch_count = told.switch_count;
        report.longest_switch_gap_ns = told.longest_gap_ns;
        report.switches = told.switches;
        report.latency_us = told.latency;
        report.stream = Stream { ssrc: self.ssrc, format: self.format.to_string() };
        report
    }

    #[cold]
    fn refuse(&mut self, refusal: &Refusal) {
        match refusal {
            Refusal::Rtcp => self.report.rtcp_packets += 1,
            Refusal::PayloadType { .. } => self.report.wrong_payload_type += 1,
            Refusal::Rtp(_) | Refusal::Payload(_) => self.report.malformed_packets += 1,
            Refusal::Geometry(_) => self.report.outside_format += 1,
        }
    }

    #[inline]
    fn place(&mut self, packet: &Packet<'_>, late: bool, at: &Arrival) {
        let (timestamp, field) = (packet.rtp.timestamp, packet.field());
        if let Some(frame) = &mut self.current
            && frame.time.takes(timestamp, field)
            && (late || !frame.ended())
        {
            record(frame, &self.raster, packet, at);
            return;
        }
        if let (Some(frame), Some(current)) = (&mut self.previous, &mut self.current)
            && frame.time.takes(timestamp, field)
            && (late || !frame.ended())
        {
            if !late {
                // In the order of the numbers, the other frame had begun already.
                frame.interleaved = true;
                current.interleaved = true;
            }
            record(frame, &self.raster, packet, at);
            return;
        }
        if late {
            self.report.late_packets += 1;
            return;
        }
        self.begin(packet, at);
    }

    fn begin(&mut self, packet: &Packet<'_>, at: &Arrival) {
        let timestamp = packet.rtp.timestamp;
        let held = [&self.current, &self.previous];
        let repeat = held.iter().any(|f| f.as_ref().is_some_and(|f| f.time.has(timestamp)))
            || self.ended.iter().flatten().any(|time| time.has(timestamp));
        if let Some(frame) = self.previous.take() {
            self.judge(&frame);
            self.spare.push(frame);
        }
        self.previous = self.current.take();
        // Three frames exist and at most one is held by now.
        let Some(mut frame) = self.spare.pop() else { return };
        frame.begin(&self.format, packet, at);
        frame.repeat = repeat;
        frame.skip = std::mem::take(&mut self.joining);
        record(&mut frame, &self.raster, packet, at);
        self.current = Some(frame);
    }

    fn judge(&mut self, frame: &Frame) {
        self.ended[self.next_ended] = Some(frame.time);
        self.next_ended = (self.next_ended + 1) % REMEMBERED;
        if frame.skip {
            return;
        }
        let report = &mut self.report;
        report.frames += 1;
        let missing = frame.missing_octets();
        if missing == 0 {
            report.whole += 1;
            report.without_marker += u64::from(!frame.marker);
        } else {
            report.partial += 1;
            report.missing_octets += missing as u64;
        }
        let reading = frame.read_strips();
        let differ = matches!(reading, Reading::Differ);
        report.mixed += u64::from(frame.interleaved || frame.overlaps() || differ);
        let mark = match reading {
            Reading::Mark(mark) => {
                let shown = self.sources.shown(&mark, frame.first, frame.last);
                report.duplicated += u64::from(shown == Shown::Again);
                Some(mark)
            }
            unread => {
                let expected_strip = !matches!(unread, Reading::NoRoom);
                report.strip_undecodable += u64::from(expected_strip);
                report.duplicated += u64::from(frame.repeat);
                self.sources.unreadable(frame.last);
                None
            }
        };
        if self.expected.is_some() && mark.map(|mark| mark.name) != self.expected {
            report.unexpected_source += 1;
        }
        if let Some(seen) = &mut self.seen {
            let period_ns = self.format.rate.period_ns();
            seen.push_back(SeenFrame { time: frame.time, mark, last: frame.last, period_ns });
        }
    }
}

fn frames(format: &VideoFormat, raster: &Raster) -> Vec<Frame> {
    let rows = StripRows::new(format, raster).ok().map(Arc::new);
    (0..3).map(|_| Frame::new(format, raster, rows.as_ref())).collect()
}

#[inline]
fn record(frame: &mut Frame, raster: &Raster, packet: &Packet<'_>, at: &Arrival) {
    // `Packet::parse` has checked the segments against this raster: nothing to refuse.
    let _ = frame.record(raster, packet, at);
}
