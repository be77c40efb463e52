//! Has outputs show what stands in for inputs that have failed: the policy of
//! [`super::failover`] put to work.
//!
//! A change is an ordinary order to the lanes, so that frames stay whole, and an ordinary
//! event to clients. The route's input and take stay what somebody asked for.

use std::collections::BTreeMap;

use ormatrix_io::Clock;
use ormatrix_protocol::{
    Event, InputId, Level, OnLoss, OutputId, Refusal, RouteState, SignalState, StandIn, Take,
    status::Findings,
};

use super::{
    Conductor,
    budget::Change,
    failover::{Feed, Routed},
    inventory::Custody,
    opener::Opener,
};
use crate::{
    lane::messages::{Order, Place},
    packet_io::PacketIo,
};

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// When [`Conductor::on_time`] shall be called next, in nanoseconds of the clock.
    pub fn due(&self) -> Option<u64> {
        let policy = |id: &InputId| self.inputs.get(id).map(|input| &input.spec.failover);
        [self.failover.due(policy), self.slates.due()].into_iter().flatten().min()
    }

    /// Does what time alone makes due. Calling it too often does no harm.
    pub fn on_time(&mut self) {
        self.fail_over();
    }

    /// Notes what somebody who looks at an input has found.
    pub(super) fn report(&mut self, input: &InputId, findings: Findings) -> Result<(), Refusal> {
        if !self.inputs.contains_key(input) {
            return Err(Refusal::UnknownInput { input: input.clone() });
        }
        let (now, unix) = (self.clock.now(), self.clock.unix());
        if self.failover.found(input, findings.clone(), now, unix) {
            self.clients.tell(Event::Findings { input: input.clone(), findings });
            self.fail_over();
        }
        Ok(())
    }

    /// Where what feeds an output is received.
    pub(super) fn source(&self, output: &OutputId) -> Option<Place> {
        let asked = self.outputs.get(output)?.route.input.as_ref()?;
        match self.failover.feed(output) {
            Feed::Asked => self.target(Some(asked)),
            Feed::Backup(backup) => self.target(Some(backup)),
            Feed::Slate => self.slates.place(asked).or_else(|| self.target(Some(asked))),
        }
    }

    /// The input that feeds an output in place of the one asked for.
    pub(super) fn backup_on(&self, output: &OutputId) -> Option<&InputId> {
        match self.failover.feed(output) {
            Feed::Backup(backup) => Some(backup),
            Feed::Asked | Feed::Slate => None,
        }
    }

    /// Has every output fed by what shall feed it now. To be called whenever anything that
    /// the policy looks at has changed.
    pub(super) fn fail_over(&mut self) {
        let now = self.clock.now();
        let mut changes = self.decide(now);
        self.stage_slates(&mut changes);
        if !changes.is_empty() {
            self.redirect(&changes);
        }
        self.strike_slates(now);
    }

    fn decide(&mut self, now: u64) -> Vec<(OutputId, Feed)> {
        let Self { failover, inputs, outputs, slates, .. } = self;
        let routes = outputs.iter().filter_map(|(output, now)| {
            let asked = now.route.input.as_ref()?;
            let slate = now.spec.on_loss == OnLoss::Slate
                && inputs.get(asked).is_some_and(|input| !slates.has_failed(input));
            Some(Routed { output, asked, slate })
        });
        failover.decide(now, routes, |id| inputs.get(id).map(|input| &input.spec.failover))
    }

    /// Feeds outputs by something else, under one number: those that come to a source
    /// together join it on the same frame.
    fn redirect(&mut self, changes: &[(OutputId, Feed)]) {
        let (number, now) = (self.next_take(), self.clock.unix());
        for (output, feed) in changes {
            self.log(output, feed);
            self.failover.set(output, feed.clone());
        }
        let targets: Vec<Option<Place>> =
            changes.iter().map(|(output, _)| self.source(output)).collect();
        let mut parties: BTreeMap<(u16, u16), u16> = BTreeMap::new();
        for place in targets.iter().flatten() {
            *parties.entry((place.lane, place.input)).or_default() += 1;
        }
        for ((id, feed), target) in changes.iter().zip(targets) {
            let party = target.and_then(|place| parties.get(&(place.lane, place.input)).copied());
            let Some(output) = self.outputs.get_mut(id) else { continue };
            let party = party.unwrap_or(1);
            output.order = Order { take: number, target, party, ..Order::default() };
            let asked = output.route.input.as_ref().and_then(|input| self.inputs.get(input));
            let lost = asked.is_some_and(|input| input.signal.state == SignalState::Lost);
            let route = &mut output.route;
            let (state, stand_in) = match feed {
                Feed::Backup(backup) => {
                    (RouteState::Switching, Some(StandIn::Backup(backup.clone())))
                }
                Feed::Asked if !lost => (RouteState::Switching, None),
                // A slate that has not left yet is none.
                Feed::Asked | Feed::Slate => (RouteState::NoSignal, None),
            };
            if route.state != state {
                (route.state, route.since) = (state, now);
            }
            route.stand_in = stand_in;
            if state == RouteState::Switching {
                route.confirmed_at = None;
            }
            let event =
                Event::Route { output: id.clone(), level: Level::Video, route: route.clone() };
            self.clients.tell(event);
        }
        for (id, _) in changes {
            if let Some(output) = self.outputs.get(id)
                && matches!(output.custody, Custody::Lanes)
            {
                self.order(output.slot, output.order);
            }
        }
    }

    fn log(&mut self, id: &OutputId, feed: &Feed) {
        let Some(asked) = self.outputs.get(id).and_then(|output| output.route.input.clone()) else {
            return;
        };
        match feed {
            Feed::Asked => tracing::info!(output = %id, input = %asked, "back on its input"),
            Feed::Slate => tracing::warn!(output = %id, input = %asked, "input lost: slate"),
            Feed::Backup(backup) => {
                tracing::warn!(output = %id, input = %asked, %backup, "input failed: backup stands in");
                let takes = [Take::new(id.clone(), Some(backup.clone()))];
                // A picture that may suffer is better than none.
                if let Err(refusal) =
                    self.check_budget(Change { takes: &takes, ..Change::default() })
                {
                    tracing::warn!(output = %id, %backup, "the backup may suffer: {refusal}");
                }
            }
        }
    }
}
