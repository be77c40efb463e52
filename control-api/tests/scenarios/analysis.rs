//! Measurements of streams: wanted by who asks, delivered by a watcher.

use ormatrix_control::settings::Measure;
use serde_json::json;

use crate::bench::Bench;

#[test]
fn a_question_finds_a_watcher_and_then_its_report() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let problem = bench.get("/api/v1/inputs/a/analysis").problem(503, "no-watcher");
    assert_eq!(problem["input"], "a");
    assert!(problem["detail"].as_str().unwrap().contains("ormatrix-sink watch"), "{problem}");
    let wanted = || bench.get("/api/v1/analysis/wanted").expect(200);
    assert_eq!(wanted(), json!({ "inputs": ["a"], "outputs": [] }));
    let starting = bench.get("/api/v1/inputs/a/analysis").expect(202);
    assert_eq!(starting, json!({ "state": "starting" }));
    bench.get("/api/v1/outputs/m/analysis").expect(202);
    assert_eq!(wanted(), json!({ "inputs": ["a"], "outputs": ["m"] }));

    let report = json!({ "shape": 1, "streams": [{ "kind": "video", "good": true }] });
    bench.put("/api/v1/inputs/a/analysis", &report).expect(204);
    let answer = bench.get("/api/v1/inputs/a/analysis");
    assert_eq!((answer.header("age"), answer.header("content-type")), ("0", "application/json"));
    assert_eq!(answer.expect(200), report);
    bench.get("/api/v1/outputs/m/analysis").expect(202);

    // A stream that comes anew has nothing of the old one's.
    bench.delete("/api/v1/inputs/a").expect(204);
    assert_eq!(wanted(), json!({ "inputs": [], "outputs": ["m"] }));
    bench.add_input("a", 5000);
    bench.get("/api/v1/inputs/a/analysis").expect(202);
}

#[test]
fn where_the_settings_say_so_everything_is_wanted_all_the_time() {
    let bench = Bench::set(|settings| settings.measure = Measure::Always);
    let wanted = || bench.get("/api/v1/analysis/wanted").expect(200);
    assert_eq!(wanted(), json!({ "inputs": [], "outputs": [] }));
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    assert_eq!(wanted(), json!({ "inputs": ["a", "b"], "outputs": ["m"] }));
    let path = "/api/v1/inputs/a/analysis";
    bench.put(path, &json!({ "shape": 1 })).expect(204);
    // Nobody has asked, and the report counts all the same.
    bench.get(path).expect(200);
    bench.delete("/api/v1/inputs/b").expect(204);
    assert_eq!(wanted(), json!({ "inputs": ["a"], "outputs": ["m"] }));
}

#[test]
fn bad_reports_are_refused() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let path = "/api/v1/inputs/a/analysis";
    bench.put(path, &json!([])).problem(422, "invalid-value");
    bench.put("/api/v1/inputs/x/analysis", &json!({})).problem(404, "unknown-input");
    bench.put("/api/v1/outputs/x/analysis", &json!({})).problem(404, "unknown-output");
    bench.get("/api/v1/inputs/x/analysis").problem(404, "unknown-input");
    bench.get("/api/v1/outputs/x/analysis").problem(404, "unknown-output");
    bench.delete(path).problem(405, "method-not-allowed");
    let json = [("content-type", "application/json")];
    bench.call("PUT", path, &json, Some(b"{\"a\":")).problem(400, "malformed-body");
    let text = [("content-type", "text/plain")];
    bench.call("PUT", path, &text, Some(b"{}")).problem(415, "unsupported-media-type");
    let long = json!({ "a": "x".repeat(256 * 1024) });
    assert_eq!(bench.put(path, &long).problem(413, "too-large")["limit"], 262_144);
    let most = json!({ "a": "x".repeat(256 * 1024 - 8) });
    bench.put(path, &most).expect(204);
}
