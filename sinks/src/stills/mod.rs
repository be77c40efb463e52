//! `ormatrix-sink stills`: a small JPEG of every input, a few times a second.
//!
//! The router sends one whole frame an interval to a socket here (a monitor), so a still
//! costs the packets of that one frame, a decimation and a small JPEG: never a decode of
//! the whole stream. What is delivered is fresh or not delivered: while a delivery is slow,
//! frames are thrown away rather than queued.

mod inventory;
mod shrink;
mod worker;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::RecvTimeoutError,
    },
    thread,
    time::Duration,
};

use inventory::WatchedInput;
pub use shrink::{ShrinkError, Shrinker};
use worker::Worker;

use crate::{
    picture::{self, PictureError},
    stream::{Control, events},
};

/// How often the inputs are read without any event.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How often signals are looked for meanwhile.
const LOOK_UP: Duration = Duration::from_millis(100);

/// How stills are taken.
#[derive(Clone, Copy, Debug)]
pub struct StillsOptions {
    /// Address of this host that the router can send to.
    pub listen: IpAddr,
    /// Least time between two stills of an input.
    pub interval: Duration,
    /// Width that stills are decimated to, or less than twice that.
    pub width: u16,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

/// Watches every input until `stop`. `say` is told what a technician may want to know.
pub fn run(
    control: &Control,
    options: StillsOptions,
    stop: &Arc<AtomicBool>,
    mut say: impl FnMut(&str),
) -> Result<(), PictureError> {
    picture::start()?;
    let hints = events::follow(control.clone(), &["inventory", "router", "reset"]);
    let mut workers: BTreeMap<String, Worker> = BTreeMap::new();
    let mut reachable = true;
    while !stop.load(Ordering::Relaxed) {
        match inventory::inputs(control) {
            Ok(inputs) => {
                if !reachable {
                    say(&format!("{} answers again", control.base()));
                }
                reachable = true;
                reconcile(control, options, &mut workers, inputs, &mut say);
            }
            // The workers stay: pictures go on once control is back.
            Err(error) => {
                if reachable {
                    say(&error.to_string());
                }
                reachable = false;
            }
        }
        let mut waited = Duration::ZERO;
        while waited < LOOK_AGAIN && !stop.load(Ordering::Relaxed) {
            match hints.recv_timeout(LOOK_UP) {
                Ok(()) => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK_UP),
            }
            waited += LOOK_UP;
        }
    }
    for (id, worker) in workers {
        say(&format!("{id}: {}", worker.end()));
    }
    Ok(())
}

/// Ends the workers of inputs that are gone or changed, and starts those of new ones.
fn reconcile(
    control: &Control,
    options: StillsOptions,
    workers: &mut BTreeMap<String, Worker>,
    inputs: Vec<WatchedInput>,
    say: &mut impl FnMut(&str),
) {
    let gone: Vec<String> = workers
        .iter()
        .filter(|(_, worker)| worker.has_ended() || !inputs.contains(worker.input()))
        .map(|(id, _)| id.clone())
        .collect();
    for id in gone {
        if let Some(worker) = workers.remove(&id) {
            say(&format!("{id}: {}", worker.end()));
        }
    }
    for input in inputs {
        if workers.contains_key(&input.id) {
            continue;
        }
        let id = input.id.clone();
        match Worker::start(control.clone(), options, input) {
            Ok(worker) => {
                say(&format!("{id}: watching"));
                workers.insert(id, worker);
            }
            Err(error) => say(&format!("{id}: cannot be watched: {error}")),
        }
    }
}
