//! Adding, changing and removing outputs.

use std::{collections::BTreeMap, sync::Arc};

use crossbeam_channel::unbounded;
use ormatrix_io::Clock;
use ormatrix_protocol::{
    InputId, Leg, Level, Levelled, OutputId, OutputSpec, OutputStream, Refusal, Route, RouteState,
};

use super::{
    Conductor,
    budget::Change,
    inventory::{Custody, Holder, Output, Port, check_output, full, no_route, rival, taken},
    opener::{Marking, Opener},
    renewal::{Sender, Watch},
};
use crate::{
    counters::OutputCells,
    lane::{
        Ramp,
        messages::{Order, Place, ToLane},
        token::Token,
    },
    packet_io::PacketIo,
};

/// Sequence numbers start here; any start is legal (RFC 3550 §5.1).
pub(super) const FIRST_SEQUENCE: u32 = 0;

/// Senders by leg; `None` where one could not be opened yet.
type Senders<T> = Vec<Option<Sender<T>>>;

/// Senders by level.
type Levels<T> = BTreeMap<Level, Senders<T>>;

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    pub(super) fn put_output(&mut self, spec: OutputSpec) -> Result<(), Refusal> {
        self.check_output(&spec)?;
        self.check_budget(Change { output: Some(&spec), ..Change::default() })?;
        let present = self.outputs.get(&spec.id);
        if present.is_some_and(|present| present.spec == spec && present.is_open()) {
            return Ok(());
        }
        self.check_output_room(&spec)?;
        let mut senders = Levels::new();
        for level in self.changed_levels(&spec) {
            let legs = spec.legs_of(level).unwrap_or_default().iter();
            let opened = legs.map(|leg| self.open_sender(leg, Marking::from(&spec)).map(Some));
            senders.insert(level, opened.collect::<Result<_, _>>()?);
        }
        if self.outputs.contains_key(&spec.id) {
            self.change_output(spec, senders);
        } else {
            self.add_output(spec, senders, &BTreeMap::new());
        }
        Ok(())
    }

    /// As `put_output`, with routes, and keeps an output of which a socket cannot be opened.
    pub(super) fn restore_output(
        &mut self,
        spec: OutputSpec,
        inputs: &BTreeMap<Level, InputId>,
    ) -> Result<(), Refusal> {
        self.check_output(&spec)?;
        self.check_output_room(&spec)?;
        let mut failure = Ok(());
        let mut senders = Levels::new();
        for level in spec.levels() {
            let legs = spec.legs_of(level).unwrap_or_default().iter();
            let opened = legs.map(|leg| {
                let opened = self.open_sender(leg, Marking::from(&spec));
                opened.map_err(|refusal| failure = Err(refusal)).ok()
            });
            let opened = opened.collect();
            senders.insert(level, opened);
        }
        self.add_output(spec, senders, inputs);
        failure
    }

    fn check_output(&self, spec: &OutputSpec) -> Result<(), Refusal> {
        check_output(spec)?;
        for other in self.outputs.values().filter(|other| other.spec.id != spec.id) {
            let theirs: Vec<&Leg> = other.spec.all_legs().collect();
            if let Some(leg) = rival(spec.all_legs(), &theirs) {
                return Err(taken(leg, other.spec.id.as_str()));
            }
        }
        Ok(())
    }

    fn check_output_room(&self, spec: &OutputSpec) -> Result<(), Refusal> {
        let present = self.outputs.get(&spec.id);
        let new = spec
            .levels()
            .filter(|level| present.is_none_or(|present| !present.ports.contains_key(level)));
        if new.count() > self.output_slots.room() {
            return Err(full("output streams and monitors", self.capacity.outputs, "max_outputs"));
        }
        Ok(())
    }

    /// Levels whose senders must be opened for an output to become as specified.
    fn changed_levels(&self, spec: &OutputSpec) -> Vec<Level> {
        let changed = |level: &Level| {
            self.outputs.get(&spec.id).is_none_or(|present| {
                let marking = Marking::from(&present.spec) != Marking::from(spec);
                let open = |port: &Port<I::Tx>| port.legs.iter().all(Option::is_some);
                let port = present.ports.get(level);
                marking
                    || present.spec.stream(*level) != spec.stream(*level)
                    || !port.is_some_and(open)
            })
        };
        spec.levels().filter(changed).collect()
    }

    /// There is room for it.
    fn add_output(
        &mut self,
        spec: OutputSpec,
        senders: Levels<I::Tx>,
        inputs: &BTreeMap<Level, InputId>,
    ) {
        let id = spec.id.clone();
        let ports = BTreeMap::new();
        self.outputs.insert(id.clone(), Output { spec, ports });
        for (level, senders) in senders {
            self.add_port(&id, level, senders, inputs.get(&level).cloned());
        }
    }

    fn add_port(
        &mut self,
        id: &OutputId,
        level: Level,
        senders: Senders<I::Tx>,
        input: Option<InputId>,
    ) {
        let take = self.next_take();
        let target = self.target(input.as_ref(), level);
        let Ok(slot) = self.output_slots.take(Holder::Output(id.clone(), level)) else { return };
        let Some(output) = self.outputs.get_mut(id) else { return };
        let Some(stream) = output.spec.stream(level) else { return };
        let cells = Arc::new(OutputCells::new(senders.len()));
        let mut route = no_route(self.clock.unix());
        if input.is_some() && target.is_some() {
            route = Route { input, state: RouteState::Waiting, take, ..route };
        }
        let order = Order { take, target, ..Order::default() };
        let (txs, legs) = part(senders);
        let mut token = Token::new(slot, txs, stream.ssrc, stream.payload_type, FIRST_SEQUENCE);
        let (mail, mailbox) = unbounded();
        (token.cells, token.order, token.mail) = (Arc::clone(&cells), order, mailbox);
        token.ramp = ramp(level, &stream);
        let custody = Custody::Lanes;
        output.ports.insert(level, Port { slot, cells, route, order, custody, legs, mail });
        self.send_out(token);
    }

    fn change_output(&mut self, spec: OutputSpec, mut senders: Levels<I::Tx>) {
        let id = spec.id.clone();
        let Some(output) = self.outputs.get_mut(&id) else { return };
        let before = std::mem::replace(&mut output.spec, spec);
        for level in Level::ALL {
            let Some(output) = self.outputs.get_mut(&id) else { return };
            let wanted = output.spec.legs_of(level).map(<[Leg]>::len);
            match (output.ports.contains_key(&level), wanted) {
                (true, None) => {
                    if let Some(port) = output.ports.remove(&level) {
                        self.retire(port.slot, &port.custody);
                    }
                }
                (false, Some(_)) => {
                    self.add_port(&id, level, senders.remove(&level).unwrap_or_default(), None);
                }
                (true, Some(legs)) => {
                    if let Some(senders) = senders.remove(&level) {
                        let anew = before.legs_of(level).map(<[Leg]>::len) != Some(legs);
                        self.change_port(&id, level, senders, anew);
                    }
                }
                (false, None) => {}
            }
        }
    }

    /// Recalls the token; it goes out again with the new senders when it is back.
    fn change_port(&mut self, id: &OutputId, level: Level, senders: Senders<I::Tx>, anew: bool) {
        let take = self.next_take();
        let Some(port) = self.port(id, level) else { return };
        let (txs, legs) = part(senders);
        if anew {
            port.cells = Arc::new(OutputCells::new(legs.len()));
        }
        port.legs = legs;
        let before = std::mem::replace(&mut port.custody, Custody::Recalled(txs));
        // On its way back already, it goes out with the newest senders.
        if matches!(before, Custody::Lanes) {
            let (slot, order) = (port.slot, port.order);
            self.order(slot, Order { take, target: None, retire: true, ..order });
        }
    }

    /// Has an output's token send one leg from here, wherever it is.
    pub(super) fn give_sender(
        &mut self,
        id: &OutputId,
        level: Level,
        leg: usize,
        sender: Sender<I::Tx>,
    ) {
        let Some(port) = self.port(id, level) else { return };
        let Some(place) = port.legs.get_mut(leg) else { return };
        *place = Some(sender.watch);
        // A token on its way back still reads its mail when it is out again.
        let _ = port.mail.send((leg as u8, sender.tx));
    }

    pub(super) fn port(&mut self, id: &OutputId, level: Level) -> Option<&mut Port<I::Tx>> {
        self.outputs.get_mut(id)?.ports.get_mut(&level)
    }

    pub(super) fn remove_output(&mut self, id: &OutputId) -> Result<(), Refusal> {
        let Some(output) = self.outputs.remove(id) else {
            return Err(Refusal::UnknownOutput { output: id.clone() });
        };
        self.failover.gone(id);
        for port in output.ports.values() {
            self.retire(port.slot, &port.custody);
        }
        Ok(())
    }

    /// Calls a removed output's token back; its slot is free when it arrives.
    pub(super) fn retire(&mut self, slot: u16, custody: &Custody<I::Tx>) {
        self.output_slots.hand_over(slot, Holder::Removed);
        if matches!(custody, Custody::Lanes) {
            let take = self.next_take();
            self.order(slot, Order { take, retire: true, ..Order::default() });
        }
    }

    /// A token is back from the lanes.
    pub(super) fn note_freed(&mut self, token: Token<I::Tx>) {
        let slot = token.slot;
        match self.output_slots.holder(slot).cloned() {
            Some(Holder::Removed) | None => self.output_slots.free(slot),
            Some(Holder::Monitor(input)) => self.monitor_again(&input, token),
            Some(Holder::Output(id, level)) => self.send_out_again(&id, level, token),
        }
    }

    fn send_out_again(&mut self, id: &OutputId, level: Level, mut token: Token<I::Tx>) {
        let take = self.next_take();
        let target = self.source(id, level);
        let Some(output) = self.outputs.get(id) else { return };
        let Some(stream) = output.spec.stream(level) else { return };
        let Some(port) = self.port(id, level) else { return };
        if let Custody::Recalled(legs) = std::mem::replace(&mut port.custody, Custody::Lanes) {
            token.legs = legs;
        }
        (token.ssrc, token.payload_type) = (stream.ssrc, stream.payload_type);
        token.ramp = ramp(level, &stream);
        token.cells = Arc::clone(&port.cells);
        port.order = Order { take, target, ..Order::default() };
        port.route.take = take;
        token.order = port.order;
        token.reported = None;
        self.send_out(token);
    }

    /// Hands a token to the lane of its source.
    pub(super) fn send_out(&self, token: Token<I::Tx>) {
        let lane = token.order.target.map_or(0, |place| place.lane);
        self.tell_lane(lane, ToLane::Hold(Box::new(token)));
    }

    /// Where a level of an input is received.
    pub(super) fn target(&self, input: Option<&InputId>, level: Level) -> Option<Place> {
        self.inputs.get(input?)?.place(level)
    }

    /// Tries again to open the legs that could not be opened so far.
    pub(super) fn retry_outputs(&mut self) {
        let mut closed: Vec<(OutputId, Level, usize, Leg, Marking)> = Vec::new();
        for (id, output) in &self.outputs {
            let marking = Marking::from(&output.spec);
            for (level, port) in &output.ports {
                let specs = output.spec.legs_of(*level).unwrap_or_default();
                for (index, (leg, spec)) in port.legs.iter().zip(specs).enumerate() {
                    if leg.is_none() {
                        closed.push((id.clone(), *level, index, spec.clone(), marking));
                    }
                }
            }
        }
        for (id, level, leg, spec, marking) in closed {
            if let Ok(sender) = self.open_sender(&spec, marking) {
                self.give_sender(&id, level, leg, sender);
                tracing::info!(output = %id, %level, leg, "sent now");
            }
        }
    }
}

/// How a level fades.
fn ramp(level: Level, stream: &OutputStream) -> Option<Box<Ramp>> {
    (level == Level::Audio && stream.ramp_ms > 0).then(|| Box::new(Ramp::new(stream.ramp_ms)))
}

/// What the token gets of senders, and what the conductor keeps.
fn part<T>(senders: Senders<T>) -> (Vec<Option<T>>, Vec<Option<Watch>>) {
    let part = |sender: Option<Sender<T>>| match sender {
        Some(Sender { tx, watch }) => (Some(tx), Some(watch)),
        None => (None, None),
    };
    senders.into_iter().map(part).unzip()
}
