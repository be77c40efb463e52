//! A request whose answer got lost is sent again and not done again.

use ormatrix_protocol::Command;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, input};

fn keyed(bench: &Bench, method: &str, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    bench.call(method, path, &headers, Some(body.to_string().as_bytes()))
}

fn salvos(bench: &Bench) -> usize {
    let model = bench.model();
    model.commands.iter().filter(|command| matches!(command, Command::Salvo { .. })).count()
}

#[test]
fn what_was_done_is_not_done_twice() {
    let bench = Bench::new();
    let mut body = input("x", 5000);
    body.as_object_mut().unwrap().remove("id");
    let first = keyed(&bench, "POST", "/api/v1/inputs", "k1", &body);
    let again = keyed(&bench, "POST", "/api/v1/inputs", "k1", &body);
    assert_eq!(
        (again.header("idempotency-replayed"), first.header("idempotency-replayed")),
        ("true", "")
    );
    assert_eq!(again.header("location"), "/api/v1/inputs/x");
    assert_eq!(first.expect(201), again.expect(201));
    assert_eq!(bench.get("/api/v1/inputs").expect(200).as_array().unwrap().len(), 1);

    bench.add_output("m", 6000);
    let salvo = json!({ "routes": [{ "output": "m", "input": "x" }] });
    let first = keyed(&bench, "POST", "/api/v1/salvos", "k2", &salvo).expect(200);
    // In between somebody else has taken something: the retry must not take that back.
    bench.delete("/api/v1/outputs/m/route").expect(200);
    assert_eq!(keyed(&bench, "POST", "/api/v1/salvos", "k2", &salvo).expect(200), first);
    assert_eq!(salvos(&bench), 2);
    assert!(bench.get("/api/v1/outputs/m").expect(200)["route"]["input"].is_null());
    // Another key, or none, is another request.
    keyed(&bench, "POST", "/api/v1/salvos", "k3", &salvo).expect(200);
    bench.post("/api/v1/salvos", &salvo).expect(200);
    assert_eq!(salvos(&bench), 4);
}

#[test]
fn a_key_belongs_to_one_request_of_one_client() {
    let bench = Bench::new();
    keyed(&bench, "POST", "/api/v1/inputs", "k", &input("a", 5000)).expect(201);
    let other = keyed(&bench, "POST", "/api/v1/inputs", "k", &input("b", 5002));
    assert_eq!(other.problem(422, "key-reused")["key"], "k");
    keyed(&bench, "POST", "/api/v1/outputs", "k", &input("a", 5000)).problem(422, "key-reused");
    let headers =
        [("content-type", "application/json"), ("idempotency-key", "k"), ("ormatrix-actor", "b")];
    let body = input("b", 5002).to_string();
    bench.call("POST", "/api/v1/inputs", &headers, Some(body.as_bytes())).expect(201);
    for wrong in ["", "a key", &"k".repeat(129)] {
        let problem = keyed(&bench, "POST", "/api/v1/inputs", wrong, &input("c", 5004));
        assert_eq!(problem.problem(422, "invalid-value")["field"], "Idempotency-Key");
    }
}

#[test]
fn a_refusal_is_repeated_and_a_fault_is_tried_again() {
    let mut bench = Bench::new();
    let path = "/api/v1/outputs/m/route";
    let take = json!({ "input": "a" });
    keyed(&bench, "PUT", path, "k1", &take).problem(404, "unknown-output");
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    keyed(&bench, "PUT", path, "k1", &take).problem(404, "unknown-output");
    bench.stop_router();
    keyed(&bench, "PUT", path, "k2", &take).problem(503, "router-not-connected");
    bench.start_router();
    bench.until_reconciled();
    keyed(&bench, "PUT", path, "k2", &take).expect(200);
}

#[test]
fn two_of_one_at_once_are_one() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let salvo = json!({ "routes": [{ "output": "m", "input": "a" }] });
    let takes: Vec<Value> = std::thread::scope(|scope| {
        let one =
            || keyed(&bench, "POST", "/api/v1/salvos", "k", &salvo).expect(200)["take"].clone();
        let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(takes.iter().all(|take| *take == takes[0]), "{takes:?}");
    assert_eq!(salvos(&bench), 1);
}
