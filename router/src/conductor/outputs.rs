//! Adding, changing and removing outputs.

use std::sync::Arc;

use ormatrix_io::Clock;
use ormatrix_protocol::{InputId, OutputId, OutputSpec, Refusal, Route, RouteState};

use super::{
    Conductor,
    budget::Change,
    inventory::{Custody, Holder, Output, check_legs, check_output, full, no_route, rival, taken},
    opener::{Marking, Opener},
    renewal::{Sender, Watch},
};
use crate::{
    counters::OutputCells,
    lane::{
        messages::{Order, Place, ToLane},
        token::Token,
    },
    packet_io::PacketIo,
};

/// Sequence numbers start here; any start is legal (RFC 3550 §5.1).
pub(super) const FIRST_SEQUENCE: u32 = 0;

/// Senders by leg; `None` where one could not be opened yet.
type Senders<T> = Vec<Option<Sender<T>>>;

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    pub(super) fn put_output(&mut self, spec: OutputSpec) -> Result<(), Refusal> {
        self.check_output(&spec)?;
        self.check_budget(Change { output: Some(&spec), ..Change::default() })?;
        let present = self.outputs.get_mut(&spec.id);
        let known = present.is_some();
        // No picture is disturbed for another policy.
        if let Some(present) = present
            && present.is_open()
            && (OutputSpec { on_loss: spec.on_loss, ..present.spec.clone() }) == spec
        {
            present.spec = spec;
            return Ok(());
        }
        let senders = spec
            .legs
            .iter()
            .map(|leg| self.open_sender(leg, Marking::from(&spec)).map(Some))
            .collect::<Result<_, _>>()?;
        if known {
            self.change_output(spec, senders);
            return Ok(());
        }
        self.add_output(spec, senders, None)
    }

    /// As `put_output`, with a route, and keeps an output of which a socket cannot be opened.
    pub(super) fn restore_output(
        &mut self,
        spec: OutputSpec,
        input: Option<InputId>,
    ) -> Result<(), Refusal> {
        self.check_output(&spec)?;
        let mut failure = Ok(());
        let senders = self.open_senders(&spec, |refusal| failure = Err(refusal));
        self.add_output(spec, senders, input.filter(|id| self.inputs.contains_key(id)))?;
        failure
    }

    /// Opens what can be opened, and tells of the rest.
    pub(super) fn open_senders(
        &mut self,
        spec: &OutputSpec,
        mut failed: impl FnMut(Refusal),
    ) -> Senders<I::Tx> {
        let legs = spec.legs.iter();
        legs.map(|leg| self.open_sender(leg, Marking::from(spec)).map_err(&mut failed).ok())
            .collect()
    }

    fn check_output(&self, spec: &OutputSpec) -> Result<(), Refusal> {
        check_output(spec)?;
        check_legs(&spec.legs)?;
        let others = self.outputs.values().filter(|other| other.spec.id != spec.id);
        for other in others {
            if let Some(leg) = rival(&spec.legs, &other.spec.legs) {
                return Err(taken(leg, other.spec.id.as_str()));
            }
        }
        Ok(())
    }

    fn add_output(
        &mut self,
        spec: OutputSpec,
        senders: Senders<I::Tx>,
        input: Option<InputId>,
    ) -> Result<(), Refusal> {
        let slot = self
            .output_slots
            .take(Holder::Output(spec.id.clone()))
            .map_err(|_| full("outputs and monitors", self.capacity.outputs, "max_outputs"))?;
        let take = self.next_take();
        let cells = Arc::new(OutputCells::new(spec.legs.len()));
        let mut route = no_route(self.clock.unix());
        if input.is_some() {
            route = Route { input, state: RouteState::Waiting, take, ..route };
        }
        let order = Order { take, target: self.target(route.input.as_ref()), ..Order::default() };
        let (txs, legs) = part(senders);
        let mut token = Token::new(slot, txs, spec.ssrc, spec.payload_type, FIRST_SEQUENCE);
        (token.cells, token.order) = (Arc::clone(&cells), order);
        self.send_out(token);
        let output = Output { spec, slot, cells, route, order, custody: Custody::Lanes, legs };
        self.outputs.insert(output.spec.id.clone(), output);
        Ok(())
    }

    /// Recalls the token; it goes out again with the new senders when it is back.
    pub(super) fn change_output(&mut self, spec: OutputSpec, senders: Senders<I::Tx>) {
        let take = self.next_take();
        let Some(output) = self.outputs.get_mut(&spec.id) else { return };
        if output.spec.legs.len() != spec.legs.len() {
            output.cells = Arc::new(OutputCells::new(spec.legs.len()));
        }
        let (txs, legs) = part(senders);
        (output.spec, output.legs) = (spec, legs);
        let before = std::mem::replace(&mut output.custody, Custody::Recalled(txs));
        // On its way back already, it goes out with the newest senders.
        if matches!(before, Custody::Lanes) {
            let (slot, order) = (output.slot, output.order);
            self.order(slot, Order { take, target: None, retire: true, ..order });
        }
    }

    pub(super) fn remove_output(&mut self, id: &OutputId) -> Result<(), Refusal> {
        let Some(output) = self.outputs.remove(id) else {
            return Err(Refusal::UnknownOutput { output: id.clone() });
        };
        self.failover.taken(id);
        self.retire(output.slot, &output.custody);
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
            Some(Holder::Output(id)) => self.send_out_again(&id, token),
        }
    }

    fn send_out_again(&mut self, id: &OutputId, mut token: Token<I::Tx>) {
        let take = self.next_take();
        let target = self.source(id);
        let Some(output) = self.outputs.get_mut(id) else { return };
        if let Custody::Recalled(legs) = std::mem::replace(&mut output.custody, Custody::Lanes) {
            token.legs = legs;
        }
        (token.ssrc, token.payload_type) = (output.spec.ssrc, output.spec.payload_type);
        token.cells = Arc::clone(&output.cells);
        output.order = Order { take, target, ..Order::default() };
        output.route.take = take;
        token.order = output.order;
        token.reported = None;
        self.send_out(token);
    }

    /// Hands a token to the lane of its source.
    pub(super) fn send_out(&self, token: Token<I::Tx>) {
        let lane = token.order.target.map_or(0, |place| place.lane);
        self.tell_lane(lane, ToLane::Hold(Box::new(token)));
    }

    pub(super) fn target(&self, input: Option<&InputId>) -> Option<Place> {
        Some(self.inputs.get(input?)?.place())
    }

    /// Tries again to open the legs that could not be opened so far.
    pub(super) fn retry_outputs(&mut self) {
        let closed = self.outputs.values().filter(|output| !output.is_open());
        let closed: Vec<OutputSpec> = closed.map(|output| output.spec.clone()).collect();
        for spec in closed {
            let id = spec.id.clone();
            if self.put_output(spec).is_ok() {
                tracing::info!(output = %id, "sent now");
            }
        }
    }
}

/// What the token gets of senders, and what the conductor keeps.
fn part<T>(senders: Senders<T>) -> (Vec<Option<T>>, Vec<Option<Watch>>) {
    let part = |sender: Option<Sender<T>>| match sender {
        Some(Sender { tx, watch }) => (Some(tx), Some(watch)),
        None => (None, None),
    };
    senders.into_iter().map(part).unzip()
}
