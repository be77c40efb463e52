//! What is known, and how it is looked at. Pure: updates and keys in, no clock, no terminal.

use std::collections::{BTreeMap, VecDeque};

use ormatrix_client::types::{Input, Output, Router};

use super::{
    super::table,
    row::{InputRow, OutputRow, Row, Sort, unix_ns},
};

const SECOND: u64 = 1_000_000_000;
/// An answer is true for so long: two readings may come late.
const FRESH: u64 = 4 * SECOND;
/// Events kept.
const EVENTS: usize = 500;
/// Readings that rates are taken over, the oldest and the newest.
const HISTORY: usize = 5;

/// Something to know.
#[derive(Clone, Debug)]
pub enum Update {
    /// What the API answered.
    Reading {
        /// `/router`.
        router: Router,
        /// `/inputs`.
        inputs: Vec<Input>,
        /// `/outputs`.
        outputs: Vec<Output>,
    },
    /// It did not answer, and why.
    Away(String),
    /// Something happened, in words.
    Event {
        /// What kind of thing.
        name: String,
        /// What.
        said: String,
    },
    /// Whether events are heard.
    Listening(bool),
}

/// Something that a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To end.
    Quit,
    /// Out of help, of the filter's line, or of the filter.
    Back,
    /// The filter is typed.
    Done,
    /// A letter of the filter.
    Type(char),
    /// One letter less.
    Erase,
    /// The next pane.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// So many lines down.
    Move(isize),
    /// Sort by something else.
    Sort,
    /// Sort the other way round.
    Reverse,
    /// Type a filter.
    Filter,
    /// Hold everything, or go on.
    Pause,
    /// Show what keys mean, or not.
    Help,
}

/// A part of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// What enters.
    #[default]
    Inputs,
    /// What leaves.
    Outputs,
    /// What happened.
    Events,
}

impl Pane {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Inputs, Self::Outputs, Self::Events];
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was heard, UTC ns.
    pub at: u64,
    /// What kind of thing.
    pub name: String,
    /// What.
    pub said: String,
}

/// How far what is shown can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is as it is now.
    Live,
    /// Nothing has been answered yet.
    Asking,
    /// The control plane does not answer.
    ControlAway {
        /// Since when, UTC ns.
        since: u64,
        /// Why, as far as it is known.
        reason: String,
    },
    /// The control plane has no router.
    RouterAway,
    /// Signals are said to be good and nothing is counted: the router hangs.
    RouterSilent {
        /// Since when, UTC ns.
        since: u64,
    },
}

/// The router as the control plane tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterLine {
    /// Its version.
    pub version: String,
    /// Its lanes.
    pub lanes: String,
    /// When it started, UTC ns.
    pub started_at: Option<u64>,
}

/// Counters of one stream at some times, oldest first.
#[derive(Clone, Debug, Default)]
struct History(VecDeque<(u64, u64)>);

impl History {
    /// Notes a count; how much it grows a second.
    fn note(&mut self, at: u64, count: u64) -> Option<f64> {
        // It counts from nothing again.
        if self.0.back().is_some_and(|(_, before)| *before > count) {
            self.0.clear();
        }
        self.0.push_back((at, count));
        if self.0.len() > HISTORY {
            self.0.pop_front();
        }
        let (first, last) = (self.0.front()?, self.0.back()?);
        let ns = last.0.checked_sub(first.0).filter(|ns| *ns > 0)?;
        Some((last.1 - first.1) as f64 * SECOND as f64 / ns as f64)
    }
}

/// Everything that a frame is drawn from.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Model {
    /// Where the API is.
    pub url: String,
    /// UTC ns.
    pub now: u64,
    /// When the last answer came, UTC ns.
    pub read_at: Option<u64>,
    away: Option<(u64, String)>,
    /// Everything that is counted, in one sum, and when it last changed or had no need to.
    moved: (u64, u64),
    /// The router, if the last answer named one.
    pub router: Option<RouterLine>,
    inputs: Vec<InputRow>,
    outputs: Vec<OutputRow>,
    losses: BTreeMap<String, History>,
    rates: BTreeMap<String, History>,
    events: VecDeque<Line>,
    /// Whether events are heard.
    pub listening: bool,
    /// Where keys go.
    pub pane: Pane,
    selected: [usize; 3],
    sorts: [Sort; 3],
    reversed: [bool; 3],
    /// What is looked for.
    pub filter: String,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// When everything was held, UTC ns.
    pub paused: Option<u64>,
    /// Whether help is shown.
    pub help: bool,
    /// Whether it is over.
    pub over: bool,
}

impl Model {
    /// Nothing known yet.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            now: 0,
            read_at: None,
            away: None,
            moved: (0, 0),
            router: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            losses: BTreeMap::new(),
            rates: BTreeMap::new(),
            events: VecDeque::new(),
            listening: false,
            pane: Pane::Inputs,
            selected: [0; 3],
            sorts: [Sort::Id; 3],
            reversed: [false; 3],
            filter: String::new(),
            typing: false,
            paused: None,
            help: false,
            over: false,
        }
    }

    /// Takes something in at a time.
    pub fn apply(&mut self, update: Update, now: u64) {
        self.now = now;
        match update {
            Update::Reading { router, inputs, outputs } => {
                if let Some((since, _)) = self.away.take() {
                    self.moved.1 = now;
                    let seconds = now.saturating_sub(since) / SECOND;
                    self.note("top", format!("control answers again, after {seconds} s"));
                }
                self.read(&router, &inputs, &outputs);
            }
            Update::Away(reason) => {
                if self.away.is_none() {
                    self.note("top", format!("control does not answer: {reason}"));
                }
                let since = self.away.take().map_or(now, |(since, _)| since);
                self.away = Some((since, reason));
            }
            Update::Event { name, said } => self.note(&name, said),
            Update::Listening(listening) => self.listening = listening,
        }
    }

    fn read(&mut self, router: &Router, inputs: &[Input], outputs: &[Output]) {
        let now = self.now;
        // What was not looked at may have moved.
        if self.read_at.is_none_or(|at| now.saturating_sub(at) > FRESH) {
            self.moved.1 = now;
        }
        self.read_at = Some(now);
        self.router = router.connected.then(|| RouterLine {
            version: table::maybe(router.version.as_ref()),
            lanes: table::maybe(router.lanes.as_ref()),
            started_at: router.started_at.as_deref().and_then(unix_ns),
        });
        let mut inputs: Vec<InputRow> = inputs.iter().map(InputRow::of).collect();
        let mut outputs: Vec<OutputRow> = outputs.iter().map(OutputRow::of).collect();
        // What is not counted now has no past either.
        self.losses.retain(|id, _| inputs.iter().any(|row| row.id == *id && row.lost.is_some()));
        self.rates.retain(|id, _| outputs.iter().any(|row| row.id == *id && row.octets.is_some()));
        for row in &mut inputs {
            if let Some(lost) = row.lost {
                row.losing = self.losses.entry(row.id.clone()).or_default().note(now, lost);
            }
        }
        for row in &mut outputs {
            if let Some(octets) = row.octets {
                let rate = self.rates.entry(row.id.clone()).or_default().note(now, octets);
                row.bits = rate.map(|octets| (octets * 8.0) as u64);
            }
        }
        let packets = inputs.iter().filter_map(|row| row.packets);
        let octets = outputs.iter().filter_map(|row| row.octets);
        let count = packets.chain(octets).fold(0, u64::wrapping_add);
        let flows = |row: &InputRow| matches!(row.signal.as_str(), "ok" | "unstable");
        if self.moved.0 != count || !inputs.iter().any(flows) {
            self.moved = (count, now);
        }
        if self.paused.is_none() {
            (self.inputs, self.outputs) = (inputs, outputs);
        }
    }

    fn note(&mut self, name: &str, said: String) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(Line { at: self.now, name: name.to_owned(), said });
    }

    /// Time passes.
    pub fn tick(&mut self, now: u64) {
        self.now = now;
    }

    /// How far what is shown can be relied on.
    pub fn standing(&self) -> Standing {
        if let Some((since, reason)) = &self.away {
            return Standing::ControlAway { since: *since, reason: reason.clone() };
        }
        let Some(read_at) = self.read_at else { return Standing::Asking };
        if self.now.saturating_sub(read_at) > FRESH {
            let reason = "it takes the question and gives no answer".to_owned();
            return Standing::ControlAway { since: read_at, reason };
        }
        if self.router.is_none() {
            return Standing::RouterAway;
        }
        if self.now.saturating_sub(self.moved.1) > FRESH {
            return Standing::RouterSilent { since: self.moved.1 };
        }
        Standing::Live
    }

    /// The inputs as they shall be seen.
    pub fn inputs(&self) -> Vec<InputRow> {
        let rows = self.inputs.iter();
        let rows = if self.is_known() {
            rows.cloned().collect()
        } else {
            rows.map(InputRow::unknown).collect()
        };
        self.arranged(rows, Pane::Inputs)
    }

    /// The outputs as they shall be seen.
    pub fn outputs(&self) -> Vec<OutputRow> {
        let rows = self.outputs.iter();
        let rows = if self.is_known() {
            rows.cloned().collect()
        } else {
            rows.map(OutputRow::unknown).collect()
        };
        self.arranged(rows, Pane::Outputs)
    }

    /// The events as they shall be seen, the newest first.
    pub fn events(&self) -> Vec<&Line> {
        let until = self.paused.unwrap_or(u64::MAX);
        let words = self.filter.to_lowercase();
        let seen = |line: &&Line| {
            line.at <= until
                && (line.said.to_lowercase().contains(&words) || line.name.contains(&words))
        };
        self.events.iter().rev().filter(seen).collect()
    }

    /// What was held is of a time that is said; all else must be of now.
    fn is_known(&self) -> bool {
        self.paused.is_some() || self.standing() == Standing::Live
    }

    fn arranged<R: Row>(&self, mut rows: Vec<R>, pane: Pane) -> Vec<R> {
        let words = self.filter.to_lowercase();
        rows.retain(|row| row.holds(&words));
        rows.sort_by(|one, other| one.compare(other, self.sort(pane)));
        if self.is_reversed(pane) {
            rows.reverse();
        }
        rows
    }

    /// How many there are without a filter.
    pub fn total(&self, pane: Pane) -> usize {
        match pane {
            Pane::Inputs => self.inputs.len(),
            Pane::Outputs => self.outputs.len(),
            Pane::Events => self.events.len(),
        }
    }

    fn shown(&self, pane: Pane) -> usize {
        match pane {
            Pane::Inputs => self.inputs().len(),
            Pane::Outputs => self.outputs().len(),
            Pane::Events => self.events().len(),
        }
    }

    /// The line that a pane's bar is on, of those shown.
    pub fn selected(&self, pane: Pane) -> usize {
        self.selected[pane as usize].min(self.shown(pane).saturating_sub(1))
    }

    /// What a pane is sorted by.
    pub fn sort(&self, pane: Pane) -> Sort {
        self.sorts[pane as usize]
    }

    /// Whether a pane is sorted the other way round.
    pub fn is_reversed(&self, pane: Pane) -> bool {
        self.reversed[pane as usize]
    }

    /// Does what a person wants.
    pub fn act(&mut self, action: Action) {
        let pane = self.pane as usize;
        match action {
            Action::Quit => self.over = true,
            Action::Back if self.help => self.help = false,
            Action::Back => {
                self.typing = false;
                self.filter.clear();
            }
            Action::Done => (self.typing, self.help) = (false, false),
            // Long enough for any name; a cat on the keyboard needs no more.
            Action::Type(c) if self.filter.len() < 64 => self.filter.push(c),
            Action::Type(_) => {}
            Action::Erase => drop(self.filter.pop()),
            Action::NextPane => self.pane = Pane::ALL[(pane + 1) % 3],
            Action::PreviousPane => self.pane = Pane::ALL[(pane + 2) % 3],
            Action::Move(lines) => {
                let last = self.shown(self.pane).saturating_sub(1);
                let to = self.selected(self.pane).saturating_add_signed(lines);
                self.selected[pane] = to.min(last);
            }
            Action::Sort => self.sorts[pane] = self.sorts[pane].next(),
            Action::Reverse => self.reversed[pane] = !self.reversed[pane],
            Action::Filter => self.typing = true,
            Action::Pause => {
                self.paused = if self.paused.is_some() { None } else { Some(self.now) }
            }
            Action::Help => self.help = !self.help,
        }
    }
}

#[cfg(test)]
mod tests;
