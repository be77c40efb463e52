//! Failover in the conductor and two lanes in the simulated network: what stands in for an
//! input that has failed, frame by frame as it leaves.

#[path = "../bench/mod.rs"]
mod bench;
mod drill;
mod levels;
mod slates;

use ormatrix_protocol::{
    Back, Command, Event, Findings, InputSpec, Level, Refusal, RouteState, SignalState, StandIn,
};

use self::bench::{Bench, MS, backed, frames, input, output};

fn backup(id: &str) -> StandIn {
    StandIn::Backup(id.parse().unwrap())
}

/// Whether every frame was whole but the one that its source broke off in.
fn assert_whole(frames: &[(u8, usize)], torn: usize) {
    let partial = frames.iter().filter(|(_, packets)| *packets != 8).count();
    assert!(partial <= torn, "{frames:?}");
}

#[test]
fn a_lost_input_is_replaced_and_comes_back() {
    let mut bench = Bench::with_backups();
    bench.sent(101);
    bench.events();
    bench.run(43);
    let asked = bench.route("main");
    bench.stop(1);
    let lost_after = bench.until("main", |route| route.stand_in == Some(backup("b")));
    assert!(lost_after <= 42 * MS, "two frames of 20 ms and a tick, not {lost_after} ns");
    assert_eq!(bench.signal("a"), SignalState::Lost);
    let route = bench.route("main");
    assert_eq!((route.state, route.confirmed_at), (RouteState::Switching, None));
    bench.until("main", |route| route.state == RouteState::Live);
    let route = bench.route("main");
    assert_eq!((route.input, route.take), (asked.input.clone(), asked.take));
    assert!(route.confirmed_at > asked.confirmed_at);
    assert_eq!(route.stand_in, Some(backup("b")));
    bench.run(500);
    let shown = frames(&bench.sent(101), 8);
    assert_whole(&shown, 1);
    let first = shown.iter().position(|(source, _)| *source == 2).unwrap();
    assert!(first > 0 && shown[first..].iter().all(|(source, _)| *source == 2), "{shown:?}");

    bench.start(1);
    bench.run(2900);
    assert_eq!(bench.route("main").stand_in, Some(backup("b")), "not steady yet");
    bench.run(300);
    let route = bench.route("main");
    assert_eq!((route.state, route.stand_in.clone()), (RouteState::Live, None));
    let shown = frames(&bench.sent(101), 0);
    assert_whole(&shown, 1);
    assert!(shown.iter().rev().skip(1).all(|(_, packets)| *packets == 8), "the last has begun");
    assert_eq!(shown.last().unwrap().0, 1);
    // Every change was told, in order.
    let told: Vec<_> = bench
        .events()
        .into_iter()
        .filter_map(|(_, event)| match event {
            Event::Route { level: Level::Video, route, .. } => Some((route.state, route.stand_in)),
            _ => None,
        })
        .collect();
    let (live, switching) = (RouteState::Live, RouteState::Switching);
    let expected = [
        (switching, Some(backup("b"))),
        (live, Some(backup("b"))),
        (switching, None),
        (live, None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn outputs_that_fail_over_together_join_on_one_frame() {
    let mut bench = Bench::with_backups();
    for (id, port) in [("left", 102), ("right", 103)] {
        bench.put_output(output(id, port));
        bench.take(id, "a");
    }
    bench.run(100);
    bench.stop(1);
    bench.run(200);
    let joins = [101, 102, 103].map(|port| {
        let sent = bench.sent(port);
        let (_, first) = sent.iter().find(|(_, packet)| packet[20] == 2).unwrap();
        u32::from_be_bytes(first[4..8].try_into().unwrap())
    });
    assert!(joins.iter().all(|timestamp| *timestamp == joins[0]), "{joins:?}");
}

#[test]
fn a_backup_that_is_lost_hands_on() {
    let mut bench = Bench::with_backups();
    bench.stop(1);
    bench.run(200);
    bench.sent(101);
    bench.stop(2);
    bench.until("main", |route| {
        route.stand_in == Some(backup("c")) && route.state == RouteState::Live
    });
    bench.start(2);
    bench.run(500);
    assert_eq!(bench.route("main").stand_in, Some(backup("c")));
    assert_whole(&frames(&bench.sent(101), 8), 1);
    // With all lost, the route says so, and the input asked for is shown as soon as it is back.
    bench.stop(2);
    bench.stop(3);
    bench.run(300);
    let route = bench.route("main");
    assert_eq!((route.state, route.stand_in), (RouteState::NoSignal, None));
    bench.start(1);
    let back = bench.until("main", |route| route.state == RouteState::Live);
    assert!(back < 100 * MS, "{back}");
    assert_eq!(bench.route("main").stand_in, None);
}

#[test]
fn a_take_wins_over_failover() {
    let mut bench = Bench::with_backups();
    bench.stop(1);
    bench.run(200);
    // Another input.
    let take = bench.take("main", "c");
    bench.run(100);
    let route = bench.route("main");
    assert_eq!((route.state, route.stand_in, route.take), (RouteState::Live, None, take));
    bench.start(1);
    bench.run(5000);
    assert_eq!(bench.route("main").input, Some("c".parse().unwrap()));
    // A lost input with a backup.
    bench.stop(1);
    bench.run(100);
    let take = bench.take("main", "a");
    bench.run(100);
    let route = bench.route("main");
    assert_eq!((route.state, route.take), (RouteState::Live, take), "confirmed under its number");
    assert_eq!(route.stand_in, Some(backup("b")));
    // The backup itself: now it is what was asked for.
    bench.sent(101);
    bench.take("main", "b");
    bench.run(100);
    let route = bench.route("main");
    assert_eq!((route.state, route.stand_in), (RouteState::Live, None));
    let shown = frames(&bench.sent(101), 0);
    assert_whole(&shown[1..shown.len() - 1], 0);
    assert!(shown.iter().all(|(source, _)| *source == 2), "{shown:?}");
}

#[test]
fn back_by_hand_stays_until_taken() {
    let mut bench = Bench::with_backups();
    let mut manual = backed("a", 1, &["b", "c"]);
    manual.failover.back = Back::Manual;
    bench.put_input(manual);
    bench.run(50);
    assert_eq!(bench.route("main").state, RouteState::Live);
    bench.stop(1);
    bench.run(100);
    bench.start(1);
    bench.run(10_000);
    assert_eq!(bench.route("main").stand_in, Some(backup("b")));
    bench.take("main", "a");
    bench.run(50);
    let route = bench.route("main");
    assert_eq!((route.state, route.stand_in), (RouteState::Live, None));
}

#[test]
fn a_frozen_picture_is_replaced_where_that_is_asked() {
    let mut bench = Bench::with_backups();
    let mut counting = backed("a", 1, &["b"]);
    counting.failover.frozen_ms = Some(2000);
    bench.put_input(counting);
    bench.run(100);
    bench.events();
    let since = Some(bench.conductor.status().outputs[0].route.since.max(1_000_000 * MS));
    let frozen = Findings { frozen_since: since, ..Findings::default() };
    let report = |findings: &Findings| Command::Report {
        input: "a".parse().unwrap(),
        findings: findings.clone(),
    };
    bench.ask(report(&frozen)).unwrap();
    bench.ask(report(&frozen)).unwrap();
    assert_eq!(bench.route("main").stand_in, None);
    bench.until("main", |route| route.stand_in == Some(backup("b")));
    let status = bench.conductor.status();
    assert_eq!(status.inputs[0].findings, frozen);
    bench.run(100);
    let told = bench.events();
    let findings = told.iter().filter(|(_, event)| matches!(event, Event::Findings { .. }));
    assert_eq!(findings.count(), 1, "news once");
    assert!(!told.iter().any(|(_, event)| matches!(event, Event::Inventory)), "{told:?}");
    bench.sent(101);
    bench.ask(report(&Findings::default())).unwrap();
    bench.run(3100);
    assert_eq!(bench.route("main").stand_in, None);
    // The input was alive all the time: not a packet is missing.
    assert_whole(&frames(&bench.sent(101), 0)[1..], 1);
    let unknown = Command::Report { input: "x".parse().unwrap(), findings: frozen };
    assert!(matches!(bench.ask(unknown), Err(Refusal::UnknownInput { .. })));
}

#[test]
fn names_and_policies_change_without_a_frame_lost() {
    let mut bench = Bench::with_backups();
    bench.run(100);
    bench.sent(101);
    let mut renamed: InputSpec = backed("a", 1, &["c"]);
    renamed.label = Some("Endoscope, tower 2".into());
    bench.put_input(renamed.clone());
    let mut slated = output("main", 101);
    slated.on_loss = ormatrix_protocol::OnLoss::Slate;
    bench.put_output(slated.clone());
    bench.run(200);
    let shown = frames(&bench.sent(101), 0);
    assert!(shown.len() >= 10);
    assert_whole(&shown[1..shown.len() - 1], 0);
    let snapshot = bench.conductor.snapshot();
    assert_eq!((&snapshot.inputs[0], &snapshot.outputs[0]), (&renamed, &slated));
    let mut own = backed("a", 1, &["a"]);
    own.label = Some("its own backup".into());
    assert!(matches!(bench.ask(Command::PutInput(own)), Err(Refusal::Invalid { .. })));
}

#[test]
fn a_backup_can_be_removed_while_it_feeds_nothing() {
    let mut bench = Bench::with_backups();
    let remove = |id: &str| Command::RemoveInput { input: id.parse().unwrap() };
    bench.stop(1);
    bench.run(100);
    let refused = bench.ask(remove("b"));
    let outputs = vec!["main".parse().unwrap()];
    assert_eq!(refused, Err(Refusal::InputRouted { input: "b".parse().unwrap(), outputs }));
    bench.ask(remove("c")).unwrap();
    bench.take("main", "b");
    bench.ask(remove("a")).unwrap();
}

#[test]
fn a_restart_decides_anew() {
    let mut bench = Bench::with_backups();
    bench.stop(1);
    bench.run(200);
    assert_eq!(bench.route("main").stand_in, Some(backup("b")));
    let mut again = Bench::on(bench.folder, &[]);
    again.start(1);
    again.start(2);
    again.run(400);
    let route = again.route("main");
    assert_eq!((route.state, route.stand_in), (RouteState::Live, None), "it is back by now");
    let mut again = Bench::on(again.folder, &[]);
    again.start(2);
    again.run(300);
    assert_eq!(again.route("main").state, RouteState::Waiting, "it may yet come");
    again.run(400);
    let route = again.route("main");
    assert_eq!((route.state, route.stand_in), (RouteState::Live, Some(backup("b"))));
}

#[test]
fn a_link_that_is_full_is_no_reason_to_show_nothing() {
    let mut bench = Bench::with_backups();
    let on_narrow = |id: &str, port| {
        let mut spec = output(id, port);
        spec.legs[0].interface = Some("narrow".into());
        spec
    };
    // One stream of the test takes 4.1 of 5 Mb/s; the backup takes twice that.
    let mut fast = input("fast", 4);
    fast.video.rate = "100".parse().unwrap();
    bench.put_input(fast);
    bench.put_output(on_narrow("narrow", 104));
    bench.put_input(backed("d", 5, &["fast"]));
    bench.start(5);
    bench.run(50);
    bench.take("narrow", "d");
    bench.run(100);
    assert!(matches!(
        bench.ask(Command::Salvo {
            takes: vec![ormatrix_protocol::Take::new(
                "narrow".parse().unwrap(),
                Some("fast".parse().unwrap())
            )],
            at: None,
        }),
        Err(Refusal::LinkFull { .. })
    ));
    bench.start(4);
    bench.run(100);
    bench.stop(5);
    bench.run(200);
    assert_eq!(bench.route("narrow").stand_in, Some(backup("fast")));
}
