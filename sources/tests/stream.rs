//! What a receiver sees of a source: strips, numbers, times, a clean end.

mod support;

use std::{process::Command, time::Duration};

use st2110::{
    format::{Depth, Packing, Sampling, VideoFormat},
    timing::{VIDEO_CLOCK_HZ, tai_to_rtp},
};
use support::{Receiver, Source, format, mark};

/// Receives `frames` frames and checks strip, number and time of each.
fn check(format: VideoFormat, arguments: &str, name: &str, frames: usize) {
    let mut receiver = Receiver::new(format);
    let port = receiver.port();
    let source =
        Source::start(&format!("--to 127.0.0.1:{port} {arguments} --frames {frames} --json"));
    let mut last: Option<u32> = None;
    let mut skipped = 0;
    for _ in 0..frames {
        let frame = receiver.frame().expect("a frame within 20 seconds");
        let mark = mark(&format, &frame.octets).expect("two equal strips");
        assert_eq!(mark.name.as_str(), name);
        // A busy host may make the source skip; it never repeats or goes back.
        if let Some(last) = last {
            assert!(mark.frame > last, "{} after {last}", mark.frame);
            skipped += mark.frame - last - 1;
        }
        last = Some(mark.frame);
        let expected = tai_to_rtp(mark.tai_us * 1000, VIDEO_CLOCK_HZ);
        // The strip has whole microseconds.
        assert!(frame.timestamp.wrapping_sub(expected) <= 1, "{} {expected}", frame.timestamp);
    }
    assert_eq!(receiver.lost, 0);
    let (success, json, errors) = source.wait();
    assert!(success, "{errors}");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["frames"], frames);
    assert!(report["skipped_frames"].as_u64().unwrap() >= u64::from(skipped));
}

#[test]
fn every_frame_says_who_when_and_which() {
    check(
        format("180p25"),
        "--format 180p25 --pattern xray --label Röntgen --memory-mib 4",
        "Röntgen",
        30,
    );
}

#[test]
fn two_sources_need_not_be_in_step() {
    let shifted = "--format 180p59.94 --pattern black --id monitor --offset-us 7345";
    check(format("180p59.94"), shifted, "monitor", 20);
}

#[test]
fn interlaced_block_packed_and_other_samplings_arrive_whole() {
    let base = format("576i25");
    let video = VideoFormat { packing: Packing::Bpm, ..base };
    check(video, "--format 576i25 --packing BPM --pattern monitor --memory-mib 3", "monitor", 5);
    let video = VideoFormat { sampling: Sampling::YCbCr420, depth: Depth::D8, ..format("360p25") };
    check(video, "--format 360p25 --sampling YCbCr-4:2:0 --depth 8 --memory-mib 2", "endoscope", 5);
    let video = VideoFormat { sampling: Sampling::Rgb, depth: Depth::D12, ..format("180p25") };
    check(video, "--format 180p25 --sampling RGB --depth 12 --pattern smpte", "smpte", 5);
}

#[test]
fn a_terminated_source_finishes_its_frame() {
    let mut receiver = Receiver::new(format("180p25"));
    let port = receiver.port();
    let source =
        Source::start(&format!("--to 127.0.0.1:{port} --format 180p25 --pattern ball --json"));
    let packets = receiver.frame().unwrap().packets;
    receiver.frame().unwrap();
    source.terminate();
    let (success, json, errors) = source.wait();
    assert!(success, "{errors}");
    receiver.quiet_after(Duration::from_millis(500));
    let mut whole = 2;
    while let Some(frame) = receiver.frame() {
        assert_eq!(frame.packets, packets);
        whole += 1;
    }
    assert_eq!(receiver.lost, 0);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["frames"], whole);
    assert_eq!(report["packets"], whole * packets);
}

#[test]
fn a_file_plays_over_and_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.avi");
    let pipeline = format!(
        "videotestsrc num-buffers=20 ! video/x-raw,width=320,height=180,framerate=25/1 ! \
         jpegenc ! avimux ! filesink location={}",
        file.display()
    );
    let made = Command::new("gst-launch-1.0").arg("-q").args(pipeline.split_whitespace()).status();
    assert!(made.unwrap().success());
    // Three times the file's length.
    check(
        format("180p25"),
        &format!("--format 180p25 --file {} --name clip", file.display()),
        "clip",
        60,
    );
}

#[test]
fn what_is_missing_is_named() {
    for (arguments, words) in [
        ("--v4l2 /dev/video99", "/dev/video99"),
        ("--file /nonexistent.mp4", "/nonexistent.mp4"),
        ("--pattern endo", "there is no pattern 'endo'"),
        ("--interface nosuch0", "nosuch0"),
        ("--format 1080q60", "1080q60"),
        ("--config /nonexistent.toml", "/nonexistent.toml"),
    ] {
        let (success, _, errors) =
            Source::start(&format!("--to 127.0.0.1:5004 {arguments}")).wait();
        assert!(!success && errors.contains(words), "{arguments}: {errors}");
    }
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/source.toml");
    let (success, out, errors) = Source::start(&format!("--config {example} check-config")).wait();
    assert!(success && out.starts_with("ok: 1920x1080"), "{out}{errors}");
    let (success, out, _) = Source::start("--to 127.0.0.1:5004 check-config").wait();
    assert!(success && out.starts_with("ok: 1920x1080"), "{out}");
    let (success, _, errors) = Source::start("check-config").wait();
    assert!(!success && errors.contains("--to"), "{errors}");
}

#[test]
fn its_sdp_reads_strictly() {
    let (success, text, errors) = Source::start(
        "--to 239.20.0.2:5004 --source 127.0.0.1 --format 1080i29.97 --label Lamp sdp",
    )
    .wait();
    assert!(success, "{errors}");
    let sdp = st2110::sdp::Sdp::parse(&text).unwrap();
    assert_eq!(sdp.name, "Lamp");
    assert_eq!(sdp.video.format, format("1080i29.97"));
    assert_eq!(sdp.legs[0].leg.port, 5004);
}
