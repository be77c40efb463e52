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
/// Without packets it sleeps until the next one.
pub fn run<I: PacketIo, C: Clock, G: FrameGate>(
    lane: &mut Lane<I, C, G>,
    clock: &C,
    coalesce_ns: u64,
) {
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
        next = (next + coalesce_ns).max(clock.now());
        if idle < LINGER {
            clock.sleep_until(next);
        }
    }
}
