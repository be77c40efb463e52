//! The thread that sends a slate.

use std::{
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use ormatrix_io::{Clock, SystemClock, TxSocket, thread as placement};

use super::{Card, SlateError, Stream};

/// Longest sleep, so that a slate of few frames a second ends in time, ns.
const SLEEP_MAX_NS: u64 = 50_000_000;

/// A slate that is being sent; dropping it ends that.
#[derive(Debug)]
pub struct Playing(Arc<AtomicBool>);

/// Tells whoever sends a slate to end.
#[derive(Clone, Debug)]
pub struct Stopped(Arc<AtomicBool>);

impl Playing {
    /// For a sender of whatever kind.
    pub fn new() -> (Self, Stopped) {
        let flag = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&flag)), Stopped(flag))
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl Stopped {
    /// Whether to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Draws a card and sends it, on a thread of its own, until the result is dropped.
///
/// # Errors
/// When the system gives no thread.
pub fn start(card: Card, tx: TxSocket) -> Result<Playing, SlateError> {
    let (playing, stopped) = Playing::new();
    thread::Builder::new()
        .name("slate".into())
        .spawn(move || play(card, tx, &stopped))
        .map_err(SlateError::Thread)?;
    Ok(playing)
}

fn play(card: Card, mut tx: TxSocket, stopped: &Stopped) {
    placement::precise_timers();
    let (clock, id) = (SystemClock, card.id.clone());
    let mut stream = match Stream::new(card, fastrand::u32(..), clock.tai()) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(input = %id, "no slate: {error}");
            return;
        }
    };
    let mut failed = false;
    while !stopped.is_set() {
        let tai = clock.tai();
        let due = stream.due(tai);
        if due > tai {
            clock.sleep_until(clock.now() + (due - tai).min(SLEEP_MAX_NS));
            continue;
        }
        stream.send(|octets, segment| match tx.send(&[IoSlice::new(octets)], segment) {
            Ok(_) => {}
            // A receiver that is not emptied in time loses packets, as on any network.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                if !failed {
                    tracing::warn!(input = %id, "the slate does not leave: {error}");
                }
                failed = true;
            }
        });
    }
}
