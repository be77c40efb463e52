//! What a take changed is put back, and outputs go to their safe source.

use serde_json::{Value, json};

use crate::bench::{Bench, output};

fn shown(bench: &Bench, output: &str) -> Value {
    bench.get(&format!("/api/v1/outputs/{output}")).expect(200)["route"]["input"].clone()
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.add_output("n", 6002);
    bench
}

fn take(bench: &Bench, output: &str, input: &str) -> u64 {
    let path = format!("/api/v1/outputs/{output}/route");
    bench.put(&path, &json!({ "input": input })).expect(200)["take"].as_u64().unwrap()
}

#[test]
fn a_salvo_is_undone_as_one_and_that_too() {
    let bench = bench();
    take(&bench, "m", "a");
    let routes = json!([{ "output": "m", "input": "b" }, { "output": "n", "input": "b" }]);
    let salvo = bench.post("/api/v1/salvos", &json!({ "routes": routes })).expect(200);
    let listed = bench.get("/api/v1/takes").expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!((&listed[0]["take"], &listed[0]["last"]), (&salvo["take"], &json!(true)));
    assert_eq!(listed[1]["last"], false, "another take has changed m since");
    assert_eq!(listed[0]["changes"].as_array().unwrap().len(), 2);

    let path = format!("/api/v1/takes/{}/undo", salvo["take"]);
    let undone = bench.post(&path, &json!({})).expect(200);
    assert_eq!((shown(&bench, "m"), shown(&bench, "n")), (json!("a"), json!(null)));
    bench.post(&path, &json!({})).problem(409, "take-overtaken");
    bench.post(&format!("/api/v1/takes/{}/undo", undone["take"]), &json!({})).expect(200);
    assert_eq!((shown(&bench, "m"), shown(&bench, "n")), (json!("b"), json!("b")));
}

#[test]
fn what_somebody_took_since_stays() {
    let bench = bench();
    let first = take(&bench, "m", "a");
    take(&bench, "m", "b");
    let path = format!("/api/v1/takes/{first}/undo");
    let problem = bench.post(&path, &json!({})).problem(409, "take-overtaken");
    assert_eq!((&problem["output"], shown(&bench, "m")), (&json!("m"), json!("b")));
    for unknown in ["999", "-1", "x"] {
        let path = format!("/api/v1/takes/{unknown}/undo");
        bench.post(&path, &json!({})).problem(404, "unknown-take");
    }
    bench.put("/api/v1/outputs/m/lock", &json!({})).expect(201);
    let last = bench.get("/api/v1/takes").expect(200)[0]["take"].clone();
    bench.post(&format!("/api/v1/takes/{last}/undo"), &json!({})).problem(409, "locked");
}

#[test]
fn an_output_goes_to_its_safe_source() {
    let bench = bench();
    let park = |park: Value| {
        let mut body = output("m", 6000);
        body["park"] = park;
        body
    };
    bench.put("/api/v1/outputs/m", &park(json!("b"))).expect(200);
    take(&bench, "m", "a");
    let parked = bench.post("/api/v1/outputs/m/park", &json!({})).expect(200);
    assert_eq!((&parked["input"], &parked["state"]), (&json!("b"), &json!("live")));
    // A display that registers itself anew does not lose it; it must be taken away on purpose.
    assert_eq!(bench.put("/api/v1/outputs/m", &output("m", 6000)).expect(200)["park"], "b");
    let users = bench.delete("/api/v1/inputs/b").status;
    assert_eq!(users, 409, "an input that is shown");
    take(&bench, "m", "a");
    bench.delete("/api/v1/inputs/b").problem(409, "in-use");
    assert!(bench.put("/api/v1/outputs/m", &park(json!(null))).expect(200)["park"].is_null());
    let parked = bench.post("/api/v1/outputs/m/park", &json!({})).expect(200);
    assert_eq!((&parked["input"], &parked["state"]), (&json!(null), &json!("none")));
    bench.delete("/api/v1/inputs/b").expect(204);

    let wrong = bench.put("/api/v1/outputs/m", &park(json!("x"))).problem(422, "invalid-value");
    assert_eq!(wrong["field"], "park");
    let mut narrow = park(json!("a"));
    narrow["accepts"] = json!([{
        "width": 1280, "height": 720, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10
    }]);
    bench.put("/api/v1/outputs/m", &narrow).problem(409, "format-not-accepted");
}
