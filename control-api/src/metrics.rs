//! Numbers for Prometheus.
//!
//! Those of the router are read from the mirror at each scrape, so that an input that is
//! gone leaves no series behind; what a watcher measured is there while its report is fresh.
//! Labels are bounded: ids of the inventory, named reasons, templates of paths.

mod database;
mod http;
mod measured;
mod process;
mod takes;
mod text;

use std::sync::atomic::AtomicU64;

use ormatrix_protocol::{Level, StandIn};
use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

pub use self::{
    database::DatabaseMetrics,
    http::{HttpMetrics, InFlight},
    takes::{TakeMetrics, Watch},
    text::Format,
};
use crate::{
    alarms,
    api::view::{route_word, signal_word},
    app::App,
    mirror::Mirror,
};

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Gauges = Family<Labels, Gauge>;
type Float = Gauge<f64, AtomicU64>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// All numbers as text.
pub fn render(app: &App, format: Format) -> String {
    let mut ours = Registry::with_prefix("ormatrix");
    about(&mut ours, "build_info", "The control plane's version", |info| {
        info.push(("version", env!("CARGO_PKG_VERSION").to_owned()));
    });
    app.http_metrics.register(&mut ours);
    let (listeners, dropped) = app.events.listeners();
    http::events(&mut ours, listeners, dropped);
    app.store.metrics().register(&mut ours, app.store.path());
    app.take_metrics.register(&mut ours, &app.inventory());
    measured::register(&mut ours, &app.analyses.fresh(app.clock.now()));
    let up: Gauge = Gauge::default();
    ours.register("router_up", "1 when the router is connected", up.clone());
    alarms::metrics::register(&mut ours, app);
    let writable: Gauge = Gauge::default();
    let help = "1 while changes of the inventory can be kept, as far as is known";
    ours.register("database_writable", help, writable.clone());
    writable.set(i64::from(app.store.health().why().is_none()));
    app.router.read(|mirror| {
        if let Some(mirror) = mirror {
            up.set(1);
            router(&mut ours, mirror);
            inputs(&mut ours, mirror);
            outputs(&mut ours, mirror);
        }
    });
    let mut process = Registry::default();
    process::register(&mut process);
    let mut text = String::new();
    let written = [&ours, &process].into_iter().try_for_each(|it| encode_registry(&mut text, it));
    if written.is_err() {
        // Writing to a string fails only when a metric's own encoding does.
        text.clear();
        tracing::error!("the metrics could not be written");
    }
    format.finish(text)
}

/// A 1 whose labels say something.
fn about(registry: &mut Registry, name: &str, help: &str, say: impl FnOnce(&mut Labels)) {
    let (family, mut labels) = (Gauges::default(), Labels::new());
    say(&mut labels);
    family.get_or_create(&labels).set(1);
    registry.register(name, help, family);
}

/// The router's process.
fn router(registry: &mut Registry, mirror: &Mirror) {
    let help = "The router's version, and a number that differs for every start of it";
    about(registry, "router_info", help, |info| {
        info.push(("version", mirror.version.clone()));
        // `instance` is a label of Prometheus' own.
        info.push(("router_instance", mirror.instance.to_string()));
    });
    let lanes: Gauge = Gauge::default();
    lanes.set(i64::from(mirror.lanes));
    registry.register("router_lanes", "Lanes at work", lanes);
    let started: Float = Float::default();
    started.set(mirror.started_at as f64 / 1e9);
    let help = "When the router started, since the Unix epoch";
    registry.register_with_unit("router_start_time", help, Unit::Seconds, started);
    let waiting: Gauge = Gauge::default();
    waiting.set(mirror.scheduled.len() as i64);
    registry.register("router_scheduled_salvos", "Salvos that wait for their time", waiting);
}

/// Families that the router's numbers go to.
struct Families<'a>(&'a mut Registry);

impl Families<'_> {
    fn counters(&mut self, name: &str, help: &str) -> Counters {
        let family = Counters::default();
        self.0.register(name, help, family.clone());
        family
    }

    fn gauges(&mut self, name: &str, help: &str) -> Gauges {
        let family = Gauges::default();
        self.0.register(name, help, family.clone());
        family
    }

    fn bytes(&mut self, name: &str, help: &str) -> Counters {
        let family = Counters::default();
        self.0.register_with_unit(name, help, Unit::Bytes, family.clone());
        family
    }
}

/// Labels, and one more.
fn and(labels: &Labels, name: &'static str, value: &str) -> Labels {
    let mut labels = labels.clone();
    labels.push((name, value.to_owned()));
    labels
}

fn inputs(registry: &mut Registry, mirror: &Mirror) {
    let mut make = Families(registry);
    let packets = make.counters("input_packets", "Packets that arrived");
    let frames = make.counters("input_whole_frames", "Frames that arrived complete");
    let cut = make.counters("input_cut_frames", "Frames whose end never came");
    let lost = make.counters("input_lost_packets", "Packets missing in the sequence");
    let dropped = make.counters("input_dropped", "Packets not accepted, by reason");
    let leg_lost = make.counters("input_leg_lost_packets", "Packets missing on a leg");
    let alive = make.gauges("input_leg_alive", "1 while the stream arrives on a leg");
    let behind = Family::<Labels, Float>::default();
    let help = "How much later than on the other leg packets arrive";
    make.0.register_with_unit("input_leg_behind", help, Unit::Seconds, behind.clone());
    let bytes = make.bytes("input", "Octets that arrived");
    let signal = make.gauges("input_signal", "1 for the state that the signal is in");
    let help = "1 while the picture is found to be so by whoever looks at it";
    let finding = make.gauges("input_finding", help);
    for (id, input) in &mirror.inputs {
        for (level, now) in Level::ALL.into_iter().filter_map(|l| Some((l, input.reception(l)?))) {
            let labels = vec![("input", id.to_string()), ("level", level.to_string())];
            packets.get_or_create(&labels).inc_by(now.counters.packets);
            frames.get_or_create(&labels).inc_by(now.counters.whole_frames);
            cut.get_or_create(&labels).inc_by(now.counters.cut_frames);
            lost.get_or_create(&labels).inc_by(now.counters.lost_packets);
            bytes.get_or_create(&labels).inc_by(now.counters.bytes);
            for (reason, packets) in &now.counters.dropped {
                let labels = and(&labels, "reason", reason.as_str());
                dropped.get_or_create(&labels).inc_by(*packets);
            }
            for (leg, now) in now.counters.legs.iter().enumerate() {
                let labels = and(&labels, "leg", &leg.to_string());
                leg_lost.get_or_create(&labels).inc_by(now.lost_packets);
                alive.get_or_create(&labels).set(i64::from(now.alive));
                behind.get_or_create(&labels).set(f64::from(now.behind_us) / 1e6);
            }
            for state in ["ok", "unstable", "lost"] {
                let is = state == signal_word(now.signal.state);
                signal.get_or_create(&and(&labels, "state", state)).set(i64::from(is));
            }
        }
        let labels = vec![("input", id.to_string())];
        for (name, is) in [
            ("frozen", input.findings.frozen_since.is_some()),
            ("black", input.findings.black_since.is_some()),
            ("format", input.findings.found_format.is_some()),
        ] {
            finding.get_or_create(&and(&labels, "finding", name)).set(i64::from(is));
        }
    }
}

fn outputs(registry: &mut Registry, mirror: &Mirror) {
    let mut make = Families(registry);
    let packets = make.counters("output_packets", "Packets sent");
    let frames = make.counters("output_whole_frames", "Whole frames sent");
    let takes = make.counters("output_takes", "Completed takes");
    let withheld = make.counters("output_withheld", "Packets not sent, by reason");
    let bytes = make.bytes("output", "Octets sent");
    let leg_packets = make.counters("output_leg_packets", "Packets sent on a leg");
    let help = "Packets that the kernel would not send on a leg";
    let leg_failed = make.counters("output_leg_failed_packets", help);
    let states = make.gauges("output_route", "1 for the state that the route is in");
    let help = "1 while this is shown in place of an input that has failed";
    let stand_in = make.gauges("output_stand_in", help);
    for (id, output) in &mirror.outputs {
        for (level, route) in output.routes() {
            let labels = vec![("output", id.to_string()), ("level", level.to_string())];
            let beside = output.levels.get(&level).map(|now| &now.counters);
            let counters = beside.unwrap_or(&output.counters);
            packets.get_or_create(&labels).inc_by(counters.packets);
            frames.get_or_create(&labels).inc_by(counters.whole_frames);
            takes.get_or_create(&labels).inc_by(counters.takes);
            bytes.get_or_create(&labels).inc_by(counters.bytes);
            for (reason, packets) in &counters.withheld {
                let labels = and(&labels, "reason", reason.as_str());
                withheld.get_or_create(&labels).inc_by(*packets);
            }
            for (leg, sent) in counters.legs.iter().enumerate() {
                let labels = and(&labels, "leg", &leg.to_string());
                leg_packets.get_or_create(&labels).inc_by(sent.packets);
                leg_failed.get_or_create(&labels).inc_by(sent.failed_packets);
            }
            for state in ["none", "switching", "waiting", "live", "no-signal"] {
                let is = state == route_word(route.state);
                states.get_or_create(&and(&labels, "state", state)).set(i64::from(is));
            }
            for (name, is) in [
                ("backup", matches!(route.stand_in, Some(StandIn::Backup(_)))),
                ("slate", matches!(route.stand_in, Some(StandIn::Slate))),
            ] {
                stand_in.get_or_create(&and(&labels, "stand_in", name)).set(i64::from(is));
            }
        }
    }
}
