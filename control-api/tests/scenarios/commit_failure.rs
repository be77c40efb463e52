//! The database fails after the router has done its part: the router is put back.

use ormatrix_protocol::Command;
use rusqlite::Connection;
use serde_json::json;

use crate::bench::{Bench, input, output};

#[test]
fn a_failed_commit_is_undone_at_the_router() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let other = Connection::open(bench.directory.path().join("control.sqlite3")).unwrap();
    for table in ["inputs", "outputs"] {
        for moment in ["INSERT", "DELETE"] {
            let name = format!("full_{table}_{moment}");
            let sql = format!(
                "CREATE TRIGGER {name} BEFORE {moment} ON {table} \
                 BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            );
            other.execute_batch(&sql).unwrap();
        }
    }
    let routes = |bench: &Bench| bench.model().outputs[&"m".parse().unwrap()].route.input.clone();
    let before = bench.everything();
    let problem = bench.post("/api/v1/inputs", &input("b", 5002)).problem(500, "database");
    assert!(problem["detail"].as_str().unwrap().contains("the disk is full"), "{problem}");
    bench.put("/api/v1/inputs/a", &input("a", 5004)).problem(500, "database");
    bench.post("/api/v1/outputs", &output("n", 6002)).problem(500, "database");
    bench.put("/api/v1/outputs/m", &output("m", 6004)).problem(500, "database");
    assert_eq!(bench.everything(), before);
    assert!(bench.model().commands.iter().any(|c| matches!(c, Command::RemoveInput { .. })));

    // A removed output comes back with what it showed.
    bench.delete("/api/v1/outputs/m").problem(500, "database");
    assert_eq!(routes(&bench).map(|id| id.to_string()).as_deref(), Some("a"));
    assert_eq!(bench.everything().2, before.2);
}
