//! How long takes last, and how many fail, by output.
//!
//! An output that is removed takes its series with it, at the next scrape.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ormatrix_protocol::{OutputId, Take};
use prometheus_client::{
    metrics::{family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{Counters, Histograms, Labels};
use crate::{app::App, http::request_id, inventory::Inventory, problem::Error};

/// Seconds until the router accepts: it answers within microseconds, and is given up after 5 s.
const ACCEPTED: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 5.0];
/// Seconds until a picture is confirmed: some frames of 10 to 40 ms; who waits gives up at 10 s.
const CONFIRMED: [f64; 12] = [0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1.0, 10.0];

/// Why a take that was accepted counts as failed.
const UNCONFIRMED: &str = "unconfirmed";

/// Takes as those who asked for them saw them.
#[derive(Debug)]
pub struct TakeMetrics {
    accepted: Histograms,
    confirmed: Histograms,
    failed: Counters,
    /// What has series: an output, and the reasons for which its takes failed.
    known: Mutex<BTreeSet<(OutputId, Option<&'static str>)>>,
}

impl Default for TakeMetrics {
    fn default() -> Self {
        Self {
            accepted: Family::new_with_constructor(|| Histogram::new(ACCEPTED)),
            confirmed: Family::new_with_constructor(|| Histogram::new(CONFIRMED)),
            failed: Counters::default(),
            known: Mutex::default(),
        }
    }
}

/// Times the takes of one request, from when it came.
pub struct Watch<'a> {
    app: &'a App,
    takes: &'a [Take],
    since: u64,
}

impl<'a> Watch<'a> {
    /// The clock has run since the request came.
    pub fn begin(app: &'a App, takes: &'a [Take]) -> Self {
        Self { app, takes, since: request_id::began().unwrap_or_else(|| app.clock.now()) }
    }

    /// The router has taken them on.
    pub fn accepted(&self) {
        self.observe(&self.app.take_metrics.accepted);
    }

    /// All are confirmed.
    pub fn confirmed(&self) {
        self.observe(&self.app.take_metrics.confirmed);
    }

    /// The wait for that is over, and they are not.
    pub fn unconfirmed(&self) {
        self.fail(UNCONFIRMED);
    }

    /// They were refused, or are lost.
    pub fn failed(&self, error: &Error) {
        self.fail(error.kind());
    }

    fn observe(&self, family: &Histograms) {
        let seconds = self.app.clock.now().saturating_sub(self.since) as f64 / 1e9;
        for output in self.outputs() {
            self.app.take_metrics.known().insert((output.clone(), None));
            family.get_or_create(&of(output)).observe(seconds);
        }
    }

    fn fail(&self, reason: &'static str) {
        for output in self.outputs() {
            self.app.take_metrics.known().insert((output.clone(), Some(reason)));
            self.app.take_metrics.failed.get_or_create(&with(output, reason)).inc();
        }
    }

    /// The outputs concerned, each once: no series is made for what somebody made up.
    fn outputs(&self) -> BTreeSet<&'a OutputId> {
        let inventory = self.app.inventory();
        let outputs = self.takes.iter().map(|take| &take.output);
        outputs.filter(|id| inventory.outputs.contains_key(*id)).collect()
    }
}

impl TakeMetrics {
    fn known(&self) -> MutexGuard<'_, BTreeSet<(OutputId, Option<&'static str>)>> {
        // Nothing in here can panic half-way through a change.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets outputs that are gone.
    fn prune(&self, inventory: &Inventory) {
        self.known().retain(|(output, reason)| {
            let stays = inventory.outputs.contains_key(output);
            if !stays {
                if let Some(reason) = reason {
                    self.failed.remove(&with(output, reason));
                } else {
                    self.accepted.remove(&of(output));
                    self.confirmed.remove(&of(output));
                }
            }
            stays
        });
    }

    pub(super) fn register(&self, registry: &mut Registry, inventory: &Inventory) {
        self.prune(inventory);
        registry.register_with_unit(
            "output_take_accepted",
            "From the request for a take to the router's acceptance",
            Unit::Seconds,
            self.accepted.clone(),
        );
        registry.register_with_unit(
            "output_take_confirmed",
            "From the request for a take to its confirmation on every level taken",
            Unit::Seconds,
            self.confirmed.clone(),
        );
        registry.register(
            "output_takes_failed",
            "Takes refused, or not confirmed while somebody waited, by reason",
            self.failed.clone(),
        );
    }
}

fn of(output: &OutputId) -> Labels {
    vec![("output", output.to_string())]
}

fn with(output: &OutputId, reason: &str) -> Labels {
    vec![("output", output.to_string()), ("reason", reason.to_owned())]
}
