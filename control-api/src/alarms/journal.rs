//! Brings alarms to the database, and lives without it.
//!
//! What is to be written waits in memory, one entry an alarm, the latest state of each, at
//! most [`WAITING_MAX`]. A database that fails is tried again with growing pauses, and its
//! failure is told, so that it becomes an alarm itself. While nothing happens a mark is
//! written from time to time: a disk that is full or read-only is found before it is needed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};

use super::alarm::Alarm;
use crate::app::Shared;

/// Most alarms that wait to be written; of more, the oldest are forgotten.
pub const WAITING_MAX: usize = 1000;
/// How often a mark is written.
const MARK: Duration = Duration::from_secs(15);
/// First and longest pause after a failure.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// How long somebody who acknowledges waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// What waits to be written.
#[derive(Debug)]
pub struct Journal {
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// Everything up to this revision is written.
    written: watch::Sender<u64>,
    failing: watch::Sender<Option<String>>,
    watch: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By episode; with the revision.
    alarms: BTreeMap<u64, (Alarm, u64)>,
    revision: u64,
}

impl Journal {
    pub(super) fn new(watch: Arc<Notify>) -> Self {
        Self {
            waiting: Mutex::default(),
            wake: Notify::new(),
            written: watch::Sender::new(0),
            failing: watch::Sender::new(None),
            watch,
        }
    }

    /// Why the database does not take what is written, if it does not.
    pub fn failing(&self) -> Option<String> {
        self.failing.borrow().clone()
    }

    /// What is not written yet, the latest first.
    pub fn waiting(&self) -> Vec<Alarm> {
        self.lock().alarms.values().rev().map(|(alarm, _)| alarm.clone()).collect()
    }

    /// Has an alarm written; returns the number of this change.
    pub(super) fn note(&self, alarm: Alarm) -> u64 {
        let mut waiting = self.lock();
        waiting.revision += 1;
        let revision = waiting.revision;
        waiting.alarms.insert(alarm.episode, (alarm, revision));
        if waiting.alarms.len() > WAITING_MAX {
            waiting.alarms.pop_first();
        }
        drop(waiting);
        self.wake.notify_one();
        revision
    }

    /// Waits until a change is written, the database has failed, or patience ends.
    pub(super) async fn recorded(&self, revision: u64) {
        let (mut written, mut failing) = (self.written.subscribe(), self.failing.subscribe());
        let settled = async {
            tokio::select! {
                _ = written.wait_for(|written| *written >= revision) => {}
                _ = failing.wait_for(Option::is_some) => {}
            }
        };
        if tokio::time::timeout(PATIENCE, settled).await.is_err() {
            tracing::warn!("an acknowledgement is not on the disk yet");
        }
    }

    fn snapshot(&self) -> (Vec<Alarm>, u64) {
        let waiting = self.lock();
        (waiting.alarms.values().map(|(alarm, _)| alarm.clone()).collect(), waiting.revision)
    }

    fn wrote(&self, upto: u64) {
        self.lock().alarms.retain(|_, (_, revision)| *revision > upto);
        self.written.send_replace(upto);
    }

    fn set_failing(&self, reason: Option<String>) {
        let changed = self.failing.send_if_modified(|failing| {
            let changed = *failing != reason;
            failing.clone_from(&reason);
            changed
        });
        if changed {
            if let Some(reason) = reason {
                tracing::error!(reason, "alarms are kept in memory only");
            } else {
                tracing::info!("alarms are written to the database again");
            }
            self.watch.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes until the process ends, and what is left then.
pub(super) async fn run(app: Shared) {
    let journal = app.alarms.journal.clone();
    let mut ending = app.ending.clone();
    let mut pause = AGAIN.0;
    loop {
        let (alarms, revision) = journal.snapshot();
        let (store, at) = (app.store.clone(), app.clock.unix());
        let written = tokio::task::spawn_blocking(move || store.put_alarms(&alarms, at)).await;
        let failed = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let ended = *ending.borrow();
        let well = failed.is_none();
        if well {
            journal.wrote(revision);
            pause = AGAIN.0;
        }
        journal.set_failing(failed);
        if ended {
            return;
        }
        let next = async {
            if well {
                let _ = tokio::time::timeout(MARK, journal.wake.notified()).await;
            } else {
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = next => {}
            // One last time.
            _ = ending.wait_for(|end| *end) => {}
        }
        if !well {
            pause = (pause * 2).min(AGAIN.1);
        }
    }
}
