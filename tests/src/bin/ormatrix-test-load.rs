//! Loads the machine until it is killed: `cpu` spins on one core, `memory MIB` takes so much
//! memory and gives it back, over and over.

#![forbid(unsafe_code)]

use std::{env, hint, process::ExitCode};

fn main() -> ExitCode {
    ormatrix_io::process::die_with_parent();
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cpu"] => loop {
            hint::black_box(0_u64);
        },
        ["memory", mib] if mib.parse::<usize>().is_ok() => {
            let octets = mib.parse::<usize>().unwrap_or(0) << 20;
            loop {
                // Filled, so that every page is really taken.
                hint::black_box(vec![0x55_u8; octets]);
            }
        }
        _ => {
            eprintln!("usage: ormatrix-test-load cpu | memory MIB");
            ExitCode::from(2)
        }
    }
}
