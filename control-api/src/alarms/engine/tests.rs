use proptest::prelude::*;

use super::*;
use crate::alarms::{alarm::Subject, kind::Severity};

const SECOND: u64 = 1000 * MS;

/// One alarm that may be on or off, and the engine that hears of it.
struct Bench {
    engine: Engine,
    told: Vec<(u64, Change, u32)>,
}

fn condition(kind: Kind, severity: Severity) -> Condition {
    Condition {
        id: format!("{kind}:a"),
        kind,
        severity,
        subject: Subject::new("input", "a", "A"),
        text: "It is wrong".to_owned(),
        action: "Mend it".to_owned(),
        clears_after_s: None,
    }
}

fn at(ms: u64) -> Moment {
    Moment { now: ms * MS, unix: 1_769_851_800 * SECOND + ms * MS }
}

impl Bench {
    fn new() -> Self {
        Self { engine: Engine::default(), told: Vec::new() }
    }

    /// What a kind that is raised after 500 ms and cleared after 3 s does.
    fn step(&mut self, ms: u64, on: bool) -> Vec<Notice> {
        self.hear(ms, on.then(|| condition(Kind::SignalLost, Severity::Major)), false)
    }

    fn hear(&mut self, ms: u64, condition: Option<Condition>, unseen: bool) -> Vec<Notice> {
        let notices = self.engine.step(at(ms), condition.into_iter().collect(), |_| unseen);
        let told = notices.iter().map(|it| (ms, it.change, it.alarm.times));
        self.told.extend(told);
        notices
    }
}

#[test]
fn a_condition_must_last_to_be_raised_and_be_gone_to_be_cleared() {
    let mut bench = Bench::new();
    assert_eq!(bench.engine.due(), None);
    assert_eq!(bench.step(1000, true), []);
    assert_eq!(bench.engine.due(), Some(1500 * MS));
    assert_eq!(bench.step(1499, true), []);
    let raised = bench.step(1500, true).remove(0);
    assert_eq!((raised.change, raised.alarm.raised_at), (Change::Raised, at(1000).unix));
    assert_eq!((raised.at, bench.engine.due()), (at(1500).unix, None));
    assert_eq!(bench.step(9000, false), []);
    assert_eq!(bench.engine.due(), Some(12_000 * MS));
    assert_eq!(bench.step(11_999, false), []);
    let cleared = bench.step(12_000, false).remove(0);
    assert_eq!((cleared.change, cleared.alarm.cleared_at), (Change::Cleared, Some(at(9000).unix)));
    assert_eq!((bench.engine.active().count(), bench.engine.due()), (0, None));
}

#[test]
fn what_flaps_is_one_alarm_with_a_count() {
    let mut bench = Bench::new();
    // On for two seconds and off for two, for ten minutes: never gone for the three that it
    // would take at first, nor for what it takes later.
    for ms in (0..600_000).step_by(100) {
        bench.step(ms, ms % 4000 < 2000);
    }
    let raised = bench.told.iter().filter(|(_, change, _)| *change == Change::Raised);
    assert_eq!(raised.count(), 1);
    assert!(bench.told.len() < 12, "{:?}", bench.told);
    assert_eq!(bench.engine.active().next().unwrap().times, 150);
    assert_eq!(bench.told.last().unwrap().2, 128);
}

#[test]
fn what_flaps_slowly_becomes_one_alarm() {
    let mut bench = Bench::new();
    for ms in (0..600_000).step_by(100) {
        bench.step(ms, ms % 20_000 < 5000);
    }
    // It must stay away for 3, 6, 12 and 24 seconds, and then never is away for that long.
    let raised = bench.told.iter().filter(|(_, change, _)| *change == Change::Raised);
    assert_eq!(raised.count(), 4, "{:?}", bench.told);
    let active: Vec<_> = bench.engine.active().collect();
    assert_eq!((active[0].times, active[0].raised_at), (30, at(0).unix), "the same alarm");
}

#[test]
fn what_never_lasts_but_returns_is_raised_all_the_same() {
    let mut bench = Bench::new();
    for begins in [0, 20_000, 40_000] {
        bench.step(begins, true);
        bench.step(begins + 100, false);
    }
    assert_eq!(bench.told, [(40_000, Change::Raised, 3)]);
    // But not a take, which passes through what would be wrong if it lasted.
    let mut bench = Bench::new();
    let take = || Some(condition(Kind::TakeUnconfirmed, Severity::Major));
    for begins in 0..20 {
        bench.hear(begins * 200, take(), false);
        bench.hear(begins * 200 + 100, None, false);
    }
    assert_eq!(bench.told, []);
    // Nor what returns seldom.
    let mut bench = Bench::new();
    for begins in 0..20 {
        bench.step(begins * 31_000, true);
        bench.step(begins * 31_000 + 100, false);
    }
    assert_eq!(bench.told, []);
}

#[test]
fn worse_and_better_are_told_and_worse_must_be_seen_again() {
    let mut bench = Bench::new();
    let of = |severity| Some(condition(Kind::SignalLost, severity));
    bench.hear(0, of(Severity::Warning), false);
    bench.hear(500, of(Severity::Warning), false);
    let seen = bench.engine.acknowledge("signal-lost:a", "me", None, at(600)).unwrap();
    assert_eq!((seen.change, seen.at), (Change::Acknowledged, at(600).unix));
    let already = bench.engine.acknowledge("signal-lost:a", "you", None, at(700)).unwrap_err();
    assert!(matches!(already, Refused::Already(by) if by.by == "me"));
    let worse = bench.hear(800, of(Severity::Critical), false).remove(0);
    assert_eq!((worse.change, worse.alarm.acknowledged), (Change::Changed, None));
    bench.engine.acknowledge("signal-lost:a", "me", None, at(900)).unwrap();
    let better = bench.hear(1000, of(Severity::Warning), false).remove(0);
    assert_eq!(better.change, Change::Changed);
    assert!(better.alarm.acknowledged.is_some());
    assert_eq!(bench.hear(1100, of(Severity::Warning), false), []);
    // Of two that say the same thing the worse counts.
    let both = vec![
        condition(Kind::SignalLost, Severity::Minor),
        condition(Kind::SignalLost, Severity::Critical),
        condition(Kind::SignalLost, Severity::Warning),
    ];
    let notices = bench.engine.step(at(1200), both, |_| false);
    assert_eq!(notices[0].alarm.condition.severity, Severity::Critical);
}

#[test]
fn what_is_over_need_not_be_acknowledged() {
    let mut bench = Bench::new();
    let ask = |bench: &mut Bench, ms| {
        bench.engine.acknowledge("signal-lost:a", "me", None, at(ms)).unwrap_err()
    };
    assert_eq!(ask(&mut bench, 0), Refused::Unknown);
    bench.step(0, true);
    assert_eq!(ask(&mut bench, 100), Refused::Unknown);
    bench.step(500, true);
    bench.step(1000, false);
    bench.step(4000, false);
    assert_eq!(ask(&mut bench, 5000), Refused::Cleared(at(1000).unix));
    bench.step(100_000, false);
    assert_eq!(ask(&mut bench, 100_000), Refused::Unknown);
}

#[test]
fn what_cannot_be_seen_neither_raises_nor_clears() {
    let mut bench = Bench::new();
    bench.step(0, true);
    for ms in (100..10_000).step_by(100) {
        bench.hear(ms, None, true);
    }
    assert_eq!(bench.told, []);
    bench.step(10_000, true);
    bench.step(10_500, true);
    assert_eq!(bench.told, [(10_500, Change::Raised, 1)]);
    bench.hear(11_000, None, true);
    bench.hear(99_000, None, true);
    assert_eq!(bench.engine.active().count(), 1);
    // Seen again and gone, it must be gone for as long as ever, and in one piece.
    bench.step(99_100, false);
    bench.hear(99_200, None, true);
    bench.hear(109_000, None, true);
    assert_eq!(bench.told.len(), 1);
    bench.step(110_000, false);
    bench.step(112_900, false);
    assert_eq!(bench.told.len(), 1);
    bench.step(113_000, false);
    assert_eq!(bench.told.last().unwrap().1, Change::Cleared);
}

#[test]
fn a_restart_changes_nothing_while_the_condition_persists() {
    let mut bench = Bench::new();
    bench.step(0, true);
    bench.step(500, true);
    bench.engine.acknowledge("signal-lost:a", "me", Some("I know".to_owned()), at(600)).unwrap();
    let before: Vec<Alarm> = bench.engine.active().cloned().collect();
    let mut after = Bench::new();
    after.engine.restore(before.clone());
    after.hear(0, None, true);
    after.step(5000, true);
    assert_eq!((after.engine.active().cloned().collect::<Vec<_>>(), after.told.len()), (before, 0));
    // New alarms have higher numbers, even where the clock was put back.
    let later = Alarm { episode: u64::MAX / 2, ..after.engine.active().next().unwrap().clone() };
    after.engine.restore(vec![later]);
    let other = Some(condition(Kind::RouterAway, Severity::Critical));
    after.hear(6000, other.clone(), true);
    let raised = after.hear(8000, other, true).remove(0);
    assert_eq!(raised.alarm.episode, u64::MAX / 2 + 1);
}

proptest! {
    /// Whatever happens: raised and cleared take turns, counts grow, an alarm that is never
    /// there is never raised, and one that stays is raised in time.
    #[test]
    fn raised_and_cleared_take_turns(
        steps in prop::collection::vec((1_u64..5000, any::<bool>(), any::<bool>()), 1..200)
    ) {
        let mut bench = Bench::new();
        let (mut now, mut active, mut times) = (0, false, 0);
        for (pause, on, unseen) in steps {
            now += pause;
            let present = on.then(|| condition(Kind::SignalLost, Severity::Major));
            let unseen = unseen && !on;
            for notice in bench.hear(now, present, unseen) {
                match notice.change {
                    Change::Raised => {
                        prop_assert!(!active && on);
                        active = true;
                    }
                    Change::Cleared => {
                        prop_assert!(active && !on && !unseen);
                        prop_assert!(notice.alarm.cleared_at.unwrap() >= notice.alarm.raised_at);
                        active = false;
                    }
                    Change::Changed => prop_assert!(active && notice.alarm.times > times),
                    Change::Acknowledged => prop_assert!(false, "nobody has"),
                }
                times = notice.alarm.times;
            }
            prop_assert_eq!(bench.engine.active().count(), usize::from(active));
            prop_assert!(bench.engine.pending.len() + bench.engine.recent.len() <= 2);
        }
        bench.step(now + 1, true);
        bench.step(now + 501, true);
        prop_assert_eq!(bench.engine.active().count(), 1);
    }
}
