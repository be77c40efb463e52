//! What a network full of faults and a careless user may send, to the real processes: each
//! fault is counted under its own name, nothing of it is passed on, nobody else is harmed.

use std::{
    net::UdpSocket,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use ormatrix_tests::{
    Matrix,
    matrix::free_port,
    media::{assert_clean, check, source, video},
};
use serde_json::{Value, json};
use st2110::{format::VideoFormat, rfc4175::FramePlan};

/// The packets of one frame.
fn frame(format: &VideoFormat, sequence: u32, timestamp: u32, ssrc: u32) -> Vec<Vec<u8>> {
    let plan = FramePlan::new(format, 1460).unwrap();
    let packets = (0..plan.packets()).map(|index| {
        let planned = plan.packet(index).unwrap();
        let mut octets = vec![0x40; planned.packet_len()];
        planned.write_header(sequence + index as u32, timestamp, ssrc, 96, &mut octets);
        octets
    });
    packets.collect()
}

fn format(shape: &Value) -> VideoFormat {
    serde_json::from_value(shape.clone()).unwrap()
}

/// A sender of 50 good frames a second that slips in between what a test hands it.
struct Pump {
    slip: Option<Sender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Pump {
    fn start(port: u16, format: VideoFormat) -> Self {
        let (slip, slipped) = channel::<Vec<u8>>();
        let thread = thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let send = |octets: &[u8]| drop(socket.send_to(octets, ("127.0.0.1", port)));
            let (mut sequence, mut timestamp) = (0, 0);
            loop {
                let packets = frame(&format, sequence, timestamp, 7);
                let (first, second) = packets.split_at(packets.len() / 2);
                for packet in first {
                    send(packet);
                }
                match slipped.recv_timeout(Duration::from_millis(10)) {
                    Ok(octets) => send(&octets),
                    Err(RecvTimeoutError::Timeout) => {}
                    // Stops in the middle of a frame.
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                for packet in second {
                    send(packet);
                }
                sequence += packets.len() as u32;
                timestamp += 1800;
                thread::park_timeout(Duration::from_millis(10));
            }
        });
        Self { slip: Some(slip), thread: Some(thread) }
    }

    fn slip(&self, octets: &[u8]) {
        self.slip.as_ref().unwrap().send(octets.to_vec()).unwrap();
    }

    fn stop_mid_frame(&mut self) {
        self.slip = None;
        self.thread.take().unwrap().join().unwrap();
    }
}

fn faults(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let altered = |place: usize, value: u8| {
        let mut packet = good.to_vec();
        packet[place] = value;
        packet
    };
    let mut headers = [good, &[0; 40]].concat();
    for continuation in [18, 24, 30] {
        headers[continuation] |= 0x80;
    }
    vec![
        ("garbage", b"hello".to_vec()),
        ("garbage", Vec::new()),
        ("garbage", vec![0xff; 1000]),
        ("truncated", good[..30].to_vec()),
        ("oversize", [good, &[0; 1400]].concat()),
        ("rtcp", [&[0x80, 200, 0, 6][..], &[0; 24]].concat()),
        ("payload_type", altered(1, 97)),
        ("payload_header", headers),
        ("wrong_ssrc", altered(11, 99)),
    ]
}

#[test]
fn every_fault_has_its_name_and_harms_nobody() {
    let matrix = Matrix::start(2);
    // The neighbour: a real source on a route of its own, judged all the while.
    let port = matrix.add_input("neighbour", &video(640, 360, "50"));
    let _neighbour = source("Neighbour", "640x360p50", port, 0, &[]);
    let shape = video(64, 36, "50");
    let victim = matrix.add_input("victim", &shape);
    let mut pump = Pump::start(victim, format(&shape));
    for (output, input) in [("beside", "neighbour"), ("main", "victim")] {
        matrix.add_output(output, "127.0.0.1");
        matrix.wait_signal(input, "ok");
        matrix.take(output, input);
    }
    let judges = ["beside", "main"].map(|output| check(&matrix, output, &[]));
    let seen = || matrix.get("/inputs/victim").ok()["signal"].clone();
    let dropped = |name: &str| seen()["dropped"][name].as_u64().unwrap_or(0);
    let good = frame(&format(&shape), 1 << 20, 9, 7);
    for (name, packet) in faults(&good[1]) {
        let before = dropped(name);
        pump.slip(&packet);
        matrix.until(&format!("{name} is counted"), || (dropped(name) == before + 1).then_some(()));
    }
    // A second sender on the address, with a stream as good as the first one's.
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    for packet in &good {
        stranger.send_to(packet, ("127.0.0.1", victim)).unwrap();
    }
    let count = good.len() as u64;
    matrix.until("the stranger is counted", || (dropped("foreign_sender") == count).then_some(()));
    assert_eq!(seen()["lost_packets"], 0);
    for judge in judges {
        judge.terminate();
        let (_, report) = judge.finish_json();
        assert_clean(&report, matrix.cut_frames());
    }
    // It stops in the middle of a frame: the frame is counted as cut, the signal as lost.
    pump.stop_mid_frame();
    matrix.wait_signal("victim", "lost");
    matrix.until("the cut frame is counted", || (seen()["cut_frames"] == 1).then_some(()));
    let route = matrix.get("/outputs/main").ok()["route"].clone();
    assert_eq!(route["state"], "no-signal", "{route}");
    assert_eq!(matrix.get("/outputs/beside").ok()["route"]["state"], "live");
}

#[test]
fn a_format_other_than_declared_is_not_shown() {
    let matrix = Matrix::start(1);
    let declared = matrix.add_input("declared", &video(1280, 720, "50"));
    matrix.add_output("main", "127.0.0.1");
    let asked = json!({"input": "declared", "wait_ms": 0, "force": true});
    assert_eq!(matrix.put("/outputs/main/route", &asked).status, 202);
    let _smaller = source("Smaller", "640x360p50", declared, 0, &[]);
    matrix.until("the contradiction is counted", || {
        let seen = matrix.get("/inputs/declared").ok();
        (seen["signal"]["dropped"]["format"].as_u64() > Some(1000)).then_some(())
    });
    assert_eq!(matrix.get("/inputs/declared").ok()["signal"]["state"], "lost");
    let output = matrix.get("/outputs/main").ok();
    assert_eq!(output["route"]["state"], "waiting", "{output}");
    let metrics = matrix.get_at("/metrics").text();
    let sent =
        metrics.lines().find(|l| l.starts_with("ormatrix_output_packets_total{output=\"main\""));
    assert!(sent.is_some_and(|line| line.ends_with(" 0")), "{sent:?}");
}

#[test]
fn a_careless_user_is_told_what_to_do_and_changes_nothing() {
    let matrix = Matrix::start(1);
    let shape = video(640, 360, "50");
    let port = matrix.add_input("endoscope", &shape);
    matrix.add_output("main", "127.0.0.1");
    let leg = |address: &str, port: u16| json!({"address": address, "port": port});
    let input = |legs: Value| json!({"label": "x", "video": shape, "legs": legs});
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port();
    let inventory = || {
        let mut all = (matrix.get("/inputs").ok(), matrix.get("/outputs").ok());
        for input in all.0.as_array_mut().unwrap() {
            input["signal"] = Value::Null;
        }
        all
    };
    let before = inventory();
    let mut interface = leg("239.1.2.3", 5004);
    interface["interface"] = json!("nosuch0");
    let cases = [
        ("POST", "/inputs", "{\"label\": ".to_owned(), vec![400, 422], "line"),
        ("POST", "/inputs", json!({"label": "x", "vdeo": 1}).to_string(), vec![400, 422], "vdeo"),
        ("PUT", "/outputs/nosuch/route", json!({"input": "endoscope"}).to_string(), vec![404], "nosuch"),
        ("PUT", "/outputs/main/route", json!({"input": "nosuch"}).to_string(), vec![404], "nosuch"),
        (
            "POST",
            "/inputs",
            json!({"id": "endoscope", "label": "x", "video": shape, "legs": [leg("127.0.0.1", free_port())]})
                .to_string(),
            vec![409],
            "endoscope",
        ),
        ("POST", "/inputs", input(json!([leg("127.0.0.1", port)])).to_string(), vec![409], "endoscope"),
        ("POST", "/inputs", input(json!([leg("127.0.0.1", taken)])).to_string(), vec![409], "in use"),
        ("POST", "/inputs", input(json!([interface])).to_string(), vec![422], "nosuch0"),
        ("POST", "/inputs", input(json!([leg("192.0.2.77", 5004)])).to_string(), vec![422], "192.0.2.77"),
        ("PUT", "/outputs/main/route", json!({"input": "endoscope"}).to_string(), vec![409], "signal"),
    ];
    for (method, path, body, statuses, words) in cases {
        let answer = matrix.call(method, path, "application/json", body.as_bytes());
        assert!(statuses.contains(&answer.status), "{method} {path} {body}: {answer:?}");
        assert!(answer.kind.starts_with("application/problem+json"), "{}", answer.kind);
        let problem = answer.json();
        for field in ["type", "title", "status", "detail"] {
            assert!(!problem[field].is_null(), "{problem}");
        }
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{body}: {detail}");
        assert_eq!(inventory(), before, "{body} changed something");
    }
}
