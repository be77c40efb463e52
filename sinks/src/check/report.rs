//! The verdict, as JSON and as a table.
//!
//! The meaning of every number is in the fields' documentation here and, in the same words,
//! in `ormatrix-sink check --help`.

use std::fmt::{self, Write as _};

use serde::Serialize;
use st2110::level::Level;

use super::{
    ancillary::AncillaryReport, audio::AudioReport, latency::Latency, lip_sync::LipSyncReport,
};
use crate::receive::ExtendedSequence;

/// What was received and what was wrong with it. What is counted here is the video; the
/// other levels have their own reports in it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Nothing was wrong and something was received: [`Report::defects`] is empty.
    pub clean: bool,
    /// Why it is not, in words.
    pub defects: Vec<String>,
    /// Frames judged: `whole + partial`. The frame in progress when the run began, and one
    /// in progress when it ended, are not judged.
    pub frames: u64,
    /// Frames of which every octet arrived.
    pub whole: u64,
    /// Frames that ended (another followed, or the stream fell silent) with octets missing.
    pub partial: u64,
    /// Frames (also counted above) made of two: their two strips differ or only one can be
    /// read; or, in the order of the packet numbers, packets of another frame or of another
    /// sender lie between theirs; or octets came twice under different numbers.
    pub mixed: u64,
    /// Frames (also counted above) shown before: by the strip, a number of this source that
    /// is not above its last, with a time that is not later; without a strip, a timestamp
    /// that an ended frame had.
    pub duplicated: u64,
    /// Frame numbers skipped between consecutive frames of one source, by the strip. Not
    /// counted across a switch.
    pub missing_frames: u64,
    /// Packet numbers never received, between the first and the last.
    pub missing_packets: u64,
    /// Steps of sequence or extended sequence number that neither loss nor reordering
    /// explains: back by 4096 packets or more, or an extended number that neither counts the
    /// wraps nor stays constant.
    pub sequence_breaks: u64,
    /// Packets whose SSRC differs from that of the packet before. Packet numbers are then
    /// followed anew.
    pub ssrc_changes: u64,
    /// Datagrams that are not RTP or whose RFC 4175 headers do not fit them.
    pub malformed_packets: u64,
    /// Packets whose segments do not lie in the declared format.
    pub outside_format: u64,
    /// Whole frames of which no packet had the marker.
    pub without_marker: u64,
    /// Frames whose strip does not carry the name asked for with `--expect-name`.
    pub unexpected_source: u64,
    /// Datagrams the kernel dropped here, for want of buffer: this host was too slow.
    pub kernel_drops: u64,
    /// Octets missing in the partial frames.
    pub missing_octets: u64,
    /// Packets of the stream received, duplicates included.
    pub packets: u64,
    /// Packets received again, as with two ST 2022-7 legs; no defect.
    pub duplicate_packets: u64,
    /// Packets received after a higher number; no defect.
    pub reordered_packets: u64,
    /// Packets that came after their frame had been judged.
    pub late_packets: u64,
    /// RTP packets of another payload type; no defect.
    pub wrong_payload_type: u64,
    /// RTCP packets; no defect.
    pub rtcp_packets: u64,
    /// Datagrams that arrived in IP fragments (ST 2110-10 §6.3 forbids them).
    pub fragmented_datagrams: u64,
    /// Frames whose strip could not be read; no defect: foreign senders have none.
    pub strip_undecodable: u64,
    /// Frame numbers that went back while the time went on: a source began anew.
    pub source_restarts: u64,
    /// Times the declared format changed during the run.
    pub format_changes: u64,
    /// Longest time without a packet, between the first and the last.
    pub longest_silence_ns: u64,
    /// Longest of the switches' gaps.
    pub longest_switch_gap_ns: u64,
    /// Switches, by the strip's name.
    pub switch_count: u64,
    /// What the sender does with the extended sequence number. A constant one is no defect:
    /// wraps are then inferred from the 16-bit number.
    pub extended_sequence: ExtendedSequence,
    /// From the strip's TAI time to the arrival of the frame's last packet, in microseconds;
    /// absent without strips.
    pub latency_us: Option<Latency>,
    /// The sources seen, by the strip's name; at most 64.
    pub sources: Vec<SourceReport>,
    /// The first 4096 switches.
    pub switches: Vec<Switch>,
    /// Seconds the run lasted, from the opening of the socket.
    pub seconds: f64,
    /// CPU seconds this process used.
    pub cpu_seconds: f64,
    /// What was received last.
    pub stream: Stream,
    /// The levels judged; none named means video.
    pub levels: Vec<&'static str>,
    /// The streams of sound, in the order of their description.
    pub audio: Vec<AudioReport>,
    /// The streams of ancillary data, in the order of their description.
    pub ancillary: Vec<AncillaryReport>,
    /// How each stream of sound goes with the video.
    pub lip_sync: Vec<LipSyncReport>,
}

/// The stream received last.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stream {
    /// Its SSRC; `null` when nothing came.
    pub ssrc: Option<u32>,
    /// The format declared.
    pub format: String,
}

/// Frames of one source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceReport {
    /// Its name in the strip.
    pub name: String,
    /// Frames judged.
    pub frames: u64,
    /// Frame numbers skipped while it was shown.
    pub missing_frames: u64,
    /// Times it began anew.
    pub restarts: u64,
    /// Number of its first frame.
    pub first_frame: u32,
    /// Number of its last frame.
    pub last_frame: u32,
}

/// From one source to another.
#[derive(Clone, Debug, Serialize)]
pub struct Switch {
    /// Arrival of the new source's first packet, UTC.
    pub at: String,
    /// The strip's name before.
    pub from: String,
    /// The strip's name after.
    pub to: String,
    /// From the last packet of the last frame before to the first of the new source.
    pub gap_ns: u64,
}

/// What is tolerated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tolerated {
    /// How long sound is faded at a switch, in milliseconds; 0 where it is cut.
    pub ramp_ms: u16,
    /// Whether the levels may be of different sources.
    pub breakaway: bool,
}

impl Report {
    /// Fills [`Report::defects`] and [`Report::clean`].
    #[must_use]
    pub fn conclude(self) -> Self {
        self.conclude_with(&Tolerated::default())
    }

    /// The same where other things are expected than cuts of levels that stay together.
    #[must_use]
    pub fn conclude_with(mut self, tolerated: &Tolerated) -> Self {
        self.defects.clear();
        if self.has_video() {
            self.defects.extend(self.video_defects());
        }
        let places = |count: usize, name: &str, place: usize| {
            if count == 1 { name.to_owned() } else { format!("{name} {}", place + 1) }
        };
        let beside = [
            (if self.has_video() { 0 } else { self.malformed_packets }, "malformed packets"),
            (self.fragmented_datagrams, "datagrams in IP fragments"),
            (self.kernel_drops, "datagrams dropped by this host's kernel: it was too slow"),
        ];
        self.defects.extend(in_words("", &beside));
        for (place, audio) in self.audio.iter().enumerate() {
            let name = format!("{}: ", places(self.audio.len(), "audio", place));
            self.defects.extend(in_words(&name, &audio.defects(tolerated.ramp_ms > 0)));
        }
        for (place, data) in self.ancillary.iter().enumerate() {
            let name = format!("{}: ", places(self.ancillary.len(), "ancillary", place));
            self.defects.extend(in_words(&name, &data.defects(tolerated.breakaway)));
        }
        for (place, sync) in self.lip_sync.iter().enumerate() {
            let name = format!("{}: ", places(self.lip_sync.len(), "lip-sync", place));
            self.defects.extend(in_words(&name, &sync.defects(tolerated.breakaway)));
        }
        self.clean = self.defects.is_empty();
        self
    }

    fn has_video(&self) -> bool {
        self.levels.is_empty() || self.levels.contains(&Level::Video.as_str())
    }

    fn video_defects(&self) -> Vec<String> {
        let mut defects = in_words(
            "",
            &[
                (self.partial, "partial frames"),
                (self.mixed, "mixed frames"),
                (self.duplicated, "duplicated frames"),
                (self.missing_frames, "missing frames"),
                (self.missing_packets, "missing packets"),
                (self.sequence_breaks, "sequence breaks"),
                (self.ssrc_changes, "changes of SSRC"),
                (self.malformed_packets, "malformed packets"),
                (self.outside_format, "packets outside the format"),
                (self.without_marker, "frames without a marker"),
                (self.unexpected_source, "frames of another source than expected"),
            ],
        );
        if self.frames == 0 {
            let why = if self.packets == 0 { "no packet of the stream came" } else { "too short" };
            defects.push(format!("no frame to judge: {why}"));
        }
        defects
    }

    fn write_video(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![
            ("frames", self.frames),
            ("  whole", self.whole),
            ("  partial", self.partial),
            ("  mixed", self.mixed),
            ("  duplicated", self.duplicated),
            ("missing frames", self.missing_frames),
            ("packets", self.packets),
            ("  missing", self.missing_packets),
            ("  reordered", self.reordered_packets),
            ("  received twice", self.duplicate_packets),
            ("sequence breaks", self.sequence_breaks),
            ("changes of SSRC", self.ssrc_changes),
            ("switches", self.switch_count),
            ("strips unreadable", self.strip_undecodable),
            ("dropped by kernel", self.kernel_drops),
        ];
        let rest = [
            ("malformed packets", self.malformed_packets),
            ("outside the format", self.outside_format),
            ("without marker", self.without_marker),
            ("unexpected source", self.unexpected_source),
            ("late packets", self.late_packets),
            ("other payload type", self.wrong_payload_type),
            ("fragmented", self.fragmented_datagrams),
            ("source restarts", self.source_restarts),
            ("format changes", self.format_changes),
        ];
        lines.extend(rest.into_iter().filter(|&(_, count)| count > 0));
        writeln!(f, "{}", self.stream.format)?;
        for (what, count) in lines {
            writeln!(f, "{what:<20}{count:>14}")?;
        }
        for source in &self.sources {
            let SourceReport { name, frames, missing_frames, first_frame, last_frame, .. } = source;
            let mut line =
                format!("source '{name}': {frames} frames, {first_frame} to {last_frame}");
            if *missing_frames > 0 {
                write!(line, ", {missing_frames} missing")?;
            }
            writeln!(f, "{line}")?;
        }
        if let Some(latency) = &self.latency_us {
            let ms = |us: u64| us as f64 / 1000.0;
            writeln!(
                f,
                "latency             {:.2} ms median ({:.2} to {:.2})",
                ms(latency.median),
                ms(latency.min),
                ms(latency.max)
            )?;
        }
        if self.switch_count > 0 {
            let ms = self.longest_switch_gap_ns as f64 / 1e6;
            writeln!(f, "longest switch gap  {ms:.2} ms")?;
        }
        Ok(())
    }
}

/// Those counts that are not 0.
fn in_words(name: &str, counted: &[(u64, &str)]) -> Vec<String> {
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    counted.map(|(count, what)| format!("{name}{count} {what}")).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_video() {
            self.write_video(f)?;
        }
        self.audio
            .iter()
            .try_for_each(|audio| writeln!(f, "\n{}", audio.to_string().trim_end()))?;
        for data in &self.ancillary {
            writeln!(f, "\n{}", data.to_string().trim_end())?;
        }
        for sync in &self.lip_sync {
            writeln!(f, "\nlip-sync\n{}", sync.to_string().trim_end())?;
        }
        if !self.audio.is_empty() || !self.ancillary.is_empty() {
            writeln!(f)?;
        }
        writeln!(f, "{:.1} s, {:.2} s of CPU", self.seconds, self.cpu_seconds)?;
        if self.clean {
            write!(f, "clean")
        } else {
            write!(f, "not clean: {}", self.defects.join(", "))
        }
    }
}
