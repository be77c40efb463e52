//! The database takes its time: no take waits for it, and the change stays whole or undone.
//!
//! Another program holds the database's lock, so that a commit waits, for up to the five
//! seconds after which SQLite gives up.

use std::thread::{self, ScopedJoinHandle};

use ormatrix_protocol::Command;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, input, output, video};

/// Two inputs; `m` takes only their format, `n` any.
fn set_up() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    let mut picky = output("m", 6000);
    picky["accepts"] = json!([video()]);
    bench.put("/api/v1/outputs/m", &picky).expect(201);
    bench.add_output("n", 6002);
    bench
}

fn hold(bench: &Bench) -> Connection {
    let other = Connection::open(bench.directory.path().join("control.sqlite3")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// The change, once the router has done its part of it and only the disk is missing.
fn under_way<'scope>(
    bench: &Bench,
    change: ScopedJoinHandle<'scope, Answer>,
    asked: impl Fn(&Command) -> bool,
) -> ScopedJoinHandle<'scope, Answer> {
    bench.until(|| bench.model().commands.iter().any(&asked));
    change
}

fn take(bench: &Bench, output: &str, input: &str) -> Answer {
    bench.put(&format!("/api/v1/outputs/{output}/route"), &json!({ "input": input }))
}

fn other_format(id: &str, port: u16) -> Value {
    let mut body = input(id, port);
    body["video"]["width"] = 1280.into();
    body["video"]["height"] = 720.into();
    body
}

#[test]
fn a_take_does_not_wait_for_a_commit() {
    let bench = set_up();
    let other = hold(&bench);
    let changed = thread::scope(|scope| {
        let change = scope.spawn(|| bench.post("/api/v1/inputs", &input("c", 5004)));
        let new = |c: &Command| matches!(c, Command::PutInput(spec) if spec.id.as_str() == "c");
        let change = under_way(&bench, change, new);
        assert_eq!(take(&bench, "m", "a").expect(200)["state"], "live");
        bench.delete("/api/v1/outputs/m/route").expect(200);
        let salvo = json!({ "routes": [{ "output": "m", "input": "b" }] });
        bench.post("/api/v1/salvos", &salvo).expect(200);
        // What the database has not is not there yet.
        take(&bench, "m", "c").problem(404, "unknown-input");
        bench.get("/api/v1/inputs/c").problem(404, "unknown-input");
        assert!(!change.is_finished(), "the takes waited");
        other.execute_batch("ROLLBACK").unwrap();
        change.join().unwrap()
    });
    changed.expect(201);
    take(&bench, "m", "c").expect(200);
}

#[test]
fn a_take_during_a_commit_is_right_whichever_way_it_ends() {
    for fails in [false, true] {
        let bench = set_up();
        let other = hold(&bench);
        let changed = thread::scope(|scope| {
            let change = scope.spawn(|| bench.put("/api/v1/inputs/a", &other_format("a", 5000)));
            let new = |c: &Command| matches!(c, Command::PutInput(s) if s.video.width == 1280);
            let change = under_way(&bench, change, new);
            take(&bench, "m", "a").problem(409, "format-not-accepted");
            take(&bench, "n", "a").expect(200);
            assert!(!change.is_finished(), "the takes waited");
            if fails {
                let full = "CREATE TRIGGER full BEFORE INSERT ON inputs \
                            BEGIN SELECT RAISE(ABORT, 'the disk is full'); END; COMMIT";
                other.execute_batch(full).unwrap();
            } else {
                other.execute_batch("ROLLBACK").unwrap();
            }
            change.join().unwrap()
        });
        let width = if fails {
            changed.problem(500, "database");
            1920
        } else {
            changed.expect(200);
            1280
        };
        assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["video"]["width"], width);
        let (a, n) = ("a".parse().unwrap(), "n".parse().unwrap());
        assert_eq!(bench.model().inputs[&a].spec.video.width, width);
        assert_eq!(bench.model().outputs[&n].route.input, Some(a));
    }
}

#[test]
fn an_input_that_the_disk_refuses_was_never_shown() {
    let bench = set_up();
    let before = bench.everything();
    let other = hold(&bench);
    thread::scope(|scope| {
        let change = scope.spawn(|| bench.post("/api/v1/inputs", &input("c", 5004)));
        let new = |c: &Command| matches!(c, Command::PutInput(spec) if spec.id.as_str() == "c");
        let change = under_way(&bench, change, new);
        take(&bench, "n", "c").problem(404, "unknown-input");
        let full = "CREATE TRIGGER full BEFORE INSERT ON inputs \
                    BEGIN SELECT RAISE(ABORT, 'the disk is full'); END; COMMIT";
        other.execute_batch(full).unwrap();
        change.join().unwrap().problem(500, "database");
    });
    assert_eq!(bench.everything(), before);
}
