//! Numbers for Prometheus.
//!
//! Those of the router are read from the mirror at each scrape, so that an input that is
//! gone leaves no series behind. Labels are bounded: ids of the inventory, named reasons,
//! templates of paths.

use std::fmt::Write;

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::{
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

fn inputs(registry: &mut Registry, mirror: &Mirror) {
    let counters = |registry: &mut Registry, name: &str, help: &str| {
        let family = Counters::default();
        registry.register(name, help, family.clone());
        family
    };
    let packets = counters(registry, "input_packets", "Packets that arrived");
    let frames = counters(registry, "input_whole_frames", "Frames that arrived complete");
    let cut = counters(registry, "input_cut_frames", "Frames whose end never came");
    let lost = counters(registry, "input_lost_packets", "Packets missing in the sequence");
    let dropped = counters(registry, "input_dropped", "Packets not accepted, by reason");
    let leg_lost = counters(registry, "input_leg_lost_packets", "Packets missing on a leg");
    let alive = Gauges::default();
    registry.register("input_leg_alive", "1 while the stream arrives on a leg", alive.clone());
    let behind = Gauges::default();
    let help = "Microseconds by which a leg is behind the other";
    registry.register("input_leg_behind_microseconds", help, behind.clone());
    let bytes = Counters::default();
    registry.register_with_unit("input", "Octets that arrived", Unit::Bytes, bytes.clone());
    let signal = Gauges::default();
    registry.register("input_signal", "1 for the state that the signal is in", signal.clone());
    for (id, now) in &mirror.inputs {
        let labels = vec![("input", id.to_string())];
        packets.get_or_create(&labels).inc_by(now.counters.packets);
        frames.get_or_create(&labels).inc_by(now.counters.whole_frames);
        cut.get_or_create(&labels).inc_by(now.counters.cut_frames);
        lost.get_or_create(&labels).inc_by(now.counters.lost_packets);
        bytes.get_or_create(&labels).inc_by(now.counters.bytes);
        for (reason, packets) in &now.counters.dropped {
            let labels = vec![("input", id.to_string()), ("reason", reason.as_str().to_owned())];
            dropped.get_or_create(&labels).inc_by(*packets);
        }
        for (leg, now) in now.counters.legs.iter().enumerate() {
            let labels = vec![("input", id.to_string()), ("leg", leg.to_string())];
            leg_lost.get_or_create(&labels).inc_by(now.lost_packets);
            alive.get_or_create(&labels).set(i64::from(now.alive));
            behind.get_or_create(&labels).set(i64::from(now.behind_us));
        }
        for state in ["ok", "unstable", "lost"] {
            let labels = vec![("input", id.to_string()), ("state", state.to_owned())];
            let is = state == signal_word(now.signal.state);
            signal.get_or_create(&labels).set(i64::from(is));
        }
    }
}

fn outputs(registry: &mut Registry, mirror: &Mirror) {
    let counters = |registry: &mut Registry, name: &str, help: &str| {
        let family = Counters::default();
        registry.register(name, help, family.clone());
        family
    };
    let packets = counters(registry, "output_packets", "Packets sent");
    let frames = counters(registry, "output_whole_frames", "Whole frames sent");
    let takes = counters(registry, "output_takes", "Completed takes");
    let withheld = counters(registry, "output_withheld", "Packets not sent, by reason");
    let bytes = Counters::default();
    registry.register_with_unit("output", "Octets sent", Unit::Bytes, bytes.clone());
    let route = Gauges::default();
    registry.register("output_route", "1 for the state that the route is in", route.clone());
    for (id, now) in &mirror.outputs {
        let labels = vec![("output", id.to_string())];
        packets.get_or_create(&labels).inc_by(now.counters.packets);
        frames.get_or_create(&labels).inc_by(now.counters.whole_frames);
        takes.get_or_create(&labels).inc_by(now.counters.takes);
        bytes.get_or_create(&labels).inc_by(now.counters.bytes);
        for (reason, packets) in &now.counters.withheld {
            let labels = vec![("output", id.to_string()), ("reason", reason.as_str().to_owned())];
            withheld.get_or_create(&labels).inc_by(*packets);
        }
        for state in ["none", "switching", "waiting", "live", "no-signal"] {
            let labels = vec![("output", id.to_string()), ("state", state.to_owned())];
            let is = state == route_word(now.route.state);
            route.get_or_create(&labels).set(i64::from(is));
        }
    }
}
