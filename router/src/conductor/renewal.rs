//! Opening anew what a change of its network interface may have left dead.
//!
//! The kernel tells no socket that its interface was taken away and made again (it holds on
//! to the old one for ever) or that a group was forgotten while it was down. So the conductor
//! looks once a second, off the lanes. Only what the change has harmed is touched: a stream
//! that arrives proves its membership, and goes on undisturbed.

use ormatrix_io::{Clock, Link};
use ormatrix_protocol::{InputId, Leg, Level, Levelled, OutputId, Refusal, SentLegCounters};

use super::{
    Conductor,
    inventory::Custody,
    monitors::MONITOR_MARKING,
    opener::{Marking, Opener},
};
use crate::packet_io::PacketIo;

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
    fn health(&mut self, leg: &SentLegCounters, link: Link) -> Health {
        let before = std::mem::replace(&mut self.counted, (leg.packets, leg.failed_packets));
        if link != self.link {
            // What failed until an interface was up again may well leave now.
            Health::Unknown
        } else if leg.failed_packets > before.1 {
            Health::Ill
        } else if leg.packets > before.0 {
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
        let mut due: Vec<(InputId, Level, usize, Leg)> = Vec::new();
        for (id, input) in &mut self.inputs {
            for (level, stream) in &mut input.streams {
                let counters = stream.cells.read();
                let specs = input.spec.legs_of(*level).unwrap_or_default();
                for (index, (reception, leg)) in stream.legs.iter_mut().zip(specs).enumerate() {
                    let Some(reception) = reception else { continue };
                    let alive = counters.legs.get(index).is_some_and(|leg| leg.alive);
                    let health = if alive { Health::Well } else { Health::Ill };
                    if reception.watch.is_due(receiving_link(&mut self.opener, leg), health) {
                        // All leave before any joins: a group may have several of them in it.
                        reception.membership = None;
                        due.push((id.clone(), *level, index, leg.clone()));
                    }
                }
            }
        }
        for (id, level, index, leg) in due {
            let opened = self.open_receiver(&leg);
            let interface = interface(&leg);
            match opened {
                Ok(receiver) => {
                    self.give_leg(&id, level, index, receiver);
                    tracing::info!(input = %id, %level, leg = index, interface, "received anew after a change of its network interface");
                }
                Err(refusal) => {
                    let input = self.inputs.get_mut(&id);
                    let stream = input.and_then(|input| input.streams.get_mut(&level));
                    let reception = stream.and_then(|stream| stream.legs.get_mut(index)?.as_mut());
                    if reception.is_some_and(|reception| reception.watch.fails()) {
                        tracing::warn!(input = %id, %level, leg = index, interface, "cannot receive, will be tried every second: {refusal}");
                    }
                }
            }
        }
    }

    /// Only the leg that was harmed gets another sender; the others go on undisturbed.
    fn renew_outputs(&mut self) {
        let mut due: Vec<(OutputId, Level, usize, Leg, Marking)> = Vec::new();
        for (id, output) in &mut self.outputs {
            let marking = Marking::from(&output.spec);
            for (level, port) in &mut output.ports {
                let counters = port.cells.read();
                let specs = output.spec.legs_of(*level).unwrap_or_default();
                let legs = port.legs.iter_mut().zip(specs).zip(&counters.legs).enumerate();
                for (index, ((watch, leg), counters)) in legs {
                    let Some(watch) = watch else { continue };
                    let link = self.opener.link(leg);
                    let health = watch.health(counters, link);
                    if watch.is_due(link, health) && matches!(port.custody, Custody::Lanes) {
                        due.push((id.clone(), *level, index, leg.clone(), marking));
                    }
                }
            }
        }
        for (id, level, index, leg, marking) in due {
            let opened = self.open_sender(&leg, marking);
            let watch = self.port(&id, level).and_then(|port| port.legs.get_mut(index)?.as_mut());
            let Some(watch) = watch else { continue };
            let interface = interface(&leg);
            match opened {
                Ok(mut sender) => {
                    sender.watch.counted = watch.counted;
                    self.give_sender(&id, level, index, sender);
                    tracing::info!(output = %id, %level, leg = index, interface, "sent anew after a change of its network interface");
                }
                Err(refusal) if watch.fails() => {
                    tracing::warn!(output = %id, %level, leg = index, interface, "cannot send, will be tried every second: {refusal}");
                }
                Err(_) => {}
            }
        }
    }

    fn renew_monitors(&mut self) {
        let mut due: Vec<(InputId, Leg, (u64, u64))> = Vec::new();
        for (id, monitor) in &mut self.monitors {
            let leg = &monitor.spec.leg;
            let link = self.opener.link(leg);
            let counters = monitor.cells.read();
            let Some(counters) = counters.legs.first() else { continue };
            let health = monitor.watch.health(counters, link);
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
        let mut counters = SentLegCounters::default();
        let mut look = |packets, failed| {
            counters.packets += packets;
            counters.failed_packets += failed;
            let health = watch.health(&counters, link(0, 2));
            watch.is_due(link(0, 2), health)
        };
        assert!(!look(0, 9), "failed before the change, for all that is known");
        assert!(!look(0, 0));
        assert!(look(0, 5), "the first that cannot leave shows the harm");
        assert!(!look(5, 0) && !look(0, 5), "it was well after the change");
    }
}
