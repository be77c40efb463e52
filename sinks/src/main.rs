//! The `ormatrix-sink` process: one command a purpose.
//!
//! Exit status: 0 when done and, for `check`, clean; 1 when `check` found a defect; 2 when
//! something could not be done, with the reason on standard error.

#![forbid(unsafe_code)]

mod cli;

use std::{
    io,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use clap::Parser;

fn main() -> ExitCode {
    ormatrix_io::process::die_with_parent();
    let arguments = cli::Cli::parse();
    let result = stop_on_signals()
        .map_err(|error| format!("cannot watch for signals: {error}"))
        .and_then(|stop| cli::run(arguments, &stop));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ormatrix-sink: {error}");
            ExitCode::from(2)
        }
    }
}

/// A flag that SIGINT and SIGTERM raise. A second one ends the process at once.
fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the exit is armed only once the flag is up.
        signal_hook::flag::register_conditional_shutdown(signal, 2, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
