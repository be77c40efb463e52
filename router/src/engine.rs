//! The router on this host: lanes on threads, the conductor, the control socket.

use std::{io, panic, process, thread};

use crossbeam_channel::{Receiver, bounded, never};
use ormatrix_io::{Clock, Links, RxOptions, SystemClock, thread as placement};

use crate::{
    conductor::{
        Conductor, Identity, Lanes,
        keeper::Keeper,
        opener::{ChaosOpener, KernelOpener, Opener},
        snapshot::{SnapshotError, SnapshotFile},
    },
    control::{self, ControlError},
    lane::{Lane, Wiring, run},
    packet_io::{PacketIo, chaos::ChaosIo, kernel::KernelIo},
    settings::Settings,
    tuning::Tuning,
};

/// Messages a lane may leave unread, and reports the conductor may: far more than either
/// leaves in a poll.
const CHANNEL: usize = 8192;

/// Why the router could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A thread or descriptor that the system would not give.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// Runs until `stop` receives something.
pub fn serve(settings: &Settings, stop: &Receiver<()>) -> Result<(), EngineError> {
    serve_tuned(settings, stop, &never())
}

/// Runs until `stop` receives something, by what `tunings` last gave.
pub fn serve_tuned(
    settings: &Settings,
    stop: &Receiver<()>,
    tunings: &Receiver<Tuning>,
) -> Result<(), EngineError> {
    let opener = KernelOpener {
        rx: RxOptions { receive_buffer: settings.receive_buffer },
        send_buffer: settings.send_buffer,
        links: Links::open().unwrap_or_else(|error| {
            tracing::warn!(
                "changes of network interfaces cannot be heard ({error}): an input may stay lost \
                 after one; allow the address family AF_NETLINK"
            );
            Links::deaf()
        }),
        link_mbps: settings.link_mbps.clone(),
    };
    match settings.chaos {
        None => serve_on(settings, opener, stop, tunings, KernelIo::new),
        Some(faults) => {
            tracing::warn!(?faults, "packets are mistreated on purpose");
            serve_on(settings, ChaosOpener(opener), stop, tunings, || {
                Ok(ChaosIo::new(KernelIo::new()?, faults))
            })
        }
    }
}

fn serve_on<I, O>(
    settings: &Settings,
    opener: O,
    stop: &Receiver<()>,
    tunings: &Receiver<Tuning>,
    backend: impl Fn() -> io::Result<I>,
) -> Result<(), EngineError>
where
    I: PacketIo + 'static,
    O: Opener<I>,
{
    let clock = SystemClock;
    // The socket first: a second router must not touch the first one's snapshot.
    let listener = control::listen(&settings.socket)?;
    let file = SnapshotFile::new(&settings.snapshot);
    let snapshot = file.load()?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let count = settings.lanes_on(cores);
    let (reports, reported) = bounded(CHANNEL);
    let (mailboxes, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| bounded(CHANNEL)).unzip();
    let mut threads = Vec::new();
    for (index, mailbox) in receivers.into_iter().enumerate() {
        let wiring = Wiring { mailbox, peers: mailboxes.clone(), reports: reports.clone() };
        let lane = Lane::new(index as u16, backend()?, clock, wiring, settings.capacity());
        threads.push(start_lane(index, lane, settings)?);
    }
    let keeper = Keeper::start(file)?;
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: clock.unix() ^ u64::from(process::id()) << 40,
        started_at: clock.unix(),
    };
    let lanes = Lanes { mailboxes, reports: reported };
    let mut conductor = Conductor::new(opener, clock, identity, settings.capacity(), lanes, keeper);
    conductor.restore(snapshot);
    let (requests, requested) = bounded(CHANNEL);
    thread::Builder::new()
        .name("control".into())
        .spawn(move || control::serve(&listener, &requests))?;
    tracing::info!(lanes = count, socket = %settings.socket.display(), "routing");
    conductor.run(&requested, stop, tunings);
    for thread in threads {
        // A lane that panicked has ended the process already.
        let _ = thread.join();
    }
    // The file would only mislead the next one; failing to remove it does no harm.
    let _ = std::fs::remove_file(&settings.socket);
    Ok(())
}

fn start_lane<I: PacketIo + 'static>(
    index: usize,
    mut lane: Lane<I, SystemClock>,
    settings: &Settings,
) -> io::Result<thread::JoinHandle<()>> {
    let core = settings.cores.get(index).copied();
    let (priority, coalesce_ns) = (settings.priority, u64::from(settings.coalesce_us) * 1000);
    thread::Builder::new().name(format!("lane-{index}")).spawn(move || {
        placement::precise_timers();
        if let Some(core) = core
            && let Err(error) = placement::pin_to(core)
        {
            tracing::warn!(lane = index, core, "not pinned: {error}");
        }
        if priority > 0
            && let Err(error) = placement::prioritise(priority)
        {
            tracing::warn!(lane = index, priority, "no real-time priority: {error}");
        }
        let work = panic::AssertUnwindSafe(|| run::run(&mut lane, &SystemClock, coalesce_ns));
        if panic::catch_unwind(work).is_err() {
            // Half a router would look alive: end, and be started again from the snapshot.
            process::abort();
        }
    })
}
