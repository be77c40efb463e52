//! The soak: a whole matrix under random takes, hurt again and again, and judged throughout.
//!
//! Calm phases and faults take turns. Displays (`ormatrix-sink check`) watch every output in
//! both: in a calm phase nothing at all may be wrong with what they see, whatever happened
//! before; in a phase with a fault only what that fault explains ([`faults::Fault`]). Takes go
//! on all the time. What was seen ends in a report for people and one for programs.
//!
//! Sources send on two legs over two cables; router and control are in the middle, displays
//! at the far end, each host a network namespace.

pub mod faults;
mod phase;
pub mod report;
mod stage;
mod takes;
mod watch;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use ormatrix_io::{Clock, SystemClock};

use self::{faults::Fault, phase::Phase, report::Report, stage::Stage};

/// How long a calm phase lasts.
const CALM_NS: u64 = 3_000_000_000;

/// How to soak.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long, at least.
    pub seconds: u64,
    /// Where the dice start.
    pub seed: u64,
    /// Whether to hurt anything.
    pub faults: bool,
    /// Where the report goes.
    pub folder: PathBuf,
}

/// Soaks, and writes `report.json` and `report.md`. True when nothing was wrong.
///
/// # Panics
/// When the report cannot be written.
pub fn run(options: &Options) -> bool {
    println!("seed {}", options.seed);
    let clock = SystemClock;
    let start = clock.now();
    let mut report = Report::new(options);
    // Whatever gives up in the middle, what was seen until then is told.
    let work = AssertUnwindSafe(|| soak(options, start, &mut report));
    if let Err(cause) = catch_unwind(work) {
        let said = cause.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        report.fail(format!("the soak gave up: {said}"));
    }
    report.end((clock.now() - start) / 1_000_000_000);
    report.write(&options.folder).expect("a report can be written");
    println!("{}", report.to_markdown());
    report.passed()
}

fn soak(options: &Options, start: u64, report: &mut Report) {
    let clock = SystemClock;
    let mut dice = fastrand::Rng::with_seed(options.seed);
    let mut stage = Stage::start(dice.u64(..));
    let end = start + options.seconds * 1_000_000_000;
    let mut deck: Vec<Fault> = Vec::new();
    loop {
        let calm = Phase::begin(&mut stage, start);
        clock.sleep_until(clock.now() + CALM_NS);
        report.add(calm.end(&mut stage, None));
        report.note_memory(&stage);
        if clock.now() >= end {
            break;
        }
        if !options.faults {
            continue;
        }
        if deck.is_empty() {
            // Each in turn, in an order of its own each time.
            deck = Fault::ALL.to_vec();
            dice.shuffle(&mut deck);
        }
        let Some(fault) = deck.pop() else { continue };
        let mut phase = Phase::begin(&mut stage, start);
        phase.recovery_ns = Some(fault.strike(&mut stage, &mut dice));
        report.add(phase.end(&mut stage, Some(fault)));
    }
    report.take_over(stage.close());
}
