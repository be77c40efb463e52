//! Adding, changing and removing inputs, outputs and monitors.
//!
//! Each command checks everything first, opens what it needs, and only then changes
//! anything: a refusal leaves all as it was.

use std::sync::Arc;

use ormatrix_io::Clock;
use ormatrix_protocol::{
    InputId, InputSpec, Leg, MonitorSpec, OutputId, OutputSpec, Refusal, Route, RouteState, Signal,
    SignalState,
};

use super::{
    Conductor,
    inventory::{
        Custody, Holder, Input, Monitor, Output, check_output, check_payload_type, no_route,
        single_leg,
    },
    opener::{Marking, Opener},
    renewal::{Receiver, Sender, Watch},
};
use crate::{
    counters::OutputCells,
    flow::Flow,
    lane::{
        messages::{Order, Place, ToLane},
        token::{Thin, Token},
    },
    packet_io::PacketIo,
};

/// Monitors are watched on this host or near it.
pub(super) const MONITOR_MARKING: Marking = Marking { ttl: 1, dscp: 0 };
const MONITOR_PAYLOAD_TYPE: u8 = 96;
/// Sequence numbers start here; any start is legal (RFC 3550 §5.1).
const FIRST_SEQUENCE: u32 = 0;

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    pub(super) fn put_input(&mut self, spec: InputSpec) -> Result<(), Refusal> {
        let flow = self.check_input(&spec)?;
        if let Some(present) = self.inputs.get(&spec.id) {
            if present.spec == spec && present.open {
                return Ok(());
            }
            let moved = present.spec.legs != spec.legs || !present.open;
            let leg = single_leg(&spec.legs, "legs")?.clone();
            let receiver = if moved { Some(self.open_receiver(&leg)?) } else { None };
            return self.change_input(spec, flow, receiver);
        }
        let receiver = self.open_receiver(single_leg(&spec.legs, "legs")?)?;
        self.add_input(spec, flow, Some(receiver))
    }

    /// As `put_input`, but keeps an input whose socket cannot be opened.
    pub(super) fn restore_input(&mut self, spec: InputSpec) -> Result<(), Refusal> {
        let flow = self.check_input(&spec)?;
        let (receiver, failure) = match self.open_receiver(single_leg(&spec.legs, "legs")?) {
            Ok(receiver) => (Some(receiver), Ok(())),
            Err(refusal) => (None, Err(refusal)),
        };
        self.add_input(spec, flow, receiver)?;
        failure
    }

    fn check_input(&self, spec: &InputSpec) -> Result<Box<Flow>, Refusal> {
        let invalid = |field: &str, reason| Refusal::Invalid { field: field.into(), reason };
        check_payload_type(spec.payload_type)?;
        let leg = single_leg(&spec.legs, "legs")?;
        if !(576..=8960).contains(&spec.max_udp) {
            let reason = format!("{} is out of range: 1460, or MAXUDP up to 8960", spec.max_udp);
            return Err(invalid("max_udp", reason));
        }
        let same = |other: &&Input<O::Membership>| {
            other.spec.id != spec.id
                && other.spec.legs.iter().any(|l| {
                    l.socket_address() == leg.socket_address() && l.interface == leg.interface
                })
        };
        if let Some(other) = self.inputs.values().find(same) {
            return Err(taken(leg, other.spec.id.as_str()));
        }
        let flow = Flow::new(spec).map_err(|error| invalid("video", error.to_string()))?;
        Ok(Box::new(flow))
    }

    fn add_input(
        &mut self,
        spec: InputSpec,
        flow: Box<Flow>,
        receiver: Option<Receiver<I::Rx, O::Membership>>,
    ) -> Result<(), Refusal> {
        let slot = self
            .input_slots
            .take(spec.id.clone())
            .map_err(|_| full("inputs", self.capacity.inputs, "max_inputs"))?;
        let load = packet_rate(&spec);
        let lane = (0..self.loads.len()).min_by_key(|lane| self.loads[*lane]).unwrap_or(0);
        if let Some(sum) = self.loads.get_mut(lane) {
            *sum += load;
        }
        let lane = lane as u16;
        let signal = Signal { state: SignalState::Lost, since: self.clock.unix() };
        let cells = Arc::default();
        let open = receiver.is_some();
        let (mut membership, mut watch) = (None, Watch::default());
        if let Some(receiver) = receiver {
            let rx = receiver.rx;
            (membership, watch) = (receiver.membership, receiver.watch);
            self.tell_lane(lane, ToLane::AddInput { slot, rx, flow, cells: Arc::clone(&cells) });
        }
        let id = spec.id.clone();
        self.inputs.insert(id, Input { spec, slot, lane, cells, signal, open, membership, watch });
        Ok(())
    }

    fn change_input(
        &mut self,
        spec: InputSpec,
        flow: Box<Flow>,
        receiver: Option<Receiver<I::Rx, O::Membership>>,
    ) -> Result<(), Refusal> {
        let Some(input) = self.inputs.get_mut(&spec.id) else {
            return Err(Refusal::UnknownInput { input: spec.id });
        };
        if let Some(sum) = self.loads.get_mut(usize::from(input.lane)) {
            *sum = sum.saturating_sub(packet_rate(&input.spec)) + packet_rate(&spec);
        }
        let (slot, lane) = (input.slot, input.lane);
        let opened = !input.open && receiver.is_some();
        let rx = receiver.map(|receiver| {
            (input.membership, input.watch) = (receiver.membership, receiver.watch);
            receiver.rx
        });
        let message = match rx {
            Some(rx) if opened => {
                ToLane::AddInput { slot, rx, flow, cells: Arc::clone(&input.cells) }
            }
            rx => ToLane::ChangeInput { slot, rx, flow: Some(flow) },
        };
        let id = spec.id.clone();
        input.spec = spec;
        input.open |= opened;
        self.tell_lane(lane, message);
        if opened {
            self.route_again(&id);
        }
        Ok(())
    }

    pub(super) fn remove_input(&mut self, id: &InputId) -> Result<(), Refusal> {
        if !self.inputs.contains_key(id) {
            return Err(Refusal::UnknownInput { input: id.clone() });
        }
        let outputs: Vec<OutputId> = self
            .outputs
            .iter()
            .filter(|(_, output)| output.route.input.as_ref() == Some(id))
            .map(|(output, _)| output.clone())
            .collect();
        if !outputs.is_empty() {
            return Err(Refusal::InputRouted { input: id.clone(), outputs });
        }
        if self.monitors.contains_key(id) {
            self.remove_monitor(id)?;
        }
        if let Some(input) = self.inputs.remove(id) {
            if let Some(sum) = self.loads.get_mut(usize::from(input.lane)) {
                *sum = sum.saturating_sub(packet_rate(&input.spec));
            }
            if input.open {
                self.tell_lane(input.lane, ToLane::RemoveInput { slot: input.slot });
            } else {
                self.input_slots.free(input.slot);
            }
        }
        Ok(())
    }

    pub(super) fn put_output(&mut self, spec: OutputSpec) -> Result<(), Refusal> {
        let leg = self.check_output(&spec)?;
        let unchanged = self.outputs.get(&spec.id).is_some_and(|present| {
            present.spec == spec && !matches!(present.custody, Custody::Unopened)
        });
        if unchanged {
            return Ok(());
        }
        let sender = self.open_sender(&leg, Marking::from(&spec))?;
        if self.outputs.contains_key(&spec.id) {
            self.change_output(spec, sender);
            return Ok(());
        }
        self.add_output(spec, Some(sender), None)
    }

    /// As `put_output`, with a route, and keeps an output whose socket cannot be opened.
    pub(super) fn restore_output(
        &mut self,
        spec: OutputSpec,
        input: Option<InputId>,
    ) -> Result<(), Refusal> {
        let leg = self.check_output(&spec)?;
        let (sender, failure) = match self.open_sender(&leg, Marking::from(&spec)) {
            Ok(sender) => (Some(sender), Ok(())),
            Err(refusal) => (None, Err(refusal)),
        };
        self.add_output(spec, sender, input.filter(|id| self.inputs.contains_key(id)))?;
        failure
    }

    fn check_output(&self, spec: &OutputSpec) -> Result<Leg, Refusal> {
        check_output(spec)?;
        let leg = single_leg(&spec.legs, "legs")?;
        let same = |other: &&Output<I::Tx>| {
            other.spec.id != spec.id
                && other.spec.legs.iter().any(|l| {
                    l.socket_address() == leg.socket_address() && l.interface == leg.interface
                })
        };
        match self.outputs.values().find(same) {
            Some(other) => Err(taken(leg, other.spec.id.as_str())),
            None => Ok(leg.clone()),
        }
    }

    fn add_output(
        &mut self,
        spec: OutputSpec,
        sender: Option<Sender<I::Tx>>,
        input: Option<InputId>,
    ) -> Result<(), Refusal> {
        let slot = self
            .output_slots
            .take(Holder::Output(spec.id.clone()))
            .map_err(|_| full("outputs and monitors", self.capacity.outputs, "max_outputs"))?;
        let take = self.next_take();
        let cells: Arc<OutputCells> = Arc::default();
        let now = self.clock.unix();
        let mut route = no_route(now);
        if input.is_some() {
            route = Route { input, state: RouteState::Waiting, take, ..route };
        }
        let order = Order { take, target: self.target(route.input.as_ref()), ..Order::default() };
        let mut watch = Watch::default();
        let custody = if let Some(Sender { tx, watch: present }) = sender {
            watch = present;
            let mut token = Token::new(slot, tx, spec.ssrc, spec.payload_type, FIRST_SEQUENCE);
            (token.cells, token.order) = (Arc::clone(&cells), order);
            self.send_out(token);
            Custody::Lanes
        } else {
            Custody::Unopened
        };
        let output = Output { spec, slot, cells, route, order, custody, watch };
        self.outputs.insert(output.spec.id.clone(), output);
        Ok(())
    }

    /// Recalls the token; it goes out again with the new sender when it is back.
    pub(super) fn change_output(&mut self, spec: OutputSpec, sender: Sender<I::Tx>) {
        let take = self.next_take();
        let Some(output) = self.outputs.get_mut(&spec.id) else { return };
        let Sender { tx, watch } = sender;
        (output.spec, output.watch) = (spec, watch);
        match std::mem::replace(&mut output.custody, Custody::Recalled(tx)) {
            Custody::Lanes => {
                let (slot, order) = (output.slot, output.order);
                self.order(slot, Order { take, target: None, retire: true, ..order });
            }
            // On its way back already: it goes out with the newest sender.
            Custody::Recalled(_) => {}
            Custody::Unopened => {
                let Custody::Recalled(tx) = std::mem::replace(&mut output.custody, Custody::Lanes)
                else {
                    return;
                };
                let (spec, cells) = (&output.spec, Arc::clone(&output.cells));
                let mut token =
                    Token::new(output.slot, tx, spec.ssrc, spec.payload_type, FIRST_SEQUENCE);
                (token.cells, token.order) = (cells, Order { take, ..output.order });
                output.order = token.order;
                output.route.take = take;
                self.send_out(token);
            }
        }
    }

    pub(super) fn remove_output(&mut self, id: &OutputId) -> Result<(), Refusal> {
        let Some(output) = self.outputs.remove(id) else {
            return Err(Refusal::UnknownOutput { output: id.clone() });
        };
        self.retire(output.slot, &output.custody);
        Ok(())
    }

    pub(super) fn put_monitor(&mut self, spec: MonitorSpec) -> Result<(), Refusal> {
        let invalid = |field: &str, reason: &str| Refusal::Invalid {
            field: field.into(),
            reason: reason.into(),
        };
        let Some(input) = self.inputs.get(&spec.input) else {
            return Err(Refusal::UnknownInput { input: spec.input });
        };
        single_leg(std::slice::from_ref(&spec.leg), "leg")?;
        if !(20..=60_000).contains(&spec.interval_ms) {
            return Err(invalid("interval_ms", "use 20 to 60000 milliseconds"));
        }
        let place = input.place();
        if self.monitors.get(&spec.input).is_some_and(|present| present.spec == spec) {
            return Ok(());
        }
        let Sender { tx, watch } = self.open_sender(&spec.leg, MONITOR_MARKING)?;
        if self.monitors.contains_key(&spec.input) {
            self.remove_monitor(&spec.input)?;
        }
        let slot = self
            .output_slots
            .take(Holder::Monitor(spec.input.clone()))
            .map_err(|_| full("outputs and monitors", self.capacity.outputs, "max_outputs"))?;
        let take = self.next_take();
        let order = Order { take, target: place, ..Order::default() };
        let ssrc = monitor_ssrc(slot, take);
        let mut token = Token::new(slot, tx, ssrc, MONITOR_PAYLOAD_TYPE, FIRST_SEQUENCE);
        let cells: Arc<OutputCells> = Arc::default();
        let interval_ns = u64::from(spec.interval_ms) * 1_000_000;
        token.thin = Some(Thin { interval_ns, due: 0 });
        (token.cells, token.order) = (Arc::clone(&cells), order);
        self.send_out(token);
        let id = spec.input.clone();
        let custody = Custody::Lanes;
        self.monitors.insert(id, Monitor { spec, slot, cells, order, custody, watch });
        Ok(())
    }

    pub(super) fn remove_monitor(&mut self, input: &InputId) -> Result<(), Refusal> {
        let Some(monitor) = self.monitors.remove(input) else {
            return Err(Refusal::UnknownInput { input: input.clone() });
        };
        self.retire(monitor.slot, &monitor.custody);
        Ok(())
    }

    /// Calls a removed output's token back; its slot is free when it arrives.
    fn retire(&mut self, slot: u16, custody: &Custody<I::Tx>) {
        match custody {
            Custody::Unopened => self.output_slots.free(slot),
            Custody::Recalled(_) => self.output_slots.hand_over(slot, Holder::Removed),
            Custody::Lanes => {
                self.output_slots.hand_over(slot, Holder::Removed);
                let take = self.next_take();
                self.order(slot, Order { take, retire: true, ..Order::default() });
            }
        }
    }

    /// A token is back from the lanes.
    pub(super) fn note_freed(&mut self, token: Token<I::Tx>) {
        let slot = token.slot;
        match self.output_slots.holder(slot).cloned() {
            Some(Holder::Removed) | None => self.output_slots.free(slot),
            Some(Holder::Monitor(input)) => self.monitor_again(&input, token),
            Some(Holder::Output(id)) => self.send_out_again(&id, token),
        }
    }

    /// Recalls a monitor's token; it goes out again with the new sender when it is back.
    pub(super) fn recall_monitor(&mut self, input: &InputId, sender: Sender<I::Tx>) {
        let take = self.next_take();
        let Some(monitor) = self.monitors.get_mut(input) else { return };
        monitor.watch = sender.watch;
        monitor.custody = Custody::Recalled(sender.tx);
        let (slot, order) = (monitor.slot, monitor.order);
        self.order(slot, Order { take, target: None, retire: true, ..order });
    }

    fn monitor_again(&mut self, input: &InputId, mut token: Token<I::Tx>) {
        let take = self.next_take();
        let target = self.target(Some(input));
        let Some(monitor) = self.monitors.get_mut(input) else { return };
        if let Custody::Recalled(tx) = std::mem::replace(&mut monitor.custody, Custody::Lanes) {
            token.tx = tx;
        }
        monitor.order = Order { take, target, ..Order::default() };
        token.order = monitor.order;
        self.send_out(token);
    }

    fn send_out_again(&mut self, id: &OutputId, mut token: Token<I::Tx>) {
        let take = self.next_take();
        let Some(output) = self.outputs.get(id) else { return };
        let target = self.target(output.route.input.as_ref());
        let Some(output) = self.outputs.get_mut(id) else { return };
        if let Custody::Recalled(tx) = std::mem::replace(&mut output.custody, Custody::Lanes) {
            token.tx = tx;
        }
        (token.ssrc, token.payload_type) = (output.spec.ssrc, output.spec.payload_type);
        output.order = Order { take, target, ..Order::default() };
        output.route.take = take;
        token.order = output.order;
        token.reported = None;
        self.send_out(token);
    }

    /// Hands a token to the lane of its source.
    fn send_out(&self, token: Token<I::Tx>) {
        let lane = token.order.target.map_or(0, |place| place.lane);
        self.tell_lane(lane, ToLane::Hold(Box::new(token)));
    }

    pub(super) fn target(&self, input: Option<&InputId>) -> Option<Place> {
        self.inputs.get(input?)?.place()
    }

    /// Tries again what could not be opened at the start.
    pub(super) fn retry(&mut self) {
        let closed = self.inputs.values().filter(|input| !input.open);
        let closed: Vec<InputSpec> = closed.map(|input| input.spec.clone()).collect();
        for spec in closed {
            let id = spec.id.clone();
            if self.put_input(spec).is_ok() {
                tracing::info!(input = %id, "received now");
            }
        }
        let closed = self.outputs.values().filter(|o| matches!(o.custody, Custody::Unopened));
        let closed: Vec<OutputSpec> = closed.map(|output| output.spec.clone()).collect();
        for spec in closed {
            let id = spec.id.clone();
            if self.put_output(spec).is_ok() {
                tracing::info!(output = %id, "sent now");
            }
        }
    }

    /// An input has been opened late: whatever waits for it may go there now.
    fn route_again(&mut self, input: &InputId) {
        let target = self.target(Some(input));
        let waiting: Vec<OutputId> = self
            .outputs
            .iter()
            .filter(|(_, output)| output.route.input.as_ref() == Some(input))
            .map(|(id, _)| id.clone())
            .collect();
        for id in waiting {
            let take = self.next_take();
            if let Some(output) = self.outputs.get_mut(&id) {
                output.order = Order { take, target, ..Order::default() };
                output.route.take = take;
                let (slot, order) = (output.slot, output.order);
                self.order(slot, order);
            }
        }
        let take = self.next_take();
        if let Some(monitor) = self.monitors.get_mut(input) {
            monitor.order = Order { take, target, ..Order::default() };
            let (slot, order) = (monitor.slot, monitor.order);
            self.order(slot, order);
        }
    }
}

fn taken(leg: &Leg, holder: &str) -> Refusal {
    Refusal::AddressTaken { address: leg.address, port: leg.port, holder: holder.to_owned() }
}

fn full(what: &str, limit: u16, setting: &str) -> Refusal {
    Refusal::Full { what: what.into(), limit: u32::from(limit), setting: setting.into() }
}

/// Packets a second that a stream declares, for spreading inputs over lanes.
fn packet_rate(spec: &InputSpec) -> u64 {
    let plan = st2110::rfc4175::FramePlan::new(&spec.video, spec.max_udp);
    let packets = plan.map_or(0, |plan| plan.packets() as u64);
    packets * 1_000_000_000 / spec.video.rate.period_ns().max(1)
}

/// Differs for every monitor, so that a watcher notices a new one on its port.
fn monitor_ssrc(slot: u16, take: u64) -> u32 {
    u32::from(slot) << 16 ^ (take as u32).wrapping_mul(0x9e37_79b9)
}
