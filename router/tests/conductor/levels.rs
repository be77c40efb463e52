//! Picture, sound and data of a source: taken together, and apart.

use std::collections::BTreeSet;

use ormatrix_protocol::{Command, InputId, Level, OutputId, Refusal, Route, RouteState, Take};

use super::{
    bench::Bench,
    three_levels::{Heard, bench, run, sink, sound, spec},
};

fn take(n: u16, source: u16, levels: &[Level]) -> Take {
    let input = Some(format!("source-{source}").parse().unwrap());
    Take { levels: levels.to_vec(), ..Take::new(id(n), input) }
}

fn id(n: u16) -> OutputId {
    format!("sink-{n}").parse().unwrap()
}

fn route(bench: &Bench, n: u16, level: Level) -> Route {
    let outputs = bench.conductor.status().outputs;
    let found = outputs.into_iter().find(|output| output.spec.id == id(n)).unwrap();
    if level == Level::Video { found.route } else { found.levels[&level].route.clone() }
}

fn source_of(route: &Route) -> Option<String> {
    route.input.as_ref().map(InputId::to_string)
}

/// A thousand takes of all levels among three sources on two lanes.
fn thousand_takes(ramp_ms: u16) -> Heard {
    let (mut bench, mut sources) = bench(1, ramp_ms);
    run(&mut bench, &mut sources, 100);
    let mut dice = fastrand::Rng::with_seed(u64::from(ramp_ms) + 1);
    let mut heard = Heard::default();
    let mut present = 1;
    bench.salvo(vec![take(0, present, &[])]);
    run(&mut bench, &mut sources, 100);
    for _ in 0..1000 {
        present = 1 + (present + dice.u16(0..2)) % 3;
        bench.salvo(vec![take(0, present, &[])]);
        run(&mut bench, &mut sources, 60 + dice.u64(0..40));
        heard.hear(&bench, 0);
        for level in Level::ALL {
            let route = route(&bench, 0, level);
            assert_eq!(route.state, RouteState::Live, "{level}");
            assert_eq!(source_of(&route), Some(format!("source-{present}")));
        }
    }
    heard
}

#[test]
fn a_thousand_takes_keep_three_levels_together() {
    let ramp_ms = 5_u16;
    let heard = thousand_takes(ramp_ms);
    let shown = heard.shown();
    assert!(shown.len() > 3000);
    // Every ancillary packet is of the source whose picture has its timestamp.
    assert!(heard.data.len() > 3000);
    for (timestamp, source) in &heard.data {
        assert_eq!(shown.get(timestamp), Some(source), "at {timestamp}");
    }
    let with_data: BTreeSet<u32> = heard.data.iter().map(|(timestamp, _)| *timestamp).collect();
    let without = shown.keys().filter(|timestamp| !with_data.contains(timestamp)).count();
    assert!(without <= 1, "{without} pictures without data");
    // And none of an old source comes after the first of a new one.
    let switches = |list: &[(u32, u16)]| list.windows(2).filter(|w| w[0].1 != w[1].1).count();
    assert_eq!(switches(&heard.pictures), switches(&heard.data));
    assert!(switches(&heard.pictures) >= 990);
    // Sound: every full sample is what its source sounds like at its timestamp, so that
    // sound and picture are as far apart as at the source, and its source is the one seen.
    let ramp = u32::from(ramp_ms) * 48 + 2 * 48;
    let seen_at = |timestamp: u32| {
        let moment = (u64::from(timestamp) * 15 / 8) as u32;
        shown.range(..=moment).next_back().map(|(_, source)| *source)
    };
    let (mut full, mut before) = (0_u64, None::<(u16, u32)>);
    let mut last = None::<[i32; 2]>;
    let loudest_step = 800_000.0 * std::f64::consts::TAU * 550.0 / 48_000.0;
    let ramp_step = 800_000.0 / f64::from(ramp_ms * 48);
    for (sequence, timestamp, samples) in &heard.sound {
        let follows = before.is_none_or(|(sequence_before, end)| {
            assert_eq!(*sequence, sequence_before.wrapping_add(1), "no packet is missing");
            assert!(end.wrapping_sub(*timestamp).cast_signed() <= 0, "no time sounds twice");
            end == *timestamp
        });
        before = Some((*sequence, timestamp + 48));
        for (index, sample) in samples.iter().enumerate() {
            let at = timestamp + index as u32;
            if let Some(last) = last
                && (follows || index > 0)
            {
                let step = f64::from((sample[0] - last[0]).abs());
                assert!(step <= 1.01 * (loudest_step + ramp_step), "a click of {step} at {at}");
            } else if last.is_some() {
                assert_eq!((last, *sample), (Some([0, 0]), [0, 0]), "a gap not in silence");
            }
            last = Some(*sample);
            let source = (1..=3).find(|source| sound(*source, u64::from(at)) == *sample);
            if let Some(source) = source {
                full += 1;
                let near = [at.saturating_sub(ramp), at, at + ramp];
                assert!(near.iter().any(|at| seen_at(*at) == Some(source)), "{source} at {at}");
            }
        }
    }
    let share = full as f64 / (heard.sound.len() * 48) as f64;
    assert!(share > 0.7, "only {share} of the sound was full");
}

#[test]
fn a_cut_loses_no_sound_between_sources_in_step() {
    let (mut bench, mut sources) = bench(1, 0);
    run(&mut bench, &mut sources, 100);
    bench.salvo(vec![take(0, 1, &[])]);
    run(&mut bench, &mut sources, 100);
    let mut heard = Heard::default();
    heard.hear(&bench, 0);
    for source in [3, 1, 3, 1] {
        bench.salvo(vec![take(0, source, &[])]);
        run(&mut bench, &mut sources, 75);
    }
    heard.hear(&bench, 0);
    // Sources one and three are in step: at whichever frame, the sound goes on.
    for pair in heard.sound.windows(2) {
        assert_eq!(pair[1].1, pair[0].1 + 48, "sound without a gap");
        assert_eq!(pair[1].0, pair[0].0.wrapping_add(1));
    }
    let sources: BTreeSet<u16> =
        heard.sound.iter().map(|(_, _, samples)| (samples[0][1] / 200_000) as u16).collect();
    assert_eq!(sources, BTreeSet::from([1, 3]));
}

#[test]
fn levels_break_away_and_come_back() {
    let (mut bench, mut sources) = bench(2, 5);
    run(&mut bench, &mut sources, 100);
    bench.salvo(vec![take(0, 1, &[]), take(1, 1, &[])]);
    run(&mut bench, &mut sources, 100);
    bench.salvo(vec![take(0, 2, &[Level::Audio])]);
    run(&mut bench, &mut sources, 100);
    let on = |bench: &Bench, level| source_of(&route(bench, 0, level)).unwrap();
    assert_eq!(on(&bench, Level::Audio), "source-2");
    assert_eq!(on(&bench, Level::Video), "source-1");
    assert_eq!(on(&bench, Level::Ancillary), "source-1");
    let mut heard = Heard::default();
    heard.hear(&bench, 0);
    let mut other = Heard::default();
    other.hear(&bench, 1);
    let (sequence, _, samples) = heard.sound.last().unwrap();
    assert_eq!(samples[0][1], 400_000);
    assert_eq!(route(&bench, 0, Level::Audio).state, RouteState::Live);
    assert!(
        other
            .sound
            .iter()
            .all(|(_, _, samples)| samples[47][1] == 200_000 || samples[0][1] < 200_000),
        "the ramp of one output is not heard on another"
    );
    assert!(other.sound[40..].iter().all(|(_, _, samples)| samples[0][1] == 200_000));
    let sequence = *sequence;
    // All to a third: the sound comes from where it was, and joins the picture.
    bench.salvo(vec![take(0, 3, &[])]);
    run(&mut bench, &mut sources, 100);
    for level in Level::ALL {
        assert_eq!(on(&bench, level), "source-3");
        assert_eq!(route(&bench, 0, level).state, RouteState::Live);
    }
    let mut heard = Heard::default();
    heard.hear(&bench, 0);
    assert_eq!(heard.sound[0].0, sequence.wrapping_add(1));
    assert_eq!(heard.sound.last().unwrap().2[0][1], 600_000);
}

#[test]
fn sound_outlives_its_picture_and_a_take_to_it_does_not_wait_for_ever() {
    let (mut bench, mut sources) = bench(1, 5);
    run(&mut bench, &mut sources, 100);
    bench.salvo(vec![take(0, 1, &[])]);
    run(&mut bench, &mut sources, 100);
    // A whole source dies: every level is lost; the next take is not held up.
    sources[0].alive = false;
    run(&mut bench, &mut sources, 200);
    for level in Level::ALL {
        assert_eq!(route(&bench, 0, level).state, RouteState::NoSignal, "{level}");
    }
    bench.salvo(vec![take(0, 2, &[])]);
    run(&mut bench, &mut sources, 200);
    for level in Level::ALL {
        assert_eq!(route(&bench, 0, level).state, RouteState::Live, "{level}");
    }
}

#[test]
fn an_input_without_sound_silences_and_one_that_gets_it_is_heard() {
    let (mut bench, mut sources) = bench(1, 5);
    run(&mut bench, &mut sources, 100);
    bench.salvo(vec![take(0, 1, &[])]);
    run(&mut bench, &mut sources, 100);
    let mute = ormatrix_protocol::InputSpec { audio: None, ..spec(2) };
    bench.ask(Command::PutInput(mute)).unwrap();
    bench.salvo(vec![take(0, 2, &[])]);
    run(&mut bench, &mut sources, 100);
    assert_eq!(source_of(&route(&bench, 0, Level::Audio)), None);
    assert_eq!(route(&bench, 0, Level::Video).state, RouteState::Live);
    let refused = bench.ask(Command::Salvo { takes: vec![take(0, 2, &[Level::Audio])], at: None });
    assert!(matches!(refused, Err(Refusal::NoInputLevel { level: Level::Audio, .. })));
    bench.ask(Command::PutInput(spec(2))).unwrap();
    bench.salvo(vec![take(0, 2, &[Level::Audio])]);
    run(&mut bench, &mut sources, 100);
    assert_eq!(route(&bench, 0, Level::Audio).state, RouteState::Live);
    // An input loses a level that is on an output: nothing is there then.
    let mute = ormatrix_protocol::InputSpec { audio: None, ..spec(2) };
    bench.ask(Command::PutInput(mute)).unwrap();
    run(&mut bench, &mut sources, 100);
    assert_eq!(source_of(&route(&bench, 0, Level::Audio)), None);
    let silent = ormatrix_protocol::OutputSpec { audio: None, ..sink(0, 0) };
    bench.ask(Command::PutOutput(silent)).unwrap();
    let refused = bench.ask(Command::Salvo { takes: vec![take(0, 1, &[Level::Audio])], at: None });
    assert!(matches!(refused, Err(Refusal::NoOutputLevel { level: Level::Audio, .. })));
}

#[test]
fn a_restart_takes_up_every_level() {
    let (mut bench, mut sources) = bench(1, 5);
    run(&mut bench, &mut sources, 100);
    bench.salvo(vec![take(0, 1, &[])]);
    bench.salvo(vec![take(0, 2, &[Level::Audio])]);
    let snapshot = bench.conductor.snapshot();
    let text = serde_json::to_string(&snapshot).unwrap();
    let mut again = Bench::new();
    again.conductor.restore(serde_json::from_str(&text).unwrap());
    assert_eq!(again.conductor.snapshot().levels, snapshot.levels);
    run(&mut again, &mut sources, 100);
    assert_eq!(source_of(&route(&again, 0, Level::Audio)), Some("source-2".to_owned()));
}
