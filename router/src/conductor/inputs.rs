//! Adding, changing and removing inputs.

use std::{collections::BTreeMap, sync::Arc};

use ormatrix_io::Clock;
use ormatrix_protocol::{
    Findings, InputId, InputSpec, Leg, Level, Levelled, Merge, OutputId, Refusal, SKEW_US_MAX,
    Signal, SignalState,
};

use super::{
    Conductor,
    budget::{Change, Load},
    inventory::{
        Input, Reception, Stream, check_apart, check_legs, check_payload_type, field, full,
        invalid, rival, taken,
    },
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

/// Flows by level.
type Flows = BTreeMap<Level, Box<Flow>>;

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    pub(super) fn put_input(&mut self, spec: InputSpec) -> Result<(), Refusal> {
        let flows = self.check_input(&spec)?;
        self.check_budget(Change { input: Some(&spec), ..Change::default() })?;
        let present = self.inputs.get(&spec.id);
        if present.is_some_and(|present| present.spec == spec && present.is_open()) {
            return Ok(());
        }
        let room = self.input_room();
        let new = spec
            .levels()
            .filter(|level| present.is_none_or(|present| !present.streams.contains_key(level)));
        if new.count() > room {
            return Err(full("input streams", self.capacity.inputs, "max_inputs"));
        }
        let moved = |level: &Level| {
            present.is_none_or(|present| {
                present.spec.legs_of(*level) != spec.legs_of(*level)
                    || present.streams.get(level).is_none_or(|stream| !stream.is_open())
            })
        };
        let moved: Vec<Level> = spec.levels().filter(moved).collect();
        let mut receivers = BTreeMap::new();
        for level in moved {
            let legs = spec.legs_of(level).unwrap_or_default();
            receivers.insert(level, self.open_receivers(legs)?);
        }
        if self.inputs.contains_key(&spec.id) {
            self.change_input(spec, flows, receivers);
        } else {
            self.add_input(spec, flows, receivers);
        }
        Ok(())
    }

    /// As `put_input`, but keeps an input of which a socket cannot be opened, and says which.
    pub(super) fn restore_input(&mut self, spec: InputSpec) -> Result<(), Refusal> {
        let flows = self.check_input(&spec)?;
        if spec.levels().count() > self.input_room() {
            return Err(full("input streams", self.capacity.inputs, "max_inputs"));
        }
        let mut failure = Ok(());
        let mut receivers = BTreeMap::new();
        for level in spec.levels() {
            let legs = spec.legs_of(level).unwrap_or_default().iter();
            let opened = legs.map(|leg| {
                let opened = self.open_receiver(leg);
                opened.map_err(|refusal| failure = Err(refusal)).ok()
            });
            let opened = opened.collect();
            receivers.insert(level, opened);
        }
        self.add_input(spec, flows, receivers);
        failure
    }

    /// Input streams that there is room for; slates have room of their own.
    fn input_room(&self) -> usize {
        let present: usize = self.inputs.values().map(|input| input.streams.len()).sum();
        usize::from(self.capacity.inputs).saturating_sub(present).min(self.input_slots.room())
    }

    fn open_receivers(&mut self, legs: &[Leg]) -> Result<Receivers<I::Rx, O::Membership>, Refusal> {
        legs.iter().map(|leg| self.open_receiver(leg).map(Some)).collect()
    }

    fn check_input(&self, spec: &InputSpec) -> Result<Flows, Refusal> {
        check_stream(Level::Video, &spec.legs, spec.payload_type, spec.merge)?;
        if !(576..=8960).contains(&spec.max_udp) {
            let reason = format!("{} is out of range: 1460, or MAXUDP up to 8960", spec.max_udp);
            return Err(invalid("max_udp", reason));
        }
        let flow = Flow::new(spec).map_err(|error| invalid("video", error.to_string()))?;
        let mut flows = Flows::from([(Level::Video, Box::new(flow))]);
        if let Some(audio) = &spec.audio {
            check_stream(Level::Audio, &audio.legs, audio.payload_type, audio.merge)?;
            flows.insert(Level::Audio, Box::new(Flow::audio(audio)));
        }
        if let Some(data) = &spec.ancillary {
            check_stream(Level::Ancillary, &data.legs, data.payload_type, data.merge)?;
            flows.insert(Level::Ancillary, Box::new(Flow::ancillary(data)));
        }
        check_apart(spec.all_legs())?;
        if spec.failover.backups.contains(&spec.id) {
            let reason = format!("'{}' cannot stand in for itself: name other inputs", spec.id);
            return Err(invalid("failover.backups", reason));
        }
        let others: Vec<&InputSpec> =
            self.inputs.values().map(|other| &other.spec).filter(|o| o.id != spec.id).collect();
        for other in others {
            let theirs: Vec<&Leg> = other.all_legs().collect();
            if let Some(leg) = rival(spec.all_legs(), &theirs) {
                return Err(taken(leg, other.id.as_str()));
            }
        }
        Ok(flows)
    }

    /// There is room for it.
    fn add_input(
        &mut self,
        spec: InputSpec,
        flows: Flows,
        mut receivers: BTreeMap<Level, Receivers<I::Rx, O::Membership>>,
    ) {
        let lane = (0..self.loads.len()).min_by_key(|lane| self.loads[*lane]).unwrap_or(0) as u16;
        let id = spec.id.clone();
        let (streams, findings) = (BTreeMap::new(), Findings::default());
        self.inputs.insert(id.clone(), Input { spec, lane, streams, findings });
        for (level, flow) in flows {
            self.add_stream(&id, level, flow, receivers.remove(&level).unwrap_or_default());
        }
    }

    fn add_stream(
        &mut self,
        id: &InputId,
        level: Level,
        flow: Box<Flow>,
        receivers: Receivers<I::Rx, O::Membership>,
    ) {
        let Ok(slot) = self.input_slots.take((id.clone(), level)) else { return };
        let Some(input) = self.inputs.get_mut(id) else { return };
        let load = Load::of(&input.spec, level);
        if let Some(sum) = self.loads.get_mut(usize::from(input.lane)) {
            *sum += load.packets_per_second;
        }
        let signal = Signal { state: SignalState::Lost, since: self.clock.unix() };
        let cells = Arc::new(InputCells::new(receivers.len()));
        let (legs, receptions) = part(receivers);
        let stream = Stream { slot, cells: Arc::clone(&cells), load, signal, legs: receptions };
        input.streams.insert(level, stream);
        let lane = input.lane;
        if level == Level::Video {
            self.failover.opened(id, self.clock.now());
        }
        self.tell_lane(lane, ToLane::AddInput { slot, legs, flow, cells });
    }

    fn change_input(
        &mut self,
        spec: InputSpec,
        mut flows: Flows,
        mut receivers: BTreeMap<Level, Receivers<I::Rx, O::Membership>>,
    ) {
        let id = spec.id.clone();
        let Some(input) = self.inputs.get_mut(&id) else { return };
        let before = std::mem::replace(&mut input.spec, spec);
        for level in Level::ALL {
            let has = self.inputs.get(&id).is_some_and(|i| i.streams.contains_key(&level));
            match (has, flows.remove(&level)) {
                (true, Some(flow)) => {
                    self.change_stream(&id, level, &before, flow, receivers.remove(&level));
                }
                (false, Some(flow)) => {
                    self.add_stream(&id, level, flow, receivers.remove(&level).unwrap_or_default());
                }
                (true, None) => {
                    self.clear_level(&id, level);
                    self.remove_stream(&id, level);
                }
                (false, None) => {}
            }
        }
    }

    fn change_stream(
        &mut self,
        id: &InputId,
        level: Level,
        before: &InputSpec,
        flow: Box<Flow>,
        receivers: Option<Receivers<I::Rx, O::Membership>>,
    ) {
        let Some(input) = self.inputs.get_mut(id) else { return };
        if receivers.is_none() && input.spec.is_same_stream(before, level) {
            // What did not change goes on undisturbed.
            return;
        }
        let load = Load::of(&input.spec, level);
        let legs = input.spec.legs_of(level).map_or(1, <[Leg]>::len);
        let Some(stream) = input.streams.get_mut(&level) else { return };
        if let Some(sum) = self.loads.get_mut(usize::from(input.lane)) {
            *sum = sum.saturating_sub(stream.load.packets_per_second) + load.packets_per_second;
        }
        stream.load = load;
        if before.legs_of(level).map(<[Leg]>::len) != Some(legs) {
            stream.cells = Arc::new(InputCells::new(legs));
        }
        let legs = receivers.map(|receivers| {
            let (legs, receptions) = part(receivers);
            stream.legs = receptions;
            legs
        });
        let (slot, lane, cells) = (stream.slot, input.lane, Arc::clone(&stream.cells));
        if level == Level::Video {
            self.failover.opened(id, self.clock.now());
        }
        self.tell_lane(lane, ToLane::ChangeInput { slot, legs, flow, cells });
    }

    fn remove_stream(&mut self, id: &InputId, level: Level) {
        let Some(input) = self.inputs.get_mut(id) else { return };
        let Some(stream) = input.streams.remove(&level) else { return };
        let lane = input.lane;
        if let Some(sum) = self.loads.get_mut(usize::from(lane)) {
            *sum = sum.saturating_sub(stream.load.packets_per_second);
        }
        self.tell_lane(lane, ToLane::RemoveInput { slot: stream.slot });
    }

    pub(super) fn remove_input(&mut self, id: &InputId) -> Result<(), Refusal> {
        if !self.inputs.contains_key(id) {
            return Err(Refusal::UnknownInput { input: id.clone() });
        }
        let outputs: Vec<OutputId> = self
            .outputs
            .iter()
            .filter(|(output, on)| {
                on.ports.values().any(|port| port.route.input.as_ref() == Some(id))
                    || self.failover.is_fed_by(output, id)
            })
            .map(|(output, _)| output.clone())
            .collect();
        if !outputs.is_empty() {
            return Err(Refusal::InputRouted { input: id.clone(), outputs });
        }
        if self.monitors.contains_key(id) {
            self.remove_monitor(id)?;
        }
        for level in Level::ALL {
            self.remove_stream(id, level);
        }
        self.inputs.remove(id);
        self.failover.closed(id);
        Ok(())
    }

    /// Tries again to open the legs that could not be opened so far.
    pub(super) fn retry_inputs(&mut self) {
        let mut closed: Vec<(InputId, Level, usize, Leg)> = Vec::new();
        for (id, input) in &self.inputs {
            for (level, stream) in &input.streams {
                let specs = input.spec.legs_of(*level).unwrap_or_default();
                for (index, (leg, spec)) in stream.legs.iter().zip(specs).enumerate() {
                    if leg.is_none() {
                        closed.push((id.clone(), *level, index, spec.clone()));
                    }
                }
            }
        }
        for (id, level, leg, spec) in closed {
            if let Ok(receiver) = self.open_receiver(&spec) {
                self.give_leg(&id, level, leg, receiver);
                tracing::info!(input = %id, %level, leg, "received now");
            }
        }
    }

    /// Has an input's lane receive one leg from here.
    pub(super) fn give_leg(
        &mut self,
        id: &InputId,
        level: Level,
        leg: usize,
        receiver: Receiver<I::Rx, O::Membership>,
    ) {
        let Some(input) = self.inputs.get_mut(id) else { return };
        let lane = input.lane;
        let Some(stream) = input.streams.get_mut(&level) else { return };
        let Receiver { rx, membership, watch } = receiver;
        if let Some(place) = stream.legs.get_mut(leg) {
            *place = Some(Reception { membership, watch });
            let slot = stream.slot;
            self.tell_lane(lane, ToLane::ChangeLeg { slot, leg: leg as u8, rx });
        }
    }
}

/// A level of an input, checked.
fn check_stream(level: Level, legs: &[Leg], payload_type: u8, merge: Merge) -> Result<(), Refusal> {
    check_payload_type(level, payload_type)?;
    check_legs(level, legs)?;
    if (1..=SKEW_US_MAX).contains(&merge.skew_us) {
        return Ok(());
    }
    let skew_us = merge.skew_us;
    let reason = format!("{skew_us} is out of range: use 1 to {SKEW_US_MAX} microseconds");
    Err(invalid(&field(level, "merge.skew_us"), reason))
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
