//! One phase, calm or with a fault, as displays saw it.

use std::collections::BTreeMap;

use ormatrix_io::{Clock, SystemClock};
use serde::Serialize;
use serde_json::Value;

use super::{
    faults::{Excuse, Fault},
    stage::{OUTPUTS, Stage},
    takes::Takes,
};
use crate::Process;

/// What a display counts that a fault may excuse or not.
const COUNTS: [&str; 12] = [
    "whole",
    "partial",
    "mixed",
    "duplicated",
    "missing_packets",
    "sequence_breaks",
    "ssrc_changes",
    "malformed_packets",
    "outside_format",
    "fragmented_datagrams",
    "kernel_drops",
    "switch_count",
];

/// What is never excused.
const NEVER: [&str; 6] = [
    "mixed",
    "duplicated",
    "malformed_packets",
    "outside_format",
    "fragmented_datagrams",
    "kernel_drops",
];

/// A phase that runs.
pub struct Phase {
    start: u64,
    began: u64,
    displays: Vec<Process>,
    cut_frames: u64,
    lost_packets: u64,
    /// How long it took until everything was as before, if there was a fault.
    pub recovery_ns: Option<u64>,
}

/// A phase that is over.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The fault; none in a calm phase.
    pub fault: Option<Fault>,
    /// When it began, seconds after the start.
    pub at_s: f64,
    /// How long it lasted.
    pub seconds: f64,
    /// From the end of the fault until everything was as before.
    pub recovery_ms: Option<f64>,
    /// Longest time without a new frame on any output.
    pub longest_gap_ms: f64,
    /// What displays counted, together.
    pub displays: BTreeMap<&'static str, u64>,
    /// Frames that a source cut because the machine did not let it run.
    pub cut_frames: u64,
    /// Packets that the router missed on all legs.
    pub lost_packets: u64,
    /// What became of takes.
    pub takes: Takes,
    /// What was wrong, and not excused.
    pub failures: Vec<String>,
}

impl Phase {
    /// Begins, once displays watch every output.
    pub fn begin(stage: &mut Stage, start: u64) -> Self {
        let displays = stage.displays();
        stage.watches.iter().for_each(super::watch::Watch::reset);
        // What was asked before belongs to the phase before.
        stage.taker.as_ref().map(super::takes::Taker::report);
        let [cut_frames, lost_packets] = ["cut_frames", "lost_packets"].map(|c| stage.count(c));
        let began = SystemClock.now();
        Self { start, began, displays, cut_frames, lost_packets, recovery_ns: None }
    }

    /// Ends it and judges.
    pub fn end(self, stage: &mut Stage, fault: Option<Fault>) -> Outcome {
        let now = SystemClock.now();
        let gaps = stage.watches.iter().map(|watch| watch.seen().longest_gap_ns);
        let longest_gap = gaps.max().unwrap_or(0);
        let takes = stage.taker.as_ref().map(super::takes::Taker::report).unwrap_or_default();
        for display in &self.displays {
            display.terminate();
        }
        let reports: Vec<Value> =
            self.displays.into_iter().map(|display| display.finish_json().1).collect();
        // A router that was started again counts from nothing.
        let fresh = fault == Some(Fault::RouterKilled);
        let since = |counter: &str, before: u64| {
            let now = stage.count(counter);
            if fresh { now } else { now.saturating_sub(before) }
        };
        let mut outcome = Outcome {
            fault,
            at_s: (self.began - self.start) as f64 / 1e9,
            seconds: (now - self.began) as f64 / 1e9,
            recovery_ms: self.recovery_ns.map(|ns| ns as f64 / 1e6),
            longest_gap_ms: longest_gap as f64 / 1e6,
            displays: BTreeMap::new(),
            cut_frames: since("cut_frames", self.cut_frames),
            lost_packets: since("lost_packets", self.lost_packets),
            takes,
            failures: Vec::new(),
        };
        for count in COUNTS {
            let sum = reports.iter().filter_map(|report| report[count].as_u64()).sum();
            outcome.displays.insert(count, sum);
        }
        for (output, report) in OUTPUTS.iter().zip(&reports) {
            if report["whole"].as_u64().unwrap_or(0) == 0 {
                outcome.failures.push(format!("{output} showed no whole frame"));
            }
        }
        stage.look_for_ended();
        outcome.failures.extend(stage.ended.drain(..).map(|name| format!("{name} ended")));
        let wrong = outcome.unexcused(fault.map(Fault::excuse).unwrap_or_default());
        outcome.failures.extend(wrong);
        outcome
    }
}

impl Outcome {
    /// What is wrong beyond what is excused.
    fn unexcused(&self, excuse: Excuse) -> Vec<String> {
        let count = |what: &str| self.displays.get(what).copied().unwrap_or(0);
        let mut wrong = Vec::new();
        let mut hold = |what: &str, most: u64| {
            if count(what) > most {
                wrong.push(format!("{what}: {} (at most {most})", count(what)));
            }
        };
        for what in NEVER {
            hold(what, 0);
        }
        // A frame that its source cut is partial on every output that shows it; where packets
        // were lost, it was not the source.
        let cut = if self.lost_packets == 0 { self.cut_frames } else { 0 };
        hold("partial", excuse.partial + cut * OUTPUTS.len() as u64);
        let missing = if excuse.missing || cut > 0 { u64::MAX } else { 0 };
        hold("missing_packets", missing);
        for what in ["sequence_breaks", "ssrc_changes"] {
            hold(what, if excuse.breaks { u64::MAX } else { 0 });
        }
        if self.lost_packets > 0 && !excuse.missing {
            wrong.push(format!("the router missed {} packets on all legs", self.lost_packets));
        }
        let unconfirmed = self.takes.refused + self.takes.unanswered;
        if unconfirmed > 0 && !excuse.takes {
            wrong.push(format!("{unconfirmed} takes not confirmed: {:?}", self.takes.said));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(displays: &[(&'static str, u64)]) -> Outcome {
        Outcome {
            fault: None,
            at_s: 0.0,
            seconds: 1.0,
            recovery_ms: None,
            longest_gap_ms: 40.0,
            displays: displays.iter().copied().collect(),
            cut_frames: 0,
            lost_packets: 0,
            takes: Takes::default(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn nothing_is_excused_in_a_calm_phase() {
        let calm = Excuse::default();
        assert!(outcome(&[("whole", 70)]).unexcused(calm).is_empty());
        for what in COUNTS.iter().filter(|what| !["whole", "switch_count"].contains(what)) {
            assert_eq!(outcome(&[(what, 1)]).unexcused(calm).len(), 1, "{what}");
        }
        let mut lost = outcome(&[]);
        lost.lost_packets = 1;
        assert_eq!(lost.unexcused(calm).len(), 1);
        lost.cut_frames = 1;
        lost.displays.insert("partial", 1);
        assert_eq!(lost.unexcused(calm).len(), 2, "a loss is no cut");
        lost.displays.clear();
        lost.takes.unanswered = 1;
        assert_eq!(lost.unexcused(calm).len(), 2);
    }

    #[test]
    fn a_mixed_frame_is_never_excused() {
        for fault in Fault::ALL {
            for what in NEVER {
                assert!(!outcome(&[(what, 1)]).unexcused(fault.excuse()).is_empty());
            }
            let pulled = outcome(&[("missing_packets", 9)]).unexcused(fault.excuse());
            assert_eq!(pulled.is_empty(), fault.excuse().missing, "{fault:?}");
        }
    }
}
