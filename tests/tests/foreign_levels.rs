//! Sound and ancillary data of equipment nobody here wrote, through the router.

use std::{
    collections::BTreeSet,
    fs,
    net::UdpSocket,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_tests::{
    Matrix, Process,
    matrix::free_port,
    media::{RawFrames, gstreamer, video},
};
use serde_json::{Value, json};

fn leg(port: u16) -> Value {
    json!([{ "address": "127.0.0.1", "port": port, "interface": "lo" }])
}

/// GStreamer's sound comes out of the router as it went in, sample by sample, at 1 ms (level A)
/// and at 125 us (level B). Two channels: more of them GStreamer itself puts in another order.
#[test]
fn gstreamers_sound_is_exact() {
    for (channels, time, name) in [(2_usize, 1_000_000, "1ms"), (2, 125_000, "125us")] {
        let matrix = Matrix::start(2);
        let (port, out) = (free_port(), free_port());
        let format = json!({
            "depth": "L24", "rate_hz": 48000, "channels": channels, "packet_time": name
        });
        let audio = json!({ "format": format, "legs": leg(port), "payload_type": 97 });
        let body = json!({
            "label": "Desk", "video": video(320, 180, "50"), "legs": leg(free_port()),
            "audio": audio
        });
        matrix.put("/inputs/desk", &body).ok();
        let body = json!({
            "label": "Room", "legs": leg(free_port()),
            "audio": { "legs": leg(out), "payload_type": 97, "ramp_ms": 0 }
        });
        matrix.put("/outputs/room", &body).ok();
        let octets = 3 * channels * 48;
        let mut raw = RawFrames::start(
            &format!(
                "udpsrc address=127.0.0.1 port={out} buffer-size=8388608 \
                 caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=L24,\
channels={channels},encoding-params=(string){channels},payload=97 \
                 ! rtpL24depay ! fdsink fd=1"
            ),
            octets,
        );
        let kept = matrix.folder().join("sent.raw");
        let mask = (1_u64 << channels) - 1;
        let sender = gstreamer(&format!(
            "audiotestsrc is-live=true wave=white-noise samplesperbuffer=480 num-buffers=1500 \
             ! audio/x-raw,format=S24BE,rate=48000,channels={channels},\
channel-mask=(bitmask){mask:#x},layout=interleaved ! tee name=t \
             t. ! queue ! rtpL24pay pt=97 min-ptime={time} max-ptime={time} \
                ! udpsink host=127.0.0.1 port={port} sync=false \
             t. ! queue ! filesink location={}",
            kept.display()
        ));
        matrix.until("sound arrives", || {
            let seen = matrix.get("/inputs/desk").json();
            (seen["levels"]["audio"]["signal"]["state"] == "ok").then_some(())
        });
        let route =
            matrix.put("/outputs/room/route", &json!({"input": "desk", "levels": ["audio"]})).ok();
        assert_eq!(route["levels"]["audio"]["route"]["state"], "live", "{route}");
        let received: Vec<u8> = (0..1000).filter_map(|_| raw.next_frame()).flatten().collect();
        assert_eq!(received.len(), 1000 * octets, "{name}: a second of sound");
        sender.terminate();
        let _ = sender.finish();
        let sent = fs::read(kept).unwrap();
        // White noise is nowhere like itself: where the first samples are found is the place.
        let probe = &received[..octets];
        let starts = (0..sent.len() - octets).step_by(3 * channels);
        let at = starts.into_iter().find(|at| sent[*at..].starts_with(probe));
        let at = at.expect("samples that were sent, octet by octet");
        let length = received.len().min(sent.len() - at);
        assert!(length > 800 * octets);
        assert!(sent[at..at + length] == received[..length], "{name}: another sample");
    }
}

/// An RTP packet of one ANC data packet, written from RFC 8331 §2 bit by bit: a 10-bit word
/// at a time, most significant first.
fn ancillary(sequence: u32, timestamp: u32, user: &[u8]) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut put = |value: u32, width: u32| {
        bits.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
    };
    // C, Line_Number, Horizontal_Offset, S, StreamNum: anywhere, no stream.
    for (value, width) in [(0, 1), (0x7ff, 11), (0xfff, 12), (0, 1), (0, 7)] {
        put(value, width);
    }
    let word = |value: u8| {
        let even = value.count_ones() % 2;
        u32::from(value) | even << 8 | (1 - even) << 9
    };
    let mut words = vec![word(0x52), word(0x01), word(user.len() as u8)];
    words.extend(user.iter().copied().map(word));
    let sum = words.iter().map(|word| word & 0x1ff).sum::<u32>() & 0x1ff;
    words.push(sum | (sum >> 8 & 1 ^ 1) << 9);
    for word in words {
        put(word, 10);
    }
    while !bits.len().is_multiple_of(32) {
        bits.push(false);
    }
    let data: Vec<u8> = bits
        .chunks(8)
        .map(|octet| octet.iter().fold(0, |value, bit| value << 1 | u8::from(*bit)))
        .collect();
    let mut packet = vec![0x80, 0xe4];
    packet.extend((sequence as u16).to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(0x1234_5678_u32.to_be_bytes());
    packet.extend(((sequence >> 16) as u16).to_be_bytes());
    packet.extend((data.len() as u16).to_be_bytes());
    packet.extend([1, 0, 0, 0]);
    packet.extend(data);
    packet
}

/// Sends ancillary packets, one a frame of 20 ms, until told to stop; each carries its
/// number.
fn send_ancillary(port: u16, stop: Arc<AtomicBool>) -> JoinHandle<u32> {
    thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (clock, mut number) = (SystemClock, 0_u32);
        let start = clock.now();
        while !stop.load(Relaxed) {
            clock.sleep_until(start + u64::from(number) * 20_000_000);
            // A sequence about to wrap, so that its upper half must follow.
            let packet = ancillary(0xfff0 + number, number * 1800, &number.to_be_bytes());
            socket.send_to(&packet, ("127.0.0.1", port)).unwrap();
            number += 1;
        }
        number
    })
}

/// Ancillary data written bit by bit come out with their payload as it was, under the
/// output's own sequence; tshark finds nothing wrong with them.
#[test]
fn ancillary_data_are_exact() {
    let matrix = Matrix::start(1);
    let (port, out) = (free_port(), free_port());
    let body = json!({
        "label": "Camera", "video": video(320, 180, "50"), "legs": leg(free_port()),
        "ancillary": { "format": { "rate": "50" }, "legs": leg(port), "payload_type": 100 }
    });
    matrix.put("/inputs/camera", &body).ok();
    let listener = UdpSocket::bind(("127.0.0.1", out)).unwrap();
    listener.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let body = json!({
        "label": "Recorder", "legs": leg(free_port()),
        "ancillary": { "legs": leg(out), "payload_type": 101 }
    });
    matrix.put("/outputs/recorder", &body).ok();
    let stop = Arc::new(AtomicBool::new(false));
    let sender = send_ancillary(port, Arc::clone(&stop));
    matrix.until("data arrive", || {
        let seen = matrix.get("/inputs/camera").json();
        (seen["levels"]["ancillary"]["signal"]["state"] == "ok").then_some(())
    });
    let mut tshark = Command::new("tshark");
    tshark.args(["-i", "lo", "-f", &format!("udp port {out}"), "-d"]);
    tshark.args([&format!("udp.port=={out},rtp"), "-c", "50", "-a", "duration:60", "-T", "fields"]);
    tshark.args(["-E", "separator=,", "-e", "rtp.version", "-e", "rtp.p_type", "-e", "rtp.marker"]);
    tshark.args(["-e", "rtp.ssrc", "-e", "_ws.expert.message", "-e", "_ws.malformed"]);
    let tshark = Process::start(tshark);
    let route = matrix
        .put("/outputs/recorder/route", &json!({"input": "camera", "levels": ["ancillary"]}))
        .ok();
    assert_eq!(route["levels"]["ancillary"]["route"]["state"], "live", "{route}");
    let mut before: Option<(u32, u32)> = None;
    let mut buffer = [0; 1500];
    for _ in 0..100 {
        let length = listener.recv(&mut buffer).expect("a packet");
        let packet = &buffer[..length];
        let low = u16::from_be_bytes([packet[2], packet[3]]);
        let high = u16::from_be_bytes([packet[12], packet[13]]);
        let sequence = u32::from(high) << 16 | u32::from(low);
        let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let number = timestamp / 1800;
        let sent = ancillary(0xfff0 + number, timestamp, &number.to_be_bytes());
        assert_eq!(packet[14..], sent[14..], "payload of {number}");
        assert_eq!(packet[1], 0xe5, "marker and the output's payload type");
        if let Some(before) = before {
            assert_eq!((sequence, number), (before.0 + 1, before.1 + 1));
        }
        before = Some((sequence, number));
    }
    let (status, octets) = tshark.finish();
    assert!(status.success());
    stop.store(true, Relaxed);
    sender.join().unwrap();
    let text = String::from_utf8_lossy(&octets).into_owned();
    let lines: BTreeSet<_> = text.lines().collect();
    assert_eq!((text.lines().count(), lines.len()), (50, 1), "{lines:?}");
    let line = lines.first().unwrap();
    assert!(line.starts_with("2,101,") && line.ends_with(",,"), "{line}");
}
