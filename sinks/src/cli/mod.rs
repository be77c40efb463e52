//! The command line.

mod analyse;
mod check;
mod display;
mod grab;
mod settings;
mod stills;
mod watch;

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use clap::{Parser, Subcommand};
pub use settings::Settings;

/// Receives ST 2110-20 video: shows it, judges it, takes pictures of it.
#[derive(Debug, Parser)]
#[command(name = "ormatrix-sink", version, propagate_version = true)]
pub struct Cli {
    /// Settings file; every setting can also be given in the environment (ORMATRIX_SINK_...)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judges the streams of a capture file: timing (ST 2110-21), headers, loss, two legs
    #[command(after_long_help = analyse::MEANING)]
    Analyse(analyse::Arguments),
    /// Receives a stream and judges it: its frames, its sound and data, and lip-sync
    #[command(after_long_help = check::MEANING)]
    Check(check::Arguments),
    /// Shows a stream in a window or on a whole screen; says so when the signal is lost
    Display(display::Arguments),
    /// Writes the next whole frames as PNG files
    Grab(grab::Arguments),
    /// Delivers small pictures of every input to the matrix, a few times a second
    Stills(stills::Arguments),
    /// Looks at streams: timing and headers on request, frozen and black pictures, strange
    /// formats
    #[command(after_long_help = watch::MEANING)]
    Watch(watch::Arguments),
    /// Reads the settings, says what is wrong with them, and does nothing else
    CheckConfig,
}

/// Runs the command; the error is for a person to read.
pub fn run(cli: Cli, stop: &Arc<AtomicBool>) -> Result<ExitCode, String> {
    let settings = Settings::load(cli.config.as_deref()).map_err(|error| error.to_string())?;
    match cli.command {
        Command::Analyse(arguments) => analyse::run(&arguments),
        Command::Check(arguments) => check::run(&arguments, &settings, stop),
        Command::Display(arguments) => display::run(&arguments, &settings, stop),
        Command::Grab(arguments) => grab::run(&arguments, &settings, stop),
        Command::Stills(arguments) => stills::run(&arguments, &settings, stop),
        Command::Watch(arguments) => watch::run(&arguments, &settings, stop),
        Command::CheckConfig => {
            println!("the settings are good");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Says that the sockets are open, for whoever waits to send.
fn say_listening(addresses: &[SocketAddr]) {
    for address in addresses {
        eprintln!("listening {address}");
    }
}

/// A length of time given in seconds.
fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("'{text}' is not a number of seconds"))?;
    std::time::Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
