//! Runs a source until it is told to stop.

mod beside;
mod describe;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ormatrix_io::{Clock, SocketError, SystemClock, TxOptions, TxSocket, thread};
use ormatrix_strip::Mark;
use st2110::{
    rfc4175::{FramePlan, PlanError},
    sdp::Sdp,
};
use tracing::{info, warn};

use crate::{
    ancillary::Unit,
    canvas::Typeface,
    job::{Job, JobError},
    media::{Frame, Input, Layout, Live, MediaError, Pictures, Ring, WithSound},
    overlay::{Overlay, OverlayError},
    sender::{Report, Sender, Stream, thread_cpu_ns},
};
pub use describe::session;

/// Nanoseconds between two lines of the log, and between two warnings.
const LOG_NS: u64 = 60_000_000_000;
const WARN_NS: u64 = 1_000_000_000;

/// Sends until `stop` is set or the job's bounds are reached; the frame under way is
/// always finished.
pub fn run(job: &Job, stop: &Arc<AtomicBool>) -> Result<Report, RunError> {
    let clock = SystemClock;
    let face = Typeface::built_in().ok_or(RunError::Typeface)?;
    let layout = Layout::new(&job.format)?;
    let options = TxOptions {
        ttl: job.options.ttl.unwrap_or(64),
        dscp: job.options.dscp.unwrap_or(34),
        ..TxOptions::default()
    };
    let legs = job
        .receivers()?
        .iter()
        .map(|leg| TxSocket::open(leg, &options))
        .collect::<Result<Vec<_>, _>>()?;
    let mut overlay =
        job.marked.then(|| Overlay::new(*layout.raster(), &job.label, &face)).transpose()?;
    let (with_sound, sound) = beside::sound(job)?;
    let mut pictures = pictures(job, &layout, &face, with_sound.as_ref())?;
    let plan = FramePlan::with_stride(&job.format, job.max_udp, pictures.stride())?;
    let stream = Stream {
        format: job.format,
        sender_type: job.sender_type,
        burst: job.burst,
        when_late: job.when_late,
        offset_ns: job.options.offset_us.unwrap_or(0).saturating_mul(1000),
        payload_type: job.options.payload_type.unwrap_or(Sdp::PAYLOAD_TYPE),
        ssrc: job.options.ssrc.unwrap_or_else(any_ssrc),
    };
    for warning in &job.warnings {
        warn!("{warning}");
    }
    info!(
        "sending {} as {} to {}",
        job.format,
        job.sender_type,
        job.legs
            .iter()
            .map(|leg| leg.socket_address().to_string())
            .collect::<Vec<_>>()
            .join(" and ")
    );
    let audio = match sound {
        Some(sound) => beside::Audio::start(job, &options, sound)?,
        None => None,
    };
    let mut ancillary = beside::ancillary(job, &options)?;
    let _registration = describe::register(job)?;
    place_thread(job);

    let mut sender = Sender::new(clock, legs, stream, plan);
    let started = clock.now();
    let end = job.options.seconds.map(|seconds| started + seconds * 1_000_000_000);
    let bound = job.options.frames.unwrap_or(u64::MAX);
    let first = sender.next_frame();
    let (mut frame, mut log_at, mut warn_at) = (first, started + LOG_NS, started);
    let (mut told_skipped, mut told_failed, mut told_empty) = (0, 0, 0);
    while !stop.load(Ordering::Relaxed) && sender.counts.frames < bound {
        let now = clock.now();
        if end.is_some_and(|end| now >= end) {
            break;
        }
        frame = sender.catch_up(frame);
        let tai_ns = sender.start_tai_ns(frame);
        // Whole seconds between TAI and UTC, whatever the kernel knows of them.
        let seconds = (clock.tai() + 500_000_000).saturating_sub(clock.unix()) / 1_000_000_000;
        let unix_ns = tai_ns.saturating_sub(seconds * 1_000_000_000);
        let mark = Mark::of(job.name, tai_ns / 1000, (frame - first) as u32);
        let mark = mark.map_err(JobError::from)?;
        let timestamps = [sender.timestamp(frame, 0), sender.timestamp(frame, 1)];
        pictures.announce(tai_ns);
        let octets = match pictures.next()? {
            None => None,
            Some(Frame::Fixed(octets)) => Some(octets),
            Some(Frame::Editable(octets)) => {
                if let Some(overlay) = &mut overlay {
                    overlay.draw(octets, &mark, unix_ns / 1_000_000).map_err(MediaError::from)?;
                    sender.counts.draw_ns += clock.now() - now;
                }
                Some(&*octets)
            }
        };
        if let Some(octets) = octets {
            sender.send_frame_with(frame, octets, |field| {
                if let Some(ancillary) = &mut ancillary {
                    let timestamp = timestamps[usize::from(field & 1)];
                    ancillary.send(&Unit { mark, unix_ns, field, timestamp });
                }
            })?;
        } else {
            sender.counts.empty_frames += 1;
            let until = |tai_ns: u64| clock.now() + tai_ns.saturating_sub(clock.tai());
            if let Some(ancillary) = &mut ancillary {
                clock.sleep_until(until(tai_ns));
                (0..).zip(timestamps).for_each(|(field, time)| ancillary.keep_alive(field, time));
            }
            clock.sleep_until(until(sender.start_tai_ns(frame + 1)));
        }
        frame += 1;
        if now >= warn_at {
            warn_at = now + WARN_NS;
            let counts = &mut sender.counts;
            if counts.skipped_frames > told_skipped {
                warn!(
                    "more than a frame late: {} frames skipped; this host is too slow or too busy for {}",
                    counts.skipped_frames - told_skipped,
                    job.format.short_name()
                );
                told_skipped = counts.skipped_frames;
            }
            if counts.failed_sends > told_failed {
                let reason = counts.last_error.take().map_or_else(
                    || "the send buffer stays full".to_owned(),
                    |error| error.to_string(),
                );
                warn!("{} bursts did not leave: {reason}", counts.failed_sends - told_failed);
                told_failed = counts.failed_sends;
            }
            if counts.empty_frames > told_empty && counts.frames > 0 {
                warn!("no picture from the device: nothing is sent until there is one");
            }
            told_empty = counts.empty_frames;
        }
        if now >= log_at {
            log_at += LOG_NS;
            info!("{}", sender.counts.report(thread_cpu_ns()));
        }
    }
    let report = sender.counts.report(thread_cpu_ns());
    let ancillary = ancillary.map(|ancillary| ancillary.counts.report());
    Ok(Report { audio: audio.map(beside::Audio::finish), ancillary, ..report })
}

/// A synchronisation source as RFC 3550 §5.1 wants it: at random.
fn any_ssrc() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}

fn pictures(
    job: &Job,
    layout: &Layout,
    face: &Typeface,
    sound: Option<&WithSound>,
) -> Result<Box<dyn Pictures>, RunError> {
    if let Input::Pattern(pattern) = job.input {
        let memory = job.options.memory_mib.unwrap_or(256);
        let ring = Ring::start(pattern, layout, job.marked, memory, face)?;
        let (frames, hold) = ring.size();
        info!("pattern {pattern}: {frames} frames in memory, each sent {hold} times");
        return Ok(Box::new(ring));
    }
    Ok(Box::new(Live::start(&job.input, layout.clone(), job.marked, sound)?))
}

/// Best effort: a source without a core of its own still sends.
fn place_thread(job: &Job) {
    thread::precise_timers();
    if let Some(core) = job.options.cpu
        && let Err(error) = thread::pin_to(core)
    {
        warn!("cannot run on core {core}: {error}");
    }
    if let Some(level) = job.options.priority
        && let Err(error) = thread::prioritise(level)
    {
        warn!("cannot take real-time priority {level}: {error}; grant CAP_SYS_NICE");
    }
}

/// Why a source ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The settings.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The pictures.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The overlay.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// The network.
    #[error("cannot send: {0}")]
    Socket(#[from] SocketError),
    /// The packets of a frame.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A frame that cannot be sent.
    #[error("cannot send a frame: {0}")]
    Send(#[from] std::io::Error),
    /// No thread for the registration.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The program's own typeface.
    #[error("the built-in typeface cannot be read: this program file is damaged")]
    Typeface,
}
