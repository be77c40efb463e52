//! Probes and metrics.

use std::collections::{BTreeMap, BTreeSet};

use ormatrix_protocol::{
    DropReason, Event, InputCounters, LegCounters, OutputCounters, WithheldReason,
    status::Telemetry,
};
use serde_json::json;

use crate::bench::Bench;

#[test]
fn ready_with_router_and_database() {
    let bench = Bench::new();
    assert_eq!(bench.get("/livez").octets, b"ok\n");
    let ready = json!({ "ready": true, "router": true, "database": true });
    assert_eq!(bench.get("/readyz").expect(200), ready);
    let router = bench.get("/api/v1/router").expect(200);
    assert_eq!((&router["connected"], &router["version"]), (&json!(true), &json!("0.0.0-fake")));
}

#[test]
fn telemetry_becomes_rates_and_metrics() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let telemetry = |at: u64, bytes: u64| Telemetry {
        at,
        inputs: BTreeMap::from([(
            "a".parse().unwrap(),
            InputCounters {
                packets: 10,
                bytes,
                dropped: BTreeMap::from([(DropReason::Garbage, 3)]),
                legs: vec![
                    LegCounters { alive: true, packets: 6, ..LegCounters::default() },
                    LegCounters { lost_packets: 2, behind_us: 150, ..LegCounters::default() },
                ],
                ..InputCounters::default()
            },
        )]),
        outputs: BTreeMap::from([(
            "m".parse().unwrap(),
            OutputCounters {
                packets: 7,
                withheld: BTreeMap::from([(WithheldReason::BeforeJoin, 2)]),
                ..OutputCounters::default()
            },
        )]),
        monitors: BTreeMap::new(),
        ..Telemetry::default()
    };
    let mut model = bench.model();
    model.tell(Event::Telemetry(telemetry(1_000_000_000, 1000)));
    model.tell(Event::Telemetry(telemetry(3_000_000_000, 251_000)));
    drop(model);
    // An event behind them, to know that they have been read.
    bench.model().set_signal("a", ormatrix_protocol::SignalState::Unstable);
    let router = bench.running().app.router.clone();
    let id = "a".parse().unwrap();
    bench.until(|| router.read(|m| m.unwrap().inputs[&id].bits_per_second == Some(1_000_000)));
    let signal = bench.get("/api/v1/inputs/a").expect(200)["signal"].clone();
    assert_eq!(
        (&signal["bits_per_second"], &signal["dropped"]),
        (&json!(1_000_000), &json!({ "garbage": 3 }))
    );

    assert_eq!(signal["legs"][0]["alive"], true);
    assert_eq!(signal["legs"][1]["behind_us"], 150);

    let answer = bench.get("/metrics");
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = String::from_utf8(answer.octets).unwrap();
    for line in [
        "ormatrix_input_packets_total{input=\"a\",level=\"video\"} 10",
        "ormatrix_input_bytes_total{input=\"a\",level=\"video\"} 251000",
        "ormatrix_input_dropped_total{input=\"a\",level=\"video\",reason=\"garbage\"} 3",
        "ormatrix_input_leg_alive{input=\"a\",level=\"video\",leg=\"0\"} 1",
        "ormatrix_input_leg_alive{input=\"a\",level=\"video\",leg=\"1\"} 0",
        "ormatrix_input_leg_behind_microseconds{input=\"a\",level=\"video\",leg=\"1\"} 150",
        "ormatrix_input_leg_lost_packets_total{input=\"a\",level=\"video\",leg=\"1\"} 2",
        "ormatrix_input_signal{input=\"a\",level=\"video\",state=\"unstable\"} 1",
        "ormatrix_input_signal{input=\"a\",level=\"video\",state=\"ok\"} 0",
        "ormatrix_output_packets_total{output=\"m\",level=\"video\"} 7",
        "ormatrix_output_withheld_total{output=\"m\",level=\"video\",reason=\"before_join\"} 2",
        "ormatrix_output_route{output=\"m\",level=\"video\",state=\"none\"} 1",
        "ormatrix_router_up 1",
        "ormatrix_http_requests_total{method=\"GET\",call=\"/api/v1/inputs/{id}\",status=\"200\"}",
        "# EOF",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    assert_eq!(served(&text), documented(), "every metric stands in docs/metrics.md");
}

/// The names of the metrics in an answer.
fn served(text: &str) -> BTreeSet<String> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let full_name = |(name, kind): (&str, &str)| match kind {
        "counter" => format!("{name}_total"),
        _ => name.to_owned(),
    };
    kinds.map(full_name).collect()
}

/// The names of the metrics in `docs/metrics.md`.
fn documented() -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}
