//! What interfaces and the kernel do to packets: put together, cut, refused, in fragments.

use ormatrix_protocol::{DropReason, RouteState, SignalState, WithheldReason};
use ormatrix_tests::namespace::{Host, Network, SECOND, capture::Capture, router::Router};

use crate::site::{PORT, SOUND_RTP, Site, assert_all, assert_clean, check, input, leg, source};

/// Packets that arrive one by one and are put together by the receiving interface, in full
/// HD; what leaves is whole.
#[test]
fn generic_receive_offload() {
    const SHAPE: &str = "1920x1080p25";
    let mut site = Site::start();
    for (host, interface) in [(Host::Mid, "in1"), (Host::Dst, "in")] {
        site.network.offload(host, interface, "gro", true);
        site.network.offload(host, interface, "rx-udp-gro-forwarding", true);
    }
    site.router.put_input(input("camera", SHAPE, leg("198.51.100.2", PORT, None, "in1")));
    site.router.put_output("main", leg("203.0.113.2", PORT, None, "out"), 64, 34);
    let [sent, received] = [(Host::Src, "out1"), (Host::Mid, "in1")]
        .map(|interface| site.capture(interface, "dst host 198.51.100.2 and udp", 500));
    let camera = source(&site.network, "Camera", SHAPE, "198.51.100.2:5004", &[]);
    site.router.until_signal("camera", SignalState::Ok);
    site.router.take(&[("main", "camera")]);
    site.router.until_route("main", RouteState::Live);
    let longest = |capture: Capture| {
        let lengths = capture.full().fields("udp", &["frame.len"], &[]);
        lengths.iter().map(|fields| fields[0].parse::<usize>().unwrap()).max().unwrap()
    };
    // Ethernet's 14 octets and at most 1500; more only when packets were put together.
    assert!(longest(sent) <= 1514);
    assert!(longest(received) > 1514, "GRO is not at work: this test would show nothing");
    let judge = check(&site.network, "Camera", SHAPE, "203.0.113.2:5004", 50);
    assert_clean(judge, 50, camera);
}

/// An interface without checksum offload: older kernels refuse gathered sends there, newer
/// ones cut and sum up themselves. Either way nothing is missing, and every checksum is right.
#[test]
fn no_checksum_offload() {
    const SHAPE: &str = "640x360p25";
    let mut site = Site::start();
    site.network.offload(Host::Mid, "out", "tx", false);
    site.router.put_input(input("camera", SHAPE, leg("198.51.100.2", PORT, None, "in1")));
    site.router.put_output("main", leg("203.0.113.2", PORT, None, "out"), 64, 34);
    let camera = source(&site.network, "Camera", SHAPE, "198.51.100.2:5004", &[]);
    site.router.until_signal("camera", SignalState::Ok);
    site.router.take(&[("main", "camera")]);
    site.router.until_route("main", RouteState::Live);
    let judge = check(&site.network, "Camera", SHAPE, "203.0.113.2:5004", 100);
    let leaving = site.capture((Host::Dst, "in"), "dst host 203.0.113.2 and udp", 2000);
    assert_clean(judge, 100, camera);
    assert_eq!(site.router.output("main").counters.withheld.get(&WithheldReason::SendFailed), None);
    let good = [("ip.dst", "203.0.113.2"), ("udp.checksum.status", "1")];
    let more = ["-o", "udp.check_checksum:TRUE"];
    assert_all(&leaving.full(), 2000, &[&good[..], &SOUND_RTP].concat(), &more);
}

/// The kernel refuses the first gathered send of each lane, as one does whose path cannot
/// segment; from then on packets leave one by one, and the refused ones are among them.
#[test]
fn no_segmentation_at_all() {
    const SHAPE: &str = "320x180p25";
    let network = Network::new();
    let folder = tempfile::tempdir().unwrap();
    let router = network.own(Host::Mid, "ormatrix-router");
    let mut command = network.command(Host::Mid, "strace");
    // The router stays this process's child; the tracer is beside it.
    command.args(["-D", "-f", "-qq", "--seccomp-bpf", "-o"]).arg(folder.path().join("sends"));
    command.args(["-e", "trace=sendmsg", "-e", "inject=sendmsg:error=EIO:when=1"]);
    command.arg(router.get_args().last().unwrap());
    command.env(ormatrix_io::process::PARENT_VARIABLE, std::process::id().to_string());
    let router = Router::launch(command, folder.path(), &[]);
    let mut site = Site { router, folder, network };
    site.router.put_input(input("camera", SHAPE, leg("198.51.100.2", PORT, None, "in1")));
    site.router.put_output("main", leg("203.0.113.2", PORT, None, "out"), 64, 34);
    let judge = check(&site.network, "Camera", SHAPE, "203.0.113.2:5004", 50);
    site.router.take(&[("main", "camera")]);
    let camera = source(&site.network, "Camera", SHAPE, "198.51.100.2:5004", &[]);
    site.router.until_route("main", RouteState::Live);
    assert_clean(judge, 50, camera);
    let output = site.router.output("main");
    assert_eq!(output.counters.withheld.get(&WithheldReason::SendFailed), None);
    let sends = std::fs::read_to_string(site.folder.path().join("sends")).unwrap();
    let refused = sends.lines().filter(|line| line.contains("(INJECTED)"));
    // A control message of UDP is the length to cut at.
    let gathered = refused.clone().filter(|line| line.contains("cmsg_level=SOL_UDP")).count();
    assert!(
        gathered > 0 && gathered == refused.clone().count(),
        "{:?}",
        refused.collect::<Vec<_>>()
    );
}

/// Datagrams that arrive in IP fragments are counted and not passed on, of either version;
/// a route beside them is not harmed.
#[test]
fn fragments() {
    const SHAPE: &str = "320x180p25";
    let mut site = Site::start();
    site.network.plug(&SECOND);
    let small = [("v4", "198.51.100.2"), ("v6", "2001:db8:1::2")];
    for (port, (id, address)) in (PORT..).zip(small) {
        site.router.put_input(input(id, SHAPE, leg(address, port, None, "in1")));
        site.router.put_output(id, leg("203.0.113.2", port, None, "out"), 64, 34);
    }
    site.router.put_input(input("camera", SHAPE, leg("192.0.2.2", PORT, None, "in2")));
    site.router.put_output("main", leg("2001:db8:3::2", PORT, None, "out"), 64, 34);
    site.router.take(&[("v4", "v4"), ("v6", "v6"), ("main", "camera")]);
    let camera = source(&site.network, "Camera", SHAPE, "192.0.2.2:5004", &[]);
    site.router.until_route("main", RouteState::Live);
    let judge = check(&site.network, "Camera", SHAPE, "[2001:db8:3::2]:5004", 100);

    // The smallest that IPv6 allows. GStreamer's packets of 1400 octets do not fit.
    site.network.ip(Host::Src, "link set out1 mtu 1280");
    let pipelines = (PORT..).zip(small).map(|(port, (_, address))| {
        let pipeline = format!(
            "videotestsrc is-live=true ! video/x-raw,format=UYVP,width=320,height=180,framerate=25/1 \
             ! rtpvrawpay pt=96 mtu=1400 ! udpsink host={address} port={port}"
        );
        site.network.gstreamer(Host::Src, &pipeline)
    });
    let _senders: Vec<_> = pipelines.collect();
    for (id, _) in small {
        site.router.until(&format!("fragments are counted on {id}"), |router| {
            let dropped = router.input(id).counters.dropped;
            dropped.get(&DropReason::Fragmented).is_some_and(|count| *count > 1000).then_some(())
        });
        let counters = site.router.input(id).counters;
        assert_eq!((counters.whole_frames, counters.packets > 1000), (0, true), "{counters:?}");
        let output = site.router.output(id);
        assert_eq!((output.counters.packets, output.route.state), (0, RouteState::Waiting));
    }
    assert_clean(judge, 100, camera);
    assert_eq!(site.router.input("camera").counters.dropped.into_iter().collect::<Vec<_>>(), []);
}
