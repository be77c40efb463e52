//! ST 2022-7 at the limits of its classes, over real network interfaces: one leg is behind by
//! the whole path differential, each loses what the other has, and every octet that leaves is
//! compared with what was sent. Needs root; see [`ormatrix_tests::namespace`].

use std::thread::JoinHandle;

use ormatrix_protocol::{DropReason, Merge, MergeOrder, SignalState};
use ormatrix_tests::{
    Process,
    known::Losses,
    legs::Job,
    media::{RawFrames, Stopper, format},
    namespace::{
        Host, Network, SECOND,
        router::{Router, input, leg},
    },
};
use serde_json::Value;

const SHAPE: &str = "640x360p50";
const FRAMES: u64 = 150;
/// Frames at either end without losses: longer than any class's differential, because before
/// the later leg has begun, and when the earlier one has ended, nothing can stand in.
const CALM_FRAMES: u64 = 12;
const PORT: u16 = 5004;

/// Tries until the machine lets the sender keep the lag.
const TRIES: usize = 5;

/// By how much the sender may be later than the class allows, microseconds: a part of what a
/// merge allows for this host itself (see `Merge::skew_us`).
const TOLERANCE_US: u64 = 500;

/// GStreamer as it receives a second leg of the output.
const PIPELINE: &str = "udpsrc port=5006 buffer-size=134217728 \
     caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=RAW,\
sampling=YCbCr-4:2:2,depth=(string)10,width=(string)640,height=(string)360,payload=96 \
     ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 \
     ! rtpvrawdepay ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! fdsink";

#[test]
fn class_a() {
    at_the_limit(10_000);
}

#[test]
fn class_b() {
    at_the_limit(50_000);
}

#[test]
fn class_c() {
    at_the_limit(150_000);
}

#[test]
fn class_d() {
    at_the_limit(150);
}

fn at_the_limit(skew_us: u32) {
    // Either leg is the later one once.
    for (late, order) in [(1, MergeOrder::Restored), (0, MergeOrder::FirstCopy)] {
        let kept = (0..TRIES).any(|number| run(Merge { skew_us, order }, late, number as u64));
        if !kept {
            // Then the test's own sender broke the class, and nothing can be said of the router.
            eprintln!(
                "NOT JUDGED: in {TRIES} tries this machine never let the sender keep a lag of \
                 {skew_us} us ({order:?}); run it on a quiet machine"
            );
        }
    }
}

/// Sends the whole stream once and judges it. False when packets were refused and the sender
/// itself was later than the class allows, because the machine did not let it run: then there
/// is nothing to judge.
fn run(merge: Merge, late: usize, seed: u64) -> bool {
    let network = Network::new();
    network.plug(&SECOND);
    let folder = tempfile::tempdir().unwrap();
    let mut command = network.own(Host::Mid, "ormatrix-router");
    // Before everything else, as on a host of its own: what the lanes are late by on a busy
    // machine would come on top of what the legs are.
    command.env("ORMATRIX_ROUTER_PRIORITY", "20");
    let mut router = Router::launch(command, folder.path(), &[]);
    // A group on one leg, this host on the other.
    let addresses = ["239.0.1.1", "192.0.2.2"];
    let legs = |interfaces: [&str; 2]| [0, 1].map(|i| leg(addresses[i], PORT, interfaces[i]));
    router.put_input(input("camera", SHAPE, legs(["in1", "in2"]).into(), merge));
    let outputs = [PORT, PORT + 2].map(|port| leg("203.0.113.2", port, "out"));
    router.put_output_of("main", outputs.into(), 8, 34);
    router.take(&[("main", "camera")]);
    let mut lag_us = [0; 2];
    lag_us[late] = u64::from(merge.skew_us);
    let job = Job {
        format: format(SHAPE),
        frames: FRAMES,
        legs: legs(["out1", "out2"]),
        lag_us,
        losses: Losses { seed, calm_frames: CALM_FRAMES, burst: 200, pause: 400 },
    };
    let text = serde_json::to_string(&job).unwrap();
    let start = |host, arguments: &[&str]| {
        let mut command = network.own(host, "ormatrix-test-legs");
        command.args(arguments);
        Process::start(command)
    };
    let mut judge = start(Host::Dst, &["receive", &text, "203.0.113.2:5004"]);
    judge.wait_for("listening");
    let foreign = (merge.order == MergeOrder::Restored).then(|| watch(&network, &job));
    let (status, sent) = start(Host::Src, &["send", &text]).finish_json();
    assert!(status.success());
    let (_, seen) = judge.finish_json();
    let foreign = foreign.map(|(stopper, watched)| {
        // Our judge has heard nothing for seconds: what has not come will not come.
        stopper.stop();
        watched.join().expect("frames are only compared")
    });
    router.until_signal("camera", SignalState::Lost);
    println!("{merge:?}, leg {late} late: {sent} {seen}");
    let limit = u64::from(merge.skew_us);
    let counters = router.input("camera").counters;
    let kept = count(&sent, "most_lag_us") <= limit + limit / 10 + TOLERANCE_US;
    let refused = counters.dropped.keys().any(|reason| *reason != DropReason::SecondCopy);
    let harmed = refused || count(&seen, "missing") > 0;
    if harmed && !kept {
        return false;
    }

    // Nothing missing, nothing twice, nothing changed.
    let packets = count(&sent, "packets");
    for fault in ["missing", "twice", "wrong", "renumbered", "kernel_drops"] {
        assert_eq!(seen[fault], 0, "{fault}: {seen}");
    }
    assert_eq!((&seen["end"], &seen["identities"]), (&packets.into(), &1.into()), "{seen}");
    let first = count(&seen, "first");
    assert!(first <= job.losses.calm_frames * packets / FRAMES, "joined late: {seen}");
    assert_eq!(count(&seen, "packets"), packets - first);
    if merge.order == MergeOrder::Restored {
        assert_eq!(seen["out_of_order"], 0, "{seen}");
    } else {
        assert!(count(&seen, "out_of_order") > 0, "what was lost on the first leg is late");
    }
    if let Some(frames) = foreign {
        let all: Vec<_> = (first * FRAMES / packets..FRAMES).map(Some).collect();
        assert_eq!(frames, all, "GStreamer's frames");
    }

    // The counters say of each leg what was dropped on it, and no more.
    let mut doubled = packets;
    for (index, leg) in counters.legs.iter().enumerate() {
        let [sent, dropped] = ["sent", "dropped"].map(|what| sent[what][index].as_u64().unwrap());
        assert!(dropped > packets / 20, "only {dropped} dropped on leg {index}");
        assert_eq!((leg.packets, leg.lost_packets), (sent, dropped), "leg {index}: {counters:#?}");
        doubled -= dropped;
    }
    assert_eq!((counters.lost_packets, counters.cut_frames), (0, 0), "{counters:#?}");
    let dropped: Vec<_> = counters.dropped.into_iter().collect();
    assert_eq!(dropped, [(DropReason::SecondCopy, doubled)]);
    true
}

fn count(report: &Value, what: &str) -> u64 {
    report[what].as_u64().unwrap_or_else(|| panic!("{what}: {report}"))
}

/// Lets GStreamer put frames together; the thread returns the number of each that it gave,
/// or nothing for one that is not as it was sent.
fn watch(network: &Network, job: &Job) -> (Stopper, JoinHandle<Vec<Option<u64>>>) {
    let octets = usize::from(job.format.width) * usize::from(job.format.height) * 5 / 2;
    let command = network.command(Host::Dst, "gst-launch-1.0");
    let mut frames = RawFrames::by(command, PIPELINE, octets);
    network.until_bound(Host::Dst, PORT + 2);
    let (stopper, stream) = (frames.stopper(), job.stream());
    let compare = move || {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&Some(FRAMES - 1))
            && let Some(frame) = frames.next_frame()
        {
            let number = stream.frame_number(&frame);
            numbers.push(number.filter(|number| stream.frame(*number) == frame));
        }
        numbers
    };
    (stopper, std::thread::spawn(compare))
}
