//! How the levels of an output keep together, and outputs of a salvo.
//!
//! Each level is a token of its own. What is taken together leaves together: when a picture
//! has left its source, its sound and data are told where, and leave at the same place of
//! the source's time line; they join the new source where the picture has joined it.

use ormatrix_io::Clock;

use super::{
    Input, Lane, Slots,
    messages::Order,
    token::{Cue, Entry, Token},
};
use crate::{
    flow::{Flow, Moment},
    gate::FrameGate,
    packet_io::PacketIo,
};

/// When an output leaves what it is on.
#[derive(Clone, Copy, Debug)]
pub enum Departure {
    /// After the present frame.
    Now,
    /// Before a moment of its source, or after the present frame at this time.
    At(Moment, u64),
    /// When its picture has left.
    Waits,
}

impl<I: PacketIo, C: Clock, G: FrameGate> Lane<I, C, G> {
    /// When an output leaves what it is on for what its order says.
    pub(super) fn departure(&self, output: u16) -> Departure {
        let order = self.orders[usize::from(output)];
        if order.retire {
            return Departure::Now;
        }
        let token = self.tokens[usize::from(output)].as_deref();
        if let Some(leader) = order.leaves_with {
            if let Some(cue) = token.and_then(|token| token.cue)
                && cue.take == order.take
            {
                return Departure::At(cue.moment, cue.deadline);
            }
            return if self.is_still_there(leader, order.take) {
                Departure::Waits
            } else {
                Departure::Now
            };
        }
        let Some(at) = order.at else { return Departure::Now };
        let input = token.and_then(|token| self.inputs[usize::from(token.on?)].as_deref());
        let Some(flow) = input.map(|input| &input.flow) else { return Departure::Now };
        Departure::At(Moment::new(at.timestamp, flow.clock_hz()), at.clock + flow.deadline_ns())
    }

    /// Whether a picture has yet to leave its source for a take.
    fn is_still_there(&self, leader: u16, take: u64) -> bool {
        let token = self.tokens[usize::from(leader)].as_deref();
        token.is_some_and(|token| {
            token.on.is_some() && (token.order.take < take || token.is_astray(self.index))
        })
    }

    /// A picture has left its source: what leaves with it shall do so at the same place.
    pub(super) fn cue_levels(&mut self, leader: u16, take: u64, end: u32, deadline: u64) {
        for token in self.tokens.iter_mut().flatten() {
            if token.order.leaves_with != Some(leader) || token.order.take != take {
                continue;
            }
            let input = token.on.and_then(|slot| self.inputs[usize::from(slot)].as_deref());
            if let Some(input) = input {
                let moment = Moment::new(end, input.flow.clock_hz());
                token.cue = Some(Cue { take, moment, deadline });
            }
        }
    }
}

/// How long a picture may take from lane to lane.
const PICTURE_NS: u64 = 200_000_000;

/// What a lane holds, as an output sees it that would join.
pub struct Sight<'a, I: PacketIo, G> {
    /// The lane.
    pub lane: u16,
    /// Its outputs.
    pub tokens: &'a Slots<Token<I::Tx, G>>,
    /// Its inputs.
    pub inputs: &'a Slots<Input<I>>,
}

impl<I: PacketIo, G: FrameGate> Sight<'_, I, G> {
    /// When an output that is on an input may join it.
    pub fn entry(&self, token: &Token<I::Tx, G>, input: &Input<I>, now: u64) -> Entry {
        let Order { take, party, joins_with, at, .. } = token.order;
        let patience = 2 * input.flow.deadline_ns();
        let together =
            party <= 1 || self.is_complete(input, take, party) || now >= token.since + patience;
        let at = at.filter(|at| now < at.clock + patience);
        let from = at.map(|at| Moment::new(at.timestamp, input.flow.clock_hz()));
        match joins_with {
            Some(leader) => self.entry_with(leader, token, &input.flow, now),
            None => Entry { may_join: together, from },
        }
    }

    /// When a level may join that goes with its picture.
    fn entry_with(&self, leader: u16, token: &Token<I::Tx, G>, flow: &Flow, now: u64) -> Entry {
        let picture = self.tokens[usize::from(leader)].as_deref();
        let picture = picture.filter(|picture| picture.order.take >= token.order.take);
        let source = picture.and_then(|picture| self.inputs[usize::from(picture.on?)].as_deref());
        match (picture, source) {
            (Some(picture), Some(source)) if picture.gate.is_open(source.flow.epoch()) => Entry {
                may_join: true,
                from: Some(Moment::new(picture.joined_at, flow.clock_hz())),
            },
            // A picture that does not come shall not keep the sound away.
            (Some(_), Some(source)) => {
                let may_join = now >= token.since + 2 * source.flow.deadline_ns();
                Entry { may_join, from: None }
            }
            _ => Entry { may_join: now >= token.since + PICTURE_NS, from: None },
        }
    }

    /// Whether all outputs of a salvo for this source are here: then they join together.
    fn is_complete(&self, input: &Input<I>, take: u64, party: u16) -> bool {
        let here = input.members.iter().filter(|member| {
            let token = self.tokens[usize::from(**member)].as_deref();
            token.is_some_and(|token| token.order.take == take && !token.is_astray(self.lane))
        });
        here.count() >= usize::from(party)
    }
}
