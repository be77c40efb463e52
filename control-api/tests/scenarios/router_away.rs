//! The router goes away: reads say that nothing is known, writes change nothing; it returns.

use serde_json::{Value, json};

use crate::bench::{Bench, input, output};

#[test]
fn without_a_router_nothing_is_claimed_and_nothing_changed() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench.stop_router();

    let seen = bench.get("/api/v1/inputs/a").expect(200);
    assert_eq!((&seen["label"], &seen["tally"]), (&json!("A"), &json!([])));
    let signal = &seen["signal"];
    assert_eq!((&signal["state"], &signal["packets"]), (&json!("unknown"), &Value::Null));
    let route = bench.get("/api/v1/outputs/m").expect(200)["route"].clone();
    let unknown = json!({ "input": null, "state": "unknown", "since": null, "confirmed_at": null, "take": null });
    assert_eq!(route, unknown);
    assert_eq!(bench.get("/readyz").expect(503)["ready"], false);
    bench.get("/livez");

    let stored = bench.running().app.store.load().unwrap();
    for answer in [
        bench.post("/api/v1/inputs", &input("b", 5002)),
        bench.put("/api/v1/inputs/a", &input("a", 5004)),
        bench.delete("/api/v1/inputs/a"),
        bench.post("/api/v1/outputs", &output("n", 6002)),
        bench.delete("/api/v1/outputs/m"),
        bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })),
        bench.delete("/api/v1/outputs/m/route"),
        bench.get("/api/v1/monitors"),
        bench.put(
            "/api/v1/inputs/a/monitor",
            &json!({ "leg": { "address": "127.0.0.1", "port": 1 } }),
        ),
    ] {
        let problem = answer.problem(503, "router-not-connected");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("nothing was changed") && detail.contains("router.sock"));
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(bench.running().app.store.load().unwrap(), stored);

    // It comes back as it was: same routes, and the control plane sees them.
    bench.start_router();
    bench.until_reconciled();
    let route = bench.get("/api/v1/outputs/m").expect(200)["route"].clone();
    assert_eq!((&route["input"], &route["state"]), (&json!("a"), &json!("live")));
    assert_eq!(bench.get("/readyz").expect(200)["ready"], true);
}

#[test]
fn a_router_that_dies_before_it_answers_is_reconciled() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.model().mute = true;
    std::thread::scope(|scope| {
        let asked = scope
            .spawn(|| bench.post("/api/v1/inputs", &input("b", 5002)).problem(503, "router-lost"));
        // A line that is no message ends the connection while the request is under way.
        while bench.model().unanswered == 0 {
            std::thread::yield_now();
        }
        bench.model().babble();
        asked.join().unwrap();
    });
    bench.model().mute = false;
    bench.until_reconciled();
    bench.get("/api/v1/inputs/b").problem(404, "unknown-input");
    assert_eq!(bench.model().inputs.len(), 1);
    bench.stop_control();
}
