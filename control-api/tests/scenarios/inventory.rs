//! Inputs and outputs come, change and go.

use serde_json::{Value, json};

use crate::bench::{Bench, input, output, video};

#[test]
fn an_input_is_answered_as_the_contract_says() {
    let bench = Bench::new();
    let mut body = input("endoscope", 5000);
    body["legs"][0]["source"] = "127.0.0.9".into();
    let answer = bench.post("/api/v1/inputs", &body);
    let made = answer.expect(201);
    assert_eq!(answer.header("location"), "/api/v1/inputs/endoscope");
    let revision = answer.header("etag").trim_matches('"');
    let expected = json!({
        "id": "endoscope", "label": "ENDOSCOPE", "zone": "OR 3", "type": "other",
        "video": video(), "revision": revision,
        "legs": [{ "address": "127.0.0.1", "port": 5000, "source": "127.0.0.9" }],
        "merge": { "skew_us": 10_000, "order": "restored" },
        "payload_type": 112, "max_udp": 1460, "colorimetry": "BT709",
        "signal": {
            "state": "ok", "since": "2026-01-31T09:30:00.000Z", "bits_per_second": null,
            "packets": 0, "lost_packets": 0, "whole_frames": 0, "cut_frames": 0, "dropped": {},
            "legs": []
        },
        "backups": [], "failover": { "back": "automatic", "steady_ms": 3000 }, "findings": {},
        "tally": [], "still_at": null
    });
    assert_eq!(made, expected);
    assert_eq!(bench.get("/api/v1/inputs/endoscope").expect(200), expected);
    assert_eq!(bench.get("/api/v1/inputs").expect(200), json!([expected]));
    assert_eq!(bench.model().inputs.len(), 1);
}

#[test]
fn an_output_is_answered_as_the_contract_says() {
    let bench = Bench::new();
    let mut body = output("monitor", 6000);
    body["accepts"] = json!([video()]);
    let answer = bench.post("/api/v1/outputs", &body);
    let made = answer.expect(201);
    assert_eq!(answer.header("location"), "/api/v1/outputs/monitor");
    let revision = answer.header("etag").trim_matches('"');
    let expected = json!({
        "id": "monitor", "label": "MONITOR", "zone": "OR 3", "revision": revision,
        "legs": [{ "address": "127.0.0.1", "port": 6000 }],
        "payload_type": 96, "ssrc": 7, "ttl": 64, "dscp": 34, "accepts": [video()], "on_loss": "nothing",
        "route": {
            "input": null, "state": "none", "since": "2026-01-31T09:30:00.000Z",
            "confirmed_at": null, "take": 0
        },
        "sent": { "packets": 0, "bytes": 0, "whole_frames": 0, "takes": 0, "withheld": {}, "legs": [] }
    });
    assert_eq!(made, expected);
    assert_eq!(bench.get("/api/v1/outputs").expect(200), json!([expected]));
}

#[test]
fn ids_come_from_labels_and_stay_unique() {
    let bench = Bench::new();
    let add = |port: u16| {
        let mut body = input("x", port);
        body.as_object_mut().unwrap().remove("id");
        body["label"] = "Überkopf-Kamera 1".into();
        bench.post("/api/v1/inputs", &body).expect(201)["id"].clone()
    };
    assert_eq!(add(5000), "ueberkopf-kamera-1");
    assert_eq!(add(5002), "ueberkopf-kamera-1-2");
    assert_eq!(add(5004), "ueberkopf-kamera-1-3");
}

#[test]
fn put_creates_then_replaces_and_is_idempotent() {
    let bench = Bench::new();
    bench
        .put("/api/v1/outputs/m", &json!({ "legs": [{ "address": "127.0.0.1", "port": 6000 }] }))
        .expect(201);
    let first = bench.get("/api/v1/outputs/m").expect(200);
    let asked = bench.model().commands.len();
    // A sink registers itself at every start: nothing changes, not even its SSRC.
    bench
        .put("/api/v1/outputs/m", &json!({ "legs": [{ "address": "127.0.0.1", "port": 6000 }] }))
        .expect(200);
    assert_eq!(bench.get("/api/v1/outputs/m").expect(200), first);
    assert_eq!(bench.model().commands.len(), asked, "the router need not be asked again");
    // What GET shows can be sent back.
    let mut edited = first.clone();
    edited["label"] = "Main".into();
    assert_eq!(bench.put("/api/v1/outputs/m", &edited).expect(200)["label"], "Main");

    bench.add_input("a", 5000);
    let mut edited = bench.get("/api/v1/inputs/a").expect(200);
    edited["legs"][0]["port"] = 5002.into();
    edited["colorimetry"] = "BT2100".into();
    edited["tcs"] = "HLG".into();
    let replaced = bench.put("/api/v1/inputs/a", &edited).expect(200);
    assert_eq!((&replaced["tcs"], &replaced["legs"][0]["port"]), (&json!("HLG"), &json!(5002)));
    let port = bench.model().inputs[&"a".parse().unwrap()].spec.legs[0].port;
    assert_eq!(port, 5002);
    // The address it left is free.
    bench.add_input("b", 5000);
}

#[test]
fn one_address_on_two_interfaces_is_two_addresses() {
    let bench = Bench::new();
    let on = |mut body: Value, interface: &str| {
        body["legs"] = json!([{ "address": "239.1.1.1", "port": 5000, "interface": interface }]);
        body
    };
    bench.post("/api/v1/inputs", &on(input("a", 1), "eth0")).expect(201);
    bench.post("/api/v1/inputs", &on(input("b", 1), "eth1")).expect(201);
    bench.post("/api/v1/outputs", &on(output("m", 1), "eth0")).expect(201);
    bench.post("/api/v1/outputs", &on(output("n", 1), "eth1")).expect(201);
    let before = bench.everything();
    for (kind, again, holder) in
        [("input", on(input("c", 1), "eth1"), "b"), ("output", on(output("o", 1), "eth1"), "n")]
    {
        let problem = bench.post(&format!("/api/v1/{kind}s"), &again).problem(409, "address-taken");
        assert_eq!((&problem[kind], &problem["port"]), (&json!(holder), &json!(5000)));
    }
    assert_eq!(bench.everything(), before);
}

#[test]
fn what_is_removed_is_gone_everywhere() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["tally"], json!(["m"]));

    let problem = bench.delete("/api/v1/inputs/a").problem(409, "input-routed");
    assert_eq!((&problem["input"], &problem["outputs"]), (&json!("a"), &json!(["m"])));
    assert_eq!(bench.delete("/api/v1/outputs/m").expect(204), Value::Null);
    bench.delete("/api/v1/inputs/a").expect(204);
    bench.get("/api/v1/inputs/a").problem(404, "unknown-input");
    bench.delete("/api/v1/outputs/m").problem(404, "unknown-output");
    assert!(bench.model().inputs.is_empty() && bench.model().outputs.is_empty());
    let stored = bench.running().app.store.load().unwrap();
    assert!(stored.inputs.is_empty() && stored.outputs.is_empty());
}

#[test]
fn monitors_are_the_routers() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let body = json!({ "leg": { "address": "127.0.0.1", "port": 7000 } });
    bench.put("/api/v1/inputs/b/monitor", &body).problem(404, "unknown-input");
    bench.delete("/api/v1/inputs/a/monitor").problem(404, "unknown-monitor");
    let made = bench.put("/api/v1/inputs/a/monitor", &body).expect(201);
    assert_eq!((&made["input"], &made["interval_ms"]), (&json!("a"), &json!(250)));
    bench.put("/api/v1/inputs/a/monitor", &body).expect(200);
    assert_eq!(bench.get("/api/v1/monitors").expect(200), json!([made]));
    let wrong = json!({ "leg": { "address": "127.0.0.1", "port": 0 }, "interval_ms": 1 });
    bench.put("/api/v1/inputs/a/monitor", &wrong).problem(422, "invalid-value");
    bench.delete("/api/v1/inputs/a/monitor").expect(204);
    assert_eq!(bench.get("/api/v1/monitors").expect(200), json!([]));
}
