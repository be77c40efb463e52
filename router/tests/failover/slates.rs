//! Slates: what outputs show when an input is lost and nothing stands in for it.

use ormatrix_protocol::{Command, OnLoss, OutputSpec, Route, RouteState, StandIn};
use ormatrix_router::slate::draw;
use st2110::rfc4175::{PayloadHeader, Raster, samples};

use super::{
    assert_whole, backup,
    bench::{Bench, MS, backed, frames, input, output},
};

/// The first octet of a slate's grey in 4:2:2: the upper bits of Cb.
const GREY: u8 = 128;

fn slated(id: &str, port: u16) -> OutputSpec {
    OutputSpec { on_loss: OnLoss::Slate, ..output(id, port) }
}

/// `main` and `left` with a slate, `right` without, all on `a`, which has no backups.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.put_input(input("a", 1));
    bench.put_input(input("b", 2));
    bench.start(1);
    bench.start(2);
    for spec in [slated("main", 101), slated("left", 102), output("right", 103)] {
        bench.put_output(spec);
    }
    bench.run(100);
    for id in ["main", "left", "right"] {
        bench.take(id, "a");
    }
    bench.run(100);
    bench
}

fn shows_slate(route: &Route) -> bool {
    route.stand_in == Some(StandIn::Slate)
}

fn running(bench: &Bench) -> usize {
    bench.ports.slates.lock().unwrap().running()
}

#[test]
fn a_lost_input_is_said_to_be_lost() {
    let mut bench = bench();
    for port in [101, 102, 103] {
        bench.sent(port);
    }
    bench.events();
    bench.run(47);
    bench.stop(1);
    let mut seen = Vec::new();
    while bench.route("main").state != RouteState::NoSignal {
        bench.run(1);
    }
    seen.push(bench.route("main"));
    let shown_after = bench.until("main", shows_slate);
    assert!(shown_after < 70 * MS, "{shown_after}");
    seen.push(bench.route("main"));
    // From the loss on it is never called anything but lost, and a slate only once it is one.
    assert_eq!(seen[0].stand_in, None);
    assert!(seen.iter().all(|route| route.state == RouteState::NoSignal), "{seen:?}");
    assert_eq!(seen[0].since, seen[1].since, "since when it is lost");
    assert_eq!(seen[1].input, Some("a".parse().unwrap()));
    bench.run(300);
    assert_eq!(running(&bench), 1, "one for both outputs");
    let right = bench.route("right");
    assert_eq!((right.state, right.stand_in), (RouteState::NoSignal, None));
    for port in [101, 102] {
        let shown = frames(&bench.sent(port), 8);
        assert_whole(&shown, 2);
        let first = shown.iter().position(|(source, _)| *source == GREY).unwrap();
        assert!(shown[first..].iter().all(|(source, _)| *source == GREY), "{shown:?}");
        assert!(shown.len() - first >= 15, "at the input's rate");
    }
    assert!(frames(&bench.sent(103), 0).iter().all(|(source, _)| *source == 1));

    // Back at once, on whole frames.
    bench.start(1);
    let back = bench.until("main", |route| route.state == RouteState::Live);
    assert!(back < 100 * MS, "{back}");
    assert_eq!(bench.route("main").stand_in, None);
    bench.run(300);
    assert_eq!(running(&bench), 0);
    for port in [101, 102] {
        let shown = frames(&bench.sent(port), 0);
        let (first, last) = (shown[0], shown[shown.len() - 1]);
        assert!(first.0 == GREY && last.0 == 1, "{shown:?}");
        assert_whole(&shown[1..shown.len() - 1], 0);
    }
    // A second loss is another slate, with another time.
    bench.stop(1);
    bench.until("main", shows_slate);
    let slates = bench.ports.slates.lock().unwrap();
    let since: Vec<u64> = slates.started.iter().map(|card| card.since).collect();
    assert!(since.len() == 2 && since[0] < since[1], "{since:?}");
}

#[test]
fn what_leaves_is_what_was_drawn() {
    let mut bench = Bench::new();
    let mut large = input("xray", 7);
    large.label = Some("X-ray".into());
    large.video.width = 320;
    large.video.height = 180;
    bench.put_input(large.clone());
    bench.put_output(slated("main", 101));
    bench.take("main", "xray");
    bench.run(400);
    assert_eq!(bench.route("main").state, RouteState::Waiting, "it may yet come");
    bench.until("main", shows_slate);
    bench.sent(101);
    bench.run(100);
    let card = bench.ports.slates.lock().unwrap().started[0].clone();
    let raster = Raster::new(&large.video).unwrap();
    let (picture, mut frame) = (draw(&card).unwrap(), vec![0; raster.buffer_octets()]);
    let mut whole = 0;
    let mut placed = 0;
    for (_, packet) in bench.sent(101) {
        let header = PayloadHeader::parse(&packet[12..]).unwrap();
        placed += header.data_len();
        raster.place(&header, &packet[12 + header.data_start..], &mut frame).unwrap();
        if packet[1] & 0x80 != 0 {
            if placed == frame.len() {
                assert!(frame == picture);
                whole += 1;
            }
            frame.fill(0);
            placed = 0;
        }
    }
    assert!(whole >= 3, "{whole}");
    let luma = |at: usize| samples::luma8_at(&raster, &picture, at % 320, at / 320).unwrap();
    let light = (0..320 * 180).filter(|at| luma(*at) > 200).count();
    assert!(light > 320 * 180 / 20, "there are letters");
}

#[test]
fn a_backup_goes_before_a_slate() {
    let mut bench = Bench::with_backups();
    bench.put_output(slated("main", 101));
    bench.stop(1);
    bench.run(100);
    assert_eq!(bench.route("main").stand_in, Some(backup("b")));
    bench.stop(2);
    bench.stop(3);
    bench.until("main", shows_slate);
    bench.sent(101);
    bench.start(3);
    bench.until("main", |route| {
        route.state == RouteState::Live && route.stand_in == Some(backup("c"))
    });
    bench.start(1);
    bench.run(3300);
    assert_eq!(bench.route("main").stand_in, None);
    assert_whole(&frames(&bench.sent(101), 0)[1..], 1);
    assert_eq!(running(&bench), 0);
}

#[test]
fn takes_and_changes_while_a_slate_is_on() {
    let mut bench = bench();
    bench.stop(1);
    bench.until("main", shows_slate);
    bench.sent(101);
    // Another input.
    bench.take("main", "b");
    bench.until("main", |route| route.state == RouteState::Live);
    bench.run(200);
    assert_whole(&frames(&bench.sent(101), 0)[1..], 1);
    assert_eq!(running(&bench), 1, "the other output still shows it");
    // The lost one again: the slate that runs already.
    bench.take("main", "a");
    bench.until("main", shows_slate);
    assert_eq!(bench.ports.slates.lock().unwrap().started.len(), 1);
    // Another name is another picture.
    let mut renamed = input("a", 1);
    renamed.label = Some("Tower 2".into());
    bench.put_input(renamed);
    bench.run(300);
    assert!(shows_slate(&bench.route("main")) && shows_slate(&bench.route("left")));
    assert_eq!(running(&bench), 1);
    assert_eq!(bench.ports.slates.lock().unwrap().started[1].label.as_deref(), Some("Tower 2"));
    // Not wanted any more.
    bench.put_output(output("left", 102));
    bench.run(300);
    let route = bench.route("left");
    assert_eq!((route.state, route.stand_in), (RouteState::NoSignal, None));
    bench.sent(102);
    bench.run(100);
    assert!(bench.sent(102).is_empty());
    bench.ask(Command::RemoveOutput { output: "main".parse().unwrap() }).unwrap();
    bench.run(300);
    assert_eq!(running(&bench), 0);
}

#[test]
fn without_a_slate_nothing_is_sent_and_the_input_comes_back() {
    let mut bench = bench();
    bench.ports.slates.lock().unwrap().refused = true;
    bench.sent(101);
    bench.stop(1);
    bench.run(1500);
    let route = bench.route("main");
    assert_eq!((route.state, route.stand_in), (RouteState::NoSignal, None));
    assert_eq!(bench.ports.slates.lock().unwrap().started.len(), 1, "tried once");
    assert!(frames(&bench.sent(101), 8).iter().all(|(source, _)| *source == 1));
    bench.start(1);
    bench.until("main", |route| route.state == RouteState::Live);
    bench.ports.slates.lock().unwrap().refused = false;
    bench.stop(1);
    bench.until("main", shows_slate);
}

#[test]
fn every_input_may_have_a_slate_at_once_again_and_again() {
    let mut bench = Bench::new();
    for n in 1..=16_u16 {
        bench.put_input(input(&format!("in-{n}"), n));
        bench.put_output(slated(&format!("out-{n}"), 100 + n));
        bench.take(&format!("out-{n}"), &format!("in-{n}"));
    }
    for _ in 0..5 {
        for n in 1..=16 {
            bench.start(n);
        }
        bench.run(400);
        assert_eq!(running(&bench), 0);
        for n in 1..=16 {
            assert_eq!(bench.route(&format!("out-{n}")).state, RouteState::Live);
            bench.stop(n);
        }
        bench.run(200);
        assert_eq!(running(&bench), 16);
        for n in 1..=16 {
            assert!(shows_slate(&bench.route(&format!("out-{n}"))), "{n}");
        }
    }
    let one_more = bench.ask(Command::PutInput(backed("in-17", 17, &[])));
    assert!(one_more.unwrap_err().to_string().contains("room for 16 input streams"));
}
