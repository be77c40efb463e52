//! What waits for one receiver.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::alarms::alarm::Notice;

/// Most notices that wait for a receiver.
pub const QUEUE: usize = 1024;

/// A receiver's queue, and how it fares.
#[derive(Debug)]
pub struct Outbox {
    /// `webhook`, `mqtt` or `syslog`.
    pub name: &'static str,
    /// Where it is.
    pub target: String,
    inner: Mutex<Inner>,
    wake: Notify,
    watch: Arc<Notify>,
    delivered: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Arc<Notice>>,
    failing: Option<String>,
}

/// What became of the notices so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken by the receiver.
    pub delivered: u64,
    /// Lost: the queue was full, or the receiver will never take it.
    pub dropped: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Still to be delivered.
    pub waiting: u64,
}

impl Outbox {
    pub(super) fn new(name: &'static str, target: String, watch: Arc<Notify>) -> Self {
        Self {
            name,
            target,
            inner: Mutex::default(),
            wake: Notify::new(),
            watch,
            delivered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Adds a notice; never waits.
    pub fn put(&self, notice: Arc<Notice>) {
        let mut inner = self.lock();
        if inner.queue.len() >= QUEUE {
            // The first may be on its way: the oldest of those that are not goes.
            inner.queue.remove(1);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        inner.queue.push_back(notice);
        drop(inner);
        self.wake.notify_one();
    }

    /// The next to deliver. It stays until [`Self::delivered`] or [`Self::refused`]; may be
    /// asked again at any time.
    pub async fn next(&self) -> Arc<Notice> {
        loop {
            let woken = self.wake.notified();
            if let Some(notice) = self.lock().queue.front() {
                return notice.clone();
            }
            woken.await;
        }
    }

    /// The receiver has the one that was next.
    pub fn delivered(&self) {
        self.lock().queue.pop_front();
        self.delivered.fetch_add(1, Ordering::Relaxed);
        self.well();
    }

    /// The receiver will never take the one that was next.
    pub fn refused(&self, reason: &str) {
        self.lock().queue.pop_front();
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::error!(receiver = self.name, reason, "a notice is refused, and dropped");
        self.failed(reason);
    }

    /// The receiver is reached.
    pub fn well(&self) {
        if self.lock().failing.take().is_some() {
            tracing::info!(receiver = self.name, target = self.target, "alarms are delivered");
            self.watch.notify_one();
        }
    }

    /// An attempt has failed. The first reason stands until the receiver is reached again.
    pub fn failed(&self, reason: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        if inner.failing.is_none() {
            let target = &self.target;
            tracing::warn!(receiver = self.name, target, reason, "not delivered; trying again");
            inner.failing = Some(reason.to_owned());
            self.watch.notify_one();
        }
    }

    /// Why the receiver is not reached, if it is not.
    pub fn failing(&self) -> Option<String> {
        self.lock().failing.clone()
    }

    /// What became of the notices so far.
    pub fn counts(&self) -> Counts {
        Counts {
            delivered: self.delivered.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            waiting: self.lock().queue.len() as u64,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::{
        alarm::{Alarm, Change, Condition, Subject},
        kind::{Kind, Severity},
    };

    fn notice(at: u64) -> Arc<Notice> {
        let condition = Condition {
            id: "reported:x".to_owned(),
            kind: Kind::Reported,
            severity: Severity::Minor,
            subject: Subject::new("k", "i", "l"),
            text: String::new(),
            action: String::new(),
            clears_after_s: None,
        };
        let alarm = Alarm {
            episode: 1,
            condition,
            raised_at: 0,
            cleared_at: None,
            acknowledged: None,
            times: 1,
        };
        Arc::new(Notice { change: Change::Raised, at, alarm })
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_oldest_that_is_not_on_its_way() {
        let outbox = Outbox::new("mqtt", "mqtt://x".to_owned(), Arc::default());
        outbox.put(notice(0));
        assert_eq!(outbox.next().await.at, 0);
        let more = QUEUE as u64 + 2;
        (1..more).for_each(|at| outbox.put(notice(at)));
        let mut got = Vec::new();
        while outbox.counts().waiting > 0 {
            got.push(outbox.next().await.at);
            outbox.delivered();
        }
        let expected: Vec<u64> = std::iter::once(0).chain(3..more).collect();
        assert_eq!(got, expected);
        let counts = outbox.counts();
        assert_eq!((counts.delivered, counts.dropped), (QUEUE as u64, 2));
    }

    #[test]
    fn it_fails_until_it_is_reached_and_keeps_the_first_reason() {
        let outbox = Outbox::new("mqtt", "mqtt://x".to_owned(), Arc::default());
        outbox.put(notice(0));
        outbox.failed("nobody is there");
        outbox.failed("it is slow");
        assert_eq!(outbox.failing().as_deref(), Some("nobody is there"));
        outbox.refused("it does not like it");
        assert_eq!((outbox.counts().dropped, outbox.counts().failures), (1, 3));
        outbox.well();
        assert_eq!(outbox.failing(), None);
    }
}
