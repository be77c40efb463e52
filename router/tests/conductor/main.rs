//! The conductor and two lanes in the simulated network, driven by commands as clients
//! give them.

#[path = "../bench/mod.rs"]
mod bench;
mod levels;
mod schedule;
mod three_levels;

use std::{
    collections::{BTreeMap, BTreeSet},
    process, thread,
    time::Duration,
};

use crossbeam_channel::{bounded, never, unbounded};
use ormatrix_protocol::{
    Command, Direction, Event, FromRouter, InputSpec, Leg, MonitorSpec, OutputSpec, Refusal,
    Request, RouteState, SignalState,
};
use ormatrix_router::conductor::{clients::FromClient, snapshot::SnapshotFile};
use st2110::rfc4175::FramePlan;

use self::bench::{Bench, input, output, parcel, take};

fn timestamp(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[4..8].try_into().unwrap())
}

#[test]
fn a_salvo_joins_each_source_on_one_frame() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutInput(input("xray", 3))).unwrap();
    bench.start(3);
    let outputs: Vec<String> = (0..64).map(|n| format!("out-{n}")).collect();
    for (n, id) in outputs.iter().enumerate() {
        bench.ask(Command::PutOutput(output(id, 101 + n as u16))).unwrap();
    }
    bench.run(100);
    // From two sources whose frames end at different times, on two lanes, all to a third
    // whose frame begins between those ends.
    let first: Vec<_> = outputs
        .iter()
        .enumerate()
        .map(|(n, id)| take(id, if n % 2 == 0 { "endoscope" } else { "xray" }))
        .collect();
    bench.salvo(first);
    bench.run(100);
    for n in 0..64 {
        bench.sent(101 + n);
    }
    let number = bench.salvo(outputs.iter().map(|id| take(id, "robot")).collect());
    bench.run(100);
    let mut joins = BTreeSet::new();
    for (n, id) in outputs.iter().enumerate() {
        let route = bench.route(id);
        assert_eq!((route.state, route.take), (RouteState::Live, number), "{id}");
        let sent = bench.sent(101 + n as u16);
        let (_, packet) = sent.iter().find(|(_, packet)| packet[20] == 2).unwrap();
        joins.insert(timestamp(packet));
    }
    assert_eq!(joins.len(), 1, "joined on {joins:?}");
}

#[test]
fn a_take_is_live_only_when_a_whole_frame_has_left() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    assert_eq!(bench.route("main").state, RouteState::Switching);
    let mut frames = BTreeMap::<u32, usize>::new();
    let whole = FramePlan::new(&input("any", 1).video, 1460).unwrap().packets();
    for _ in 0..200 {
        bench.run(1);
        for (_, packet) in bench.sent(101) {
            *frames.entry(timestamp(&packet)).or_default() += 1;
        }
        let live = bench.route("main").state == RouteState::Live;
        assert!(!live || frames.values().any(|packets| *packets == whole), "{frames:?}");
        if live {
            break;
        }
    }
    let route = bench.route("main");
    assert_eq!(route.state, RouteState::Live);
    assert!(route.confirmed_at.is_some());
}

#[test]
fn a_take_of_what_is_there_already_is_confirmed() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
    bench.events();
    let number = bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    let told = bench.events().into_iter().any(|(_, event)| {
        matches!(event, Event::Route { route, .. }
            if route.take == number && route.state == RouteState::Live)
    });
    assert!(told, "whoever asked waits for ever");
}

#[test]
fn a_lost_source_shows_and_comes_back() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    bench.stop(1);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::NoSignal);
    assert_eq!(bench.signal("endoscope"), SignalState::Lost);
    assert_eq!(bench.route("main").input, Some("endoscope".parse().unwrap()));
    bench.start(1);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
    // A take to a source that is not there waits for it.
    bench.ask(Command::PutInput(input("xray", 3))).unwrap();
    bench.salvo(vec![take("main", "xray")]);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Waiting);
    bench.start(3);
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
}

#[test]
fn a_refusal_changes_nothing() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    let before = bench.conductor.snapshot();
    let mut three_legs = input("three", 5);
    for port in [6, 7] {
        three_legs.legs.push(Leg::new("127.0.0.1".parse().unwrap(), port));
    }
    let mut twice = input("twice", 5);
    twice.legs.push(twice.legs[0].clone());
    // The second leg is another input's.
    let mut meeting = input("meeting", 5);
    meeting.legs.push(Leg::new("127.0.0.1".parse().unwrap(), 1));
    let mut never = input("never", 5);
    never.merge.skew_us = 450_001;
    let mut bad_type = input("bad", 5);
    bad_type.payload_type = 95;
    let mut bad_video = input("bad", 5);
    bad_video.video.width = 481;
    let mut bad_dscp = output("bad", 105);
    bad_dscp.dscp = 64;
    let commands = [
        Command::PutInput(input("other", 1)),
        Command::PutInput(three_legs),
        Command::PutInput(twice),
        Command::PutInput(meeting),
        Command::PutInput(never),
        Command::PutInput(bad_type),
        Command::PutInput(bad_video),
        Command::PutOutput(bad_dscp),
        Command::PutOutput(output("other", 101)),
        Command::RemoveInput { input: "endoscope".parse().unwrap() },
        Command::RemoveInput { input: "nosuch".parse().unwrap() },
        Command::RemoveOutput { output: "nosuch".parse().unwrap() },
        Command::Salvo { takes: vec![], at: None },
        Command::Salvo { takes: vec![take("main", "robot"), take("main", "robot")], at: None },
        Command::Salvo { takes: vec![take("main", "robot"), take("nosuch", "robot")], at: None },
        Command::Salvo { takes: vec![take("main", "nosuch")], at: None },
    ];
    for command in commands {
        let said = format!("{command:?}");
        assert!(bench.ask(command).is_err(), "{said}");
        assert_eq!(bench.conductor.snapshot(), before, "{said}");
    }
    bench.run(50);
    assert_eq!(bench.route("main").state, RouteState::Live);
}

#[test]
fn an_output_that_moves_keeps_its_route_and_its_sequence() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "robot")]);
    bench.run(100);
    let last = bench.sent(101).pop().unwrap().1;
    let mut moved = output("main", 102);
    moved.ssrc = 101;
    bench.ask(Command::PutOutput(moved)).unwrap();
    bench.run(100);
    assert_eq!(bench.route("main").state, RouteState::Live);
    let tail = bench.sent(101);
    let before = tail.last().map_or(last, |(_, packet)| packet.clone());
    let first = bench.sent(102).remove(0).1;
    let number = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    assert_eq!(number(&first), number(&before).wrapping_add(1));
    assert_eq!(first[1] & 0x7f, 97);
}

#[test]
fn a_monitor_sees_whole_frames_now_and_then() {
    let mut bench = Bench::with_two_inputs();
    let leg = Leg::new("127.0.0.1".parse().unwrap(), 110);
    let spec = MonitorSpec { input: "robot".parse().unwrap(), leg, interval_ms: 100 };
    bench.ask(Command::PutMonitor(spec)).unwrap();
    bench.run(1000);
    let whole = FramePlan::new(&input("any", 2).video, 1460).unwrap().packets();
    let mut frames = BTreeMap::<u32, usize>::new();
    for (_, packet) in bench.sent(110) {
        *frames.entry(timestamp(&packet)).or_default() += 1;
    }
    assert!(frames.values().all(|packets| *packets == whole), "{frames:?}");
    assert!((7..=10).contains(&frames.len()), "{frames:?}");
    bench.ask(Command::RemoveMonitor { input: "robot".parse().unwrap() }).unwrap();
    bench.run(200);
    bench.sent(110);
    bench.run(200);
    assert!(bench.sent(110).is_empty());
}

#[test]
fn a_restart_takes_up_the_routes_and_opens_late_what_it_can() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "robot")]);
    bench.run(100);
    let (folder, before) = (bench.folder, bench.conductor.snapshot());
    // The port of the routed input is in use at first.
    let mut again = Bench::on(folder, &[2]);
    assert_eq!(again.conductor.snapshot().routes, before.routes);
    assert_eq!(again.conductor.snapshot().inputs, before.inputs);
    again.start(2);
    again.run(100);
    assert_eq!(again.route("main").state, RouteState::Waiting);
    let folder = again.folder;
    let mut again = Bench::on(folder, &[]);
    again.start(2);
    again.run(100);
    assert_eq!(again.route("main").state, RouteState::Live);
    assert_eq!(again.route("main").input, Some("robot".parse().unwrap()));
}

/// What an input received is what it dropped by name and what it offered; what an output was
/// offered is what it sent and what it withheld by name.
#[test]
fn every_packet_is_sent_or_left_under_a_reason() {
    let mut bench = Bench::new();
    bench.ask(Command::PutInput(input("robot", 2))).unwrap();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    let leg = Leg::new("127.0.0.1".parse().unwrap(), 110);
    let monitor = MonitorSpec { input: "robot".parse().unwrap(), leg, interval_ms: 100 };
    bench.ask(Command::PutMonitor(monitor)).unwrap();
    bench.salvo(vec![take("main", "robot")]);
    bench.run(10);
    bench.start(2);
    for _ in 0..80 {
        bench.run(37);
        bench.network.deliver(bench.ports.rx[&2], parcel(vec![0xff; 100], 2, 0));
        // A source that goes and comes back leaves frames unfinished.
        bench.stop(2);
        bench.run(100);
        bench.start(2);
    }
    let status = bench.conductor.status();
    let received = &status.inputs[0].counters;
    let offered = received.packets - received.dropped.values().sum::<u64>();
    assert!(offered > 1000 && received.dropped.values().sum::<u64>() >= 20, "{received:?}");
    for counters in [&status.outputs[0].counters, &status.monitors[0].counters] {
        let withheld = counters.withheld.values().sum::<u64>();
        assert!(counters.packets > 0 && withheld > 0, "{counters:?}");
        assert_eq!(counters.packets + withheld, offered, "{counters:?} {received:?}");
    }
}

/// A stream of the test takes 4 115 200 bits a second of a wire, and `eth1` carries 9 million.
#[test]
fn no_link_is_given_more_than_it_carries() {
    const EACH: u64 = 50 * 8 * (1220 + 66) * 8;
    let mut bench = Bench::new();
    let on = |interface: &str, mut leg: Leg| {
        leg.interface = Some(interface.to_owned());
        vec![leg]
    };
    let received = |id: &str, port, interface: &str| {
        let spec = input(id, port);
        InputSpec { legs: on(interface, spec.legs[0].clone()), ..spec }
    };
    let sent = |id: &str, port, interface: &str| {
        let spec = output(id, port);
        OutputSpec { legs: on(interface, spec.legs[0].clone()), ..spec }
    };
    let full = |direction| {
        let (interface, capacity) = ("eth1".to_owned(), 9_000_000);
        Refusal::LinkFull { interface, direction, capacity, present: 2 * EACH, added: EACH }
    };
    for (id, port) in [("endoscope", 1), ("robot", 2)] {
        bench.ask(Command::PutInput(received(id, port, "eth1"))).unwrap();
    }
    let third = bench.ask(Command::PutInput(received("xray", 3, "eth1"))).unwrap_err();
    assert_eq!(third, full(Direction::Receive));
    assert!(third.to_string().contains("can receive 0.009 Gb/s: 0.008 Gb/s are given"), "{third}");
    bench.ask(Command::PutInput(received("xray", 3, "eth2"))).unwrap();
    // Twice as fast it would not fit any more; the name of one that fits may change.
    let mut faster = received("robot", 2, "eth1");
    faster.video.rate = "100".parse().unwrap();
    let refused = bench.ask(Command::PutInput(faster));
    assert!(matches!(refused, Err(Refusal::LinkFull { added: EACH, .. })), "{refused:?}");

    for (id, port) in [("main", 101), ("left", 102), ("right", 103)] {
        bench.ask(Command::PutOutput(sent(id, port, "eth1"))).unwrap();
    }
    bench.salvo(vec![take("main", "robot"), take("left", "robot")]);
    let takes = vec![take("right", "robot")];
    assert_eq!(bench.ask(Command::Salvo { takes, at: None }), Err(full(Direction::Send)));
    // One goes as another comes.
    let mut exchange = vec![take("right", "robot"), take("main", "robot")];
    exchange[1].input = None;
    bench.salvo(exchange);
    // An output that is routed cannot be moved to where there is no room.
    bench.ask(Command::PutOutput(sent("aside", 104, "eth2"))).unwrap();
    bench.salvo(vec![take("aside", "xray")]);
    let moved = bench.ask(Command::PutOutput(sent("aside", 105, "eth1")));
    assert_eq!(moved, Err(full(Direction::Send)));
}

/// A disk that hangs (here: a pipe in the place of the file, which nobody reads) must hold up
/// neither a take nor its answer.
#[test]
fn a_disk_that_hangs_holds_up_no_take() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    let pipe = bench.folder.path().join("router.new");
    assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (taken, told) = bounded::<()>(1);
    let disk = thread::spawn(move || {
        // Gives up one day, so that a router that waits fails this test instead of hanging it.
        let answered = told.recv_timeout(Duration::from_mins(1)).is_ok();
        std::fs::read(pipe).unwrap();
        answered
    });
    for input in ["endoscope", "robot", "endoscope", "robot"] {
        bench.salvo(vec![take("main", input)]);
        bench.run(100);
        assert_eq!(bench.route("main").state, RouteState::Live);
    }
    taken.send(()).unwrap();
    assert!(disk.join().unwrap(), "the takes waited for the disk");
    // Dropping it waits until the newest routes are written.
    let (folder, expected) = (bench.folder, bench.conductor.snapshot());
    drop(bench.conductor);
    let kept = SnapshotFile::new(folder.path().join("router.json")).load().unwrap();
    assert_eq!(kept, expected);
}

#[test]
fn inputs_and_outputs_come_and_go_without_running_out_of_room() {
    let mut bench = Bench::new();
    for round in 0..40 {
        bench.ask(Command::PutInput(input("endoscope", 1))).unwrap();
        bench.ask(Command::PutOutput(output("main", 101))).unwrap();
        bench.salvo(vec![take("main", "endoscope")]);
        bench.start(1);
        bench.run(if round % 2 == 0 { 5 } else { 80 });
        bench.ask(Command::RemoveOutput { output: "main".parse().unwrap() }).unwrap();
        bench.ask(Command::RemoveInput { input: "endoscope".parse().unwrap() }).unwrap();
        bench.stop(1);
        bench.run(5);
    }
    for n in 1..=16 {
        bench.ask(Command::PutInput(input(&format!("in-{n}"), n))).unwrap();
    }
    let one_more = bench.ask(Command::PutInput(input("in-17", 17)));
    assert!(matches!(one_more, Err(Refusal::Full { limit: 16, .. })), "{one_more:?}");
}

#[test]
fn clients_hear_everything_in_order() {
    let mut bench = Bench::with_two_inputs();
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    let request = Request {
        id: 9,
        request_id: None,
        command: Command::Salvo { takes: vec![take("main", "robot")], at: None },
    };
    bench.conductor.hear(FromClient::Request { client: 1, request }, &never());
    bench.run(100);
    let messages: Vec<FromRouter> = bench.messages().into_iter().map(|(_, told)| told).collect();
    assert!(matches!(messages[0], FromRouter::Hello { .. }));
    let replied = messages.iter().position(|m| matches!(m, FromRouter::Reply { id: 9, .. }));
    let live = messages.iter().position(|message| {
        matches!(message, FromRouter::Event(Event::Route { route, .. })
            if route.state == RouteState::Live)
    });
    assert!(replied.unwrap() < live.unwrap());
}

/// What was asked meanwhile is kept and told in one; whoever asks for everything is answered
/// in turn.
#[test]
fn what_waits_is_done_together() {
    let mut bench = Bench::new();
    let (asking, asked) = unbounded();
    let put = |n| Command::PutInput(input(&format!("in-{n}"), n));
    let mut commands: Vec<Command> = (1..=7).map(put).collect();
    commands.push(Command::RemoveInput { input: "nobody".parse().unwrap() });
    commands.push(Command::Status);
    commands.push(put(8));
    for (id, command) in (1..).zip(commands) {
        let request = Request { id, request_id: None, command };
        asking.send(FromClient::Request { client: 1, request }).unwrap();
    }
    bench.conductor.hear(asked.recv().unwrap(), &asked);
    assert!(asked.is_empty());
    bench.run(1);

    let told: Vec<FromRouter> = bench.messages().into_iter().map(|(_, told)| told).collect();
    let place = |of: u64| {
        let answers = |m: &FromRouter| matches!(m, FromRouter::Reply { id, .. } if *id == of);
        told.iter().position(answers).unwrap()
    };
    let changes: Vec<usize> = (0..told.len())
        .filter(|at| matches!(told[*at], FromRouter::Event(Event::Inventory)))
        .collect();
    assert_eq!(changes.len(), 2, "kept twice: before the status and after it: {told:?}");
    assert!(changes[0] < place(1) && (1..7).all(|id| place(id) < place(id + 1)));
    assert!(matches!(&told[place(8)], FromRouter::Reply { result: Err(_), .. }));
    let FromRouter::Reply { result: Ok(ormatrix_protocol::Reply::Status(status)), .. } =
        &told[place(9)]
    else {
        panic!("{:?}", told[place(9)]);
    };
    assert_eq!(status.inputs.len(), 7);
    assert!(place(7) < place(9) && place(9) < changes[1] && changes[1] < place(10));
}
