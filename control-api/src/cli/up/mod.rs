//! `ormatrix up`: the product's processes on a host without systemd.
//!
//! Runs router and control plane, and what else the settings name; starts again whatever ends,
//! after pauses that grow to ten seconds at most, and never gives up; tells each event in a
//! line on standard error and as an alarm; ends everything in order when asked. What each
//! program writes is kept in a file of its own.
//!
//! Killed itself, it takes everything with it: the next one finds nothing in its way.

mod alarms;
mod plan;
mod settings;

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use alarms::{Alarm, Reporter};
use ormatrix_io::{Clock, SystemClock};
use plan::Plan;
use settings::Settings;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::supervise::{
    crew::{Crew, Dead, Role},
    restarts::Patience,
};
use crate::time::rfc3339;

/// Between two looks at programs and signals.
const TURN: Duration = Duration::from_millis(20);

/// Runs router, control plane and what else belongs to them, on a host without systemd, and
/// starts again what ends. SIGHUP has router and control plane read their settings again.
#[derive(clap::Args)]
pub struct Up {
    /// What to run (TOML; hardware/up.toml explains it); ORMATRIX_UP_… variables override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only say whether these settings, and those of every program named there, can be used.
    #[arg(long)]
    check: bool,
}

/// Why nothing runs, or not any more.
#[derive(Debug, thiserror::Error)]
enum UpError {
    #[error(transparent)]
    Settings(#[from] settings::Unusable),
    #[error(transparent)]
    NoProgram(#[from] plan::NoProgram),
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
    #[error("cannot keep logs in {}: {reason}; set `logs` to another folder", path.display())]
    Logs { path: PathBuf, reason: io::Error },
    #[error(
        "another `ormatrix up` keeps its logs in {}: end that one, or set `logs` to another \
         folder", .0.display()
    )]
    Running(PathBuf),
    #[error("cannot watch for signals: {0}")]
    Signals(io::Error),
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    #[error(transparent)]
    Dead(#[from] Dead),
}

/// What signals ask for.
struct Asked {
    end: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

/// Runs everything until asked to end.
pub fn run(up: &Up) -> ExitCode {
    match serve(up) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ormatrix up: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(up: &Up) -> Result<(), UpError> {
    let settings = Settings::load(up.config.as_deref())?;
    let plan = Plan::new(&settings)?;
    if up.check {
        let faults = plan.check(&settings);
        if !faults.is_empty() {
            return Err(UpError::Faults(faults));
        }
        println!("the settings can be used: {} programs", plan.parts.len());
        return Ok(());
    }
    let asked = Asked::watch().map_err(UpError::Signals)?;
    let _lock = lock(&settings.logs)?;
    let reporter = Reporter::start(&settings.url, say).map_err(UpError::Thread)?;
    let logs: BTreeMap<String, PathBuf> =
        plan.parts.iter().map(|part| (part.name.clone(), part.launch.log.clone())).collect();
    let mut crew = Crew::new(Patience::Endless);
    for part in plan.parts {
        let id = crew.start(&part.name, part.role, part.launch)?;
        say(&format!("{} runs, process {id}", part.name));
    }
    while !asked.end.load(Ordering::Relaxed) {
        if asked.reload.swap(false, Ordering::Relaxed) {
            say("router and control plane are asked to read their settings again");
            crew.reload(&[Role::Router, Role::Control]);
        }
        crew.tend(&mut |news| {
            say(&news.to_string());
            let log = logs.get(&news.name).map_or(Path::new(""), PathBuf::as_path);
            if let Some(alarm) = Alarm::of(news, log) {
                reporter.report(alarm);
            }
        })?;
        thread::sleep(TURN);
    }
    say("ending");
    let grace = Duration::from_secs(settings.grace_s);
    // Who looks at pictures first, the router last: nobody complains of another's end.
    for role in [Role::Sink, Role::Source, Role::Control, Role::Router] {
        for (name, _) in crew.end(&[role], grace) {
            say(&format!("{name} has ended"));
        }
    }
    Ok(())
}

impl Asked {
    /// Listens to signals. Hanging up ends what a terminal runs, as everywhere; without a
    /// terminal it means to read settings again.
    fn watch() -> io::Result<Self> {
        let asked = Self { end: Arc::default(), reload: Arc::default() };
        let hung_up = if io::stdin().is_terminal() { &asked.end } else { &asked.reload };
        for (signal, flag) in [(SIGINT, &asked.end), (SIGTERM, &asked.end), (SIGHUP, hung_up)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
        }
        Ok(asked)
    }
}

/// Makes the folder of logs, and keeps others out of it as long as the file is open.
fn lock(folder: &Path) -> Result<File, UpError> {
    let path = folder.join("lock");
    let refused = |reason| UpError::Logs { path: folder.to_owned(), reason };
    fs::create_dir_all(folder).map_err(refused)?;
    let file = File::create(path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(UpError::Running(folder.to_owned())),
        Err(TryLockError::Error(reason)) => Err(refused(reason)),
    }
}

/// Tells of an event, in a line.
fn say(line: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{} {line}", rfc3339(SystemClock.unix()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_belong_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("a/b");
        let held = lock(&logs).unwrap();
        let said = lock(&logs).unwrap_err().to_string();
        assert!(said.contains("another `ormatrix up`") && said.contains("a/b"), "{said}");
        drop(held);
        lock(&logs).unwrap();
        let said = lock(Path::new("/dev/null/x")).unwrap_err().to_string();
        assert!(said.contains("/dev/null/x") && said.contains("`logs`"), "{said}");
    }
}
