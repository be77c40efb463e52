//! What the strips told: who was shown, from when to when, and how old it was.

use std::fmt;

use hdrhistogram::Histogram;
use ormatrix_strip::{Mark, Name};

use super::{
    judge::Arrival,
    report::{Latency, Report, SourceReport, Switch},
};
use crate::time_text::rfc3339;

/// Sources listed by name; frames of further ones are still judged.
const MOST_SOURCES: usize = 64;

/// Switches listed one by one; further ones are counted.
const MOST_SWITCHES: usize = 4096;

/// The longest latency told apart, one minute, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// What a frame was, by its strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// One not shown before.
    New,
    /// One that was shown before, or an older one.
    Again,
}

#[derive(Debug)]
struct Source {
    name: Name,
    frames: u64,
    missing: u64,
    restarts: u64,
    first: Mark,
    last: Mark,
}

/// All sources seen in one stream.
pub(super) struct Sources {
    seen: Vec<Source>,
    /// Who was shown last.
    on_air: Option<Name>,
    last_at: u64,
    switches: Vec<Switch>,
    switch_count: u64,
    longest_gap: u64,
    latency: Histogram<u64>,
    from_future: u64,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Default for Sources {
    fn default() -> Self {
        // 1 µs to a minute with 3 digits: constants that the histogram accepts.
        let latency = Histogram::new_with_bounds(1, LONGEST_US, 3)
            .expect("1 to a minute in 3 digits are valid bounds");
        Self {
            seen: Vec::new(),
            on_air: None,
            last_at: 0,
            switches: Vec::new(),
            switch_count: 0,
            longest_gap: 0,
            latency,
            from_future: 0,
        }
    }
}

impl Sources {
    /// A frame with a readable strip, from its first packet to its last.
    pub fn shown(&mut self, mark: &Mark, first: Arrival, last: Arrival) -> Shown {
        let same_source = self.on_air == Some(mark.name);
        self.switch(mark.name, first, last);
        match (last.tai / 1000).checked_sub(mark.tai_us) {
            Some(age) => self.latency.saturating_record(age.max(1)),
            None => self.from_future += 1,
        }
        let Some(source) = self.seen.iter_mut().find(|source| source.name == mark.name) else {
            if self.seen.len() < MOST_SOURCES {
                self.seen.push(Source {
                    name: mark.name,
                    frames: 1,
                    missing: 0,
                    restarts: 0,
                    first: *mark,
                    last: *mark,
                });
            }
            return Shown::New;
        };
        source.frames += 1;
        let step = mark.frame.wrapping_sub(source.last.frame) as i32;
        if step <= 0 && mark.tai_us <= source.last.tai_us {
            return Shown::Again;
        }
        if step <= 0 {
            source.restarts += 1;
        } else if same_source {
            source.missing += u64::from(step.unsigned_abs()) - 1;
        }
        source.last = *mark;
        Shown::New
    }

    /// A frame whose strip cannot be read.
    pub fn unreadable(&mut self, last: Arrival) {
        // A gap is told between readable frames only: damage is not a switch.
        self.last_at = last.now;
    }

    fn switch(&mut self, to: Name, first: Arrival, last: Arrival) {
        if let Some(from) = self.on_air
            && from != to
        {
            let gap_ns = first.now.saturating_sub(self.last_at);
            self.switch_count += 1;
            self.longest_gap = self.longest_gap.max(gap_ns);
            if self.switches.len() < MOST_SWITCHES {
                self.switches.push(Switch {
                    at: rfc3339(first.unix),
                    from: from.as_str().to_owned(),
                    to: to.as_str().to_owned(),
                    gap_ns,
                });
            }
        }
        self.on_air = Some(to);
        self.last_at = last.now;
    }

    pub fn into_report(self, report: &mut Report) {
        report.missing_frames = self.seen.iter().map(|source| source.missing).sum();
        report.source_restarts = self.seen.iter().map(|source| source.restarts).sum();
        report.sources = self
            .seen
            .iter()
            .map(|source| SourceReport {
                name: source.name.as_str().to_owned(),
                frames: source.frames,
                missing_frames: source.missing,
                restarts: source.restarts,
                first_frame: source.first.frame,
                last_frame: source.last.frame,
            })
            .collect();
        report.switch_count = self.switch_count;
        report.longest_switch_gap_ns = self.longest_gap;
        report.switches = self.switches;
        if !self.latency.is_empty() || self.from_future > 0 {
            report.latency_us = Some(Latency {
                min: self.latency.min(),
                median: self.latency.value_at_quantile(0.5),
                p99: self.latency.value_at_quantile(0.99),
                max: self.latency.max(),
                from_the_future: self.from_future,
            });
        }
    }
}
