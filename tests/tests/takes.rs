//! A thousand takes between three unsynchronised sources, judged by `check` and by
//! GStreamer at once.

use std::{collections::BTreeSet, thread};

use ormatrix_tests::{
    Matrix, Process,
    media::{RawFrames, assert_clean, check, marks, skipped_frames, socket_drops, source, video},
};
use serde_json::json;
use st2110::format::VideoFormat;

const TAKES: u64 = 1000;
const GROUP: &str = "239.255.42.1";

/// What GStreamer saw.
#[derive(Debug, Default)]
struct Seen {
    whole: u64,
    /// Frames whose end another one shows: their sender broke off, or the switch is bad.
    torn: Vec<String>,
    switches: u64,
}

/// Judges frames as GStreamer put them together, by their strips.
fn judge(format: VideoFormat, mut frames: RawFrames, port: u16) -> Seen {
    let mut now = Seen::default();
    let mut seen = BTreeSet::new();
    let mut last: Option<(String, u32)> = None;
    // The one in progress when the receiver began to listen lacks its top.
    frames.next_frame().expect("a first frame");
    while let Some(frame) = frames.next_frame() {
        let [top, bottom] = marks(&format, &frame).map(|mark| {
            mark.unwrap_or_else(|error| panic!("frame {} after {last:?}: {error}", now.whole))
        });
        let dropped = socket_drops(port);
        assert_eq!(dropped, 0, "GStreamer was too slow and lost packets: nothing to judge");
        if top != bottom {
            now.torn.push(format!("{top:?} {bottom:?}"));
            continue;
        }
        let (name, number) = (top.name.to_string(), top.frame);
        if let Some((before, previous)) = &last {
            if *before == name && number != previous + 1 {
                // It may come back to the same source by two takes in a row; never twice to
                // the same frame, and never backwards.
                assert!(number > *previous, "{name}: {number} after {previous}");
            }
            now.switches += u64::from(*before != name);
        }
        assert!(seen.insert((name.clone(), number)), "{name} {number} was shown twice");
        now.whole += 1;
        last = Some((name, number));
    }
    now
}

#[test]
fn a_thousand_takes_show_whole_frames_only() {
    let matrix = Matrix::start(2);
    let shape = video(320, 180, "50");
    let format: VideoFormat = serde_json::from_value(shape.clone()).unwrap();
    let names = ["endoscope", "robot", "xray"];
    let sources: Vec<Process> = names
        .iter()
        .zip([0, 6_100, 13_700])
        .map(|(name, offset)| {
            let port = matrix.add_input(name, &shape);
            source(name, "320x180p50", port, offset, &[])
        })
        .collect();
    // A group, so that two receivers hear the same packets.
    let port = matrix.add_output("main", GROUP);
    for name in names {
        matrix.wait_signal(name, "ok");
    }
    matrix.take("main", names[0]);
    let check = check(&matrix, "main", &["--interface", "lo"]);
    let pipeline = format!(
        "udpsrc address={GROUP} multicast-iface=lo port={port} buffer-size=33554432 \
         caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=RAW,\
sampling=YCbCr-4:2:2,depth=(string)10,width=(string)320,height=(string)180,payload=96 \
         ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 \
         ! rtpvrawdepay ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! fdsink fd=1"
    );
    let raw = RawFrames::start(&pipeline, 320 * 180 * 5 / 2);
    let stopper = raw.stopper();
    let judging = thread::spawn(move || judge(format, raw, port));
    for take in 0..TAKES {
        let input = names[usize::try_from(take * 7 % 3).unwrap()];
        let asked = json!({"input": input, "wait_ms": 10000, "force": true});
        let route = matrix.put("/outputs/main/route", &asked).ok();
        assert_eq!((&route["state"], &route["input"]), (&json!("live"), &json!(input)));
    }
    check.terminate();
    let (_, report) = check.finish_json();
    stopper.stop();
    let seen = judging.join().expect("GStreamer's frames are right");
    let skipped = skipped_frames(sources);
    println!("{report:#}\nGStreamer: {seen:#?}");
    let cut = matrix.cut_frames();
    assert_clean(&report, cut);
    assert!(seen.torn.len() as u64 <= cut, "{cut} frames were cut by their senders: {seen:#?}");
    let excused = skipped + cut;
    assert!(report["missing_frames"].as_u64() <= Some(excused), "{excused} excused: {report:#}");
    assert!(report["switch_count"].as_u64() > Some(TAKES * 9 / 10), "{report:#}");
    assert!(seen.switches > TAKES * 9 / 10 && seen.whole > TAKES, "{seen:#?}");
}
