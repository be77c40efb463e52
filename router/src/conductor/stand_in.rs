//! Has outputs show what stands in for inputs that have failed: the policy of
//! [`super::failover`] put to work.
//!
//! A change is a set of ordinary orders to the lanes, so that frames stay whole, and ordinary
//! events to clients. Routes' inputs and takes stay what somebody asked for. Sound and data
//! that were asked of the same input as the picture go with it to a backup that has them, and
//! come back with it; a slate replaces the picture alone.

use ormatrix_io::Clock;
use ormatrix_protocol::{
    Event, InputId, Level, OnLoss, OutputId, RouteState, SignalState, StandIn, Take,
};

use super::{
    Conductor,
    budget::Change,
    failover::{Feed, Routed},
    inventory::Port,
    opener::Opener,
    takes::Move,
};
use crate::{lane::messages::Place, packet_io::PacketIo};

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// How long until time alone may change what stands in for what, ns.
    pub fn stand_in_due_in(&self) -> Option<u64> {
        let policy = |id: &InputId| self.inputs.get(id).map(|input| &input.spec.failover);
        let due = [self.failover.due(policy), self.slates.due()].into_iter().flatten().min()?;
        Some(due.saturating_sub(self.clock.now()))
    }

    /// Where what feeds a level of an output is received.
    pub(super) fn source(&self, output: &OutputId, level: Level) -> Option<Place> {
        let asked = self.outputs.get(output)?.input(level)?;
        match self.failover.feed(output, level) {
            Feed::Asked => self.target(Some(asked), level),
            Feed::Backup(backup) => self.target(Some(backup), level),
            Feed::Slate => self.slates.place(asked).or_else(|| self.target(Some(asked), level)),
        }
    }

    /// The input that a level of an output shows or shall show: none for a slate.
    pub(super) fn shown(&self, output: &OutputId, level: Level) -> Option<&InputId> {
        match self.failover.feed(output, level) {
            Feed::Asked => self.outputs.get(output)?.input(level),
            Feed::Backup(backup) => Some(backup),
            Feed::Slate => None,
        }
    }

    /// Has every output fed by what shall feed it now. To be called whenever anything that
    /// the policy looks at has changed; too often does no harm.
    pub fn stand_in(&mut self) {
        let now = self.clock.now();
        let mut pictures = self.decide(now);
        self.stage_slates(&mut pictures);
        let changes = self.with_levels(pictures);
        if !changes.is_empty() {
            self.redirect(changes);
        }
        self.strike_slates(now);
    }

    fn decide(&mut self, now: u64) -> Vec<(OutputId, Feed)> {
        let Self { failover, inputs, outputs, slates, .. } = self;
        let routes = outputs.iter().filter_map(|(id, output)| {
            let asked = output.input(Level::Video)?;
            let slate = output.spec.on_loss == OnLoss::Slate
                && inputs.get(asked).is_some_and(|input| !slates.has_failed(input));
            Some(Routed { output: id, asked, slate })
        });
        failover.decide(now, routes, |id| inputs.get(id).map(|input| &input.spec.failover))
    }

    /// Adds the levels that go with a picture to a backup, and those that come back.
    fn with_levels(&self, pictures: Vec<(OutputId, Feed)>) -> Vec<(OutputId, Level, Feed)> {
        let mut changes = Vec::new();
        for (id, output) in &self.outputs {
            let change = pictures.iter().find(|(changed, _)| changed == id);
            let picture =
                change.map_or_else(|| self.failover.feed(id, Level::Video), |(_, feed)| feed);
            for level in output.ports.keys().copied().filter(|level| *level != Level::Video) {
                let has = |backup: &InputId| self.target(Some(backup), level).is_some();
                let feed = match picture {
                    Feed::Backup(backup)
                        if output.input(level) == output.input(Level::Video) && has(backup) =>
                    {
                        picture.clone()
                    }
                    _ => Feed::Asked,
                };
                if feed != *self.failover.feed(id, level) {
                    changes.push((id.clone(), level, feed));
                }
            }
        }
        changes.extend(pictures.into_iter().map(|(id, feed)| (id, Level::Video, feed)));
        changes
    }

    /// Feeds levels of outputs by something else, under one number: those that come to a
    /// source together join it on the same frame.
    fn redirect(&mut self, changes: Vec<(OutputId, Level, Feed)>) {
        let number = self.next_take();
        let now = self.clock.unix();
        for (output, level, feed) in &changes {
            if *level == Level::Video {
                self.log(output, feed);
            }
        }
        let aim = |(output, level, feed): &(OutputId, Level, Feed)| {
            let asked = self.outputs.get(output).and_then(|output| output.input(*level));
            let (input, target) = match feed {
                Feed::Asked => (asked, self.target(asked, *level)),
                Feed::Backup(backup) => (Some(backup), self.target(Some(backup), *level)),
                Feed::Slate => (None, asked.and_then(|asked| self.slates.place(asked))),
            };
            Move { output: output.clone(), level: *level, input: input.cloned(), target }
        };
        let moves: Vec<Move> = changes.iter().map(aim).collect();
        // Computed from what is shown until now.
        let orders = self.orders(&moves, number, None);
        for ((id, level, feed), order) in changes.into_iter().zip(&orders) {
            let asked = self.outputs.get(&id).and_then(|output| output.input(level));
            let stream = asked.and_then(|asked| self.inputs.get(asked)?.streams.get(&level));
            let lost = stream.is_some_and(|stream| stream.signal.state == SignalState::Lost);
            let Some(port) = self.port(&id, level) else { continue };
            port.order = *order;
            redirected(port, &feed, lost, now);
            let route = port.route.clone();
            self.clients.tell(Event::Route { output: id.clone(), level, route });
            self.failover.set(&id, level, feed);
        }
        self.give_orders(&moves, &orders);
    }

    fn log(&mut self, id: &OutputId, feed: &Feed) {
        let asked = self.outputs.get(id).and_then(|output| output.input(Level::Video));
        let Some(asked) = asked.cloned() else { return };
        match feed {
            Feed::Asked => tracing::info!(output = %id, input = %asked, "on its own input again"),
            Feed::Slate => {
                tracing::warn!(output = %id, input = %asked, "input lost: a slate says so");
            }
            Feed::Backup(backup) => {
                tracing::warn!(output = %id, input = %asked, %backup, "input failed: its backup stands in");
                let takes = [Take::new(id.clone(), Some(backup.clone()))];
                let change = Change { takes: &takes, ..Change::default() };
                // A picture that may suffer is better than none.
                if let Err(refusal) = self.check_budget(change) {
                    tracing::warn!(output = %id, %backup, "the backup may suffer: {refusal}");
                }
            }
        }
    }
}

/// What users are told when a port is fed by something else from now on.
fn redirected<T>(port: &mut Port<T>, feed: &Feed, lost: bool, now: u64) {
    let route = &mut port.route;
    let (state, stand_in) = match feed {
        Feed::Backup(backup) => (RouteState::Switching, Some(StandIn::Backup(backup.clone()))),
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
}
