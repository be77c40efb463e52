//! Equipment nobody here wrote, on both sides of the router.

use std::{collections::HashMap, fs, process::Command};

use ormatrix_tests::{
    Matrix, Process,
    media::{RawFrames, assert_clean, check, gstreamer, source, video},
    process::run,
};

const WIDTH: usize = 320;
const HEIGHT: usize = 180;
const OCTETS: usize = WIDTH * HEIGHT * 5 / 2;

/// GStreamer sends through the router to GStreamer: what arrives are the octets of the
/// pictures that were sent, and the output's extended sequence number advances although
/// the sender's never does.
#[test]
fn gstreamer_to_gstreamer_is_pixel_exact() {
    let matrix = Matrix::start(1);
    let port = matrix.add_input("foreign", &video(320, 180, "50"));
    let out = matrix.add_output("main", "239.255.42.2");
    // 106 packets a frame: in 700 frames the 16-bit sequence wraps at least once.
    // A picture that differs in every frame, kept beside what is sent.
    let kept = matrix.folder().join("sent.raw");
    let sender = gstreamer(&format!(
        "videotestsrc is-live=true num-buffers=1500 pattern=snow \
         ! video/x-raw,format=UYVP,width={WIDTH},height={HEIGHT},framerate=50/1 ! tee name=t \
         t. ! queue ! rtpvrawpay pt=96 ! udpsink host=127.0.0.1 port={port} sync=false \
         t. ! queue ! filesink location={}",
        kept.display()
    ));
    matrix.wait_signal("foreign", "ok");
    matrix.take("main", "foreign");
    let judge =
        check(&matrix, "main", &["--interface", "lo", "--frames", "700", "--seconds", "60"]);
    let mut raw = RawFrames::start(
        &format!(
            "udpsrc address=239.255.42.2 multicast-iface=lo port={out} buffer-size=33554432 \
             caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=RAW,\
sampling=YCbCr-4:2:2,depth=(string)10,width=(string){WIDTH},height=(string){HEIGHT},payload=96 \
             ! rtpvrawdepay ! fdsink fd=1"
        ),
        OCTETS,
    );
    // The first may have begun before the receiver listened.
    raw.next_frame().expect("a first frame");
    let received: Vec<_> = (0..200).map(|_| raw.next_frame().expect("a frame")).collect();
    let (_, report) = judge.finish_json();
    let (_, _) = sender.finish();
    let sent = fs::read(kept).unwrap();
    let places: HashMap<&[u8], usize> =
        sent.chunks_exact(OCTETS).enumerate().map(|(place, frame)| (frame, place)).collect();
    let found: Vec<_> = received
        .iter()
        .map(|frame| *places.get(frame.as_slice()).expect("a frame that was sent, octet by octet"))
        .collect();
    assert!(found.windows(2).all(|pair| pair[1] == pair[0] + 1), "{found:?}");
    assert_clean(&report, matrix.cut_frames());
    assert_eq!(report["extended_sequence"], "advancing", "{report:#}");
}

/// FFmpeg opens the description of an output as it is served.
#[test]
fn ffmpeg_opens_an_output() {
    let matrix = Matrix::start(1);
    let port = matrix.add_input("endoscope", &video(320, 180, "25"));
    matrix.add_output("main", "127.0.0.1");
    let _sender = source("Endoscope", "320x180p25", port, 0, &["--pattern", "smpte"]);
    matrix.wait_signal("endoscope", "ok");
    matrix.take("main", "endoscope");
    let sdp = matrix.folder().join("main.sdp");
    fs::write(&sdp, matrix.get("/outputs/main/sdp").text()).unwrap();
    let text = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-protocol_whitelist",
            "file,udp,rtp",
            "-show_entries",
            "stream=codec_name,width,height,pix_fmt",
            "-of",
            "csv=p=0",
            sdp.to_str().unwrap(),
        ],
    );
    assert!(text.contains("320") && text.contains("180"), "{text}");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-protocol_whitelist", "file,udp,rtp", "-i"])
        .arg(&sdp)
        .args(["-frames:v", "10", "-f", "framemd5", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pictures = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(pictures, 10, "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// tshark dissects what leaves as RTP and finds nothing to complain about.
#[test]
fn tshark_has_no_complaint() {
    let matrix = Matrix::start(1);
    let port = matrix.add_input("endoscope", &video(320, 180, "25"));
    let out = matrix.add_output("main", "127.0.0.1");
    let _sender = source("Endoscope", "320x180p25", port, 0, &[]);
    matrix.wait_signal("endoscope", "ok");
    matrix.take("main", "endoscope");
    // Somebody listens, so that no ICMP message mixes in.
    let judge = check(&matrix, "main", &["--frames", "200", "--seconds", "60"]);
    let filter = format!("udp port {out}");
    let decode = format!("udp.port=={out},rtp");
    let mut command = Command::new("tshark");
    command.args(["-i", "lo", "-f", &filter, "-d", &decode, "-c", "2000", "-a", "duration:60"]);
    command.args(["-T", "fields", "-E", "separator=,", "-e", "rtp.version", "-e", "rtp.ssrc"]);
    command.args(["-e", "rtp.p_type", "-e", "_ws.expert.message", "-e", "_ws.malformed"]);
    let (status, octets) = Process::start(command).finish();
    assert!(status.success());
    let text = String::from_utf8_lossy(&octets).into_owned();
    let lines: std::collections::BTreeSet<_> = text.lines().collect();
    assert_eq!(text.lines().count(), 2000, "{lines:?}");
    // One version, one SSRC, one payload type, no expert's message.
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.first().unwrap();
    assert!(line.starts_with("2,0x") && line.ends_with(",96,,"), "{line}");
    let (_, report) = judge.finish_json();
    assert_clean(&report, matrix.cut_frames());
}
