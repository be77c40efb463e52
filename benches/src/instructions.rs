//! Instructions that the packet path executes, as Valgrind's callgrind counts them: the same
//! on a busy machine as on a quiet one.
//!
//! The program runs itself under callgrind, which counts only while a turn of the lane is
//! being executed. What the kernel does in real receives and sends is not in it; the memory
//! backend's own part, some tens of instructions a batch, is.

use std::{io, path::Path, process::Command};

use crate::path::{Passed, Setup};

/// Frames that are measured: as many as a quarter of a second has, so that a monitor takes
/// one of them.
pub const FRAMES: u32 = 15;

/// Why there is no count.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// Valgrind is missing.
    #[error("valgrind cannot be run ({0}): install the package valgrind to count instructions")]
    Missing(io::Error),
    /// It said something else than a count.
    #[error("callgrind gave no count: {0}")]
    NoCount(String),
}

/// Instructions for each packet of the input.
///
/// # Errors
/// When Valgrind is missing or does not count.
pub fn per_packet(program: &Path, setup: &Setup) -> Result<f64, CountError> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*measured_turn*")
        .arg(program)
        .args(["pass", setup.name])
        .output()
        .map_err(CountError::Missing)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    let count = collected.and_then(|text| text.trim().parse::<u64>().ok());
    let packets = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
    match (output.status.success(), count, packets) {
        (true, Some(count), Ok(packets)) if count > 0 && packets > 0 => {
            Ok(count as f64 / packets as f64)
        }
        _ => Err(CountError::NoCount(said)),
    }
}

/// What the program does when it is run by [`per_packet`]: passes the frames, and prints how
/// many packets they were.
pub fn pass(setup: &Setup) {
    let Passed { packets, .. } = crate::path::pass(setup, FRAMES);
    println!("{packets}");
}
