//! The loop around the judge: sockets, clocks, limits, reports.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_strip::Name;
use st2110::rfc4175::RasterError;

use super::{Arrival, Judge, Report};
use crate::{
    receive::{Input, InputError},
    stream::{Stream, StreamError},
};

/// How long to wait for packets before looking at limits and signals.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What ends a run, and what it asks for.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// Ends after this long, counted from the opening of the socket.
    pub length: Option<Duration>,
    /// Ends after this many judged frames.
    pub frames: Option<u64>,
    /// The name that every strip must carry.
    pub expected: Option<Name>,
    /// Least time between two reads of the socket.
    pub coalesce: Duration,
}

/// Why a run could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// What to receive cannot be found out.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// It cannot be received.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Its format cannot be.
    #[error("the declared format cannot be received: {0}")]
    Format(#[from] RasterError),
}

/// Receives and judges until a limit or `stop`. `listening` is told the addresses once the
/// sockets are open.
pub fn run(
    stream: &mut Stream,
    options: &CheckOptions,
    stop: &Arc<AtomicBool>,
    listening: impl FnOnce(&[std::net::SocketAddr]),
) -> Result<Report, CheckError> {
    let clock = SystemClock;
    let mut input = Input::open(stream.legs(), options.coalesce)?;
    listening(&input.addresses().map_err(InputError::from)?);
    let start = clock.now();
    let end = options.length.map_or(u64::MAX, |length| start + length.as_nanos() as u64);
    let over = || stop.load(Ordering::Relaxed) || clock.now() >= end;

    let mut judge = None;
    loop {
        if over() {
            break;
        }
        if let Some(description) = stream.update() {
            let (format, payload_type) = (&description.format, description.payload_type);
            match &mut judge {
                None => judge = Some(Judge::new(format, payload_type, options.expected)?),
                Some(judge) => judge.change_format(format, payload_type)?,
            }
        }
        let arrival = || Arrival { now: clock.now(), tai: clock.tai(), unix: clock.unix() };
        let read = input.receive(LOOK_UP, arrival, |packet, at| {
            // Packets before the format is known cannot be judged.
            if let Some(judge) = &mut judge {
                judge.packet(packet, at);
            }
        });
        read.map_err(InputError::from)?;
        let judged = judge.as_ref().map_or(0, Judge::judged);
        if options.frames.is_some_and(|frames| judged >= frames) {
            break;
        }
    }
    let now = clock.now();
    let mut report = judge.map_or_else(Report::default, |judge| judge.finish(now));
    report.kernel_drops = input.kernel_drops();
    report.fragmented_datagrams = input.fragmented();
    report.malformed_packets += input.truncated();
    report.seconds = (now - start) as f64 / 1e9;
    report.cpu_seconds = cpu_seconds();
    Ok(report.conclude())
}

/// CPU time of this thread, the one that receives and judges; 0 where /proc does not say.
fn cpu_seconds() -> f64 {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0.0, |ns| ns as f64 / 1e9)
}
