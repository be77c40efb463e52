//! Sockets of the host's kernel, watched by epoll.

use std::{
    io::{self, IoSlice},
    os::fd::AsRawFd,
};

use ormatrix_io::{Datagram, RxBatch, RxSocket, TxSocket, udp::Readiness};

use super::{Batch, PacketIo};

/// Datagrams a receive may bring. Each may be a run of up to 64 KiB; single packets touch
/// only the first page of each slab.
const MESSAGES: usize = 32;
const SLAB: usize = 65_536;

/// The default backend.
#[derive(Debug)]
pub struct KernelIo {
    readiness: Readiness,
}

impl KernelIo {
    /// A backend watching nothing yet.
    ///
    /// # Errors
    /// When the kernel has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self { readiness: Readiness::new()? })
    }
}

impl PacketIo for KernelIo {
    type Rx = RxSocket;
    type Tx = TxSocket;
    type Batch = RxBatch;

    fn batch(&self) -> RxBatch {
        RxBatch::new(MESSAGES, SLAB)
    }

    fn attach(&mut self, rx: &RxSocket, key: u16) -> io::Result<()> {
        self.readiness.watch(rx.as_raw_fd(), key)
    }

    fn detach(&mut self, rx: &RxSocket, _key: u16) {
        // A socket that is not watched is what was asked for.
        let _ = self.readiness.forget(rx.as_raw_fd());
    }

    fn ready(&mut self, keys: &mut Vec<u16>, timeout_ms: u32) -> io::Result<()> {
        self.readiness.wait(keys, timeout_ms)
    }

    fn receive(&mut self, rx: &mut RxSocket, batch: &mut RxBatch) -> io::Result<usize> {
        rx.receive(batch)
    }

    fn send(
        &mut self,
        tx: &mut TxSocket,
        gather: &[IoSlice<'_>],
        segment: usize,
    ) -> io::Result<usize> {
        tx.send(gather, segment)
    }
}

impl Batch for RxBatch {
    fn len(&self) -> usize {
        self.len()
    }

    fn datagram(&mut self, index: usize) -> Datagram<'_> {
        self.datagram(index)
    }

    fn octets(&self, index: usize) -> &[u8] {
        self.octets(index)
    }

    fn octets_mut(&mut self, index: usize) -> &mut [u8] {
        self.octets_mut(index)
    }
}
