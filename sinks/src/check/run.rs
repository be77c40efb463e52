//! The loop around the judges: sockets, clocks, limits, reports. One loop reads all streams.

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
use st2110::{leg::Leg, rfc4175::RasterError, rtp::RtpHeader};

use super::{Arrival, Place, Report, SessionJudge, Tolerated};
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
    /// Ends after this many judged frames: of the video, without video of ancillary data.
    pub frames: Option<u64>,
    /// The name that every strip must carry.
    pub expected: Option<Name>,
    /// Least time between two reads of the socket.
    pub coalesce: Duration,
    /// What is tolerated.
    pub tolerated: Tolerated,
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
    let sockets = sockets(stream);
    let legs: Vec<Leg> = sockets.iter().map(|socket| socket.leg.clone()).collect();
    let mut input = Input::open(&legs, options.coalesce)?;
    listening(&input.addresses().map_err(InputError::from)?);
    let start = clock.now();
    let end = options.length.map_or(u64::MAX, |length| start + length.as_nanos() as u64);
    let over = || stop.load(Ordering::Relaxed) || clock.now() >= end;

    let with_video = !stream.legs().is_empty();
    let mut judge =
        SessionJudge::new(with_video, stream.beside(), options.expected, options.tolerated);
    loop {
        if over() {
            break;
        }
        if let Some(description) = stream.update() {
            judge.describe_video(&description.format, description.payload_type)?;
        }
        let arrival = || Arrival { now: clock.now(), tai: clock.tai(), unix: clock.unix() };
        let read = input.receive_from(LOOK_UP, arrival, |socket, packet, at| {
            if let Some(socket) = sockets.get(socket) {
                judge.packet(socket.place(packet), packet, at);
            }
        });
        read.map_err(InputError::from)?;
        if options.frames.is_some_and(|frames| judge.judged() >= frames) {
            break;
        }
    }
    let now = clock.now();
    let mut report = judge.finish(now);
    report.kernel_drops = input.kernel_drops();
    report.fragmented_datagrams = input.fragmented();
    report.malformed_packets += input.truncated();
    report.seconds = (now - start) as f64 / 1e9;
    report.cpu_seconds = cpu_seconds();
    Ok(report.conclude_with(&options.tolerated))
}

/// One socket, and the streams that arrive there with their payload types.
struct Socket {
    leg: Leg,
    streams: Vec<(Place, Option<u8>)>,
}

impl Socket {
    /// Whose a packet is: streams may share an address and differ by payload type.
    fn place(&self, packet: &[u8]) -> Place {
        let first = self.streams.first().map_or(Place::Video, |(place, _)| *place);
        if self.streams.len() < 2 {
            return first;
        }
        let payload_type = RtpHeader::parse(packet).ok().map(|rtp| rtp.payload_type);
        let mut streams = self.streams.iter();
        let found = streams.find(|(_, declared)| declared.is_none() || *declared == payload_type);
        found.map_or(first, |(place, _)| *place)
    }
}

/// The sockets of all streams, the video's first.
fn sockets(stream: &Stream) -> Vec<Socket> {
    let mut sockets: Vec<Socket> = Vec::new();
    let mut add = |place, payload_type, legs: &[Leg]| {
        for leg in legs {
            // Port 0 is any that is free, and no two streams' own.
            let same = |socket: &&mut Socket| socket.leg == *leg && leg.port != 0;
            if let Some(socket) = sockets.iter_mut().find(same) {
                socket.streams.push((place, payload_type));
            } else {
                let streams = vec![(place, payload_type)];
                sockets.push(Socket { leg: leg.clone(), streams });
            }
        }
    };
    // The video's payload type is known to its judge, and may change.
    let video_type = stream.described().and_then(|description| description.payload_type);
    add(Place::Video, video_type, stream.legs());
    for (index, audio) in stream.beside().audio.iter().enumerate() {
        add(Place::Audio(index), audio.payload_type, &audio.legs);
    }
    for (index, data) in stream.beside().ancillary.iter().enumerate() {
        add(Place::Ancillary(index), data.payload_type, &data.legs);
    }
    sockets
}

/// CPU time of this thread, the one that receives and judges; 0 where /proc does not say.
fn cpu_seconds() -> f64 {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0.0, |ns| ns as f64 / 1e9)
}
