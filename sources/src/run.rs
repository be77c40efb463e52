//! Runs a source until it is told to stop.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher, Hasher},
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ormatrix_io::{Clock, SocketError, SystemClock, TxOptions, TxSocket, thread};
use ormatrix_strip::Mark;
use st2110::{
    format::Sampling,
    rfc4175::{FramePlan, PlanError},
    sdp::{Range, ReferenceClock, Sdp, VideoParameters},
};
use tracing::{info, warn};

use crate::{
    canvas::Typeface,
    job::{Job, JobError},
    media::{Frame, Input, Layout, Live, MediaError, Pictures, Ring},
    overlay::{Overlay, OverlayError},
    registration::{Entry, Registration},
    sender::{Report, Sender, Stream, thread_cpu_ns},
};

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
    let mut pictures = pictures(job, &layout, &face)?;
    let plan = FramePlan::with_stride(&job.format, job.max_udp, pictures.stride())?;
    let stream = Stream {
        format: job.format,
        sender_type: job.sender_type,
        burst: job.burst,
        offset_ns: job.options.offset_us.unwrap_or(0).saturating_mul(1000),
        payload_type: job.options.payload_type.unwrap_or(Sdp::PAYLOAD_TYPE),
        ssrc: job.options.ssrc.unwrap_or_else(|| RandomState::new().build_hasher().finish() as u32),
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
    place_thread(job);
    let _registration = register(job)?;

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
        match pictures.next()? {
            None => {
                sender.counts.empty_frames += 1;
                let next = sender.start_tai_ns(frame + 1).saturating_sub(clock.tai());
                clock.sleep_until(clock.now() + next);
            }
            Some(Frame::Fixed(octets)) => sender.send_frame(frame, octets)?,
            Some(Frame::Editable(octets)) => {
                if let Some(overlay) = &mut overlay {
                    let tai_ns = sender.start_tai_ns(frame);
                    // Whole seconds between TAI and UTC, whatever the kernel knows of them.
                    let ahead =
                        (clock.tai() + 500_000_000).saturating_sub(clock.unix()) / 1_000_000_000;
                    let unix_ms = (tai_ns / 1_000_000).saturating_sub(ahead * 1000);
                    let mark = Mark::of(job.name, tai_ns / 1000, (frame - first) as u32)
                        .map_err(JobError::from)?;
                    overlay.draw(octets, &mark, unix_ms).map_err(MediaError::from)?;
                    sender.counts.draw_ns += clock.now() - now;
                }
                sender.send_frame(frame, octets)?;
            }
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
    Ok(sender.counts.report(thread_cpu_ns()))
}

fn pictures(job: &Job, layout: &Layout, face: &Typeface) -> Result<Box<dyn Pictures>, RunError> {
    if let Input::Pattern(pattern) = job.input {
        let memory = job.options.memory_mib.unwrap_or(256);
        let ring = Ring::start(pattern, layout, job.marked, memory, face)?;
        let (frames, hold) = ring.size();
        info!("pattern {pattern}: {frames} frames in memory, each sent {hold} times");
        return Ok(Box::new(ring));
    }
    Ok(Box::new(Live::start(&job.input, layout.clone(), job.marked)?))
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

fn register(job: &Job) -> Result<Option<Registration>, RunError> {
    let Some(url) = &job.options.register else { return Ok(None) };
    let legs = job
        .legs
        .iter()
        // Whose interface it is, only this host knows.
        .map(|leg| st2110::leg::Leg { interface: None, ..leg.clone() })
        .collect();
    let entry = Entry { label: job.label.clone(), zone: job.zone.clone(), video: job.format, legs };
    Registration::start(url, &job.id, entry).map(Some).map_err(RunError::Thread)
}

/// The description of the stream, for receivers.
pub fn sdp(job: &Job) -> Result<Sdp, RunError> {
    let leg = job.receivers()?.first().ok_or(JobError::NoReceiver)?;
    let origin = TxSocket::open(leg, &TxOptions::default())?
        .local_addr()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    let mut video = VideoParameters::new(job.format);
    video.sender_type = job.sender_type;
    video.max_udp = job.options.max_udp;
    // What GStreamer makes of RGB.
    video.range = (job.format.sampling == Sampling::Rgb).then_some(Range::Full);
    let clock = if ormatrix_io::clock::kernel_tai_offset() == 0 {
        ReferenceClock::LocalMac(local_mac(leg.interface.as_deref()))
    } else {
        ReferenceClock::PtpTraceable
    };
    let mut sdp = Sdp::new(&job.label, origin, video, &job.legs, &clock);
    for leg in &mut sdp.legs {
        leg.payload_type = job.options.payload_type.unwrap_or(Sdp::PAYLOAD_TYPE);
        leg.ttl = leg.ttl.map(|ttl| job.options.ttl.unwrap_or(ttl));
    }
    Ok(sdp)
}

/// The hardware address of an interface, or of the first that has one.
fn local_mac(interface: Option<&str>) -> [u8; 6] {
    let folder = PathBuf::from("/sys/class/net");
    let names = if let Some(name) = interface {
        vec![folder.join(name)]
    } else {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let read = |path: PathBuf| {
        let text = fs::read_to_string(path.join("address")).ok()?;
        let octets: Vec<u8> =
            text.trim().split(':').filter_map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
        <[u8; 6]>::try_from(octets).ok().filter(|mac| *mac != [0; 6])
    };
    names.into_iter().find_map(read).unwrap_or_default()
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
