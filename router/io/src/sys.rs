//! Clocks and scheduling, as thin as the kernel's own calls.

use std::io;

use libc::{c_int, clockid_t, timespec};

/// Seconds that TAI is ahead of UTC since 2017, used when the kernel was never told.
pub const TAI_OFFSET_S: u64 = 37;

fn checked(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Nanoseconds on one of the kernel's clocks.
pub fn clock_ns(clock: clockid_t) -> u64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the kernel to fill; std offers no CLOCK_TAI.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Sleeps until a moment on the monotonic clock; an absolute sleep does not drift.
pub fn sleep_until(at_ns: u64) {
    let time = timespec {
        tv_sec: (at_ns / 1_000_000_000).cast_signed(),
        tv_nsec: (at_ns % 1_000_000_000).cast_signed(),
    };
    loop {
        // SAFETY: `time` outlives the call; std has only relative sleeps.
        let result = unsafe {
            libc::clock_nanosleep(
                libc::CLOCK_MONOTONIC,
                libc::TIMER_ABSTIME,
                &raw const time,
                std::ptr::null_mut(),
            )
        };
        if result != libc::EINTR {
            return;
        }
    }
}

/// The kernel's TAI offset in seconds; 0 when nobody (ptp4l, chrony) has set it.
pub fn kernel_tai_offset() -> i32 {
    // SAFETY: an all-zero timex is valid and `modes = 0` only reads.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `timex` is valid for the kernel to fill.
    if unsafe { libc::adjtimex(&raw mut timex) } < 0 { 0 } else { timex.tai }
}

/// Binds the calling thread to one core.
pub fn pin_to(core: usize) -> io::Result<()> {
    // SAFETY: an all-zero set is the empty set; `CPU_SET` checks its bounds.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if core >= libc::CPU_SETSIZE as usize {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        libc::CPU_SET(core, &mut set);
        set
    };
    // SAFETY: thread 0 is the caller and `set` is valid for its size.
    checked(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) })
}

/// Puts the calling thread under the real-time scheduler.
pub fn prioritise(level: u8) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: c_int::from(level) };
    // SAFETY: thread 0 is the caller and `param` is valid.
    checked(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const param) })
}

/// Asks for timers that fire within a nanosecond's slack instead of 50 µs.
pub fn precise_timers() {
    // SAFETY: the call takes one number and touches no memory.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64) };
}

/// Has a signal sent to this process when the thread that started it ends.
pub fn signal_when_parent_ends(signal: c_int) -> io::Result<()> {
    let number = libc::c_ulong::from(signal.unsigned_abs());
    // SAFETY: the call takes one number and touches no memory; std cannot ask for it.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, number) })
}

/// Sends a signal to one process.
pub fn signal(pid: libc::pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: the call takes two numbers and touches no memory; std can only kill.
    checked(unsafe { libc::kill(pid, signal) })
}
