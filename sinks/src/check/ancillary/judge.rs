//! The judge of ancillary data: takes packets and times, says what was wrong.

use std::collections::BTreeMap;

use ormatrix_strip::{MARK_DID, MARK_SDID, Mark, decode_packet};
use st2110::{
    ancillary::{AncError, AncField, AncPayload, AncillaryFormat, DataId},
    rtp::RtpHeader,
};

use super::{
    AncillaryReport, PacketKind, TimeCode, TimeCodeReport, companions::Companions, time_code,
};
use crate::{
    check::{
        Arrival,
        intake::Intake,
        judge::SeenFrame,
        report::Stream,
        sources::{Shown, Sources},
    },
    receive::Numbered,
};

/// Kinds of packets told apart.
const MOST_KINDS: usize = 64;

/// Packets of one timestamp and field.
#[derive(Clone, Copy, Debug)]
struct Frame {
    timestamp: u32,
    field: AncField,
    first: Arrival,
    last: Arrival,
    mark: Option<Mark>,
    marker: bool,
    /// Packets before, in or right behind it are missing.
    lossy: bool,
    /// In progress when the run began: not judged.
    skip: bool,
}

impl Frame {
    fn takes(&self, timestamp: u32, field: AncField) -> bool {
        self.timestamp == timestamp && self.field == field
    }
}

/// Judges one stream of ancillary data.
#[derive(Debug)]
pub struct AncillaryJudge {
    format: AncillaryFormat,
    /// Whether the video is known to be interlaced, or not to be.
    interlaced: Option<bool>,
    intake: Intake,
    current: Option<Frame>,
    previous: Option<Frame>,
    joined: bool,
    sources: Sources,
    companions: Companions,
    kinds: BTreeMap<(u8, u8), u64>,
    time_codes: Option<TimeCodeReport>,
    report: AncillaryReport,
}

impl AncillaryJudge {
    /// A judge of streams of this format. `payload_type` refuses others; `with_video` says
    /// that pictures will be told of, and then whether they are interlaced is known.
    pub fn new(format: &AncillaryFormat, payload_type: Option<u8>, with_video: bool) -> Self {
        Self {
            format: format.clone(),
            interlaced: with_video.then_some(format.interlace),
            intake: Intake::new(payload_type),
            current: None,
            previous: None,
            joined: false,
            sources: Sources::default(),
            companions: Companions::new(with_video),
            kinds: BTreeMap::new(),
            time_codes: None,
            report: AncillaryReport::default(),
        }
    }

    /// Frames judged so far.
    pub const fn judged(&self) -> u64 {
        self.report.frames
    }

    /// A picture was judged.
    pub fn picture(&mut self, seen: &SeenFrame) {
        self.companions.picture(seen);
    }

    /// Takes one datagram.
    pub fn packet(&mut self, octets: &[u8], at: &Arrival) {
        let Some(rtp) = self.intake.header(octets) else { return };
        let payload = match AncPayload::parse(rtp.payload(octets)) {
            Ok(payload) => payload,
            Err(error) => {
                self.unreadable(&rtp, rtp.payload(octets), &error, at);
                return;
            }
        };
        let numbered = self.intake.number(&rtp, payload.extended_sequence, at);
        if numbered == Numbered::Duplicate {
            return;
        }
        payload.violations(|error| fault(&mut self.report, &error));
        self.check_field(payload.field);
        self.report.keep_alives += u64::from(payload.count == 0);
        let mark = self.read(&payload);
        self.place(&rtp, payload.field, numbered, mark, at);
    }

    /// A payload that cannot be framed; with invalid F bits its number still counts.
    fn unreadable(&mut self, rtp: &RtpHeader, payload: &[u8], error: &AncError, at: &Arrival) {
        if let (AncError::Field, Some(extended)) = (error, payload.first_chunk::<2>()) {
            fault(&mut self.report, error);
            self.intake.number(rtp, u16::from_be_bytes(*extended), at);
        } else {
            self.report.first_fault.get_or_insert_with(|| error.to_string());
            self.intake.malformed();
        }
    }

    fn check_field(&mut self, field: AncField) {
        let interlaced = field != AncField::Frame;
        if self.interlaced.is_some_and(|declared| declared != interlaced) {
            self.report.field_faults += 1;
        }
    }

    /// Counts what a payload has, and returns the mark.
    fn read(&mut self, payload: &AncPayload<'_>) -> Option<Mark> {
        let mut mark = None;
        for packet in payload.packets().flatten() {
            self.report.anc_packets += 1;
            let id = packet.id();
            let key = (id.did, id.sdid);
            if self.kinds.len() < MOST_KINDS || self.kinds.contains_key(&key) {
                *self.kinds.entry(key).or_default() += 1;
            }
            if id == (DataId { did: MARK_DID, sdid: MARK_SDID }) {
                // A broken one is no mark; what broke it counts as checksum or parity.
                mark = decode_packet(packet.words()).ok().or(mark);
            } else if id == time_code::ID {
                self.time_code(TimeCode::read(packet.words(), self.format.rate));
            }
        }
        mark
    }

    fn time_code(&mut self, code: Option<TimeCode>) {
        let report = self.time_codes.get_or_insert_with(|| TimeCodeReport {
            packets: 0,
            invalid: 0,
            kind: "other",
            first: String::new(),
            last: String::new(),
        });
        report.packets += 1;
        let Some(code) = code else {
            report.invalid += 1;
            return;
        };
        use_text(&mut report.last, code);
        if report.first.is_empty() {
            report.first.clone_from(&report.last);
            report.kind = code.kind();
        }
    }

    fn place(
        &mut self,
        rtp: &RtpHeader,
        field: AncField,
        numbered: Numbered,
        mark: Option<Mark>,
        at: &Arrival,
    ) {
        let late = numbered == Numbered::Late;
        let lost = matches!(numbered, Numbered::Ahead(_));
        for frame in [&mut self.current, &mut self.previous].into_iter().flatten() {
            if frame.takes(rtp.timestamp, field) {
                // Behind its marker, in the order of the numbers.
                if !late && frame.marker {
                    self.report.marker_faults += 1;
                }
                frame.marker |= rtp.marker;
                frame.lossy |= lost;
                frame.mark = mark.or(frame.mark);
                frame.last = *at;
                return;
            }
        }
        if late {
            return;
        }
        let (begun, restarted) = (self.joined, numbered == Numbered::First);
        self.joined = true;
        if let Some(current) = &mut self.current {
            current.lossy |= lost || restarted;
            let same = current.field == field && field != AncField::Frame;
            self.report.field_faults += u64::from(same && !lost && !restarted);
        }
        if let Some(frame) = self.previous.take() {
            self.judge(&frame);
        }
        self.previous = self.current.replace(Frame {
            timestamp: rtp.timestamp,
            field,
            first: *at,
            last: *at,
            mark,
            marker: rtp.marker,
            lossy: lost,
            skip: !begun,
        });
    }

    fn judge(&mut self, frame: &Frame) {
        if frame.skip {
            return;
        }
        self.report.frames += 1;
        self.report.marker_faults += u64::from(!frame.marker && !frame.lossy);
        if let Some(mark) = &frame.mark {
            self.companions.frame(frame.timestamp, mark.name, frame.last.now);
        }
        // Both fields have the mark of their frame: it counts once.
        if frame.field == AncField::Second {
            return;
        }
        if let Some(mark) = &frame.mark {
            let shown = self.sources.shown(mark, frame.first, frame.last);
            self.report.duplicated += u64::from(shown == Shown::Again);
        } else {
            self.report.without_mark += 1;
            self.sources.unreadable(frame.last);
        }
    }

    /// Judges what is left, when no packet is to come any more. The last frame counts if its
    /// marker has come.
    pub fn end(&mut self) {
        if let Some(frame) = self.previous.take() {
            self.judge(&frame);
        }
        if let Some(frame) = self.current.take().filter(|frame| frame.marker) {
            self.judge(&frame);
        }
    }

    /// The verdict, once [`end`](Self::end) was called and the last picture told of.
    pub fn finish(mut self) -> AncillaryReport {
        self.companions.compare(true);
        let told = self.sources.told();
        let kinds = self.kinds.iter().map(|((did, sdid), packets)| PacketKind {
            id: format!("0x{did:02x}/0x{sdid:02x}"),
            packets: *packets,
        });
        AncillaryReport {
            packets: self.intake.counts(),
            kinds: kinds.collect(),
            time_code: self.time_codes,
            missing_frames: told.missing_frames,
            mismatched: self.companions.mismatched,
            stale: self.companions.stale,
            without_picture: self.companions.without_picture,
            pictures_without: self.companions.pictures_without,
            switch_count: told.switch_count,
            longest_switch_gap_ns: told.longest_gap_ns,
            switches: told.switches,
            sources: told.sources,
            latency_us: told.latency,
            stream: Stream { ssrc: self.intake.ssrc(), format: self.format.to_string() },
            ..self.report
        }
    }
}

fn fault(report: &mut AncillaryReport, error: &AncError) {
    let counter = match error {
        AncError::Field => &mut report.field_faults,
        AncError::Parity { .. } => &mut report.parity_faults,
        AncError::Checksum { .. } => &mut report.checksum_faults,
        _ => &mut report.payload_faults,
    };
    *counter += 1;
    report.first_fault.get_or_insert_with(|| error.to_string());
}

/// Writes into a string that is kept.
fn use_text(text: &mut String, code: TimeCode) {
    use std::fmt::Write as _;
    text.clear();
    // Writing to a string cannot fail.
    let _ = write!(text, "{code}");
}
