//! Processes killed as a fault would kill them.

use std::net::UdpSocket;

use ormatrix_io::{Clock, SystemClock};
use ormatrix_tests::{
    Matrix,
    matrix::try_request,
    media::{assert_clean, check, source, video},
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
    std::fs::write(&description, matrix.get("/outputs/main/sdp").text()).unwrap();
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
