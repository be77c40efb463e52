//! `ormatrix-sink watch`: looks at streams through a tap, and tells the matrix what it sees.
//!
//! - **Analysis** (ST 2110-21 and headers) of every input and output that somebody asks for,
//!   window after window, once a second ([`report`]);
//! - **findings** about pictures: frozen or black, for inputs that ask for it
//!   ([`picture`]), and what arrives in place of an input that is lost.
//!
//! Nothing of this is on the packet path: it is a process of its own that copies what passes
//! the network interfaces ([`ormatrix_io::tap`]), an ordinary client of the public API. It may
//! be stopped, killed or too slow; the matrix then knows less and routes as before.
//!
//! Three threads: this one asks the API what to look at ([`plan`]), one looks ([`eyes`]), one
//! delivers. Deliveries that are slow hold up nobody: analyses are left out, findings are
//! told again.

mod deliver;
mod eyes;
mod findings;
mod gate;
mod inventory;
pub mod picture;
mod places;
mod plan;
pub mod report;
mod stranger;
mod study;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use eyes::{Eyes, Told};
use inventory::{Inventory, Wanted};
use ormatrix_io::tap::{Direction, Tap, TapError, TapOptions, interfaces};
use plan::Plan;

use crate::stream::{Control, ControlError, events};

/// How often the inventory is read without any event.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How often it is asked whose analysis is wanted, and signals of the process are looked for.
const LOOK_UP: Duration = Duration::from_millis(500);

/// Least time between two readings of the inventory, however many events there are.
const LEAST: Duration = Duration::from_millis(50);

/// What waits to be delivered.
const WAITING: usize = 256;

/// How it is watched.
#[derive(Clone, Copy, Debug)]
pub struct WatchOptions {
    /// Measures every input and output all the time, not only those asked for.
    pub all: bool,
    /// Length of a window of analysis.
    pub window: Duration,
    /// From one sample of a picture to the next.
    pub sample: Duration,
    /// Octets of kernel buffer of each tap.
    pub receive_buffer: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            all: false,
            window: Duration::from_secs(10),
            sample: Duration::from_millis(150),
            receive_buffer: TapOptions::default().receive_buffer,
        }
    }
}

/// Why nothing can be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The kernel does not let this process look.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// No thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// The thread that looks is gone.
    #[error("the thread that looks at packets has ended unexpectedly")]
    Ended,
}

/// Watches until `stop`. `say` is told what a technician may want to know.
pub fn run(
    control: &Control,
    options: WatchOptions,
    stop: &Arc<AtomicBool>,
    mut say: impl FnMut(&str),
) -> Result<(), WatchError> {
    // One that sees nothing, to learn at once whether this process may look.
    drop(Tap::open(0, Direction::Outgoing, &[], &TapOptions::default())?);
    let (plans, planned) = channel();
    let (told, to_deliver) = sync_channel::<Told>(WAITING);
    let (notes, noted) = channel::<String>();
    let looking = {
        let (eyes, stop) = (Eyes::new(options, told), Arc::clone(stop));
        let run = move || (eyes.run(&planned, &stop), deliver::thread_cpu());
        thread::Builder::new().name("eyes".into()).spawn(run).map_err(WatchError::Thread)?
    };
    let delivering = {
        let (control, stop) = (control.clone(), Arc::clone(stop));
        let run = move || deliver::run(&control, &to_deliver, &notes, &stop);
        thread::Builder::new().name("deliver".into()).spawn(run).map_err(WatchError::Thread)?
    };
    let hints =
        events::follow(control.clone(), &["inventory", "router", "reset", "signal", "route"]);
    let mut follower = Follower::new(control, options.all);
    while !stop.load(Ordering::Relaxed) && !looking.is_finished() {
        if let Some(plan) = follower.look(&mut say) {
            // Should it have ended, so does this loop.
            let _ = plans.send(plan);
        }
        for note in noted.try_iter() {
            say(&note);
        }
        wait(&hints, &mut follower);
    }
    drop(plans);
    let (summary, cpu) = looking.join().map_err(|_| WatchError::Ended)?;
    say(&format!(
        "{} packets looked at in {:.2} s of CPU, {} samples of pictures, {} frames lost by taps",
        summary.packets,
        cpu.as_secs_f64(),
        summary.samples,
        summary.dropped
    ));
    let _ = delivering.join();
    Ok(())
}

/// Waits for a hint, at most until it is time to look up.
fn wait(hints: &Receiver<()>, follower: &mut Follower<'_>) {
    match hints.recv_timeout(LOOK_UP) {
        Ok(()) => {
            follower.look_again_in = Duration::ZERO;
            thread::sleep(LEAST);
            hints.try_iter().for_each(drop);
        }
        Err(RecvTimeoutError::Timeout) => {}
        Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK_UP),
    }
    follower.look_again_in = follower.look_again_in.saturating_sub(LOOK_UP);
}

/// Follows the inventory and what is wanted.
struct Follower<'a> {
    control: &'a Control,
    all: bool,
    inventory: Inventory,
    last: Option<Plan>,
    look_again_in: Duration,
    reachable: bool,
    knows_wanted: bool,
}

impl<'a> Follower<'a> {
    fn new(control: &'a Control, all: bool) -> Self {
        Self {
            control,
            all,
            inventory: Inventory::default(),
            last: None,
            look_again_in: Duration::ZERO,
            reachable: true,
            knows_wanted: true,
        }
    }

    /// A new plan, if there is one. What was last known stays while control is away.
    fn look(&mut self, say: &mut impl FnMut(&str)) -> Option<Plan> {
        let read = if self.look_again_in.is_zero() {
            self.look_again_in = LOOK_AGAIN;
            Inventory::read(self.control).map(|inventory| self.inventory = inventory)
        } else {
            Ok(())
        };
        let wanted = read.and_then(|()| self.wanted(say));
        let wanted = match wanted {
            Ok(wanted) => {
                if !self.reachable {
                    say(&format!("{} answers again", self.control.base()));
                }
                self.reachable = true;
                wanted
            }
            Err(error) => {
                if self.reachable {
                    say(&error.to_string());
                }
                self.reachable = false;
                self.look_again_in = Duration::ZERO;
                return None;
            }
        };
        let interfaces = interfaces().unwrap_or_default();
        let plan = Plan::new(&self.inventory, &wanted, self.all, &interfaces);
        if self.last.as_ref() == Some(&plan) {
            return None;
        }
        self.last = Some(plan.clone());
        Some(plan)
    }

    fn wanted(&mut self, say: &mut impl FnMut(&str)) -> Result<Wanted, ControlError> {
        match self.control.json("/api/v1/analysis/wanted") {
            // An older control, which keeps no analyses.
            Err(ControlError::Refused { status: 404, .. }) => {
                if std::mem::take(&mut self.knows_wanted) {
                    say("this matrix takes no analyses; only pictures are watched");
                }
                Ok(Wanted::default())
            }
            other => other,
        }
    }
}
