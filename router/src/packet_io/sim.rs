//! A network that exists in memory only, under a clock that a test turns.
//!
//! Deterministic: nothing happens but what the test sends and the lanes do when turned.
//! Everything sent is kept, with its time, for the test to judge.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use ormatrix_io::{Clock, Datagram};

use super::{Batch, PacketIo};

/// A clock that moves only when told.
#[derive(Clone, Debug, Default)]
pub struct SimClock(Arc<AtomicU64>);

impl SimClock {
    /// Moves on.
    pub fn advance(&self, ns: u64) {
        self.0.fetch_add(ns, Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn tai(&self) -> u64 {
        self.now()
    }

    fn unix(&self) -> u64 {
        self.now()
    }

    fn sleep_until(&self, at: u64) {
        self.0.fetch_max(at, Relaxed);
    }
}

/// One datagram under way: a packet, or a run of packets of one sender.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its octets.
    pub octets: Vec<u8>,
    /// Octets of each packet in it.
    pub segment: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// The receiver's slab was too short for it.
    pub truncated: bool,
    /// It came as IP fragments.
    pub fragmented: bool,
}

#[derive(Debug, Default)]
struct Wires {
    inbound: Vec<VecDeque<Parcel>>,
    outbound: Vec<Vec<(u64, Vec<u8>)>>,
}

/// The network: inbound ports that tests fill, outbound ports that tests read.
#[derive(Clone, Debug, Default)]
pub struct Network {
    clock: SimClock,
    wires: Arc<Mutex<Wires>>,
}

impl Network {
    /// An empty network under a clock.
    pub fn new(clock: SimClock) -> Self {
        Self { clock, wires: Arc::default() }
    }

    fn wires(&self) -> MutexGuard<'_, Wires> {
        // Queues stay whole whatever panicked elsewhere.
        self.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A port to receive from.
    pub fn inbound(&self) -> SimRx {
        let mut wires = self.wires();
        wires.inbound.push(VecDeque::new());
        SimRx(wires.inbound.len() - 1)
    }

    /// A port to send to.
    pub fn outbound(&self) -> SimTx {
        let mut wires = self.wires();
        wires.outbound.push(Vec::new());
        SimTx(wires.outbound.len() - 1)
    }

    /// Puts a datagram before a receiver.
    pub fn deliver(&self, to: SimRx, parcel: Parcel) {
        self.wires().inbound[to.0].push_back(parcel);
    }

    /// Takes what was sent to a port since the last call: time and packet.
    pub fn take_sent(&self, port: SimTx) -> Vec<(u64, Vec<u8>)> {
        std::mem::take(&mut self.wires().outbound[port.0])
    }
}

/// An inbound port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimRx(usize);

/// An outbound port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimTx(usize);

/// One lane's access to the network.
#[derive(Clone, Debug)]
pub struct SimIo {
    network: Network,
    attached: Vec<(u16, SimRx)>,
    most: usize,
}

impl SimIo {
    /// Access that receives at most `most` datagrams at once.
    pub fn new(network: Network, most: usize) -> Self {
        Self { network, attached: Vec::new(), most }
    }
}

/// Datagrams that were under way.
#[derive(Clone, Debug, Default)]
pub struct ParcelBatch(pub Vec<Parcel>);

impl Batch for ParcelBatch {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn datagram(&mut self, index: usize) -> Datagram<'_> {
        let parcel = &mut self.0[index];
        Datagram {
            octets: &mut parcel.octets,
            segment: parcel.segment,
            from: parcel.from,
            truncated: parcel.truncated,
            fragmented: parcel.fragmented,
        }
    }

    fn octets(&self, index: usize) -> &[u8] {
        &self.0[index].octets
    }

    fn octets_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.0[index].octets
    }
}

impl PacketIo for SimIo {
    type Rx = SimRx;
    type Tx = SimTx;
    type Batch = ParcelBatch;

    fn batch(&self) -> ParcelBatch {
        ParcelBatch::default()
    }

    fn attach(&mut self, rx: &SimRx, key: u16) -> io::Result<()> {
        self.attached.push((key, *rx));
        Ok(())
    }

    fn detach(&mut self, rx: &SimRx, key: u16) {
        self.attached.retain(|attached| *attached != (key, *rx));
    }

    fn ready(&mut self, keys: &mut Vec<u16>, _timeout_ms: u32) -> io::Result<()> {
        let wires = self.network.wires();
        let waiting = self.attached.iter().filter(|(_, rx)| !wires.inbound[rx.0].is_empty());
        keys.extend(waiting.map(|(key, _)| *key));
        Ok(())
    }

    fn receive(&mut self, rx: &mut SimRx, batch: &mut ParcelBatch) -> io::Result<usize> {
        let mut wires = self.network.wires();
        let queue = &mut wires.inbound[rx.0];
        let count = queue.len().min(self.most);
        batch.0.clear();
        batch.0.extend(queue.drain(..count));
        Ok(count)
    }

    fn send(
        &mut self,
        tx: &mut SimTx,
        gather: &[IoSlice<'_>],
        segment: usize,
    ) -> io::Result<usize> {
        let now = self.network.clock.now();
        let octets: Vec<u8> = gather.iter().flat_map(|slice| slice.iter().copied()).collect();
        let packets = octets.chunks(segment).map(|packet| (now, packet.to_vec()));
        let mut wires = self.network.wires();
        let sent = &mut wires.outbound[tx.0];
        let before = sent.len();
        sent.extend(packets);
        Ok(sent.len() - before)
    }
}
