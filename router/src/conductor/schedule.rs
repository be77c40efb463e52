//! Salvos that wait for their time.
//!
//! They are kept here until shortly before it; then every lane gets its orders with the
//! moment in them, and the gates switch at the first frames whose timestamps reach it.

use ormatrix_io::Clock;
use ormatrix_protocol::{Event, Refusal, Scheduled, Take};
use st2110::timing::{VIDEO_CLOCK_HZ, tai_to_rtp};

use super::{Conductor, inventory::invalid, journal, opener::Opener};
use crate::{lane::messages::At, packet_io::PacketIo};

/// How long before their time lanes get their orders: some frames of the slowest source.
const LEAD_NS: u64 = 150_000_000;

/// Furthest ahead that a salvo may be asked for.
const AHEAD_NS: u64 = 3_600_000_000_000;

/// Salvos that may wait at once.
const WAITING_MAX: usize = 64;

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// Takes at a time, TAI ns, or at once.
    pub(super) fn salvo_at(&mut self, takes: Vec<Take>, at: Option<u64>) -> Result<u64, Refusal> {
        let Some(at) = at else { return self.salvo(&takes, None) };
        let now = self.clock.tai();
        if at < now {
            let late = (now - at) / 1_000_000;
            return Err(invalid("at", format!("this was {late} ms ago: give a time to come, TAI")));
        }
        if at - now > AHEAD_NS {
            let reason = "this is more than an hour ahead: TAI nanoseconds since 1970 are meant";
            return Err(invalid("at", reason));
        }
        self.check_salvo(&takes)?;
        if self.scheduled.len() >= WAITING_MAX {
            let reason = format!("{WAITING_MAX} salvos wait already: call one off first");
            return Err(invalid("at", reason));
        }
        let take = self.next_take();
        self.scheduled.insert(take, Scheduled { at, takes });
        self.journal.scheduled(take);
        self.start_due();
        Ok(take)
    }

    /// Calls off a salvo that waits.
    pub(super) fn cancel_salvo(&mut self, take: u64) -> Result<(), Refusal> {
        if self.scheduled.remove(&take).is_none() {
            return Err(Refusal::NotScheduled { take });
        }
        self.journal.due(take);
        self.clients.tell(Event::Scheduled { take, started: false });
        Ok(())
    }

    /// How long until the next salvo's orders are due, ns.
    pub fn due_in(&self) -> Option<u64> {
        let next = self.scheduled.values().map(|salvo| salvo.at).min()?;
        Some(next.saturating_sub(LEAD_NS).saturating_sub(self.clock.tai()))
    }

    /// Gives the orders of salvos whose time comes.
    pub fn start_due(&mut self) {
        let now = self.clock.tai();
        let due = |(take, salvo): (&u64, &Scheduled)| {
            (salvo.at.saturating_sub(LEAD_NS) <= now).then_some(*take)
        };
        let due: Vec<u64> = self.scheduled.iter().filter_map(due).collect();
        for take in due {
            let Some(Scheduled { at, takes }) = self.scheduled.remove(&take) else { continue };
            let moment = At {
                timestamp: tai_to_rtp(at, VIDEO_CLOCK_HZ),
                clock: self.clock.now() + at.saturating_sub(now),
            };
            // Inputs and outputs may have gone since; then nothing is taken.
            let request = self.journal.due(take);
            let span = journal::span(request.as_ref());
            let outer = self.journal.enter(request);
            let started = match span.in_scope(|| self.salvo(&takes, Some(moment))) {
                Ok(number) => {
                    let _said = span.entered();
                    tracing::info!(take = number, scheduled = take, "its time comes");
                    true
                }
                Err(refusal) => {
                    let _said = span.entered();
                    tracing::warn!(take, "not taken at its time: {refusal}");
                    false
                }
            };
            self.journal.enter(outer);
            self.clients.tell(Event::Scheduled { take, started });
            self.keeper.keep(self.snapshot());
        }
    }
}
