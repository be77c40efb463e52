//! Opening anew what a change of its network interface may have left dead.
//!
//! The kernel tells no socket that its interface was taken away and made again (it holds on
//! to the old one for ever) or that a group was forgotten while it was down. So the conductor
//! looks once a second, off the lanes. Only what the change has harmed is touched: a stream
//! that arrives proves its membership, and goes on undisturbed.

use ormatrix_io::{Clock, Link};
use ormatrix_protocol::{
    InputId, Leg, OutputCounters, OutputId, Refusal, SignalState, WithheldReason,
};

use super::{
    Conductor,
    commands::MONITOR_MARKING,
    inventory::Custody,
    opener::{Marking, Opener},
};
use crate::{lane::messages::ToLane, packet_io::PacketIo};

/// How something fares, as far as a second shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Well,
    Ill,
    /// An output that had nothing to send, or not since its interface last changed.
    Unknown,
}

/// The interface under an open socket, as last looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    link: Link,
    /// The number of the interface that the socket holds on to.
    index: u32,
    /// The interface has changed; whether that did harm is not known yet.
    changed: bool,
    /// It could not be opened anew, which has been said.
    failed: bool,
    /// Of an output: packets sent, and those that the kernel would not send.
    counted: (u64, u64),
}

impl Watch {
    fn new(link: Link) -> Self {
        Self { link, index: link.index, ..Self::default() }
    }

    /// Whether to open the socket anew.
    fn is_due(&mut self, link: Link, health: Health) -> bool {
        let news = link != self.link;
        self.link = link;
        self.changed |= news;
        if health == Health::Well && !news && link.index == self.index {
            // A whole second after the change, whatever it broke would show.
            (self.changed, self.failed) = (false, false);
        }
        self.changed && (health == Health::Ill || link.index != self.index)
    }

    /// How an output fares on an interface that stands so now.
    fn health(&mut self, counters: &OutputCounters, link: Link) -> Health {
        let failed = counters.withheld.get(&WithheldReason::SendFailed).copied().unwrap_or(0);
        let before = std::mem::replace(&mut self.counted, (counters.packets, failed));
        if link != self.link {
            // What failed until an interface was up again may well leave now.
            Health::Unknown
        } else if failed > before.1 {
            Health::Ill
        } else if counters.packets > before.0 {
            Health::Well
        } else {
            Health::Unknown
        }
    }

    /// Whether a failure to open is worth a word; the first one is.
    fn fails(&mut self) -> bool {
        !std::mem::replace(&mut self.failed, true)
    }
}

/// An open receiver and what there is to know about it.
pub(super) struct Receiver<R, M> {
    pub rx: R,
    pub membership: Option<M>,
    pub watch: Watch,
}

/// An open sender and what there is to know about it.
pub(super) struct Sender<T> {
    pub tx: T,
    pub watch: Watch,
}

/// The interface of a receiver. Without a group to be in, only a new interface matters.
fn receiving_link<I: PacketIo>(opener: &mut impl Opener<I>, leg: &Leg) -> Link {
    let link = opener.link(leg);
    if leg.address.is_multicast() { link } else { Link { index: link.index, change: 0 } }
}

fn interface(leg: &Leg) -> &str {
    leg.interface.as_deref().unwrap_or("any")
}

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    pub(super) fn open_receiver(
        &mut self,
        leg: &Leg,
    ) -> Result<Receiver<I::Rx, O::Membership>, Refusal> {
        // Looked at first, so that a change during the opening shows afterwards.
        let watch = Watch::new(receiving_link(&mut self.opener, leg));
        let rx = self.opener.receiver(leg)?;
        Ok(Receiver { membership: self.opener.membership(&rx), rx, watch })
    }

    pub(super) fn open_sender(
        &mut self,
        leg: &Leg,
        marking: Marking,
    ) -> Result<Sender<I::Tx>, Refusal> {
        let watch = Watch::new(self.opener.link(leg));
        Ok(Sender { tx: self.opener.sender(leg, marking)?, watch })
    }

    /// Opens anew what a changed interface has left dead.
    pub(super) fn renew(&mut self) {
        self.renew_inputs();
        self.renew_outputs();
        self.renew_monitors();
    }

    fn renew_inputs(&mut self) {
        let mut due: Vec<(InputId, Leg)> = Vec::new();
        for (id, input) in self.inputs.iter_mut().filter(|(_, input)| input.open) {
            let Some(leg) = input.spec.legs.first() else { continue };
            let lost = input.signal.state == SignalState::Lost;
            let health = if lost { Health::Ill } else { Health::Well };
            if input.watch.is_due(receiving_link(&mut self.opener, leg), health) {
                // All leave before any joins: a group may have several of them in it.
                input.membership = None;
                due.push((id.clone(), leg.clone()));
            }
        }
        for (id, leg) in due {
            let opened = self.open_receiver(&leg);
            let Some(input) = self.inputs.get_mut(&id) else { continue };
            let interface = interface(&leg);
            match opened {
                Ok(Receiver { rx, membership, watch }) => {
                    (input.membership, input.watch) = (membership, watch);
                    let (slot, lane) = (input.slot, input.lane);
                    self.tell_lane(lane, ToLane::ChangeInput { slot, rx: Some(rx), flow: None });
                    tracing::info!(input = %id, interface, "received anew after a change of its network interface");
                }
                Err(refusal) if input.watch.fails() => {
                    tracing::warn!(input = %id, interface, "cannot receive, will be tried every second: {refusal}");
                }
                Err(_) => {}
            }
        }
    }

    fn renew_outputs(&mut self) {
        let mut due: Vec<OutputId> = Vec::new();
        for (id, output) in &mut self.outputs {
            let Some(leg) = output.spec.legs.first() else { continue };
            let link = self.opener.link(leg);
            let health = output.watch.health(&output.cells.read(), link);
            if matches!(output.custody, Custody::Lanes) && output.watch.is_due(link, health) {
                due.push(id.clone());
            }
        }
        for id in due {
            let Some(output) = self.outputs.get(&id) else { continue };
            let (spec, counted) = (output.spec.clone(), output.watch.counted);
            let Some(leg) = spec.legs.first() else { continue };
            let interface = interface(leg).to_owned();
            match self.open_sender(leg, Marking::from(&spec)) {
                Ok(mut sender) => {
                    sender.watch.counted = counted;
                    self.change_output(spec, sender);
                    tracing::info!(output = %id, interface, "sent anew after a change of its network interface");
                }
                Err(refusal) => {
                    if self.outputs.get_mut(&id).is_some_and(|output| output.watch.fails()) {
                        tracing::warn!(output = %id, interface, "cannot send, will be tried every second: {refusal}");
                    }
                }
            }
        }
    }

    fn renew_monitors(&mut self) {
        let mut due: Vec<(InputId, Leg, (u64, u64))> = Vec::new();
        for (id, monitor) in &mut self.monitors {
            let leg = &monitor.spec.leg;
            let link = self.opener.link(leg);
            let health = monitor.watch.health(&monitor.cells.read(), link);
            if matches!(monitor.custody, Custody::Lanes) && monitor.watch.is_due(link, health) {
                due.push((id.clone(), leg.clone(), monitor.watch.counted));
            }
        }
        for (id, leg, counted) in due {
            let opened = self.open_sender(&leg, MONITOR_MARKING);
            let interface = interface(&leg);
            match opened {
                Ok(mut sender) => {
                    sender.watch.counted = counted;
                    self.recall_monitor(&id, sender);
                    tracing::info!(monitor = %id, interface, "sent anew after a change of its network interface");
                }
                Err(refusal) => {
                    if self.monitors.get_mut(&id).is_some_and(|monitor| monitor.watch.fails()) {
                        tracing::warn!(monitor = %id, interface, "cannot send, will be tried every second: {refusal}");
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, change: u64) -> Link {
        Link { index, change }
    }

    #[test]
    fn only_what_a_change_has_harmed_is_due() {
        let mut watch = Watch::new(link(3, 1));
        assert!(!watch.is_due(link(3, 1), Health::Ill), "silent, but not for the interface's sake");
        assert!(!watch.is_due(link(3, 2), Health::Well), "nothing shows yet");
        assert!(watch.is_due(link(3, 2), Health::Ill), "now it does");
        let mut watch = Watch::new(link(3, 1));
        watch.is_due(link(3, 2), Health::Well);
        assert!(!watch.is_due(link(3, 2), Health::Well));
        assert!(!watch.is_due(link(3, 2), Health::Ill), "it was well after the change");
    }

    #[test]
    fn another_interface_of_the_name_is_always_due() {
        for health in [Health::Well, Health::Ill, Health::Unknown] {
            let mut watch = Watch::new(link(3, 1));
            for _ in 0..3 {
                assert!(watch.is_due(link(4, 2), health), "until it is opened anew: {health:?}");
            }
            assert!(watch.fails() && !watch.fails(), "said once");
        }
    }

    #[test]
    fn an_output_that_has_nothing_to_send_waits() {
        let mut watch = Watch::new(link(0, 1));
        let mut counters = OutputCounters::default();
        let mut look = |packets, failed| {
            counters.packets += packets;
            *counters.withheld.entry(WithheldReason::SendFailed).or_default() += failed;
            let health = watch.health(&counters, link(0, 2));
            watch.is_due(link(0, 2), health)
        };
        assert!(!look(0, 9), "failed before the change, for all that is known");
        assert!(!look(0, 0));
        assert!(look(0, 5), "the first that cannot leave shows the harm");
        assert!(!look(5, 0) && !look(0, 5), "it was well after the change");
    }
}
