//! Asks the API once a second and listens to its events, on threads of their own: a control
//! plane that does not answer must not keep the screen from saying so.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::Duration,
};

use ormatrix_client::{Client, Event};

use super::{
    super::{CliError, events},
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
        router: client.get_router()?.value()?,
        inputs: client.list_inputs()?.value()?,
        outputs: client.list_outputs()?.value()?,
    })
}

/// Whether somebody still looks.
fn tell(screen: &SyncSender<Update>, update: Update) -> bool {
    !matches!(screen.try_send(update), Err(TrySendError::Disconnected(_)))
}

fn listen(client: &Client, screen: &SyncSender<Update>) {
    let mut last = None;
    loop {
        if let Ok(events) = events::listen(client, last.clone()) {
            tell(screen, Update::Listening(true));
            for Event { id, name, data } in events {
                let said = events::said(&name, &data);
                let heard = said.map(|said| Update::Event { name, said });
                if heard.is_some_and(|event| !tell(screen, event)) {
                    return;
                }
                last = id;
            }
        }
        if !tell(screen, Update::Listening(false)) {
            return;
        }
        thread::sleep(AGAIN);
    }
}
