//! Asks the API once a second and listens to its events, on threads of their own: a control
//! plane that does not answer must not keep the screen from saying so.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    super::{CliError, client::Client, events},
    model::Update,
};

/// Updates that may wait for the screen. What does not fit is left out: a later reading says
/// the same and more.
const WAITING: usize = 1024;
/// Between two readings, and between two attempts to listen.
const AGAIN: Duration = Duration::from_secs(1);

/// Begins to ask and to listen.
pub fn start(client: &Client) -> io::Result<Receiver<Update>> {
    let (sender, updates) = sync_channel(WAITING);
    let (asking, listening) = (sender.clone(), client.clone());
    let client = client.clone();
    thread::Builder::new().name("ask".into()).spawn(move || {
        while tell(&asking, read(&client).unwrap_or_else(|error| Update::Away(error.to_string()))) {
            thread::sleep(AGAIN);
        }
    })?;
    thread::Builder::new().name("listen".into()).spawn(move || listen(&listening, &sender))?;
    Ok(updates)
}

/// Everything the API knows now.
pub fn read(client: &Client) -> Result<Update, CliError> {
    Ok(Update::Reading {
        router: client.get("/api/v1/router")?,
        inputs: client.get("/api/v1/inputs")?,
        outputs: client.get("/api/v1/outputs")?,
    })
}

/// Whether somebody still looks.
fn tell(screen: &SyncSender<Update>, update: Update) -> bool {
    !matches!(screen.try_send(update), Err(TrySendError::Disconnected(_)))
}

fn listen(client: &Client, screen: &SyncSender<Update>) {
    let mut last = None;
    loop {
        if let Ok(stream) = client.stream("/api/v1/events", last.as_deref()) {
            tell(screen, Update::Listening(true));
            let told = events::follow(stream, &mut last, &mut |_, name, data: Value| {
                let said = events::said(name, &data);
                let name = name.to_owned();
                let heard = said.map(|said| Update::Event { name, said });
                let seen = heard.is_none_or(|event| tell(screen, event));
                if seen { Ok(()) } else { Err(CliError::OutputClosed) }
            });
            if told.is_err() {
                return;
            }
        }
        if !tell(screen, Update::Listening(false)) {
            return;
        }
        thread::sleep(AGAIN);
    }
}
