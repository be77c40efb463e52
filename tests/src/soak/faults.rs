//! What happens to the matrix, and what a display may see of it.

use ormatrix_io::{Clock, SystemClock};
use serde::Serialize;

use super::stage::{INPUTS, Stage};
use crate::{
    namespace::{Cable, FIRST, Host, SECOND},
    process::{Process, own, program, run},
};

const MS: u64 = 1_000_000;

/// Most memory that the load takes, MiB.
const MEMORY_MIB: u64 = 1024;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The first cable from the sources is pulled and put back.
    FirstLegPulled,
    /// The second one.
    SecondLegPulled,
    /// A source is killed and started again.
    SourceKilled,
    /// A source stands still for a while.
    SourceStalled,
    /// The control plane is killed and started again.
    ControlKilled,
    /// The router is killed and started again.
    RouterKilled,
    /// As many processes as there are cores spin.
    CoresBusy,
    /// A process takes much memory and gives it back, over and over.
    MemoryTaken,
}

/// What displays may see while a fault lasts, together, beyond frames that a source cut
/// because the machine did not let it run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Excuse {
    /// Partial frames.
    pub partial: u64,
    /// Whether packets may be missing.
    pub missing: bool,
    /// Whether the sequence may break.
    pub breaks: bool,
    /// Whether takes may be refused or get no answer.
    pub takes: bool,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::FirstLegPulled,
        Self::SecondLegPulled,
        Self::SourceKilled,
        Self::SourceStalled,
        Self::ControlKilled,
        Self::RouterKilled,
        Self::CoresBusy,
        Self::MemoryTaken,
    ];

    /// What it excuses. A mixed frame, or one shown twice, never.
    pub const fn excuse(self) -> Excuse {
        match self {
            Self::FirstLegPulled | Self::SecondLegPulled | Self::CoresBusy | Self::MemoryTaken => {
                Excuse { partial: 0, missing: false, breaks: false, takes: false }
            }
            Self::ControlKilled => {
                Excuse { partial: 0, missing: false, breaks: false, takes: true }
            }
            // The frame that it was in, on every output.
            Self::SourceKilled | Self::SourceStalled => {
                Excuse { partial: 3, missing: true, breaks: false, takes: true }
            }
            Self::RouterKilled => Excuse { partial: 6, missing: true, breaks: true, takes: true },
        }
    }

    /// Lets it happen, ends it, and waits until everything is as before. Returns how long
    /// that took from the end of the fault, ns.
    pub(super) fn strike(self, stage: &mut Stage, dice: &mut fastrand::Rng) -> u64 {
        let clock = SystemClock;
        let pause = |ms: u64| clock.sleep_until(clock.now() + ms * MS);
        let over = match self {
            Self::FirstLegPulled => pull(stage, 0, &FIRST, dice),
            Self::SecondLegPulled => pull(stage, 1, &SECOND, dice),
            Self::SourceKilled => {
                let index = dice.usize(0..INPUTS.len());
                stage.sources[index].kill();
                stage.matrix.wait_signal(INPUTS[index], "lost");
                let over = clock.now();
                stage.restart_source(index);
                over
            }
            Self::SourceStalled => {
                let id = stage.sources[dice.usize(0..INPUTS.len())].id().to_string();
                run("kill", &["-STOP", &id]);
                pause(dice.u64(20..800));
                run("kill", &["-CONT", &id]);
                clock.now()
            }
            Self::ControlKilled => {
                stage.restart_control();
                clock.now()
            }
            Self::RouterKilled => {
                let over = clock.now();
                stage.restart_router();
                over
            }
            Self::CoresBusy => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                let loads: Vec<_> = (0..cores).map(|_| load(&["cpu"])).collect();
                pause(3000);
                drop(loads);
                clock.now()
            }
            Self::MemoryTaken => {
                let mib = (available_mib() / 4).min(MEMORY_MIB);
                let load = load(&["memory", &mib.to_string()]);
                pause(3000);
                drop(load);
                clock.now()
            }
        };
        stage.until_signals();
        for leg in 0..2 {
            stage.until_leg(leg, true);
        }
        stage.until_frames(2);
        clock.now() - over
    }
}

/// Pulls a cable at either end until every input has noticed, and puts it back.
fn pull(stage: &Stage, leg: usize, cable: &Cable, dice: &mut fastrand::Rng) -> u64 {
    let (host, interface): (Host, &str) = cable.ends[dice.usize(0..2)];
    stage.network.ip(host, &format!("link set {interface} down"));
    stage.until_leg(leg, false);
    stage.network.ip(host, &format!("link set {interface} up"));
    SystemClock.now()
}

/// A load of no particular importance to the machine.
fn load(arguments: &[&str]) -> Process {
    let mut command = std::process::Command::new(program("ormatrix-test-load"));
    let environment = own("ormatrix-test-load");
    for (name, value) in environment.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.args(arguments);
    Process::start(command)
}

fn available_mib() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
