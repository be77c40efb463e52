//! One stream on two legs (ST 2022-7) between network interfaces: cables are pulled and put
//! back, and nobody notices. Needs root; see [`ormatrix_tests::namespace`].

use ormatrix_protocol::{Merge, MergeOrder, RouteState, SignalState};
use ormatrix_tests::{
    Process,
    media::{RawFrames, assert_no_defect, format, marks},
    namespace::{
        Cable, FIRST, Host, LAST, Network, SECOND,
        router::{Router, input, leg},
    },
};
use serde_json::Value;

const PORT: u16 = 5004;

/// A network with two cables from the source, a router, and one stream over both.
struct Site {
    router: Router,
    source: Process,
    network: Network,
    _folder: tempfile::TempDir,
}

impl Site {
    fn start(shape: &str, single_packets: bool, order: MergeOrder, output_legs: u16) -> Self {
        let network = Network::new();
        network.plug(&SECOND);
        for (host, interface) in [FIRST, SECOND, LAST].iter().flat_map(|cable| cable.ends) {
            network.offload(host, interface, "tx-udp-segmentation", !single_packets);
        }
        let folder = tempfile::tempdir().unwrap();
        let mut router = Router::start(&network, folder.path());
        // A group on one leg, this host on the other.
        let legs = vec![leg("239.0.1.1", PORT, "in1"), leg("192.0.2.2", PORT, "in2")];
        router.put_input(input("camera", shape, legs, Merge { order, ..Merge::default() }));
        let output = |leg_index| leg("203.0.113.2", PORT + 2 * leg_index, "out");
        router.put_output_of("main", (0..output_legs).map(output).collect(), 8, 34);
        let mut command = network.own(Host::Src, "ormatrix-source");
        command.args(["--pattern", "ball", "--name", "Camera", "--format", shape, "--json"]);
        command.args(["--to", "239.0.1.1:5004", "--interface", "out1"]);
        command.args(["--to", "192.0.2.2:5004", "--interface", "out2"]);
        let source = Process::start(command);
        router.until_signal("camera", SignalState::Ok);
        router.take(&[("main", "camera")]);
        router.until_route("main", RouteState::Live);
        router.until("both legs are alive", |router| {
            let legs = router.input("camera").counters.legs;
            legs.iter().all(|leg| leg.alive).then_some(())
        });
        Self { router, source, network, _folder: folder }
    }

    /// Our judge of a leg of the output, once it listens.
    fn check(&self, shape: &str, port: u16) -> Process {
        let mut command = self.network.own(Host::Dst, "ormatrix-sink");
        let at = format!("203.0.113.2:{port}");
        command.args(["check", "--format", shape, "--at", &at, "--interface", "in", "--json"]);
        command.args(["--expect-name", "Camera", "--seconds", "300"]);
        let mut sink = Process::start(command);
        sink.wait_for("listening");
        sink
    }

    /// Pulls and puts back each leg in turn, so many times together.
    fn pull(&mut self, times: usize) {
        for time in 0..times {
            let cable: &Cable = [&FIRST, &SECOND][time % 2];
            let (host, interface) = cable.ends[1];
            self.network.ip(host, &format!("link set {interface} down"));
            self.until_leg(time % 2, false);
            self.network.ip(host, &format!("link set {interface} up"));
            self.until_leg(time % 2, true);
        }
    }

    /// Waits until a leg is alive, or is not, while frames come.
    fn until_leg(&mut self, leg: usize, alive: bool) {
        let start = self.router.input("camera").counters.whole_frames;
        loop {
            self.router.until_frames("camera", 1);
            let counters = self.router.input("camera").counters;
            if counters.legs[leg].alive == alive {
                break;
            }
            assert!(counters.whole_frames < start + 6000, "leg {leg} never: alive {alive}");
        }
    }

    /// Nothing was lost on the way; the judge has seen every frame but those that the source
    /// itself left out, which are returned.
    fn assert_nothing_missing(mut self, judge: Process) -> u64 {
        judge.terminate();
        let (_, report) = judge.finish_json();
        let status = self.router.input("camera");
        self.source.terminate();
        let (_, sent) = self.source.finish_json();
        println!("{report:#}\n{sent:#}\n{status:#?}");
        let count = |report: &Value, what: &str| report[what].as_u64().unwrap();
        assert_no_defect(&report);
        let (skipped, partial) = (count(&sent, "skipped_frames"), count(&report, "partial"));
        assert!(partial <= skipped && count(&report, "missing_frames") <= skipped + partial);
        assert!(count(&report, "whole") > 100);
        assert_eq!(status.counters.lost_packets, 0);
        skipped
    }
}

/// Full HD at 60 frames a second, in runs of packets, as the machine would not carry them one
/// by one on both legs.
#[test]
fn a_leg_pulled_and_put_back_a_hundred_times_under_full_hd() {
    const SHAPE: &str = "1920x1080p60";
    let mut site = Site::start(SHAPE, false, MergeOrder::Restored, 1);
    let judge = site.check(SHAPE, PORT);
    site.pull(100);
    site.assert_nothing_missing(judge);
}

/// Packet by packet, in both orders, judged by `check` on one leg of the output and by
/// GStreamer on the other.
#[test]
fn a_leg_pulled_under_the_eyes_of_gstreamer() {
    const SHAPE: &str = "640x360p50";
    for order in [MergeOrder::Restored, MergeOrder::FirstCopy] {
        let mut site = Site::start(SHAPE, true, order, 2);
        let judge = site.check(SHAPE, PORT);
        let pipeline = "udpsrc port=5006 buffer-size=33554432 \
             caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=RAW,\
sampling=YCbCr-4:2:2,depth=(string)10,width=(string)640,height=(string)360,payload=96 \
             ! rtpvrawdepay ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! fdsink";
        let shape = format(SHAPE);
        let octets = usize::from(shape.width) * usize::from(shape.height) * 5 / 2;
        let command = site.network.command(Host::Dst, "gst-launch-1.0");
        let mut frames = RawFrames::by(command, pipeline, octets);
        let stopper = frames.stopper();
        frames.next_frame().expect("a first frame");
        let judging = std::thread::spawn(move || {
            // The one in progress when GStreamer began to listen lacks its top.
            frames.next_frame().expect("a second frame");
            let mut numbers = Vec::new();
            while let Some(frame) = frames.next_frame() {
                let [top, bottom] = marks(&shape, &frame).map(|mark| mark.expect("a strip"));
                assert_eq!(top, bottom, "a frame of two");
                numbers.push(top.frame);
            }
            numbers
        });
        site.pull(20);
        stopper.stop();
        let numbers = judging.join().expect("GStreamer's frames are whole");
        let gaps: u32 = numbers.windows(2).map(|pair| pair[1] - pair[0] - 1).sum();
        assert!(numbers.len() > 50, "{}", numbers.len());
        println!("GStreamer: {} frames, {gaps} missing", numbers.len());
        let skipped = site.assert_nothing_missing(judge);
        assert!(u64::from(gaps) <= skipped, "{gaps} missing, {skipped} left out by the source");
    }
}
