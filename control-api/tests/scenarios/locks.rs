//! Outputs that somebody keeps as they are.

use serde_json::json;

use crate::bench::{Answer, Bench};

/// A call in somebody's name.
fn of(bench: &Bench, name: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
    let headers = [("content-type", "application/json"), ("ormatrix-actor", name)];
    bench.call(method, path, &headers, body.map(str::as_bytes))
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.add_output("n", 6002);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench
}

const LOCK: &str = "/api/v1/outputs/m/lock";
const ROUTE: &str = "/api/v1/outputs/m/route";

#[test]
fn a_locked_output_is_changed_by_nobody() {
    let bench = bench();
    let mut heard = bench.listen(None);
    let note = r#"{"note": "team time-out"}"#;
    let lock = of(&bench, "Dr. Weber", "PUT", LOCK, Some(note)).expect(201);
    assert_eq!((&lock["kind"], &lock["owner"]), (&json!("lock"), &json!("Dr. Weber")));
    let event = heard.next_named("lock").data;
    assert_eq!((&event["output"], &event["lock"]["note"]), (&json!("m"), &json!("team time-out")));
    assert_eq!(bench.get("/api/v1/outputs/m").expect(200)["lock"]["owner"], "Dr. Weber");
    assert_eq!(bench.get("/api/v1/locks").expect(200)[0]["output"], "m");

    let before = bench.model().commands.len();
    let take = Some(r#"{"input": "b"}"#);
    for name in ["Nurse Joy", "Dr. Weber"] {
        let problem = of(&bench, name, "PUT", ROUTE, take).problem(409, "locked");
        assert_eq!((&problem["output"], &problem["owner"]), (&json!("m"), &json!("Dr. Weber")));
        assert!(problem["detail"].as_str().unwrap().contains("team time-out"), "{problem}");
        of(&bench, name, "DELETE", ROUTE, None).problem(409, "locked");
        of(&bench, name, "POST", "/api/v1/outputs/m/park", Some("{}")).problem(409, "locked");
        of(&bench, name, "DELETE", "/api/v1/outputs/m", None).problem(409, "locked");
    }
    // Of a salvo nothing is done, and nothing later either.
    let routes = json!([{ "output": "n", "input": "b" }, { "output": "m", "input": "b" }]);
    bench.post("/api/v1/salvos", &json!({ "routes": routes })).problem(409, "locked");
    let at = (ormatrix_io::Clock::tai(&ormatrix_io::SystemClock) + 60_000_000_000).to_string();
    let later = json!({ "routes": routes, "at": at });
    bench.post("/api/v1/salvos", &later).problem(409, "locked");
    assert_eq!(bench.model().commands.len(), before, "the router was asked for nothing");

    // Who has not locked it cannot let go of it by mistake.
    of(&bench, "Nurse Joy", "DELETE", LOCK, None).problem(409, "not-your-lock");
    of(&bench, "Nurse Joy", "PUT", LOCK, Some("{}")).problem(409, "locked");
    of(&bench, "Dr. Weber", "DELETE", LOCK, None).expect(204);
    assert_eq!(heard.next_named("lock").data["lock"], json!(null));
    of(&bench, "Dr. Weber", "DELETE", LOCK, None).problem(404, "not-locked");
    bench.put(ROUTE, &json!({ "input": "b" })).expect(200);
}

#[test]
fn a_protected_output_is_changed_by_its_owner_only() {
    let bench = bench();
    let protect = Some(r#"{"kind": "protect"}"#);
    of(&bench, "gateway", "PUT", LOCK, protect).expect(201);
    of(&bench, "panel", "PUT", ROUTE, Some(r#"{"input": "b"}"#)).problem(409, "locked");
    of(&bench, "gateway", "PUT", ROUTE, Some(r#"{"input": "b"}"#)).expect(200);
    // The owner makes it stricter; in an emergency anybody may break it.
    of(&bench, "gateway", "PUT", LOCK, Some("{}")).expect(200);
    of(&bench, "gateway", "PUT", ROUTE, Some(r#"{"input": "a"}"#)).problem(409, "locked");
    of(&bench, "panel", "DELETE", &format!("{LOCK}?force=true"), None).expect(204);
    of(&bench, "panel", "PUT", ROUTE, Some(r#"{"input": "a"}"#)).expect(200);
}

#[test]
fn a_lock_ends_by_itself_and_survives_a_restart() {
    let mut bench = bench();
    bench.put(LOCK, &json!({ "expires_in_s": 1 })).expect(201);
    bench.put("/api/v1/outputs/n/lock", &json!({ "expires_in_s": 604_800 })).expect(201);
    let mut heard = bench.listen(None);
    assert_eq!(heard.next_named("lock").data, json!({ "output": "m", "lock": null }));
    bench.put(ROUTE, &json!({ "input": "b" })).expect(200);
    bench.stop_control();
    bench.start_control();
    bench.until_reconciled();
    let locks = bench.get("/api/v1/locks").expect(200);
    assert_eq!((locks.as_array().unwrap().len(), &locks[0]["output"]), (1, &json!("n")));
    bench.put("/api/v1/outputs/n/route", &json!({ "input": "a" })).problem(409, "locked");
}

#[test]
fn what_waits_for_its_time_keeps_an_output_from_being_locked() {
    let bench = bench();
    let at = (ormatrix_io::Clock::tai(&ormatrix_io::SystemClock) + 60_000_000_000).to_string();
    let salvo = json!({ "routes": [{ "output": "m", "input": "b" }], "at": at });
    let take = bench.post("/api/v1/salvos", &salvo).expect(202)["take"].clone();
    assert_eq!(bench.put(LOCK, &json!({})).problem(409, "salvo-waits")["take"], take);
    bench.delete(&format!("/api/v1/salvos/{take}")).expect(204);
    bench.put(LOCK, &json!({})).expect(201);
}

#[test]
fn what_is_wrong_with_a_lock_is_said() {
    let bench = bench();
    bench.put("/api/v1/outputs/x/lock", &json!({})).problem(404, "unknown-output");
    for (body, field) in [
        (json!({ "expires_in_s": 0 }), "expires_in_s"),
        (json!({ "expires_in_s": 604_801 }), "expires_in_s"),
        (json!({ "note": "x".repeat(201) }), "note"),
        (json!({ "kind": "bolt" }), "kind"),
    ] {
        assert_eq!(bench.put(LOCK, &body).problem(422, "invalid-value")["field"], field);
    }
    let problem = of(&bench, "", "PUT", LOCK, Some("{}")).problem(422, "invalid-value");
    assert_eq!(problem["field"], "Ormatrix-Actor");
    assert_eq!(bench.get("/api/v1/locks").expect(200), json!([]));
}
