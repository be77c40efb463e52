//! Opens what inputs receive from and outputs send to.

use std::{collections::BTreeMap, net::Ipv4Addr};

use ormatrix_io::{
    Link, Links, Membership, RxOptions, RxSocket, SocketError, TxOptions, TxSocket, speed_mbps,
};
use ormatrix_protocol::{Leg, OutputSpec, Refusal};

use crate::{
    packet_io::{
        PacketIo,
        chaos::{ChaosIo, ChaosRx, Switch},
        kernel::KernelIo,
    },
    slate::{self, Card, Playing, SlateError},
};

/// How an output sends, apart from where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marking {
    /// IP time to live or hop limit.
    pub ttl: u8,
    /// Differentiated services code point.
    pub dscp: u8,
}

impl From<&OutputSpec> for Marking {
    fn from(spec: &OutputSpec) -> Self {
        Self { ttl: spec.ttl, dscp: spec.dscp }
    }
}

/// Opens receivers and senders of a backend.
pub trait Opener<I: PacketIo> {
    /// A receiver's membership of its group, which ends when this is dropped.
    type Membership;

    /// A receiver on a leg.
    fn receiver(&mut self, leg: &Leg) -> Result<I::Rx, Refusal>;

    /// Bits a second that an interface can carry; `None` where nobody knows.
    fn capacity(&mut self, interface: &str) -> Option<u64>;

    /// What interfaces can carry from now on, megabits a second, where the system does not say.
    /// A backend whose links are no interfaces has no use for it.
    fn limit(&mut self, link_mbps: BTreeMap<String, u64>) {
        let _ = link_mbps;
    }

    /// A sender to a leg.
    fn sender(&mut self, leg: &Leg, marking: Marking) -> Result<I::Tx, Refusal>;

    /// The membership of a receiver of a group.
    fn membership(&self, rx: &I::Rx) -> Option<Self::Membership>;

    /// How the interface of a leg stands now; without one named, how all of them do.
    fn link(&mut self, leg: &Leg) -> Link;

    /// Begins to send a slate, and gives what a lane receives it from. A backend without a way
    /// from itself to itself has none.
    fn play(&mut self, card: &Card) -> Result<(I::Rx, Playing), SlateError> {
        let _ = card;
        Err(SlateError::NoLoopback)
    }
}

/// Opens sockets of the host.
#[derive(Debug)]
pub struct KernelOpener {
    /// How to receive.
    pub rx: RxOptions,
    /// Octets of kernel buffer for each output.
    pub send_buffer: usize,
    /// What happens to the host's interfaces.
    pub links: Links,
    /// What interfaces can carry where the system does not say, megabits a second.
    pub link_mbps: BTreeMap<String, u64>,
}

fn refusal(error: SocketError) -> Refusal {
    match error {
        SocketError::InUse { address, port } => Refusal::PortInUse { address, port },
        SocketError::NotOurs { address } => Refusal::NotOurAddress { address },
        SocketError::UnknownInterface { interface } => Refusal::UnknownInterface { interface },
        error @ SocketError::MixedVersions { .. } => {
            Refusal::Invalid { field: "legs.source".into(), reason: error.to_string() }
        }
        SocketError::Kernel { what, address, port, error } => {
            Refusal::Socket { address, port, reason: format!("{what}: {error}") }
        }
    }
}

impl Opener<KernelIo> for KernelOpener {
    type Membership = Membership;

    fn receiver(&mut self, leg: &Leg) -> Result<RxSocket, Refusal> {
        RxSocket::open(leg, &self.rx).map_err(refusal)
    }

    fn sender(&mut self, leg: &Leg, marking: Marking) -> Result<TxSocket, Refusal> {
        let Marking { ttl, dscp } = marking;
        TxSocket::open(leg, &TxOptions { ttl, dscp, send_buffer: self.send_buffer })
            .map_err(refusal)
    }

    fn membership(&self, rx: &RxSocket) -> Option<Membership> {
        rx.membership()
    }

    fn link(&mut self, leg: &Leg) -> Link {
        self.links.link(leg.interface.as_deref())
    }

    fn capacity(&mut self, interface: &str) -> Option<u64> {
        let stated = self.link_mbps.get(interface).copied();
        stated.or_else(|| speed_mbps(interface)).map(|megabits| megabits * 1_000_000)
    }

    fn limit(&mut self, link_mbps: BTreeMap<String, u64>) {
        self.link_mbps = link_mbps;
    }

    fn play(&mut self, card: &Card) -> Result<(RxSocket, Playing), SlateError> {
        let mut leg = Leg::new(Ipv4Addr::LOCALHOST.into(), 0);
        let rx = RxSocket::open(&leg, &self.rx).map_err(refusal)?;
        let kernel = |error| {
            let (what, address, port) = ("find the port of", leg.address, leg.port);
            refusal(SocketError::Kernel { what, address, port, error })
        };
        leg.port = rx.local_addr().map_err(kernel)?.port();
        let options = TxOptions { ttl: 1, dscp: 0, send_buffer: self.send_buffer };
        let tx = TxSocket::open(&leg, &options).map_err(refusal)?;
        Ok((rx, slate::start(card.clone(), tx)?))
    }
}

/// Opens the inner backend's receivers with a switch that nobody turns.
impl<I: PacketIo, O: Opener<I>> Opener<ChaosIo<I>> for ChaosOpener<O> {
    type Membership = O::Membership;

    fn receiver(&mut self, leg: &Leg) -> Result<ChaosRx<I::Rx>, Refusal> {
        Ok(ChaosRx::new(self.0.receiver(leg)?, Switch::default()))
    }

    fn sender(&mut self, leg: &Leg, marking: Marking) -> Result<I::Tx, Refusal> {
        self.0.sender(leg, marking)
    }

    fn membership(&self, rx: &ChaosRx<I::Rx>) -> Option<O::Membership> {
        self.0.membership(rx.inner())
    }

    fn link(&mut self, leg: &Leg) -> Link {
        self.0.link(leg)
    }

    fn capacity(&mut self, interface: &str) -> Option<u64> {
        self.0.capacity(interface)
    }

    fn limit(&mut self, link_mbps: BTreeMap<String, u64>) {
        self.0.limit(link_mbps);
    }

    fn play(&mut self, card: &Card) -> Result<(ChaosRx<I::Rx>, Playing), SlateError> {
        let (rx, playing) = self.0.play(card)?;
        Ok((ChaosRx::new(rx, Switch::default()), playing))
    }
}

/// Opens for a backend made unreliable.
#[derive(Clone, Copy, Debug)]
pub struct ChaosOpener<O>(pub O);
