//! What was found in a stream of sound.

use std::fmt;

use serde::Serialize;

use crate::check::{intake::PacketCounts, latency::Latency, report::Stream};

/// What was received and heard, and what was wrong with it.
///
/// *Heard* is one of our test tones, silence, or something else, decided each millisecond.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AudioReport {
    /// The packets.
    #[serde(flatten)]
    pub packets: PacketCounts,
    /// Packets whose payload is not as long as the format says. Their samples are not heard.
    pub wrong_length: u64,
    /// Steps of the timestamp other than one packet (with lost packets: than as many).
    pub timestamp_breaks: u64,
    /// Those of them between two sounds: no defect (ST 2110-10 §7.6.1).
    pub timestamp_breaks_at_switches: u64,
    /// Steps between neighbouring samples that are greater, by a twentieth, than the greatest
    /// that the tones heard before and after can make (and a ramp of --ramp-ms, at a switch).
    /// Samples that timestamps leave out count as silence. Every channel counts. Sound that is
    /// not ours is not judged.
    pub clicks: u64,
    /// Those of them from one sound to another: what a cut cannot avoid. Defects where
    /// --ramp-ms says that there is a ramp.
    pub clicks_at_switches: u64,
    /// The greatest step between neighbouring samples, in 24 bits, next to one of our tones.
    pub max_step: u64,
    /// The greatest step that the tones heard make themselves, in 24 bits.
    pub max_step_of_tone: u64,
    /// Milliseconds in which the channels were not our tone's in their order.
    pub misplaced_channels_ms: u64,
    /// Milliseconds of our tones.
    pub tone_ms: u64,
    /// Milliseconds of silence (below -90 dBFS).
    pub silent_ms: u64,
    /// Milliseconds of something else.
    pub other_ms: u64,
    /// Milliseconds of which samples are missing.
    pub missing_ms: u64,
    /// The tones heard; no more than there are.
    pub tones: Vec<ToneReport>,
    /// Switches from one sound to another. Silence counts once it has lasted 250 ms.
    pub switch_count: u64,
    /// The longest mute at a switch between two tones, in milliseconds.
    pub longest_mute_ms: u64,
    /// The longest gap of the time line at a switch, in milliseconds.
    pub longest_gap_ms: f64,
    /// The longest overlap of the time line at a switch, in milliseconds.
    pub longest_overlap_ms: f64,
    /// The first 4096 switches.
    pub switches: Vec<SoundSwitch>,
    /// From the time of a packet's first sample, by its timestamp, to its arrival, in
    /// microseconds.
    pub latency_us: Option<Latency>,
    /// The stream received last.
    pub stream: Stream,
}

/// One of our tones.
#[derive(Clone, Debug, Serialize)]
pub struct ToneReport {
    /// Its pitch.
    pub hz: u32,
    /// How long it was heard.
    pub ms: u64,
    /// First heard, UTC.
    pub first: String,
    /// Last heard, UTC.
    pub last: String,
    /// Least distance of its samples from where their timestamps say they belong, in samples:
    /// within 50 ms either way.
    pub min_offset: i32,
    /// The greatest.
    pub max_offset: i32,
}

/// From one sound to another.
#[derive(Clone, Debug, Serialize)]
pub struct SoundSwitch {
    /// Arrival of the new sound, UTC.
    pub at: String,
    /// What was heard before: "1010 Hz", "silence" or "other".
    pub from: String,
    /// What was heard after.
    pub to: String,
    /// Time without either of two tones, gaps included, in milliseconds.
    pub mute_ms: u64,
    /// Samples that the timestamps leave out, in milliseconds.
    pub gap_ms: f64,
    /// Samples that the timestamps have twice, in milliseconds.
    pub overlap_ms: f64,
}

impl AudioReport {
    /// What is wrong. `ramped`: sound is faded at switches, which so have no clicks.
    pub(in crate::check) fn defects(&self, ramped: bool) -> Vec<(u64, &'static str)> {
        let tolerated = if ramped { 0 } else { self.clicks_at_switches };
        let mut defects = self.packets.defects().to_vec();
        defects.extend([
            (self.wrong_length, "packets of wrong length"),
            (
                self.timestamp_breaks - self.timestamp_breaks_at_switches,
                "steps of the timestamp other than one packet",
            ),
            (self.clicks - tolerated, "clicks"),
            (self.misplaced_channels_ms, "ms of misplaced channels"),
            (u64::from(self.packets.packets == 0), "stream of which no packet came"),
        ]);
        defects
    }
}

impl fmt::Display for AudioReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.stream.format)?;
        let PacketCounts { packets, missing_packets, sequence_breaks, ssrc_changes, .. } =
            self.packets;
        let mut lines = vec![
            ("packets", packets),
            ("  missing", missing_packets),
            ("  wrong length", self.wrong_length),
            ("sequence breaks", sequence_breaks),
            ("changes of SSRC", ssrc_changes),
            ("timestamp breaks", self.timestamp_breaks),
            ("  at switches", self.timestamp_breaks_at_switches),
            ("clicks", self.clicks),
            ("  at switches", self.clicks_at_switches),
            ("greatest step", self.max_step),
            ("  of the tones", self.max_step_of_tone),
            ("switches", self.switch_count),
            ("ms of tones", self.tone_ms),
            ("ms of silence", self.silent_ms),
            ("ms of other sound", self.other_ms),
        ];
        let rest = [
            ("ms missing", self.missing_ms),
            ("ms misplaced", self.misplaced_channels_ms),
            ("malformed packets", self.packets.malformed_packets),
            ("other payload type", self.packets.wrong_payload_type),
        ];
        lines.extend(rest.into_iter().filter(|&(_, count)| count > 0));
        for (what, count) in lines {
            writeln!(f, "{what:<20}{count:>14}")?;
        }
        for ToneReport { hz, ms, min_offset, max_offset, .. } in &self.tones {
            let seconds = *ms as f64 / 1000.0;
            writeln!(f, "tone {hz} Hz: {seconds:.1} s, {min_offset} to {max_offset} samples off")?;
        }
        if self.switch_count > 0 {
            writeln!(
                f,
                "at switches         mute up to {} ms, gap {:.2} ms, overlap {:.2} ms",
                self.longest_mute_ms, self.longest_gap_ms, self.longest_overlap_ms
            )?;
        }
        Ok(())
    }
}
