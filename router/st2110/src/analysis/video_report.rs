//! What was measured of a video stream, and the verdicts on it.

use num_rational::Ratio;
use serde::Serialize;

use super::{
    counts::Counts,
    follow::FollowerReport,
    network_model::drain_period_ns,
    payload::PayloadReport,
    series::{Series, SeriesPoint, thin},
    spread::{Spread, approximate},
    verdict::{Outcome, Verdict},
    video::{FrameCounts, Receiver, VideoAnalyser, VideoSettings},
};
use crate::{
    format::{Scan, VideoFormat},
    timing::{
        Exact, Limits, Pacing, SenderType, VIDEO_CLOCK_HZ, frame_period_ns, limits,
        troffset_default_ns,
    },
};

/// Packets from one IP packet of the longest kind, as EBU LIST reckons limits.
const LIST_MAX_IP: u16 = 1500;

/// Latency that the JT-NM Tested programme allows.
const MOST_LATENCY_NS: i128 = 1_000_000;

/// Whether a stream keeps to a sender type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SenderVerdict {
    /// The type.
    pub sender_type: SenderType,
    /// Pass, fail, or unknown where nothing was measured or the type is not defined.
    pub outcome: Outcome,
    /// Why the type is not defined for the stream.
    pub undefined: Option<String>,
    /// Greatest CINST.
    pub cinst_peak: Option<i64>,
    /// CMAX.
    pub cmax: Option<u32>,
    /// Whether CINST kept to it.
    pub cinst: Outcome,
    /// Least VRX; negative when the buffer ran empty.
    pub vrx_least: Option<i64>,
    /// Greatest VRX.
    pub vrx_peak: Option<i64>,
    /// VRX_FULL.
    pub vrx_full: Option<u32>,
    /// Whether VRX kept between 0 and that.
    pub vrx: Outcome,
}

/// A virtual receiver's readings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReceiverReport {
    /// VRX.
    pub vrx: Counts,
    /// Packets that came after their reading.
    pub underflows: u64,
    /// How long before its reading each packet came, in nanoseconds.
    pub early_ns: Spread,
    /// TROFFSET at which the latest packet would just have come in time, in nanoseconds.
    pub least_offset_ns: Option<f64>,
    /// VRX over time.
    pub over_time: Vec<SeriesPoint>,
}

/// What was measured of a video stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VideoReport {
    /// The format it was held against.
    pub format: VideoFormat,
    /// Whether it was measured as EBU LIST does.
    pub list_compatible: bool,
    /// NPACKETS.
    pub packets_per_frame: Option<usize>,
    /// TFRAME in nanoseconds, as `a/b`.
    pub frame_ns: String,
    /// TRODEFAULT in nanoseconds, as `a/b`.
    pub default_offset_ns: String,
    /// TROFFSET that was used, in nanoseconds, as `a/b`.
    pub offset_ns: String,
    /// TDRAIN in nanoseconds, as `a/b`.
    pub drain_ns: Option<String>,
    /// Order and loss.
    pub rtp: FollowerReport,
    /// Bits of UDP payload a second.
    pub bits_per_second: Option<u64>,
    /// RFC 4175 headers.
    pub payload: PayloadReport,
    /// Frames.
    pub frames: FrameCounts,
    /// Packets of each frame.
    pub packets_in_frame: Counts,
    /// Frames or fields without a marker at their end.
    pub missing_markers: u64,
    /// Markers that packets with the same timestamp and field followed.
    pub early_markers: u64,
    /// Time between packets of a frame, in nanoseconds.
    pub interval_in_frame_ns: Spread,
    /// Time between the last packet of a frame and the first of the next, in nanoseconds.
    pub interval_between_frames_ns: Spread,
    /// How the packets lie: `gapped` when the mean interval between frames is ten times the
    /// mean interval within, else `linear`.
    pub pacing: Option<&'static str>,
    /// First packet of each frame behind N·TFRAME, in nanoseconds.
    pub first_packet_time_ns: Spread,
    /// First packet of each frame behind its RTP timestamp, in nanoseconds.
    pub latency_ns: Spread,
    /// RTP timestamp of each frame behind N·TFRAME, in ticks of 90 kHz.
    pub rtp_offset_ticks: Spread,
    /// From one timestamp to the next, in ticks of 90 kHz.
    pub timestamp_steps: Counts,
    /// CINST.
    pub cinst: Counts,
    /// CINST over time.
    pub cinst_over_time: Vec<SeriesPoint>,
    /// Length of a span of the values over time, in nanoseconds.
    pub over_time_span_ns: u64,
    /// VRX under the linear schedule (types NL and W).
    pub linear: Option<ReceiverReport>,
    /// VRX under the gapped schedule (type N), where it is defined.
    pub gapped: Option<ReceiverReport>,
    /// One verdict a sender type.
    pub sender_types: Vec<SenderVerdict>,
    /// All other checks.
    pub verdicts: Vec<Verdict>,
}

impl VideoReport {
    pub(super) fn of(analyser: &VideoAnalyser) -> Self {
        let settings = &analyser.settings;
        let format = settings.format;
        let models = analyser.models.as_ref();
        let pacing = seen_pacing(&analyser.in_frame_ns, &analyser.between_frames_ns);
        let mut report = Self {
            format,
            list_compatible: settings.list_compatible,
            packets_per_frame: models.map(|models| models.packets),
            frame_ns: frame_period_ns(format.rate).to_string(),
            default_offset_ns: troffset_default_ns(&format).to_string(),
            offset_ns: settings.offset_ns().to_string(),
            drain_ns: models.map(|models| drain_period_ns(format.rate, models.packets).to_string()),
            rtp: analyser.follower.report().clone(),
            bits_per_second: analyser.follower.report().bits_per_second(),
            payload: analyser.payload.report().clone(),
            frames: analyser.frames,
            packets_in_frame: analyser.packets_in_frame.clone(),
            missing_markers: analyser.units.missing_markers,
            early_markers: analyser.units.early_markers,
            interval_in_frame_ns: analyser.in_frame_ns,
            interval_between_frames_ns: analyser.between_frames_ns,
            pacing: pacing.map(|pacing| match pacing {
                Pacing::Gapped => "gapped",
                Pacing::Linear => "linear",
            }),
            first_packet_time_ns: models.map_or_else(Spread::default, |models| models.first_packet),
            latency_ns: analyser.latency,
            rtp_offset_ticks: analyser.rtp_offset,
            timestamp_steps: analyser.timestamp_steps.clone(),
            cinst: models.map(|models| models.cinst.clone()).unwrap_or_default(),
            cinst_over_time: models.map(|models| models.cinst_series.points()).unwrap_or_default(),
            over_time_span_ns: models.map_or_else(
                || Series::default().span_ns(),
                |models| models.cinst_series.span_ns(),
            ),
            linear: models.map(|models| receiver_report(&models.linear, settings)),
            gapped: models
                .and_then(|models| models.gapped.as_ref())
                .map(|receiver| receiver_report(receiver, settings)),
            sender_types: Vec::new(),
            verdicts: Vec::new(),
        };
        report.sender_types =
            SenderType::ALL.iter().map(|sender| report.judge(*sender, settings)).collect();
        report.verdicts = report.checks(settings);
        report
    }

    /// Leaves at most `most` points of each value over time.
    pub fn thin(&mut self, most: usize) {
        let span_ns = self.over_time_span_ns;
        self.over_time_span_ns = thin(&mut self.cinst_over_time, span_ns, most);
        for receiver in self.linear.iter_mut().chain(&mut self.gapped) {
            thin(&mut receiver.over_time, span_ns, most);
        }
    }

    /// The verdict on a type.
    pub fn sender(&self, sender: SenderType) -> Option<&SenderVerdict> {
        self.sender_types.iter().find(|verdict| verdict.sender_type == sender)
    }

    /// Whether everything that is judged is good: no check failed, and the sender keeps to
    /// the type asked for or, without one, to any.
    pub fn is_good(&self, sender: Option<SenderType>) -> bool {
        let kept = match sender {
            Some(sender) => self.sender(sender).is_some_and(SenderVerdict::is_pass),
            None => self.sender_types.iter().any(SenderVerdict::is_pass),
        };
        kept && self.verdicts.iter().all(|verdict| verdict.outcome != Outcome::Fail)
    }

    fn judge(&self, sender: SenderType, settings: &VideoSettings) -> SenderVerdict {
        let mut verdict = SenderVerdict {
            sender_type: sender,
            outcome: Outcome::Unknown,
            undefined: None,
            cinst_peak: self.cinst.max(),
            cmax: None,
            cinst: Outcome::Unknown,
            vrx_least: None,
            vrx_peak: None,
            vrx_full: None,
            vrx: Outcome::Unknown,
        };
        let Some(packets) = self.packets_per_frame else { return verdict };
        let max_udp = if settings.list_compatible { LIST_MAX_IP } else { settings.max_udp };
        let of_type = match limits(&settings.format, packets, max_udp, sender) {
            Ok(of_type) => of_type,
            Err(error) => {
                verdict.undefined = Some(error.to_string());
                return verdict;
            }
        };
        let Limits { cmax, vrx_full, .. } = of_type;
        // A sender may only declare less than its type allows.
        let cmax = settings.cmax.map_or(cmax, |declared| declared.min(cmax));
        (verdict.cmax, verdict.vrx_full) = (Some(cmax), Some(vrx_full));
        let schedule = match (sender.pacing(), settings.list_compatible) {
            (Pacing::Linear, true) if self.pacing == Some("gapped") => self.gapped.as_ref(),
            (Pacing::Linear, _) => self.linear.as_ref(),
            (Pacing::Gapped, _) => self.gapped.as_ref(),
        };
        if let Some(peak) = self.cinst.max() {
            verdict.cinst = Outcome::of(peak <= i64::from(cmax));
        }
        if let Some(readings) = schedule
            && let (Some(least), Some(peak)) = (readings.vrx.min(), readings.vrx.max())
        {
            (verdict.vrx_least, verdict.vrx_peak) = (Some(least), Some(peak));
            verdict.vrx = Outcome::of(least >= 0 && peak <= i64::from(vrx_full));
        }
        verdict.outcome = match (verdict.cinst, verdict.vrx) {
            (Outcome::Pass, Outcome::Pass) => Outcome::Pass,
            (Outcome::Fail, _) | (_, Outcome::Fail) => Outcome::Fail,
            _ => Outcome::Unknown,
        };
        verdict
    }

    fn checks(&self, settings: &VideoSettings) -> Vec<Verdict> {
        let mut checks = stream_checks(&self.rtp);
        checks.push(Verdict::none_of(
            "markers",
            self.missing_markers + self.early_markers,
            "ST 2110-20 §6.1.2",
        ));
        checks.push(self.check_steps());
        checks.extend(self.payload.verdicts());
        checks.push(Verdict::none_of("frame-octets", self.frames.wrong, "ST 2110-20 §6.2"));
        let (fewest, most) = (self.packets_in_frame.min(), self.packets_in_frame.max());
        if let (Some(fewest), Some(most)) = (fewest, most) {
            let outcome = if fewest == most { Outcome::Pass } else { Outcome::Note };
            let value =
                if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
            checks.push(Verdict::new(
                "packets-per-frame",
                outcome,
                value,
                "one number",
                "ST 2110-21 §6.2",
            ));
        }
        checks.extend(self.check_times(settings));
        checks
    }

    /// One frame, or one field, in ticks of the media clock.
    fn check_steps(&self) -> Verdict {
        let clause = "ST 2110-20 §6.1.3";
        let halves = if self.format.scan == Scan::Interlaced { 2 } else { 1 };
        let ratio = self.format.rate.ratio();
        let step = Ratio::new(
            i128::from(VIDEO_CLOCK_HZ) * i128::from(*ratio.denom()),
            i128::from(*ratio.numer()) * halves,
        );
        let (floor, ceil) = (step.floor().to_integer(), step.ceil().to_integer());
        let limit = if floor == ceil { floor.to_string() } else { format!("{floor} or {ceil}") };
        let (Some(min), Some(max)) = (self.timestamp_steps.min(), self.timestamp_steps.max())
        else {
            return Verdict::new("timestamp-step", Outcome::Unknown, "none seen", limit, clause);
        };
        let value = if min == max { min.to_string() } else { format!("{min} to {max}") };
        let good = i128::from(min) >= floor && i128::from(max) <= ceil;
        Verdict::new("timestamp-step", Outcome::of(good), value, limit, clause)
    }

    fn check_times(&self, settings: &VideoSettings) -> Vec<Verdict> {
        let jtnm = "JT-NM Tested 4.4";
        let mut checks = Vec::new();
        if let (Some(min), Some(max)) = (self.latency_ns.min(), self.latency_ns.max()) {
            let zero = Ratio::from_integer(0);
            let good = min >= zero && max <= Ratio::from_integer(MOST_LATENCY_NS);
            checks.push(Verdict::new(
                "latency",
                if good { Outcome::Pass } else { Outcome::Note },
                format!("{} to {}", micro(min), micro(max)),
                "0 to 1000 µs",
                jtnm,
            ));
        }
        if let (Some(min), Some(max)) = (self.rtp_offset_ticks.min(), self.rtp_offset_ticks.max()) {
            let offset = (settings.offset_ns() * Ratio::new(9, 100_000)).ceil();
            let good = min >= Ratio::from_integer(-1) && max <= offset + 1;
            checks.push(Verdict::new(
                "rtp-offset",
                if good { Outcome::Pass } else { Outcome::Note },
                format!("{:.1} to {:.1} ticks", approximate(min), approximate(max)),
                format!("-1 to {} ticks", offset + 1),
                jtnm,
            ));
        }
        if let (Some(min), Some(max)) =
            (self.first_packet_time_ns.min(), self.first_packet_time_ns.max())
        {
            checks.push(Verdict::new(
                "first-packet-time",
                Outcome::Note,
                format!("{} to {}", micro(min), micro(max)),
                format!("TROFFSET is {}", micro(settings.offset_ns())),
                "ST 2110-21 §6.4",
            ));
        }
        checks
    }
}

impl SenderVerdict {
    /// Whether the stream keeps to the type.
    pub fn is_pass(&self) -> bool {
        self.outcome == Outcome::Pass
    }
}

/// Checks that every kind of stream shares.
pub(super) fn stream_checks(rtp: &FollowerReport) -> Vec<Verdict> {
    let none = Verdict::none_of;
    let note = Verdict::better_none_of;
    vec![
        none("lost-packets", rtp.lost, "RFC 3550 §5.1"),
        note("reordered-packets", rtp.reordered, "RFC 3550 §5.1"),
        none("duplicate-packets", rtp.duplicates, "RFC 3550 §5.1"),
        none("sequence-breaks", rtp.sequence_breaks, "RFC 3550 §5.1"),
        none("ssrc-changes", rtp.ssrc_changes, "ST 2110-10 §6.1"),
        none("payload-type-changes", rtp.payload_type_changes, "RFC 3550 §5.1"),
        none("not-rtp", rtp.not_rtp, "ST 2110-10 §6.1"),
        note("rtcp", rtp.rtcp, "ST 2110-10 §6.1"),
    ]
}

/// Microseconds for a person.
pub(super) fn micro(ns: Exact) -> String {
    format!("{:.3} µs", approximate(ns) / 1000.0)
}

fn receiver_report(receiver: &Receiver, settings: &VideoSettings) -> ReceiverReport {
    let least = receiver.early.min().map(|early| approximate(settings.offset_ns() - early));
    ReceiverReport {
        vrx: receiver.vrx.clone(),
        underflows: receiver.underflows,
        early_ns: receiver.early,
        least_offset_ns: least,
        over_time: receiver.series.points(),
    }
}

fn seen_pacing(within: &Spread, between: &Spread) -> Option<Pacing> {
    let (within, between) = (within.mean()?, between.mean()?);
    Some(if between >= within * 10 { Pacing::Gapped } else { Pacing::Linear })
}
