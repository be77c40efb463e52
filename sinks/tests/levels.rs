//! Sound and ancillary data of senders that were not written here: GStreamer's `rtpL24pay`,
//! and ancillary packets put together from RFC 8331 octet by octet.

mod common;

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use common::{Sink, gstreamer, matrix::send_grey};
use serde_json::Value;

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=levels\r\nt=0 0\r\n";

const CLOCKS: &str = "a=ts-refclk:localmac=00-00-00-00-00-01\r\na=mediaclk:direct=0\r\n";

fn sdp_of_audio(port: u16) -> String {
    format!(
        "m=audio {port} RTP/AVP 97\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:97 L24/48000/2\r\n\
         a=ptime:1\r\n{CLOCKS}"
    )
}

fn sdp_of_ancillary(port: u16) -> String {
    format!(
        "m=video {port} RTP/AVP 100\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:100 smpte291/90000\r\n\
         a=fmtp:100 exactframerate=50; SSN=ST2110-40:2018; \r\n{CLOCKS}"
    )
}

fn sdp_of_video(port: u16) -> String {
    format!(
        "m=video {port} RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:96 raw/90000\r\n\
         a=fmtp:96 sampling=YCbCr-4:2:2; width=320; height=240; exactframerate=50; \
         depth=10; colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; \r\n{CLOCKS}"
    )
}

fn write(folder: &Path, sections: &str) -> PathBuf {
    let file = folder.join("session.sdp");
    fs::write(&file, format!("{HEAD}{sections}")).unwrap();
    file
}

/// Starts to judge the one stream of a description at a free port.
fn check(file: &Path, more: &[&str]) -> Sink {
    let file = file.to_str().unwrap();
    let mut arguments = vec!["check", "--sdp", file, "--at", "127.0.0.1:0", "--json"];
    arguments.extend(["--seconds", "60"]);
    arguments.extend(more);
    Sink::start(&arguments)
}

fn end(sink: Sink) -> (i32, Value) {
    let (status, json) = sink.end();
    (status, serde_json::from_str(&json).expect("the report is JSON"))
}

/// Sends sound of GStreamer's, 10 ms a buffer and 1 ms a packet.
fn send_sound(buffers: u32, channels: u8, to: SocketAddr) {
    let (host, port) = (to.ip(), to.port());
    gstreamer(&format!(
        "audiotestsrc is-live=true samplesperbuffer=480 num-buffers={buffers} ! \
         audio/x-raw,format=S24BE,rate=48000,channels={channels} ! \
         rtpL24pay pt=97 min-ptime=1000000 max-ptime=1000000 ! udpsink host={host} port={port}"
    ));
}

#[test]
fn sound_of_gstreamer_is_in_order_and_of_no_known_tone() {
    let folder = tempfile::tempdir().unwrap();
    let sink = check(&write(folder.path(), &sdp_of_audio(5006)), &[]);
    send_sound(100, 2, sink.address);
    sink.terminate();
    let (status, report) = end(sink);
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(report["levels"], serde_json::json!(["audio"]));
    let audio = &report["audio"][0];
    assert!(audio["packets"].as_u64() > Some(900), "{audio:#}");
    for count in [
        "missing_packets",
        "sequence_breaks",
        "ssrc_changes",
        "timestamp_breaks",
        "wrong_length",
        "clicks",
        "tone_ms",
    ] {
        assert_eq!(audio[count], 0, "{count}: {audio:#}");
    }
    assert!(audio["other_ms"].as_u64() > Some(900), "{audio:#}");
    assert_eq!(report["lip_sync"], serde_json::json!([]));
}

#[test]
fn sound_of_another_format_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let sink = check(&write(folder.path(), &sdp_of_audio(5006)), &[]);
    send_sound(50, 1, sink.address);
    sink.terminate();
    let (status, report) = end(sink);
    assert_eq!(status, 1);
    assert!(report["audio"][0]["wrong_length"].as_u64() > Some(400), "{report:#}");
}

/// Bits one behind the other, the highest first.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, bits: usize, value: u32) {
        self.0.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn octets(&self) -> Vec<u8> {
        let octet = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |octet, (at, bit)| octet | u8::from(*bit) << (7 - at))
        };
        self.0.chunks(8).map(octet).collect()
    }
}

/// Eight bits and their parity in the two above, as ST 291-1 has them.
fn with_parity(value: u8) -> u32 {
    let ones = (0..8).filter(|bit| value >> bit & 1 == 1).count() as u32;
    u32::from(value) | if ones % 2 == 1 { 0x100 } else { 0x200 }
}

/// What is wrong with a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    Parity,
    Checksum,
    Field,
    Marker,
}

/// The RTP packet of a frame with one ANC data packet, by the drawing of RFC 8331 §2.
fn packet(sequence: u32, timestamp: u32, did: u8, sdid: u8, data: &[u8], wrong: Wrong) -> Vec<u8> {
    let mut words = vec![with_parity(did), with_parity(sdid), with_parity(data.len() as u8)];
    words.extend(data.iter().map(|octet| with_parity(*octet)));
    let sum = words.iter().map(|word| word & 0x1ff).sum::<u32>() & 0x1ff;
    let mut checksum = sum | if sum & 0x100 == 0 { 0x200 } else { 0 };
    match wrong {
        // The inverse of b8, which no sum counts.
        Wrong::Parity => words[1] ^= 0x200,
        Wrong::Checksum => checksum ^= 0x001,
        _ => {}
    }
    let mut anc = Bits::default();
    anc.put(1, 0); // C
    anc.put(11, 9); // Line_Number
    anc.put(12, 0); // Horizontal_Offset
    anc.put(1, 0); // S
    anc.put(7, 0); // StreamNum
    for word in words {
        anc.put(10, word);
    }
    anc.put(10, checksum);
    while !anc.0.len().is_multiple_of(32) {
        anc.put(1, 0); // word_align
    }
    let anc = anc.octets();
    let mut bits = Bits::default();
    bits.put(2, 2); // V
    bits.put(6, 0); // P, X, CC
    bits.put(1, u32::from(wrong != Wrong::Marker)); // M
    bits.put(7, 100); // PT
    bits.put(16, sequence & 0xffff);
    bits.put(32, timestamp);
    bits.put(32, 0x0a0b_0c0d); // SSRC
    bits.put(16, sequence >> 16);
    bits.put(16, anc.len() as u32);
    bits.put(8, 1); // ANC_Count
    bits.put(2, u32::from(wrong == Wrong::Field)); // F
    bits.put(22, 0); // reserved
    let mut octets = bits.octets();
    octets.extend(anc);
    octets
}

/// Sends frames of captions and time codes alternately; the tenth is wrong.
fn send_data(frames: u32, wrong: Wrong, to: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // 01:02:03:04, low digit first, each above a binary group.
    let code = [0x40, 0, 0, 0, 0x30, 0, 0, 0, 0x20, 0, 0, 0, 0x10, 0, 0, 0];
    for frame in 0..frames {
        let (did, sdid, data) =
            if frame % 2 == 0 { (0x60, 0x60, &code[..]) } else { (0x61, 0x02, &[0x80, 0x94][..]) };
        let wrong = if frame == 10 { wrong } else { Wrong::Nothing };
        let packet = packet(0x1_fffa + frame, frame * 1800, did, sdid, data, wrong);
        socket.send_to(&packet, to).unwrap();
    }
}

#[test]
fn ancillary_data_by_the_book_are_clean_and_each_breach_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &sdp_of_ancillary(5008));
    for (wrong, count, defect) in [
        (Wrong::Nothing, "", ""),
        (Wrong::Parity, "parity_faults", "ancillary: 1 parity faults"),
        (Wrong::Checksum, "checksum_faults", "ancillary: 1 checksum faults"),
        (Wrong::Field, "field_faults", "ancillary: 1 faults of the F bits"),
        (Wrong::Marker, "marker_faults", "ancillary: 1 marker faults"),
    ] {
        let sink = check(&file, &["--frames", "30"]);
        send_data(40, wrong, sink.address);
        let (status, report) = end(sink);
        let data = &report["ancillary"][0];
        let defects: Vec<_> = report["defects"].as_array().unwrap().iter().collect();
        if wrong == Wrong::Nothing {
            assert_eq!((status, defects.len()), (0, 0), "{report:#}");
            assert_eq!(data["time_code"]["first"], "01:02:03:04");
            assert_eq!(data["kinds"][0]["id"], "0x60/0x60");
            assert_eq!(data["kinds"][1]["id"], "0x61/0x02");
            assert!(data["without_mark"].as_u64() >= Some(30));
        } else {
            assert_eq!((status, &data[count]), (1, &1.into()), "{count}: {report:#}");
            assert_eq!(defects, [defect], "{count}");
        }
        assert_eq!(data["missing_packets"], 0);
    }
}

/// Ports that are free at this moment.
fn free_ports<const N: usize>() -> [u16; N] {
    let sockets = [(); N].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

#[test]
fn three_levels_are_received_at_once_and_one_alone_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let [video, audio, ancillary] = free_ports();
    let sections = sdp_of_video(video) + &sdp_of_audio(audio) + &sdp_of_ancillary(ancillary);
    let file = write(folder.path(), &sections);
    let file = file.to_str().unwrap();
    let all = ["check", "--sdp", file, "--json", "--frames", "60", "--seconds", "60"];
    let mut sink = Sink::start(&all);
    assert_eq!(sink.address.port(), video);
    for port in [audio, ancillary] {
        assert_eq!(sink.wait_for("listening").trim(), format!("listening 127.0.0.1:{port}"));
    }
    let json = r#"{"width":320,"height":240,"rate":"50","sampling":"YCbCr-4:2:2","depth":10}"#;
    let stop = Arc::new(AtomicBool::new(false));
    let to = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let send = || {
        send_data(40, Wrong::Nothing, to(ancillary));
        send_grey(serde_json::from_str(json).unwrap(), to(video), Arc::clone(&stop));
        thread::spawn(move || send_sound(100, 2, to(audio)))
    };
    let sound = send();
    let (_, report) = end(sink);
    stop.store(true, Ordering::SeqCst);
    sound.join().unwrap();
    assert_eq!(report["levels"], serde_json::json!(["video", "audio", "ancillary"]));
    assert!(report["whole"].as_u64() >= Some(60), "{report:#}");
    assert!(report["audio"][0]["packets"].as_u64() > Some(100), "{report:#}");
    assert_eq!(report["ancillary"][0]["packets"], 40, "{report:#}");
    // Neither has a mark to compare.
    let sync = &report["lip_sync"][0];
    assert!(sync["without_strip"].as_u64() >= Some(60) && sync["frames"] == 0, "{sync:#}");
    assert_eq!(report["ancillary"][0]["mismatched"], 0);

    // The same description is that of a video to who wants pictures.
    stop.store(false, Ordering::SeqCst);
    let picture = folder.path().join("grabbed.png");
    let grab = ["grab", "--sdp", file, "--seconds", "30", "--out", picture.to_str().unwrap()];
    let sink = Sink::start(&grab);
    assert_eq!(sink.address.port(), video);
    send_grey(serde_json::from_str(json).unwrap(), to(video), Arc::clone(&stop));
    assert_eq!(sink.end().0, 0);
    stop.store(true, Ordering::SeqCst);
    assert!(picture.exists());

    let one = ["check", "--sdp", file, "--levels", "ancillary", "--json", "--frames", "30"];
    let sink = Sink::start(&one);
    assert_eq!(sink.address.port(), ancillary);
    send_data(40, Wrong::Nothing, to(ancillary));
    let (status, report) = end(sink);
    assert_eq!((status, &report["levels"]), (0, &serde_json::json!(["ancillary"])), "{report:#}");
    // A stream of which nothing comes is no flawless one.
    let silent = ["check", "--sdp", file, "--levels", "audio", "--json", "--seconds", "0.2"];
    let sink = Sink::start(&silent);
    let (status, report) = end(sink);
    assert_eq!((status, &report["clean"]), (1, &false.into()));
}
