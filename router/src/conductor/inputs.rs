//! Adding, changing and removing inputs.

use std::sync::Arc;

use ormatrix_io::Clock;
use ormatrix_protocol::{InputId, InputSpec, OutputId, Refusal, SKEW_US_MAX, Signal, SignalState};

use super::{
    Conductor,
    budget::{Change, Load},
    inventory::{Input, Reception, check_legs, check_payload_type, full, invalid, rival, taken},
    opener::Opener,
    renewal::Receiver,
};
use crate::{
    counters::InputCells,
    flow::Flow,
    lane::messages::{Legs, ToLane},
    packet_io::PacketIo,
};

/// Receivers by leg; `None` where one could not be opened yet.
type Receivers<R, M> = Vec<Option<Receiver<R, M>>>;

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    pub(super) fn put_input(&mut self, spec: InputSpec) -> Result<(), Refusal> {
        let flow = self.check_input(&spec)?;
        self.check_budget(Change { input: Some(&spec), ..Change::default() })?;
        let Some(present) = self.inputs.get(&spec.id) else {
            let receivers = self.open_receivers(&spec)?;
            return self.add_input(spec, flow, receivers);
        };
        if present.spec == spec && present.is_open() {
            return Ok(());
        }
        if present.is_open() && is_same_stream(&present.spec, &spec) {
            // No picture is disturbed for a new name, or for other backups.
            if let Some(present) = self.inputs.get_mut(&spec.id) {
                present.spec = spec;
            }
            return Ok(());
        }
        let moved = present.spec.legs != spec.legs || !present.is_open();
        let receivers = if moved { Some(self.open_receivers(&spec)?) } else { None };
        self.change_input(spec, flow, receivers);
        Ok(())
    }

    /// As `put_input`, but keeps an input of which a socket cannot be opened, and says which.
    pub(super) fn restore_input(&mut self, spec: InputSpec) -> Result<(), Refusal> {
        let flow = self.check_input(&spec)?;
        let mut failure = Ok(());
        let receivers = spec.legs.iter().map(|leg| {
            let opened = self.open_receiver(leg);
            opened.map_err(|refusal| failure = Err(refusal)).ok()
        });
        let receivers = receivers.collect();
        self.add_input(spec, flow, receivers)?;
        failure
    }

    fn open_receivers(
        &mut self,
        spec: &InputSpec,
    ) -> Result<Receivers<I::Rx, O::Membership>, Refusal> {
        spec.legs.iter().map(|leg| self.open_receiver(leg).map(Some)).collect()
    }

    fn check_input(&self, spec: &InputSpec) -> Result<Box<Flow>, Refusal> {
        check_payload_type(spec.payload_type)?;
        check_legs(&spec.legs)?;
        if !(576..=8960).contains(&spec.max_udp) {
            let reason = format!("{} is out of range: 1460, or MAXUDP up to 8960", spec.max_udp);
            return Err(invalid("max_udp", reason));
        }
        if !(1..=SKEW_US_MAX).contains(&spec.merge.skew_us) {
            let skew_us = spec.merge.skew_us;
            let reason = format!("{skew_us} is out of range: use 1 to {SKEW_US_MAX} microseconds");
            return Err(invalid("merge.skew_us", reason));
        }
        if spec.failover.backups.contains(&spec.id) {
            let reason = format!("'{}' cannot stand in for itself: name other inputs", spec.id);
            return Err(invalid("failover.backups", reason));
        }
        let others = self.inputs.values().filter(|other| other.spec.id != spec.id);
        for other in others {
            if let Some(leg) = rival(&spec.legs, &other.spec.legs) {
                return Err(taken(leg, other.spec.id.as_str()));
            }
        }
        let flow = Flow::new(spec).map_err(|error| invalid("video", error.to_string()))?;
        Ok(Box::new(flow))
    }

    fn add_input(
        &mut self,
        spec: InputSpec,
        flow: Box<Flow>,
        receivers: Receivers<I::Rx, O::Membership>,
    ) -> Result<(), Refusal> {
        let full = |_| full("inputs", self.capacity.inputs, "max_inputs");
        if self.inputs.len() >= usize::from(self.capacity.inputs) {
            return Err(full(spec.id));
        }
        let slot = self.input_slots.take(spec.id.clone()).map_err(full)?;
        let load = Load::of(&spec);
        let lane = (0..self.loads.len()).min_by_key(|lane| self.loads[*lane]).unwrap_or(0);
        if let Some(sum) = self.loads.get_mut(lane) {
            *sum += load.packets_per_second;
        }
        let lane = lane as u16;
        let signal = Signal { state: SignalState::Lost, since: self.clock.unix() };
        let cells = Arc::new(InputCells::new(spec.legs.len()));
        let (legs, receptions) = part(receivers);
        self.tell_lane(lane, ToLane::AddInput { slot, legs, flow, cells: Arc::clone(&cells) });
        let id = spec.id.clone();
        self.failover.opened(&id, self.clock.now());
        self.inputs.insert(id, Input { spec, slot, lane, cells, load, signal, legs: receptions });
        Ok(())
    }

    fn change_input(
        &mut self,
        spec: InputSpec,
        flow: Box<Flow>,
        receivers: Option<Receivers<I::Rx, O::Membership>>,
    ) {
        let load = Load::of(&spec);
        self.failover.opened(&spec.id, self.clock.now());
        let Some(input) = self.inputs.get_mut(&spec.id) else { return };
        if let Some(sum) = self.loads.get_mut(usize::from(input.lane)) {
            *sum = sum.saturating_sub(input.load.packets_per_second) + load.packets_per_second;
        }
        input.load = load;
        if input.spec.legs.len() != spec.legs.len() {
            input.cells = Arc::new(InputCells::new(spec.legs.len()));
        }
        let legs = receivers.map(|receivers| {
            let (legs, receptions) = part(receivers);
            input.legs = receptions;
            legs
        });
        input.spec = spec;
        let (slot, lane, cells) = (input.slot, input.lane, Arc::clone(&input.cells));
        self.tell_lane(lane, ToLane::ChangeInput { slot, legs, flow, cells });
    }

    pub(super) fn remove_input(&mut self, id: &InputId) -> Result<(), Refusal> {
        if !self.inputs.contains_key(id) {
            return Err(Refusal::UnknownInput { input: id.clone() });
        }
        let outputs: Vec<OutputId> = self
            .outputs
            .iter()
            .filter(|(output, on)| {
                on.route.input.as_ref() == Some(id) || self.backup_on(output) == Some(id)
            })
            .map(|(output, _)| output.clone())
            .collect();
        if !outputs.is_empty() {
            return Err(Refusal::InputRouted { input: id.clone(), outputs });
        }
        if self.monitors.contains_key(id) {
            self.remove_monitor(id)?;
        }
        self.failover.closed(id);
        if let Some(input) = self.inputs.remove(id) {
            if let Some(sum) = self.loads.get_mut(usize::from(input.lane)) {
                *sum = sum.saturating_sub(input.load.packets_per_second);
            }
            self.tell_lane(input.lane, ToLane::RemoveInput { slot: input.slot });
        }
        Ok(())
    }

    /// Tries again to open the legs that could not be opened so far.
    pub(super) fn retry_inputs(&mut self) {
        let closed = |input: &Input<O::Membership>| {
            let legs = input.legs.iter().enumerate().filter(|(_, leg)| leg.is_none());
            legs.map(|(index, _)| index).collect::<Vec<_>>()
        };
        let closed: Vec<(InputId, Vec<usize>)> =
            self.inputs.iter().map(|(id, input)| (id.clone(), closed(input))).collect();
        for (id, legs) in closed {
            for leg in legs {
                self.retry_leg(&id, leg);
            }
        }
    }

    fn retry_leg(&mut self, id: &InputId, leg: usize) {
        let Some(spec) = self.inputs.get(id).and_then(|input| input.spec.legs.get(leg)) else {
            return;
        };
        let spec = spec.clone();
        if let Ok(receiver) = self.open_receiver(&spec) {
            self.give_leg(id, leg, receiver);
            tracing::info!(input = %id, leg, "received now");
        }
    }

    /// Has an input's lane receive one leg from here.
    pub(super) fn give_leg(
        &mut self,
        id: &InputId,
        leg: usize,
        receiver: Receiver<I::Rx, O::Membership>,
    ) {
        let Some(input) = self.inputs.get_mut(id) else { return };
        let Receiver { rx, membership, watch } = receiver;
        if let Some(place) = input.legs.get_mut(leg) {
            *place = Some(Reception { membership, watch });
            let (slot, lane) = (input.slot, input.lane);
            self.tell_lane(lane, ToLane::ChangeLeg { slot, leg: leg as u8, rx });
        }
    }
}

/// Whether lanes can go on as they are: the packets expected are the same.
fn is_same_stream(present: &InputSpec, spec: &InputSpec) -> bool {
    let (label, failover) = (spec.label.clone(), spec.failover.clone());
    InputSpec { label, failover, ..present.clone() } == *spec
}

/// What the lane gets of receivers, and what the conductor keeps.
fn part<R, M>(receivers: Receivers<R, M>) -> (Legs<R>, Vec<Option<Reception<M>>>) {
    let mut legs = Legs::default();
    let mut receptions = Vec::new();
    for (place, receiver) in legs.iter_mut().zip(receivers) {
        let (rx, reception) = match receiver {
            Some(Receiver { rx, membership, watch }) => {
                (Some(rx), Some(Reception { membership, watch }))
            }
            None => (None, None),
        };
        *place = rx;
        receptions.push(reception);
    }
    (legs, receptions)
}
