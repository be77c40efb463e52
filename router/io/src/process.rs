//! Processes that belong together.

use std::{env, io, os::unix::process::parent_id, process};

use crate::sys;

/// Names the process that must outlive this one; see [`die_with_parent`].
pub const PARENT_VARIABLE: &str = "ORMATRIX_DIE_WITH_PARENT";

/// Ends this process when its parent ends, however that happens, if the environment asks
/// for it: [`PARENT_VARIABLE`] holds the parent's process id. To be called first in `main`.
///
/// The kernel watches the parent's *thread* that started this process; a parent should
/// start its children from its main thread.
pub fn die_with_parent() {
    let Some(parent) = env::var(PARENT_VARIABLE).ok().and_then(|text| text.parse::<u32>().ok())
    else {
        return;
    };
    // Refused only for a signal that does not exist.
    let _ = sys::signal_when_parent_ends(libc::SIGKILL);
    if parent_id() != parent {
        // It ended before the kernel was asked.
        process::exit(1);
    }
}

/// Asks a process to end (`SIGTERM`).
///
/// # Errors
/// `InvalidInput` for an id that is none; what the kernel says otherwise, as when the process
/// is gone.
pub fn terminate(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGTERM)
}

/// Asks a process to read its settings again (`SIGHUP`), which ends one that does not know
/// how.
///
/// # Errors
/// As [`terminate`].
pub fn hang_up(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGHUP)
}

fn signal(pid: u32, signal: libc::c_int) -> io::Result<()> {
    match i32::try_from(pid) {
        // 0 and negative numbers mean whole groups of processes.
        Ok(pid) if pid > 1 => sys::signal(pid, signal),
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::ExitStatusExt,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn a_process_is_asked() {
        type Ask = fn(u32) -> io::Result<()>;
        for (ask, signal) in [(terminate as Ask, libc::SIGTERM), (hang_up, libc::SIGHUP)] {
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            ask(child.id()).unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(signal));
        }
    }

    #[test]
    fn groups_are_out_of_reach() {
        for pid in [0, 1, u32::MAX] {
            assert_eq!(terminate(pid).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            assert_eq!(hang_up(pid).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
