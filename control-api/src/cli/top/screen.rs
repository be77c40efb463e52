//! The terminal: raw and on its second page while the matrix is shown, as it was before
//! whatever ends that.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
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

/// Shows the model until somebody or a signal ends it.
pub fn show(mut model: Model, updates: &Receiver<Update>) -> io::Result<()> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    let mut screen = Screen::open()?;
    while !model.over && !end.load(Ordering::Relaxed) {
        for update in updates.try_iter() {
            model.apply(update, SystemClock.unix());
        }
        model.tick(SystemClock.unix());
        screen.0.draw(|frame| view::whole(&model, frame.area(), frame.buffer_mut()))?;
        // A signal ends the wait as an interrupted call.
        let waited = match event::poll(TURN) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            waited => waited,
        };
        if waited?
            && let Event::Key(key) = event::read()?
            && let Some(action) = keys::action(key, model.typing)
        {
            model.act(action);
        }
    }
    Ok(())
}
