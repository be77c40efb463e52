//! Sinks as devices of the matrix: registered outputs, stills, restarts of control.

mod common;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use common::{
    Sink,
    matrix::{Call, Matrix, send_grey},
    send,
};
use serde_json::Value;
use st2110::format::VideoFormat;

const VIDEO: &str = r#"{"width":1280,"height":96,"rate":"50","sampling":"YCbCr-4:2:2","depth":10,"scan":"progressive","packing":"GPM"}"#;

fn sdp(height: u16) -> String {
    format!(
        "v=0\r\no=- 1 {height} IN IP4 127.0.0.1\r\ns=main\r\nt=0 0\r\n\
         m=video 5004 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:96 raw/90000\r\n\
         a=fmtp:96 sampling=YCbCr-4:2:2; width=320; height={height}; exactframerate=100; \
         depth=10; colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; \r\n"
    )
}

#[test]
fn a_registered_output_follows_what_is_routed_to_it() {
    let height = Arc::new(AtomicU64::new(0));
    let routed = Arc::clone(&height);
    let matrix = Matrix::start(move |call: &Call| {
        let height = routed.load(Ordering::SeqCst) as u16;
        if call.line.starts_with("PUT /api/v1/outputs/main ") {
            (201, "application/json", "{}".into())
        } else if call.line.starts_with("GET /api/v1/outputs/main/sdp ") && height > 0 {
            (200, "application/sdp", sdp(height))
        } else {
            (409, "application/problem+json", r#"{"detail":"nothing is routed"}"#.into())
        }
    });
    let mut sink = Sink::start(&[
        "display",
        "--driver",
        "none",
        "--register",
        &matrix.url(),
        "--id",
        "main",
        "--label",
        "Main, surgeon",
        "--zone",
        "OR 1",
        "--at",
        "127.0.0.1:0",
        "--seconds",
        "60",
    ]);
    let call = matrix.wait_for("PUT /api/v1/outputs/main ");
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!((&body["label"], &body["accepts"]), (&"Main, surgeon".into(), &"any".into()));
    assert_eq!(body["zone"], "OR 1");
    assert_eq!(body["legs"][0]["address"], "127.0.0.1");
    for lines in [240, 120] {
        height.store(lines, Ordering::SeqCst);
        matrix.forget();
        // Two reads: the first that tells of the new format has been answered for sure.
        matrix.wait_for("GET /api/v1/outputs/main/sdp ");
        matrix.wait_for("GET /api/v1/outputs/main/sdp ");
        let caps = format!("format=UYVP,width=320,height={lines},framerate=100/1");
        send("videotestsrc", &caps, 60, sink.address);
        let said = sink.wait_for("signal: ");
        assert_eq!(said.trim(), format!("signal: 320x{lines} UYVP"));
        sink.wait_for("signal lost");
    }
    sink.terminate();
    assert_eq!(sink.end().0, 0);
}

#[test]
fn a_refused_registration_says_why_and_fails() {
    let matrix = Matrix::start(|_: &Call| {
        (422, "application/problem+json", r#"{"title":"Invalid","detail":"no such zone"}"#.into())
    });
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
        .args(["check", "--register", &matrix.url(), "--id", "x", "--at", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("422") && said.contains("no such zone"), "{said}");
}

/// A control that asks for nothing but knows one input, and a router that sends it.
fn one_input(stop: &Arc<AtomicBool>) -> impl Fn(&Call) -> (u16, &'static str, String) + use<> {
    let sending: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
    let stop = Arc::clone(stop);
    move |call: &Call| {
        let json = "application/json";
        if call.line.starts_with("GET /api/v1/inputs ") {
            let input = format!(r#"[{{"id":"scope","label":"Scope","video":{VIDEO}}}]"#);
            (200, json, input)
        } else if call.line.starts_with("PUT /api/v1/inputs/scope/monitor ") {
            let body: Value = serde_json::from_slice(&call.body).unwrap();
            let leg: st2110::leg::Leg = serde_json::from_value(body["leg"].clone()).unwrap();
            let to = SocketAddr::new(leg.address, leg.port);
            if sending.lock().unwrap().replace(to) != Some(to) {
                let video: VideoFormat = serde_json::from_str(VIDEO).unwrap();
                send_grey(video, to, Arc::clone(&stop));
            }
            (200, json, "{}".into())
        } else if call.line.starts_with("PUT /api/v1/inputs/scope/thumbnail.jpg ") {
            (204, json, String::new())
        } else {
            (404, "application/problem+json", "{}".into())
        }
    }
}

/// A running worker of stills; killed when dropped.
struct Stills(std::process::Child);

impl Stills {
    fn start(url: &str) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"));
        command.args(["stills", "--control", url, "--interval-ms", "100"]);
        Self(command.spawn().unwrap())
    }

    fn end(mut self) {
        let id = self.0.id().to_string();
        std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Stills {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn stills_are_small_jpegs_with_their_time_and_survive_a_restart_of_control() {
    let stop = Arc::new(AtomicBool::new(false));
    let matrix = Matrix::start(one_input(&stop));
    let child = Stills::start(&matrix.url());
    let still = matrix.wait_for("PUT /api/v1/inputs/scope/thumbnail.jpg ");
    assert!(still.body.starts_with(&[0xff, 0xd8]) && still.body.ends_with(&[0xff, 0xd9]));
    assert!(still.body.len() < 64 * 1024);
    assert!(still.headers.contains(&"content-type: image/jpeg".to_owned()), "{:?}", still.headers);
    let at = still.headers.iter().find_map(|header| header.strip_prefix("x-captured-at: "));
    assert_eq!(at.map(str::len), Some("2026-11-21t20:35:05.123z".len()), "{at:?}");
    // Baseline frame header: 8 bits, height 48, width 640, three components.
    let frame = still.body.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    assert_eq!(still.body[frame + 4..frame + 10], [8, 0, 48, 2, 128, 3]);
    // Control goes away and comes back at the same address.
    let address = matrix.address();
    drop(matrix);
    let matrix = Matrix::start_at(address, one_input(&stop));
    matrix.wait_for("GET /api/v1/inputs ");
    matrix.wait_for("PUT /api/v1/inputs/scope/thumbnail.jpg ");
    child.end();
    stop.store(true, Ordering::SeqCst);
}

#[test]
fn a_router_that_has_forgotten_its_monitor_is_asked_again() {
    let matrix = Matrix::start(|call: &Call| {
        if call.line.starts_with("GET /api/v1/inputs ") {
            (200, "application/json", format!(r#"[{{"id":"scope","video":{VIDEO}}}]"#))
        } else {
            (200, "application/json", "{}".into())
        }
    });
    let child = Stills::start(&matrix.url());
    matrix.wait_for("PUT /api/v1/inputs/scope/monitor ");
    matrix.wait_for("PUT /api/v1/inputs/scope/monitor ");
    child.end();
}
