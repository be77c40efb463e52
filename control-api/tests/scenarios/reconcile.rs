//! Inventory and router are brought together on every connection.

use ormatrix_protocol::{Command, InputId, OutputId, Refusal, RouteState};
use serde_json::json;

use crate::{
    bench::{Bench, input},
    fake_router::Model,
};

#[test]
fn a_router_that_forgot_everything_gets_it_back() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.stop_router();
    *bench.model() = Model { instance: 2, ..Model::default() };
    bench.start_router();
    bench.until_reconciled();
    assert_eq!(bench.model().inputs.len(), 1);
    assert_eq!(bench.model().outputs.len(), 1);
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["signal"]["state"], "ok");
}

#[test]
fn what_the_inventory_lacks_goes_unless_it_is_shown() {
    let mut bench = Bench::new();
    for (id, port) in [("a", 5000), ("b", 5002), ("c", 5004)] {
        bench.add_input(id, port);
    }
    for (id, port) in [("m", 6000), ("n", 6002), ("o", 6004)] {
        bench.add_output(id, port);
    }
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench.put("/api/v1/outputs/n/route", &json!({ "input": "b" })).expect(200);
    bench.stop_control();
    std::fs::remove_file(bench.directory.path().join("control.sqlite3")).unwrap();
    for tail in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(bench.directory.path().join(format!("control.sqlite3{tail}")));
    }
    bench.start_control();
    bench.until_reconciled();
    let model = bench.model();
    let inputs: Vec<_> = model.inputs.keys().map(InputId::as_str).collect();
    let outputs: Vec<_> = model.outputs.keys().map(OutputId::as_str).collect();
    assert_eq!((inputs, outputs), (vec!["a", "b"], vec!["m", "n"]));
    assert!(model.outputs.values().all(|o| o.route.state == RouteState::Live));
}

#[test]
fn what_differs_is_put_and_routes_stay() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench.stop_router();
    {
        let mut model = bench.model();
        model.inputs.values_mut().next().unwrap().spec.payload_type = 99;
        model.outputs.values_mut().next().unwrap().spec.ttl = 1;
        model.commands.clear();
    }
    bench.start_router();
    bench.until_reconciled();
    let model = bench.model();
    assert_eq!(model.inputs.values().next().unwrap().spec.payload_type, 112);
    assert_eq!(model.outputs.values().next().unwrap().spec.ttl, 64);
    assert_eq!(model.commands.len(), 2);
    let route = &model.outputs.values().next().unwrap().route;
    assert_eq!((route.state, route.take), (RouteState::Live, 1));
}

#[test]
fn what_the_router_refuses_is_shown_with_its_reason() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.stop_router();
    let refuse = |command: &Command| match command {
        Command::PutInput(spec) if spec.id.as_str() == "a" => {
            Some(Refusal::PortInUse { address: "127.0.0.1".parse().unwrap(), port: 5000 })
        }
        _ => None,
    };
    *bench.model() = Model { instance: 2, refuse: Box::new(refuse), ..Model::default() };
    bench.start_router();
    bench.until_reconciled();
    let seen = bench.get("/api/v1/inputs/a").expect(200);
    assert!(seen["fault"].as_str().unwrap().contains("in use by another program"), "{seen}");
    assert_eq!(seen["signal"]["state"], "unknown");
    assert_eq!(bench.get("/api/v1/inputs/b").expect(200).get("fault"), None);

    // Whoever mends it by another address need not wait.
    bench.put("/api/v1/inputs/a", &input("a", 5004)).problem(409, "port-in-use");
    bench.model().refuse = Box::new(|_| None);
    let mended = bench.put("/api/v1/inputs/a", &input("a", 5004)).expect(200);
    assert_eq!((mended.get("fault"), &mended["signal"]["state"]), (None, &json!("ok")));
}
