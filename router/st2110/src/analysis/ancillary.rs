//! An ancillary data stream, packet by packet (ST 2110-40, RFC 8331).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Arrival,
    counts::Counts,
    follow::{Follower, FollowerReport, Place},
    spread::{Spread, approximate},
    units::{Step, Units},
    verdict::{Outcome, Verdict},
    video_report::{micro, stream_checks},
};
use crate::{
    ancillary::{AncError, AncField, AncPayload},
    format::Rate,
    timing::VIDEO_CLOCK_HZ,
};

/// Kinds of data listed one by one.
const MOST_KINDS: usize = 256;

/// What a stream is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AncillarySettings {
    /// Frames a second of the video it belongs to, where that is known.
    pub rate: Option<Rate>,
    /// Whether that video is interlaced, where that is known.
    pub interlaced: Option<bool>,
}

/// A kind of data and how often it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AncillaryKind {
    /// DID and SDID, as `0x61/0x02`.
    pub id: String,
    /// ANC data packets.
    pub packets: u64,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AncillaryReport {
    /// Frames a second it was held against.
    pub rate: Option<Rate>,
    /// Order and loss.
    pub rtp: FollowerReport,
    /// Bits of UDP payload a second.
    pub bits_per_second: Option<u64>,
    /// Frames or fields that began.
    pub units: u64,
    /// RTP packets without data: signs of life.
    pub keep_alives: u64,
    /// ANC data packets.
    pub anc_packets: u64,
    /// Their kinds.
    pub kinds: Vec<AncillaryKind>,
    /// RTP packets with F of 00, of 10 and of 11.
    pub field_bits: [u64; 3],
    /// Field bits that are 01, or do not go with the scan, or do not alternate.
    pub field_faults: u64,
    /// Words with wrong parity.
    pub parity_faults: u64,
    /// Wrong checksums.
    pub checksum_faults: u64,
    /// Everything else that breaks RFC 8331 or ST 291-1.
    pub payload_faults: u64,
    /// The first fault, in words.
    pub first_fault: Option<String>,
    /// Frames or fields without a marker at their end.
    pub missing_markers: u64,
    /// Markers that packets with the same timestamp and field followed.
    pub early_markers: u64,
    /// Steps of the extended sequence number that the 16-bit number does not explain.
    pub extended_sequence_breaks: u64,
    /// From one timestamp to the next, in ticks of 90 kHz.
    pub timestamp_steps: Counts,
    /// First packet of each frame or field behind its timestamp, in nanoseconds.
    pub latency_ns: Spread,
    /// Whether a part of the packets was cut from the capture, so that their data was not
    /// judged.
    pub cut: bool,
    /// All checks.
    pub verdicts: Vec<Verdict>,
}

/// Measures one ancillary data stream.
#[derive(Clone, Debug)]
pub struct AncillaryAnalyser {
    settings: AncillarySettings,
    follower: Follower,
    units: Units,
    last: Option<(u64, u16)>,
    last_field: Option<AncField>,
    kinds: BTreeMap<(u8, u8), u64>,
    latency: Spread,
    report: AncillaryReport,
}

impl AncillaryAnalyser {
    /// Nothing received yet.
    pub fn new(settings: AncillarySettings) -> Self {
        let report = AncillaryReport {
            rate: settings.rate,
            rtp: FollowerReport::default(),
            bits_per_second: None,
            units: 0,
            keep_alives: 0,
            anc_packets: 0,
            kinds: Vec::new(),
            field_bits: [0; 3],
            field_faults: 0,
            parity_faults: 0,
            checksum_faults: 0,
            payload_faults: 0,
            first_fault: None,
            missing_markers: 0,
            early_markers: 0,
            extended_sequence_breaks: 0,
            timestamp_steps: Counts::default(),
            latency_ns: Spread::default(),
            cut: false,
            verdicts: Vec::new(),
        };
        Self {
            settings,
            follower: Follower::default(),
            units: Units::default(),
            last: None,
            last_field: None,
            kinds: BTreeMap::new(),
            latency: Spread::new(9),
            report,
        }
    }

    /// Takes a datagram of the stream in.
    pub fn record(&mut self, arrival: &Arrival<'_>) {
        let Some((header, number, place)) = self.follower.follow(arrival) else { return };
        if place == Place::First {
            (self.last, self.last_field) = (None, None);
        }
        if arrival.is_cut() {
            self.report.cut = true;
            return;
        }
        if place == Place::Duplicate {
            return;
        }
        let payload = match AncPayload::parse(header.payload(arrival.packet)) {
            Ok(payload) => payload,
            Err(error) => {
                self.fault(&error);
                return;
            }
        };
        self.read(&payload);
        if place.is_forward() {
            let extended = payload.extended_sequence;
            if let Some((last, before)) = self.last.replace((number, extended)) {
                let wraps = (number >> 16).wrapping_sub(last >> 16) as u16;
                let expected = before.wrapping_add(wraps);
                self.report.extended_sequence_breaks += u64::from(extended != expected);
            }
        }
        let second = payload.field == AncField::Second;
        let step = self.units.step(number, place, header.marker, header.timestamp, second);
        if let Step::Starts { step, .. } = step {
            self.start_unit(step, payload.field, header.timestamp, arrival.time_ns);
        }
    }

    fn read(&mut self, payload: &AncPayload<'_>) {
        let mut faults = Vec::new();
        payload.violations(|error| faults.push(error));
        for fault in &faults {
            self.fault(fault);
        }
        self.report.keep_alives += u64::from(payload.count == 0);
        let bits = match payload.field {
            AncField::Frame => 0,
            AncField::First => 1,
            AncField::Second => 2,
        };
        self.report.field_bits[bits] += 1;
        let interlaced = payload.field != AncField::Frame;
        if self.settings.interlaced.is_some_and(|declared| declared != interlaced) {
            self.report.field_faults += 1;
        }
        for packet in payload.packets().flatten() {
            self.report.anc_packets += 1;
            let id = packet.id();
            let key = (id.did, id.sdid);
            if self.kinds.len() < MOST_KINDS || self.kinds.contains_key(&key) {
                *self.kinds.entry(key).or_default() += 1;
            }
        }
    }

    fn start_unit(&mut self, step: Option<u32>, field: AncField, timestamp: u32, time_ns: u64) {
        self.report.units += 1;
        if let Some(step) = step {
            self.report.timestamp_steps.record(i64::from(step.cast_signed()));
            // Fields alternate as long as nothing was lost between them.
            if field != AncField::Frame && self.last_field == Some(field) {
                self.report.field_faults += 1;
            }
        }
        self.last_field = Some(field);
        let now = i128::from(time_ns) * 9 / 100_000;
        let ticks = now + i128::from(timestamp.wrapping_sub(now as u32).cast_signed());
        self.latency.record(i128::from(time_ns) * 9 - ticks * 100_000);
    }

    fn fault(&mut self, error: &AncError) {
        let counter = match error {
            AncError::Field => &mut self.report.field_faults,
            AncError::Parity { .. } => &mut self.report.parity_faults,
            AncError::Checksum { .. } => &mut self.report.checksum_faults,
            _ => &mut self.report.payload_faults,
        };
        *counter += 1;
        self.report.first_fault.get_or_insert_with(|| error.to_string());
    }

    /// What was measured so far.
    pub fn report(&self) -> AncillaryReport {
        let rtp = self.follower.report().clone();
        let kinds = self.kinds.iter().map(|((did, sdid), packets)| AncillaryKind {
            id: format!("0x{did:02x}/0x{sdid:02x}"),
            packets: *packets,
        });
        let mut report = AncillaryReport {
            bits_per_second: rtp.bits_per_second(),
            rtp,
            kinds: kinds.collect(),
            missing_markers: self.units.missing_markers,
            early_markers: self.units.early_markers,
            latency_ns: self.latency,
            ..self.report.clone()
        };
        report.verdicts = self.checks(&report);
        report
    }

    fn checks(&self, report: &AncillaryReport) -> Vec<Verdict> {
        let mut checks = stream_checks(&report.rtp);
        if report.cut && report.units == 0 {
            checks.push(Verdict::new(
                "payload",
                Outcome::Unknown,
                "cut from the capture",
                "whole packets",
                "RFC 8331 §2",
            ));
            return checks;
        }
        let none = Verdict::none_of;
        checks.extend([
            none("markers", report.missing_markers + report.early_markers, "ST 2110-40 §5.2"),
            none("field-bits", report.field_faults, "RFC 8331 §2.1"),
            none("parity", report.parity_faults, "ST 291-1 §6.1"),
            none("checksum", report.checksum_faults, "ST 291-1 §6.1"),
            none("payload", report.payload_faults, "RFC 8331 §2.1"),
            none("extended-sequence", report.extended_sequence_breaks, "RFC 8331 §2.1"),
            self.check_steps(report),
        ]);
        if let (Some(min), Some(max)) = (report.latency_ns.min(), report.latency_ns.max()) {
            let good = *min.numer() >= 0 && approximate(max) <= 1_000_000.0;
            checks.push(Verdict::new(
                "latency",
                if good { Outcome::Pass } else { Outcome::Note },
                format!("{} to {}", micro(min), micro(max)),
                "0 to 1000 µs",
                "JT-NM Tested 4.4",
            ));
        }
        checks
    }

    /// A packet every frame or field, be it an empty one.
    fn check_steps(&self, report: &AncillaryReport) -> Verdict {
        let (check, clause) = ("timestamp-step", "ST 2110-40 §5.5");
        let steps = &report.timestamp_steps;
        let (Some(min), Some(max)) = (steps.min(), steps.max()) else {
            return Verdict::new(check, Outcome::Unknown, "none seen", "", clause);
        };
        let value = if min == max { min.to_string() } else { format!("{min} to {max}") };
        let Some(rate) = self.settings.rate else {
            return Verdict::new(check, Outcome::Unknown, value, "frame rate not known", clause);
        };
        let fields = report.field_bits[1] + report.field_bits[2] > 0;
        let ticks = i64::from(VIDEO_CLOCK_HZ) * i64::from(*rate.ratio().denom());
        let parts = i64::from(*rate.ratio().numer()) * if fields { 2 } else { 1 };
        let (floor, ceil) = (ticks / parts, (ticks + parts - 1) / parts);
        let limit = if floor == ceil { floor.to_string() } else { format!("{floor} or {ceil}") };
        Verdict::new(check, Outcome::of(min >= floor && max <= ceil), value, limit, clause)
    }
}
