//! Failover, slates and the watcher at work on every input at once, between programs as they
//! are shipped: sources die, freeze, turn black and change their format, every display shows
//! what it shall show instead, and no packet is missing anywhere. The watcher needs
//! `CAP_NET_RAW`, as root has it.

use std::thread;

use crossbeam_channel::{Receiver, unbounded};
use ormatrix_io::{Clock, SystemClock};
use ormatrix_tests::{
    Matrix, Process,
    matrix::{events, free_port},
    media::{assert_clean, assert_no_defect, check, skipped_frames, source, video},
    process::{own, run},
};
use serde_json::{Value, json};

const FORMAT: &str = "320x180p25";

/// What happens to each input, which is also its id; `spare` is the backup of all others but
/// `alone`, which has none.
const INPUTS: [&str; 7] = ["steady", "killed", "frozen", "black", "changed", "alone", "spare"];

/// A clip that moves for four seconds and then does not: made by FFmpeg.
fn clip(matrix: &Matrix, name: &str, then: &str) -> String {
    let file = matrix.folder().join(format!("{name}.avi")).display().to_string();
    let picture = "testsrc2=size=320x180:rate=25:duration=4";
    let pad = format!("tpad=stop_duration=56:{then}");
    let arguments = ["-v", "error", "-f", "lavfi", "-i", picture, "-vf", &pad];
    run("ffmpeg", &[&arguments[..], &["-c:v", "mjpeg", "-q:v", "3", &file]].concat());
    file
}

fn start(matrix: &Matrix, name: &str, port: u16, offset_us: u64) -> Process {
    let clip = match name {
        "frozen" => clip(matrix, name, "stop_mode=clone"),
        "black" => clip(matrix, name, "stop_mode=add:color=black"),
        _ => return source(name, FORMAT, port, offset_us, &[]),
    };
    source(name, FORMAT, port, offset_us, &["--file", &clip, "--mark=false"])
}

fn add(matrix: &Matrix, name: &str) -> u16 {
    let port = free_port();
    let backups = match name {
        "alone" | "spare" => json!([]),
        _ => json!(["spare"]),
    };
    let body = json!({
        "label": name, "video": video(320, 180, "25"), "legs": [{ "address": "127.0.0.1", "port": port }],
        "backups": backups,
        "failover": { "back": "manual", "frozen_ms": 500, "black_ms": 500 },
    });
    matrix.put(&format!("/inputs/{name}"), &body).ok();
    port
}

/// Events of outputs as they come, each with the time.
fn routes(matrix: &Matrix) -> Receiver<(u64, Value)> {
    let (tell, told) = unbounded();
    let lines = events(matrix.url());
    thread::spawn(move || {
        let mut name = String::new();
        for line in lines {
            if let Some(event) = line.strip_prefix("event:") {
                event.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data:")
                && name == "route"
                && let Ok(data) = serde_json::from_str(data)
                && tell.send((SystemClock.now(), data)).is_err()
            {
                return;
            }
        }
    });
    told
}

/// Waits until an output shows something in place of its input.
fn wait_for_stand_in(matrix: &Matrix, output: &str, stand_in: &Value, state: &str) {
    matrix.until(&format!("{output} shows {stand_in}"), || {
        let route = &matrix.get(&format!("/outputs/{output}")).ok()["route"];
        (route["stand_in"] == *stand_in && route["state"] == state).then_some(())
    });
}

/// The report about an input or output once it tells of packets; asking keeps the watcher at
/// it.
fn analysis(matrix: &Matrix, path: &str) -> Value {
    matrix.until(&format!("{path} is measured"), || {
        let answer = matrix.get(&format!("{path}/analysis"));
        (answer.status == 200 && answer.json()["streams"][0]["rtp"]["packets"].as_u64() > Some(0))
            .then(|| answer.json())
    })
}

#[test]
fn everything_at_once_and_not_one_packet_missing() {
    let matrix = Matrix::start(2);
    let _watcher = {
        let mut command = own("ormatrix-sink");
        command.args(["watch", "--all", "--sample-ms", "100", "--control", matrix.url()]);
        Process::start(command)
    };
    // The backup first: others name it.
    let ports: Vec<u16> = INPUTS.iter().rev().map(|name| add(&matrix, name)).collect();
    let mut sources: Vec<Process> = (INPUTS.iter().rev().zip(ports.iter().copied()))
        .zip((0..).step_by(5_000))
        .map(|((name, port), offset)| start(&matrix, name, port, offset))
        .collect();
    sources.reverse();
    let told = routes(&matrix);
    let displays = &INPUTS[..6];
    let mut judges = Vec::new();
    for name in displays {
        let leg = json!({ "address": "127.0.0.1", "port": free_port(), "interface": "lo" });
        let body = json!({ "label": name, "legs": [leg], "on_loss": "slate" });
        matrix.put(&format!("/outputs/to-{name}"), &body).ok();
        matrix.wait_signal(name, "ok");
        matrix.put(&format!("/outputs/to-{name}/route"), &json!({ "input": name })).ok();
        judges.push(check(&matrix, &format!("to-{name}"), &[]));
    }
    for name in INPUTS {
        analysis(&matrix, &format!("/inputs/{name}"));
    }

    let backup = json!({ "backup": "spare" });
    let place = |name: &str| INPUTS.iter().position(|input| *input == name).expect("an input");
    for (name, stand_in, state) in
        [("killed", &backup, "live"), ("alone", &json!("slate"), "no-signal")]
    {
        while told.try_recv().is_ok() {}
        let killed = SystemClock.now();
        sources[place(name)].kill();
        let shown = told.iter().find(|(_, event)| {
            event["output"] == format!("to-{name}") && event["route"]["stand_in"] == *stand_in
        });
        let (at, _) = shown.expect("an event");
        println!("{name}: the event came {} ms after the kill", (at - killed) / 1_000_000);
        wait_for_stand_in(&matrix, &format!("to-{name}"), stand_in, state);
    }
    // In place of one picture comes another, larger one.
    sources[place("changed")].kill();
    let port = ports[INPUTS.len() - 1 - place("changed")];
    sources.push(source("changed", "400x180p25", port, 0, &[]));
    for name in ["frozen", "black", "changed"] {
        wait_for_stand_in(&matrix, &format!("to-{name}"), &backup, "live");
    }
    for (name, finding) in
        [("frozen", "frozen_since"), ("black", "black_since"), ("changed", "found_format")]
    {
        matrix.until(&format!("{finding} of {name}"), || {
            let findings = &matrix.get(&format!("/inputs/{name}")).ok()["findings"];
            findings[finding].is_string().then_some(())
        });
    }
    // What stands in is shown for a while, and everything is measured meanwhile.
    let frames =
        |name: &str| matrix.get(&format!("/inputs/{name}")).ok()["signal"]["whole_frames"].as_u64();
    let before = frames("spare");
    matrix.until("a hundred frames more", || {
        (frames("spare") > before.map(|n| n + 100)).then_some(())
    });
    for name in ["steady", "spare"] {
        let report = analysis(&matrix, &format!("/inputs/{name}"));
        if report["tap"]["dropped"] == 0 {
            assert_eq!(report["streams"][0]["rtp"]["lost"], 0, "{report:#}");
        }
    }
    for name in displays {
        analysis(&matrix, &format!("/outputs/to-{name}"));
    }

    let reports: Vec<Value> = judges
        .into_iter()
        .map(|judge| {
            judge.terminate();
            judge.finish_json().1
        })
        .collect();
    let steady = sources.swap_remove(0);
    let skipped = skipped_frames(vec![steady]);
    for (name, report) in displays.iter().zip(&reports) {
        println!(
            "to-{name}: {} whole, {} partial, {} switches",
            report["whole"], report["partial"], report["switch_count"]
        );
        assert_no_defect(report);
        assert!(report["partial"].as_u64() <= Some(matrix.cut_frames()), "{name}: {report:#}");
        // What stood in was there for all to see.
        assert!(report["whole"].as_u64() > Some(100), "{name}: {report:#}");
        let spare = report["sources"].as_array().unwrap().iter().any(|s| s["name"] == "spare");
        assert_eq!(spare, !["steady", "alone"].contains(name), "{name}: {report:#}");
    }
    assert_clean(&reports[0], matrix.cut_frames());
    assert!(reports[0]["missing_frames"].as_u64() <= Some(skipped), "{:#}", reports[0]);
    // Nothing that was sent has been lost on its way in.
    for input in matrix.get("/inputs").ok().as_array().unwrap() {
        assert_eq!(input["signal"]["lost_packets"], 0, "{input:#}");
    }
}
