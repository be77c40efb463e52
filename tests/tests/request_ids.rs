//! One request's id, from the header of the call through the control plane's log into the
//! router's, down to the lane's confirmation.

use std::{
    net::UdpSocket,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_tests::{
    Process,
    known::{Known, Losses},
    matrix::{free_port, request},
    process::own,
};
use serde_json::{Value, json};
use st2110::format::VideoFormat;

/// Between two questions whether the control plane is ready.
const BREATHER: Duration = Duration::from_millis(20);

/// A process's log as objects.
struct Told<'a>(&'a mut Process);

impl Told<'_> {
    /// The first line of a request that holds these words, from here on.
    fn of(&mut self, request: &str, words: &str) -> Value {
        loop {
            let line = self.0.wait_for(words);
            let line: Value = serde_json::from_str(&line).expect("every line is JSON");
            if line["span"]["request_id"] == request {
                return line;
            }
        }
    }
}

/// A call with an id of its own; the status and the body.
fn call(method: &str, url: &str, id: &str, body: &Value) -> (u16, Value) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::builder().method(method).uri(url);
    let request = request.header("x-request-id", id).header("content-type", "application/json");
    let mut answer = agent.run(request.body(body.to_string()).unwrap()).unwrap();
    assert_eq!(answer.headers()["x-request-id"], id);
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_vec().unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Sends a small picture until told to stop.
fn send(format: &VideoFormat, port: u16, stop: &AtomicBool) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (frames, clock) = (300, SystemClock);
    let none = Losses { seed: 0, calm_frames: frames, burst: 1, pause: 1 };
    let stream = Known::new(format, frames, &none);
    let begun = clock.now();
    for frame in 0..frames {
        clock.sleep_until(begun + frame * format.rate.period_ns());
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let first = frame * stream.packets_per_frame();
        let octets = stream.run(first..first + stream.packets_per_frame());
        for packet in octets.chunks(stream.packet_octets()) {
            socket.send_to(packet, ("127.0.0.1", port)).unwrap();
        }
    }
}

#[test]
fn one_id_is_in_every_log_from_the_call_to_the_lane() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("router.sock");
    let mut router = own("ormatrix-router");
    router.arg("--socket").arg(&socket).arg("--snapshot").arg(folder.path().join("router.json"));
    router.env("ORMATRIX_ROUTER_LANES", "2").env("ORMATRIX_ROUTER_LOG_FORMAT", "json");
    let mut router = Process::start(router);
    router.wait_for("routing");
    let mut control = own("ormatrix-control");
    control.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(folder.path());
    control.arg("--router-socket").arg(&socket).env("ORMATRIX_CONTROL_LOG_FORMAT", "json");
    let mut control = Process::start(control);
    let line: Value = serde_json::from_str(&control.wait_for("\"listening\"")).unwrap();
    assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("listening")));
    let url = format!("http://{}", line["address"].as_str().unwrap());
    let ready = || request("GET", &format!("{url}/readyz"), "", b"").status == 200;
    assert!((0..3000).any(|_| ready() || {
        thread::park_timeout(BREATHER);
        false
    }));
    let api = format!("{url}/api/v1");

    let video = json!({
        "width": 320, "height": 180, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10,
        "scan": "progressive", "packing": "GPM"
    });
    let format: VideoFormat = serde_json::from_value(video.clone()).unwrap();
    let (port, away) = (free_port(), free_port());
    let leg = |port: u16| json!([{"address": "127.0.0.1", "port": port}]);
    let body = json!({"video": video, "legs": leg(port)});
    let (status, answer) = call("PUT", &format!("{api}/inputs/camera"), "set-up-1", &body);
    assert_eq!(status, 201, "{answer}");
    // The change of the inventory is made by a task of its own, and is told all the same.
    assert_eq!(Told(&mut router).of("set-up-1", "accepted")["about"], "camera");
    let body = json!({"legs": leg(away)});
    assert_eq!(call("PUT", &format!("{api}/outputs/main"), "set-up-2", &body).0, 201);

    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| send(&format, port, &stop));
        let body = json!({"input": "camera", "wait_ms": 10000, "force": true});
        let (status, answer) =
            call("PUT", &format!("{api}/outputs/main/route"), "panel-3.take-17", &body);
        stop.store(true, Ordering::Relaxed);
        assert_eq!((status, &answer["state"]), (200, &json!("live")), "{answer}");
    });
    let taken = Told(&mut control).of("panel-3.take-17", "\"taken\"");
    assert_eq!((&taken["confirmed"], &taken["about"]), (&json!(true), &json!("main")));
    let answered = Told(&mut control).of("panel-3.take-17", "answered");
    assert_eq!(answered["status"], 200);
    assert_eq!(answered["span"]["call"], "/api/v1/outputs/{id}/route");
    let accepted = Told(&mut router).of("panel-3.take-17", "accepted");
    assert_eq!(
        (&accepted["command"], &accepted["about"]),
        (&json!("salvo"), &json!("main=camera"))
    );
    let confirmed = Told(&mut router).of("panel-3.take-17", "\"confirmed\"");
    assert_eq!((&confirmed["output"], &confirmed["input"]), (&json!("main"), &json!("camera")));
    assert_eq!((&confirmed["take"], &accepted["take"]), (&taken["take"], &taken["take"]));
    assert!(confirmed["lane"].is_u64() && confirmed["after_us"].is_u64(), "{confirmed}");

    // An input that is on an output is not removed; whoever asks why finds the same id.
    let url = format!("{api}/inputs/camera");
    let (status, problem) = call("DELETE", &url, "set-up-3", &Value::Null);
    assert_eq!((status, &problem["request_id"]), (409, &json!("set-up-3")), "{problem}");
    let answered = Told(&mut control).of("set-up-3", "answered");
    assert_eq!((&answered["status"], &answered["problem"]), (&json!(409), &json!("input-routed")));
    assert!(Told(&mut router).of("set-up-3", "refused")["message"].is_string());
    // Clearing is confirmed by the lane that lets go.
    let url = format!("{api}/outputs/main/route");
    assert_eq!(call("DELETE", &url, "panel-3.clear", &Value::Null).0, 200);
    assert_eq!(Told(&mut router).of("panel-3.clear", "\"confirmed\"")["output"], "main");
}
