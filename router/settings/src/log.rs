//! How a process logs: to stderr, as text for people or as JSON for whatever gathers logs.
//!
//! Writing is left to a thread of its own, for whoever logs must not wait for a journal that
//! hangs or a pipe that nobody reads: a take would wait with it. Lines that find
//! [`UNWRITTEN_MAX`] others unwritten are lost, and a line says how many when it goes on.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt,
    layer::SubscriberExt,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

/// The target of spans that are timed for traces; lines of the log do not speak of them.
pub const TRACED: &str = "ormatrix_traced";

/// Lines that may wait to be written.
const UNWRITTEN_MAX: usize = 8192;

/// How long the end of the process waits for the last lines.
const LAST_WITHIN: Duration = Duration::from_secs(1);

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The line that tells of lost ones.
    fn of_losses(self, lost: u64) -> String {
        let said = format!("{lost} lines of this log were lost: whatever reads it is too slow");
        match self {
            Self::Text => format!("WARN {said}\n"),
            Self::Json => format!("{{\"level\":\"WARN\",\"message\":\"{said}\"}}\n"),
        }
    }
}

/// Keeps the log open; dropping it waits until what was logged is written.
pub struct Log {
    _lines: Lines,
    filter: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

impl Log {
    /// Changes what is logged from now on.
    ///
    /// # Errors
    /// Somebody panicked while the filter was changed.
    pub fn set(&self, filter: EnvFilter) -> Result<(), reload::Error> {
        (self.filter)(filter)
    }
}

/// The way to the thread that writes; dropping it waits until all is written.
#[derive(Debug)]
struct Lines {
    queue: SyncSender<Entry>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Everything before it is written: whoever waits may go on.
    Flush(SyncSender<()>),
}

/// Begins to log what `filter` lets through. To be called once in a process.
///
/// # Errors
/// The system gives no thread, or somebody logs already.
pub fn start(filter: EnvFilter, format: LogFormat) -> io::Result<Log> {
    start_on(tracing_subscriber::registry(), filter, format)
}

/// As [`start`], beside whatever else `base` does with what is told.
///
/// # Errors
/// As [`start`].
pub fn start_on<S>(base: S, filter: EnvFilter, format: LogFormat) -> io::Result<Log>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static,
{
    let (written, writer) = queue(io::stderr(), format)?;
    let lines =
        fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(move || writer.clone());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        // The span alone says whose request it is; a list of all would repeat it.
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let in_lines = filter_fn(|about| about.target() != TRACED);
    let (filter, handle) = reload::Layer::new(filter);
    base.with(lines.with_filter(filter.and(in_lines))).try_init().map_err(io::Error::other)?;
    Ok(Log { _lines: written, filter: Box::new(move |new| handle.reload(new)) })
}

/// A queue of lines and the thread that writes them.
fn queue(to: impl Write + Send + 'static, format: LogFormat) -> io::Result<(Lines, Writer)> {
    let (queue, lines) = sync_channel(UNWRITTEN_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = Writer { queue: queue.clone(), lost: lost.clone() };
    thread::Builder::new().name("log".into()).spawn(move || write(to, format, &lines, &lost))?;
    Ok((Lines { queue }, writer))
}

fn write(mut to: impl Write, format: LogFormat, lines: &Receiver<Entry>, lost: &AtomicU64) {
    for entry in lines {
        // Where nobody reads the log there is nobody to tell.
        match entry {
            Entry::Line(line) => drop(to.write_all(&line)),
            Entry::Flush(done) => {
                let _ = to.flush();
                let _ = done.try_send(());
            }
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = to.write_all(format.of_losses(lost).as_bytes());
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let (done, written) = sync_channel(1);
        // A full queue means that nobody reads: nothing to wait for.
        if self.queue.try_send(Entry::Flush(done)).is_ok() {
            let _ = written.recv_timeout(LAST_WITHIN);
        }
    }
}

/// Where lines are put.
#[derive(Clone)]
struct Writer {
    queue: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

impl Write for Writer {
    /// One line is one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Entry::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Writes when it is let.
    struct Slow {
        gate: Arc<Mutex<()>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _passed = self.gate.lock().unwrap();
            self.written.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_logs_never_waits_and_losses_are_told() {
        let (gate, written) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(Vec::new())));
        let (log, mut writer) =
            queue(Slow { gate: gate.clone(), written: written.clone() }, LogFormat::Json).unwrap();
        let shut = gate.lock().unwrap();
        for n in 0..UNWRITTEN_MAX + 100 {
            writer.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        drop(shut);
        // Full until now: once more, when there is room.
        while log.queue.try_send(Entry::Line(b"last\n".to_vec())).is_err() {
            thread::yield_now();
        }
        drop(log);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("line 0\n"), "{text}");
        let told = text.lines().find(|line| line.starts_with('{')).unwrap();
        assert!(told.contains(" lines of this log were lost"), "{told}");
        assert!(text.ends_with("last\n"), "{text}");
    }
}
