//! A lane's thread: how it sleeps.

use ormatrix_io::Clock;

use super::Lane;
use crate::{gate::FrameGate, packet_io::PacketIo};

/// How long a lane goes on polling after the last packet, in polls.
const LINGER: u32 = 200;
/// Longest sleep of an idle lane; also how soon it follows a command then.
const IDLE_MS: u32 = 2;

/// Runs the lane until it is told to stop.
///
/// While packets flow it polls every `coalesce_ns` and sends on what arrived meanwhile as
/// one burst: that costs a fraction of a wake-up per packet and adds at most that time.
/// Without packets it sleeps until the next one. [`ToLane::Coalesce`](super::messages::ToLane)
/// changes that time from the next poll on.
pub fn run<I: PacketIo, C: Clock, G: FrameGate>(
    lane: &mut Lane<I, C, G>,
    clock: &C,
    coalesce_ns: u64,
) {
    lane.coalesce_ns = coalesce_ns;
    let mut idle = 0;
    let mut next = clock.now();
    while !lane.is_stopped() {
        if lane.turn() {
            idle = 0;
        } else if idle < LINGER {
            idle += 1;
        } else {
            lane.wait(IDLE_MS);
        }
        // A late poll does not hurry the ones after it.
        next = (next + lane.coalesce_ns).max(clock.now());
        if idle < LINGER {
            clock.sleep_until(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use crossbeam_channel::{Sender, unbounded};

    use super::*;
    use crate::{
        gate::Gate,
        lane::{Capacity, Wiring, messages::ToLane},
        packet_io::sim::{Network, SimClock, SimIo},
    };

    /// A clock that tells how long the lane sleeps, and says something to it after some sleeps.
    #[derive(Clone)]
    struct Diary {
        clock: SimClock,
        mailbox: Sender<ToLane<SimIo>>,
        sleeps: Arc<Mutex<Vec<u64>>>,
    }

    impl Clock for Diary {
        fn now(&self) -> u64 {
            self.clock.now()
        }

        fn tai(&self) -> u64 {
            self.clock.tai()
        }

        fn unix(&self) -> u64 {
            self.clock.unix()
        }

        fn sleep_until(&self, at: u64) {
            let mut sleeps = self.sleeps.lock().unwrap();
            sleeps.push(at - self.now());
            match sleeps.len() {
                3 => self.mailbox.send(ToLane::Coalesce { ns: 400_000 }).unwrap(),
                6 => self.mailbox.send(ToLane::Coalesce { ns: 20_000 }).unwrap(),
                8 => self.mailbox.send(ToLane::Stop).unwrap(),
                _ => {}
            }
            self.clock.sleep_until(at);
        }
    }

    #[test]
    fn another_interval_holds_from_the_next_poll_on() {
        let clock = SimClock::default();
        let (mailbox, told) = unbounded();
        let wiring: Wiring<SimIo, Gate> =
            Wiring { mailbox: told, peers: Vec::new(), reports: unbounded().0 };
        let sleeps = Arc::default();
        let diary = Diary { clock: clock.clone(), mailbox, sleeps: Arc::clone(&sleeps) };
        let io = SimIo::new(Network::new(clock), 8);
        let mut lane = Lane::new(0, io, diary.clone(), wiring, Capacity { inputs: 1, outputs: 1 });
        run(&mut lane, &diary, 50_000);
        let (short, long, shorter) = (50_000, 400_000, 20_000);
        let expected = [short, short, short, long, long, long, shorter, shorter, shorter];
        assert_eq!(*sleeps.lock().unwrap(), expected);
    }
}
