//! `ormatrix-sink watch`.

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use clap::Args;
use ormatrix_sink::{
    stream::Control,
    watch::{self, WatchOptions},
};

use super::Settings;

/// What it needs, for `--help`.
pub const MEANING: &str = "\
It looks at packets on this host's network interfaces and so must run on the host of the
router, in its network namespace, with the capability CAP_NET_RAW:
  setcap cap_net_raw+ep /path/to/ormatrix-sink     or, in a systemd unit,
  AmbientCapabilities=CAP_NET_RAW
It is no part of the packet path: the router does not know of it.";

/// Options of `watch`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The matrix's API
    #[arg(long, value_name = "URL")]
    control: String,
    /// Measures every input and output all the time, not only those that are asked for
    #[arg(long)]
    all: bool,
    /// Length of a window of analysis
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(2..=60))]
    window: Option<u32>,
    /// From one look at a picture to the next; shorter finds a frozen or black one sooner
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(50..=2000))]
    sample_ms: Option<u32>,
}

/// Watches until it is stopped.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
) -> Result<ExitCode, String> {
    let control = Control::new(&arguments.control).map_err(|error| error.to_string())?;
    let from = &settings.watch;
    let options = WatchOptions {
        all: arguments.all || from.all,
        window: Duration::from_secs(u64::from(arguments.window.unwrap_or(from.window_s))),
        sample: Duration::from_millis(u64::from(arguments.sample_ms.unwrap_or(from.sample_ms))),
        receive_buffer: (from.buffer_mib as usize) << 20,
    };
    watch::run(&control, options, stop, |text| eprintln!("{text}"))
        .map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}
