//! Sound goes with a picture to its backup, and comes back with it.

use ormatrix_protocol::{Command, Level, OutputSpec, Route, RouteState, StandIn, Take};

use super::{
    backup,
    bench::{Bench, SOUND, backed, input, output, sounding},
};

fn main_output() -> OutputSpec {
    let audio = serde_json::from_value(serde_json::json!({
        "legs": [{ "address": "127.0.0.1", "port": 101 + SOUND }],
        "payload_type": 99, "ssrc": 5
    }));
    OutputSpec { audio: Some(audio.unwrap()), ..output("main", 101) }
}

/// `a` with sound and the backups `b` (with sound) and `c` (without), on `main`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.put_input(sounding(backed("a", 1, &["b", "c"])));
    bench.put_input(sounding(input("b", 2)));
    bench.put_input(input("c", 3));
    for port in [1, 2, 3] {
        bench.start(port);
    }
    bench.put_output(main_output());
    bench.run(100);
    bench.take("main", "a");
    bench.run(300);
    assert_eq!(sound(&bench).state, RouteState::Live);
    bench.sent(101 + SOUND);
    bench
}

fn sound(bench: &Bench) -> Route {
    bench.conductor.status().outputs[0].levels[&Level::Audio].route.clone()
}

/// Whose sound left since the last call, in order, without repetitions; numbers unbroken.
fn heard(bench: &Bench) -> Vec<u8> {
    let sent = bench.sent(101 + SOUND);
    let number = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    for pair in sent.windows(2) {
        assert_eq!(number(&pair[1].1), number(&pair[0].1).wrapping_add(1));
    }
    let mut sources: Vec<u8> = sent.iter().map(|(_, packet)| packet[12]).collect();
    sources.dedup();
    sources
}

#[test]
fn sound_goes_with_the_picture_and_comes_back() {
    let mut bench = bench();
    bench.run(20);
    bench.stop(1);
    bench.run(500);
    for route in [bench.route("main"), sound(&bench)] {
        assert_eq!((route.state, route.stand_in), (RouteState::Live, Some(backup("b"))));
        assert_eq!(route.input, Some("a".parse().unwrap()));
    }
    assert_eq!(heard(&bench), [1, 2]);
    bench.start(1);
    bench.run(3500);
    for route in [bench.route("main"), sound(&bench)] {
        assert_eq!((route.state, route.stand_in), (RouteState::Live, None));
    }
    assert_eq!(heard(&bench), [2, 1]);
}

#[test]
fn a_backup_without_sound_leaves_the_sound_where_it_is() {
    let mut bench = bench();
    bench.stop(2);
    bench.run(100);
    bench.stop(1);
    bench.run(500);
    assert_eq!(bench.route("main").stand_in, Some(backup("c")));
    let route = sound(&bench);
    assert_eq!((route.stand_in, route.state), (None, RouteState::NoSignal));
    bench.start(1);
    bench.run(100);
    assert_eq!(bench.route("main").stand_in, Some(backup("c")), "not steady yet");
    assert_eq!(sound(&bench).state, RouteState::Live, "there was no other");
}

#[test]
fn sound_taken_apart_stays_apart() {
    let mut bench = bench();
    let apart = |input: &str, level| Take {
        levels: vec![level],
        ..Take::new("main".parse().unwrap(), Some(input.parse().unwrap()))
    };
    let salvo = |take| Command::Salvo { takes: vec![take], at: None };
    bench.ask(salvo(apart("b", Level::Audio))).unwrap();
    bench.run(300);
    bench.stop(1);
    bench.run(500);
    assert_eq!(bench.route("main").stand_in, Some(backup("b")));
    let route = sound(&bench);
    assert_eq!((route.stand_in, route.input), (None, Some("b".parse().unwrap())));
    // Back to the picture's input, which has failed: it follows the picture.
    bench.ask(salvo(apart("a", Level::Audio))).unwrap();
    bench.run(500);
    assert_eq!(sound(&bench).stand_in, Some(backup("b")));
    // Another picture alone: the sound is on its own input again.
    bench.ask(salvo(apart("c", Level::Video))).unwrap();
    bench.run(500);
    let route = sound(&bench);
    assert_eq!((route.stand_in, route.input), (None, Some("a".parse().unwrap())));
    assert_eq!(bench.route("main").stand_in, None);
}

#[test]
fn a_slate_is_silent() {
    let mut bench = bench();
    bench.put_output(OutputSpec { on_loss: ormatrix_protocol::OnLoss::Slate, ..main_output() });
    for port in [1, 2, 3] {
        bench.stop(port);
    }
    bench.until("main", |route| route.stand_in == Some(StandIn::Slate));
    bench.run(100);
    let route = sound(&bench);
    assert_eq!((route.stand_in, route.state), (None, RouteState::NoSignal));
    heard(&bench);
    bench.run(100);
    assert!(bench.sent(101 + SOUND).is_empty());
    bench.start(1);
    bench.run(300);
    for route in [bench.route("main"), sound(&bench)] {
        assert_eq!((route.state, route.stand_in), (RouteState::Live, None));
    }
}
