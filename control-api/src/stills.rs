//! The latest still of each input, in memory only.
//!
//! A still is shown as what the input sends now, so one that is too old is not shown. How old
//! it is, two clocks say: by the wall clock since it was taken, and by one that nobody sets
//! since it arrived. The longer time counts, so that a wall clock put back by an hour makes no
//! picture of the past a present one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use ormatrix_io::Clock;
use ormatrix_protocol::InputId;

/// How far a worker's clock may be ahead of this host's.
pub const AHEAD_NS: u64 = 1_000_000_000;
/// Longest still in octets.
pub const STILL_MAX: usize = 256 * 1024;

/// One JPEG.
#[derive(Clone, Debug)]
pub struct Still {
    /// The file.
    pub jpeg: Bytes,
    /// When the picture was taken, ns since the Unix epoch.
    pub at: u64,
    /// When it arrived, ns of [`ormatrix_io::Clock::now`].
    pub arrived: u64,
    /// Strong entity tag, with its quotes.
    pub etag: String,
}

/// Every input's latest still.
#[derive(Debug, Default)]
pub struct Stills {
    latest: Mutex<HashMap<InputId, Still>>,
}

impl Still {
    /// How old it is, ns.
    pub fn age(&self, clock: &dyn Clock) -> u64 {
        let (taken, arrived) = (clock.unix().saturating_sub(self.at), self.arrived);
        taken.max(clock.now().saturating_sub(arrived))
    }
}

impl Stills {
    /// Keeps a still, unless a later one is there. Returns whether it was kept.
    pub fn put(&self, input: InputId, jpeg: Bytes, at: u64, clock: &dyn Clock) -> bool {
        let mut latest = self.lock();
        // One from what is now the future was taken before the clock was put back.
        let future = clock.unix().saturating_add(AHEAD_NS);
        if latest.get(&input).is_some_and(|still| still.at > at && still.at <= future) {
            return false;
        }
        let arrived = clock.now();
        // One picture a nanosecond: the time and the size name the content.
        let etag = format!("\"{at:x}-{:x}\"", jpeg.len());
        latest.insert(input, Still { jpeg, at, arrived, etag });
        true
    }

    /// The latest.
    pub fn latest(&self, input: &InputId) -> Option<Still> {
        self.lock().get(input).cloned()
    }

    /// The input is gone.
    pub fn remove(&self, input: &InputId) {
        self.lock().remove(input);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InputId, Still>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether these octets begin and end as a JPEG file does (SOI, another marker, EOI).
pub fn is_jpeg(octets: &[u8]) -> bool {
    octets.len() > 4 && octets.starts_with(&[0xff, 0xd8, 0xff]) && octets.ends_with(&[0xff, 0xd9])
}
