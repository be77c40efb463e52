//! Numbers for Prometheus.
//!
//! Those of the router are read from the mirror at each scrape, so that an input that is
//! gone leaves no series behind. Labels are bounded: ids of the inventory, named reasons,
//! templates of paths.

use std::fmt::Write;

use axum::http::{Method, StatusCode};
use ormatrix_protocol::{Level, StandIn};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::{
    alarms,
    api::view::{route_word, signal_word},
    app::App,
    mirror::Mirror,
};

/// What [`render`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Gauges = Family<Labels, Gauge>;

/// Requests answered, by method, call and status.
#[derive(Clone, Debug, Default)]
pub struct HttpMetrics {
    requests: Counters,
}

impl HttpMetrics {
    /// Counts one. `call` is a template, never a path that a client made up.
    pub fn count(&self, method: &Method, call: &str, status: StatusCode) {
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => {
                method.as_str()
            }
            _ => "other",
        };
        let labels = vec![
            ("method", method.to_owned()),
            ("call", call.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        self.requests.get_or_create(&labels).inc();
    }
}

/// All numbers as text.
pub fn render(app: &App) -> String {
    let mut registry = Registry::with_prefix("ormatrix");
    registry.register(
        "http_requests",
        "Requests answered, by call and status",
        app.http_metrics.requests.clone(),
    );
    let up: Gauge = Gauge::default();
    registry.register("router_up", "1 when the router is connected", up.clone());
    alarms::metrics::register(&mut registry, app);
    let writable: Gauge = Gauge::default();
    let help = "1 while changes of the inventory can be kept, as far as is known";
    registry.register("database_writable", help, writable.clone());
    writable.set(i64::from(app.store.health().why().is_none()));
    app.router.read(|mirror| {
        if let Some(mirror) = mirror {
            up.set(1);
            inputs(&mut registry, mirror);
            outputs(&mut registry, mirror);
        }
    });
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        // Writing to a string fails only when a metric's own encoding does.
        text.clear();
        let _ = writeln!(text, "# EOF");
        tracing::error!("the metrics could not be written");
    }
    text
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
    let help = "Microseconds by which a leg is behind the other";
    let behind = make.gauges("input_leg_behind_microseconds", help);
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
                behind.get_or_create(&labels).set(i64::from(now.behind_us));
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
