//! Who asked for what, for the log: a command is followed from the client's request to the
//! lane's confirmation under the client's own name for it.
//!
//! Lanes know takes by number and nothing else, and neither log nor allocate; the names are
//! kept here, by that number, and met again when a lane reports. Bounded: of takes that were
//! never confirmed the latest [`KEPT`] are remembered. Nothing of it survives a restart.

use std::collections::BTreeMap;

use ormatrix_protocol::{Command, Level, OutputId, Refusal, Reply, RequestId};
use tracing::Span;

use super::takes::Move;

/// Takes that are remembered while they wait for their confirmation.
const KEPT: usize = 1024;

/// What the log knows of requests.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// For whom everything is done now.
    present: Option<RequestId>,
    /// By the number of a salvo that waits for its time.
    scheduled: BTreeMap<u64, RequestId>,
    /// By the number of a take that waits for its lanes.
    under_way: BTreeMap<u64, UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    request: Option<RequestId>,
    /// Monotonic ns.
    since: u64,
    waits: Vec<(OutputId, Level)>,
}

/// A take that a lane has confirmed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Confirmed {
    /// Who asked for it, if that was told.
    pub request: Option<RequestId>,
    /// When the lanes got their orders, monotonic ns.
    pub since: u64,
}

impl Journal {
    /// From now on all is done for this request, or for nobody's. Gives the one before.
    pub fn enter(&mut self, request: Option<RequestId>) -> Option<RequestId> {
        std::mem::replace(&mut self.present, request)
    }

    /// A salvo begins to wait for its time.
    pub fn scheduled(&mut self, take: u64) {
        self.scheduled.extend(self.present.clone().map(|request| (take, request)));
    }

    /// A salvo does not wait any more. Gives who had asked for it.
    pub fn due(&mut self, take: u64) -> Option<RequestId> {
        self.scheduled.remove(&take)
    }

    /// Lanes get the orders of a take.
    pub fn begun(&mut self, take: u64, moves: &[Move], now: u64) {
        let waits = moves.iter().map(|step| (step.output.clone(), step.level)).collect();
        let request = self.present.clone();
        self.under_way.insert(take, UnderWay { request, since: now, waits });
        while self.under_way.len() > KEPT {
            self.under_way.pop_first();
        }
    }

    /// A lane has confirmed a level of a take. Nothing when that is known already.
    pub fn confirmed(&mut self, take: u64, output: &OutputId, level: Level) -> Option<Confirmed> {
        let entry = self.under_way.get_mut(&take)?;
        let place = entry.waits.iter().position(|(id, of)| id == output && *of == level)?;
        entry.waits.swap_remove(place);
        let told = Confirmed { request: entry.request.clone(), since: entry.since };
        if entry.waits.is_empty() {
            self.under_way.remove(&take);
        }
        Some(told)
    }

    /// Logs how a command was answered. What clients ask for all the time is left to `debug`.
    pub fn answered(command: &Asked, result: &Result<Reply, Refusal>) {
        let Asked { command, about, routine } = command;
        let take = match result {
            Ok(Reply::Taking { take }) => Some(*take),
            _ => None,
        };
        match result {
            Err(refusal) => tracing::warn!(command, about, "refused: {refusal}"),
            Ok(_) if *routine => tracing::debug!(command, about, "accepted"),
            Ok(_) => tracing::info!(command, about, take, "accepted"),
        }
    }
}

/// What is logged within it carries the request's name. A span of errors, so that no filter
/// that lets a line through takes its name away.
pub(super) fn span(request: Option<&RequestId>) -> Span {
    request.map_or_else(Span::none, |id| tracing::error_span!("request", request_id = %id))
}

/// A command in words.
pub(super) struct Asked {
    command: &'static str,
    about: String,
    routine: bool,
}

impl Asked {
    pub fn of(command: &Command) -> Self {
        let about = match command {
            Command::Status => String::new(),
            Command::PutInput(spec) => spec.id.to_string(),
            Command::PutOutput(spec) => spec.id.to_string(),
            Command::RemoveOutput { output } => output.to_string(),
            Command::PutMonitor(spec) => spec.input.to_string(),
            Command::Report { input, .. }
            | Command::RemoveInput { input }
            | Command::RemoveMonitor { input } => input.to_string(),
            Command::CancelSalvo { take } => take.to_string(),
            Command::Salvo { takes, .. } => {
                takes.iter().map(in_words).collect::<Vec<_>>().join(" ")
            }
        };
        let routine = matches!(command, Command::Status | Command::Report { .. });
        Self { command: command.name(), about, routine }
    }
}

/// As a technician writes it: `main:video,audio=endoscope`.
fn in_words(take: &ormatrix_protocol::Take) -> String {
    let input = take.input.as_ref().map_or("-", |input| input.as_str());
    let levels: Vec<_> = take.levels.iter().map(|level| level.as_str()).collect();
    let colon = if levels.is_empty() { "" } else { ":" };
    format!("{}{colon}{}={input}", take.output, levels.join(","))
}

#[cfg(test)]
mod tests {
    use ormatrix_protocol::Take;

    use super::*;

    fn moves(level: Level) -> Vec<Move> {
        vec![Move { output: "main".parse().unwrap(), level, input: None, target: None }]
    }

    #[test]
    fn a_take_is_confirmed_once_under_its_request() {
        let (mut journal, main) = (Journal::default(), "main".parse().unwrap());
        let panel: Option<RequestId> = Some("panel-3".parse().unwrap());
        journal.enter(panel.clone());
        let mut both = moves(Level::Video);
        both.extend(moves(Level::Audio));
        journal.begun(7, &both, 100);
        journal.enter(None);
        journal.begun(8, &moves(Level::Video), 200);
        let told = |request, since| Some(Confirmed { request, since });
        assert_eq!(journal.confirmed(7, &main, Level::Audio), told(panel.clone(), 100));
        assert_eq!(journal.confirmed(7, &main, Level::Audio), None);
        assert_eq!(journal.confirmed(7, &main, Level::Video), told(panel, 100));
        assert_eq!(journal.confirmed(7, &main, Level::Video), None);
        assert_eq!(journal.confirmed(8, &main, Level::Video), told(None, 200));
        assert!(journal.under_way.is_empty());
    }

    #[test]
    fn a_salvo_at_a_time_keeps_its_request_until_then() {
        let mut journal = Journal::default();
        journal.enter(Some("a".parse().unwrap()));
        journal.scheduled(7);
        assert_eq!(journal.enter(None), Some("a".parse().unwrap()));
        journal.scheduled(8);
        assert_eq!(journal.due(7), Some("a".parse().unwrap()));
        assert_eq!((journal.due(7), journal.due(8)), (None, None));
    }

    #[test]
    fn takes_that_nobody_confirms_take_no_more_than_so_much_memory() {
        let mut journal = Journal::default();
        for take in 0..KEPT as u64 + 5 {
            journal.begun(take, &moves(Level::Video), 0);
        }
        assert_eq!(journal.under_way.len(), KEPT);
        assert_eq!(journal.confirmed(4, &"main".parse().unwrap(), Level::Video), None);
        assert!(journal.confirmed(5, &"main".parse().unwrap(), Level::Video).is_some());
    }

    #[test]
    fn a_salvo_reads_as_a_technician_writes_it() {
        let mut take = Take::new("main".parse().unwrap(), Some("room".parse().unwrap()));
        assert_eq!(in_words(&take), "main=room");
        take.levels = vec![Level::Video, Level::Audio];
        assert_eq!(in_words(&take), "main:video,audio=room");
        let clear = Take::new("wall".parse().unwrap(), None);
        let asked = Asked::of(&Command::Salvo { takes: vec![take, clear], at: None });
        assert_eq!((asked.command, &*asked.about), ("salvo", "main:video,audio=room wall=-"));
    }
}
