//! `ormatrix demo` and `ormatrix doctor` as a person runs them.

use std::{fs, net::TcpListener, process::Command, time::Duration};

use ormatrix_tests::{
    matrix::{request, try_request},
    process::program,
    watched::{Watched, all_gone, children, signal, until},
};
use serde_json::{Value, json};

/// A demo of small pictures, ready.
struct Demo {
    process: Watched,
    url: String,
    folder: tempfile::TempDir,
}

impl Demo {
    fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = Watched::start(
            Command::new(program("ormatrix"))
                .current_dir(folder.path())
                .args(["demo", "--headless", "--listen", "127.0.0.1:0"])
                .args(["--format", "640x360p25"])
                .args(options),
        );
        // The very first line: before everything is up, nothing is said there.
        let line = process.line().unwrap_or_else(|| panic!("{}", process.rest()));
        let url = line.strip_prefix("ready ").unwrap_or_else(|| panic!("{line}")).to_owned();
        let env = fs::read_to_string(folder.path().join("target/demo/env")).unwrap();
        assert_eq!(env, format!("ORMATRIX_URL={url}\n"));
        Self { process, url, folder }
    }

    fn get(&self, path: &str) -> Value {
        request("GET", &format!("{}/api/v1{path}", self.url), "", b"").ok()
    }

    /// Ends it as Ctrl-C does, and makes sure that nothing is left; what the judges saw.
    fn end(mut self) -> Vec<String> {
        let started = children(self.process.id());
        self.process.signal("INT");
        assert!(self.process.end().success(), "{}", self.process.rest());
        all_gone(&started);
        let left = fs::read_dir(self.folder.path().join("target/demo")).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["lock", "log"]);
        std::iter::from_fn(|| self.process.line()).collect()
    }
}

fn live(outputs: &Value) -> bool {
    let outputs = outputs.as_array().map(Vec::as_slice).unwrap_or_default();
    !outputs.is_empty() && outputs.iter().all(|output| output["route"]["state"] == "live")
}

#[test]
fn a_demo_is_live_when_it_says_ready_and_leaves_nothing_behind() {
    let demo = Demo::start(&[]);
    let inputs = demo.get("/inputs");
    assert_eq!(inputs.as_array().unwrap().len(), 3);
    assert!(inputs.as_array().unwrap().iter().all(|input| input["signal"]["state"] == "ok"));
    let outputs = demo.get("/outputs");
    assert_eq!(outputs.as_array().unwrap().len(), 2);
    assert!(live(&outputs), "{outputs:#}");
    // Router, control plane, stills, three sources, two judges.
    assert_eq!(children(demo.process.id()).len(), 8);

    let take = json!({"input": "xray", "wait_ms": 5000}).to_string();
    let url = format!("{}/api/v1/outputs/main/route", demo.url);
    let taken = request("PUT", &url, "application/json", take.as_bytes());
    assert_eq!((taken.status, &taken.json()["state"]), (200, &json!("live")), "{taken:?}");
    let judged = demo.end();
    assert_eq!(judged.len(), 2, "{judged:?}");
    for line in judged {
        assert!(!line.contains("mixed") && !line.contains("duplicated"), "{line}");
    }
}

#[test]
fn a_demo_ends_by_itself_when_told_how_long() {
    let mut demo = Demo::start(&["--seconds", "1", "--inputs", "1", "--outputs", "1"]);
    let started = children(demo.process.id());
    assert!(demo.process.end().success());
    all_gone(&started);
    let judged = demo.process.line().unwrap();
    assert!(judged.contains(" frames with audio and ancillary, "), "{judged}");
}

#[test]
fn what_dies_is_started_again_and_said() {
    let demo = Demo::start(&["--outputs", "1"]);
    for (program, name) in [
        ("ormatrix-router", "router"),
        ("ormatrix-control", "control"),
        ("ormatrix-source", "source "),
        ("ormatrix-sink check", "sink main"),
    ] {
        let running = children(demo.process.id());
        let (id, _) = running.iter().find(|(_, line)| line.contains(program)).unwrap();
        signal(*id, "KILL");
        let said = demo.process.says("is started again");
        assert!(said.contains(name) && said.contains("signal 9"), "{said}");
        let url = format!("{}/api/v1/outputs", demo.url);
        let back = until(Duration::from_mins(1)).any(|()| {
            children(demo.process.id()).len() == 7
                && try_request("GET", &url, "", b"").is_ok_and(|answer| live(&answer.json()))
        });
        assert!(back, "{name} did not come back");
    }
    demo.end();
}

#[test]
fn what_keeps_dying_ends_the_demo_with_a_reason() {
    let mut demo = Demo::start(&["--inputs", "1", "--outputs", "1"]);
    let started = children(demo.process.id());
    for _ in 0..5 {
        let source = until(Duration::from_secs(30)).find_map(|()| {
            let running = children(demo.process.id());
            running.into_iter().find(|(_, line)| line.contains("ormatrix-source"))
        });
        let source = source.expect("it is started again");
        signal(source.0, "KILL");
        all_gone(&[source]);
    }
    assert_eq!(demo.process.end().code(), Some(1));
    let said = demo.process.rest();
    assert!(said.contains("5 times within 30 s") && said.contains("last words"), "{said}");
    all_gone(&started);
}

#[test]
fn a_demo_that_is_killed_takes_everything_with_it() {
    let mut demo = Demo::start(&[]);
    let started = children(demo.process.id());
    assert_eq!(started.len(), 8, "{started:#?}");
    demo.process.signal("KILL");
    assert!(!demo.process.end().success());
    all_gone(&started);
}

#[test]
fn a_busy_port_is_named_and_nothing_is_started() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut process =
        Watched::start(Command::new(program("ormatrix")).current_dir(folder.path()).args([
            "demo",
            "--headless",
            "--listen",
            &address,
        ]));
    assert_eq!(process.end().code(), Some(1));
    let said = process.rest();
    let port = holder.local_addr().unwrap().port().to_string();
    assert!(said.contains(&port) && said.contains("in use") && said.contains("--listen"), "{said}");
    assert!(!folder.path().join("target").exists());
    assert_eq!(process.line(), None);
}

#[test]
fn a_format_that_is_none_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut process =
        Watched::start(Command::new(program("ormatrix")).current_dir(folder.path()).args([
            "demo",
            "--headless",
            "--listen",
            "127.0.0.1:0",
            "--format",
            "wide",
        ]));
    assert_eq!(process.end().code(), Some(1));
    let said = process.rest();
    assert!(said.contains("'wide' is not a format") && said.contains("1080p60"), "{said}");
    assert!(!folder.path().join("target").exists());
}

#[test]
fn the_doctor_tells_by_its_exit_status_whether_something_is_missing() {
    let json = Command::new(program("ormatrix")).args(["doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json.status.success(), report["verdict"] != "missing");
    let findings = report["findings"].as_array().unwrap();
    let missing = findings.iter().any(|finding| finding["verdict"] == "missing");
    assert_eq!(missing, report["verdict"] == "missing");
    let text = Command::new(program("ormatrix")).arg("doctor").output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    for finding in findings {
        assert!(text.contains(finding["check"].as_str().unwrap()), "{finding}");
    }
}
