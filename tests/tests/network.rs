//! The router between real network interfaces: multicast with its membership reports,
//! interfaces that come and go, offloads, fragments. Each test builds three hosts and cables
//! of its own (see [`ormatrix_tests::namespace`]) and needs root.

use std::net::IpAddr;

use ormatrix_protocol::{
    DropReason, InputSpec, Leg, RouteState, SignalState, WithheldReason, spec::standard_udp_limit,
};
use ormatrix_tests::{
    Process,
    media::{assert_no_defect, marks, video},
    namespace::{
        Cable, FIRST, Host, LAST, Network, SECOND,
        capture::{Capture, Captured},
        router::Router,
    },
};
use serde_json::Value;
use st2110::format::VideoFormat;
use tempfile::TempDir;

const PORT: u16 = 5004;

/// A router in the middle; dropped in this order.
struct Site {
    router: Router,
    folder: TempDir,
    network: Network,
}

impl Site {
    fn start() -> Self {
        let network = Network::new();
        let folder = tempfile::tempdir().unwrap();
        let router = Router::start(&network, folder.path());
        Self { router, folder, network }
    }

    fn capture(&self, at: (Host, &str), filter: &str, count: usize) -> Capture {
        Capture::start(&self.network, at, filter, count, self.folder.path())
    }
}

fn format(name: &str) -> VideoFormat {
    let (size, rate) = name.split_once('p').unwrap();
    let (width, height) = size.split_once('x').unwrap();
    let shape = video(width.parse().unwrap(), height.parse().unwrap(), rate);
    serde_json::from_value(shape).unwrap()
}

fn leg(address: &str, port: u16, source: Option<&str>, interface: &str) -> Leg {
    Leg {
        address: address.parse().unwrap(),
        port,
        source: source.map(|source| source.parse().unwrap()),
        interface: Some(interface.to_owned()),
    }
}

fn input(id: &str, shape: &str, leg: Leg) -> InputSpec {
    InputSpec {
        id: id.parse().unwrap(),
        video: format(shape),
        legs: vec![leg],
        payload_type: 96,
        max_udp: standard_udp_limit(),
        merge: ormatrix_protocol::Merge::default(),
        label: None,
        audio: None,
        ancillary: None,
        failover: ormatrix_protocol::Failover::default(),
    }
}

/// `address:port` as programs take it.
fn at(address: &str, port: u16) -> String {
    let address: IpAddr = address.parse().unwrap();
    std::net::SocketAddr::new(address, port).to_string()
}

/// One of our sources on `src`.
fn source(network: &Network, name: &str, shape: &str, to: &str, more: &[&str]) -> Process {
    let mut command = network.own(Host::Src, "ormatrix-source");
    command.args(["--pattern", "ball", "--name", name, "--format", shape, "--to", to, "--json"]);
    command.args(more);
    Process::start(command)
}

/// Our judge on `dst`, once it listens.
fn check(network: &Network, name: &str, shape: &str, at: &str, frames: u64) -> Process {
    let mut command = network.own(Host::Dst, "ormatrix-sink");
    command.args(["check", "--format", shape, "--at", at, "--interface", "in", "--json"]);
    command.args(["--expect-name", name, "--frames", &frames.to_string(), "--seconds", "60"]);
    let mut sink = Process::start(command);
    sink.wait_for("listening");
    sink
}

/// The judge's report: frames enough and no defect. A source on a busy machine leaves frames
/// out, and may stop within one for so long that the router gives it up; its own report says
/// how often, and that is not the router's fault.
fn assert_clean(judge: Process, frames: u64, source: Process) {
    let (_, report) = judge.finish_json();
    source.terminate();
    let (_, sent) = source.finish_json();
    let count = |report: &Value, what: &str| report[what].as_u64().unwrap();
    assert_no_defect(&report);
    for defect in ["without_marker", "unexpected_source"] {
        assert_eq!(report[defect], 0, "{defect}: {report:#}");
    }
    let skipped = count(&sent, "skipped_frames");
    let partial = count(&report, "partial");
    assert!(partial <= skipped, "{sent:#} {report:#}");
    // The number of a partial frame may be in the part that is missing.
    assert!(count(&report, "missing_frames") <= skipped + partial, "{sent:#} {report:#}");
    assert!(count(&report, "whole") >= frames, "{report:#}");
}

/// Every packet of a capture is alike in these fields, which are as wanted.
fn assert_all(captured: &Captured, count: usize, wanted: &[(&str, &str)], more: &[&str]) {
    let names: Vec<_> = wanted.iter().map(|(name, _)| *name).collect();
    let more = [&["-d", "udp.port==5004,rtp"], more].concat();
    let packets = captured.fields("frame", &names, &more);
    assert_eq!(packets.len(), count);
    let values: Vec<_> = wanted.iter().map(|(_, value)| (*value).to_owned()).collect();
    let mut others = packets.iter().filter(|packet| **packet != values);
    assert_eq!(others.next(), None, "{} more, not {wanted:?}", others.count());
}

/// What tshark says of RTP that nothing is wrong with.
const SOUND_RTP: [(&str, &str); 5] = [
    ("rtp.version", "2"),
    ("rtp.p_type", "96"),
    ("rtp.ssrc", "0x0052138c"),
    ("_ws.malformed", ""),
    ("_ws.expert.message", ""),
];

/// A group joined for one sender: the report names it, another sender is not received, and
/// what leaves by the named interface carries what was asked for.
#[test]
fn source_specific_multicast() {
    const SHAPE: &str = "640x360p50";
    let mut site = Site::start();
    let reports = site.capture((Host::Src, "out1"), "igmp", 1000);
    let from = leg("232.0.1.1", PORT, Some("198.51.100.1"), "in1");
    site.router.put_input(input("camera", SHAPE, from));
    site.router.put_output("main", leg("232.0.2.1", PORT, None, "out"), 7, 46);

    // A stream as good as the right one arrives at the interface, from another address.
    site.network.ip(Host::Src, "addr add 198.51.100.9/24 dev out1");
    let arriving = site.capture((Host::Mid, "in1"), "src host 198.51.100.9 and udp", 1000);
    let _rogue = source(
        &site.network,
        "Rogue",
        SHAPE,
        "232.0.1.1:5004",
        &["--interface", "out1", "--source", "198.51.100.9"],
    );
    arriving.full();
    assert_eq!(site.router.input("camera").counters.packets, 0);

    let more = ["--interface", "out1", "--source", "198.51.100.1"];
    let camera = source(&site.network, "Camera", SHAPE, "232.0.1.1:5004", &more);
    site.router.until_signal("camera", SignalState::Ok);
    site.router.take(&[("main", "camera")]);
    site.router.until_route("main", RouteState::Live);
    let leaving = site.capture((Host::Dst, "in"), "dst host 232.0.2.1", 2000);
    let judge = check(&site.network, "Camera", SHAPE, "232.0.2.1:5004", 300);
    assert_clean(judge, 300, camera);
    assert_eq!(site.router.input("camera").counters.dropped.into_iter().collect::<Vec<_>>(), []);
    reports.stop().assert_joined("232.0.1.1", "198.51.100.1");
    let ip = [
        ("ip.src", "203.0.113.1"),
        ("ip.dst", "232.0.2.1"),
        ("ip.ttl", "7"),
        ("ip.dsfield.dscp", "46"),
        ("ip.flags.mf", "0"),
        ("ip.frag_offset", "0"),
        ("udp.dstport", "5004"),
    ];
    assert_all(&leaving.full(), 2000, &[&ip[..], &SOUND_RTP].concat(), &[]);
}

/// The same over IPv6, to an address of one host; the second output is read by GStreamer.
#[test]
fn source_specific_multicast_over_ipv6() {
    const SHAPE: &str = "320x180p50";
    let mut site = Site::start();
    let reports = site.capture((Host::Src, "out1"), "ip6[6] == 0", 1000);
    let from = leg("ff3e::8000:1", PORT, Some("2001:db8:1::1"), "in1");
    site.router.put_input(input("camera", SHAPE, from));
    site.router.put_output("main", leg("2001:db8:3::2", PORT, None, "out"), 7, 46);
    site.router.put_output("second", leg("ff3e::8000:2", PORT + 2, None, "out"), 7, 46);

    site.network.ip(Host::Src, "addr add 2001:db8:1::9/64 dev out1 nodad");
    let arriving = site.capture((Host::Mid, "in1"), "src host 2001:db8:1::9 and udp", 1000);
    let to = "[ff3e::8000:1]:5004";
    let more = ["--interface", "out1", "--source", "2001:db8:1::9"];
    let _rogue = source(&site.network, "Rogue", SHAPE, to, &more);
    arriving.full();
    assert_eq!(site.router.input("camera").counters.packets, 0);

    let more = ["--interface", "out1", "--source", "2001:db8:1::1"];
    let camera = source(&site.network, "Camera", SHAPE, to, &more);
    site.router.until_signal("camera", SignalState::Ok);
    site.router.take(&[("main", "camera"), ("second", "camera")]);
    site.router.until_route("main", RouteState::Live);
    site.router.until_route("second", RouteState::Live);
    let filter = "dst host 2001:db8:3::2 and not icmp6";
    let judge = check(&site.network, "Camera", SHAPE, "[2001:db8:3::2]:5004", 200);
    let leaving = site.capture((Host::Dst, "in"), filter, 2000);
    let foreign = site.network.gstreamer(
        Host::Dst,
        "udpsrc address=ff3e::8000:2 port=5006 multicast-iface=in buffer-size=33554432 \
         caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=RAW,\
sampling=YCbCr-4:2:2,depth=(string)10,width=(string)320,height=(string)180,payload=96 \
         ! rtpvrawdepay ! identity eos-after=50 ! fdsink fd=1",
    );
    let (_, octets) = foreign.finish();
    assert_shows(&octets, &format(SHAPE), "Camera", 40);
    assert_clean(judge, 200, camera);
    assert_eq!(site.router.input("camera").counters.dropped.into_iter().collect::<Vec<_>>(), []);
    reports.stop().assert_joined("ff3e::8000:1", "2001:db8:1::1");
    let ip = [
        ("ipv6.src", "2001:db8:3::1"),
        ("ipv6.dst", "2001:db8:3::2"),
        ("ipv6.hlim", "7"),
        ("ipv6.tclass.dscp", "46"),
        // UDP follows at once: no fragment header.
        ("ipv6.nxt", "17"),
        ("udp.dstport", "5004"),
    ];
    assert_all(&leaving.full(), 2000, &[&ip[..], &SOUND_RTP].concat(), &[]);
}

/// Raw frames, each whole and of this source, in order. The first may have begun before its
/// receiver listened.
fn assert_shows(octets: &[u8], format: &VideoFormat, name: &str, least: usize) {
    let length = usize::from(format.width) * usize::from(format.height) * 5 / 2;
    let frames: Vec<_> = octets.chunks_exact(length).skip(1).collect();
    assert!(frames.len() >= least, "{} frames", frames.len());
    let mut last = 0;
    for frame in frames {
        let [top, bottom] = marks(format, frame).map(|mark| mark.expect("a strip"));
        assert_eq!(top, bottom);
        assert_eq!(top.name.as_str(), name);
        assert!(top.frame > last, "{} after {last}", top.frame);
        last = top.frame;
    }
}

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

/// One group and port on two interfaces are two streams.
#[test]
fn one_group_on_two_interfaces() {
    two_interfaces("239.0.1.1", ["198.51.100.1", "192.0.2.1"]);
}

/// The same over IPv6.
#[test]
fn one_group_on_two_interfaces_over_ipv6() {
    two_interfaces("ff15::1:1", ["2001:db8:1::1", "2001:db8:2::1"]);
}

fn two_interfaces(group: &str, sources: [&str; 2]) {
    const SHAPE: &str = "320x180p50";
    let mut site = Site::start();
    site.network.plug(&SECOND);
    let sides = [("left", FIRST), ("right", SECOND)];
    for (port, (id, cable)) in (PORT..).zip(sides) {
        let [_, (_, interface)] = cable.ends;
        site.router.put_input(input(id, SHAPE, leg(group, PORT, None, interface)));
        site.router.put_output(id, leg("203.0.113.2", port, None, "out"), 64, 34);
    }
    let start = |(id, cable): (&str, Cable), address: &str| {
        let [(_, interface), _] = cable.ends;
        let more = ["--interface", interface, "--source", address];
        source(&site.network, id, SHAPE, &at(group, PORT), &more)
    };
    // Only one side has a sender: the other hears nothing of it.
    let left = start(sides[0], sources[0]);
    site.router.until_signal("left", SignalState::Ok);
    assert_eq!(site.router.input("right").counters.packets, 0);
    let right = start(sides[1], sources[1]);
    site.router.until_signal("right", SignalState::Ok);
    site.router.take(&[("left", "left"), ("right", "right")]);
    let mut judges = Vec::new();
    for (port, (id, _)) in (PORT..).zip(sides) {
        site.router.until_route(id, RouteState::Live);
        judges.push(check(&site.network, id, SHAPE, &at("203.0.113.2", port), 100));
    }
    for (judge, sender) in judges.into_iter().zip([left, right]) {
        assert_clean(judge, 100, sender);
    }
    for (id, _) in sides {
        let dropped = site.router.input(id).counters.dropped;
        assert_eq!(dropped.into_iter().collect::<Vec<_>>(), [], "{id}");
    }
}

/// Interfaces on both sides go down and come up again: the pictures come back by themselves.
#[test]
fn interfaces_down_and_up() {
    const SHAPE: &str = "320x180p50";
    let mut site = Site::start();
    let legs = [
        ("v4", "232.0.1.1", "232.0.2.1", Some("198.51.100.1")),
        ("v6", "ff15::1:1", "ff15::2:1", None),
        ("one-v6", "ff35::1:2", "ff35::2:2", Some("2001:db8:1::1")),
    ];
    let mut senders = Vec::new();
    for (id, from, to, only) in legs {
        site.router.put_input(input(id, SHAPE, leg(from, PORT, only, "in1")));
        site.router.put_output(id, leg(to, PORT, None, "out"), 8, 34);
        site.router.take(&[(id, id)]);
        let address = only.unwrap_or("2001:db8:1::1");
        let more = ["--interface", "out1", "--source", address];
        senders.push(source(&site.network, id, SHAPE, &at(from, PORT), &more));
        site.router.until_route(id, RouteState::Live);
    }
    // The router's own interface, then the far end, as when a cable is pulled.
    for (host, interface) in [(Host::Mid, "in1"), (Host::Src, "out1")] {
        site.network.ip(host, &format!("link set {interface} down"));
        for (id, ..) in legs {
            site.router.until_signal(id, SignalState::Lost);
            site.router.until_route(id, RouteState::NoSignal);
        }
        site.network.ip(host, &format!("link set {interface} up"));
        for (id, ..) in legs {
            site.router.until_signal(id, SignalState::Ok);
            site.router.until_route(id, RouteState::Live);
        }
    }
    site.network.ip(Host::Mid, "link set out down");
    for (id, ..) in legs {
        site.router.until(&format!("sends of {id} fail"), |router| {
            router.output(id).counters.withheld.get(&WithheldReason::SendFailed).map(drop)
        });
    }
    site.network.ip(Host::Mid, "link set out up");
    let judges = legs.map(|(id, _, to, _)| check(&site.network, id, SHAPE, &at(to, PORT), 100));
    for (judge, sender) in judges.into_iter().zip(senders) {
        assert_clean(judge, 100, sender);
    }
}

/// An interface that is down for a moment only, which a membership need not survive: Linux
/// (6.18) forgets the sender of one over IPv6.
#[test]
fn interface_down_for_a_moment() {
    const SHAPE: &str = "320x180p50";
    let mut site = Site::start();
    let legs = [
        ("v4", "232.0.1.1", Some("198.51.100.1")),
        ("any-v4", "239.0.1.2", None),
        ("v6", "ff35::1:1", Some("2001:db8:1::1")),
        // The same group and sender on another port.
        ("v6-beside", "ff35::1:1", Some("2001:db8:1::1")),
        ("any-v6", "ff15::1:2", None),
    ];
    let mut senders = Vec::new();
    for (port, (id, group, only)) in (PORT..).zip(legs) {
        site.router.put_input(input(id, SHAPE, leg(group, port, only, "in1")));
        site.router.put_output(id, leg("203.0.113.2", port, None, "out"), 8, 34);
        site.router.take(&[(id, id)]);
        let v4 = group.contains('.');
        let address = if v4 { "198.51.100.1" } else { "2001:db8:1::1" };
        let more = ["--interface", "out1", "--source", address];
        senders.push(source(&site.network, id, SHAPE, &at(group, port), &more));
        site.router.until_route(id, RouteState::Live);
    }
    for _ in 0..3 {
        let flap = "ip link set in1 down && ip link set in1 up";
        site.network.run(Host::Mid, "sh", &["-c", flap]);
        for (id, ..) in legs {
            let frames = site.router.input(id).counters.whole_frames;
            site.router.until(&format!("{id} is received again"), |router| {
                (router.input(id).counters.whole_frames > frames + 100).then_some(())
            });
            site.router.until_route(id, RouteState::Live);
        }
    }
    let mut judges = Vec::new();
    for (port, (id, ..)) in (PORT..).zip(legs) {
        judges.push(check(&site.network, id, SHAPE, &at("203.0.113.2", port), 100));
    }
    for (judge, sender) in judges.into_iter().zip(senders) {
        assert_clean(judge, 100, sender);
    }
}

/// Interfaces on both sides are taken away and made again while everything is routed: the
/// pictures come back, and nobody has touched the router.
#[test]
fn interfaces_removed_and_made_again() {
    const SHAPE: &str = "320x180p25";
    let mut site = Site::start();
    // Input; the one sender it is received from; output; the address it is sent from, in
    // place of an interface.
    let legs = [
        ("v4", "239.0.1.1", None, "239.0.2.1", None),
        ("one-v4", "232.0.1.2", Some("198.51.100.1"), "232.0.2.2", Some("203.0.113.1")),
        ("v6", "ff15::1:3", None, "ff15::2:3", None),
        ("one-v6", "ff35::1:4", Some("2001:db8:1::1"), "ff35::2:4", None),
        ("unicast-v4", "198.51.100.2", None, "203.0.113.2", None),
        ("unicast-v6", "2001:db8:1::2", None, "2001:db8:3::2", None),
    ];
    let send = |network: &Network| -> Vec<Process> {
        let start = |(port, (id, to, ..)): (u16, (&str, &str, _, _, _))| {
            let v4 = to.contains('.');
            let address = if v4 { "198.51.100.1" } else { "2001:db8:1::1" };
            let more = ["--interface", "out1", "--source", address];
            source(network, id, SHAPE, &at(to, port), &more)
        };
        (PORT..).zip(legs).map(start).collect()
    };
    for (port, (id, from, only, to, local)) in (PORT..).zip(legs) {
        site.router.put_input(input(id, SHAPE, leg(from, port, only, "in1")));
        let mut to = leg(to, port, local, "out");
        to.interface = to.interface.filter(|_| local.is_none());
        site.router.put_output(id, to, 8, 34);
        site.router.take(&[(id, id)]);
    }
    let senders = send(&site.network);
    for (id, ..) in legs {
        site.router.until_route(id, RouteState::Live);
    }

    site.network.unplug(&FIRST);
    for (id, ..) in legs {
        site.router.until_signal(id, SignalState::Lost);
        site.router.until_route(id, RouteState::NoSignal);
    }
    drop(senders);
    site.network.plug(&FIRST);
    let senders = send(&site.network);
    for (id, ..) in legs {
        site.router.until_signal(id, SignalState::Ok);
        site.router.until_route(id, RouteState::Live);
    }

    site.network.unplug(&LAST);
    for (id, ..) in legs {
        site.router.until(&format!("sends of {id} fail"), |router| {
            router.output(id).counters.withheld.get(&WithheldReason::SendFailed).map(drop)
        });
    }
    site.network.plug(&LAST);
    let mut judges = Vec::new();
    for (port, (id, _, _, to, _)) in (PORT..).zip(legs) {
        judges.push(check(&site.network, id, SHAPE, &at(to, port), 50));
    }
    for (judge, sender) in judges.into_iter().zip(senders) {
        assert_clean(judge, 50, sender);
    }
}

/// The router starts before its interfaces are there: it keeps inputs, outputs and routes,
/// and they work once the interfaces appear.
#[test]
fn interfaces_that_come_late() {
    const SHAPE: &str = "320x180p25";
    let Site { mut router, folder, network } = Site::start();
    let from = leg("232.0.1.1", PORT, Some("198.51.100.1"), "in1");
    let spec = input("camera", SHAPE, from);
    router.put_input(spec.clone());
    router.put_output("main", leg("232.0.2.1", PORT, None, "out"), 8, 34);
    router.take(&[("main", "camera")]);
    router.kill();
    network.unplug(&FIRST);
    network.unplug(&LAST);
    let own = network.own(Host::Mid, "ormatrix-router");
    let mut router = Router::launch(own, folder.path(), &["cannot receive yet", "cannot send yet"]);
    let kept = router.input("camera");
    assert_eq!((kept.spec, kept.signal.state), (spec, SignalState::Lost));
    let route = router.output("main").route;
    assert_eq!(route.input, Some("camera".parse().unwrap()));
    assert_eq!(route.state, RouteState::Waiting);

    network.plug(&FIRST);
    let more = ["--interface", "out1", "--source", "198.51.100.1"];
    let camera = source(&network, "Camera", SHAPE, "232.0.1.1:5004", &more);
    router.until_signal("camera", SignalState::Ok);
    network.plug(&LAST);
    router.until_route("main", RouteState::Live);
    let judge = check(&network, "Camera", SHAPE, "232.0.2.1:5004", 50);
    assert_clean(judge, 50, camera);
}
