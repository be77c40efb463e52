//! `watch` over real packets on the loopback: what it measures and finds, told to a stand-in
//! for the matrix. Needs `CAP_NET_RAW`, as root has it.

mod common;

use std::{
    io::{BufRead, BufReader, IoSlice},
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread::{self, JoinHandle},
};

use common::matrix::Matrix;
use ormatrix_io::{Clock, SystemClock, TxOptions, TxSocket};
use ormatrix_sink::stream::format_name;
use serde_json::{Value, json};
use st2110::{
    format::{Depth, Sampling, VideoFormat},
    leg::Leg,
    rfc4175::FramePlan,
};

/// Packets of one send.
const BURST: usize = 16;

fn format(name: &str) -> VideoFormat {
    format_name::parse(name, Sampling::YCbCr422, Depth::D10).unwrap()
}

/// A port that stays taken for as long as the socket lives.
fn receiver() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The stand-in: what it says of its inputs can be changed.
fn matrix(inputs: Arc<Mutex<Value>>, outputs: Value, wanted: Value) -> Matrix {
    Matrix::start(move |call| {
        let json = |value: &Value| (200, "application/json", value.to_string());
        match call.line.split(' ').nth(1).unwrap_or_default() {
            "/api/v1/inputs" => json(&inputs.lock().unwrap()),
            "/api/v1/outputs" => json(&outputs),
            "/api/v1/analysis/wanted" => json(&wanted),
            path if path.ends_with("/findings") || path.ends_with("/analysis") => {
                (204, "application/json", String::new())
            }
            _ => (404, "application/json", "{}".into()),
        }
    })
}

fn body(matrix: &Matrix, line: &str) -> Value {
    serde_json::from_slice(&matrix.wait_for(line).body).unwrap()
}

/// The first body that will do, among as many as come in a minute or two.
fn wait_for(matrix: &Matrix, line: &str, mut enough: impl FnMut(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..60 {
        last = body(matrix, line);
        if enough(&last) {
            return last;
        }
    }
    panic!("{line}: none of 60 will do, the last is {last}");
}

fn watch(matrix: &Matrix, arguments: &[&str]) -> Child {
    watch_with_buffer(matrix, arguments, 64)
}

fn watch_with_buffer(matrix: &Matrix, arguments: &[&str], mib: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
        .args(["watch", "--control", &matrix.url()])
        .args(arguments)
        .env("ORMATRIX_SINK_WATCH__BUFFER_MIB", mib.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Ends it; gives what it said.
fn end(mut child: Child) -> String {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let said = child.stderr.take().map(BufReader::new).unwrap();
    let said: Vec<String> = said.lines().map_while(Result::ok).collect();
    assert!(child.wait().unwrap().success(), "{said:?}");
    said.join("\n")
}

/// Sends packets of frames on the beat of their rate, at a TAI of now.
struct Sender {
    plan: FramePlan,
    socket: TxSocket,
    sequence: u32,
    start: (u64, u64),
    frames: u64,
    period: u64,
}

impl Sender {
    fn new(format: &VideoFormat, to: SocketAddr, segmentation: bool) -> Self {
        let leg = Leg::new(to.ip(), to.port());
        let mut socket = TxSocket::open(&leg, &TxOptions::default()).unwrap();
        if !segmentation {
            socket = socket.without_segmentation();
        }
        let plan = FramePlan::new(format, 1460).unwrap();
        let start = (SystemClock.now(), SystemClock.tai());
        let period = format.rate.period_ns();
        Self { plan, socket, sequence: 65_000, start, frames: 0, period }
    }

    fn octets(&self) -> usize {
        self.plan.raster().buffer_octets()
    }

    fn frame(&mut self, picture: &[u8]) {
        let plan = &self.plan;
        let behind = self.frames * self.period;
        let time = (u128::from(self.start.1 + behind) * 9 / 100_000) as u32;
        for first in (0..plan.packets()).step_by(BURST) {
            let share = self.period * first as u64 / plan.packets() as u64;
            SystemClock.sleep_until(self.start.0 + behind + share);
            let last = plan.packets().min(first + BURST);
            let mut headers = [[0_u8; 32]; BURST];
            let mut lengths = [0; BURST];
            for (slot, index) in (first..last).enumerate() {
                lengths[slot] = plan.header(index, self.sequence, time, 1, 96, &mut headers[slot]);
                self.sequence = self.sequence.wrapping_add(1);
            }
            let packets: Vec<_> = (first..last).map(|i| plan.packet(i).unwrap()).collect();
            let mut gather = Vec::new();
            for (slot, packet) in packets.iter().enumerate() {
                gather.push(IoSlice::new(&headers[slot][..lengths[slot]]));
                gather.extend(packet.ranges().iter().map(|r| IoSlice::new(&picture[r.clone()])));
            }
            self.socket.send(&gather, plan.max_packet_len()).unwrap();
        }
        self.frames += 1;
    }
}

/// What must be the same of a stream, however it was captured.
fn counts(stream: &Value) -> Value {
    let rtp = &stream["rtp"];
    let keep = ["packets", "octets", "lost", "reordered", "duplicates", "sequence_breaks", "ssrc"];
    let rtp: Vec<_> = keep.iter().map(|name| (name, &rtp[name])).collect();
    json!({
        "rtp": rtp.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>(),
        "frames": stream["frames"], "packets_in_frame": stream["packets_in_frame"],
        "packets_per_frame": stream["packets_per_frame"], "markers":
        [&stream["missing_markers"], &stream["early_markers"]], "payload": stream["payload"],
        "steps": stream["timestamp_steps"], "network": stream["network"],
    })
}

fn dumpcap(file: &Path, port: u16) -> Child {
    let mut child = Command::new("dumpcap")
        .args(["-i", "lo", "-B", "64", "-f", &format!("udp port {port}"), "-w"])
        .arg(file)
        .stderr(Stdio::piped())
        .spawn()
        .expect("dumpcap is installed");
    let said = BufReader::new(child.stderr.take().unwrap());
    let mut lines = said.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("File: ")), "dumpcap does not capture");
    thread::spawn(move || lines.for_each(drop));
    child
}

/// A finite stream, measured live as an input and as the output that sends it; gives both and
/// what it was sent as.
fn measured(segmentation: bool, directory: &Path) -> (Value, Value, Option<Value>) {
    const FRAMES: u64 = 60;
    let format = format("480x270p50");
    let (_receiver, to) = receiver();
    let leg = json!([{"address": to.ip(), "port": to.port()}]);
    let input = json!([{"id": "cam", "video": format, "legs": leg, "payload_type": 96}]);
    let outputs = json!([{"id": "mon", "legs": leg, "route": {"input": "cam"}}]);
    let wanted = json!({"inputs": ["cam"], "outputs": ["mon"]});
    let matrix = matrix(Arc::new(Mutex::new(input)), outputs, wanted);
    let watch = watch(&matrix, &["--window", "60"]);
    let empty = body(&matrix, "PUT /api/v1/inputs/cam/analysis");
    assert_eq!((&empty["good"], &empty["streams"]), (&Value::Null, &json!([])));
    assert!(empty["notes"][0].as_str().unwrap().contains("nothing to"), "{empty}");
    let file = directory.join("live.pcapng");
    let capture = (!segmentation).then(|| dumpcap(&file, to.port()));
    let mut sender = Sender::new(&format, to, segmentation);
    let mut picture = vec![0x55; sender.octets()];
    for frame in 0..FRAMES {
        picture[frame as usize * 100] ^= 0xff;
        sender.frame(&picture);
    }
    let sent = FRAMES * sender.plan.packets() as u64;
    let last = |line: &str| {
        let packets = |report: &Value| report["streams"][0]["rtp"]["packets"] == sent;
        wait_for(&matrix, line, packets)
    };
    let output = last("PUT /api/v1/outputs/mon/analysis");
    let input = last("PUT /api/v1/inputs/cam/analysis");
    end(watch);
    let offline = capture.map(|mut capture| {
        let id = capture.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(capture.wait().unwrap().success());
        let output = Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
            .args(["analyse", "--json", "--format", "480x270p50"])
            .arg(&file)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    });
    (input, output, offline)
}

#[test]
fn measures_live_what_a_capture_shows() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output, offline) = measured(false, directory.path());
    let mut offline = offline.unwrap();
    // A file's survey knows beforehand how many packets a frame has; live learns it from the
    // first whole frame, of which VRX is not measured then.
    let file = &mut offline["streams"][0];
    let frames = file["frames"]["measured"].as_u64().unwrap();
    file["frames"]["measured"] = json!(frames - 1);
    assert_eq!(counts(&input["streams"][0]), counts(file));
    assert_eq!(counts(&output["streams"][0]), counts(file));
    assert_eq!(input["streams"][0]["rtp"]["lost"], 0);
    // The first has no known beginning, the last no end.
    assert_eq!(input["streams"][0]["frames"]["whole"], 58, "{input}");
    assert_eq!((&input["tap"]["dropped"], &input["tap"]["longest_run"]), (&json!(0), &json!(1)));
    assert_eq!(input["good_but_for_timing"], true, "{input}");
    assert_eq!((&input["kind"], &output["kind"]), (&json!("input"), &json!("output")));
    // The same in super-packets.
    let (input, output, _) = measured(true, directory.path());
    assert_eq!(counts(&input["streams"][0]), counts(&offline["streams"][0]));
    assert_eq!(counts(&output["streams"][0]), counts(&offline["streams"][0]));
    assert_eq!(input["tap"]["longest_run"], BURST);
    let limits = input["limits"].to_string();
    assert!(limits.contains("up to 16 packets came at once"), "{limits}");
    let cinst = input["streams"][0]["cinst"]["max"].as_u64().unwrap();
    assert!(cinst >= BURST as u64, "packets of one time read as a burst: {cinst}");
}

#[test]
fn every_level_and_both_legs_are_measured() {
    let format = format("480x270p50");
    let receivers = [receiver(), receiver(), receiver()];
    let [(_, first), (_, second), (_, sound)] = &receivers;
    let leg = |to: &SocketAddr| json!({"address": to.ip(), "port": to.port()});
    let audio = json!({"depth": "L24", "rate_hz": 48_000, "channels": 2, "packet_time": "1ms"});
    let input = json!([{
        "id": "cam", "video": format, "legs": [leg(first), leg(second)], "payload_type": 96,
        "audio": {"format": audio, "legs": [leg(sound)], "payload_type": 97},
        "ancillary": {"format": {"rate": "50"}, "legs": [leg(sound)], "payload_type": 100},
    }]);
    let matrix = matrix(Arc::new(Mutex::new(input)), json!([]), json!({"inputs": ["cam"]}));
    let watch = watch(&matrix, &["--window", "60"]);
    body(&matrix, "PUT /api/v1/inputs/cam/analysis");
    let mut one = Sender::new(&format, *first, true);
    let mut other = Sender::new(&format, *second, false);
    other.start = one.start;
    let picture = vec![0x55; one.octets()];
    let loudspeaker = UdpSocket::bind("127.0.0.1:0").unwrap();
    for frame in 0..50_u16 {
        one.frame(&picture);
        // A packet of the second leg is another, one is missing.
        match frame {
            20 => other.sequence = other.sequence.wrapping_add(1),
            21 => other.sequence = one.sequence.wrapping_sub(one.plan.packets() as u32),
            _ => {}
        }
        other.frame(&picture);
        let mut packet = vec![0_u8; 12 + 48 * 6];
        packet[..4].copy_from_slice(&[0x80, 97, 0, frame as u8]);
        packet[4..8].copy_from_slice(&(u32::from(frame) * 48).to_be_bytes());
        loudspeaker.send_to(&packet, sound).unwrap();
    }
    let sent = 50 * one.plan.packets() as u64;
    let report = wait_for(&matrix, "PUT /api/v1/inputs/cam/analysis", |report| {
        report["streams"][1]["rtp"]["packets"] == sent
    });
    end(watch);
    let of = |number: usize| {
        let stream = &report["streams"][number];
        (stream["essence"].as_str().unwrap(), stream["leg"].as_u64().unwrap())
    };
    assert_eq!((of(0), of(1), of(2)), (("video", 0), ("video", 1), ("audio", 0)));
    assert_eq!(report["streams"][2]["rtp"]["packets"], 50);
    assert_eq!(report["streams"][2]["kind"], "audio");
    assert_eq!(report["streams"][2]["level"], "A", "that of ST 2110-30");
    assert_eq!(report["streams"][0]["rtp"]["lost"], 0);
    let pair = &report["pairs"][0];
    assert_eq!((&pair["essence"], &pair["streams"]), (&json!("video"), &json!([1, 2])));
    assert_eq!(pair["packets"], json!([sent, sent]));
    // Of the frame whose numbers were off by one, all but one number came, with other octets.
    assert_eq!(pair["pairs"].as_u64(), Some(sent - 1), "{pair}");
    assert!(pair["different"].as_u64() > Some(0), "{pair}");
    assert_eq!(report["good"], false);
}

#[test]
fn a_tap_that_was_too_slow_says_so() {
    let format = format("480x270p50");
    let (_receiver, to) = receiver();
    let leg = json!([{"address": to.ip(), "port": to.port()}]);
    let input = json!([{"id": "cam", "video": format, "legs": leg}]);
    let wanted = json!({"inputs": ["cam"]});
    let matrix = matrix(Arc::new(Mutex::new(input)), json!([]), wanted);
    let watch = watch_with_buffer(&matrix, &["--window", "60"], 16);
    body(&matrix, "PUT /api/v1/inputs/cam/analysis");
    let signal = |name: &str| {
        let id = watch.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    let mut sender = Sender::new(&format, to, false);
    let picture = vec![0x55; sender.octets()];
    signal("-STOP");
    // 240 frames of 324 kB are more than twice what the kernel may keep.
    sender.period = 1;
    (0..240).for_each(|_| sender.frame(&picture));
    signal("-CONT");
    let report = wait_for(&matrix, "PUT /api/v1/inputs/cam/analysis", |report| {
        report["tap"]["dropped"] != 0 && report["streams"][0]["rtp"]["lost"] != Value::Null
    });
    assert_eq!(report["good"], Value::Null, "no verdict: {report}");
    assert!(report["notes"][0].as_str().unwrap().contains("the tap lost"), "{report}");
    let said = end(watch);
    assert!(said.contains("frames lost by taps"), "{said}");
}

/// What the sender below shows.
const MOVES: u8 = 0;
const STANDS: u8 = 1;
const BLACK: u8 = 2;
const BLACK_WITH_CLOCK: u8 = 3;
const OVER: u8 = 9;

/// Sends until it is over; gives when what is shown last changed.
fn show(format: VideoFormat, to: SocketAddr, shown: Arc<AtomicU8>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut sender = Sender::new(&format, to, true);
        let mut picture = vec![0x55; sender.octets()];
        // 16 for luma and 128 for chroma, at 10 bits: 200 040 200 040.
        let black: Vec<u8> =
            [0x80, 0x04, 0x08, 0x00, 0x40].into_iter().cycle().take(picture.len()).collect();
        for frame in 0_u32.. {
            match shown.load(Ordering::Relaxed) {
                MOVES => picture[frame as usize % 5000] ^= 0xff,
                BLACK => picture.copy_from_slice(&black),
                BLACK_WITH_CLOCK => {
                    picture.copy_from_slice(&black);
                    picture[1000..1004].copy_from_slice(&(frame | 0xf0f0_0000).to_be_bytes());
                }
                OVER => return,
                _ => {}
            }
            sender.frame(&picture);
        }
    })
}

#[test]
fn frozen_and_black_pictures_are_found_and_forgiven() {
    const FROZEN_MS: u64 = 400;
    const BLACK_MS: u64 = 300;
    let format = format("480x270p50");
    let (_receiver, to) = receiver();
    let input = json!([{
        "id": "cam", "video": format, "legs": [{"address": to.ip(), "port": to.port()}],
        "payload_type": 96, "failover": {"frozen_ms": FROZEN_MS, "black_ms": BLACK_MS},
    }]);
    let matrix = matrix(Arc::new(Mutex::new(input)), json!([]), json!({}));
    let shown = Arc::new(AtomicU8::new(MOVES));
    let sender = show(format, to, Arc::clone(&shown));
    let watch = watch(&matrix, &["--sample-ms", "100"]);
    let clock = SystemClock;
    let until = |what: &Value| {
        wait_for(&matrix, "PUT /api/v1/inputs/cam/findings", |findings| findings == what);
        clock.now()
    };
    let (good, frozen) =
        (json!({"frozen": false, "black": false}), json!({"frozen": true, "black": false}));
    until(&good);
    for round in 0..3 {
        for (what, expected, least_ms) in [
            (STANDS, &frozen, FROZEN_MS),
            (MOVES, &good, 0),
            (BLACK, &json!({"frozen": false, "black": true}), BLACK_MS),
            (BLACK, &json!({"frozen": true, "black": true}), 0),
            (BLACK_WITH_CLOCK, &good, 0),
            (MOVES, &good, 0),
        ] {
            let changed = clock.now();
            let before = shown.swap(what, Ordering::Relaxed);
            if before == BLACK_WITH_CLOCK {
                // It was good before, so nothing is told.
                continue;
            }
            let took_ms = (until(expected) - changed) / 1_000_000;
            eprintln!("round {round}, {expected}: told after {took_ms} ms");
            // Never too early, give or take the frame that was under way.
            assert!(took_ms + 20 >= least_ms, "{took_ms} ms");
        }
    }
    shown.store(OVER, Ordering::Relaxed);
    sender.join().unwrap();
    let said = end(watch);
    eprintln!("{said}");
}

#[test]
fn what_arrives_in_place_of_an_input_is_named() {
    let declared = format("480x270p50");
    let (_receiver, to) = receiver();
    let input = |state: &str| {
        json!([{
            "id": "cam", "video": declared, "legs": [{"address": to.ip(), "port": to.port()}],
            "payload_type": 96, "signal": {"state": state},
        }])
    };
    let inputs = Arc::new(Mutex::new(input("lost")));
    let matrix = matrix(Arc::clone(&inputs), json!([]), json!({}));
    let over = Arc::new(AtomicBool::new(false));
    let sender = {
        let over = Arc::clone(&over);
        let mut sender = Sender::new(&format("320x180p25"), to, false);
        thread::spawn(move || {
            let picture = vec![0x55; sender.octets()];
            while !over.load(Ordering::Relaxed) {
                sender.frame(&picture);
            }
        })
    };
    let started = SystemClock.now();
    let watch = watch(&matrix, &[]);
    let line = "PUT /api/v1/inputs/cam/findings";
    let found = wait_for(&matrix, line, |findings| findings["found_format"].is_string());
    let found = found["found_format"].as_str().unwrap();
    eprintln!("named after {} ms: {found}", (SystemClock.now() - started) / 1_000_000);
    assert!(found.starts_with("320x180 progressive 25 YCbCr-4:2:2 10-bit"), "{found}");
    // The router has its picture again.
    *inputs.lock().unwrap() = input("ok");
    wait_for(&matrix, line, |findings| findings["found_format"].is_null());
    over.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    end(watch);
}

#[test]
fn without_permission_it_says_what_to_do() {
    let matrix = matrix(Arc::new(Mutex::new(json!([]))), json!([]), json!({}));
    let output = Command::new("setpriv")
        .args(["--bounding-set", "-net_raw", "--inh-caps", "-net_raw"])
        .arg(env!("CARGO_BIN_EXE_ormatrix-sink"))
        .args(["watch", "--control", &matrix.url()])
        .output()
        .expect("setpriv is part of util-linux");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in ["CAP_NET_RAW", "setcap cap_net_raw+ep", "AmbientCapabilities"] {
        assert!(said.contains(part), "{said}");
    }
}

/// What looking costs at the packet rate of 1080p60: prints CPU of the watching process and
/// of the thread that sends, in whose time the kernel does a tap's share of the work.
#[test]
#[ignore = "measures the cost of watching on this machine"]
fn watching_1080p60() {
    const SECONDS: u64 = 10;
    let cpu_ns = || -> u64 {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        told.split_whitespace().next().unwrap().parse().unwrap()
    };
    let format = format("1080p60");
    for round in 0..2 {
        for what in ["nothing", "idle", "pictures", "analysis", "both"] {
            let (_receiver, to) = receiver();
            let (frozen, wanted) = match what {
                "pictures" => (json!({"frozen_ms": 500, "black_ms": 500}), json!({})),
                "analysis" => (json!({}), json!({"inputs": ["cam"]})),
                "both" => (json!({"frozen_ms": 500}), json!({"inputs": ["cam"]})),
                _ => (json!({}), json!({})),
            };
            let input = json!([{
                "id": "cam", "video": format, "payload_type": 96, "failover": frozen,
                "legs": [{"address": to.ip(), "port": to.port()}],
            }]);
            let matrix = matrix(Arc::new(Mutex::new(input)), json!([]), wanted);
            let watch = (what != "nothing").then(|| watch(&matrix, &[]));
            if watch.is_some() {
                matrix.wait_for("GET /api/v1/analysis/wanted");
                matrix.wait_for("GET /api/v1/analysis/wanted");
            }
            let (sent, cpu, late) = thread::spawn(move || {
                let mut sender = Sender::new(&format, to, true);
                let picture = vec![0x55; sender.octets()];
                let before = cpu_ns();
                (0..SECONDS * 60).for_each(|_| sender.frame(&picture));
                let late = SystemClock.now() - sender.start.0;
                (sender.sequence - 65_000, cpu_ns() - before, late)
            })
            .join()
            .unwrap();
            if what == "analysis" {
                // A whole window and a little of the next.
                let call = matrix.wait_for("PUT /api/v1/inputs/cam/analysis");
                println!("a report of {} octets", call.body.len());
            }
            let said = watch.map(end).unwrap_or_default();
            println!(
                "round {round}, {what}: {sent} packets in {:.2} s, sender {:.0} ns a packet; {}",
                late as f64 / 1e9,
                cpu as f64 / f64::from(sent),
                said.lines().last().unwrap_or_default()
            );
        }
    }
}
