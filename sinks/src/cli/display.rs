//! `ormatrix-sink display`.

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use clap::Args;
use ormatrix_sink::{
    display::{self, DisplayOptions, Driver},
    stream::{Stream, StreamArguments},
};

use super::{Settings, say_listening, seconds};

/// Options of `display`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    stream: StreamArguments,
    /// The way to the screen: wayland, x11, kms, gl or none; otherwise what is there, in that
    /// order
    #[arg(long)]
    driver: Option<Driver>,
    /// Asks the window system for the whole screen
    #[arg(long)]
    fullscreen: bool,
    /// How long the last whole frame stays without a next, before the display says that the
    /// signal is lost
    #[arg(long, value_name = "N")]
    hold_ms: Option<u32>,
    /// Ends after this long
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Duration>,
}

/// Shows until it is stopped.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
) -> Result<ExitCode, String> {
    let stream = Stream::resolve(&arguments.stream).map_err(|error| error.to_string())?;
    let options = DisplayOptions {
        driver: arguments.driver,
        fullscreen: arguments.fullscreen,
        hold: Duration::from_millis(u64::from(arguments.hold_ms.unwrap_or(settings.hold_ms))),
        coalesce: settings.coalesce(),
        length: arguments.seconds,
    };
    let say = |text: &str| eprintln!("{text}");
    let counts = display::run(stream, &options, stop, say_listening, say)
        .map_err(|error| error.to_string())?;
    eprintln!(
        "{} whole frames shown, {} incomplete not shown, {} packets of something else",
        counts.whole, counts.incomplete, counts.refused
    );
    Ok(ExitCode::SUCCESS)
}
