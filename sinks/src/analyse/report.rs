//! What is told of a capture: the shape of the JSON.

use std::{net::SocketAddr, path::PathBuf};

use serde::Serialize;
use st2110::{
    analysis::{
        AncillaryReport, AudioReport, LegPairReport, NetworkReport, NetworkWatch, Outcome, Verdict,
        VideoReport,
    },
    timing::SenderType,
};

use super::{capture::CaptureReport, measure::Ends};

/// Version of the JSON's shape. Fields may be added; the number changes when one goes or
/// changes its meaning.
pub const SHAPE: u32 = 1;

/// A judged capture.
#[derive(Debug, Serialize)]
pub struct Analysis {
    /// Version of this shape.
    pub shape: u32,
    /// The file.
    pub file: PathBuf,
    /// What the file is.
    pub capture: CaptureReport,
    /// Whether it was measured as EBU LIST does.
    pub list_compatible: bool,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Whether there is a stream and every stream and pair is good.
    pub good: bool,
    /// Its streams, in the order of their first packets.
    pub streams: Vec<StreamAnalysis>,
    /// Streams that are legs of each other (ST 2022-7).
    pub pairs: Vec<PairAnalysis>,
}

/// A judged stream.
#[derive(Debug, Serialize)]
pub struct StreamAnalysis {
    /// From 1.
    pub stream: usize,
    /// Who sends.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// SSRC.
    pub ssrc: Option<u32>,
    /// Payload type.
    pub payload_type: Option<u8>,
    /// What was not told but inferred from the packets.
    pub inferred: Vec<String>,
    /// The sender type that was told, by the SDP or the command line.
    pub sender_type: Option<SenderType>,
    /// Whether every check is good.
    pub good: bool,
    /// Below RTP.
    pub network: NetworkReport,
    /// The checks on that.
    pub network_verdicts: Vec<Verdict>,
    /// What kind of stream, and what was measured.
    #[serde(flatten)]
    pub measured: Measured,
}

/// What was measured, by the kind of stream.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Measured {
    /// ST 2110-20.
    Video(Box<VideoReport>),
    /// ST 2110-30.
    Audio(Box<AudioReport>),
    /// ST 2110-40.
    Ancillary(Box<AncillaryReport>),
    /// Something else.
    Unknown {
        /// Why it could not be told.
        reason: String,
    },
}

/// Two judged legs.
#[derive(Debug, Serialize)]
pub struct PairAnalysis {
    /// Numbers of the streams.
    pub streams: [usize; 2],
    /// What was measured.
    #[serde(flatten)]
    pub report: LegPairReport,
}

impl Analysis {
    pub(super) fn new(
        file: PathBuf,
        capture: CaptureReport,
        list_compatible: bool,
        notes: Vec<String>,
        streams: Vec<StreamAnalysis>,
        pairs: Vec<PairAnalysis>,
    ) -> Self {
        let media = |stream: &&StreamAnalysis| !matches!(stream.measured, Measured::Unknown { .. });
        let mut judged = streams.iter().filter(media).peekable();
        let good = judged.peek().is_some()
            && judged.all(|stream| stream.good)
            && pairs.iter().all(|pair| all_good(&pair.report.verdicts));
        Self { shape: SHAPE, file, capture, list_compatible, notes, good, streams, pairs }
    }
}

impl StreamAnalysis {
    pub(super) fn new(
        stream: usize,
        ends: Ends,
        named: (Option<u32>, Option<u8>),
        inferred: Vec<String>,
        sender_type: Option<SenderType>,
        network: &NetworkWatch,
        measured: Measured,
    ) -> Self {
        let network_verdicts = network.verdicts();
        let rtp = match &measured {
            Measured::Video(report) => Some(&report.rtp),
            Measured::Audio(report) => Some(&report.rtp),
            Measured::Ancillary(report) => Some(&report.rtp),
            Measured::Unknown { .. } => None,
        };
        let (ssrc, payload_type) = rtp.map_or(named, |rtp| (rtp.ssrc, rtp.payload_type));
        let media_good = match &measured {
            Measured::Video(report) => report.is_good(sender_type),
            Measured::Audio(report) => all_good(&report.verdicts),
            Measured::Ancillary(report) => all_good(&report.verdicts),
            Measured::Unknown { .. } => false,
        };
        Self {
            stream,
            source: ends.source,
            destination: ends.destination,
            ssrc,
            payload_type,
            inferred,
            sender_type,
            good: media_good && all_good(&network_verdicts),
            network: network.report(),
            network_verdicts,
            measured,
        }
    }

    /// Whether everything is good but for when packets came: what a host whose times are
    /// coarse can vouch for.
    pub fn good_but_for_timing(&self) -> bool {
        let verdicts = match &self.measured {
            Measured::Video(report) => &report.verdicts,
            Measured::Audio(report) => &report.verdicts,
            Measured::Ancillary(report) => &report.verdicts,
            Measured::Unknown { .. } => return false,
        };
        let timing = |verdict: &&Verdict| !matches!(verdict.check, "delay" | "ts-df");
        verdicts.iter().filter(timing).all(|verdict| verdict.outcome != Outcome::Fail)
            && all_good(&self.network_verdicts)
    }

    /// The report, if it is a video stream.
    pub fn video(&self) -> Option<&VideoReport> {
        match &self.measured {
            Measured::Video(report) => Some(report),
            _ => None,
        }
    }
}

fn all_good(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.outcome != Outcome::Fail)
}
