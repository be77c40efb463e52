//! The control process restarts on the same database.

use serde_json::json;

use crate::bench::Bench;

#[test]
fn a_restart_shows_the_same_inventory_and_the_routers_routes() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let before = bench.everything();
    bench.model().commands.clear();
    bench.stop_control();
    bench.start_control();
    bench.until_reconciled();
    assert_eq!(bench.everything(), before);
    assert_eq!(bench.model().commands, [], "nothing differed, so nothing was asked");

    // Without the router, the inventory is there all the same.
    bench.stop_control();
    bench.router = None;
    bench.start_control();
    assert_eq!(bench.get("/api/v1/inputs").expect(200).as_array().unwrap().len(), 2);
}
