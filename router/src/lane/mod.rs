//! A lane: one thread that receives its inputs and sends the outputs it holds.
//!
//! The lane never blocks, locks, allocates, logs or formats between receive and send; its
//! only system calls are batched I/O. Commands come through a bounded channel, outputs
//! travel between lanes as tokens through the same kind of channel, and what happened goes
//! up through another. When that one is full, the news waits in the lane as state and is
//! told again at the next tick: nothing is lost, only the intermediate is skipped.

mod burst;
mod levels;
pub mod messages;
mod octets;
mod ramp;
mod receive;
pub mod run;
pub mod token;

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use ormatrix_io::Clock;
use ormatrix_protocol::SignalState;

pub use self::ramp::Ramp;
use self::{
    levels::Departure,
    messages::{FromLane, Legs, Order, Place, ToLane},
    token::{Packet, Token},
};
use crate::{
    counters::InputCells,
    flow::{BATCH_MAX, Flow, LEGS_MAX, Side},
    gate::{FrameGate, Gate},
    packet_io::PacketIo,
};

/// Commands followed in one turn, so that a burst of them does not hold packets up.
const COMMANDS: usize = 64;
/// Slates that may be on at once. Each is a whole stream of the host's own making.
const SLATES_MAX: u16 = 64;
/// Turns are never so far apart while a lane is let run, even when it is idle, unless it is
/// told to poll that seldom.
const AWAY_NS: u64 = 5_000_000;
/// How often deadlines are looked at.
const TICK_NS: u64 = 1_000_000;

/// Things by slot; boxed, so that taking one out to work on it moves a pointer only.
type Slots<T> = Vec<Option<Box<T>>>;

/// A token and the lane it goes to.
type Parting<T, G> = (u16, Box<Token<T, G>>);

struct Input<I: PacketIo> {
    legs: Legs<I::Rx>,
    flow: Box<Flow>,
    cells: Arc<InputCells>,
    /// Outputs attached, by slot.
    members: Vec<u16>,
    reported: Option<SignalState>,
    backlog: [Backlog; LEGS_MAX],
}

/// What waits in the socket of a leg.
#[derive(Clone, Copy, Debug, Default)]
struct Backlog {
    /// The last turn that found something and has not read it all.
    unread: u64,
    /// The last turn that ended so.
    left: u64,
    /// By how many packets the leg is too far ahead, while it waits for the other.
    lead: Option<u64>,
}

impl<I: PacketIo> Input<I> {
    /// The time by which deadlines for packets are judged: everything that had come by then
    /// has been read. Before everything has been, none is over: what is missing may wait in
    /// a socket, because the host did not let the lane run.
    fn read_until(&self, turn: u64, now: u64) -> u64 {
        let read = self.backlog.iter().all(|backlog| backlog.unread != turn);
        if read { now } else { 0 }
    }

    /// Whether a leg shall wait for the other, which is catching up: what one leg has lost
    /// must be there before more of the other needs its room.
    fn waits_for_other(&mut self, leg: usize, turn: u64, now: u64) -> bool {
        let mut others = (0..LEGS_MAX).filter(|other| *other != leg);
        let behind = others.find(|other| self.backlog[*other].left + 1 >= turn);
        let lead = behind.and_then(|other| self.flow.lead(leg, other, now));
        // Whoever comes no nearer is not waited for.
        let before = self.backlog[leg].lead;
        let lead = lead.filter(|lead| before.is_none_or(|before| *lead < before));
        self.backlog[leg].lead = lead;
        lead.is_some()
    }
}

/// The channels of one lane.
pub struct Wiring<I: PacketIo, G = Gate> {
    /// What it is told.
    pub mailbox: Receiver<ToLane<I, G>>,
    /// Every lane's mailbox, its own too, by lane.
    pub peers: Vec<Sender<ToLane<I, G>>>,
    /// What it tells.
    pub reports: Sender<FromLane<I, G>>,
}

/// How many inputs and outputs the router has room for.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Inputs.
    pub inputs: u16,
    /// Outputs and monitors.
    pub outputs: u16,
}

impl Capacity {
    /// Input slots of a lane: those of inputs, and of slates in the place of lost ones.
    pub fn input_slots(self) -> u16 {
        self.inputs.saturating_add(self.inputs.min(SLATES_MAX))
    }
}

/// A lane on a backend and a clock.
pub struct Lane<I: PacketIo, C: Clock, G = Gate> {
    index: u16,
    io: I,
    clock: C,
    wiring: Wiring<I, G>,
    inputs: Slots<Input<I>>,
    tokens: Slots<Token<I::Tx, G>>,
    orders: Vec<Order>,
    /// Tokens on their way to lanes whose mailbox was full.
    outbox: Vec<Parting<I::Tx, G>>,
    /// Things to give back that the report channel had no room for.
    freed: Vec<FromLane<I, G>>,
    batch: I::Batch,
    packets: Vec<Packet>,
    /// Inputs that hold packets back until a gap is filled.
    holding: Vec<u16>,
    ready: Vec<u16>,
    /// Of those, legs that have come back.
    back: Vec<u16>,
    /// Counts turns, from 1.
    turn: u64,
    /// When the last one began.
    turned_at: u64,
    next_tick: u64,
    coalesce_ns: u64,
    stopped: bool,
}

impl<I: PacketIo, C: Clock, G: FrameGate> Lane<I, C, G> {
    /// A lane that receives nothing yet.
    pub fn new(index: u16, io: I, clock: C, wiring: Wiring<I, G>, capacity: Capacity) -> Self {
        let batch = io.batch();
        let (inputs, outputs) = (capacity.input_slots(), capacity.outputs);
        let (inputs, outputs) = (usize::from(inputs), usize::from(outputs));
        Self {
            index,
            io,
            clock,
            wiring,
            inputs: (0..inputs).map(|_| None).collect(),
            tokens: (0..outputs).map(|_| None).collect(),
            orders: vec![Order::default(); outputs],
            outbox: Vec::with_capacity(outputs),
            freed: Vec::with_capacity(inputs + outputs),
            batch,
            // What came and what is released with it.
            packets: Vec::with_capacity(2 * BATCH_MAX),
            holding: Vec::with_capacity(inputs),
            ready: Vec::with_capacity(inputs * LEGS_MAX),
            back: Vec::with_capacity(inputs * LEGS_MAX),
            turn: 0,
            turned_at: 0,
            next_tick: 0,
            coalesce_ns: 0,
            stopped: false,
        }
    }

    /// Whether it has been told to stop.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// One turn: commands, packets, deadlines. True when packets moved.
    pub fn turn(&mut self) -> bool {
        let now = self.clock.now();
        let away = now.saturating_sub(self.turned_at);
        if self.turn > 0 && away > AWAY_NS.max(2 * self.coalesce_ns) {
            self.excuse(away);
        }
        self.turned_at = now;
        self.turn += 1;
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        // A failing wait shows as silence, which signals report; there is no better answer
        // on the packet path.
        let _ = self.io.ready(&mut ready, 0);
        for (slot, leg) in ready.iter().copied().map(unkey) {
            if let Some(input) = self.inputs[usize::from(slot)].as_deref_mut() {
                input.backlog[leg].unread = self.turn;
            }
        }
        for _ in 0..COMMANDS {
            match self.wiring.mailbox.try_recv() {
                Ok(message) => self.follow(message, now),
                Err(_) => break,
            }
        }
        // What waits on a leg that has come back may be ahead of what waits on the one that
        // was there, and must not be taken for what follows.
        for key in ready.iter().copied() {
            let (slot, leg) = unkey(key);
            let input = self.inputs[usize::from(slot)].as_deref();
            if input.is_some_and(|input| input.flow.is_back(leg, now)) {
                self.back.push(key);
            } else {
                self.receive(slot, leg, now);
            }
        }
        while let Some((slot, leg)) = self.back.pop().map(unkey) {
            self.receive(slot, leg, now);
        }
        self.give_up_gaps(now);
        let moved = !ready.is_empty();
        self.ready = ready;
        if now >= self.next_tick {
            self.next_tick = now + TICK_NS;
            self.tick(now);
        }
        moved
    }

    /// The host did not let this lane run for so long: whoever is heard now was not silent.
    #[cold]
    fn excuse(&mut self, ns: u64) {
        for input in self.inputs.iter_mut().flatten() {
            input.flow.excuse(ns);
        }
    }

    /// Waits until packets arrive, at most `timeout_ms`, without taking them.
    pub fn wait(&mut self, timeout_ms: u32) {
        self.ready.clear();
        let _ = self.io.ready(&mut self.ready, timeout_ms);
    }

    fn follow(&mut self, message: ToLane<I, G>, now: u64) {
        match message {
            ToLane::AddInput { slot, legs, flow, cells } => {
                self.attach(slot, &legs);
                let members = Vec::with_capacity(self.tokens.len());
                let backlog = Default::default();
                let input = Input { legs, flow, cells, members, reported: None, backlog };
                if let Some(place) = self.inputs.get_mut(usize::from(slot)) {
                    *place = Some(Box::new(input));
                }
            }
            ToLane::ChangeInput { slot, legs, flow, cells } => {
                self.change_input(slot, legs, flow, cells);
            }
            ToLane::ChangeLeg { slot, leg, rx } => self.change_leg(slot, usize::from(leg), rx),
            ToLane::RemoveInput { slot } => self.remove_input(slot, now),
            ToLane::Hold(token) => self.hold(token, now),
            ToLane::Order { output, order } => {
                if self.hear(output, order) {
                    self.pursue(output, now);
                }
            }
            ToLane::Orders(orders) => {
                // All are heard before any is followed: levels look at each other's.
                for (output, order) in &orders {
                    self.hear(*output, *order);
                }
                for (output, order) in &orders {
                    if self.orders[usize::from(*output)].take == order.take {
                        self.pursue(*output, now);
                    }
                }
                self.give_back(FromLane::Heard(orders));
            }
            ToLane::Coalesce { ns } => self.coalesce_ns = ns,
            ToLane::Stop => self.stopped = true,
        }
    }

    /// Watches an input's legs. One that cannot be watched shows as lost.
    fn attach(&mut self, slot: u16, legs: &Legs<I::Rx>) {
        for (leg, rx) in (0..).zip(legs) {
            if let Some(rx) = rx {
                let _ = self.io.attach(rx, key(slot, leg));
            }
        }
    }

    fn detach(&mut self, slot: u16, legs: &Legs<I::Rx>) {
        for (leg, rx) in (0..).zip(legs) {
            if let Some(rx) = rx {
                self.io.detach(rx, key(slot, leg));
            }
        }
    }

    fn change_leg(&mut self, slot: u16, leg: usize, rx: I::Rx) {
        let Some(mut input) = self.inputs[usize::from(slot)].take() else { return };
        let mut old = Legs::default();
        old[leg] = input.legs[leg].take();
        self.detach(slot, &old);
        let mut new = Legs::default();
        new[leg] = Some(rx);
        self.attach(slot, &new);
        input.legs[leg] = new[leg].take();
        self.inputs[usize::from(slot)] = Some(input);
        self.give_back(FromLane::FreedInput { slot: None, legs: old, flow: None });
    }

    fn change_input(
        &mut self,
        slot: u16,
        legs: Option<Legs<I::Rx>>,
        flow: Box<Flow>,
        cells: Arc<InputCells>,
    ) {
        let Some(mut input) = self.inputs[usize::from(slot)].take() else { return };
        let flow = Some(std::mem::replace(&mut input.flow, flow));
        input.cells = cells;
        let mut freed = Legs::default();
        if let Some(legs) = legs {
            self.detach(slot, &input.legs);
            self.attach(slot, &legs);
            freed = std::mem::replace(&mut input.legs, legs);
        }
        self.holding.retain(|holding| *holding != slot);
        self.give_back(FromLane::FreedInput { slot: None, legs: freed, flow });
        self.inputs[usize::from(slot)] = Some(input);
        // A new flow counts epochs from the start; whoever was on the old one joins anew.
        let Some(input) = self.inputs[usize::from(slot)].as_deref() else { return };
        for output in &input.members {
            if let Some(token) = self.tokens[usize::from(*output)].as_deref_mut() {
                token.gate.close();
                token.lose();
            }
        }
    }

    fn remove_input(&mut self, slot: u16, now: u64) {
        let Some(input) = self.inputs[usize::from(slot)].take() else { return };
        for output in &input.members {
            if let Some(token) = self.tokens[usize::from(*output)].as_deref_mut() {
                token.detach();
            }
            self.pursue(*output, now);
        }
        self.detach(slot, &input.legs);
        self.holding.retain(|holding| *holding != slot);
        let Input { legs, flow, .. } = *input;
        self.give_back(FromLane::FreedInput { slot: Some(slot), legs, flow: Some(flow) });
    }

    fn hold(&mut self, mut token: Box<Token<I::Tx, G>>, now: u64) {
        let slot = token.slot;
        let known = &mut self.orders[usize::from(slot)];
        // The token may have overtaken its order.
        if token.order.take > known.take {
            *known = token.order;
        }
        token.on = None;
        self.tokens[usize::from(slot)] = Some(token);
        self.pursue(slot, now);
    }

    /// Notes an order; false when it is an old one.
    fn hear(&mut self, output: u16, order: Order) -> bool {
        let known = &mut self.orders[usize::from(output)];
        let newer = order.take > known.take;
        if newer {
            *known = order;
            if let Some(token) = self.tokens[usize::from(output)].as_deref_mut() {
                token.order = order;
            }
        }
        newer
    }

    /// Lets an output go where its newest order says, as soon as its frame is over.
    fn pursue(&mut self, output: u16, now: u64) {
        let order = self.orders[usize::from(output)];
        self.mind_data_ahead(output, now);
        let departure = self.departure(output, now);
        let mut left = None;
        let Some(token) = self.tokens[usize::from(output)].as_deref_mut() else { return };
        token.order = order;
        if let Some(slot) = token.on {
            let Some(input) = self.inputs[usize::from(slot)].as_deref_mut() else { return };
            let read_until = input.read_until(self.turn, now);
            let here = Some(Place { lane: self.index, input: slot });
            if token.thin.is_some() && order.target == here {
                token.gate.try_close(read_until, &input.flow);
                return;
            }
            if order.target == here && !token.gate.is_leaving() {
                token.sound_again(&input.flow);
                return;
            }
            let is_silent = order.at.is_some_and(|at| now < at.clock)
                || token.fall_silent(&input.flow)
                || !input.flow.is_proven();
            match departure {
                Departure::Waits => return,
                _ if !is_silent => return,
                Departure::Now => token.gate.leave(now, &input.flow),
                // It has come there already.
                Departure::At(moment, _) if moment.side(token.end(&input.flow)) == Side::After => {
                    token.gate.leave(now, &input.flow);
                }
                Departure::At(moment, deadline) => {
                    token.gate.leave_at(moment, deadline, &input.flow);
                }
            }
            if !token.gate.try_close(read_until, &input.flow) {
                return;
            }
            left = Some((token.end(&input.flow), now + input.flow.deadline_ns()));
            input.members.retain(|member| *member != output);
            token.detach();
        }
        if let Some((end, deadline)) = left {
            self.cue_levels(output, order.take, end, deadline);
        }
        self.dispatch(output, now);
    }

    /// Sends a free token where its order says.
    fn dispatch(&mut self, output: u16, now: u64) {
        let Some(mut token) = self.tokens[usize::from(output)].take() else { return };
        match token.order.target {
            _ if token.order.retire => self.give_back(FromLane::FreedOutput(token)),
            Some(place) if place.lane != self.index => self.pass_to(place.lane, token),
            target => {
                if let Some(place) = target
                    && let Some(input) = self.inputs[usize::from(place.input)].as_deref_mut()
                {
                    token.attach(place.input, now);
                    input.members.push(output);
                }
                self.tokens[usize::from(output)] = Some(token);
            }
        }
    }

    fn pass_to(&mut self, lane: u16, token: Box<Token<I::Tx, G>>) {
        let Some(peer) = self.wiring.peers.get(usize::from(lane)) else {
            self.give_back(FromLane::FreedOutput(token));
            return;
        };
        if let Err(
            TrySendError::Full(ToLane::Hold(token))
            | TrySendError::Disconnected(ToLane::Hold(token)),
        ) = peer.try_send(ToLane::Hold(token))
        {
            self.outbox.push((lane, token));
        }
    }

    fn give_back(&mut self, freed: FromLane<I, G>) {
        if let Err(TrySendError::Full(freed)) = self.wiring.reports.try_send(freed) {
            self.freed.push(freed);
        }
    }

    /// After a batch: outputs whose last frame is over go on, and states are told.
    fn settle(&mut self, slot: u16, members: usize, now: u64) {
        // Backwards, because a member that goes on is removed from the list.
        for index in (0..members).rev() {
            let Some(input) = self.inputs[usize::from(slot)].as_deref() else { return };
            let Some(output) = input.members.get(index).copied() else { continue };
            let leaving = self.tokens[usize::from(output)]
                .as_deref()
                .is_some_and(|token| token.gate.is_leaving());
            if leaving {
                self.pursue(output, now);
            }
            self.tell_route(output);
        }
    }

    fn tick(&mut self, now: u64) {
        for slot in 0..self.inputs.len() {
            if self.inputs[slot].as_deref().is_some_and(|input| input.flow.is_silent(now)) {
                self.let_go(slot as u16, now);
            }
            let Some(input) = self.inputs[slot].as_deref_mut() else { continue };
            if input.flow.expire(now) {
                input.cells.publish(&input.flow.take_counts(now));
                for output in &input.members {
                    if let Some(token) = self.tokens[usize::from(*output)].as_deref_mut() {
                        token.lose();
                    }
                }
            }
            input.cells.publish_legs(&input.flow, now);
            let state = input.flow.signal(now);
            if input.reported != Some(state) {
                let report = FromLane::Signal { input: slot as u16, state, at: self.clock.unix() };
                if self.wiring.reports.try_send(report).is_ok() {
                    input.reported = Some(state);
                }
            }
        }
        for output in 0..self.tokens.len() as u16 {
            self.renew_legs(output);
            let token = self.tokens[usize::from(output)].as_deref();
            if token.is_some_and(|t| t.gate.is_leaving() || t.is_astray(self.index)) {
                self.pursue(output, now);
            }
            self.tell_route(output);
        }
        for _ in 0..self.outbox.len() {
            if let Some((lane, token)) = self.outbox.pop() {
                self.pass_to(lane, token);
            }
        }
        for _ in 0..self.freed.len() {
            if let Some(freed) = self.freed.pop() {
                self.give_back(freed);
            }
        }
    }

    fn renew_legs(&mut self, output: u16) {
        while let Some(token) = self.tokens[usize::from(output)].as_deref_mut()
            && let Some(old) = token.renew_leg()
        {
            if let Some(old) = old {
                self.give_back(FromLane::FreedSender(old));
            }
        }
    }

    fn tell_route(&mut self, output: u16) {
        let Some(token) = self.tokens[usize::from(output)].as_deref_mut() else { return };
        let input = token.on.and_then(|slot| self.inputs[usize::from(slot)].as_deref());
        let state = token.state(input.map(|input| &*input.flow));
        let take = token.order.take;
        if token.reported != Some((take, state)) {
            let report = FromLane::Route { output, take, state, at: self.clock.unix() };
            if self.wiring.reports.try_send(report).is_ok() {
                token.reported = Some((take, state));
            }
        }
    }
}

/// What the backend calls one leg of an input.
fn key(slot: u16, leg: u16) -> u16 {
    slot * LEGS_MAX as u16 + leg
}

/// The input and its leg that the backend calls so.
fn unkey(key: u16) -> (u16, usize) {
    (key / LEGS_MAX as u16, usize::from(key % LEGS_MAX as u16))
}
