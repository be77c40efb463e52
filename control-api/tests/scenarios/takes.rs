//! Takes and salvos: answered when the router confirms.

use ormatrix_protocol::{RouteState, SignalState};
use serde_json::{Value, json};

use crate::bench::{Bench, input, output, video};

fn set_up() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.add_output("n", 6002);
    bench
}

#[test]
fn a_take_answers_when_it_is_live() {
    let bench = set_up();
    let done = bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let expected = json!({
        "output": "m", "input": "a", "state": "live", "since": "2026-01-31T09:30:00.000Z",
        "confirmed_at": "2026-01-31T09:30:00.000Z", "take": 1
    });
    assert_eq!(done, expected);
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["tally"], json!(["m"]));
    let route = bench.get("/api/v1/outputs/m").expect(200)["route"].clone();
    assert_eq!((&route["input"], &route["state"]), (&json!("a"), &json!("live")));

    let cleared = bench.delete("/api/v1/outputs/m/route").expect(200);
    assert_eq!((&cleared["input"], &cleared["state"]), (&Value::Null, &json!("none")));
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["tally"], json!([]));
}

#[test]
fn a_take_that_is_not_confirmed_is_accepted() {
    let bench = set_up();
    bench.model().confirms = false;
    let body = json!({ "input": "a", "wait_ms": 0 });
    let done = bench.put("/api/v1/outputs/m/route", &body).expect(202);
    assert_eq!((&done["input"], &done["state"]), (&json!("a"), &json!("switching")));
    assert_eq!(done["confirmed_at"], Value::Null);
}

#[test]
fn a_late_confirmation_is_waited_for() {
    let bench = set_up();
    bench.model().confirms = false;
    let mut events = bench.listen(None);
    let model = bench.model.clone();
    let confirm = std::thread::spawn(move || {
        // The take is under way: its first event has been told.
        while events.next_named("route").data["route"]["state"] != "switching" {}
        let mut model = model.lock().unwrap();
        // Another output's route, and an older take of this one, confirm nothing.
        model.set_route("n", Some("a"), RouteState::Live, 0);
        model.set_route("m", Some("a"), RouteState::Waiting, 1);
        model.set_route("m", Some("a"), RouteState::Live, 1);
    });
    let body = json!({ "input": "a", "wait_ms": 10_000 });
    let done = bench.put("/api/v1/outputs/m/route", &body).expect(200);
    assert_eq!(done["state"], "live");
    confirm.join().unwrap();
}

#[test]
fn a_take_overtaken_by_another_says_so() {
    let bench = set_up();
    bench.model().confirms = false;
    let mut events = bench.listen(None);
    let model = bench.model.clone();
    let overtake = std::thread::spawn(move || {
        while events.next_named("route").data["route"]["state"] != "switching" {}
        model.lock().unwrap().set_route("m", Some("b"), RouteState::Live, 2);
    });
    let body = json!({ "input": "a", "wait_ms": 10_000 });
    bench.put("/api/v1/outputs/m/route", &body).problem(409, "take-overtaken");
    overtake.join().unwrap();
}

#[test]
fn an_input_without_signal_needs_force() {
    let bench = set_up();
    bench.model().set_signal("a", SignalState::Lost);
    let router = bench.running().app.router.clone();
    let lost = || {
        router.read(|m| m.unwrap().inputs[&"a".parse().unwrap()].signal.state == SignalState::Lost)
    };
    bench.until(lost);
    let before = bench.everything();
    let problem = bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" }));
    let problem = problem.problem(409, "no-signal");
    assert_eq!((&problem["input"], &problem["signal"]), (&json!("a"), &json!("lost")));
    assert_eq!(bench.everything(), before);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a", "force": true })).expect(200);
}

#[test]
fn an_output_takes_only_what_it_accepts() {
    let bench = set_up();
    let mut small = video();
    small["width"] = 1280.into();
    small["height"] = 720.into();
    let mut body = output("s", 6004);
    body["accepts"] = json!([small]);
    bench.put("/api/v1/outputs/s", &body).expect(201);
    let before = bench.everything();
    let problem = bench.put("/api/v1/outputs/s/route", &json!({ "input": "a" }));
    let problem = problem.problem(409, "format-not-accepted");
    assert_eq!((&problem["output"], &problem["input"]), (&json!("s"), &json!("a")));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("1920x1080") && detail.contains("1280x720"), "{detail}");
    assert_eq!(bench.everything(), before);

    // Nor by the back door: by a change of the input or the output once it is routed.
    let mut little = input("c", 5006);
    little["video"] = small.clone();
    bench.put("/api/v1/inputs/c", &little).expect(201);
    bench.put("/api/v1/outputs/s/route", &json!({ "input": "c" })).expect(200);
    bench.put("/api/v1/inputs/c", &input("c", 5006)).problem(409, "format-not-accepted");
    body["accepts"] = json!([video()]);
    bench.put("/api/v1/outputs/s", &body).problem(409, "format-not-accepted");
}

#[test]
fn a_salvo_is_all_or_none() {
    let bench = set_up();
    let routes = json!([{ "output": "m", "input": "a" }, { "output": "n", "input": "b" }]);
    let done = bench.post("/api/v1/salvos", &json!({ "routes": routes })).expect(200);
    assert_eq!(done["take"], 1);
    let shown: Vec<_> = done["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (&r["output"], &r["input"], &r["state"]))
        .collect();
    assert_eq!(shown[0], (&json!("m"), &json!("a"), &json!("live")));
    assert_eq!(shown[1], (&json!("n"), &json!("b"), &json!("live")));

    let before = bench.everything();
    let routes = json!([{ "output": "m", "input": "b" }, { "output": "n", "input": "x" }]);
    bench.post("/api/v1/salvos", &json!({ "routes": routes })).problem(404, "unknown-input");
    assert_eq!(bench.everything(), before);

    let routes = json!([{ "output": "m", "input": null }, { "output": "n", "input": "a" }]);
    let done = bench.post("/api/v1/salvos", &json!({ "routes": routes })).expect(200);
    assert_eq!(done["routes"][0]["state"], "none");
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["tally"], json!(["n"]));
}
