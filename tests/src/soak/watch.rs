//! A receiver of its own for every output: when frames came, and how long none did.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ormatrix_io::{Clock, RxBatch, RxOptions, RxSocket, SystemClock};
use ormatrix_protocol::Leg;
use st2110::rtp::RtpHeader;

/// What was seen since the last [`Watch::reset`].
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Frames that ended.
    pub frames: u64,
    /// Longest time without one, ns, that which runs included.
    pub longest_gap_ns: u64,
    /// When the last one ended.
    last: u64,
}

/// A receiver.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Receives on this host.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn start(port: u16) -> Self {
        let leg = Leg::new([127, 0, 0, 1].into(), port);
        let socket = RxSocket::open(&leg, &RxOptions::default()).expect("a port to watch");
        let seen = Seen { frames: 0, longest_gap_ns: 0, last: SystemClock.now() };
        let seen = Arc::new(Mutex::new(seen));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut batch = RxBatch::new(32, 1 << 16);
            while !stopped.load(Relaxed) {
                let waiting = socket.wait(Duration::from_millis(50)).unwrap_or(false);
                if !waiting || socket.receive(&mut batch).is_err() {
                    continue;
                }
                let now = SystemClock.now();
                for mut datagram in batch.datagrams() {
                    let ends = |packet: &&mut [u8]| {
                        RtpHeader::parse(packet).is_ok_and(|header| header.marker)
                    };
                    let frames = datagram.segments().filter(ends).count() as u64;
                    if frames > 0 {
                        let mut seen = lock(&shared);
                        seen.frames += frames;
                        seen.longest_gap_ns = seen.longest_gap_ns.max(now - seen.last);
                        seen.last = now;
                    }
                }
            }
        });
        Self { seen, stop, thread: Some(thread) }
    }

    /// Begins anew.
    pub fn reset(&self) {
        let mut seen = lock(&self.seen);
        (seen.frames, seen.longest_gap_ns) = (0, 0);
    }

    /// What was seen until now.
    pub fn seen(&self) -> Seen {
        let mut seen = *lock(&self.seen);
        let running = SystemClock.now().saturating_sub(seen.last);
        seen.longest_gap_ns = seen.longest_gap_ns.max(running);
        seen
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Numbers stay whole whatever panicked elsewhere.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
