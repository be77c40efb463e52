//! What a watcher measured, while its report is fresh.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{Gauges, Labels, and};
use crate::{
    analysis::{Fresh, figures::StreamFigures},
    inventory::{Input, Output, Stream},
};

type Floats = Family<Labels, Gauge<f64, AtomicU64>>;

/// Series of inputs and of outputs.
pub(super) fn register(registry: &mut Registry, reports: &[Fresh]) {
    for kind in [Input::KIND, Output::KIND] {
        let of = Measured::new(registry, kind);
        for report in reports.iter().filter(|report| report.key.0 == kind) {
            of.add(kind, report);
        }
    }
}

struct Measured {
    age: Floats,
    good: Gauges,
    lost: Gauges,
    jitter: Floats,
    cinst: Floats,
    vrx_max: Floats,
    vrx_min: Floats,
    skew: Floats,
}

impl Measured {
    fn new(registry: &mut Registry, kind: &str) -> Self {
        let mut seconds = |name: &str, help: &str| {
            let family = Floats::default();
            let name = format!("{kind}_measured_{name}");
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
            family
        };
        let age = seconds("age", "How old the watcher's report is");
        let help = "How much the delay behind the RTP timestamps varied in the report's window";
        let jitter = seconds("jitter", help);
        let skew = seconds("leg_skew", "Most that one leg was behind the other");
        let mut floats = |name: &str, help: &str| {
            let family = Floats::default();
            registry.register(format!("{kind}_measured_{name}"), help, family.clone());
            family
        };
        let cinst = floats("cinst_max", "Most packets of a burst, ST 2110-21 CINST");
        let help = "Most packets in the virtual receiver's buffer, ST 2110-21 VRX";
        let vrx_max = floats("vrx_max", help);
        let help = "Fewest packets in the virtual receiver's buffer; below 0 it ran empty";
        let vrx_min = floats("vrx_min", help);
        let mut whole = |name: &str, help: &str| {
            let family = Gauges::default();
            registry.register(format!("{kind}_measured_{name}"), help, family.clone());
            family
        };
        let good = whole("good", "1 when the watcher found every check good");
        let lost = whole("lost_packets", "Packets that never came in the report's window");
        Self { age, good, lost, jitter, cinst, vrx_max, vrx_min, skew }
    }

    fn add(&self, kind: &'static str, report: &Fresh) {
        let labels: Labels = vec![(kind, report.key.1.clone())];
        self.age.get_or_create(&labels).set(report.age as f64 / 1e9);
        if let Some(good) = report.figures.good {
            self.good.get_or_create(&labels).set(i64::from(good));
        }
        for stream in &report.figures.streams {
            let of = and(&labels, "level", stream.level.as_str());
            self.stream(&and(&of, "leg", &stream.leg.to_string()), stream);
        }
        for pair in &report.figures.pairs {
            let of = and(&labels, "level", pair.level.as_str());
            put(&self.skew, &of, pair.skew_ns.map(|ns| ns / 1e9));
        }
    }

    fn stream(&self, labels: &Labels, stream: &StreamFigures) {
        if let Some(lost) = stream.lost_packets {
            self.lost.get_or_create(labels).set(lost as i64);
        }
        put(&self.jitter, labels, stream.jitter_ns.map(|ns| ns / 1e9));
        put(&self.cinst, labels, stream.cinst_max);
        put(&self.vrx_max, labels, stream.vrx_max);
        put(&self.vrx_min, labels, stream.vrx_min);
    }
}

fn put(family: &Floats, labels: &Labels, value: Option<f64>) {
    if let Some(value) = value {
        family.get_or_create(labels).set(value);
    }
}
