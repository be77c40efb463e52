//! `ormatrix-sink stills`.

use std::{
    net::IpAddr,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use clap::Args;
use ormatrix_sink::{
    stills::{self, StillsOptions},
    stream::Control,
};

use super::Settings;

/// Options of `stills`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The matrix's API
    #[arg(long, value_name = "URL")]
    control: String,
    /// Address of this host that the router can send to
    #[arg(long, value_name = "ADDR")]
    listen: Option<IpAddr>,
    /// Least time between two stills of an input
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(20..=60_000))]
    interval_ms: Option<u32>,
    /// Width that stills are decimated to, or less than twice that
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(64..=1920))]
    width: Option<u16>,
    /// JPEG quality
    #[arg(long, value_name = "1-100", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
}

/// Delivers stills until it is stopped.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
) -> Result<ExitCode, String> {
    let control = Control::new(&arguments.control).map_err(|error| error.to_string())?;
    let from = &settings.stills;
    let interval_ms = arguments.interval_ms.unwrap_or(from.interval_ms);
    let options = StillsOptions {
        listen: arguments.listen.unwrap_or(from.listen),
        interval: Duration::from_millis(u64::from(interval_ms)),
        width: arguments.width.unwrap_or(from.width),
        quality: arguments.quality.unwrap_or(from.quality),
    };
    stills::run(&control, options, stop, |text| eprintln!("{text}"))
        .map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}
