//! `ormatrix-router`: the data plane as a process.

#![forbid(unsafe_code)]

use std::{error::Error, path::PathBuf, process::ExitCode, thread};

use clap::{Parser, Subcommand};
use crossbeam_channel::{Sender, bounded};
use ormatrix_router::{
    engine,
    settings::Settings,
    tuning::{Reread, Tuning},
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use tracing_subscriber::EnvFilter;

/// Changes of settings that may wait for the conductor.
const TUNINGS: usize = 16;

/// Moves ST 2110 RTP packets from inputs to outputs and switches between whole frames.
///
/// SIGHUP has it read its settings again and apply what can change while packets flow.
#[derive(Parser)]
#[command(name = "ormatrix-router", version)]
struct Arguments {
    /// Settings file (see router.toml); ORMATRIX_ROUTER_… variables override it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Unix socket for the control plane; overrides the settings.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// File that keeps inventory and routes; overrides the settings.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Reads the settings, says whether they are right, and ends.
    CheckConfig,
}

fn main() -> ExitCode {
    ormatrix_io::process::die_with_parent();
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ormatrix-router: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let settings = read(&arguments)?;
    if let Some(Verb::CheckConfig) = arguments.command {
        println!("settings are right");
        return Ok(());
    }
    let filter = EnvFilter::try_from_env("ORMATRIX_LOG").unwrap_or_else(|_| "info".into());
    let _log = ormatrix_settings::log::start(filter, settings.log_format)?;
    let (stop, stopped) = bounded(1);
    let (tune, tunings) = bounded(TUNINGS);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let mut running = settings.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                reread(&arguments, &mut running, &tune);
            } else {
                let _ = stop.try_send(());
            }
        }
    })?;
    engine::serve_tuned(&settings, &stopped, &tunings)?;
    Ok(())
}

/// The settings as file, environment and command line give them now.
fn read(arguments: &Arguments) -> Result<Settings, Box<dyn Error>> {
    let mut settings: Settings =
        ormatrix_settings::load(arguments.config.as_deref(), "ORMATRIX_ROUTER")?;
    settings.check()?;
    if let Some(socket) = &arguments.socket {
        settings.socket.clone_from(socket);
    }
    if let Some(snapshot) = &arguments.snapshot {
        settings.snapshot.clone_from(snapshot);
    }
    Ok(settings)
}

/// Reads the settings again, and applies what can change in a running router.
fn reread(arguments: &Arguments, running: &mut Settings, tune: &Sender<Tuning>) {
    let new = match read(arguments) {
        Ok(new) => new,
        Err(error) => {
            tracing::error!("settings are not read again, and nothing has changed: {error}");
            return;
        }
    };
    let Reread { settings, applied, restart } = running.reread(new);
    if !applied.is_empty() && tune.try_send(Tuning::from(&settings)).is_err() {
        tracing::error!("settings are not applied, as the router is busy: ask again (SIGHUP)");
        return;
    }
    *running = settings;
    match (applied.is_empty(), restart.is_empty()) {
        (true, true) => tracing::info!("settings read again: nothing is different"),
        (_, true) => tracing::info!(applied = applied.join(", "), "settings read again"),
        (_, false) => tracing::warn!(
            applied = applied.join(", "),
            restart = restart.join(", "),
            "settings read again; some need a restart"
        ),
    }
}
