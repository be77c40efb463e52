//! Salvos at a time: accepted at once, listed, called off, started by the router.

use ormatrix_io::{Clock, SystemClock};
use ormatrix_protocol::Command;
use serde_json::{Value, json};

use crate::{bench::Bench, levels::set_up};

const S: u64 = 1_000_000_000;

fn routes() -> Value {
    json!([{ "output": "m", "input": "a" }, { "output": "n", "input": "b", "levels": ["audio"] }])
}

#[test]
fn a_salvo_at_a_time_waits_for_it() {
    let bench = set_up();
    let mut events = bench.listen(None);
    let at = SystemClock.tai() + 60 * S;
    let salvo = json!({ "routes": routes(), "at": at.to_string() });
    let made = bench.post("/api/v1/salvos", &salvo).expect(202);
    let mut expected = json!({ "take": 1, "at": at.to_string(), "routes": routes() });
    assert_eq!(made, expected);
    assert_eq!(bench.get("/api/v1/salvos").expect(200), json!([expected]));
    let told = events.next_named("scheduled").data;
    assert_eq!(told, json!({ "take": 1, "at": at.to_string(), "state": "waiting" }));
    assert_eq!(bench.get("/api/v1/outputs/m").expect(200)["route"]["state"], "none");
    let asked = bench.model().commands.last().cloned();
    assert!(matches!(asked, Some(Command::Salvo { at: Some(when), .. }) if when == at));

    // A number will do, and an earlier one comes first.
    let earlier = json!({ "routes": [{ "output": "m", "input": "b" }], "at": at - S });
    assert_eq!(bench.post("/api/v1/salvos", &earlier).expect(202)["take"], 2);
    let listed = bench.get("/api/v1/salvos").expect(200);
    assert_eq!((&listed[0]["take"], &listed[1]["take"]), (&json!(2), &json!(1)));
    assert_eq!(events.next_named("scheduled").data["take"], 2);

    bench.model().due(1);
    let told = events.next_named("scheduled").data;
    assert_eq!((&told["take"], &told["state"]), (&json!(1), &json!("started")));
    assert_eq!(told["at"], expected["at"].take());
    while events.next_named("route").data["route"]["state"] != "live" {}
    assert_eq!(bench.get("/api/v1/outputs/m").expect(200)["route"]["input"], "a");

    bench.delete("/api/v1/salvos/2").expect(204);
    let told = events.next_named("scheduled").data;
    assert_eq!((&told["take"], &told["state"]), (&json!(2), &json!("called-off")));
    assert_eq!(bench.get("/api/v1/salvos").expect(200), json!([]));
    for gone in ["1", "2", "77", "soon", "-1"] {
        let problem = bench.delete(&format!("/api/v1/salvos/{gone}")).problem(404, "not-scheduled");
        assert_eq!(problem["take"], gone);
    }
}

#[test]
fn one_that_waits_outlives_the_control_plane() {
    let mut bench = set_up();
    let at = SystemClock.tai() + 60 * S;
    bench.post("/api/v1/salvos", &json!({ "routes": routes(), "at": at })).expect(202);
    bench.stop_control();
    bench.start_control();
    bench.until_reconciled();
    assert_eq!(bench.get("/api/v1/salvos").expect(200)[0]["take"], 1);
}

#[test]
fn bad_times_and_takes_are_refused_now() {
    let bench = set_up();
    let before = bench.everything();
    let now = SystemClock.tai();
    let salvo = |at: Value| json!({ "routes": routes(), "at": at });
    for at in [
        json!(now - S),
        json!(0),
        json!(now + 3_660 * S),
        json!("tomorrow"),
        json!("2026-01-31T09:30:00Z"),
        json!(1.5),
        json!(-1),
        json!([]),
    ] {
        let problem = bench.post("/api/v1/salvos", &salvo(at)).problem(422, "invalid-value");
        assert_eq!(problem["field"], "at", "{problem}");
    }
    let at = now + 60 * S;
    let mut waits = salvo(json!(at));
    waits["wait_ms"] = 1000.into();
    assert_eq!(
        bench.post("/api/v1/salvos", &waits).problem(422, "invalid-value")["field"],
        "wait_ms"
    );
    for (routes, status, kind) in [
        (json!([]), 422, "invalid-value"),
        (json!([{ "output": "m", "input": "x" }]), 404, "unknown-input"),
        (json!([{ "output": "m", "input": "v", "levels": ["audio"] }]), 409, "no-such-level"),
    ] {
        let body = json!({ "routes": routes, "at": at });
        bench.post("/api/v1/salvos", &body).problem(status, kind);
    }
    assert_eq!(bench.everything(), before);
    assert_eq!(bench.get("/api/v1/salvos").expect(200), json!([]));
}

#[test]
fn without_the_router_nobody_knows() {
    let mut bench = Bench::new();
    bench.stop_router();
    bench.get("/api/v1/salvos").problem(503, "router-not-connected");
    bench.delete("/api/v1/salvos/1").problem(503, "router-not-connected");
}
