//! `ormatrix demo`: a complete matrix on one machine, with no hardware.
//!
//! Starts the router, the control plane, sources that nobody has synchronised, and for each
//! output a window or a judge; finds out which rate of full HD this machine holds; keeps all
//! of it running; and leaves nothing behind. Standard output holds the line `ready URL`, and
//! what the judges saw at the end; everything else is told on standard error.

mod calibrate;
mod plan;
mod ports;
mod stage;
mod state;
mod summary;

use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use calibrate::Outcome;
use plan::{Plan, Programs};
use stage::Stage;
use state::State;

use super::{CliError, supervise::crew};

/// Attempts to find ports that nobody takes meanwhile.
const ATTEMPTS: usize = 3;

/// Starts a whole matrix on this machine, without hardware, until Ctrl-C.
#[derive(clap::Args)]
pub struct Demo {
    /// Format of every picture, such as 1080p60 or 2160p30; left out, full HD at the highest
    /// rate this machine holds, which is measured, or less where it holds none.
    #[arg(long)]
    format: Option<String>,
    /// Sources to start.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = count)]
    inputs: usize,
    /// Outputs to start, each with a window or a judge.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = count)]
    outputs: usize,
    /// Where to serve panel and API; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Judge outputs instead of showing them in windows.
    #[arg(long)]
    headless: bool,
    /// Also look for frozen and black pictures, and measure streams on demand; needs
    /// CAP_NET_RAW (root has it).
    #[arg(long)]
    watch: bool,
    /// End after that long.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    seconds: Option<u64>,
    /// Folder for what the demo needs while it runs; logs stay there.
    #[arg(long, value_name = "FOLDER", default_value = "target/demo")]
    state: PathBuf,
}

/// Why the demo ended, or did not begin.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    /// Not an error: Ctrl-C or SIGTERM.
    #[error("asked to end")]
    Asked,
    #[error(transparent)]
    Taken(#[from] ports::Taken),
    #[error("no free ports: {0}")]
    Ports(io::Error),
    #[error("cannot watch for signals: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    State(#[from] state::StateError),
    #[error(transparent)]
    NoProgram(#[from] plan::NoProgram),
    #[error(transparent)]
    Format(#[from] plan::BadFormat),
    #[error(transparent)]
    Dead(#[from] crew::Dead),
    #[error(transparent)]
    Api(CliError),
    #[error("{name} does not start: {words}")]
    Sink { name: String, words: String },
    #[error("waited {seconds} s in vain for {what}: {reason}\n{words}Logs are in {}", logs.display())]
    NotUp { what: &'static str, seconds: u64, reason: String, words: String, logs: PathBuf },
}

impl From<ormatrix_client::Error> for DemoError {
    fn from(error: ormatrix_client::Error) -> Self {
        Self::Api(error.into())
    }
}

/// Runs a demo.
pub fn run(demo: &Demo) -> ExitCode {
    match play(demo) {
        Ok(()) | Err(DemoError::Asked) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ormatrix demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(demo: &Demo) -> Result<(), DemoError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in
        [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
    {
        signal_hook::flag::register(signal, stop.clone()).map_err(DemoError::Signals)?;
    }
    let listen = ports::check(demo.listen)?;
    let programs = Programs::find()?;
    if let Some(format) = &demo.format {
        programs.check_format(format)?;
    }
    let state = State::open(&demo.state)?;

    let windows = !demo.headless && desktop();
    let seen = match (windows, demo.headless) {
        (true, _) => "a window",
        (false, true) => "a judge",
        (false, false) => "a judge (there is no desktop for windows)",
    };
    say(&format!(
        "starting router, control plane, {} sources and {} outputs, each with {seen}",
        demo.inputs, demo.outputs
    ));
    let mut stage = Stage::open(programs, state, listen, windows, demo.watch, stop)?;
    let plan = match &demo.format {
        Some(format) => begin(&mut stage, demo, format)?,
        None => choose(&mut stage, demo)?,
    };
    stage.announce()?;
    // Whoever started the demo may have stopped listening; the demo goes on.
    let _ = writeln!(io::stdout(), "ready {}", stage.url);
    let ended = stage.run(demo.seconds);
    if ended.is_ok() {
        say("ending");
    }
    for (id, said) in stage.silence() {
        let label = plan.outputs.iter().find(|output| output.id == id).map(|output| &output.label);
        if let Some(line) = summary::line(label.unwrap_or(&id), &said) {
            let _ = writeln!(io::stdout(), "{line}");
        }
    }
    ended
}

/// Starts everything in one format; anew on other ports when somebody took one meanwhile,
/// and with judges where no window can be opened.
fn begin(stage: &mut Stage, demo: &Demo, format: &str) -> Result<Plan, DemoError> {
    let mut attempt = 1;
    loop {
        let plan = Plan::new(demo.inputs, demo.outputs).map_err(DemoError::Ports)?;
        let error = match stage.play(&plan, format) {
            Ok(()) => return Ok(plan),
            Err(error) => error,
        };
        if attempt < ATTEMPTS && error.to_string().contains("in use") {
            say(&format!("{error}; trying other ports"));
            attempt += 1;
        } else if stage.windows && matches!(error, DemoError::Sink { .. }) {
            say("no window can be opened: outputs are judged instead");
            stage.windows = false;
        } else {
            return Err(error);
        }
        stage.silence();
        stage.watch()?;
    }
}

/// Starts full HD at the highest rate that holds, or less.
fn choose(stage: &mut Stage, demo: &Demo) -> Result<Plan, DemoError> {
    let mut rung = calibrate::LADDER[0];
    loop {
        let format = rung.format;
        let plan = begin(stage, demo, format)?;
        let (why, achieved) = match stage.measure(&plan)? {
            Outcome::Holds { why } => {
                say(&format!("chose {format}: {why}"));
                return Ok(plan);
            }
            Outcome::Falls { why, achieved } => (why, achieved),
        };
        let Some(next) = calibrate::next(rung, achieved) else {
            say(&format!(
                "chose {format}, the lowest, though this machine does not hold it ({why}): \
                 expect lost frames; fewer --inputs and --outputs help, and \
                 `ormatrix doctor` tells what this machine lacks"
            ));
            return Ok(plan);
        };
        say(&format!("{format} does not hold on this machine ({why}); trying {}", next.format));
        stage.silence();
        stage.watch()?;
        rung = next;
    }
}

/// Whether a window can be opened.
fn desktop() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Tells the person at the terminal, in a line.
fn say(line: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "demo: {line}");
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=64) => Ok(count),
        _ => Err("give a number from 1 to 64".to_owned()),
    }
}
