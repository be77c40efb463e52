//! What is told of a measured input or output: the shape of the JSON.

use std::net::SocketAddr;

use serde::Serialize;
use serde_json::Value;
use st2110::{analysis::Outcome, level::Level};

use super::{plan::Target, study::Runs};
use crate::{
    analyse::report::{Measured, PairAnalysis, SHAPE, StreamAnalysis},
    time_text::rfc3339,
};

/// Most points of a value over time: enough for a picture a hand wide.
const MOST_POINTS: usize = 200;

/// Most octets of JSON that the API takes.
const MOST_OCTETS: usize = 256 * 1024;

/// A time span, Unix nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When it began.
    pub from_ns: u64,
    /// When it ended, or was reported.
    pub until_ns: u64,
}

/// What the tap says of itself.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TapReport {
    /// Packets seen.
    pub packets: u64,
    /// Frames the kernel handed over; each has one time.
    pub frames: u64,
    /// Packets in the longest of them.
    pub longest_run: u64,
    /// Frames lost for want of buffer, of this stream or another that the tap looks at.
    pub dropped: u64,
}

impl TapReport {
    /// Of a window.
    pub const fn new(runs: Runs, dropped: u64) -> Self {
        let Runs { frames, packets, longest } = runs;
        Self { packets, frames, longest_run: longest, dropped }
    }
}

/// A stream and what it is of the input or output.
#[derive(Debug, Serialize)]
pub struct LevelStream {
    /// Its level. (An audio report's `level` is that of ST 2110-30.)
    #[serde(rename = "essence")]
    pub level: Level,
    /// Its leg, from 0.
    pub leg: usize,
    /// What was measured, as of a file.
    #[serde(flatten)]
    pub analysis: StreamAnalysis,
}

/// Two legs of a level.
#[derive(Debug, Serialize)]
pub struct LevelPair {
    /// The level.
    #[serde(rename = "essence")]
    pub level: Level,
    /// What was measured, as of a file.
    #[serde(flatten)]
    pub pair: PairAnalysis,
}

/// The window before, in short.
#[derive(Clone, Debug, Serialize)]
pub struct Previous {
    from: String,
    until: String,
    good: Option<bool>,
    failed: Vec<String>,
}

/// A measured input or output.
#[derive(Debug, Serialize)]
pub struct LiveAnalysis {
    /// Version of this shape, that of a file's report.
    pub shape: u32,
    /// `input` or `output`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// When the window began (RFC 3339).
    pub from: String,
    /// When it was reported.
    pub until: String,
    /// Its length.
    pub seconds: f64,
    /// What the tap says of itself.
    pub tap: TapReport,
    /// Whether there is a stream and every stream and pair is good; null while there is none,
    /// and when the tap lost packets: then nobody can tell.
    pub good: Option<bool>,
    /// The same without what depends on the times of packets, which are this host's.
    pub good_but_for_timing: Option<bool>,
    /// Checks that failed, as `video leg 1: lost-packets: 3 (allowed: 0)`.
    pub failed: Vec<String>,
    /// What the times can and cannot tell here.
    pub limits: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// The window before.
    pub previous: Option<Previous>,
    /// Its streams.
    pub streams: Vec<LevelStream>,
    /// Its legs, compared.
    pub pairs: Vec<LevelPair>,
}

impl LiveAnalysis {
    /// Puts a window's measurements together.
    pub fn new(
        target: &Target,
        window: Window,
        previous: Option<Previous>,
        tap: TapReport,
        silent: Vec<(Level, SocketAddr)>,
        streams: Vec<LevelStream>,
        pairs: Vec<LevelPair>,
    ) -> Self {
        let (kind, id) = target.parts();
        let judged = || {
            let known = |stream: &&LevelStream| {
                !matches!(stream.analysis.measured, Measured::Unknown { .. })
            };
            streams.iter().filter(known)
        };
        let pairs_good = |timing: bool| {
            let verdicts = pairs.iter().flat_map(|pair| &pair.pair.report.verdicts);
            verdicts
                .filter(|verdict| timing || verdict.check != "leg-skew")
                .all(|verdict| verdict.outcome != Outcome::Fail)
        };
        let whole = tap.dropped == 0 && judged().next().is_some();
        let good = whole.then(|| judged().all(|stream| stream.analysis.good) && pairs_good(true));
        let good_but_for_timing = whole.then(|| {
            judged().all(|stream| stream.analysis.good_but_for_timing()) && pairs_good(false)
        });
        let mut notes = Vec::new();
        if tap.dropped > 0 {
            notes.push(format!(
                "the tap lost {} frames for want of buffer or CPU: what is missing here may have arrived, so that nothing of this window is a verdict",
                tap.dropped
            ));
        }
        for (level, address) in silent {
            notes.push(format!("{}: nothing to {address} has passed", level.as_str()));
        }
        Self {
            shape: SHAPE,
            kind,
            id: id.to_owned(),
            from: rfc3339(window.from_ns),
            until: rfc3339(window.until_ns),
            seconds: window.until_ns.saturating_sub(window.from_ns) as f64 / 1e9,
            good,
            good_but_for_timing,
            failed: failed(&streams, &pairs),
            limits: limits(kind, tap),
            tap,
            notes,
            previous,
            streams,
            pairs,
        }
    }

    /// What the next window shows of this one.
    pub fn summary(&self) -> Previous {
        Previous {
            from: self.from.clone(),
            until: self.until.clone(),
            good: self.good,
            failed: self.failed.clone(),
        }
    }

    /// JSON that the API takes: at most 200 points of each value over time, and without
    /// histograms where it would be too long.
    pub fn json(mut self) -> Value {
        for stream in &mut self.streams {
            match &mut stream.analysis.measured {
                Measured::Video(report) => report.thin(MOST_POINTS),
                Measured::Audio(report) => report.thin(MOST_POINTS),
                Measured::Ancillary(_) | Measured::Unknown { .. } => {}
            }
        }
        for pair in &mut self.pairs {
            pair.pair.report.thin(MOST_POINTS);
        }
        // A report of finite numbers and texts always has a JSON.
        let mut value = serde_json::to_value(&self).unwrap_or_default();
        if value.to_string().len() > MOST_OCTETS {
            drop_histograms(&mut value);
            if let Some(notes) = value["notes"].as_array_mut() {
                notes.push("histograms were left out: the report would be too long".into());
            }
        }
        value
    }
}

fn failed(streams: &[LevelStream], pairs: &[LevelPair]) -> Vec<String> {
    let mut failed = Vec::new();
    for stream in streams {
        let leg = stream.leg + 1;
        let level = stream.level.as_str();
        let analysis = &stream.analysis;
        let media = match &analysis.measured {
            Measured::Video(report) => &report.verdicts[..],
            Measured::Audio(report) => &report.verdicts[..],
            Measured::Ancillary(report) => &report.verdicts[..],
            Measured::Unknown { reason } => {
                failed.push(format!("{level} leg {leg}: {reason}"));
                &[]
            }
        };
        for verdict in media.iter().chain(&analysis.network_verdicts) {
            if verdict.outcome == Outcome::Fail {
                let (check, value, limit) = (verdict.check, &verdict.value, &verdict.limit);
                failed.push(format!("{level} leg {leg}: {check}: {value} (allowed: {limit})"));
            }
        }
        if let Measured::Video(report) = &analysis.measured
            && report.frames.measured > 0
            && !report.sender_types.iter().any(|kept| kept.outcome == Outcome::Pass)
        {
            failed.push(format!("{level} leg {leg}: keeps to no sender type of ST 2110-21"));
        }
    }
    for pair in pairs {
        for verdict in &pair.pair.report.verdicts {
            if verdict.outcome == Outcome::Fail {
                let (check, value) = (verdict.check, &verdict.value);
                failed.push(format!("{} legs: {check}: {value}", pair.level.as_str()));
            }
        }
    }
    failed
}

/// What arrival times of this host are worth.
fn limits(kind: &str, tap: TapReport) -> Vec<String> {
    let mut limits = vec![
        if kind == "input" {
            "times are those at which this host's kernel took a packet, behind network card, driver and interrupt: VRX, first-packet time and latency include that way".to_owned()
        } else {
            "times are those at which this host's kernel handed a packet to the network card"
                .to_owned()
        },
        "loss, order, headers, fields and the equality of legs are exact".to_owned(),
    ];
    if tap.longest_run > 1 {
        limits.push(format!(
            "up to {} packets came at once (GRO, GSO or one interrupt) and share one time: CINST and VRX read up to {} packets more than on the wire, and intervals are those of batches",
            tap.longest_run,
            tap.longest_run - 1
        ));
    }
    limits
}

fn drop_histograms(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "histogram" || name == "interval_histogram" {
                    *field = Value::Array(Vec::new());
                } else {
                    drop_histograms(field);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(drop_histograms),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_loss_are_no_verdict() {
        let of = |tap: TapReport| {
            LiveAnalysis::new(
                &Target::Input("a".into()),
                Window { from_ns: 0, until_ns: 1_500_000_000 },
                None,
                tap,
                vec![(Level::Video, "239.1.1.1:5004".parse().unwrap())],
                Vec::new(),
                Vec::new(),
            )
        };
        let tap = TapReport { packets: 0, frames: 0, longest_run: 0, dropped: 3 };
        let json = of(tap).json();
        assert_eq!(json["good"], Value::Null);
        assert_eq!(json["seconds"], 1.5);
        assert_eq!(json["notes"].as_array().unwrap().len(), 2);
        let runs = TapReport { longest_run: 45, dropped: 0, ..tap };
        assert_eq!(of(runs).limits.len(), 3);
        assert_eq!(of(runs).good, None);
    }

    #[test]
    fn histograms_go_wherever_they_are() {
        let mut value = serde_json::json!({"a": [{"histogram": [1, 2], "b": 1}], "histogram": [3]});
        drop_histograms(&mut value);
        assert_eq!(value, serde_json::json!({"a": [{"histogram": [], "b": 1}], "histogram": []}));
    }
}
