//! What happened, for whoever listens, and for whoever comes back.
//!
//! One ring of the latest events and one bounded queue a listener. Publishing never waits:
//! a listener whose queue is full is dropped, and resumes from the ring when it returns.
//! Ids are numbers that grow with every event, also from one run of the process to the next
//! (they start from the clock), so that an id of an earlier run is recognised as too old.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Events that a returning listener can catch up on.
pub const RING: usize = 4096;
/// Events a slow listener may be behind before it is dropped.
pub const QUEUE: usize = 1024;

/// One event as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Grows with every event.
    pub id: u64,
    /// `route`, `signal`, `scheduled`, `lock`, `inventory`, `router`, `still`, `alarm` or `reset`.
    pub name: &'static str,
    /// Its JSON.
    pub data: Arc<str>,
}

/// Where events are published.
#[derive(Debug)]
pub struct Events {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    last_id: u64,
    ring: VecDeque<Event>,
    listeners: Vec<mpsc::Sender<Event>>,
    /// Listeners that were too slow.
    dropped: u64,
}

/// What a listener gets: first these, then those.
#[derive(Debug)]
pub struct Subscription {
    /// What it missed, or a `reset`.
    pub first: VecDeque<Event>,
    /// What follows. Ends when the listener is too slow.
    pub rest: mpsc::Receiver<Event>,
}

impl Events {
    /// An empty ring; `unix_ns` is the time now.
    pub fn new(unix_ns: u64) -> Self {
        let inner = Inner {
            last_id: unix_ns / 1000,
            ring: VecDeque::with_capacity(RING),
            listeners: Vec::new(),
            dropped: 0,
        };
        Self { inner: Mutex::new(inner) }
    }

    /// Tells everyone.
    pub fn publish(&self, name: &'static str, data: &Value) {
        let mut inner = self.lock();
        inner.last_id += 1;
        let event = Event { id: inner.last_id, name, data: data.to_string().into() };
        if inner.ring.len() == RING {
            inner.ring.pop_front();
        }
        inner.ring.push_back(event.clone());
        let Inner { listeners, dropped, .. } = &mut *inner;
        listeners.retain(|listener| match listener.try_send(event.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::warn!("an event listener was too slow and is dropped");
                *dropped += 1;
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }

    /// Listens from now, or from after the event `last_seen`; when that is too old, unknown
    /// or not given, a `reset` comes first: the listener must read the state again.
    pub fn subscribe(&self, last_seen: Option<u64>) -> Subscription {
        let mut inner = self.lock();
        let (sender, rest) = mpsc::channel(QUEUE);
        inner.listeners.push(sender);
        let oldest = inner.last_id - inner.ring.len() as u64;
        let first = match last_seen {
            Some(id) if (oldest..=inner.last_id).contains(&id) => {
                inner.ring.iter().filter(|event| event.id > id).cloned().collect()
            }
            _ => {
                let reason = match last_seen {
                    None => "new listener",
                    Some(_) => "the events since then are gone",
                };
                let data = json!({ "reason": reason }).to_string().into();
                VecDeque::from([Event { id: inner.last_id, name: "reset", data }])
            }
        };
        Subscription { first, rest }
    }

    /// How many listen now, and how many were dropped for being too slow.
    pub fn listeners(&self) -> (usize, u64) {
        let inner = self.lock();
        (inner.listeners.iter().filter(|listener| !listener.is_closed()).count(), inner.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(subscription: &Subscription) -> Vec<(&'static str, u64)> {
        subscription.first.iter().map(|event| (event.name, event.id)).collect()
    }

    #[test]
    fn a_returning_listener_catches_up_or_is_reset() {
        let events = Events::new(5_000_000);
        assert_eq!(names(&events.subscribe(None)), [("reset", 5000)]);
        for n in 0..3 {
            events.publish("route", &json!({ "n": n }));
        }
        assert_eq!(names(&events.subscribe(Some(5001))), [("route", 5002), ("route", 5003)]);
        assert_eq!(names(&events.subscribe(Some(5000))).len(), 3);
        assert_eq!(names(&events.subscribe(Some(5003))), []);
        for strange in [0, 4999, 5004, u64::MAX] {
            assert_eq!(names(&events.subscribe(Some(strange))), [("reset", 5003)], "{strange}");
        }
        for n in 0..RING {
            events.publish("route", &json!({ "n": n }));
        }
        assert_eq!(names(&events.subscribe(Some(5002))), [("reset", 5003 + RING as u64)]);
        assert_eq!(names(&events.subscribe(Some(5003))).len(), RING);
    }

    #[test]
    fn a_slow_listener_is_dropped_and_harms_nobody() {
        let events = Events::new(0);
        let mut slow = events.subscribe(None);
        for n in 0..=QUEUE {
            events.publish("signal", &json!({ "n": n }));
        }
        assert_eq!(events.listeners(), (0, 1));
        let mut fast = events.subscribe(None);
        assert_eq!(events.listeners(), (1, 1));
        events.publish("signal", &json!({ "n": "last" }));
        assert_eq!(fast.rest.try_recv().unwrap().data.as_ref(), r#"{"n":"last"}"#);
        let mut seen = 0;
        while slow.rest.try_recv().is_ok() {
            seen += 1;
        }
        assert_eq!(seen, QUEUE);
        assert!(slow.rest.is_closed() || slow.rest.try_recv().is_err());
    }
}
