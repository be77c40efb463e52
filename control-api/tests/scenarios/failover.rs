//! Backups, slates, and what is found by looking at pictures.

use ormatrix_protocol::{Back, Command, OnLoss, StandIn};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, input, output, video},
    fake_router::Model,
};

fn backed(id: &str, port: u16, backups: &[&str]) -> Value {
    let mut body = input(id, port);
    body["backups"] = json!(backups);
    body
}

fn small(id: &str, port: u16) -> Value {
    let mut body = input(id, port);
    body["video"]["width"] = 1280.into();
    body["video"]["height"] = 720.into();
    body
}

#[test]
fn backups_and_policy_are_kept_until_said_otherwise() {
    let mut bench = Bench::new();
    bench.add_input("b", 5002);
    let mut body = backed("a", 5000, &["b"]);
    body["failover"] = json!({ "back": "manual", "frozen_ms": 2000 });
    let made = bench.post("/api/v1/inputs", &body).expect(201);
    let failover = json!({ "back": "manual", "steady_ms": 3000, "frozen_ms": 2000 });
    assert_eq!((&made["backups"], &made["failover"]), (&json!(["b"]), &failover));
    let spec = bench.model().inputs[&"a".parse().unwrap()].spec.failover.clone();
    assert_eq!((spec.back, spec.frozen_ms, spec.steady_ms.0), (Back::Manual, Some(2000), 3000));

    // A source that registers itself anew says nothing of them.
    let again = bench.put("/api/v1/inputs/a", &input("a", 5000)).expect(200);
    assert_eq!((&again["backups"], &again["failover"]), (&json!(["b"]), &failover));
    bench.stop_control();
    bench.start_control();
    bench.until_reconciled();
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["failover"], failover);
    let none = bench.put("/api/v1/inputs/a", &backed("a", 5000, &[])).expect(200);
    assert_eq!((&none["backups"], &none["failover"]), (&json!([]), &failover));

    let mut body = output("m", 6000);
    assert_eq!(bench.post("/api/v1/outputs", &body).expect(201)["on_loss"], "nothing");
    body["on_loss"] = "slate".into();
    assert_eq!(bench.put("/api/v1/outputs/m", &body).expect(200)["on_loss"], "slate");
    let kept = bench.put("/api/v1/outputs/m", &output("m", 6000)).expect(200);
    assert_eq!(kept["on_loss"], "slate");
    assert_eq!(bench.model().outputs[&"m".parse().unwrap()].spec.on_loss, OnLoss::Slate);
}

#[test]
fn a_backup_is_not_removed_under_who_needs_it() {
    let bench = Bench::new();
    bench.add_input("b", 5002);
    for (id, port) in [("a", 5000), ("c", 5004)] {
        bench.post("/api/v1/inputs", &backed(id, port, &["b"])).expect(201);
    }
    let before = bench.everything();
    let problem = bench.delete("/api/v1/inputs/b").problem(409, "input-is-backup");
    assert_eq!((&problem["input"], &problem["inputs"]), (&json!("b"), &json!(["a", "c"])));
    assert_eq!(bench.everything(), before);
    for (id, port) in [("a", 5000), ("c", 5004)] {
        bench.put(&format!("/api/v1/inputs/{id}"), &backed(id, port, &[])).expect(200);
    }
    bench.delete("/api/v1/inputs/b").expect(204);
}

#[test]
fn each_may_stand_in_for_the_other_also_at_a_router_that_forgot_both() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.post("/api/v1/inputs", &backed("b", 5002, &["a"])).expect(201);
    bench.put("/api/v1/inputs/a", &backed("a", 5000, &["b"])).expect(200);
    bench.stop_router();
    *bench.model() = Model { instance: 2, ..Model::default() };
    bench.start_router();
    bench.until_reconciled();
    let model = bench.model();
    for (id, backup) in [("a", "b"), ("b", "a")] {
        let spec = &model.inputs[&id.parse().unwrap()].spec;
        assert_eq!(spec.failover.backups, [backup.parse().unwrap()]);
    }
    drop(model);
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200).get("fault"), None);
}

#[test]
fn bad_backups_name_their_field() {
    let bench = Bench::new();
    bench.add_input("b", 5002);
    let before = bench.everything();
    let wrong = |change: &dyn Fn(&mut Value), field: &str| {
        let mut body = backed("a", 5000, &["b"]);
        change(&mut body);
        let problem = bench.post("/api/v1/inputs", &body).problem(422, "invalid-value");
        assert_eq!(problem["field"], field, "{problem}");
    };
    wrong(&|b| b["backups"] = json!(["b", "x"]), "backups[1]");
    wrong(&|b| b["backups"] = json!(["a"]), "backups[0]");
    wrong(&|b| b["backups"] = json!(["b", "b"]), "backups[1]");
    wrong(&|b| b["backups"] = json!(["Not An Id"]), "backups[0]");
    wrong(
        &|b| b["backups"] = json!((0..9).map(|n| format!("i{n}")).collect::<Vec<_>>()),
        "backups",
    );
    wrong(&|b| b["failover"] = json!({ "back": "later" }), "failover.back");
    wrong(&|b| b["failover"] = json!({ "steady_ms": 600_001 }), "failover.steady_ms");
    wrong(&|b| b["failover"] = json!({ "frozen_ms": 99 }), "failover.frozen_ms");
    wrong(&|b| b["failover"] = json!({ "black_ms": 600_001 }), "failover.black_ms");
    wrong(&|b| b["failover"] = json!({ "backups": [] }), "failover.backups");
    let mut body = output("m", 6000);
    body["on_loss"] = "black".into();
    assert_eq!(
        bench.post("/api/v1/outputs", &body).problem(422, "invalid-value")["field"],
        "on_loss"
    );
    body = output("m", 6000);
    assert_eq!(bench.everything(), before);
    bench.post("/api/v1/outputs", &body).expect(201);
}

#[test]
fn no_display_gets_by_failover_what_it_does_not_accept() {
    let bench = Bench::new();
    bench.post("/api/v1/inputs", &small("b", 5002)).expect(201);
    bench.post("/api/v1/inputs", &backed("a", 5000, &["b"])).expect(201);
    let mut picky = output("m", 6000);
    picky["accepts"] = json!([video()]);
    bench.post("/api/v1/outputs", &picky).expect(201);
    let take = || bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" }));
    let problem = take().problem(409, "format-not-accepted");
    assert_eq!((&problem["output"], &problem["input"]), (&json!("m"), &json!("b")));
    assert!(problem["detail"].as_str().unwrap().contains("a backup of 'a'"), "{problem}");

    // Nor by any change afterwards.
    bench.put("/api/v1/inputs/b", &input("b", 5002)).expect(200);
    take().expect(200);
    bench.put("/api/v1/inputs/b", &small("b", 5002)).problem(409, "format-not-accepted");
    bench.post("/api/v1/inputs", &small("c", 5004)).expect(201);
    let more = backed("a", 5000, &["b", "c"]);
    bench.put("/api/v1/inputs/a", &more).problem(409, "format-not-accepted");
    bench.delete("/api/v1/outputs/m/route").expect(200);
    bench.put("/api/v1/inputs/a", &more).expect(200);
}

#[test]
fn what_stands_in_is_said() {
    let bench = Bench::new();
    bench.add_input("b", 5002);
    bench.post("/api/v1/inputs", &backed("a", 5000, &["b"])).expect(201);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    assert_eq!(bench.get("/api/v1/outputs/m").expect(200)["route"].get("stand_in"), None);
    let mut events = bench.listen(None);
    bench.model().set_stand_in("m", Some(StandIn::Backup("b".parse().unwrap())));
    let told = events.next_named("route").data;
    assert_eq!(told["route"]["stand_in"], json!({ "backup": "b" }));
    let seen = bench.get("/api/v1/outputs/m").expect(200);
    assert_eq!(
        (&seen["route"]["input"], &seen["route"]["stand_in"]["backup"]),
        (&json!("a"), &json!("b"))
    );
    // Both are on the display as far as anyone may remove them.
    for id in ["a", "b"] {
        assert_eq!(bench.get(&format!("/api/v1/inputs/{id}")).expect(200)["tally"], json!(["m"]));
    }
    let text = String::from_utf8(bench.get("/metrics").octets).unwrap();
    let line = "ormatrix_output_stand_in{output=\"m\",level=\"video\",stand_in=\"backup\"} 1";
    assert!(text.contains(line), "{text}");
    bench.model().set_stand_in("m", Some(StandIn::Slate));
    assert_eq!(events.next_named("route").data["route"]["stand_in"], "slate");
    bench.model().set_stand_in("m", None);
    assert_eq!(events.next_named("route").data["route"].get("stand_in"), None);
}

#[test]
fn findings_are_noted_with_their_beginning() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let mut events = bench.listen(None);
    let report = |body: &Value| bench.put("/api/v1/inputs/a/findings", body);
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["findings"], json!({}));
    let first = report(&json!({ "frozen": true, "black": false })).expect(200);
    assert!(first["frozen_since"].as_str().unwrap().ends_with('Z'), "{first}");
    assert_eq!(first.get("black_since"), None);
    let told = events.next_named("signal").data;
    assert_eq!(
        (&told["input"], &told["level"], &told["findings"]),
        (&json!("a"), &json!("video"), &first)
    );
    assert_eq!(told["signal"]["state"], "ok");
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["findings"], first);
    let text = String::from_utf8(bench.get("/metrics").octets).unwrap();
    assert!(text.contains("ormatrix_input_finding{input=\"a\",finding=\"frozen\"} 1"), "{text}");

    // Said again it is no news, and began when it began.
    let asked = bench.model().commands.len();
    assert_eq!(report(&json!({ "frozen": true, "black": false })).expect(200), first);
    assert_eq!(bench.model().commands.len(), asked);
    let both = json!({ "frozen": true, "black": true, "found_format": "720p50" });
    let both = report(&both).expect(200);
    assert_eq!(
        (&both["frozen_since"], &both["found_format"]),
        (&first["frozen_since"], &json!("720p50"))
    );
    assert_eq!(report(&json!({ "frozen": false, "black": false })).expect(200), json!({}));
    let reports = |command: &&Command| matches!(command, Command::Report { .. });
    assert_eq!(bench.model().commands.iter().filter(reports).count(), 3);
}

#[test]
fn bad_findings_are_refused() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    let report = |bench: &Bench, body: &Value| bench.put("/api/v1/inputs/a/findings", body);
    for (body, field) in [
        (json!({ "frozen": true }), "black"),
        (json!({ "frozen": "yes", "black": false }), "frozen"),
        (json!({ "frozen": true, "black": false, "since": 1 }), "since"),
        (json!({ "frozen": true, "black": false, "found_format": "" }), "found_format"),
        (
            json!({ "frozen": true, "black": false, "found_format": "x".repeat(201) }),
            "found_format",
        ),
    ] {
        let problem = report(&bench, &body).problem(422, "invalid-value");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{problem}");
    }
    let body = json!({ "frozen": true, "black": false });
    bench.put("/api/v1/inputs/x/findings", &body).problem(404, "unknown-input");
    bench.stop_router();
    report(&bench, &body).problem(503, "router-not-connected");
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["findings"], Value::Null);
}
