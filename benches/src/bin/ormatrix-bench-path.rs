//! Prints how many instructions the packet path takes for each packet, as a table.

#![forbid(unsafe_code)]

use std::{env, process::ExitCode};

use ormatrix_benches::{
    instructions::{pass, per_packet},
    path::Setup,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => table(),
        ["pass", name] => Setup::of_name(name).map_or_else(usage, |setup| {
            pass(&setup);
            ExitCode::SUCCESS
        }),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: ormatrix-bench-path [pass NAME]");
    ExitCode::from(2)
}

fn table() -> ExitCode {
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{:<36} {:>22} {:>8}", "1080p60, in memory", "instructions a packet", "ratio");
    let mut plain = None;
    for setup in Setup::ALL {
        match per_packet(&program, &setup) {
            Ok(count) => {
                let ratio = count / *plain.get_or_insert(count);
                println!("{:<36} {count:>22.1} {ratio:>8.2}", setup.name);
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
