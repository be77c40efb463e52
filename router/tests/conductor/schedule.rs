//! Salvos at a time.

use std::collections::BTreeSet;

use ormatrix_io::Clock;
use ormatrix_protocol::{Command, Refusal, Reply, RouteState, Take};
use st2110::timing::tai_to_rtp;

use super::{
    bench::{Bench, MS, output, take},
    three_levels::{FRAME_NS, Heard, Source, bench, run},
};

fn takes(outputs: u16, source: impl Fn(u16) -> u16) -> Vec<Take> {
    let take = |n| {
        let input = Some(format!("source-{}", source(n)).parse().unwrap());
        Take::new(format!("sink-{n}").parse().unwrap(), input)
    };
    (0..outputs).map(take).collect()
}

fn started(outputs: u16) -> (Bench, Vec<Source>) {
    let (mut bench, mut sources) = bench(outputs, 5);
    run(&mut bench, &mut sources, 100);
    bench.salvo(takes(outputs, |n| 1 + n % 2));
    run(&mut bench, &mut sources, 100);
    (bench, sources)
}

#[test]
fn sixty_four_outputs_switch_at_the_moment_on_the_same_frame_of_each_source() {
    let (mut bench, mut sources) = started(64);
    for n in 0..64 {
        Heard::default().hear(&bench, n);
    }
    // Not at a frame's start of anyone.
    let at = bench.clock.tai() + 400 * MS + 3_333_333;
    let reply = bench.ask(Command::Salvo { takes: takes(64, |n| 2 + n % 2), at: Some(at) });
    let Ok(Reply::Taking { take }) = reply else { panic!("{reply:?}") };
    assert!(bench.conductor.status().scheduled.contains_key(&take));
    run(&mut bench, &mut sources, 600);
    assert!(bench.conductor.status().scheduled.is_empty());
    let moment = tai_to_rtp(at, 90_000);
    let period = (FRAME_NS * 9 / 100_000) as u32;
    // Where outputs of the same sources leave one and join the other.
    let mut switches: [BTreeSet<(u32, u32)>; 4] = Default::default();
    for n in 0..64_u16 {
        let mut heard = Heard::default();
        heard.hear(&bench, n);
        let (old, new) = (1 + n % 2, 2 + n % 2);
        for (index, list) in [&heard.pictures, &heard.data].into_iter().enumerate() {
            let of = |wanted| list.iter().filter(move |(_, source)| *source == wanted);
            let last = of(old).map(|(timestamp, _)| *timestamp).max().unwrap();
            let first = of(new).map(|(timestamp, _)| *timestamp).min().unwrap();
            // The last frame before the moment, and the first behind both.
            assert!(last < moment && moment - last <= period, "{n}: {last} {moment}");
            let free = moment.max(last + period);
            assert!(first >= free && first - free < period, "{n}: {last} {first} {moment}");
            switches[index * 2 + usize::from(n % 2)].insert((last, first));
        }
    }
    assert!(switches.iter().all(|frames| frames.len() == 1), "{switches:?}");
}

#[test]
fn a_salvo_can_be_called_off_and_survives_a_restart() {
    let (mut bench, mut sources) = started(2);
    let at = bench.clock.tai() + 1000 * MS;
    let salvo = Command::Salvo { takes: takes(2, |_| 3), at: Some(at) };
    let Ok(Reply::Taking { take }) = bench.ask(salvo.clone()) else { panic!() };
    let text = serde_json::to_string(&bench.conductor.snapshot()).unwrap();
    assert_eq!(bench.ask(Command::CancelSalvo { take }), Ok(Reply::Done));
    assert_eq!(bench.ask(Command::CancelSalvo { take }), Err(Refusal::NotScheduled { take }));
    run(&mut bench, &mut sources, 1200);
    assert_eq!(bench.route("sink-0").input, Some("source-1".parse().unwrap()));
    let mut again = Bench::new();
    again.conductor.restore(serde_json::from_str(&text).unwrap());
    let mut sources = vec![Source::new(1, 0), Source::new(2, 7 * MS), Source::new(3, 0)];
    run(&mut again, &mut sources, 900);
    assert!(again.clock.tai() < at);
    assert_eq!(again.route("sink-0").input, Some("source-1".parse().unwrap()));
    run(&mut again, &mut sources, 600);
    assert_eq!(again.route("sink-0").input, Some("source-3".parse().unwrap()));
}

#[test]
fn a_time_that_makes_no_sense_is_refused() {
    let (mut bench, _) = started(1);
    let now = bench.clock.tai();
    for (at, words) in [(now - 1, "ago"), (now + 7_200_000 * MS, "more than an hour")] {
        let refused = bench.ask(Command::Salvo { takes: takes(1, |_| 3), at: Some(at) });
        let Err(Refusal::Invalid { field, reason }) = refused else { panic!("{refused:?}") };
        assert!(field == "at" && reason.contains(words), "{reason}");
    }
    let unknown = vec![Take::new("nosuch".parse().unwrap(), None)];
    let refused = bench.ask(Command::Salvo { takes: unknown, at: Some(now + 1000 * MS) });
    assert!(matches!(refused, Err(Refusal::UnknownOutput { .. })), "checked when asked for");
}

#[test]
fn sources_that_do_not_follow_tai_switch_by_the_clock() {
    let mut bench = Bench::with_two_inputs();
    bench.clock.advance(5_000 * MS);
    bench.ask(Command::PutOutput(output("main", 101))).unwrap();
    bench.run(100);
    bench.salvo(vec![take("main", "endoscope")]);
    bench.run(100);
    let at = bench.clock.tai() + 300 * MS;
    let takes = vec![take("main", "robot")];
    bench.ask(Command::Salvo { takes, at: Some(at) }).unwrap();
    bench.run(290);
    let sources: BTreeSet<u8> = bench.sent(101).iter().map(|(_, packet)| packet[20]).collect();
    assert_eq!(sources, BTreeSet::from([1]));
    bench.run(150);
    assert_eq!(bench.route("main").state, RouteState::Live);
    assert_eq!(bench.sent(101).last().unwrap().1[20], 2);
}
