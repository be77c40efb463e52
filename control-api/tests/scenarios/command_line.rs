//! The `ormatrix` command line against the API.

use std::process::{Command, Output};

use ormatrix_protocol::{SignalState, StandIn};
use serde_json::{Value, json};

use crate::bench::Bench;

fn ormatrix(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ormatrix"));
    command.env("ORMATRIX_URL", bench.url("")).args(arguments).output().unwrap()
}

#[track_caller]
fn done(output: &Output) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{} {out} {err}", output.status);
    out
}

#[track_caller]
fn failed(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stdout));
    text(&output.stderr)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// Both are read by the programs that they are for.
#[test]
fn completions_and_manual_pages() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ormatrix")).args(arguments).output();
        done(&output.unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("ormatrix.bash");
    std::fs::write(&script, run(&["completions", "bash"])).unwrap();
    let ask = "source \"$0\"; COMP_WORDS=(ormatrix sal); COMP_CWORD=1; \
               _ormatrix ormatrix sal ormatrix; echo \"${COMPREPLY[@]}\"";
    let completed = Command::new("bash").arg("-c").arg(ask).arg(&script).output().unwrap();
    assert_eq!(done(&completed), "salvo\n");

    let pages = folder.path().join("man1");
    run(&["man", pages.to_str().unwrap()]);
    for (page, words) in [("ormatrix.1", "SUBCOMMANDS"), ("ormatrix-output-add.1", "on\\-loss")] {
        let page = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(page.contains(words), "{page}");
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let arguments = ["man", file.to_str().unwrap()];
    let refused = Command::new(env!("CARGO_BIN_EXE_ormatrix")).args(arguments).output().unwrap();
    assert!(failed(&refused, 1).contains("/file: "), "names the file");
}

#[test]
fn a_session_of_a_technician() {
    let bench = Bench::new();
    let run = |arguments: &[&str]| ormatrix(&bench, arguments);
    let said = done(&run(&[
        "input",
        "add",
        "--label",
        "Endoscope 1",
        "--format",
        "1080p59.94",
        "--address",
        "127.0.0.1:5000",
    ]));
    assert_eq!(said, "added endoscope-1: 127.0.0.1:5000\n");
    done(&run(&[
        "input",
        "add",
        "--id",
        "twofold",
        "--format",
        "1080p60",
        "--address",
        "127.0.0.1:5002",
        "--address",
        "127.0.0.2:5002",
        "--merge-class",
        "B",
    ]));
    let json: Value = serde_json::from_str(&done(&run(&["input", "show", "twofold"]))).unwrap();
    assert_eq!(json["legs"][1]["address"], "127.0.0.2");
    assert_eq!(json["merge"]["skew_us"], 50_000);
    done(&run(&["input", "remove", "twofold"]));
    done(&run(&[
        "output",
        "add",
        "--id",
        "m",
        "--address",
        "127.0.0.1:6000",
        "--accepts",
        "1080p59.94",
    ]));
    assert!(done(&run(&["take", "m", "endoscope-1"])).starts_with("m: endoscope-1, live since"));
    let list = done(&run(&["input", "list"]));
    assert!(list.contains("1080p59.94 YCbCr-4:2:2 10-bit") && list.starts_with("INPUT"), "{list}");
    let json: Value = serde_json::from_str(&done(&run(&["--json", "output", "list"]))).unwrap();
    assert_eq!(json[0]["route"]["state"], "live");
    assert!(done(&run(&["output", "sdp", "m"])).starts_with("v=0\r\n"));
    assert!(done(&run(&["status"])).ends_with("All is well.\n"));
    assert_eq!(done(&run(&["clear", "m"])), "m: cleared\n");
    assert!(done(&run(&["salvo", "m=endoscope-1"])).contains("live"));
    done(&run(&["salvo", "m="]));
    assert_eq!(done(&run(&["input", "remove", "endoscope-1"])), "removed endoscope-1\n");
}

#[test]
fn a_technician_gives_and_takes_levels() {
    let bench = Bench::new();
    let run = |arguments: &str| ormatrix(&bench, &arguments.split_whitespace().collect::<Vec<_>>());
    let said = done(&run("input add --id a --format 1080p60 --address 127.0.0.1:5000 \
                          --audio-address 127.0.0.1:5001 --audio-channels 8 --ancillary-address \
                          127.0.0.1:5002 --frozen-ms 2000"));
    assert_eq!(said, "added a: 127.0.0.1:5000; audio 127.0.0.1:5001; ancillary 127.0.0.1:5002\n");
    done(&run(
        "input add --id b --format 1080p60 --address 127.0.0.1:5010 --backup a --back manual",
    ));
    let said = done(&run("output add --id m --address 127.0.0.1:6000 --audio-address \
                          127.0.0.1:6001 --ramp-ms 0 --on-loss slate"));
    assert_eq!(said, "added m: 127.0.0.1:6000; audio 127.0.0.1:6001\n");
    let json = |arguments: &str| -> Value { serde_json::from_str(&done(&run(arguments))).unwrap() };
    let a = json("input show a");
    assert_eq!(
        (&a["audio"]["format"]["channels"], &a["failover"]["frozen_ms"]),
        (&8.into(), &2000.into())
    );
    assert_eq!(json("input show b")["backups"][0], "a");
    let m = json("output show m");
    assert_eq!((&m["on_loss"], &m["audio"]["ramp_ms"]), (&"slate".into(), &0.into()));

    let said = done(&run("take m a"));
    assert!(said.starts_with("m: a, live") && said.contains("\nm audio: a, live"), "{said}");
    assert!(done(&run("take m a --levels audio")).starts_with("m audio: a, live"));
    assert!(failed(&run("take m b --levels audio"), 1).contains("has no audio"));
    assert_eq!(done(&run("clear m --levels audio")), "m audio: cleared\n");
    assert!(done(&run("output list")).contains("audio: none"));
    assert!(done(&run("salvo m:audio=a")).starts_with("m audio: a, live"));
    assert!(failed(&run("take m a --levels sound"), 1).contains("levels"));

    // What goes wrong is said in words.
    bench.model().set_stand_in("m", Some(StandIn::Backup("b".parse().unwrap())));
    bench.put("/api/v1/inputs/a/findings", &json!({ "frozen": true, "black": false })).expect(200);
    let status = run("status");
    failed(&status, 1);
    let status = text(&status.stdout);
    for part in ["a (BACKUP: b)", "ok, frozen", "shows the backup 'b'", "does not move since"] {
        assert!(status.contains(part), "no {part} in {status}");
    }
    bench.model().set_stand_in("m", Some(StandIn::Slate));
    let router = bench.running().app.router.clone();
    let m = "m".parse().unwrap();
    bench
        .until(|| router.read(|it| it.unwrap().outputs[&m].route.stand_in == Some(StandIn::Slate)));
    assert!(done(&run("output list")).contains("a (SLATE)"));
}

#[test]
fn a_technician_takes_at_a_time() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let run = |arguments: &[&str]| ormatrix(&bench, arguments);
    let said = done(&run(&["salvo", "m=a", "--at", "+60"]));
    assert!(said.starts_with("1 waits for 1") && said.contains("salvo cancel 1"), "{said}");
    let listed = done(&run(&["salvo", "list"]));
    assert!(listed.starts_with("TAKE") && listed.contains("m=a"), "{listed}");
    let json: Value = serde_json::from_str(&done(&run(&["--json", "salvo", "list"]))).unwrap();
    assert_eq!(json[0]["take"], 1);
    assert_eq!(done(&run(&["salvo", "cancel", "1"])), "called off 1\n");
    assert!(failed(&run(&["salvo", "cancel", "1"]), 1).contains("no salvo '1' waits"));
    assert!(failed(&run(&["salvo", "m=a", "--at", "soon"]), 1).contains("+2.5"));
    assert!(failed(&run(&["salvo", "m=a", "--at", "1"]), 1).contains("past"));
    failed(&run(&["salvo", "m=a", "--at", "+1", "--wait-ms", "5"]), 2);
    failed(&run(&["salvo"]), 2);
}

#[test]
fn a_technician_has_a_stream_measured() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    assert!(failed(&ormatrix(&bench, &["input", "analysis", "a"]), 1).contains("nobody measures"));
    let report = json!({
        "good": false, "seconds": 5.0, "until": "2026-01-31T09:30:00.000Z",
        "streams": [{ "kind": "video", "leg": 0, "rtp": { "packets": 7, "lost": 3 }, "good": false }],
        "failed": ["video leg 1: lost-packets: 3 (allowed: 0)"], "notes": [], "limits": [],
    });
    let measured = std::thread::scope(|scope| {
        bench.get("/api/v1/analysis/wanted").expect(200);
        let run = scope.spawn(|| ormatrix(&bench, &["input", "analysis", "a"]));
        // The watcher: it looks what is wanted, and delivers.
        while bench.get("/api/v1/analysis/wanted").expect(200)["inputs"] != json!(["a"]) {}
        bench.put("/api/v1/inputs/a/analysis", &report).expect(204);
        run.join().unwrap()
    });
    failed(&measured, 1);
    let said = text(&measured.stdout);
    for part in ["a: NOT GOOD, 5.0 s measured", "video leg 1", "lost-packets: 3 (allowed: 0)"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
}

#[test]
fn what_is_not_done_does_not_exit_with_0() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let run = |arguments: &[&str]| ormatrix(&bench, arguments);
    let said = failed(&run(&["take", "m", "x"]), 1);
    assert!(said.starts_with("ormatrix: Unknown input: there is no input 'x'"), "{said}");
    failed(&run(&["take", "m"]), 2);
    failed(&run(&["salvo", "m"]), 1);
    failed(&run(&["input", "add", "--label", "b", "--format", "x", "--address", "127.0.0.1:1"]), 1);
    bench.model().confirms = false;
    assert!(failed(&run(&["take", "m", "a", "--wait-ms", "0"]), 3).contains("not confirmed"));
    bench.model().set_signal("a", SignalState::Lost);
    let router = bench.running().app.router.clone();
    let id = "a".parse().unwrap();
    bench.until(|| router.read(|m| m.unwrap().inputs[&id].signal.state == SignalState::Lost));
    let status = run(&["status"]);
    failed(&status, 1);
    assert!(text(&status.stdout).contains("input 'a' is on a display and has no signal"));

    let mut nowhere = Command::new(env!("CARGO_BIN_EXE_ormatrix"));
    let said =
        failed(&nowhere.args(["--url", "http://127.0.0.1:1", "status"]).output().unwrap(), 1);
    assert!(said.contains("is ormatrix-control running there"), "{said}");
}

#[test]
fn options_that_would_do_nothing_are_neither_shown_nor_accepted() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ormatrix"));
        command.env("ORMATRIX_URL", "http://127.0.0.1:1").args(arguments).output().unwrap()
    };
    let shown = |arguments: &[&str], option: &str| done(&run(arguments)).contains(option);
    for help in [["help", "demo"], ["demo", "--help"]] {
        assert!(!shown(&help, "--url") && !shown(&help, "--json"), "{help:?}");
        assert!(shown(&help, "--headless"));
    }
    assert!(!shown(&["doctor", "--help"], "--url") && shown(&["doctor", "--help"], "--json"));
    for command in ["status", "take", "input"] {
        assert!(shown(&[command, "--help"], "--url") && shown(&[command, "--help"], "--json"));
    }
    for arguments in [
        &["demo", "--json"][..],
        &["--json", "demo"],
        &["demo", "--url", "http://127.0.0.1:1"],
        &["doctor", "--url", "http://127.0.0.1:1"],
    ] {
        let said = failed(&run(arguments), 2);
        assert!(said.contains("has no option '--"), "{said}");
    }
    // The environment may name an address for other commands.
    let found: Value = serde_json::from_slice(&run(&["--json", "doctor"]).stdout).unwrap();
    assert!(!found.is_null());
}

#[test]
fn a_technician_recalls_locks_and_goes_back() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.add_output("n", 6002);
    let run = |arguments: &str| ormatrix(&bench, &arguments.split_whitespace().collect::<Vec<_>>());
    let said = done(&run("preset add Time-out m=a n=? --label-in de=Pause --zone OR3"));
    assert_eq!(said, "added time-out: m=a n=?\n");
    let said = done(&run("preset preview time-out"));
    assert!(said.contains("take") && said.contains("open"), "{said}");
    let said = done(&run("preset recall time-out"));
    assert!(said.starts_with("left open: n\nm: a, live"), "{said}");
    assert!(done(&run("preset recall time-out n=b")).contains("n: b, live"));
    assert!(done(&run("preset recall time-out n=b")).contains("nothing to change"));
    assert!(done(&run("preset list")).contains("m=a n=?"));
    assert_eq!(done(&run("preset add Now --capture m --id now")), "added now: m=a\n");
    assert_eq!(done(&run("preset remove now")), "removed now\n");

    assert!(
        done(&run("--as Weber lock m --note why --minutes 5")).starts_with("m: locked by Weber")
    );
    assert!(failed(&run("take m b"), 1).contains("locked by Weber (why) until"));
    assert!(done(&run("lock list")).contains("Weber"));
    assert!(failed(&run("unlock m"), 1).contains("of Weber"));
    assert_eq!(done(&run("unlock m --force")), "m: unlocked\n");
    let taken: Value = serde_json::from_str(&done(&run("--json take m b"))).unwrap();
    assert!(done(&run("undo list")).contains("m: a > b"));
    assert!(done(&run(&format!("undo {}", taken["take"]))).starts_with("m: a, live"));
    assert!(failed(&run(&format!("undo {}", taken["take"])), 1).contains("later take"));
    assert_eq!(done(&run("park m")), "m: cleared\n");

    assert!(done(&run("zone set OR3 --label-in de=Saal")).starts_with("added OR3"));
    assert!(done(&run("zone set OR3 --label-in fr=Salle")).starts_with("changed OR3"));
    let zone: Value = serde_json::from_str(&done(&run("zone show OR3"))).unwrap();
    assert_eq!(zone["labels"], json!({ "de": "Saal", "fr": "Salle" }));
    assert!(done(&run("zone list")).contains("no plan"));
}

#[test]
fn a_technician_keeps_the_site_in_a_file() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let file = bench.directory.path().join("site.toml");
    let file = file.to_str().unwrap();
    let run = |arguments: &[&str]| ormatrix(&bench, arguments);
    done(&run(&["export", file]));
    assert_eq!(done(&run(&["apply", file])), "nothing would change\n");
    let text = std::fs::read_to_string(file).unwrap();
    let (before, _) = text.split_once("\n[[output]]").unwrap();
    std::fs::write(file, before.replace("label = \"A\"", "label = \"First\"")).unwrap();
    let said = done(&run(&["apply", file, "--dry-run"]));
    let expected = "~ input a\n    label: \"A\" -> \"First\"\n\
                    - output m, which shows a now and goes dark\n2 things would change\n";
    assert_eq!(said, expected);
    let said = failed(&run(&["apply", file]), 1);
    assert!(said.contains("--yes"), "{said}");
    bench.get("/api/v1/outputs/m").expect(200);
    assert!(done(&run(&["apply", file, "--yes"])).ends_with("2 things changes\napplied\n"));
    bench.get("/api/v1/outputs/m").problem(404, "unknown-output");
    std::fs::write(file, "[[input]]\nid = 7\n").unwrap();
    assert!(failed(&run(&["apply", file, "--yes"]), 1).contains("line 2"));
    assert!(failed(&run(&["apply", "/nowhere/site.toml"]), 1).contains("/nowhere/site.toml"));
}

#[test]
fn a_technician_calls_what_has_no_command() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let run = |arguments: &[&str]| ormatrix(&bench, arguments);
    assert_eq!(done(&run(&["api", "get", "/livez"])), "ok\n");
    let zones: Value = serde_json::from_str(&done(&run(&["api", "GET", "zones"]))).unwrap();
    assert_eq!(zones[0]["name"], "OR 3");
    let body = bench.directory.path().join("monitor.json");
    let leg = json!({ "leg": { "address": "127.0.0.1", "port": 7000 } });
    std::fs::write(&body, leg.to_string()).unwrap();
    let body = body.to_str().unwrap();
    let made = done(&run(&["api", "put", "/api/v1/inputs/a/monitor", "--body", body]));
    assert!(made.contains("7000"), "{made}");
    assert_eq!(done(&run(&["api", "delete", "inputs/a/monitor"])), "");
    assert!(failed(&run(&["api", "delete", "inputs/a/monitor"]), 1).contains("no monitor"));
    assert!(failed(&run(&["api", "get", "zones", "--body", body]), 1).contains("has no body"));
}
