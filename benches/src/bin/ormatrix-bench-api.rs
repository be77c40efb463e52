//! Measures takes as clients see them: from the moment a request was due to the answer, which
//! comes when the router has accepted the take.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use ormatrix_benches::api::{Load, run};

/// Takes over HTTP to a router and a control plane on loopback, both started for it from the
/// programs beside this one.
///
/// Requests are sent when they are due, whether or not those before were answered in time, and
/// time counts from there. Ends with 1 when a request failed.
#[derive(Parser)]
#[command(name = "ormatrix-bench-api", version)]
struct Arguments {
    /// How long, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Clients, each with a connection and an output of its own.
    #[arg(long, value_name = "COUNT", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=400))]
    clients: u32,
    /// Takes a second of all clients together.
    #[arg(long, value_name = "COUNT", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// End with 1 also when 99 of 100 takes were not accepted within so many milliseconds.
    #[arg(long, value_name = "MS", overrides_with = "p99_ms")]
    p99_ms: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let Arguments { seconds, clients, rate, p99_ms, json } = Arguments::parse();
    let outcome = run(Load { seconds, clients, rate });
    if json {
        println!("{:#}", outcome.json());
    } else {
        println!("{outcome}");
    }
    if let Some(error) = &outcome.first_error {
        eprintln!("the first of {} requests that failed: {error}", outcome.errors);
        return ExitCode::FAILURE;
    }
    match p99_ms {
        Some(limit) if outcome.p99_ms() > limit => {
            eprintln!("p99 is {} ms, more than {limit} ms", outcome.p99_ms());
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
