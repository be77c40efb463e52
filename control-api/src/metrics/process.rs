//! What this process takes of the host, under the names that every Prometheus client uses.
//!
//! Read from `/proc` at each scrape; what cannot be read is left out.

use std::{fs, sync::atomic::AtomicU64};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};

/// The unit of times in `/proc/*/stat`, `USER_HZ`: 100 on every Linux that this runs on, whatever
/// the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the system tells of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Taken {
    cpu_seconds: f64,
    /// Since the host started.
    started_seconds: f64,
    threads: i64,
    virtual_bytes: i64,
}

/// This process, now.
pub(super) fn register(registry: &mut Registry) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut gauge = |name: &str, help: &str, unit: Option<Unit>, value: Option<f64>| {
        let Some(value) = value else { return };
        let gauge: Gauge<f64, AtomicU64> = Gauge::default();
        gauge.set(value);
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, gauge),
            None => registry.register(name, help, gauge),
        }
    };
    let taken = taken(&read("/proc/self/stat"));
    let booted = field(&read("/proc/stat"), "btime");
    let started = taken.zip(booted).map(|(taken, booted)| booted + taken.started_seconds);
    let help = "When the process started, since the Unix epoch";
    gauge("process_start_time", help, Some(Unit::Seconds), started);
    let status = read("/proc/self/status");
    let resident = field(&status, "VmRSS:").map(|kib| kib * 1024.0);
    gauge("process_resident_memory", "Memory in use", Some(Unit::Bytes), resident);
    let mapped = taken.map(|taken| taken.virtual_bytes as f64);
    gauge("process_virtual_memory", "Memory mapped", Some(Unit::Bytes), mapped);
    gauge("process_threads", "Threads", None, taken.map(|taken| taken.threads as f64));
    // The directory that is being read is one of them.
    let open = fs::read_dir("/proc/self/fd").ok().map(|open| open.count().saturating_sub(1) as f64);
    gauge("process_open_fds", "Files and sockets that are open", None, open);
    let most = field(&read("/proc/self/limits"), "Max open files");
    gauge("process_max_fds", "Files and sockets that may be open", None, most);
    if let Some(taken) = taken {
        let cpu: Counter<f64, AtomicU64> = Counter::default();
        cpu.inc_by(taken.cpu_seconds);
        let help = "Time of processors used, in user space and kernel";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, cpu);
    }
}

/// One line of `/proc/self/stat` (proc_pid_stat(5)).
fn taken(stat: &str) -> Option<Taken> {
    // The name, in parentheses, may hold anything: what counts begins behind the last one.
    let (_, rest) = stat.rsplit_once(')')?;
    // Field 3 is the first.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
    Some(Taken {
        cpu_seconds: (number(14)? + number(15)?) as f64 / TICKS_PER_SECOND,
        started_seconds: number(22)? as f64 / TICKS_PER_SECOND,
        threads: number(20)?,
        virtual_bytes: number(23)?,
    })
}

/// The first number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_name_does_not_shift_the_fields() {
        let stat = "17 (or) 9 9 9 9 (x) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 12 0 \
                    4200 1048576 300 18446744073709551615 1 1";
        let expected = Taken {
            cpu_seconds: 3.0,
            started_seconds: 42.0,
            threads: 12,
            virtual_bytes: 1_048_576,
        };
        assert_eq!(taken(stat), Some(expected));
        for bad in ["", "17 (x", "17 (x) S 1 2 3"] {
            assert_eq!(taken(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_stand_behind_their_names() {
        let limits = "Max open files            1024                 524288               files\n";
        assert_eq!(field(limits, "Max open files"), Some(1024.0));
        assert_eq!(field("a 1\nbtime 170\n", "btime"), Some(170.0));
        assert_eq!(field("Max open files unlimited", "Max open files"), None);
        assert_eq!(field("", "btime"), None);
    }
}
