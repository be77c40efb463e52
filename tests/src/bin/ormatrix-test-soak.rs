//! Runs a whole matrix under random takes and faults and judges it; see
//! `ormatrix_tests::soak`. Runs on the middle host of a network that its parent has made.

#![forbid(unsafe_code)]

use std::{env, path::PathBuf, process::ExitCode};

use ormatrix_tests::soak::{self, Options};

fn main() -> ExitCode {
    ormatrix_io::process::die_with_parent();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [seconds, seed, faults, folder] = &arguments[..] else {
        eprintln!("usage: ormatrix-test-soak SECONDS SEED FAULTS(all|none) FOLDER");
        return ExitCode::from(2);
    };
    let (Ok(seconds), Ok(seed)) = (seconds.parse(), seed.parse()) else {
        eprintln!("SECONDS and SEED are numbers");
        return ExitCode::from(2);
    };
    let options = Options { seconds, seed, faults: faults == "all", folder: PathBuf::from(folder) };
    if soak::run(&options) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
