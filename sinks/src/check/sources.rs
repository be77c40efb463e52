//! What the marks told, be it by strip or by ancillary packet: who was shown, from when to
//! when, and how old it was.

use ormatrix_strip::{Mark, Name};

use super::{
    judge::Arrival,
    latency::{Ages, Latency},
    report::{SourceReport, Switch},
};
use crate::time_text::rfc3339;

/// Sources listed by name; frames of further ones are still judged.
const MOST_SOURCES: usize = 64;

/// Switches listed one by one; further ones are counted.
const MOST_SWITCHES: usize = 4096;

/// What a frame was, by its mark.
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
#[derive(Debug, Default)]
pub(super) struct Sources {
    seen: Vec<Source>,
    /// Who was shown last.
    on_air: Option<Name>,
    last_at: u64,
    switches: Vec<Switch>,
    switch_count: u64,
    longest_gap: u64,
    latency: Ages,
}

/// What is known of them in the end.
pub(super) struct Told {
    pub missing_frames: u64,
    pub restarts: u64,
    pub sources: Vec<SourceReport>,
    pub switch_count: u64,
    pub longest_gap_ns: u64,
    pub switches: Vec<Switch>,
    pub latency: Option<Latency>,
}

impl Sources {
    /// A frame with a readable mark, from its first packet to its last.
    pub fn shown(&mut self, mark: &Mark, first: Arrival, last: Arrival) -> Shown {
        let same_source = self.on_air == Some(mark.name);
        self.switch(mark.name, first, last);
        self.latency.record(mark.tai_us.saturating_mul(1000), last.tai);
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

    /// A frame whose mark cannot be read.
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

    pub fn told(self) -> Told {
        let sources = self.seen.iter().map(|source| SourceReport {
            name: source.name.as_str().to_owned(),
            frames: source.frames,
            missing_frames: source.missing,
            restarts: source.restarts,
            first_frame: source.first.frame,
            last_frame: source.last.frame,
        });
        Told {
            missing_frames: self.seen.iter().map(|source| source.missing).sum(),
            restarts: self.seen.iter().map(|source| source.restarts).sum(),
            sources: sources.collect(),
            switch_count: self.switch_count,
            longest_gap_ns: self.longest_gap,
            switches: self.switches,
            latency: self.latency.report(),
        }
    }
}
