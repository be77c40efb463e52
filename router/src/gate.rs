//! The frame gate: which packets of its input an output passes on, under which number.
//!
//! An output joins a source at the first packet of a frame and leaves it after the last,
//! so that a receiver sees whole frames of one source, then whole frames of the next, under
//! one unbroken sequence. Losses of the network stay visible as gaps: the gate shifts
//! sequence numbers, it does not renumber.

use ormatrix_protocol::WithheldReason;

use crate::flow::{Accepted, Flow, Moment, Side};

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Send it under this extended sequence number: the first of a source.
    Join(u32),
    /// Send it under this extended sequence number.
    Forward(u32),
    /// Leave it.
    Withhold(WithheldReason),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between two sources, or before the first frame.
    Closed,
    /// On a source.
    Open {
        epoch: u32,
        /// First packet passed on.
        join: u64,
        /// Added to the source's sequence to give the output's.
        shift: u32,
        /// Frame of the newest packet passed on.
        frame: u64,
        /// Leave before a moment.
        until: Option<Until>,
        /// Leave after this frame.
        last: Option<Last>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Last {
    frame: u64,
    /// Leave at this time at the latest, should the source die within the frame.
    deadline: u64,
}

#[derive(Clone, Copy, Debug)]
struct Until {
    moment: Moment,
    /// RTP ticks from frame to frame.
    ticks: u32,
    /// Leave after the present frame at this time, whatever its timestamps say.
    deadline: u64,
}

/// What a lane asks of an output's gate. There is one real gate, [`Gate`]; the trait lets a
/// test put a broken one in its place and see that the judges notice.
pub trait FrameGate: Send {
    /// A closed gate whose first packet leaves under `next`.
    fn new(next: u32) -> Self;

    /// Decides on one accepted packet. `may_join` tells that the output wants this source
    /// now.
    fn pass(&mut self, packet: &Accepted, may_join: bool) -> Pass;

    /// Asks to leave after the frame that is being passed on. Asking again changes nothing.
    fn leave(&mut self, now: u64, flow: &Flow);

    /// Asks to leave before the first frame at a moment or after it; at `deadline` by the
    /// clock where that does not come. Does nothing to a gate that leaves already.
    fn leave_at(&mut self, moment: Moment, deadline: u64, flow: &Flow);

    /// Closes a gate that has been asked to leave, once its last frame is over or given up.
    /// True when the gate is closed.
    fn try_close(&mut self, now: u64, flow: &Flow) -> bool;

    /// Closes at once: the source is gone.
    fn close(&mut self);

    /// Whether the gate passes packets of an epoch on.
    fn is_open(&self, epoch: u32) -> bool;

    /// Whether it has been asked to leave and has not left yet.
    fn is_leaving(&self) -> bool;

    /// Whether it is on no source.
    fn is_closed(&self) -> bool;
}

/// An output's gate on its present input.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    state: State,
    /// The number that the next packet in order leaves under.
    next: u32,
}

impl FrameGate for Gate {
    fn new(next: u32) -> Self {
        Self { state: State::Closed, next }
    }

    #[inline]
    fn pass(&mut self, packet: &Accepted, may_join: bool) -> Pass {
        if let State::Open { epoch, join, shift, frame, until, last } = &mut self.state {
            if *epoch == packet.epoch {
                if let Some(Until { moment, ticks, deadline }) = *until {
                    if packet.frame > *frame && moment.side(packet.timestamp) == Side::After {
                        (*until, *last) = (None, Some(Last { frame: *frame, deadline }));
                    } else if moment.side(packet.timestamp.wrapping_add(ticks)) == Side::After {
                        // The next frame would be at the moment: this one is the last.
                        let frame = packet.frame.max(*frame);
                        (*until, *last) = (None, Some(Last { frame, deadline }));
                    }
                }
                if last.is_some_and(|last| packet.frame > last.frame) {
                    return Pass::Withhold(WithheldReason::AfterLeave);
                }
                if packet.sequence < *join {
                    return Pass::Withhold(WithheldReason::BeforeJoin);
                }
                *frame = (*frame).max(packet.frame);
                let sequence = (packet.sequence as u32).wrapping_add(*shift);
                // Reordered packets leave as they come; the highest decides what is next.
                if sequence.wrapping_sub(self.next) < 1 << 31 {
                    self.next = sequence.wrapping_add(1);
                }
                return Pass::Forward(sequence);
            }
            if last.is_some() || until.is_some() {
                // The source broke off in the frame to leave after.
                return Pass::Withhold(WithheldReason::AfterLeave);
            }
            self.state = State::Closed;
        }
        if !(packet.joinable && may_join) {
            return Pass::Withhold(WithheldReason::BeforeJoin);
        }
        let sequence = self.next;
        self.state = State::Open {
            epoch: packet.epoch,
            join: packet.sequence,
            shift: sequence.wrapping_sub(packet.sequence as u32),
            frame: packet.frame,
            until: None,
            last: None,
        };
        self.next = sequence.wrapping_add(1);
        Pass::Join(sequence)
    }

    fn leave(&mut self, now: u64, flow: &Flow) {
        if let State::Open { frame, until, last: last @ None, .. } = &mut self.state {
            *until = None;
            *last = Some(Last { frame: *frame, deadline: now + flow.deadline_ns() });
        }
    }

    fn leave_at(&mut self, moment: Moment, deadline: u64, flow: &Flow) {
        if let State::Open { until: until @ None, last: None, .. } = &mut self.state {
            *until = Some(Until { moment, ticks: flow.ticks(), deadline });
        }
    }

    fn try_close(&mut self, now: u64, flow: &Flow) -> bool {
        if let State::Open { epoch, until: Some(until), .. } = self.state
            && (now >= until.deadline || epoch != flow.epoch())
        {
            self.leave(now, flow);
        }
        match self.state {
            State::Closed => true,
            State::Open { last: None, .. } => false,
            State::Open { epoch, shift, last: Some(last), .. } => {
                let over = epoch != flow.epoch() || flow.is_over(last.frame);
                if !over && now < last.deadline {
                    return false;
                }
                // Packets missing at the frame's end keep their numbers: a receiver shall
                // see that they are missing.
                let end = flow.frames().get(last.frame).and_then(|frame| frame.end);
                if let Some(end) = end.filter(|_| epoch == flow.epoch()) {
                    let behind = (end as u32).wrapping_add(shift).wrapping_add(1);
                    if behind.wrapping_sub(self.next) < 1 << 31 {
                        self.next = behind;
                    }
                }
                self.state = State::Closed;
                true
            }
        }
    }

    fn close(&mut self) {
        self.state = State::Closed;
    }

    fn is_open(&self, epoch: u32) -> bool {
        matches!(self.state, State::Open { epoch: open, .. } if open == epoch)
    }

    fn is_leaving(&self) -> bool {
        matches!(self.state, State::Open { until: Some(_), .. } | State::Open { last: Some(_), .. })
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }
}
