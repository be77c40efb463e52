//! Probes and metrics.

use std::collections::{BTreeMap, BTreeSet};

use ormatrix_protocol::{
    DropReason, Event, InputCounters, LegCounters, OutputCounters, SentLegCounters, WithheldReason,
    status::Telemetry,
};
use serde_json::{Value, json};

use crate::{aside, bench::Bench};

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
                legs: vec![SentLegCounters {
                    packets: 6,
                    failed_packets: 1,
                    ..SentLegCounters::default()
                }],
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

    for path in ["/api/v1/inputs/a/analysis", "/api/v1/outputs/m/analysis"] {
        bench.put(path, &report()).expect(204);
    }
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "x" })).problem(404, "unknown-input");
    let _listener = bench.listen(None);

    let answer = bench.get("/metrics");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(answer.octets).unwrap();
    for line in [
        "ormatrix_input_packets_total{input=\"a\",level=\"video\"} 10",
        "ormatrix_input_bytes_total{input=\"a\",level=\"video\"} 251000",
        "ormatrix_input_dropped_total{input=\"a\",level=\"video\",reason=\"garbage\"} 3",
        "ormatrix_input_leg_alive{input=\"a\",level=\"video\",leg=\"0\"} 1",
        "ormatrix_input_leg_alive{input=\"a\",level=\"video\",leg=\"1\"} 0",
        "ormatrix_input_leg_behind_seconds{input=\"a\",level=\"video\",leg=\"1\"} 0.00015",
        "ormatrix_input_leg_lost_packets_total{input=\"a\",level=\"video\",leg=\"1\"} 2",
        "ormatrix_input_signal{input=\"a\",level=\"video\",state=\"unstable\"} 1",
        "ormatrix_input_signal{input=\"a\",level=\"video\",state=\"ok\"} 0",
        "ormatrix_input_measured_good{input=\"a\"} 0",
        "ormatrix_input_measured_cinst_max{input=\"a\",level=\"video\",leg=\"0\"} 7.0",
        "ormatrix_input_measured_vrx_max{input=\"a\",level=\"video\",leg=\"0\"} 9.0",
        "ormatrix_input_measured_vrx_min{input=\"a\",level=\"video\",leg=\"0\"} -2.0",
        "ormatrix_input_measured_lost_packets{input=\"a\",level=\"video\",leg=\"0\"} 4",
        "ormatrix_input_measured_jitter_seconds{input=\"a\",level=\"video\",leg=\"0\"} 0.00025",
        "ormatrix_output_measured_leg_skew_seconds{output=\"m\",level=\"video\"} 0.003",
        "ormatrix_output_packets_total{output=\"m\",level=\"video\"} 7",
        "ormatrix_output_leg_failed_packets_total{output=\"m\",level=\"video\",leg=\"0\"} 1",
        "ormatrix_output_withheld_total{output=\"m\",level=\"video\",reason=\"before_join\"} 2",
        "ormatrix_output_route{output=\"m\",level=\"video\",state=\"live\"} 1",
        "ormatrix_output_take_accepted_seconds_count{output=\"m\"} 1",
        "ormatrix_output_take_confirmed_seconds_bucket{le=\"10.0\",output=\"m\"} 1",
        "ormatrix_output_takes_failed_total{output=\"m\",reason=\"unknown-input\"} 1",
        "ormatrix_router_up 1",
        "ormatrix_router_lanes 1",
        "ormatrix_router_info{version=\"0.0.0-fake\",router_instance=\"1\"} 1",
        "ormatrix_router_start_time_seconds 1769851800.0",
        concat!("ormatrix_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "ormatrix_http_requests_total{method=\"GET\",call=\"/api/v1/inputs/{id}\",status=\"200\"}",
        "ormatrix_http_request_duration_seconds_count{method=\"PUT\",call=\"/api/v1/inputs/{id}\"} 1",
        "ormatrix_http_requests_in_flight 1",
        "ormatrix_event_listeners 1",
        "ormatrix_event_listeners_dropped_total 0",
        "ormatrix_database_write_duration_seconds_count ",
        "ormatrix_database_write_failures_total 0",
    ] {
        assert!(text.lines().any(|it| it.starts_with(line)), "no {line} in {text}");
    }
    let least = |name: &str, least: f64| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        assert!(value.unwrap().parse::<f64>().unwrap() >= least, "{name} {value:?}");
    };
    least("ormatrix_database_size_bytes", 4096.0);
    least("process_resident_memory_bytes", 1_048_576.0);
    least("process_cpu_seconds_total", 0.0);
    least("process_start_time_seconds", 1_700_000_000.0);
    least("process_open_fds", 5.0);
    assert_eq!(served(&text), documented(), "every metric stands in docs/metrics.md");
    aside::promtool(&["check", "metrics"], &text);

    let open = [("accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1")];
    let answer = bench.call("GET", "/metrics", &open, None);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let open = String::from_utf8(answer.octets).unwrap();
    assert!(open.contains("# TYPE ormatrix_input_packets counter\n"), "{open}");
    assert!(open.ends_with("\n# EOF\n"), "{open}");

    // What is gone leaves nothing behind.
    bench.delete("/api/v1/outputs/m/route").expect(200);
    bench.delete("/api/v1/outputs/m").expect(204);
    bench.delete("/api/v1/inputs/a").expect(204);
    let text = String::from_utf8(bench.get("/metrics").octets).unwrap();
    let left: Vec<&str> = text.lines().filter(|line| line.contains("put=\"")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_somebody_makes_up_makes_no_series() {
    let bench = Bench::new();
    let path = "/api/v1/outputs/made-up/route";
    bench.put(path, &json!({ "input": "x" })).problem(404, "unknown-output");
    bench.get("/made/up");
    let text = String::from_utf8(bench.get("/metrics").octets).unwrap();
    assert!(!text.contains("made"), "{text}");
}

/// What a watcher might say of two legs that are not well.
pub fn report() -> Value {
    let span = |min: i64, max: i64| json!({ "count": 9, "min": min, "mean": 1.5, "max": max });
    let leg = |leg: u8| {
        json!({
            "stream": leg + 1, "essence": "video", "leg": leg, "kind": "video",
            "pacing": "linear", "rtp": { "packets": 100, "lost": 4 },
            "latency_ns": span(50_000, 300_000), "cinst": span(1, 7),
            "linear": { "vrx": span(-2, 9) }, "gapped": null,
        })
    };
    let pair = json!({ "essence": "video", "streams": [1, 2], "distance_ns": span(0, 3_000_000) });
    json!({ "shape": 1, "good": false, "streams": [leg(0), leg(1)], "pairs": [pair] })
}

/// The names of the metrics in an answer.
fn served(text: &str) -> BTreeSet<String> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    kinds.map(|(name, _)| name.to_owned()).collect()
}

/// The names of the metrics in `docs/metrics.md`.
pub fn documented() -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}
