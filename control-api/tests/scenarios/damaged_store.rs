//! The database cannot be used: pictures are switched and everything is read as the router
//! has it; nothing is changed, the file least of all, until a backup is restored.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_protocol::Command as Asked;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, input, output},
    fake_router::Model,
};

/// Two inputs, an output that shows the first, and a backup; the database is damaged then.
fn damaged(how: impl FnOnce(&mut Vec<u8>)) -> (Bench, PathBuf, Vec<u8>, Value) {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let before = bench.get("/api/v1/inputs").expect(200);
    let name = "control.sqlite3.schema-1.20260131T093000.123Z.backup";
    let backup = bench.directory.path().join(name);
    fs::write(&backup, bench.get("/api/v1/backup").octets).unwrap();
    bench.stop_control();
    until_closed(&bench);
    let database = bench.directory.path().join("control.sqlite3");
    let mut octets = fs::read(&database).unwrap();
    how(&mut octets);
    fs::write(&database, &octets).unwrap();
    bench.model().commands.clear();
    bench.start_control();
    bench.until_reconciled();
    (bench, backup, octets, before)
}

/// Waits until the last of a control plane that has been stopped has let go of its database,
/// which takes its log along.
fn until_closed(bench: &Bench) {
    let log = bench.directory.path().join("control.sqlite3-wal");
    let never = SystemClock.now() + 60_000_000_000;
    while log.exists() {
        assert!(SystemClock.now() < never, "the database stays open");
        std::thread::yield_now();
    }
}

#[test]
fn everything_but_changes_goes_on_from_the_routers_truth() {
    let (mut bench, backup, octets, before) = damaged(|octets| octets[4096..].fill(0xa5));
    assert_eq!(bench.model().commands, [], "nothing is asked of the router, nothing taken away");
    let seen = bench.get("/api/v1/inputs").expect(200);
    for n in 0..2 {
        for known in ["id", "label", "video", "legs", "payload_type", "signal"] {
            assert_eq!(seen[n][known], before[n][known], "{known}");
        }
        // Only people know where it stands.
        assert_eq!(seen[n]["zone"], "");
    }
    let shown = bench.get("/api/v1/outputs/m").expect(200);
    assert_eq!((&shown["label"], &shown["accepts"]), (&json!("m"), &json!("any")));
    assert_eq!((&shown["route"]["input"], &shown["route"]["state"]), (&json!("a"), &json!("live")));
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "b" })).expect(200);
    bench.delete("/api/v1/outputs/m/route").expect(200);
    let salvo = json!({ "routes": [{ "output": "m", "input": "a" }] });
    bench.post("/api/v1/salvos", &salvo).expect(200);

    bench.model().commands.clear();
    for answer in [
        bench.post("/api/v1/inputs", &input("c", 5004)),
        bench.put("/api/v1/inputs/a", &input("a", 5004)),
        bench.delete("/api/v1/inputs/b"),
        bench.post("/api/v1/outputs", &output("n", 6002)),
        bench.put("/api/v1/outputs/m", &output("m", 6004)),
        bench.delete("/api/v1/outputs/m"),
        bench.get("/api/v1/backup"),
    ] {
        let problem = answer.problem(503, "store-read-only");
        assert_eq!(problem["backup"], backup.to_str().unwrap(), "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("control.sqlite3 cannot be used: it is damaged"), "{detail}");
        assert!(detail.contains("restore a backup (the latest here is"), "{detail}");
    }
    assert_eq!(bench.model().commands, []);

    let ready = bench.get("/readyz").expect(503);
    assert_eq!((&ready["database"], &ready["router"]), (&json!(false), &json!(true)));
    let said = ready["detail"].as_str().unwrap();
    assert!(said.contains("it is damaged") && said.contains("restore a backup"), "{said}");
    let mut status = Command::new(env!("CARGO_BIN_EXE_ormatrix"));
    let status = status.arg("status").env("ORMATRIX_URL", bench.url("")).output().unwrap();
    assert_eq!(status.status.code(), Some(1));
    let text = String::from_utf8(status.stdout).unwrap();
    assert!(text.contains("Not well") && text.contains(said), "{text}");

    // The router has something else after it was away: that is the truth now.
    bench.stop_router();
    let kept = bench.model().inputs.remove(&"a".parse().unwrap()).unwrap();
    let now =
        Model { instance: 2, inputs: [(kept.spec.id.clone(), kept)].into(), ..Model::default() };
    *bench.model() = now;
    assert_eq!(bench.get("/api/v1/inputs").expect(200).as_array().unwrap().len(), 2);
    bench.start_router();
    bench.until_reconciled();
    assert_eq!(bench.get("/api/v1/inputs").expect(200).as_array().unwrap().len(), 1);
    assert_eq!(bench.get("/api/v1/outputs").expect(200), json!([]));
    assert_eq!(bench.model().commands, []);

    let database = bench.directory.path().join("control.sqlite3");
    assert!(fs::read(&database).unwrap() == octets, "the damaged file was touched");

    // As docs/backup.md tells by hand: put the backup in its place and restart.
    bench.stop_control();
    fs::rename(&database, bench.directory.path().join("damaged")).unwrap();
    fs::copy(&backup, &database).unwrap();
    bench.start_control();
    bench.until_reconciled();
    assert_eq!(bench.get("/readyz").expect(200)["ready"], true);
    let restored = bench.get("/api/v1/inputs").expect(200);
    assert_eq!((&restored[0]["zone"], restored.as_array().unwrap().len()), (&json!("OR 3"), 2));
    assert_eq!(bench.model().outputs.len(), 1);
    bench.put("/api/v1/inputs/c", &input("c", 5004)).expect(201);
}

fn restore(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ormatrix"));
    command.env("ORMATRIX_URL", bench.url("")).arg("restore").args(arguments).output().unwrap()
}

#[test]
fn a_backup_is_restored_while_pictures_flow() {
    let (mut bench, backup, octets, before) = damaged(|octets| octets[4096..].fill(0xa5));
    let path = backup.to_str().unwrap();
    let (_, outputs, ..) = bench.everything();
    // A look changes nothing, and neither does a backup that cannot be used.
    let looked = restore(&bench, &[path, "--dry-run"]);
    assert!(looked.status.success(), "{looked:?}");
    let said = String::from_utf8(looked.stdout).unwrap();
    assert!(said.starts_with(&format!("{path}: 2 inputs, 1 outputs, 0 presets\n")), "{said}");
    assert!(said.contains("~ input a"), "{said}");
    // Nobody is there to be asked.
    assert_eq!(restore(&bench, &[path]).status.code(), Some(1));
    let wrong = bench.directory.path().join("wrong");
    fs::write(&wrong, &octets).unwrap();
    let refused = restore(&bench, &[wrong.to_str().unwrap(), "--yes"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("it is damaged") && said.contains("nothing was changed"), "{said}");
    assert_eq!(bench.get("/readyz").expect(503)["database"], false);
    let database = bench.directory.path().join("control.sqlite3");
    assert!(fs::read(&database).unwrap() == octets, "the damaged file was touched");

    // A log of the damaged one lies about.
    fs::write(bench.directory.path().join("control.sqlite3-wal"), "log").unwrap();
    let take = bench.model().take;
    let done = restore(&bench, &[path, "--yes"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(bench.get("/readyz").expect(200)["ready"], true);
    assert_eq!(bench.get("/api/v1/inputs").expect(200), before, "with zones, as it was");
    let shown = bench.get("/api/v1/outputs").expect(200);
    assert_eq!((&shown[0]["label"], &shown[0]["route"]), (&json!("M"), &outputs[0]["route"]));
    assert_eq!(bench.model().take, take, "nothing was taken");
    bench.put("/api/v1/inputs/c", &input("c", 5004)).expect(201);
    // What was there is kept beside it.
    let aside = fs::read_dir(bench.directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = aside.filter(|p| p.extension().is_some_and(|e| e == "set-aside")).collect();
    for content in [octets.as_slice(), b"log"] {
        assert!(aside.iter().any(|path| fs::read(path).unwrap() == content), "{aside:?}");
    }

    bench.stop_control();
    bench.start_control();
    bench.until_reconciled();
    assert_eq!(bench.get("/api/v1/inputs").expect(200).as_array().unwrap().len(), 3);
    // A database that can be read stays, and is brought to the backup.
    let done = restore(&bench, &[path, "--yes"]);
    assert!(String::from_utf8(done.stdout).unwrap().contains("- input c"), "said what goes");
    assert_eq!(bench.get("/api/v1/inputs").expect(200), before);
    assert_eq!(bench.model().inputs.len(), 2);
    let headers = [("content-type", "application/json")];
    let json = bench.call("POST", "/api/v1/restore", &headers, Some(b"{}"));
    json.problem(415, "unsupported-media-type");
}

#[test]
fn without_a_router_there_is_nothing_to_show_and_nothing_to_lose() {
    let mut bench = Bench::without_router(Model::default());
    fs::write(bench.directory.path().join("control.sqlite3"), "no database").unwrap();
    bench.start_control();
    assert_eq!(bench.get("/api/v1/inputs").expect(200), json!([]));
    let detail = bench.get("/readyz").expect(503)["detail"].clone();
    assert!(detail.as_str().unwrap().contains("there is none beside it"), "{detail}");
    bench.post("/api/v1/inputs", &input("c", 5004)).problem(503, "store-read-only");
}

#[test]
fn a_file_taken_away_while_in_use_is_told() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let database = bench.directory.path().join("control.sqlite3");
    fs::rename(&database, bench.directory.path().join("away")).unwrap();
    let before = bench.everything();
    let problem = bench.post("/api/v1/inputs", &input("b", 5002)).problem(503, "store-read-only");
    assert!(problem["detail"].as_str().unwrap().contains("taken away while in use"), "{problem}");
    assert_eq!(bench.everything(), before);
    // From now on the router is not even asked.
    bench.model().commands.clear();
    bench.put("/api/v1/inputs/a", &input("a", 5004)).problem(503, "store-read-only");
    assert!(!bench.model().commands.iter().any(|asked| matches!(asked, Asked::PutInput(_))));
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    assert_eq!(bench.get("/readyz").expect(503)["database"], false);
    assert_eq!(bench.get("/api/v1/backup").status, 200, "what is configured can still be kept");
}
