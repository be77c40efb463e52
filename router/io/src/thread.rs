//! Where and how urgently the calling thread runs.

use std::io;

use crate::sys;

/// Binds the calling thread to one core, counted from 0.
///
/// # Errors
/// `InvalidInput` when the host has no such core.
pub fn pin_to(core: usize) -> io::Result<()> {
    sys::pin_to(core)
}

/// Runs the calling thread before all ordinary ones (`SCHED_FIFO`), level 1 to 99.
///
/// # Errors
/// `PermissionDenied` without `CAP_SYS_NICE`; the thread then goes on as before.
pub fn prioritise(level: u8) -> io::Result<()> {
    sys::prioritise(level)
}

/// Lets the calling thread's timers fire when they are due, not up to 50 µs later.
pub fn precise_timers() {
    sys::precise_timers();
}
