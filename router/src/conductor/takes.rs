//! Takes: what is asked, what the lanes confirm.

use std::collections::{BTreeMap, BTreeSet};

use ormatrix_io::Clock;
use ormatrix_protocol::{Event, Level, Refusal, Route, RouteState, Take};

use super::{
    Conductor,
    budget::Change,
    inventory::{Custody, Holder},
    opener::Opener,
};
use crate::{
    lane::messages::{Order, Place},
    packet_io::PacketIo,
};

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// Starts several takes under one number, all or none.
    pub(super) fn salvo(&mut self, takes: &[Take]) -> Result<u64, Refusal> {
        self.check_salvo(takes)?;
        self.check_budget(Change { takes, ..Change::default() })?;
        let number = self.next_take();
        let now = self.clock.unix();
        let targets: Vec<Option<Place>> =
            takes.iter().map(|take| self.target(take.input.as_ref())).collect();
        // Outputs that come to a source together join it on the same frame; one that is
        // there already has nothing to wait for.
        let mut parties: BTreeMap<(u16, u16), u16> = BTreeMap::new();
        for (take, target) in takes.iter().zip(&targets) {
            // From here on what is asked for counts, whatever stood in before.
            self.failover.taken(&take.output);
            let comes = self.outputs.get(&take.output).is_some_and(|o| changes(&o.route, take));
            if let (Some(place), true) = (target, comes) {
                *parties.entry((place.lane, place.input)).or_default() += 1;
            }
        }
        for (take, target) in takes.iter().zip(targets) {
            let party = target.and_then(|place| parties.get(&(place.lane, place.input)).copied());
            let order = Order { take: number, target, party: party.unwrap_or(1), retire: false };
            let Some(output) = self.outputs.get_mut(&take.output) else { continue };
            output.route.take = number;
            output.order = order;
            if changes(&output.route, take) {
                output.route.input.clone_from(&take.input);
                output.route.stand_in = None;
                output.route.confirmed_at = None;
                output.route.since = now;
                output.route.state =
                    if take.input.is_some() { RouteState::Switching } else { RouteState::None };
                let event = Event::Route {
                    output: take.output.clone(),
                    level: Level::Video,
                    route: output.route.clone(),
                };
                self.clients.tell(event);
            }
        }
        // Orders go out last and together, so that no lane starts before all are decided.
        for take in takes {
            if let Some(output) = self.outputs.get(&take.output)
                && matches!(output.custody, Custody::Lanes)
            {
                self.order(output.slot, output.order);
            }
        }
        Ok(number)
    }

    fn check_salvo(&self, takes: &[Take]) -> Result<(), Refusal> {
        if takes.is_empty() {
            return Err(Refusal::Invalid {
                field: "takes".into(),
                reason: "at least one take is needed".into(),
            });
        }
        let mut seen = BTreeSet::new();
        for Take { output, input, .. } in takes {
            if !self.outputs.contains_key(output) {
                return Err(Refusal::UnknownOutput { output: output.clone() });
            }
            if let Some(input) = input
                && !self.inputs.contains_key(input)
            {
                return Err(Refusal::UnknownInput { input: input.clone() });
            }
            if !seen.insert(output) {
                return Err(Refusal::TwiceInSalvo { output: output.clone() });
            }
        }
        Ok(())
    }

    /// A lane tells how far an output is.
    pub(super) fn note_route(&mut self, slot: u16, take: u64, state: RouteState, at: u64) {
        let Some(Holder::Output(id)) = self.output_slots.holder(slot) else { return };
        let Some(output) = self.outputs.get_mut(id) else { return };
        // News of an older order is no news.
        if output.order.take != take {
            return;
        }
        let before = output.route.clone();
        let state = match (state, &output.route.input) {
            // Its input cannot be received yet.
            (RouteState::None, Some(_)) => RouteState::Waiting,
            (state, _) => state,
        };
        let (state, stand_in) = self.failover.feed(id).told(state);
        // Back on an input that is still lost, it waits for what it had shown before.
        let state = match (state, before.state) {
            (RouteState::Waiting, RouteState::NoSignal) => RouteState::NoSignal,
            (state, _) => state,
        };
        if output.route.state != state {
            output.route.since = at;
        }
        if state == RouteState::Live && output.route.confirmed_at.is_none() {
            output.route.confirmed_at = Some(at);
        }
        (output.route.state, output.route.stand_in) = (state, stand_in);
        if output.route == before {
            return;
        }
        let event =
            Event::Route { output: id.clone(), level: Level::Video, route: output.route.clone() };
        self.clients.tell(event);
    }
}

/// Whether a take changes what its output shows, or what it shows in the input's place.
fn changes(route: &Route, take: &Take) -> bool {
    route.input != take.input || route.stand_in.is_some()
}
