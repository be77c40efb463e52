//! One watched input: a socket, a thread, a still each interval.

use std::{
    fmt, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use serde_json::json;
use st2110::{leg::Leg, rfc4175::Raster};

use super::{ShrinkError, Shrinker, StillsOptions, inventory::WatchedInput};
use crate::{
    receive::{Assembled, Assembler, Input, InputError},
    stream::Control,
    time_text::rfc3339,
};

/// How long to wait for packets before looking at the time.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Without a packet for this long, the monitor is asked for again.
const ASK_AGAIN_NS: u64 = 2_000_000_000;

/// Packets of a frame come in a few milliseconds: reads may be far apart.
const COALESCE: Duration = Duration::from_millis(2);

/// Most octets the API takes.
const MOST_OCTETS: usize = 256 * 1024;

/// Why an input cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Its format.
    #[error(transparent)]
    Raster(#[from] st2110::rfc4175::RasterError),
    /// Its socket.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Its pictures.
    #[error(transparent)]
    Shrink(#[from] ShrinkError),
    /// Its thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// What a worker did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    stills: u64,
    failed: u64,
    incomplete: u64,
    cpu_ns: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stills, failed, incomplete, cpu_ns } = *self;
        let each = cpu_ns as f64 / 1e6 / (stills + failed).max(1) as f64;
        write!(
            f,
            "{stills} stills delivered, {failed} not taken, {incomplete} incomplete frames, \
             {each:.1} ms of CPU each"
        )
    }
}

/// A running worker.
pub struct Worker {
    input: WatchedInput,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Summary>,
}

impl Worker {
    /// Opens a socket and starts to watch.
    pub fn start(
        control: Control,
        options: StillsOptions,
        input: WatchedInput,
    ) -> Result<Self, WorkerError> {
        let raster = Raster::new(&input.video)?;
        let socket = Input::open(&[Leg::new(options.listen, 0)], COALESCE)?;
        let address = socket.addresses().map_err(InputError::from)?;
        let Some(address) = address.first().copied() else { return Err(InputError::NoLeg.into()) };
        let stop = Arc::new(AtomicBool::new(false));
        let mut watching = Watching {
            control,
            options,
            id: input.id.clone(),
            leg: Leg::new(address.ip(), address.port()),
            socket,
            assembler: Assembler::new(&input.video, &raster, None),
            shrinker: Shrinker::new(&raster, options.width, options.quality)?,
            octets: raster.buffer_octets(),
            clock: SystemClock,
            summary: Summary::default(),
        };
        let flag = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name(input.id.chars().take(15).collect())
            .spawn(move || watching.run(&flag))
            .map_err(WorkerError::Thread)?;
        Ok(Self { input, stop, thread })
    }

    /// What it watches.
    pub const fn input(&self) -> &WatchedInput {
        &self.input
    }

    /// Whether it has given up by itself.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it and tells what it did.
    pub fn end(self) -> Summary {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

struct Watching {
    control: Control,
    options: StillsOptions,
    id: String,
    leg: Leg,
    socket: Input,
    assembler: Assembler<Vec<u8>>,
    shrinker: Shrinker,
    octets: usize,
    clock: SystemClock,
    summary: Summary,
}

impl Watching {
    fn run(&mut self, stop: &AtomicBool) -> Summary {
        let mut spare: Vec<Vec<u8>> = Vec::new();
        let mut asked = None;
        let mut heard = 0;
        while !stop.load(Ordering::Relaxed) {
            let now = self.clock.now();
            if asked.is_none_or(|asked: u64| now.saturating_sub(asked.max(heard)) > ASK_AGAIN_NS) {
                self.ask();
                asked = Some(self.clock.now());
            }
            let mut newest = None;
            let (assembler, clock, octets) = (&mut self.assembler, self.clock, self.octets);
            let read = self.socket.receive(
                LOOK_UP,
                || clock.now(),
                |packet, &at| {
                    let mut pool = || Some(spare.pop().unwrap_or_else(|| vec![0; octets]));
                    if let Assembled::Whole(frame) = assembler.packet(packet, at, &mut pool)
                        && let Some((old, _)) = newest.replace((frame.memory, frame.first_at))
                    {
                        spare.push(old);
                    }
                },
            );
            match read {
                Ok(0) => {}
                Ok(_) => heard = self.clock.now(),
                // The socket is broken: the manager starts another worker.
                Err(_) => break,
            }
            if let Some((frame, first_at)) = newest {
                self.still(&frame, first_at);
                spare.push(frame);
            }
        }
        // Best effort: a monitor that nobody hears costs the router a little only.
        let _ = self.control.delete(&format!("/api/v1/inputs/{}/monitor", self.id));
        self.summary.incomplete = self.assembler.counts().incomplete;
        self.summary.cpu_ns = cpu_ns();
        self.summary
    }

    /// Asks the router to send; it may have restarted since. A refusal is asked again.
    fn ask(&self) {
        let body = json!({
            "leg": self.leg,
            "interval_ms": self.options.interval.as_millis() as u64,
        });
        let _ = self.control.put_json(&format!("/api/v1/inputs/{}/monitor", self.id), &body);
    }

    /// Takes and delivers one still of a frame that arrived at `first_at`.
    fn still(&mut self, frame: &[u8], first_at: u64) {
        let start = self.clock.now();
        let captured = self.clock.unix().saturating_sub(start.saturating_sub(first_at));
        let delivered = match self.shrinker.jpeg(frame) {
            Ok(jpeg) if jpeg.len() <= MOST_OCTETS => {
                let at = rfc3339(captured);
                let headers = [("Content-Type", "image/jpeg"), ("X-Captured-At", at.as_str())];
                let path = format!("/api/v1/inputs/{}/thumbnail.jpg", self.id);
                self.control.put(&path, &headers, &jpeg).is_ok()
            }
            _ => false,
        };
        if delivered {
            self.summary.stills += 1;
        } else {
            self.summary.failed += 1;
        }
        // What has queued meanwhile is old: the next still is taken of what comes from now.
        if self.clock.now() - start > self.options.interval.as_nanos() as u64 / 2 {
            while self.socket.receive(Duration::ZERO, || (), |_, ()| {}).is_ok_and(|n| n > 0) {}
            self.assembler.clear();
        }
    }
}

/// CPU time of this thread; 0 where /proc does not say. The encoder's thread is not in it.
fn cpu_ns() -> u64 {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
