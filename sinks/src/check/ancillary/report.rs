//! What was found in a stream of ancillary data.

use std::fmt;

use serde::Serialize;

use crate::check::{
    intake::PacketCounts,
    latency::Latency,
    report::{SourceReport, Stream, Switch},
};

/// What was received, what it said, and what was wrong with it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AncillaryReport {
    /// The packets, by their extended sequence numbers.
    #[serde(flatten)]
    pub packets: PacketCounts,
    /// Frames: packets of one timestamp and field. The one in progress when the run began is
    /// not judged.
    pub frames: u64,
    /// RTP packets without ANC data packets, which keep a stream alive (ST 2110-40 §5.5).
    pub keep_alives: u64,
    /// ANC data packets in them.
    pub anc_packets: u64,
    /// Words whose parity is wrong.
    pub parity_faults: u64,
    /// ANC data packets whose checksum is wrong.
    pub checksum_faults: u64,
    /// Other breaches of RFC 8331 §2.1 within a payload: lengths, reserved bits, alignment.
    pub payload_faults: u64,
    /// F bits that are invalid, do not go with the video's scan, or do not alternate.
    pub field_faults: u64,
    /// Frames that ended without a marker, and markers that packets of their frame followed.
    pub marker_faults: u64,
    /// The first breach, in words.
    pub first_fault: Option<String>,
    /// Kinds of ANC data packets; at most 64.
    pub kinds: Vec<PacketKind>,
    /// Time codes (ST 12-2).
    pub time_code: Option<TimeCodeReport>,
    /// Frames without the mark of one of our sources; no defect. Second fields do not count.
    pub without_mark: u64,
    /// Frame numbers skipped between consecutive frames of one source, by the mark.
    pub missing_frames: u64,
    /// Frames whose mark was shown before.
    pub duplicated: u64,
    /// Frames whose source is not that of the picture of the same timestamp.
    pub mismatched: u64,
    /// Frames of the source before that came after the first frame of the next, where the
    /// picture had not gone back to it.
    pub stale: u64,
    /// Frames with a mark for whose timestamp no picture with a readable strip came; no defect.
    pub without_picture: u64,
    /// Pictures for whose timestamps no frame with a mark came, though frames came before and
    /// 128 pictures after; no defect.
    pub pictures_without: u64,
    /// Switches, by the mark's name.
    pub switch_count: u64,
    /// Longest of the switches' gaps.
    pub longest_switch_gap_ns: u64,
    /// The first 4096 switches.
    pub switches: Vec<Switch>,
    /// The sources seen; at most 64.
    pub sources: Vec<SourceReport>,
    /// From the mark's TAI time to the arrival of the frame's last packet, in microseconds.
    pub latency_us: Option<Latency>,
    /// The stream received last.
    pub stream: Stream,
}

/// A kind of ANC data packets.
#[derive(Clone, Debug, Serialize)]
pub struct PacketKind {
    /// DID and SDID: `0x60/0x60`.
    pub id: String,
    /// How many came.
    pub packets: u64,
}

/// The time codes of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct TimeCodeReport {
    /// How many came.
    pub packets: u64,
    /// Those that are no time of day.
    pub invalid: u64,
    /// LTC, VITC1, VITC2 or other.
    pub kind: &'static str,
    /// The first, `12:34:56:07`; with `;` where labels are dropped, and with `.1` for the
    /// second frame of a label.
    pub first: String,
    /// The last.
    pub last: String,
}

impl AncillaryReport {
    /// What is wrong. `breakaway`: the data may be of another source than the picture.
    pub(in crate::check) fn defects(&self, breakaway: bool) -> Vec<(u64, &'static str)> {
        let mut defects = self.packets.defects().to_vec();
        defects.extend([
            (self.parity_faults, "parity faults"),
            (self.checksum_faults, "checksum faults"),
            (self.payload_faults, "payload faults"),
            (self.field_faults, "faults of the F bits"),
            (self.marker_faults, "marker faults"),
            (self.missing_frames, "missing frames"),
            (self.duplicated, "duplicated frames"),
            (
                if breakaway { 0 } else { self.mismatched },
                "frames of another source than the picture",
            ),
            (self.stale, "frames of the source before a switch, behind it"),
            (u64::from(self.packets.packets == 0), "stream of which no packet came"),
        ]);
        defects
    }
}

impl fmt::Display for AncillaryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.stream.format)?;
        let PacketCounts { packets, missing_packets, sequence_breaks, ssrc_changes, .. } =
            self.packets;
        let mut lines = vec![
            ("frames", self.frames),
            ("packets", packets),
            ("  missing", missing_packets),
            ("  keep-alives", self.keep_alives),
            ("ANC data packets", self.anc_packets),
            ("sequence breaks", sequence_breaks),
            ("changes of SSRC", ssrc_changes),
            ("switches", self.switch_count),
            ("mismatched", self.mismatched),
            ("stale", self.stale),
        ];
        let rest = [
            ("parity faults", self.parity_faults),
            ("checksum faults", self.checksum_faults),
            ("payload faults", self.payload_faults),
            ("F bit faults", self.field_faults),
            ("marker faults", self.marker_faults),
            ("missing frames", self.missing_frames),
            ("duplicated frames", self.duplicated),
            ("without mark", self.without_mark),
            ("without picture", self.without_picture),
            ("pictures without", self.pictures_without),
            ("malformed packets", self.packets.malformed_packets),
            ("other payload type", self.packets.wrong_payload_type),
        ];
        lines.extend(rest.into_iter().filter(|&(_, count)| count > 0));
        for (what, count) in lines {
            writeln!(f, "{what:<20}{count:>14}")?;
        }
        if let Some(fault) = &self.first_fault {
            writeln!(f, "first fault: {fault}")?;
        }
        if let Some(TimeCodeReport { kind, first, last, .. }) = &self.time_code {
            writeln!(f, "time code           {first} to {last} ({kind})")?;
        }
        for SourceReport { name, frames, .. } in &self.sources {
            writeln!(f, "source '{name}': {frames} frames")?;
        }
        Ok(())
    }
}
