//! The table for people.

use std::fmt;

use st2110::analysis::{Counts, SenderVerdict, Spread, Verdict, VideoReport};

use super::report::{Analysis, Measured, StreamAnalysis};

impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capture, .. } = self;
        writeln!(
            f,
            "{}: {}, {} frames, times in steps of {} ns{}",
            self.file.display(),
            capture.format,
            capture.frames,
            capture.resolution_ns,
            if self.list_compatible { ", measured as EBU LIST does" } else { "" }
        )?;
        for note in capture.notes.iter().chain(&self.notes) {
            writeln!(f, "note: {note}")?;
        }
        if self.streams.is_empty() {
            writeln!(f, "\nno RTP stream in it")?;
        }
        for stream in &self.streams {
            writeln!(f)?;
            write_stream(f, stream)?;
        }
        for pair in &self.pairs {
            let [first, second] = pair.streams;
            writeln!(f, "\nstreams {first} and {second}: legs of one stream (ST 2022-7)")?;
            let report = &pair.report;
            writeln!(
                f,
                "  {} and {} packets, {} on both, {} of them different",
                report.packets[0], report.packets[1], report.pairs, report.different
            )?;
            spread(f, "second leg behind", &report.skew_ns, "µs", 1000.0)?;
            verdicts(f, &report.verdicts)?;
        }
        write!(f, "\n{}", if self.good { "good" } else { "NOT good" })
    }
}

fn write_stream(f: &mut fmt::Formatter<'_>, stream: &StreamAnalysis) -> fmt::Result {
    let kind = match &stream.measured {
        Measured::Video(report) => format!("video, {}", report.format),
        Measured::Audio(_) => "audio".to_owned(),
        Measured::Ancillary(_) => "ancillary data".to_owned(),
        Measured::Unknown { reason } => format!("not judged: {reason}"),
    };
    writeln!(f, "stream {}: {} -> {}: {kind}", stream.stream, stream.source, stream.destination)?;
    if !stream.inferred.is_empty() {
        writeln!(f, "  inferred from its packets: {}", stream.inferred.join("; "))?;
    }
    match &stream.measured {
        Measured::Video(report) => write_video(f, report)?,
        Measured::Audio(report) => {
            writeln!(
                f,
                "  {} packets, packet time {:.3} µs, level {}",
                report.rtp.packets,
                report.packet_time_ns / 1000.0,
                report.level.unwrap_or("none")
            )?;
            spread(f, "interval", &report.rtp.interval_ns, "µs", 1000.0)?;
            spread(f, "behind timestamp", &report.delay_ns, "µs", 1000.0)?;
            spread(f, "TS-DF", &report.delay_factor_ns, "µs", 1000.0)?;
            verdicts(f, &report.verdicts)?;
        }
        Measured::Ancillary(report) => {
            let kinds: Vec<_> =
                report.kinds.iter().map(|kind| format!("{} ({})", kind.id, kind.packets)).collect();
            writeln!(
                f,
                "  {} packets, {} ANC packets: {}; {} signs of life",
                report.rtp.packets,
                report.anc_packets,
                kinds.join(", "),
                report.keep_alives
            )?;
            if let Some(fault) = &report.first_fault {
                writeln!(f, "  first fault: {fault}")?;
            }
            verdicts(f, &report.verdicts)?;
        }
        Measured::Unknown { .. } => {}
    }
    verdicts(f, &stream.network_verdicts)
}

fn write_video(f: &mut fmt::Formatter<'_>, report: &VideoReport) -> fmt::Result {
    writeln!(
        f,
        "  {} packets, {} frames ({} whole), {} Mb/s, packets lie {}",
        report.rtp.packets,
        report.frames.seen,
        report.frames.whole,
        report.bits_per_second.unwrap_or_default() / 1_000_000,
        report.pacing.unwrap_or("unknown"),
    )?;
    counts(f, "CINST", &report.cinst)?;
    if let Some(linear) = &report.linear {
        counts(f, "VRX linear", &linear.vrx)?;
    }
    if let Some(gapped) = &report.gapped {
        counts(f, "VRX gapped", &gapped.vrx)?;
    }
    spread(f, "first packet time", &report.first_packet_time_ns, "µs", 1000.0)?;
    spread(f, "latency", &report.latency_ns, "µs", 1000.0)?;
    spread(f, "RTP offset", &report.rtp_offset_ticks, "ticks", 1.0)?;
    spread(f, "interval in frame", &report.interval_in_frame_ns, "µs", 1000.0)?;
    spread(f, "between frames", &report.interval_between_frames_ns, "µs", 1000.0)?;
    if let Some(least) = report.linear.as_ref().and_then(|linear| linear.least_offset_ns) {
        writeln!(f, "  {:<20} {:.3} µs (linear)", "TROFFSET needed", least / 1000.0)?;
    }
    if let Some(least) = report.gapped.as_ref().and_then(|gapped| gapped.least_offset_ns) {
        writeln!(f, "  {:<20} {:.3} µs (gapped)", "TROFFSET needed", least / 1000.0)?;
    }
    for sender in &report.sender_types {
        sender_type(f, sender)?;
    }
    verdicts(f, &report.verdicts)
}

fn sender_type(f: &mut fmt::Formatter<'_>, verdict: &SenderVerdict) -> fmt::Result {
    let of = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let limit =
        |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let value = match &verdict.undefined {
        Some(reason) => reason.clone(),
        None => format!(
            "CINST {} of {} ({}), VRX {} to {} of 0 to {} ({})",
            of(verdict.cinst_peak),
            limit(verdict.cmax),
            verdict.cinst,
            of(verdict.vrx_least),
            of(verdict.vrx_peak),
            limit(verdict.vrx_full),
            verdict.vrx
        ),
    };
    let sender = verdict.sender_type;
    writeln!(f, "  {:<8} {sender:<20} {value}  [ST 2110-21 §7.1]", verdict.outcome)
}

fn verdicts(f: &mut fmt::Formatter<'_>, verdicts: &[Verdict]) -> fmt::Result {
    for verdict in verdicts {
        let Verdict { check, outcome, value, limit, clause } = verdict;
        writeln!(f, "  {outcome:<8} {check:<20} {value:<28} limit: {limit}  [{clause}]")?;
    }
    Ok(())
}

fn counts(f: &mut fmt::Formatter<'_>, name: &str, counts: &Counts) -> fmt::Result {
    match (counts.min(), counts.mean(), counts.max()) {
        (Some(min), Some(mean), Some(max)) => {
            writeln!(f, "  {name:<20} {min} / {mean:.2} / {max}")
        }
        _ => writeln!(f, "  {name:<20} not measured"),
    }
}

fn spread(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    spread: &Spread,
    unit: &str,
    parts: f64,
) -> fmt::Result {
    let shown = |value: Option<_>| value.map(|value| approximate(value) / parts);
    match (shown(spread.min()), shown(spread.mean()), shown(spread.max())) {
        (Some(min), Some(mean), Some(max)) => {
            writeln!(f, "  {name:<20} {min:.3} / {mean:.3} / {max:.3} {unit}")
        }
        _ => Ok(()),
    }
}

fn approximate(value: st2110::timing::Exact) -> f64 {
    *value.numer() as f64 / *value.denom() as f64
}
