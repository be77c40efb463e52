//! The API's server-sent events, followed for as long as the process lives.
//!
//! An event is only a hint to look again: whoever listens also looks by itself now and
//! then, so that a lost event, a restart of control or a proxy that buffers does no harm.

use std::{
    io::BufRead,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::Duration,
};

use super::Control;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// Hints that wait to be taken; further ones add nothing.
const WAITING: usize = 16;

/// Starts to follow the events; each that is named in `names` gives one hint, as does every
/// new connection. The thread ends when the receiver is dropped.
pub fn follow(control: Control, names: &'static [&'static str]) -> Receiver<()> {
    let (hints, receiver) = sync_channel(WAITING);
    let run = move || {
        while listen(&control, names, &hints) {
            thread::sleep(PAUSE);
        }
    };
    // Without the thread the listener still looks by itself.
    let _ = thread::Builder::new().name("events".into()).spawn(run);
    receiver
}

/// One connection; false when nobody listens any more.
fn listen(control: &Control, names: &[&str], hints: &SyncSender<()>) -> bool {
    let hint = || !matches!(hints.try_send(()), Err(TrySendError::Disconnected(())));
    let Ok(lines) = control.event_lines("/api/v1/events") else { return hint() };
    if !hint() {
        return false;
    }
    for line in lines.lines() {
        let Ok(line) = line else { break };
        if is_named(&line, names) && !hint() {
            return false;
        }
    }
    hint()
}

/// Whether a line of the stream names one of these events.
fn is_named(line: &str, names: &[&str]) -> bool {
    line.strip_prefix("event:").is_some_and(|name| names.contains(&name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_events_count() {
        assert!(is_named("event: route", &["signal", "route"]));
        assert!(is_named("event:route", &["route"]));
        assert!(!is_named("event: routes", &["route"]));
        assert!(!is_named("data: event: route", &["route"]));
    }
}
