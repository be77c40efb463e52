//! The terminal: raw and on its second page while the matrix is shown, as it was before
//! whatever ends that.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event},
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::{
    keys,
    model::{Model, Update},
    view,
};

/// How long a key, a signal and an update wait at most.
const TURN: Duration = Duration::from_millis(100);

/// A terminal that is put back when this is dropped; a panic puts it back before it speaks.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> io::Result<Self> {
        ratatui::try_init().map(Self).inspect_err(|_| {
            // Half of it may be done.
            let _ = ratatui::try_restore();
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = ratatui::try_restore();
    }
}

/// Keys that may wait to be done.
const KEYS: usize = 64;

/// What comes from the terminal. A thread of its own reads it: when the terminal goes away, the
/// reading never comes back, and the process must end all the same.
fn listen() -> io::Result<Receiver<io::Result<Event>>> {
    let (sender, events) = sync_channel(KEYS);
    thread::Builder::new().name("keys".into()).spawn(move || {
        loop {
            let event = event::read();
            let failed = event.is_err();
            if sender.send(event).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(events)
}

/// Shows the model until somebody or a signal ends it.
pub fn show(mut model: Model, updates: &Receiver<Update>) -> io::Result<()> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    let mut screen = Screen::open()?;
    let events = listen()?;
    while !model.over && !end.load(Ordering::Relaxed) {
        for update in updates.try_iter() {
            model.apply(update, SystemClock.unix());
        }
        model.tick(SystemClock.unix());
        screen.0.draw(|frame| view::whole(&model, frame.area(), frame.buffer_mut()))?;
        let first = match events.recv_timeout(TURN) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            // It has said why before.
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for event in first.into_iter().chain(events.try_iter()) {
            if let Event::Key(key) = event?
                && let Some(action) = keys::action(key, model.typing)
            {
                model.act(action);
            }
        }
    }
    Ok(())
}
