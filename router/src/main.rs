//! `ormatrix-router`: the data plane as a process.

#![forbid(unsafe_code)]

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, thread};

use clap::{Parser, Subcommand};
use crossbeam_channel::bounded;
use ormatrix_router::{engine, settings::Settings};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Moves ST 2110 RTP packets from inputs to outputs and switches between whole frames.
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
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("ORMATRIX_LOG")
                .unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ormatrix-router: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut settings: Settings =
        ormatrix_settings::load(arguments.config.as_deref(), "ORMATRIX_ROUTER")?;
    settings.check()?;
    if let Some(Verb::CheckConfig) = arguments.command {
        println!("settings are right");
        return Ok(());
    }
    if let Some(socket) = arguments.socket {
        settings.socket = socket;
    }
    if let Some(snapshot) = arguments.snapshot {
        settings.snapshot = snapshot;
    }
    let (stop, stopped) = bounded(1);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for _ in signals.forever() {
            let _ = stop.try_send(());
        }
    })?;
    engine::serve(&settings, &stopped)?;
    Ok(())
}
