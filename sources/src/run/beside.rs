//! Starts what goes beside the picture.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use ormatrix_io::{Clock, SocketError, SystemClock, TxOptions, TxSocket, thread};
use st2110::leg::Leg;
use tracing::{info, warn};

use super::{RunError, WARN_NS, any_ssrc};
use crate::{
    ancillary::{self, AncillarySender, AncillaryStream},
    audio::{
        self, AudioSender, AudioStream, Sound, ToneSound,
        feed::{Feed, Follow, TimeLine},
    },
    job::{Job, SoundFrom},
    media::{
        WithSound,
        sound::{OwnSound, Tap},
    },
    sender::LevelReport,
};

/// What makes the sound, and whether the picture's pipeline has a part in it.
pub(super) type SoundAndPart = (Option<WithSound>, Option<Box<dyn Sound + Send>>);

/// Prepares the sound of a job.
pub(super) fn sound(job: &Job) -> Result<SoundAndPart, RunError> {
    let Some(plan) = &job.audio else { return Ok((None, None)) };
    let shape = plan.shape();
    let feed = |blocks, follow| Box::new(Feed::new(blocks, shape.channels, shape.rate_hz, follow));
    let beside = |device, live| -> SoundAndPart {
        let (tap, line) = (Tap::new(shape, live), TimeLine::default());
        let period_ns = job.format.rate.period_ns();
        let follow = Follow::Picture { line: line.clone(), period_ns };
        let sound = feed(Box::new(tap.clone()), follow);
        (Some(WithSound { tap, line, device }), Some(sound))
    };
    Ok(match &plan.from {
        SoundFrom::Tone(tone) => {
            info!("test tone of {tone}");
            let (rate_hz, channels) = (shape.rate_hz, shape.channels);
            (None, Some(Box::new(ToneSound { tone: *tone, rate_hz, channels })))
        }
        SoundFrom::Picture => beside(None, false),
        SoundFrom::Device(device) if job.input.is_capture() => beside(Some(device.clone()), true),
        SoundFrom::Device(device) => {
            (None, Some(feed(Box::new(OwnSound::device(device, shape)?), Follow::Nothing)))
        }
        SoundFrom::File(path) => {
            (None, Some(feed(Box::new(OwnSound::file(path, shape)?), Follow::Nothing)))
        }
    })
}

fn open(legs: &[Leg], options: &TxOptions) -> Result<Vec<TxSocket>, SocketError> {
    legs.iter().map(|leg| TxSocket::open(leg, options)).collect()
}

/// The sender of the job's ancillary data.
pub(super) fn ancillary(
    job: &Job,
    options: &TxOptions,
) -> Result<Option<AncillarySender<TxSocket>>, RunError> {
    let Some(plan) = &job.ancillary else { return Ok(None) };
    let stream = AncillaryStream {
        rate: job.format.rate,
        scan: job.format.scan,
        content: plan.content.clone(),
        marked: plan.marked,
        payload_type: ancillary::PAYLOAD_TYPE,
        ssrc: any_ssrc(),
    };
    Ok(Some(AncillarySender::new(open(&plan.legs, options)?, stream)))
}

/// A thread that sends sound until it is told to end.
pub(super) struct Audio {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<LevelReport>>,
}

impl Audio {
    /// Opens the sockets and starts sending.
    pub(super) fn start(
        job: &Job,
        options: &TxOptions,
        sound: Box<dyn Sound + Send>,
    ) -> Result<Option<Self>, RunError> {
        let Some(plan) = &job.audio else { return Ok(None) };
        let stream = AudioStream {
            format: plan.format.clone(),
            offset_ns: job.options.offset_us.unwrap_or(0).saturating_mul(1000),
            payload_type: audio::PAYLOAD_TYPE,
            ssrc: any_ssrc(),
        };
        let legs = open(&plan.legs, options)?;
        info!("sending sound as {}", plan.format);
        let stop = Arc::new(AtomicBool::new(false));
        let (told, priority) = (Arc::clone(&stop), job.options.priority);
        let run = move || {
            thread::precise_timers();
            // Whether it may, the picture's thread says.
            let _ = priority.map(thread::prioritise);
            send(AudioSender::new(SystemClock, legs, stream), sound, &told)
        };
        let thread = std::thread::Builder::new().name("audio".to_owned()).spawn(run);
        Ok(Some(Self { stop, thread: Some(thread.map_err(RunError::Thread)?) }))
    }

    /// Ends it and says what was sent.
    pub(super) fn finish(mut self) -> LevelReport {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Audio {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn send(
    mut sender: AudioSender<SystemClock, TxSocket>,
    mut sound: Box<dyn Sound + Send>,
    stop: &AtomicBool,
) -> LevelReport {
    let clock = SystemClock;
    let (mut warn_at, mut told_skipped, mut told_failed) = (clock.now(), 0, 0);
    while !stop.load(Ordering::Relaxed) {
        sender.turn(sound.as_mut());
        let counts = &mut sender.counts;
        if counts.skipped_packets + counts.failed_sends == told_skipped + told_failed {
            continue;
        }
        let now = clock.now();
        if now < warn_at {
            continue;
        }
        warn_at = now + WARN_NS;
        if counts.skipped_packets > told_skipped {
            warn!("sound is late: {} packets left out", counts.skipped_packets - told_skipped);
            told_skipped = counts.skipped_packets;
        }
        if counts.failed_sends > told_failed {
            let reason = counts.last_error.take().map(|error| error.to_string());
            warn!(
                "{} sends of sound did not leave: {}",
                counts.failed_sends - told_failed,
                reason.unwrap_or_default()
            );
            told_failed = counts.failed_sends;
        }
    }
    sender.counts.report()
}
