//! How the levels of an output keep together, and outputs of a salvo.
//!
//! Each level is a token of its own. What is taken together leaves together: when a picture
//! has left its source, its sound and data are told where, and leave at the same place of
//! the source's time line; they join the new source where the picture has joined it.

use ormatrix_io::Clock;

use super::{
    Input, Lane, Slots,
    messages::{At, Order},
    token::{Cue, Entry, Token},
};
use crate::{
    flow::{Flow, Moment, Side},
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
    pub(super) fn departure(&self, output: u16, now: u64) -> Departure {
        let order = self.orders[usize::from(output)];
        if order.retire {
            return Departure::Now;
        }
        let token = self.tokens[usize::from(output)].as_deref();
        let input = token.and_then(|token| self.inputs[usize::from(token.on?)].as_deref());
        let (Some(token), Some(flow)) = (token, input.map(|input| &input.flow)) else {
            return Departure::Now;
        };
        let until = |end, deadline| Departure::At(Moment::new(end, flow.clock_hz()), deadline);
        if let Some(cue) = token.cue.filter(|cue| cue.take == order.take) {
            return until(cue.end, cue.deadline);
        }
        if let Some(leader) = order.leaves_with {
            return match self.picture_cue(leader, order, now) {
                Ok(Some(cue)) => until(cue.end, cue.deadline),
                Ok(None) => Departure::Waits,
                Err(Gone) => Departure::Now,
            };
        }
        match order.at {
            Some(at) => until(at.timestamp, at.clock + flow.deadline_ns()),
            None => Departure::Now,
        }
    }

    /// A picture that is to leave now stays for a frame whose data have left already.
    pub(super) fn mind_data_ahead(&mut self, output: u16, now: u64) {
        let order = self.orders[usize::from(output)];
        if order.retire || order.leaves_with.is_some() || order.at.is_some() {
            return;
        }
        let Some(picture) = self.tokens[usize::from(output)].as_deref() else { return };
        let source = picture.on.and_then(|slot| self.inputs[usize::from(slot)].as_deref());
        let (Some(source), true) = (source, picture.is_astray(self.index)) else { return };
        if picture.cue.is_some_and(|cue| cue.take == order.take) {
            return;
        }
        let end = self.picture_end(output, picture, &source.flow);
        if end == picture.end(&source.flow) {
            return;
        }
        let deadline = now + 2 * source.flow.deadline_ns();
        if let Some(picture) = self.tokens[usize::from(output)].as_deref_mut() {
            picture.cue = Some(Cue { take: order.take, end, deadline });
        }
    }

    /// Where a picture will leave, for what leaves with it: known as soon as it begins to,
    /// because data of the frame behind come before its last packet has gone.
    fn picture_cue(&self, leader: u16, order: Order, now: u64) -> Result<Option<Cue>, Gone> {
        let picture = self.tokens[usize::from(leader)].as_deref().filter(|picture| {
            picture.on.is_some()
                && (picture.order.take < order.take || picture.is_astray(self.index))
        });
        let picture = picture.ok_or(Gone)?;
        let source = picture.on.and_then(|slot| self.inputs[usize::from(slot)].as_deref());
        let (Some(source), true) = (source, picture.gate.is_leaving()) else { return Ok(None) };
        if let Some(cue) = picture.cue.filter(|cue| cue.take == order.take) {
            return Ok(Some(cue));
        }
        let end = order.at.map_or_else(|| picture.end(&source.flow), |at| at.timestamp);
        let since = order.at.map_or(now, |at| at.clock.max(now));
        let deadline = since + 2 * source.flow.deadline_ns();
        Ok(Some(Cue { take: order.take, end, deadline }))
    }

    /// Where a picture ends that leaves now: behind the frame under way, or behind one whose
    /// data have left already.
    fn picture_end(&self, leader: u16, picture: &Token<I::Tx, G>, flow: &Flow) -> u32 {
        let end = picture.end(flow);
        let levels = self.tokens.iter().flatten().filter(|level| {
            level.order.leaves_with == Some(leader)
                && level.order.take == picture.order.take
                && level.is_astray(self.index)
        });
        levels.fold(end, |end, level| {
            let input = level.on.and_then(|slot| self.inputs[usize::from(slot)].as_deref());
            match input.filter(|input| {
                input.flow.pcm().is_none() && level.gate.is_open(input.flow.epoch())
            }) {
                Some(input)
                    if Moment::new(end, flow.clock_hz()).side(level.end(&input.flow))
                        == Side::After =>
                {
                    level.end(&input.flow)
                }
                _ => end,
            }
        })
    }

    /// A picture has left its source: what leaves with it shall do so at the same place.
    pub(super) fn cue_levels(&mut self, leader: u16, take: u64, end: u32, deadline: u64) {
        for token in self.tokens.iter_mut().flatten() {
            if token.order.leaves_with != Some(leader) || token.order.take != take {
                continue;
            }
            if token.on.is_some() {
                token.cue = Some(Cue { take, end, deadline });
            }
        }
    }
}

/// A picture is not here any more.
struct Gone;

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
        let together = self.is_complete(input, take, party) || now >= token.since + patience;
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
            // It will with the next frame, whose data and sound may come first.
            (Some(picture), Some(source))
                if source.flow.is_proven()
                    && picture.gate.is_closed()
                    && self.is_complete(source, picture.order.take, picture.order.party) =>
            {
                let (next, clock_hz) = (source.flow.next_timestamp(), source.flow.clock_hz());
                let is_early =
                    |at: At| Moment::new(at.timestamp, clock_hz).side(next) == Side::Before;
                Entry {
                    may_join: !picture.order.at.is_some_and(is_early),
                    from: Some(Moment::new(next, flow.clock_hz())),
                }
            }
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
        if party <= 1 {
            return true;
        }
        let here = input.members.iter().filter(|member| {
            let token = self.tokens[usize::from(**member)].as_deref();
            token.is_some_and(|token| token.order.take == take && !token.is_astray(self.lane))
        });
        here.count() >= usize::from(party)
    }
}
