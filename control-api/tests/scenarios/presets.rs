//! Routes that are recalled together.

use ormatrix_protocol::{Command, SignalState};
use serde_json::{Value, json};

use crate::bench::{Bench, input, output};

fn bench() -> Bench {
    let bench = Bench::new();
    for (id, port) in [("a", 5000), ("b", 5002), ("c", 5004)] {
        bench.add_input(id, port);
    }
    for (id, port) in [("m", 6000), ("n", 6002), ("o", 6004)] {
        bench.add_output(id, port);
    }
    bench
}

/// The salvos that the router was asked for.
fn salvos(bench: &Bench) -> usize {
    let model = bench.model();
    model.commands.iter().filter(|command| matches!(command, Command::Salvo { .. })).count()
}

fn time_out() -> Value {
    json!({
        "label": "Team time-out", "labels": { "de": "Team-Time-out" }, "zone": "OR 3",
        "routes": [
            { "output": "m", "input": "a" },
            { "output": "n", "clear": true },
            { "output": "o", "open": true },
        ],
    })
}

#[test]
fn a_recall_says_first_what_it_changes_and_then_changes_it() {
    let bench = bench();
    let made = bench.post("/api/v1/presets", &time_out());
    assert_eq!(made.header("location"), "/api/v1/presets/team-time-out");
    let made = made.expect(201);
    assert_eq!((&made["id"], &made["routes"]), (&json!("team-time-out"), &time_out()["routes"]));
    bench.put("/api/v1/outputs/n/route", &json!({ "input": "b" })).expect(200);

    let path = "/api/v1/presets/team-time-out";
    let preview = bench.post(&format!("{path}/preview"), &json!({})).expect(200);
    assert_eq!(
        preview,
        json!([
            { "output": "m", "change": "take", "from": null, "to": "a" },
            { "output": "n", "change": "take", "from": "b", "to": null },
            { "output": "o", "change": "open", "from": null, "to": null },
        ])
    );
    assert_eq!(salvos(&bench), 1, "asking changes nothing");

    let recalled = bench.post(&format!("{path}/recall"), &json!({})).expect(200);
    assert_eq!(recalled["open"], json!(["o"]));
    let routes = recalled["routes"].as_array().unwrap();
    let shown: Vec<_> = routes.iter().map(|r| (&r["output"], &r["input"], &r["state"])).collect();
    assert_eq!(
        shown,
        [(&json!("m"), &json!("a"), &json!("live")), (&json!("n"), &json!(null), &json!("none"))]
    );
    // Now only what was open is left to do.
    let filled = json!({ "fill": { "o": "c" } });
    let preview = bench.post(&format!("{path}/preview"), &filled).expect(200);
    let words: Vec<_> =
        preview.as_array().unwrap().iter().map(|change| &change["change"]).collect();
    assert_eq!(words, ["keep", "keep", "take"]);
    let recalled = bench.post(&format!("{path}/recall"), &filled).expect(200);
    assert_eq!((recalled["routes"].as_array().unwrap().len(), &recalled["open"]), (1, &json!([])));
    let again = bench.post(&format!("{path}/recall"), &filled).expect(200);
    assert_eq!(again, json!({ "take": null, "routes": [], "open": [] }));
}

#[test]
fn a_recall_is_all_or_nothing() {
    let bench = bench();
    bench.post("/api/v1/presets", &time_out()).expect(201);
    bench.put("/api/v1/outputs/n/route", &json!({ "input": "b" })).expect(200);
    bench.put("/api/v1/outputs/n/lock", &json!({ "kind": "lock" })).expect(201);
    let path = "/api/v1/presets/team-time-out";
    let preview = bench.post(&format!("{path}/preview"), &json!({})).expect(200);
    assert_eq!((&preview[0]["change"], &preview[1]["change"]), (&json!("take"), &json!("refused")));
    assert_eq!(preview[1]["problem"]["type"], "/problems/locked");
    bench.post(&format!("{path}/recall"), &json!({})).problem(409, "locked");
    assert_eq!(salvos(&bench), 1);
    bench.delete("/api/v1/outputs/n/lock").expect(204);

    bench.model().set_signal("a", SignalState::Lost);
    let (router, a) = (bench.running().app.router.clone(), "a".parse().unwrap());
    bench.until(|| router.read(|m| m.unwrap().inputs[&a].signal.state == SignalState::Lost));
    let preview = bench.post(&format!("{path}/preview"), &json!({})).expect(200);
    assert_eq!(preview[0]["problem"]["type"], "/problems/no-signal");
    bench.post(&format!("{path}/recall"), &json!({})).problem(409, "no-signal");
    let force = json!({ "force": true, "wait_ms": 0 });
    assert_eq!(bench.post(&format!("{path}/preview"), &force).expect(200)[0]["change"], "take");
    let status = bench.post(&format!("{path}/recall"), &force).status;
    assert!(status == 200 || status == 202, "{status}");
}

#[test]
fn what_is_shown_is_made_a_preset() {
    let bench = bench();
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let body = json!({ "label": "Now", "capture": ["m", "n"] });
    let made = bench.post("/api/v1/presets", &body).expect(201);
    assert_eq!(
        made["routes"],
        json!([{ "output": "m", "input": "a" }, { "output": "n", "clear": true }])
    );
    let unknown = json!({ "label": "x", "capture": ["y"] });
    bench.post("/api/v1/presets", &unknown).problem(404, "unknown-output");
}

#[test]
fn sound_that_is_apart_stays_apart() {
    let bench = bench();
    let beside = |mut body: Value, port: u16| {
        body["audio"] = json!({ "legs": [{ "address": "127.0.0.1", "port": port }] });
        body
    };
    bench.put("/api/v1/inputs/d", &beside(input("d", 5010), 5011)).expect(201);
    bench.put("/api/v1/inputs/e", &beside(input("e", 5020), 5021)).expect(201);
    bench.put("/api/v1/outputs/p", &beside(output("p", 6010), 6011)).expect(201);
    bench.put("/api/v1/outputs/p/route", &json!({ "input": "d" })).expect(200);
    let sound = json!({ "input": "e", "levels": ["audio"] });
    bench.put("/api/v1/outputs/p/route", &sound).expect(200);
    let routes = json!([
        { "output": "p", "input": "d", "levels": ["video"] },
        { "output": "p", "input": "e", "levels": ["audio"] },
    ]);
    let made = bench.post("/api/v1/presets", &json!({ "label": "x", "capture": ["p"] }));
    assert_eq!(made.expect(201)["routes"], routes);
    bench.put("/api/v1/outputs/p/route", &json!({ "input": "e" })).expect(200);
    let recalled = bench.post("/api/v1/presets/x/recall", &json!({})).expect(200);
    // The sound is where it shall be and is left alone.
    assert_eq!(recalled["routes"].as_array().unwrap().len(), 1, "{recalled}");
    assert_eq!(recalled["routes"][0]["input"], "d");
}

#[test]
fn presets_outlive_control_and_hold_on_to_what_they_need() {
    let mut bench = bench();
    bench.post("/api/v1/presets", &time_out()).expect(201);
    let before = bench.get("/api/v1/presets").expect(200);
    bench.stop_control();
    bench.start_control();
    bench.until_reconciled();
    assert_eq!(bench.get("/api/v1/presets").expect(200), before);
    let problem = bench.delete("/api/v1/inputs/a").problem(409, "in-use");
    assert!(problem["detail"].as_str().unwrap().contains("preset 'team-time-out'"), "{problem}");
    bench.delete("/api/v1/outputs/o").problem(409, "in-use");
    bench.delete("/api/v1/presets/team-time-out").expect(204);
    bench.delete("/api/v1/inputs/a").expect(204);
    bench.delete("/api/v1/presets/team-time-out").problem(404, "unknown-preset");
    bench.post("/api/v1/presets/UPPER/recall", &json!({})).problem(404, "unknown-preset");
}

#[test]
fn what_is_wrong_with_a_preset_is_said() {
    let bench = bench();
    let with = |routes: Value| json!({ "label": "x", "routes": routes });
    for (body, field) in [
        (json!({ "routes": [{ "output": "m", "open": true }] }), "label"),
        (with(json!([])), "routes"),
        (with(json!([{ "output": "m" }])), "routes[0]"),
        (with(json!([{ "output": "m", "input": "a", "open": true }])), "routes[0]"),
        (with(json!([{ "output": "m", "input": "x" }])), "routes[0].input"),
        (with(json!([{ "output": "x", "input": "a" }])), "routes[0].output"),
        (
            with(json!([{ "output": "m", "input": "a" }, { "output": "m", "clear": true }])),
            "routes[1].output",
        ),
        (with(json!([{ "output": "m", "input": "a", "levels": ["audio"] }])), "routes[0].levels"),
        (
            json!({ "label": "x", "labels": { "German": "x" },
                    "routes": [{ "output": "m", "open": true }] }),
            "labels.German",
        ),
    ] {
        let problem = bench.post("/api/v1/presets", &body).problem(422, "invalid-value");
        assert_eq!(problem["field"], field, "{body}");
    }
    bench.post("/api/v1/presets", &time_out()).expect(201);
    let path = "/api/v1/presets/team-time-out/recall";
    let fill = bench.post(path, &json!({ "fill": { "m": "b" } })).problem(422, "invalid-value");
    assert_eq!(fill["field"], "fill");
    let fill = json!({ "fill": { "o": "x" } });
    bench.post(path, &fill).problem(404, "unknown-input");
    assert_eq!(salvos(&bench), 0);
}
