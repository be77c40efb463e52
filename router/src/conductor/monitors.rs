//! Adding and removing monitors: thinned copies of inputs for watching.

use std::sync::Arc;

use ormatrix_io::Clock;
use ormatrix_protocol::{InputId, Level, MonitorSpec, Refusal};

use super::{
    Conductor,
    inventory::{Custody, Holder, Monitor, check_leg, full, invalid},
    opener::{Marking, Opener},
    outputs::FIRST_SEQUENCE,
    renewal::Sender,
};
use crate::{
    lane::{
        messages::Order,
        token::{Thin, Token},
    },
    packet_io::PacketIo,
};

/// Monitors are watched on this host or near it.
pub(super) const MONITOR_MARKING: Marking = Marking { ttl: 1, dscp: 0 };
const MONITOR_PAYLOAD_TYPE: u8 = 96;

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    pub(super) fn put_monitor(&mut self, spec: MonitorSpec) -> Result<(), Refusal> {
        let Some(input) = self.inputs.get(&spec.input) else {
            return Err(Refusal::UnknownInput { input: spec.input });
        };
        check_leg(&spec.leg, "leg")?;
        if !(20..=60_000).contains(&spec.interval_ms) {
            return Err(invalid("interval_ms", "use 20 to 60000 milliseconds"));
        }
        let target = input.place(Level::Video);
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
        let order = Order { take, target, ..Order::default() };
        let ssrc = monitor_ssrc(slot, take);
        let mut token =
            Token::new(slot, vec![Some(tx)], ssrc, MONITOR_PAYLOAD_TYPE, FIRST_SEQUENCE);
        let interval_ns = u64::from(spec.interval_ms) * 1_000_000;
        token.thin = Some(Thin { interval_ns, due: 0 });
        token.order = order;
        let cells = Arc::clone(&token.cells);
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

    /// Recalls a monitor's token; it goes out again with the new sender when it is back.
    pub(super) fn recall_monitor(&mut self, input: &InputId, sender: Sender<I::Tx>) {
        let take = self.next_take();
        let Some(monitor) = self.monitors.get_mut(input) else { return };
        monitor.watch = sender.watch;
        monitor.custody = Custody::Recalled(vec![Some(sender.tx)]);
        let (slot, order) = (monitor.slot, monitor.order);
        self.order(slot, Order { take, target: None, retire: true, ..order });
    }

    pub(super) fn monitor_again(&mut self, input: &InputId, mut token: Token<I::Tx>) {
        let take = self.next_take();
        let target = self.target(Some(input), Level::Video);
        let Some(monitor) = self.monitors.get_mut(input) else { return };
        if let Custody::Recalled(legs) = std::mem::replace(&mut monitor.custody, Custody::Lanes) {
            token.legs = legs;
        }
        monitor.order = Order { take, target, ..Order::default() };
        token.order = monitor.order;
        self.send_out(token);
    }
}

/// Differs for every monitor, so that a watcher notices a new one on its port.
fn monitor_ssrc(slot: u16, take: u64) -> u32 {
    u32::from(slot) << 16 ^ (take as u32).wrapping_mul(0x9e37_79b9)
}
