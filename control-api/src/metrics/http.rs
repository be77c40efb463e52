//! What is counted and timed of requests.

use std::sync::atomic::{AtomicI64, AtomicU64};

use axum::http::{Method, StatusCode};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{Counters, Histograms, Labels};

/// Seconds: most answers take less than one of them, and a take waits for up to ten.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Requests answered, by method, call and status.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Counters,
    durations: Histograms,
    in_flight: Gauge<i64, AtomicI64>,
}

/// A request that is being answered; it counts as such until this is dropped.
#[derive(Debug)]
pub struct InFlight(Gauge<i64, AtomicI64>);

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            requests: Counters::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
        }
    }
}

impl HttpMetrics {
    /// Counts one that has come.
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts one that is answered. `call` is a template, never a path that a client made up.
    pub fn count(&self, method: &Method, call: &str, status: StatusCode, seconds: f64) {
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => {
                method.as_str()
            }
            _ => "other",
        };
        let call = vec![("method", method.to_owned()), ("call", call.to_owned())];
        self.durations.get_or_create(&call).observe(seconds);
        let mut labels: Labels = call;
        labels.push(("status", status.as_str().to_owned()));
        self.requests.get_or_create(&labels).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests answered, by call and status",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "From a request's headers to those of its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is told of listeners to events.
pub(super) fn events(registry: &mut Registry, listeners: usize, dropped: u64) {
    let now: Gauge = Gauge::default();
    now.set(listeners as i64);
    registry.register("event_listeners", "Connections that listen to events", now);
    let count: Counter<u64, AtomicU64> = Counter::default();
    count.inc_by(dropped);
    let help = "Listeners that were too slow and were hung up on";
    registry.register("event_listeners_dropped", help, count);
}
