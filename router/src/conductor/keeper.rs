//! Keeps the snapshot on the disk without letting the disk hold up a take.
//!
//! Even replacing a small file can wait for seconds while a busy disk settles other work
//! (seen: 0.26 s for one `rename` beside a large copy). So a thread of its own writes, and
//! the conductor waits for it only while it keeps up.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::snapshot::{Snapshot, SnapshotFile};

/// How long a reply may wait for the file, so that a router killed right after it comes
/// back with what it said. Far more than a healthy disk takes, and no delay to a picture:
/// lanes have their orders by then.
const PATIENCE: Duration = Duration::from_millis(50);

/// What is to be written next, and its number.
type Latest = Arc<Mutex<Option<(u64, Snapshot)>>>;

/// Writes snapshots, the newest only when several came meanwhile.
pub struct Keeper {
    latest: Latest,
    /// Wakes the writer; `None` once it is to end.
    wake: Option<Sender<()>>,
    /// Numbers of what has been written, or could not be.
    kept: Receiver<u64>,
    writer: Option<JoinHandle<()>>,
    number: u64,
    behind: bool,
}

impl Keeper {
    /// Starts the threads that write and that wait for the disk.
    pub fn start(file: SnapshotFile) -> io::Result<Self> {
        let latest = Latest::default();
        let (wake, woken) = bounded(1);
        let (keeping, kept) = unbounded();
        let (settle, settling) = bounded(1);
        let settled = file.clone();
        thread::Builder::new().name("snapshot-settle".into()).spawn(move || {
            for () in settling {
                if let Err(error) = settled.settle() {
                    tracing::warn!("the disk has not confirmed the routes: {error}");
                }
            }
        })?;
        let waiting = Arc::clone(&latest);
        let writer = thread::Builder::new().name("snapshot".into()).spawn(move || {
            for () in woken {
                write(&file, &waiting, &settle, &keeping);
            }
        })?;
        let (wake, writer) = (Some(wake), Some(writer));
        Ok(Self { latest, wake, kept, writer, number: 0, behind: false })
    }

    /// Has this written. On return it is, unless the disk is too slow or refuses; then the
    /// log says so, and the newest is written as soon as that is possible.
    pub fn keep(&mut self, snapshot: Snapshot) {
        let before = self.number;
        self.number += 1;
        *lock(&self.latest) = Some((self.number, snapshot));
        if let Some(wake) = &self.wake {
            // A writer that is awake already will look once more.
            let _ = wake.try_send(());
        }
        let mut newest = self.kept.try_iter().last().unwrap_or(0);
        if self.behind && newest < before {
            return;
        }
        while newest < self.number {
            match self.kept.recv_timeout(PATIENCE) {
                Ok(number) => newest = number,
                Err(_) => break,
            }
        }
        let behind = newest < self.number;
        if behind && !self.behind {
            tracing::warn!(
                "the disk is too slow: routes are switched, but a router that ended now would \
                 come back with older ones until they are written"
            );
        }
        self.behind = behind;
    }
}

impl Drop for Keeper {
    /// Waits until the newest is written.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(writer) = self.writer.take() {
            // It writes, and logs what it cannot: there is nothing else to end of.
            let _ = writer.join();
        }
    }
}

fn write(file: &SnapshotFile, latest: &Latest, settle: &Sender<()>, keeping: &Sender<u64>) {
    let Some((number, snapshot)) = lock(latest).take() else { return };
    match file.store(&snapshot) {
        // A settling under way will be followed by one more.
        Ok(()) => drop(settle.try_send(())),
        // A disk that is full or gone must not stop a take; the picture comes first.
        Err(error) => tracing::error!("routes would be forgotten at a restart: {error}"),
    }
    // The conductor may be gone.
    let _ = keeping.send(number);
}

fn lock(latest: &Latest) -> MutexGuard<'_, Option<(u64, Snapshot)>> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}
