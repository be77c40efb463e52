//! What `hardware/monitoring/` offers, held against Prometheus itself: its own checks of the
//! files, and a Prometheus that scrapes a control plane, answers the dashboard's questions
//! and raises an alert.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use ormatrix_protocol::{
    Event, InputCounters, LegCounters, OutputCounters, SentLegCounters, status::Telemetry,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    aside,
    bench::Bench,
    probes::{documented, report},
};

/// Between two questions; Prometheus has no call that waits.
const BREATHER: Duration = Duration::from_millis(50);
/// Questions before a test gives up.
const QUESTIONS: usize = 1200;

fn offered(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../hardware/monitoring").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(offered(name)).unwrap()
}

#[test]
fn promtool_finds_nothing_wrong() {
    let path = |name: &str| offered(name).to_str().unwrap().to_owned();
    for (what, name) in [
        (["check", "config"], "prometheus.yml"),
        (["check", "rules"], "prometheus-rules.yml"),
        (["test", "rules"], "prometheus-rules.test.yml"),
    ] {
        let said = aside::promtool(&[what[0], what[1], &path(name)], "");
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

#[test]
fn every_alert_is_tested_and_says_what_to_do() {
    let (rules, tests) = (read("prometheus-rules.yml"), read("prometheus-rules.test.yml"));
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 15, "{}", alerts.len());
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["severity: ", "summary: \"", "description: \"", "runbook: \""] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
        let fires = format!("- labels: 'ALERTS{{alertname=\"{name}\", alertstate=\"firing\"");
        assert!(tests.contains(&fires), "no test has {name} fire");
    }
}

#[test]
fn dashboard_and_rules_name_metrics_that_exist() {
    let documented = documented();
    let mut named = BTreeSet::new();
    for name in ["grafana-dashboard.json", "prometheus-rules.yml", "prometheus-rules.test.yml"] {
        let text = read(name);
        let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let words = text.split(word).map(str::to_owned);
        named.extend(
            words.filter(|word| word.starts_with("ormatrix_") || word.starts_with("process_")),
        );
    }
    assert!(named.len() > 40, "{named:?}");
    let known = |name: &String| {
        let of_histogram = ["_bucket", "_sum", "_count"];
        let family = of_histogram.into_iter().find_map(|end| name.strip_suffix(end));
        documented.contains(name) || family.is_some_and(|family| documented.contains(family))
    };
    let unknown: Vec<_> = named.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "not in docs/metrics.md: {unknown:?}");
}

#[test]
fn the_dashboard_can_be_imported() {
    let board: Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    assert_eq!((&board["uid"], &board["title"].is_string()), (&json!("ormatrix"), &true));
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
            assert!(panel["description"].as_str().is_some_and(|text| text.len() > 10));
        }
    }
}

/// What the dashboard asks of Prometheus, with its variables filled in.
fn questions() -> Vec<String> {
    let board: Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let targets = board["panels"].as_array().unwrap().iter().filter_map(|panel| {
        Some(panel["targets"].as_array()?.iter().map(|target| target["expr"].as_str().unwrap()))
    });
    let filled = |expr: &str| {
        let expr = expr.replace("$__rate_interval", "1m");
        ["$instance", "$input", "$output"].iter().fold(expr, |expr, name| expr.replace(name, ".*"))
    };
    targets.flatten().map(filled).collect()
}

/// A Prometheus of the test's own; ends when dropped.
struct Prometheus {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Prometheus {
    fn start(bench: &Bench) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }}\n\
             rule_files: [ \"{}\" ]\n\
             scrape_configs:\n  - job_name: ormatrix\n    static_configs: [ {{ targets: [ \"{}\" ] }} ]\n",
            offered("prometheus-rules.yml").display(),
            bench.address()
        );
        std::fs::write(&config, text).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let flag = |name: &str, value: &dyn std::fmt::Display| format!("--{name}={value}");
        let child = Command::new(aside::program("prometheus"))
            .arg(flag("config.file", &config.display()))
            .arg(flag("storage.tsdb.path", &folder.path().join("data").display()))
            .arg(flag("web.listen-address", &free))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, url: format!("http://{free}"), _folder: folder }
    }

    /// What it answers; `None` while it does not.
    fn ask(&mut self, path: &str) -> Option<Value> {
        assert!(self.child.try_wait().unwrap().is_none(), "Prometheus has ended");
        let mut answer = ureq::get(format!("{}/api/v1/{path}", self.url)).call().ok()?;
        let octets = answer.body_mut().read_to_vec().ok()?;
        let answer: Value = serde_json::from_slice(&octets).ok()?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// The series of an answer, each with its value.
    fn query(&mut self, expr: &str) -> Option<Vec<(Value, f64)>> {
        let mut encoded = String::new();
        for octet in expr.bytes() {
            let _ = write!(encoded, "%{octet:02X}");
        }
        let data = self.ask(&format!("query?query={encoded}"))?;
        let value = |series: &Value| {
            let value = series["value"][1].as_str().unwrap().parse().unwrap();
            (series["metric"].clone(), value)
        };
        Some(data["result"].as_array()?.iter().map(value).collect())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..QUESTIONS {
        if let Some(answer) = ask() {
            return answer;
        }
        thread::park_timeout(BREATHER);
    }
    panic!("it never came true: {what}");
}

/// A room with everything in it that the dashboard shows.
fn room() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let sent = SentLegCounters { packets: 7, ..SentLegCounters::default() };
    let received = LegCounters { alive: true, packets: 10, ..LegCounters::default() };
    let dropped = BTreeMap::from([(ormatrix_protocol::DropReason::Late, 1)]);
    let input =
        InputCounters { packets: 10, legs: vec![received], dropped, ..InputCounters::default() };
    let output = OutputCounters { packets: 7, legs: vec![sent], ..OutputCounters::default() };
    let telemetry = Telemetry {
        at: 1_000_000_000,
        inputs: BTreeMap::from([("a".parse().unwrap(), input)]),
        outputs: BTreeMap::from([("m".parse().unwrap(), output)]),
        ..Telemetry::default()
    };
    bench.model().tell(Event::Telemetry(telemetry));
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "x" })).problem(404, "unknown-input");
    bench
}

#[test]
fn prometheus_scrapes_answers_and_raises_an_alert() {
    let bench = room();
    let mut prometheus = Prometheus::start(&bench);
    let measure = || {
        for path in ["/api/v1/inputs/a/analysis", "/api/v1/outputs/m/analysis"] {
            bench.put(path, &report()).expect(204);
        }
    };
    for (expr, expected) in [
        ("up{job=\"ormatrix\"}", 1.0),
        ("ormatrix_router_up", 1.0),
        ("ormatrix_input_packets_total{input=\"a\", level=\"video\"}", 10.0),
        ("ormatrix_output_route{output=\"m\", level=\"video\", state=\"live\"}", 1.0),
        ("ormatrix_output_take_confirmed_seconds_count{output=\"m\"}", 1.0),
        ("ormatrix_input_measured_cinst_max{input=\"a\", leg=\"0\"}", 7.0),
        ("ormatrix_input_measured_vrx_min{input=\"a\", leg=\"1\"}", -2.0),
    ] {
        until(&format!("{expr} is {expected}"), || {
            measure();
            let (_, value) = prometheus.query(expr)?.first()?.clone();
            ((value - expected).abs() < 1e-9).then_some(())
        });
    }

    // Every rule is loaded and can be reckoned.
    let rules = until("every rule is well", || {
        let data = prometheus.ask("rules")?;
        let groups = data["groups"].as_array()?.clone();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
        let rules: Vec<Value> = rules.collect();
        rules.iter().all(|rule| rule["health"] == "ok").then_some(rules)
    });
    assert_eq!(rules.len(), read("prometheus-rules.yml").matches("- alert: ").count());
    let alert = until("an alert fires", || {
        let data = prometheus.ask("alerts")?;
        let alerts = data["alerts"].as_array()?.iter();
        let mut fails = alerts.filter(|alert| alert["labels"]["alertname"] == "OrmatrixTakesFail");
        fails.next().filter(|alert| alert["state"] == "firing").cloned()
    });
    let told = &alert["annotations"];
    assert_eq!(told["summary"], "Somebody could not switch m: unknown-input", "{told}");
    assert_eq!(alert["labels"]["severity"], "warning");

    // Every question of the dashboard is understood and finds something.
    for question in questions() {
        until(&question, || {
            measure();
            (!prometheus.query(&question)?.is_empty()).then_some(())
        });
    }
}
