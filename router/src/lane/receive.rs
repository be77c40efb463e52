//! The packet path: receive, merge, classify once, fan out to every output.

use ormatrix_io::Clock;
use ormatrix_protocol::DropReason;

use super::{
    Backlog, Input, Lane,
    levels::Sight,
    octets::{Octets, Source},
    token::{Entry, Packet},
};
use crate::{
    flow::{Arrived, BATCH_MAX, Flow, Turn},
    gate::FrameGate,
    packet_io::{Batch, PacketIo},
};

/// Batches taken from one leg before the next one has its turn.
const BATCHES: usize = 4;

impl<I: PacketIo, C: Clock, G: FrameGate> Lane<I, C, G> {
    /// Receives what waits on one leg of an input and passes it on.
    pub(super) fn receive(&mut self, slot: u16, leg: usize, now: u64) {
        let Some(mut input) = self.inputs.get_mut(usize::from(slot)).and_then(Option::take) else {
            return;
        };
        let most = if input.waits_for_other(leg, self.turn, now) { 0 } else { BATCHES };
        input.backlog[leg].left = self.turn;
        for _ in 0..most {
            let Some(rx) = &mut input.legs[leg] else { break };
            // An error on a socket (an ICMP message) concerns no packet of ours.
            let count = self.io.receive(rx, &mut self.batch).unwrap_or(0);
            if count == 0 {
                input.backlog[leg] = Backlog::default();
                break;
            }
            self.packets.clear();
            self.classify(&mut input.flow, leg, now);
            self.fan_out(&mut input, now);
            self.pass_released(&mut input, now);
        }
        if input.flow.hold.as_ref().is_some_and(|hold| hold.is_waiting())
            && !self.holding.contains(&slot)
        {
            self.holding.push(slot);
        }
        self.finish(slot, input, now);
    }

    /// Passes on what was held back behind gaps that need not be waited for any more.
    pub(super) fn give_up_gaps(&mut self, now: u64) {
        for index in (0..self.holding.len()).rev() {
            let slot = self.holding[index];
            let Some(mut input) = self.inputs[usize::from(slot)].take() else { continue };
            let read_until = input.read_until(self.turn, now);
            while input.flow.give_up_gap(read_until, now) {
                self.pass_released(&mut input, now);
            }
            if !input.flow.hold.as_ref().is_some_and(|hold| hold.is_waiting()) {
                self.holding.swap_remove(index);
            }
            self.finish(slot, input, now);
        }
    }

    /// Passes on everything that is held back: nothing more will come.
    pub(super) fn let_go(&mut self, slot: u16, now: u64) {
        let Some(mut input) = self.inputs[usize::from(slot)].take() else { return };
        while input.flow.hold.as_mut().is_some_and(|hold| hold.skip()) {
            self.pass_released(&mut input, now);
        }
        self.holding.retain(|holding| *holding != slot);
        self.finish(slot, input, now);
    }

    /// Publishes what was counted, puts the input back, and lets outputs go on.
    fn finish(&mut self, slot: u16, mut input: Box<Input<I>>, now: u64) {
        input.cells.publish(&input.flow.take_counts(now));
        for output in &input.members {
            if let Some(token) = self.tokens[usize::from(*output)].as_deref_mut() {
                token.publish();
            }
        }
        let members = input.members.len();
        self.inputs[usize::from(slot)] = Some(input);
        self.settle(slot, members, now);
    }

    /// Passes on what has been released since the batch was sent.
    fn pass_released(&mut self, input: &mut Input<I>, now: u64) {
        loop {
            self.packets.clear();
            release(&mut input.flow, &mut self.packets, now);
            if self.packets.is_empty() {
                return;
            }
            self.fan_out(input, now);
        }
    }

    /// Reads every packet of the batch once, for all outputs.
    fn classify(&mut self, flow: &mut Flow, leg: usize, now: u64) {
        for index in 0..self.batch.len() {
            let datagram = self.batch.datagram(index);
            let segment = datagram.segment.max(1);
            let refused = if datagram.truncated {
                Some(DropReason::Oversize)
            } else if datagram.fragmented {
                Some(DropReason::Fragmented)
            } else {
                None
            };
            if let Some(reason) = refused {
                let octets = datagram.octets.len();
                flow.refuse(leg, octets.div_ceil(segment).max(1) as u64, octets, reason, now);
                continue;
            }
            let from = datagram.from;
            // An empty datagram is a packet too.
            let empty = datagram.octets.is_empty().then_some(&[][..]);
            let mut start = 0;
            for octets in empty.into_iter().chain(datagram.octets.chunks(segment)) {
                if let Ok(arrived) = flow.arrive(leg, octets, from, now)
                    && is_its_turn(flow, &mut self.packets, &arrived, octets, now)
                    && let Ok(accepted) = flow.accept(&arrived, now)
                {
                    let source = Source::Batch(index as u16);
                    let length = octets.len() as u16;
                    self.packets.push(Packet { source, start, length, accepted });
                    release(flow, &mut self.packets, now);
                }
                start += octets.len() as u32;
            }
        }
    }

    fn fan_out(&mut self, input: &mut Input<I>, now: u64) {
        // Lent to the outputs for a moment; the flow itself they only read.
        let mut held = input.flow.hold.take();
        let mut octets = Octets { batch: &mut self.batch, held: held.as_deref_mut() };
        for output in &input.members {
            let Some(token) = self.tokens[usize::from(*output)].as_deref() else { continue };
            let entry = if token.gate.is_closed() {
                let (tokens, inputs) = (&self.tokens, &self.inputs);
                Sight { lane: self.index, tokens, inputs }.entry(token, input, now)
            } else {
                Entry { may_join: true, from: None }
            };
            if let Some(token) = self.tokens[usize::from(*output)].as_deref_mut() {
                let (io, packets) = (&mut self.io, &self.packets);
                token.forward(io, &mut octets, packets, &input.flow, entry, now);
            }
        }
        input.flow.hold = held;
    }
}

/// Whether a packet may be passed on now; else it is held, or too late.
#[inline]
fn is_its_turn(
    flow: &mut Flow,
    packets: &mut Vec<Packet>,
    arrived: &Arrived,
    octets: &[u8],
    now: u64,
) -> bool {
    if arrived.fresh {
        begin_anew(flow, packets, arrived, now);
    }
    loop {
        let Some(hold) = &mut flow.hold else { return true };
        match hold.offer(arrived, octets, now) {
            Turn::Now => return true,
            Turn::Held => return false,
            Turn::Full if hold.skip() && packets.len() < BATCH_MAX => {
                release(flow, packets, now);
            }
            Turn::Over | Turn::Full => {
                flow.refuse_arrived(arrived, DropReason::Late, now);
                return false;
            }
        }
    }
}

/// Another stream begins: of the one before nothing more will come, so what was held back
/// is passed on, as much as fits.
#[cold]
fn begin_anew(flow: &mut Flow, packets: &mut Vec<Packet>, arrived: &Arrived, now: u64) {
    while packets.len() < BATCH_MAX && flow.hold.as_mut().is_some_and(|hold| hold.skip()) {
        release(flow, packets, now);
    }
    let left = flow.hold.as_mut().map_or(0, |hold| hold.reset());
    for _ in 0..left {
        flow.refuse_arrived(arrived, DropReason::Late, now);
    }
}

/// Moves what was held and has its turn now to the packets to send, a batch at most.
#[inline]
fn release(flow: &mut Flow, packets: &mut Vec<Packet>, now: u64) {
    while packets.len() < BATCH_MAX
        && let Some((slot, length, arrived)) = flow.hold.as_mut().and_then(|hold| hold.pop())
    {
        if let Ok(accepted) = flow.accept(&arrived, now) {
            packets.push(Packet { source: Source::Held(slot as u32), start: 0, length, accepted });
        }
    }
}
