//! Who wants to know how a stream is timed, and what the watcher last said; in memory only.
//!
//! Measuring costs, so nothing is measured that nobody asks for, unless the settings say so
//! (`measure`): a question keeps its stream wanted for [`WANTED_NS`]. A watcher asks what is
//! wanted every second or so and delivers reports about that. One report a stream is kept, and forgotten when nobody wants it.
//!
//! Times are ns of the monotonic clock.

pub mod figures;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;

use self::figures::Figures;

/// Longest report in octets.
pub const REPORT_MAX: usize = 256 * 1024;
/// How long a stream is wanted after a question.
pub const WANTED_NS: u64 = 30_000_000_000;
/// How old a report may be.
pub const FRESH_NS: u64 = 10_000_000_000;
/// How long a watcher counts as there after it asked what is wanted.
pub const WATCHER_NS: u64 = 5_000_000_000;

/// What a stream is: `input` or `output`, and its id.
pub type Key = (&'static str, String);

/// One report as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The JSON object.
    pub json: Bytes,
    /// What it says in numbers.
    pub figures: Figures,
    /// When it came.
    pub at: u64,
}

/// What was measured a moment ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Fresh {
    /// Of which stream.
    pub key: Key,
    /// The numbers.
    pub figures: Figures,
    /// How old they are, ns.
    pub age: u64,
}

/// What a question is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The latest report, and its age in ns.
    Latest(Bytes, u64),
    /// The watcher knows, or will within a second; its first report is to come.
    Starting,
    /// There is a watcher, and its last report is this many ns old.
    TooOld(u64),
    /// There is no watcher.
    NoWatcher,
}

/// Everything wanted and reported.
#[derive(Debug, Default)]
pub struct Analyses {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    interests: HashMap<Key, Interest>,
    reports: HashMap<Key, Report>,
    watched_at: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Interest {
    /// When somebody asked after nobody had.
    began: u64,
    /// When somebody last asked.
    asked: u64,
}

impl Interest {
    fn lives(&self, now: u64) -> bool {
        now.saturating_sub(self.asked) < WANTED_NS
    }
}

impl Analyses {
    /// Somebody asks about a stream, which is wanted from now on.
    pub fn ask(&self, key: &Key, now: u64) -> Answer {
        let mut inner = self.lock();
        let interest =
            inner.interests.entry(key.clone()).or_insert(Interest { began: now, asked: now });
        if !interest.lives(now) {
            interest.began = now;
        }
        interest.asked = now;
        let began = interest.began;
        let watched = inner.watched_at.is_some_and(|at| now.saturating_sub(at) < WATCHER_NS);
        // A report about earlier times says nothing of what is asked now.
        let report = inner.reports.get(key).filter(|report| report.at >= began);
        match report.map(|report| (now.saturating_sub(report.at), &report.json)) {
            Some((age, json)) if age <= FRESH_NS => Answer::Latest(json.clone(), age),
            _ if !watched => Answer::NoWatcher,
            Some((age, _)) => Answer::TooOld(age),
            None => Answer::Starting,
        }
    }

    /// A watcher asks what is wanted, and so is there. What nobody wants is forgotten.
    pub fn wanted(&self, now: u64) -> Vec<Key> {
        let mut inner = self.lock();
        inner.watched_at = Some(now);
        let Inner { interests, reports, .. } = &mut *inner;
        interests.retain(|_, interest| interest.lives(now));
        reports.retain(|key, report| {
            interests.contains_key(key) || now.saturating_sub(report.at) < WANTED_NS
        });
        let mut wanted: Vec<Key> = interests.keys().cloned().collect();
        wanted.sort();
        wanted
    }

    /// A watcher delivers.
    pub fn put(&self, key: Key, json: Bytes, now: u64) {
        // Read once a second here, not at every scrape.
        let figures = Figures::of(&json);
        self.lock().reports.insert(key, Report { json, figures, at: now });
    }

    /// Every report that is true still, whether or not somebody asks about its stream.
    pub fn fresh(&self, now: u64) -> Vec<Fresh> {
        let inner = self.lock();
        let of = |(key, report): (&Key, &Report)| {
            let age = now.saturating_sub(report.at);
            let fresh = || Fresh { key: key.clone(), figures: report.figures.clone(), age };
            (age <= FRESH_NS).then(fresh)
        };
        let mut fresh: Vec<Fresh> = inner.reports.iter().filter_map(of).collect();
        fresh.sort_by(|a, b| a.key.cmp(&b.key));
        fresh
    }

    /// The stream is gone.
    pub fn remove(&self, key: &Key) {
        let mut inner = self.lock();
        inner.interests.remove(key);
        inner.reports.remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn key(id: &str) -> Key {
        ("input", id.to_owned())
    }

    #[test]
    fn a_question_wakes_the_watcher_for_half_a_minute() {
        let it = Analyses::default();
        assert_eq!(it.wanted(100 * S), []);
        assert_eq!(it.ask(&key("a"), 101 * S), Answer::Starting);
        assert_eq!(it.ask(&("output", "m".to_owned()), 110 * S), Answer::NoWatcher);
        assert_eq!(it.wanted(120 * S), [key("a"), ("output", "m".to_owned())]);
        assert_eq!(it.wanted(131 * S), [("output", "m".to_owned())]);
        assert_eq!(it.wanted(140 * S), []);
    }

    #[test]
    fn a_report_is_shown_with_its_age_while_it_is_true() {
        let it = Analyses::default();
        it.wanted(100 * S);
        it.ask(&key("a"), 100 * S);
        it.put(key("a"), Bytes::from_static(b"{}"), 101 * S);
        let latest = |age| Answer::Latest(Bytes::from_static(b"{}"), age);
        assert_eq!(it.ask(&key("a"), 104 * S), latest(3 * S));
        // The watcher went away a moment ago: what it said still holds.
        assert_eq!(it.ask(&key("a"), 111 * S), latest(10 * S));
        assert_eq!(it.ask(&key("a"), 112 * S), Answer::NoWatcher);
        it.wanted(112 * S);
        assert_eq!(it.ask(&key("a"), 112 * S), Answer::TooOld(11 * S));
    }

    #[test]
    fn figures_are_there_as_long_as_their_report_is_true() {
        let it = Analyses::default();
        it.put(key("b"), Bytes::from_static(b"{\"good\":true}"), 100 * S);
        it.put(key("a"), Bytes::from_static(b"{}"), 105 * S);
        let at = |now| it.fresh(now).into_iter().map(|it| (it.key.1, it.figures.good, it.age));
        let both = [("a".to_owned(), None, 5 * S), ("b".to_owned(), Some(true), 10 * S)];
        assert_eq!(at(110 * S).collect::<Vec<_>>(), both);
        assert_eq!(at(111 * S).collect::<Vec<_>>(), [("a".to_owned(), None, 6 * S)]);
        it.remove(&key("a"));
        assert_eq!(at(111 * S).count(), 0);
    }

    #[test]
    fn a_report_of_an_earlier_interest_is_none() {
        let it = Analyses::default();
        it.ask(&key("a"), 100 * S);
        it.put(key("a"), Bytes::from_static(b"{}"), 129 * S);
        it.wanted(131 * S);
        assert_eq!(it.ask(&key("a"), 131 * S), Answer::Starting);
        it.remove(&key("a"));
        assert_eq!(it.wanted(131 * S), []);
    }

    #[test]
    fn what_nobody_wants_takes_no_memory() {
        let it = Analyses::default();
        for n in 0..100 {
            it.put(key(&n.to_string()), Bytes::from_static(b"{}"), 100 * S);
        }
        it.ask(&key("0"), 120 * S);
        it.wanted(130 * S);
        assert_eq!(it.lock().reports.len(), 1);
    }
}
