//! Interfaces that go down, are taken away, come back or come late.

use ormatrix_protocol::{RouteState, SignalState, WithheldReason};
use ormatrix_tests::{
    Process,
    namespace::{FIRST, Host, LAST, Network, router::Router},
};

use crate::site::{PORT, Site, assert_clean, at, check, input, leg, source};

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
