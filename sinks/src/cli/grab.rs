//! `ormatrix-sink grab`.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use clap::Args;
use ormatrix_sink::{
    grab,
    stream::{Stream, StreamArguments},
};

use super::{Settings, say_listening, seconds};

/// Options of `grab`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    stream: StreamArguments,
    /// The PNG file to write; with --frames, FRAME-0001.png and so on
    #[arg(long, value_name = "FRAME.png")]
    out: PathBuf,
    /// How many frames, one after the other; all are held in memory until the last has come
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=600))]
    frames: u32,
    /// How long to wait for them
    #[arg(long, value_name = "N", default_value = "10", value_parser = seconds)]
    seconds: Duration,
}

/// Writes the files and prints their names.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
) -> Result<ExitCode, String> {
    let stream = Stream::resolve(&arguments.stream).map_err(|error| error.to_string())?;
    let Arguments { out, frames, seconds, .. } = arguments;
    let coalesce = settings.coalesce();
    let written = grab::run(stream, out, *frames, *seconds, coalesce, stop, say_listening)
        .map_err(|error| error.to_string())?;
    for path in written {
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
