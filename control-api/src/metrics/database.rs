//! How the inventory's database fares.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicI64, AtomicU64},
};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Seconds: a write waits for the disk, which may be slow.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5, 10.0];

/// Writes since the start.
#[derive(Debug)]
pub struct DatabaseMetrics {
    durations: Histogram,
    failures: Counter<u64, AtomicU64>,
}

impl Default for DatabaseMetrics {
    fn default() -> Self {
        Self { durations: Histogram::new(BUCKETS), failures: Counter::default() }
    }
}

impl DatabaseMetrics {
    /// A transaction has ended.
    pub fn wrote(&self, ns: u64, done: bool) {
        self.durations.observe(ns as f64 / 1e9);
        if !done {
            self.failures.inc();
        }
    }

    pub(super) fn register(&self, registry: &mut Registry, path: &Path) {
        registry.register_with_unit(
            "database_write_duration",
            "From the start of a transaction until it is on the disk, or has failed",
            Unit::Seconds,
            self.durations.clone(),
        );
        let help = "Transactions that failed and were undone";
        registry.register("database_write_failures", help, self.failures.clone());
        let size: Gauge<i64, AtomicI64> = Gauge::default();
        size.set(octets(path) as i64);
        let help = "The database on the disk, with what is not yet merged into it";
        registry.register_with_unit("database_size", help, Unit::Bytes, size);
    }
}

/// The file and its write-ahead log.
fn octets(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let of = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    of(path) + of(Path::new(&log))
}
