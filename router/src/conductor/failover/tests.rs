use ormatrix_protocol::SteadyMs;
use proptest::prelude::*;

use super::*;

fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// Some inputs and outputs, decided on whenever anything happens, as the conductor does.
struct Bench {
    failover: Failover,
    policies: BTreeMap<InputId, Policy>,
    routes: BTreeMap<OutputId, (Option<InputId>, bool)>,
    now: u64,
}

impl Bench {
    /// Inputs of these names that send, and one output with a slate on the first.
    fn new(policies: &[(&str, Policy)]) -> Self {
        let policies: BTreeMap<_, _> =
            policies.iter().map(|(name, policy)| (id(name), policy.clone())).collect();
        let mut bench = Self {
            failover: Failover::default(),
            policies,
            routes: BTreeMap::from([(id("main"), (Some(id("a")), true))]),
            now: 1_000_000 * MS,
        };
        for input in bench.policies.keys() {
            bench.failover.opened(input, bench.now);
            bench.failover.heard(input, SignalState::Ok);
        }
        bench.settle();
        bench
    }

    fn decide(&mut self) -> Vec<(OutputId, Feed)> {
        let Self { failover, policies, routes, now } = self;
        let routes = routes.iter().filter_map(|(output, (asked, slate))| {
            Some(Routed { output, asked: asked.as_ref()?, slate: *slate })
        });
        failover.decide(*now, routes, |input| policies.get(input))
    }

    fn settle(&mut self) {
        for (output, feed) in self.decide() {
            self.failover.set(&output, Level::Video, feed);
        }
        assert_eq!(self.decide(), [], "one decision is enough");
    }

    fn hear(&mut self, input: &str, signal: SignalState) {
        self.failover.heard(&id(input), signal);
        self.settle();
    }

    fn find(&mut self, input: &str, findings: &Findings) {
        // This host's clock of UTC started when its monotonic one did.
        self.failover.found(&id(input), findings, self.now, self.now);
        self.settle();
    }

    fn take(&mut self, output: &str, input: &str) {
        self.routes.get_mut(&id(output)).unwrap().0 = Some(id(input));
        self.failover.set(&id(output), Level::Video, Feed::Asked);
        self.settle();
    }

    /// Lets time pass, deciding when the policy asks for it and only then.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms * MS;
        while let Some(due) = self.failover.due(|input| self.policies.get(input)) {
            if due > end {
                break;
            }
            self.now = due;
            self.settle();
        }
        self.now = end;
        assert_eq!(self.decide(), [], "it said when");
    }

    fn feed(&self) -> Feed {
        self.failover.feed(&id("main"), Level::Video).clone()
    }
}

fn backups(names: &[&str]) -> Policy {
    Policy { backups: names.iter().map(|name| id(name)).collect(), ..Policy::default() }
}

fn backup(name: &str) -> Feed {
    Feed::Backup(id(name))
}

#[test]
fn the_first_fit_backup_stands_in_until_the_input_is_steady() {
    let mut bench = Bench::new(&[
        ("a", backups(&["a", "gone", "b", "c"])),
        ("b", backups(&["d"])),
        ("c", Policy::default()),
        ("d", Policy::default()),
    ]);
    bench.hear("b", SignalState::Lost);
    assert_eq!(bench.feed(), Feed::Asked);
    bench.hear("a", SignalState::Lost);
    assert_eq!(bench.feed(), backup("c"), "not b's backup");
    bench.hear("b", SignalState::Ok);
    bench.pass(60_000);
    assert_eq!(bench.feed(), backup("c"), "it is as good as the other");
    bench.hear("a", SignalState::Unstable);
    bench.pass(1000);
    bench.hear("a", SignalState::Ok);
    bench.pass(1999);
    assert_eq!(bench.feed(), backup("c"));
    bench.pass(1);
    assert_eq!(bench.feed(), Feed::Asked);
}

#[test]
fn a_flapping_input_does_not_flap_the_display() {
    let mut bench = Bench::new(&[("a", backups(&["b"])), ("b", Policy::default())]);
    for _ in 0..20 {
        bench.hear("a", SignalState::Lost);
        assert_eq!(bench.feed(), backup("b"));
        bench.pass(100);
        bench.hear("a", SignalState::Ok);
        bench.pass(2900);
        assert_eq!(bench.feed(), backup("b"));
    }
    // A backup that fails is no reason to wait for.
    bench.hear("b", SignalState::Lost);
    assert_eq!(bench.feed(), Feed::Asked);
}

#[test]
fn an_input_that_stays_unstable_is_not_returned_to() {
    let mut bench = Bench::new(&[("a", backups(&["b"])), ("b", Policy::default())]);
    bench.hear("a", SignalState::Lost);
    bench.hear("a", SignalState::Unstable);
    bench.pass(60_000);
    assert_eq!(bench.feed(), backup("b"));
    bench.hear("a", SignalState::Ok);
    assert_eq!(bench.feed(), Feed::Asked);
}

#[test]
fn back_by_hand_waits_for_a_take() {
    let policy = Policy { back: Back::Manual, ..backups(&["b"]) };
    let mut bench = Bench::new(&[("a", policy), ("b", Policy::default())]);
    bench.hear("a", SignalState::Lost);
    bench.hear("a", SignalState::Ok);
    bench.pass(3_600_000);
    assert_eq!(bench.feed(), backup("b"));
    bench.take("main", "a");
    assert_eq!(bench.feed(), Feed::Asked);
    // A take of what is lost fails over at once.
    bench.hear("a", SignalState::Lost);
    bench.take("main", "a");
    assert_eq!(bench.feed(), backup("b"));
    // With the backup lost too, the picture that there is.
    bench.hear("a", SignalState::Ok);
    bench.hear("b", SignalState::Lost);
    assert_eq!(bench.feed(), Feed::Asked);
}

#[test]
fn findings_count_when_they_are_old_enough_and_the_input_says_so() {
    let policy = Policy { frozen_ms: Some(2000), ..backups(&["b"]) };
    let mut bench = Bench::new(&[("a", policy), ("b", Policy::default())]);
    let since = |frozen, black| Findings {
        frozen_since: frozen,
        black_since: black,
        ..Findings::default()
    };
    let start = bench.now;
    bench.find("a", &since(None, Some(start - 60_000 * MS)));
    assert_eq!(bench.feed(), Feed::Asked, "black is not counted");
    // Found half a second after it began.
    bench.find("a", &since(Some(start - 500 * MS), None));
    bench.pass(1499);
    assert_eq!(bench.feed(), Feed::Asked);
    bench.pass(1);
    assert_eq!(bench.feed(), backup("b"));
    bench.find("a", &Findings::default());
    bench.pass(2999);
    assert_eq!(bench.feed(), backup("b"));
    bench.pass(1);
    assert_eq!(bench.feed(), Feed::Asked);
    // Frozen with no backup left: still the picture that there is, and no slate.
    bench.hear("b", SignalState::Lost);
    bench.find("a", &since(Some(start), None));
    bench.pass(60_000);
    assert_eq!(bench.feed(), Feed::Asked);
}

#[test]
fn a_slate_stands_in_while_nothing_else_can() {
    let mut bench = Bench::new(&[("a", backups(&["b"])), ("b", Policy::default())]);
    bench.hear("b", SignalState::Lost);
    bench.hear("a", SignalState::Lost);
    assert_eq!(bench.feed(), Feed::Slate);
    bench.hear("b", SignalState::Ok);
    assert_eq!(bench.feed(), backup("b"));
    bench.hear("b", SignalState::Lost);
    assert_eq!(bench.feed(), Feed::Slate);
    bench.hear("a", SignalState::Unstable);
    assert_eq!(bench.feed(), Feed::Asked, "a real picture returns at once");
    bench.routes.get_mut(&id("main")).unwrap().1 = false;
    bench.hear("a", SignalState::Lost);
    assert_eq!(bench.feed(), Feed::Asked, "no slate where none is wanted");
}

#[test]
fn an_input_just_opened_is_given_time_to_appear() {
    let mut bench = Bench::new(&[("a", backups(&["b"])), ("b", Policy::default())]);
    bench.failover.opened(&id("a"), bench.now);
    bench.hear("a", SignalState::Lost);
    bench.pass(499);
    assert_eq!(bench.feed(), Feed::Asked);
    bench.pass(1);
    assert_eq!(bench.feed(), backup("b"));
    bench.failover.opened(&id("a"), bench.now);
    bench.hear("a", SignalState::Ok);
    bench.pass(3000);
    assert_eq!(bench.feed(), Feed::Asked);
    bench.hear("a", SignalState::Lost);
    assert_eq!(bench.feed(), backup("b"), "once seen, it is missed at once");
}

#[test]
fn a_slate_never_passes_for_a_signal() {
    for state in [RouteState::Live, RouteState::Switching, RouteState::Waiting, RouteState::None] {
        let (told, stand_in) = Feed::Slate.told(state);
        assert_eq!(told, RouteState::NoSignal);
        assert_eq!(stand_in.is_some(), state == RouteState::Live);
    }
}

const INPUTS: [&str; 4] = ["a", "b", "c", "d"];
const OUTPUTS: [&str; 3] = ["main", "left", "right"];
const STEADY_MS: u64 = 700;

#[derive(Clone, Debug)]
enum Step {
    Hear(usize, SignalState),
    Freeze(usize, Option<u64>),
    Take(usize, usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let signal =
        prop_oneof![Just(SignalState::Ok), Just(SignalState::Unstable), Just(SignalState::Lost)];
    let step = prop_oneof![
        4 => (0..INPUTS.len(), signal).prop_map(|(input, signal)| Step::Hear(input, signal)),
        1 => (0..INPUTS.len(), prop::option::of(0..3000_u64))
            .prop_map(|(input, age)| Step::Freeze(input, age)),
        1 => (0..OUTPUTS.len(), 0..INPUTS.len())
            .prop_map(|(output, input)| Step::Take(output, input)),
        4 => (1..1500_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

/// What the test itself knows of an input.
#[derive(Clone, Copy)]
struct Known {
    signal: SignalState,
    frozen_since: Option<u64>,
    /// The last moment at which it could not be shown.
    bad_at: u64,
}

impl Known {
    fn is_fit(&self, frozen_ms: Option<u32>, now: u64) -> bool {
        let frozen = match (self.frozen_since, frozen_ms) {
            (Some(since), Some(limit)) => now >= since + u64::from(limit) * MS,
            _ => false,
        };
        self.signal != SignalState::Lost && !frozen
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens: no output stays on an unfit input while a fit backup exists, none
    /// goes back before its input was steady, and a take shows what it asks for.
    #[test]
    fn displays_show_what_is_fit_and_do_not_flap(steps in steps(), manual: bool, slate: bool) {
        let back = if manual { Back::Manual } else { Back::Automatic };
        let policy = |names: &[&str], frozen_ms| Policy {
            back, frozen_ms, steady_ms: SteadyMs(STEADY_MS as u32), ..backups(names)
        };
        let mut bench = Bench::new(&[
            ("a", policy(&["b", "c"], Some(1000))),
            ("b", policy(&["a"], None)),
            ("c", policy(&[], Some(500))),
            ("d", policy(&["c", "b", "a"], Some(0))),
        ]);
        for output in OUTPUTS {
            bench.routes.insert(id(output), (Some(id("a")), slate));
        }
        let start = bench.now;
        let fresh = Known { signal: SignalState::Ok, frozen_since: None, bad_at: start };
        let mut known: BTreeMap<InputId, Known> =
            INPUTS.iter().map(|name| (id(name), fresh)).collect();
        bench.pass(5000);
        let frozen_ms = |bench: &Bench, input: &InputId| bench.policies[input].frozen_ms;
        for step in steps {
            // Time passes a millisecond at a time, so that the test sees when what became unfit.
            let ticks = if let Step::Pass(ms) = step { ms } else { 1 };
            for tick in 0..ticks {
                let before = OUTPUTS.map(|o| bench.failover.feed(&id(o), Level::Video).clone());
                let mut taken = None;
                match step {
                    Step::Hear(input, signal) => {
                        known.get_mut(&id(INPUTS[input])).unwrap().signal = signal;
                        bench.hear(INPUTS[input], signal);
                    }
                    Step::Freeze(input, age) => {
                        let frozen_since = age.map(|ms| bench.now - ms * MS);
                        known.get_mut(&id(INPUTS[input])).unwrap().frozen_since = frozen_since;
                        bench.find(INPUTS[input], &Findings { frozen_since, ..Findings::default() });
                    }
                    Step::Take(output, input) => {
                        taken = Some(output);
                        bench.take(OUTPUTS[output], INPUTS[input]);
                    }
                    Step::Pass(_) => bench.pass(1),
                }
                let now = bench.now;
                for (input, known) in &mut known {
                    if !known.is_fit(frozen_ms(&bench, input), now) {
                        known.bad_at = now;
                    }
                }
                let fit = |input: &InputId| known[input].is_fit(frozen_ms(&bench, input), now);
                for (index, output) in OUTPUTS.iter().enumerate() {
                    let asked = bench.routes[&id(output)].0.clone().unwrap();
                    let policy = &bench.policies[&asked];
                    let rescue = policy.backups.iter().any(&fit);
                    let feed = bench.failover.feed(&id(output), Level::Video).clone();
                    match &feed {
                        Feed::Asked => prop_assert!(fit(&asked) || !rescue, "{output}: unfit"),
                        Feed::Backup(backup) => {
                            prop_assert!(policy.backups.contains(backup) && fit(backup));
                            if taken == Some(index) {
                                prop_assert!(!fit(&asked), "the take was overruled");
                            }
                        }
                        Feed::Slate => {
                            let lost = known[&asked].signal == SignalState::Lost;
                            prop_assert!(slate && lost && !rescue, "{output}: slate");
                        }
                    }
                    if let (Feed::Backup(backup), Feed::Asked) = (&before[index], &feed)
                        && taken != Some(index)
                        && (fit(backup) || rescue)
                    {
                        prop_assert!(!manual, "{output}: back without a take");
                        let steady = now - known[&asked].bad_at;
                        prop_assert!(steady >= STEADY_MS * MS, "{output}: {steady} ns, tick {tick}");
                    }
                }
            }
        }
    }
}
