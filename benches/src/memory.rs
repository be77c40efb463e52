//! A backend that costs next to nothing: packets lie in memory before the lane receives, and
//! what it sends is counted and forgotten.
//!
//! A receive swaps buffers, a send adds up lengths; the lock between feeder and lane is never
//! contended and taken once a call.

use std::{
    hint::black_box,
    io::{self, IoSlice},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ormatrix_io::Datagram;
use ormatrix_router::packet_io::{Batch, PacketIo};

/// Packets of one sender that came as one datagram.
#[derive(Clone, Debug)]
pub struct Run {
    /// Their octets.
    pub octets: Vec<u8>,
    /// Octets of each.
    pub segment: usize,
    /// Who sent them.
    pub from: SocketAddr,
}

#[derive(Debug, Default)]
struct Wires {
    /// What waits for each receiver.
    waiting: Vec<Vec<Run>>,
    keys: Vec<(u16, usize)>,
    sent: u64,
}

/// The backend; clones share what waits and what was sent.
#[derive(Clone, Debug, Default)]
pub struct MemoryIo(Arc<Mutex<Wires>>);

impl MemoryIo {
    fn wires(&self) -> MutexGuard<'_, Wires> {
        // Buffers stay whole whatever panicked elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receiver.
    pub fn receiver(&self) -> usize {
        let mut wires = self.wires();
        wires.waiting.push(Vec::new());
        wires.waiting.len() - 1
    }

    /// Puts datagrams before a receiver; returns buffers that were used, to be filled again.
    pub fn feed(&self, receiver: usize, runs: Vec<Run>) -> Vec<Run> {
        std::mem::replace(&mut self.wires().waiting[receiver], runs)
    }

    /// Packets sent until now.
    pub fn sent(&self) -> u64 {
        self.wires().sent
    }
}

/// Datagrams that were received. Those of the batch before are buffers to be used again.
#[derive(Debug, Default)]
pub struct MemoryBatch {
    runs: Vec<Run>,
}

impl Batch for MemoryBatch {
    fn len(&self) -> usize {
        self.runs.len()
    }

    fn datagram(&mut self, index: usize) -> Datagram<'_> {
        let run = &mut self.runs[index];
        Datagram {
            octets: &mut run.octets,
            segment: run.segment,
            from: run.from,
            truncated: false,
            fragmented: false,
        }
    }

    fn octets(&self, index: usize) -> &[u8] {
        &self.runs[index].octets
    }

    fn octets_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.runs[index].octets
    }
}

/// What a receiver has waiting: the fed buffers come out by the first receive, and the next
/// finds nothing.
impl PacketIo for MemoryIo {
    type Rx = (usize, bool);
    type Tx = ();
    type Batch = MemoryBatch;

    fn batch(&self) -> MemoryBatch {
        MemoryBatch::default()
    }

    fn attach(&mut self, rx: &Self::Rx, key: u16) -> io::Result<()> {
        self.wires().keys.push((key, rx.0));
        Ok(())
    }

    fn detach(&mut self, rx: &Self::Rx, key: u16) {
        self.wires().keys.retain(|attached| *attached != (key, rx.0));
    }

    fn ready(&mut self, keys: &mut Vec<u16>, _timeout_ms: u32) -> io::Result<()> {
        let wires = self.wires();
        let full = wires.keys.iter().filter(|(_, receiver)| !wires.waiting[*receiver].is_empty());
        keys.extend(full.map(|(key, _)| *key));
        Ok(())
    }

    fn receive(&mut self, rx: &mut Self::Rx, batch: &mut MemoryBatch) -> io::Result<usize> {
        // Every other call has nothing: the used buffers are back in their place then.
        rx.1 = !rx.1;
        if !rx.1 {
            return Ok(0);
        }
        std::mem::swap(&mut self.wires().waiting[rx.0], &mut batch.runs);
        Ok(batch.runs.len())
    }

    fn send(&mut self, _tx: &mut (), gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
        let octets: usize = gather.iter().map(|slice| slice.len()).sum();
        black_box(gather);
        let packets = octets.div_ceil(segment.max(1));
        self.wires().sent += packets as u64;
        Ok(packets)
    }
}
