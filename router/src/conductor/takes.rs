//! Takes: what is asked, what the lanes confirm.

use std::collections::{BTreeMap, BTreeSet};

use ormatrix_io::Clock;
use ormatrix_protocol::{Event, InputId, Level, OutputId, Refusal, RouteState, Take};

use super::{
    Conductor,
    budget::Change,
    failover::Feed,
    inventory::{Custody, Holder, Port},
    journal,
    opener::Opener,
};
use crate::{
    lane::messages::{At, Order, Place, ToLane},
    packet_io::PacketIo,
};

/// One level of an output that goes somewhere else.
pub(super) struct Move {
    pub output: OutputId,
    pub level: Level,
    pub input: Option<InputId>,
    pub target: Option<Place>,
}

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// Starts several takes under one number, all or none, from a moment on if one is given.
    pub(super) fn salvo(&mut self, takes: &[Take], at: Option<At>) -> Result<u64, Refusal> {
        self.check_salvo(takes)?;
        self.check_budget(Change { takes, ..Change::default() })?;
        let number = self.next_take();
        let moves = self.moves(takes);
        let orders = self.orders(&moves, number, at);
        self.journal.begun(number, &moves, self.clock.now());
        let now = self.clock.unix();
        for (step, order) in moves.iter().zip(&orders) {
            let Some(port) = self.port(&step.output, step.level) else { continue };
            port.route.take = number;
            port.order = *order;
            let stood_in = port.route.stand_in.take().is_some();
            if port.route.input != step.input || stood_in {
                port.route.input.clone_from(&step.input);
                port.route.confirmed_at = None;
                port.route.since = now;
                port.route.state =
                    if step.input.is_some() { RouteState::Switching } else { RouteState::None };
            }
            // Told even where nothing changes but the number: somebody waits for it.
            let route = port.route.clone();
            self.clients.tell(Event::Route {
                output: step.output.clone(),
                level: step.level,
                route,
            });
        }
        for step in &moves {
            // From here on what is asked for counts, whatever stood in before.
            self.failover.set(&step.output, step.level, Feed::Asked);
        }
        self.give_orders(&moves, &orders);
        Ok(number)
    }

    /// What lanes are told for moves that belong together.
    pub(super) fn orders(&self, moves: &[Move], number: u64, at: Option<At>) -> Vec<Order> {
        let parties = self.parties(moves);
        let order = |step: &Move| {
            let party = step.target.and_then(|place| parties.get(&place).copied());
            Order {
                take: number,
                target: step.target,
                party: party.unwrap_or(1),
                at,
                ..self.bound(step, moves)
            }
        };
        moves.iter().map(order).collect()
    }

    /// Orders go out last and together, so that no lane starts before all are decided.
    pub(super) fn give_orders(&self, moves: &[Move], orders: &[Order]) {
        let given = moves.iter().zip(orders).filter_map(|(step, order)| {
            let port = self.outputs.get(&step.output)?.ports.get(&step.level)?;
            matches!(port.custody, Custody::Lanes).then_some((port.slot, *order))
        });
        let given: Box<[(u16, Order)]> = given.collect();
        for lane in 0..self.lanes.mailboxes.len() {
            self.tell_lane(lane as u16, ToLane::Orders(given.clone()));
        }
    }

    /// What takes mean level by level.
    fn moves(&self, takes: &[Take]) -> Vec<Move> {
        let mut moves = Vec::new();
        for take in takes {
            let Some(output) = self.outputs.get(&take.output) else { continue };
            for level in output.ports.keys().copied().filter(|level| take.concerns(*level)) {
                let target = self.target(take.input.as_ref(), level);
                let input = take.input.clone().filter(|_| target.is_some());
                moves.push(Move { output: take.output.clone(), level, input, target });
            }
        }
        moves
    }

    /// How many outputs come to each source: they join it on the same frame. One that is
    /// there already has nothing to wait for.
    fn parties(&self, moves: &[Move]) -> BTreeMap<Place, u16> {
        let mut parties = BTreeMap::new();
        for step in moves {
            let present = self.shown(&step.output, step.level);
            if let Some(place) = step.target
                && present != step.input.as_ref()
            {
                *parties.entry(place).or_default() += 1;
            }
        }
        parties
    }

    /// How a level is bound to its output's picture: it leaves with it, joins with it.
    fn bound(&self, step: &Move, moves: &[Move]) -> Order {
        let mut order = Order::default();
        let Some(output) = self.outputs.get(&step.output) else { return order };
        let picture = moves.iter().find(|other| {
            step.level != Level::Video && other.level == Level::Video && other.output == step.output
        });
        let (Some(picture), Some(port)) = (picture, output.ports.get(&Level::Video)) else {
            return order;
        };
        let present = self.shown(&step.output, step.level);
        let together = present.is_some() && present == self.shown(&step.output, Level::Video);
        order.leaves_with = together.then_some(port.slot);
        let together = step.input.is_some() && step.input == picture.input;
        order.joins_with = together.then_some(port.slot);
        order
    }

    pub(super) fn check_salvo(&self, takes: &[Take]) -> Result<(), Refusal> {
        if takes.is_empty() {
            return Err(Refusal::Invalid {
                field: "takes".into(),
                reason: "at least one take is needed".into(),
            });
        }
        let mut seen = BTreeSet::new();
        for Take { output: id, input, levels } in takes {
            let Some(output) = self.outputs.get(id) else {
                return Err(Refusal::UnknownOutput { output: id.clone() });
            };
            let source = match input {
                Some(input) => match self.inputs.get(input) {
                    Some(source) => Some((input, source)),
                    None => return Err(Refusal::UnknownInput { input: input.clone() }),
                },
                None => None,
            };
            for level in levels.iter().copied() {
                if !output.ports.contains_key(&level) {
                    return Err(Refusal::NoOutputLevel { output: id.clone(), level });
                }
                if let Some((input, source)) = source
                    && !source.streams.contains_key(&level)
                {
                    return Err(Refusal::NoInputLevel { input: input.clone(), level });
                }
            }
            let concerned = |level: &Level| levels.is_empty() || levels.contains(level);
            for level in Level::ALL.into_iter().filter(concerned) {
                if !seen.insert((id, level)) {
                    return Err(Refusal::TwiceInSalvo { output: id.clone() });
                }
            }
        }
        Ok(())
    }

    /// An input will not have a level any more: outputs that show it show nothing.
    pub(super) fn clear_level(&mut self, input: &InputId, level: Level) {
        let shown = |(id, output): (&OutputId, &super::inventory::Output<I::Tx>)| {
            (output.input(level) == Some(input)).then(|| id.clone())
        };
        let outputs: Vec<OutputId> = self.outputs.iter().filter_map(shown).collect();
        let take = |output| Take { output, input: None, levels: vec![level] };
        let takes: Vec<Take> = outputs.into_iter().map(take).collect();
        if !takes.is_empty()
            && let Err(refusal) = self.salvo(&takes, None)
        {
            tracing::error!(%input, %level, "outputs keep what is gone: {refusal}");
        }
    }

    /// Logs that a lane has done what was asked of a level, under the name of who asked.
    fn log_confirmed(&mut self, output: &OutputId, level: Level, state: RouteState) {
        let Some(port) = self.port(output, level) else { return };
        let (take, lane) = (port.route.take, port.order.target.map(|place| place.lane));
        let input = port.route.input.clone();
        let done = match &input {
            // A stand-in has a number of its own; that it is seen confirms nothing.
            Some(_) => state == RouteState::Live && port.order.take == take,
            None => state == RouteState::None,
        };
        if !done {
            return;
        }
        let Some(confirmed) = self.journal.confirmed(take, output, level) else { return };
        let after_us = self.clock.now().saturating_sub(confirmed.since) / 1000;
        let input = input.as_ref().map(InputId::as_str);
        journal::span(confirmed.request.as_ref()).in_scope(|| {
            tracing::info!(take, %output, %level, input, lane, after_us, "confirmed");
        });
    }

    /// A lane tells how far an output is.
    pub(super) fn note_route(&mut self, slot: u16, take: u64, state: RouteState, at: u64) {
        let Some(Holder::Output(id, level)) = self.output_slots.holder(slot).cloned() else {
            return;
        };
        let Some(port) = self.port(&id, level) else { return };
        // News of an older order is no news.
        if port.order.take != take {
            return;
        }
        self.log_confirmed(&id, level, state);
        let feed = self.failover.feed(&id, level).clone();
        let Some(port) = self.port(&id, level) else { return };
        if !note(port, &feed, state, at) {
            return;
        }
        let route = port.route.clone();
        self.clients.tell(Event::Route { output: id, level, route });
    }
}

/// Notes how far a port is; false when that is known already.
fn note<T>(port: &mut Port<T>, feed: &Feed, state: RouteState, at: u64) -> bool {
    let route = &mut port.route;
    let before = route.clone();
    let state = match (state, &route.input) {
        // Its input cannot be received yet.
        (RouteState::None, Some(_)) => RouteState::Waiting,
        (state, _) => state,
    };
    let (state, stand_in) = feed.told(state);
    let state = match (state, route.state) {
        // Back on an input that is still lost, it waits for what it has shown before.
        (RouteState::Waiting, RouteState::NoSignal) => RouteState::NoSignal,
        (state, _) => state,
    };
    if route.state != state {
        route.since = at;
    }
    if state == RouteState::Live && route.confirmed_at.is_none() {
        route.confirmed_at = Some(at);
    }
    (route.state, route.stand_in) = (state, stand_in);
    *route != before
}
