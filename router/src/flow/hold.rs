//! Restores order: holds back what came before its turn until the gap is filled.
//!
//! While nothing is missing nothing is held, and no octet is copied. A packet that is
//! missing on one leg is waited for until the other leg brings it, until every leg that is
//! alive has passed it, or until it is later than any leg may be; meanwhile those behind it
//! are kept here, in a store made when the input was.

use super::intake::Arrived;

/// Packets by which every leg must have passed a missing one before it is given up: what
/// came out of order on a leg comes within that.
const PASSED_BY: u64 = 64;

/// What to do with a packet that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is its turn: pass it on.
    Now,
    /// It is held until its turn comes.
    Held,
    /// Its turn is over: it was given up.
    Over,
    /// There is no room: give the gap up, pass on what is released, and offer it again.
    Full,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    arrived: Arrived,
    at: u64,
    length: u16,
}

/// The gap that is waited for.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// The first number behind it that is held.
    end: u64,
    /// When that arrived.
    since: u64,
}

/// Packets held back, by number.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The number whose turn it is; `None` before the first.
    next: Option<u64>,
    slots: Box<[Option<Slot>]>,
    octets: Box<[u8]>,
    packet_max: usize,
    /// Numbers that may be held at once: fewer than slots, so that what was released in
    /// one batch stays where it is until the batch is sent.
    room: u64,
    held: usize,
    gap: Option<Gap>,
    patience_ns: u64,
}

impl Hold {
    /// A store for `reach` packets of up to `packet_max` octets; a gap is waited for
    /// `patience_ns`. At once, up to `batch` packets may come and as many be released.
    pub fn new(reach: u64, batch: usize, packet_max: usize, patience_ns: u64) -> Self {
        let slots = (reach as usize + 3 * batch).next_power_of_two();
        Self {
            next: None,
            slots: vec![None; slots].into_boxed_slice(),
            octets: vec![0; slots * packet_max].into_boxed_slice(),
            packet_max,
            room: (slots - 2 * batch) as u64,
            held: 0,
            gap: None,
            patience_ns,
        }
    }

    /// Whether something is held.
    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.held > 0
    }

    /// Offers a packet.
    #[inline]
    pub fn offer(&mut self, arrived: &Arrived, octets: &[u8], now: u64) -> Turn {
        let next = *self.next.get_or_insert(arrived.sequence);
        if arrived.sequence == next {
            self.next = Some(next + 1);
            if self.held > 0 {
                self.look_for_gap();
            }
            return Turn::Now;
        }
        if arrived.sequence < next {
            return Turn::Over;
        }
        if self.held == 0 && arrived.sequence - next >= self.room {
            // A jump: nothing that is held could wait for so much.
            self.next = Some(arrived.sequence + 1);
            return Turn::Now;
        }
        self.keep(arrived, octets, now, next)
    }

    fn keep(&mut self, arrived: &Arrived, octets: &[u8], now: u64, next: u64) -> Turn {
        if arrived.sequence - next >= self.room {
            return Turn::Full;
        }
        let index = self.index(arrived.sequence);
        let start = index * self.packet_max;
        self.octets[start..start + octets.len()].copy_from_slice(octets);
        self.slots[index] = Some(Slot { arrived: *arrived, at: now, length: octets.len() as u16 });
        self.held += 1;
        if self.gap.is_none_or(|gap| arrived.sequence < gap.end) {
            let since = self.gap.map_or(now, |gap| gap.since);
            self.gap = Some(Gap { end: arrived.sequence, since });
        }
        Turn::Held
    }

    /// Releases the next held packet if its turn has come: its slot, its length, what it is.
    #[inline]
    pub fn pop(&mut self) -> Option<(usize, u16, Arrived)> {
        if self.held == 0 {
            return None;
        }
        let next = self.next?;
        let index = self.index(next);
        let slot = self.slots[index].filter(|slot| slot.arrived.sequence == next)?;
        self.slots[index] = None;
        self.held -= 1;
        self.next = Some(next + 1);
        self.look_for_gap();
        Some((index, slot.length, slot.arrived))
    }

    /// Gives the present gap up if it has been waited for long enough, or if `passed` says
    /// that every leg has passed a number by so many. True when packets are released.
    #[inline]
    pub fn give_up(&mut self, now: u64, passed: impl FnOnce(u64, u64) -> bool) -> bool {
        let Some(gap) = self.gap else { return false };
        let due = now >= gap.since + self.patience_ns || passed(gap.end - 1, PASSED_BY);
        if due {
            self.skip();
        }
        due
    }

    /// Gives the present gap up at once. False when there is none.
    pub fn skip(&mut self) -> bool {
        let Some(gap) = self.gap.take() else { return false };
        self.next = Some(gap.end);
        true
    }

    /// The stream has ended: begin anew with whatever comes. Nothing is held any more;
    /// returns how many packets were.
    pub fn reset(&mut self) -> usize {
        if self.held > 0 {
            self.slots.fill(None);
        }
        (self.next, self.gap) = (None, None);
        std::mem::take(&mut self.held)
    }

    /// A released packet's octets, until the batch is sent.
    pub fn octets(&self, slot: usize) -> &[u8] {
        &self.octets[slot * self.packet_max..][..self.packet_max]
    }

    /// The same, for rewriting its header.
    pub fn octets_mut(&mut self, slot: usize) -> &mut [u8] {
        &mut self.octets[slot * self.packet_max..][..self.packet_max]
    }

    /// After a step of `next`: what is waited for now, if anything.
    fn look_for_gap(&mut self) {
        self.gap = None;
        let Some(next) = self.next.filter(|_| self.held > 0) else { return };
        let held = (next..next + self.room).find_map(|number| {
            self.slots[self.index(number)].filter(|slot| slot.arrived.sequence == number)
        });
        self.gap = held
            .filter(|slot| slot.arrived.sequence > next)
            .map(|slot| Gap { end: slot.arrived.sequence, since: slot.at });
    }

    #[inline]
    fn index(&self, sequence: u64) -> usize {
        sequence as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(sequence: u64) -> Arrived {
        Arrived {
            leg: 0,
            sequence,
            timestamp: 0,
            marker: false,
            payload_start: 12,
            span: Ok(None),
            fresh: false,
        }
    }

    fn released(hold: &mut Hold) -> Vec<u64> {
        std::iter::from_fn(|| hold.pop().map(|(_, _, arrived)| arrived.sequence)).collect()
    }

    #[test]
    fn a_gap_is_waited_for_and_filled() {
        let mut hold = Hold::new(100, 16, 8, 1000);
        assert_eq!(hold.offer(&arrived(50), &[0], 0), Turn::Now);
        assert_eq!(hold.offer(&arrived(52), &[2], 1), Turn::Held);
        assert_eq!(hold.offer(&arrived(54), &[4], 2), Turn::Held);
        assert!(released(&mut hold).is_empty());
        assert_eq!(hold.offer(&arrived(51), &[1], 3), Turn::Now);
        let (slot, length, packet) = hold.pop().unwrap();
        assert_eq!((hold.octets(slot)[0], length, packet.sequence), (2, 1, 52));
        assert!(hold.pop().is_none());
        assert!(!hold.give_up(1001, |_, _| false), "54 came at 2");
        assert!(hold.give_up(1002, |_, _| false));
        assert_eq!(released(&mut hold), [54]);
        assert_eq!(hold.offer(&arrived(53), &[3], 2000), Turn::Over);
        assert!(!hold.is_waiting());
    }

    #[test]
    fn what_every_leg_has_passed_is_not_waited_for() {
        let mut hold = Hold::new(100, 16, 8, 1000);
        hold.offer(&arrived(1), &[], 0);
        hold.offer(&arrived(5), &[], 0);
        assert!(!hold.give_up(0, |sequence, by| sequence + by <= 67));
        assert!(hold.give_up(0, |sequence, by| sequence + by <= 68));
        assert_eq!(released(&mut hold), [5]);
    }

    #[test]
    fn a_full_store_gives_way_in_order() {
        let mut hold = Hold::new(16, 16, 8, 1000);
        hold.offer(&arrived(0), &[], 0);
        for sequence in (2..=32).step_by(2) {
            assert_eq!(hold.offer(&arrived(sequence), &[], 0), Turn::Held);
        }
        assert_eq!(hold.offer(&arrived(33), &[], 0), Turn::Full);
        assert!(hold.skip());
        assert_eq!(released(&mut hold), [2]);
        assert_eq!(hold.offer(&arrived(33), &[], 0), Turn::Held);
        assert_eq!(hold.offer(&arrived(3), &[], 0), Turn::Now);
        assert_eq!(released(&mut hold), [4]);
    }

    #[test]
    fn a_jump_is_followed_at_once() {
        let mut hold = Hold::new(16, 16, 8, 1000);
        hold.offer(&arrived(0), &[], 0);
        assert_eq!(hold.offer(&arrived(1000), &[], 0), Turn::Now);
        assert_eq!(hold.offer(&arrived(1001), &[], 0), Turn::Now);
    }
}
