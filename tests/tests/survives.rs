//! Processes killed as a fault would kill them.

use std::{fs, net::UdpSocket, process::Command};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_tests::{
    Matrix,
    matrix::try_request,
    media::{assert_clean, check, source, video},
    process::program,
    watched::Watched,
};

/// Without control every picture keeps flowing, and control shows the truth when it is back.
#[test]
fn pictures_outlive_control() {
    let mut matrix = Matrix::start(1);
    let shape = video(640, 360, "50");
    let ports = ["endoscope", "robot"].map(|id| matrix.add_input(id, &shape));
    let _sources = [("Endoscope", 0), ("Robot", 9000)]
        .iter()
        .zip(ports)
        .map(|((name, offset), port)| source(name, "640x360p50", port, *offset, &[]))
        .collect::<Vec<_>>();
    for output in ["main", "assistant"] {
        matrix.add_output(output, "127.0.0.1");
    }
    matrix.wait_signal("endoscope", "ok");
    matrix.wait_signal("robot", "ok");
    matrix.take("main", "endoscope");
    matrix.take("assistant", "robot");
    let before = matrix.get("/outputs").ok();
    let judge = check(&matrix, "main", &["--frames", "300", "--seconds", "60"]);
    matrix.kill_control();
    let away = try_request("GET", &format!("{}/livez", matrix.url()), "", b"");
    assert!(away.is_err(), "control is gone");
    let (_, report) = judge.finish_json();
    matrix.restart_control();
    assert_clean(&report, matrix.cut_frames());
    assert!(report["frames"].as_u64() >= Some(300));
    let after = matrix.get("/outputs").ok();
    for (then, now) in before.as_array().unwrap().iter().zip(after.as_array().unwrap()) {
        for field in ["id", "label", "legs"] {
            assert_eq!(then[field], now[field]);
        }
        for field in ["input", "state", "confirmed_at"] {
            assert_eq!(then["route"][field], now["route"][field], "{then} {now}");
        }
    }
}

/// An upgrade of control: another program on the same state, while a stream is judged.
#[test]
fn control_is_replaced_and_no_packet_knows() {
    let mut matrix = Matrix::start(1);
    let shape = video(640, 360, "50");
    let ports = ["endoscope", "robot"].map(|id| matrix.add_input(id, &shape));
    let _sources = [("Endoscope", 0), ("Robot", 9000)]
        .iter()
        .zip(ports)
        .map(|((name, offset), port)| source(name, "640x360p50", port, *offset, &[]))
        .collect::<Vec<_>>();
    matrix.add_output("main", "127.0.0.1");
    matrix.wait_signal("endoscope", "ok");
    matrix.wait_signal("robot", "ok");
    matrix.take("main", "endoscope");
    let newer = matrix.folder().join("ormatrix-control");
    fs::copy(program("ormatrix-control"), &newer).unwrap();

    // Who listens to events: until the end, and again after it.
    let listener = Watched::start(Command::new(program("ormatrix")).args([
        "events",
        "--json",
        "--url",
        matrix.url(),
    ]));
    let hear = |words: &[&str]| loop {
        let line = listener.line().unwrap_or_else(|| panic!("never heard {words:?}"));
        if words.iter().all(|word| line.contains(word)) {
            return line;
        }
    };
    hear(&[r#""event":"reset""#]);

    let router = matrix.get("/router").ok();
    let (inputs, outputs) = (matrix.get("/inputs").ok(), matrix.get("/outputs").ok());
    let mut judge = check(&matrix, "main", &["--frames", "400", "--seconds", "60"]);
    let old = matrix.control.id();
    matrix.replace_control(&newer);
    assert_ne!(matrix.control.id(), old);
    let now = fs::read_link(format!("/proc/{}/exe", matrix.control.id())).unwrap();
    assert_eq!(now, newer.canonicalize().unwrap());
    assert!(judge.is_running(), "it judges before, while and after");

    // The router is the same, with the same routes, and the inventory is what it was.
    let is = matrix.get("/router").ok();
    for field in ["version", "started_at", "lanes"] {
        assert_eq!(is[field], router[field]);
    }
    let all = |list: &serde_json::Value| list.as_array().unwrap().clone();
    for (then, now) in all(&inputs).iter().zip(all(&matrix.get("/inputs").ok())) {
        for field in ["id", "label", "legs", "video", "tally", "failover"] {
            assert_eq!(then[field], now[field], "{now}");
        }
        // The router counts on; a new one would begin anew.
        let count = |input: &serde_json::Value| input["signal"]["packets"].as_u64();
        assert!(count(&now) >= count(then), "{now}");
    }
    for (then, now) in all(&outputs).iter().zip(all(&matrix.get("/outputs").ok())) {
        for field in ["id", "label", "legs", "ssrc", "route"] {
            assert_eq!(then[field], now[field], "{now}");
        }
        assert!(now["sent"]["packets"].as_u64() >= then["sent"]["packets"].as_u64(), "{now}");
    }

    // Listeners are told to read everything anew, and then what happens.
    listener.says("looking for it again");
    hear(&[r#""event":"reset""#, "the events since then are gone"]);
    let (_, report) = judge.finish_json();
    assert_clean(&report, matrix.cut_frames());
    assert!(report["frames"].as_u64() >= Some(400));
    matrix.take("main", "robot");
    hear(&[r#""event":"route""#, "robot", "live"]);
}

/// A router that died comes back with the same routes from its own snapshot, and needs
/// nobody for it.
#[test]
fn routes_outlive_the_router() {
    let mut matrix = Matrix::start(2);
    let shape = video(640, 360, "50");
    let port = matrix.add_input("endoscope", &shape);
    let _sender = source("Endoscope", "640x360p50", port, 0, &[]);
    matrix.add_output("main", "127.0.0.1");
    let port = matrix.add_output("assistant", "127.0.0.1");
    matrix.wait_signal("endoscope", "ok");
    matrix.take("main", "endoscope");
    matrix.take("assistant", "endoscope");
    let description = matrix.folder().join("main.sdp");
    fs::write(&description, matrix.get("/outputs/main/sdp").text()).unwrap();
    matrix.kill_control();
    matrix.kill_router();
    let mut command = ormatrix_tests::process::own("ormatrix-sink");
    command.args(["check", "--json", "--frames", "100", "--seconds", "60", "--sdp"]);
    command.arg(&description);
    let mut judge = ormatrix_tests::Process::start(command);
    judge.wait_for("listening");
    let display = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let killed = SystemClock.now();
    matrix.restart_router();
    display.recv(&mut [0; 2048]).unwrap();
    let away = SystemClock.now() - killed;
    println!("first packet {} ms after the router was started again", away / 1_000_000);
    let (_, report) = judge.finish_json();
    matrix.restart_control();
    assert_clean(&report, matrix.cut_frames());
    assert!(report["frames"].as_u64() >= Some(100));
    let outputs = matrix.get("/outputs").ok();
    for output in outputs.as_array().unwrap() {
        assert_eq!(output["route"]["input"], "endoscope", "{output}");
        assert_eq!(output["route"]["state"], "live", "{output}");
    }
}
