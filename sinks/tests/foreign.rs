//! Streams of a sender that was not written here: GStreamer's `rtpvrawpay`.

mod common;

use std::{fs, path::Path};

use common::{Sink, gstreamer, send};
use serde_json::Value;

const UYVP: &str = "format=UYVP,width=320,height=240,framerate=100/1";

#[test]
fn check_finds_a_foreign_stream_whole() {
    let frames = 500;
    let sink = Sink::start(&[
        "check",
        "--format",
        "320x240p100",
        "--at",
        "127.0.0.1:0",
        "--json",
        "--frames",
        "490",
        "--seconds",
        "30",
    ]);
    send("videotestsrc", UYVP, frames, sink.address);
    let (status, json) = sink.end();
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(
        (report["partial"].as_u64(), report["missing_packets"].as_u64()),
        (Some(0), Some(0))
    );
    assert!(report["whole"].as_u64().unwrap() >= 490);
    assert_eq!(report["extended_sequence"], "constant", "{report:#}");
    assert_eq!(report["sequence_breaks"], 0);
}

#[test]
fn check_tells_a_stream_of_another_format() {
    let sink = Sink::start(&[
        "check",
        "--format",
        "320x120p100",
        "--at",
        "127.0.0.1:0",
        "--json",
        "--seconds",
        "30",
    ]);
    send("videotestsrc", UYVP, 10, sink.address);
    sink.terminate();
    let (status, json) = sink.end();
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status, 1);
    assert!(report["outside_format"].as_u64().unwrap() > 100, "{report:#}");
}

/// Pixels of a PNG as 8-bit RGB.
fn pixels(png: &Path) -> Vec<u8> {
    let raw = png.with_extension("raw");
    gstreamer(&format!(
        "filesrc location={} ! pngdec ! video/x-raw,format=RGB ! filesink location={}",
        png.display(),
        raw.display()
    ));
    fs::read(raw).unwrap()
}

#[test]
fn grabs_are_pixel_exact() {
    // Wide enough that rtpvrawpay keeps to three segments a packet (ST 2110-20 §6.2.1).
    // Every pixel differs from its neighbours, no frame from another.
    let source = "videotestsrc pattern=zone-plate kx2=20 ky2=17 kt=0";
    for (format, sampling, depth) in [
        ("RGB", "RGB", "8"),
        ("UYVY", "YCbCr-4:2:2", "8"),
        ("UYVP", "YCbCr-4:2:2", "10"),
        ("I420", "YCbCr-4:2:0", "8"),
        ("AYUV", "YCbCr-4:4:4", "8"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (got, want) = (directory.path().join("got.png"), directory.path().join("want.png"));
        let caps = format!("format={format},width=640,height=240,framerate=50/1");
        gstreamer(&format!(
            "{source} num-buffers=1 ! video/x-raw,{caps} ! videoconvert ! \
             video/x-raw,format=RGB ! pngenc ! filesink location={}",
            want.display()
        ));
        let sink = Sink::start(&[
            "grab",
            "--format",
            "640x240p50",
            "--sampling",
            sampling,
            "--depth",
            depth,
            "--at",
            "127.0.0.1:0",
            "--seconds",
            "30",
            "--out",
            got.to_str().unwrap(),
        ]);
        send(source, &caps, 5, sink.address);
        let (status, out) = sink.end();
        assert_eq!((status, out.trim()), (0, got.to_str().unwrap()), "{format}");
        let (got, want) = (pixels(&got), pixels(&want));
        assert_eq!(got.len(), 640 * 240 * 3, "{format}");
        // 4:4:4 travels as IYU2, which GStreamer converts by another path than AYUV: its
        // rounding may differ by one step.
        let most = u8::from(format == "AYUV");
        let apart = got.iter().zip(&want).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart <= Some(most), "{format}: {apart:?}");
    }
}

#[test]
fn a_display_says_when_the_signal_comes_and_goes() {
    let mut sink = Sink::start(&[
        "display",
        "--driver",
        "none",
        "--format",
        "320x240p100",
        "--at",
        "127.0.0.1:0",
        "--seconds",
        "60",
    ]);
    send("videotestsrc", UYVP, 20, sink.address);
    assert_eq!(sink.wait_for("signal: ").trim(), "signal: 320x240 UYVP");
    let lost = sink.wait_for("signal lost since ");
    assert_eq!(lost.trim().len(), "signal lost since 12:34:56".len(), "{lost}");
    send("videotestsrc", UYVP, 20, sink.address);
    sink.wait_for("signal: ");
    sink.terminate();
    let said = sink.wait_for("40 whole frames shown");
    assert!(said.contains(" 0 incomplete"), "{said}");
    assert_eq!(sink.end().0, 0);
}
