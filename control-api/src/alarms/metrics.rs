//! Numbers about alarms, for Prometheus.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{delivery::RECEIVERS, kind::Severity};
use crate::app::App;

type Labels = [(&'static str, &'static str); 1];

/// Adds active alarms and what became of deliveries.
pub fn register(registry: &mut Registry, app: &App) {
    let active = Family::<Labels, Gauge>::default();
    registry.register("alarms_active", "Alarms that are active", active.clone());
    let alarms = app.alarms.active();
    for severity in Severity::ALL {
        let number = alarms.iter().filter(|alarm| alarm.condition.severity == severity).count();
        active.get_or_create(&[("severity", severity.as_str())]).set(number as i64);
    }
    let mut counters = |name: &str, help: &str| {
        let family = Family::<Labels, Counter>::default();
        registry.register(name, help, family.clone());
        family
    };
    let delivered = counters("alarm_notices_delivered", "Notices that a receiver has taken");
    let dropped = counters("alarm_notices_dropped", "Notices that a receiver never gets");
    let failures = counters("alarm_delivery_failures", "Attempts to deliver that failed");
    let waiting = Family::<Labels, Gauge>::default();
    let help = "Notices that wait for a receiver";
    registry.register("alarm_notices_waiting", help, waiting.clone());
    for receiver in RECEIVERS {
        let outbox = app.alarms.deliveries.outboxes().iter().find(|it| it.name == receiver);
        let counts = outbox.map(|outbox| outbox.counts()).unwrap_or_default();
        let labels = [("receiver", receiver)];
        delivered.get_or_create(&labels).inc_by(counts.delivered);
        dropped.get_or_create(&labels).inc_by(counts.dropped);
        failures.get_or_create(&labels).inc_by(counts.failures);
        waiting.get_or_create(&labels).set(counts.waiting as i64);
    }
}
