//! `ormatrix-source`: sends pictures, sound and ancillary data as ST 2110.

#![forbid(unsafe_code)]

use std::{
    io::IsTerminal,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use clap::{Parser, Subcommand};
use ormatrix_source::{job::Job, options::Options, run, still};
use signal_hook::consts::{SIGINT, SIGTERM};
use tracing::error;

/// Sends pictures as SMPTE ST 2110-20: patterns, files, capture devices, the screen; and beside
/// them sound (ST 2110-30) and ancillary data (ST 2110-40).
///
/// Example: ormatrix-source --pattern robot --format 1080p60 --to 239.20.0.2:5004
/// --audio-to 239.20.0.2:5006 --ancillary-to 239.20.0.2:5008
/// --register http://127.0.0.1:8080 --id robot --label Robot
#[derive(Parser)]
#[command(name = "ormatrix-source", version, max_term_width = 100)]
struct Line {
    /// Settings file (TOML, keys as the options with underscores)
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the SDP of all streams and end
    Sdp,
    /// Write a pattern as a PNG picture and end
    Picture {
        /// File to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Moment of the motion, 0 to 1
        #[arg(long, default_value_t = 0.35)]
        phase: f32,
    },
    /// Check the settings and end: status 0 when a source can be started with them
    CheckConfig,
}

fn main() -> ExitCode {
    ormatrix_io::process::die_with_parent();
    let line = Line::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("ORMATRIX_LOG")
                .unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match execute(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            error!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn execute(line: Line) -> Result<(), Box<dyn std::error::Error>> {
    let file: Options = ormatrix_settings::load(line.config.as_deref(), "ORMATRIX_SOURCE")?;
    let job = Job::new(line.options.or(file))?;
    match line.command {
        Some(Command::Sdp) => print!("{}", run::session(&job)?),
        Some(Command::Picture { out, phase }) => {
            still::save(&job, phase.clamp(0.0, 1.0), &out)?;
            println!("{}", out.display());
        }
        Some(Command::CheckConfig) => {
            for warning in &job.warnings {
                println!("note: {warning}");
            }
            job.receivers()?;
            println!("ok: {} as {}", job.format, job.sender_type);
        }
        None => send(&job)?,
    }
    Ok(())
}

fn send(job: &Job) -> Result<(), Box<dyn std::error::Error>> {
    job.receivers()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let report = run::run(job, &stop)?;
    let json = serde_json::to_string(&report)?;
    if let Some(file) = &job.options.stats_json {
        std::fs::write(file, format!("{json}\n"))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    if job.options.json == Some(true) {
        println!("{json}");
    }
    tracing::info!("ended: {report}");
    Ok(())
}
