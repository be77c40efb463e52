//! Sends a known stream on two legs, or judges what became of it behind an output.
//!
//! Both ends make the same stream from the same job (JSON, the first argument after the
//! role), so that every octet can be compared. See `ormatrix_tests::legs`.

#![forbid(unsafe_code)]

use std::{env, process::ExitCode};

use ormatrix_tests::legs::{receive, send};

fn main() -> ExitCode {
    ormatrix_io::process::die_with_parent();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let report = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["send", job] => serde_json::from_str(job).map(|job| send::run(&job)),
        ["receive", job, at] => serde_json::from_str(job).map(|job| receive::run(&job, at)),
        _ => {
            eprintln!("usage: ormatrix-test-legs send JOB | receive JOB ADDRESS:PORT");
            return ExitCode::from(2);
        }
    };
    match report {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the job is no JSON of one: {error}");
            ExitCode::from(2)
        }
    }
}
