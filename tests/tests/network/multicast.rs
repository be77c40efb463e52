//! Groups: who is joined, for which sender, at which interface.

use ormatrix_protocol::{RouteState, SignalState};
use ormatrix_tests::{
    media::{format, marks},
    namespace::{Cable, FIRST, Host, SECOND},
};
use st2110::format::VideoFormat;

use crate::site::{PORT, SOUND_RTP, Site, assert_all, assert_clean, at, check, input, leg, source};

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
