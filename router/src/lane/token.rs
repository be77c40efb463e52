//! An output as a token: whoever holds it may send, and nobody else.

use std::sync::Arc;

use crossbeam_channel::{Receiver, never};
use ormatrix_protocol::{RouteState, WithheldReason};
use st2110::{rfc4175::rewrite_extended_sequence, rtp};

use super::{
    burst::Burst,
    messages::{Order, Place},
    octets::{Octets, Source},
    ramp::Ramp,
};
use crate::{
    counters::{OutputCells, Sent},
    flow::{Accepted, Flow, Moment, Side},
    gate::{FrameGate, Gate, Pass},
    packet_io::PacketIo,
};

/// A packet that its flow accepted.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Where it lies.
    pub source: Source,
    /// First octet there.
    pub start: u32,
    /// Octets.
    pub length: u16,
    /// What the flow says.
    pub accepted: Accepted,
}

/// How a monitor thins its input.
#[derive(Clone, Copy, Debug)]
pub struct Thin {
    /// Least time between the starts of two frames.
    pub interval_ns: u64,
    /// When the next frame may start.
    pub due: u64,
}

/// When a closed gate may open.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Whether it may at all.
    pub may_join: bool,
    /// Not before this moment.
    pub from: Option<Moment>,
}

/// Where an output's picture leaves its source, for itself and for what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Cue {
    /// By which take.
    pub take: u64,
    /// Where on the source's time line, as an RTP timestamp at 90 kHz.
    pub end: u32,
    /// When not to wait for that any more.
    pub deadline: u64,
}

/// A level of an output, owned by exactly one lane at a time.
pub struct Token<T, G = Gate> {
    /// The output's slot.
    pub slot: u16,
    /// Where it sends to: every leg gets the same packets. `None` where one could not be
    /// opened yet.
    pub legs: Vec<Option<T>>,
    /// The SSRC of everything it sends.
    pub ssrc: u32,
    /// The payload type of everything it sends.
    pub payload_type: u8,
    /// For a monitor, how it is thinned.
    pub thin: Option<Thin>,
    /// Senders that take the place of its legs, by leg.
    pub mail: Receiver<(u8, T)>,
    /// Its counters.
    pub cells: Arc<OutputCells>,
    /// The order it follows.
    pub order: Order,
    /// Its gate.
    pub gate: G,
    /// The input of this lane it is attached to.
    pub on: Option<u16>,
    /// When it was attached.
    pub since: u64,
    live: bool,
    was_live: bool,
    /// For sound, how it fades at takes.
    pub ramp: Option<Box<Ramp>>,
    /// Where it or its picture leaves.
    pub cue: Option<Cue>,
    /// The newest frame passed on, and its timestamp.
    shown: (u64, u32),
    /// Timestamp of the first frame of the present source.
    pub joined_at: u32,
    /// For sound, the sampling period behind the last one sent.
    sounded: Option<u32>,
    /// Frames from this one on count towards being live.
    confirm_from: u64,
    /// The take and state last told.
    pub reported: Option<(u64, RouteState)>,
    sent: Sent,
}

impl<T, G: FrameGate> Token<T, G> {
    /// A new output on no source, sending from sequence number `next`.
    pub fn new(slot: u16, legs: Vec<Option<T>>, ssrc: u32, payload_type: u8, next: u32) -> Self {
        let cells = Arc::new(OutputCells::new(legs.len()));
        Self {
            slot,
            legs,
            ssrc,
            payload_type,
            thin: None,
            mail: never(),
            ramp: None,
            cue: None,
            shown: (0, 0),
            joined_at: 0,
            sounded: None,
            cells,
            order: Order::default(),
            gate: G::new(next),
            on: None,
            since: 0,
            live: false,
            was_live: false,
            confirm_from: 0,
            reported: None,
            sent: Sent::default(),
        }
    }

    /// Sends from now on from what came by mail; gives back one that it replaces.
    pub fn renew_leg(&mut self) -> Option<Option<T>> {
        let (leg, tx) = self.mail.try_recv().ok()?;
        let place = self.legs.get_mut(usize::from(leg))?;
        Some(place.replace(tx))
    }

    /// Attaches to an input, with the gate closed.
    pub fn attach(&mut self, input: u16, now: u64) {
        self.on = Some(input);
        self.since = now;
        self.was_live = false;
    }

    /// Leaves its input for good. The gate is closed already.
    pub fn detach(&mut self) {
        self.gate.close();
        self.on = None;
        (self.live, self.was_live) = (false, false);
    }

    /// Passes on what the gate lets through.
    pub fn forward<I: PacketIo<Tx = T>>(
        &mut self,
        io: &mut I,
        octets: &mut Octets<'_, I::Batch>,
        packets: &[Packet],
        flow: &Flow,
        entry: Entry,
        now: u64,
    ) {
        let mut burst = Burst::new(flow.cmax());
        let mut completed = 0_u64;
        for packet in packets {
            let accepted = &packet.accepted;
            let due = self.thin.is_none_or(|thin| now >= thin.due);
            let may_join = entry.may_join && due && self.may_begin(accepted.timestamp, entry, flow);
            let sequence = match self.gate.pass(accepted, may_join) {
                Pass::Join(sequence) => {
                    self.joined(accepted, flow, now);
                    sequence
                }
                Pass::Forward(sequence) => sequence,
                Pass::Withhold(reason) => {
                    let reason = if self.thin.is_some() { WithheldReason::Thinned } else { reason };
                    self.sent.withheld[reason as usize] += 1;
                    continue;
                }
            };
            if accepted.frame > self.shown.0 {
                self.shown = (accepted.frame, accepted.timestamp);
            }
            let length = usize::from(packet.length);
            if burst.len() > 0
                && let Some(ramp) = &self.ramp
                && !ramp.is_full()
            {
                completed = self.flush(&mut burst, io, octets, accepted.frame, completed);
            }
            if !burst.has_room(length) {
                completed = self.flush(&mut burst, io, octets, accepted.frame, completed);
            }
            let start = packet.start as usize;
            let packet_octets = &mut octets.of_mut(packet.source)[start..start + length];
            rtp::rewrite(packet_octets, sequence as u16, self.ssrc, self.payload_type);
            let payload_start = usize::from(accepted.payload_start);
            if flow.has_extended_sequence() {
                rewrite_extended_sequence(packet_octets, payload_start, (sequence >> 16) as u16);
            }
            burst.push(packet.source, packet.start, length);
            if accepted.completes && accepted.frame >= self.confirm_from {
                completed += 1;
            }
            if let Some(pcm) = flow.pcm() {
                self.sounded = Some(accepted.timestamp.wrapping_add(u32::from(pcm.samples)));
                if let Some(ramp) = self.ramp.as_deref_mut().filter(|ramp| !ramp.is_full()) {
                    ramp.apply(&mut packet_octets[payload_start..], pcm);
                    completed = self.flush(&mut burst, io, octets, accepted.frame, completed);
                    if let Some(ramp) = self.ramp.as_deref() {
                        let octets = &mut octets.of_mut(packet.source)[start..start + length];
                        ramp.restore(&mut octets[payload_start..]);
                    }
                }
            }
        }
        if burst.len() > 0 {
            let frame = flow.frames().current();
            self.flush(&mut burst, io, octets, frame, completed);
        }
        if self.live && !self.gate.is_open(flow.epoch()) {
            self.lose();
        }
    }

    /// Whether a closed gate may open at a timestamp.
    #[inline]
    fn may_begin(&self, timestamp: u32, entry: Entry, flow: &Flow) -> bool {
        if !self.gate.is_closed() {
            return true;
        }
        // Sound is never sent twice for the same time: receivers would stumble over it.
        let sounds_anew = match (self.sounded, flow.pcm()) {
            (Some(sounded), Some(pcm)) => {
                let ahead = sounded.wrapping_sub(timestamp);
                ahead == 0 || ahead > pcm.hz / 5
            }
            _ => true,
        };
        sounds_anew && entry.from.is_none_or(|moment| moment.side(timestamp) != Side::Before)
    }

    fn joined(&mut self, first: &Accepted, flow: &Flow, now: u64) {
        (self.confirm_from, self.live) = (first.frame, false);
        self.shown = (first.frame, first.timestamp);
        (self.joined_at, self.cue) = (first.timestamp, None);
        if let Some(ramp) = &mut self.ramp {
            ramp.start();
        }
        if let Some(thin) = &mut self.thin {
            thin.due = now + thin.interval_ns;
            self.gate.leave(now, flow);
        }
    }

    /// Sends the burst on every leg. `completed` whole frames end within it; they count only
    /// if all of it left on one leg at least.
    fn flush<I: PacketIo<Tx = T>>(
        &mut self,
        burst: &mut Burst,
        io: &mut I,
        octets: &Octets<'_, I::Batch>,
        frame: u64,
        completed: u64,
    ) -> u64 {
        let count = burst.len() as u64;
        let mut left = false;
        for (index, tx) in self.legs.iter_mut().enumerate() {
            let Some(tx) = tx else { continue };
            match burst.send(io, tx, octets) {
                Ok(()) => {
                    self.sent.legs[index] += count;
                    left = true;
                }
                Err(error) => {
                    self.sent.failed[index] += count;
                    self.cells.refused(index, &error);
                }
            }
        }
        if left {
            self.sent.packets += count;
            self.sent.bytes += burst.octets() as u64;
            if completed > 0 {
                self.sent.whole_frames += completed;
                self.sent.takes += u64::from(!self.live && !self.was_live);
                (self.live, self.was_live) = (true, true);
            }
        } else {
            self.sent.withheld[WithheldReason::SendFailed as usize] += count;
            self.confirm_from = frame + 1;
        }
        burst.clear();
        0
    }

    /// Whether it is elsewhere than its order says, as seen from a lane.
    pub fn is_astray(&self, lane: u16) -> bool {
        let here = self.on.map(|input| Place { lane, input });
        self.order.retire || self.order.target != here
    }

    /// Where its source's time line goes on behind what it has passed on.
    pub fn end(&self, flow: &Flow) -> u32 {
        self.shown.1.wrapping_add(flow.ticks())
    }

    /// Lets sound fall to silence; true when there is nothing more to wait for.
    pub fn fall_silent(&mut self, flow: &Flow) -> bool {
        let (Some(ramp), Some(pcm)) = (&mut self.ramp, flow.pcm()) else { return true };
        if !self.gate.is_open(flow.epoch()) {
            return true;
        }
        ramp.fall(pcm);
        !ramp.is_falling()
    }

    /// Lets sound rise again: it stays where it is.
    pub fn sound_again(&mut self, flow: &Flow) {
        if let (Some(ramp), Some(pcm)) = (&mut self.ramp, flow.pcm()) {
            ramp.rise(pcm);
        }
    }

    /// The source is gone: nothing is shown until it comes back.
    pub fn lose(&mut self) {
        self.live = false;
    }

    /// What users are told.
    pub fn state(&self, flow: Option<&Flow>) -> RouteState {
        match flow {
            None => RouteState::None,
            Some(_) if self.gate.is_leaving() => RouteState::Switching,
            Some(_) if self.live => RouteState::Live,
            Some(flow) if flow.is_proven() => RouteState::Switching,
            Some(_) if self.was_live => RouteState::NoSignal,
            Some(_) => RouteState::Waiting,
        }
    }

    /// Publishes what was counted.
    pub fn publish(&mut self) {
        self.cells.publish(&self.sent);
        self.sent = Sent::default();
    }
}
