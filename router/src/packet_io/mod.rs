//! Where packets come from and go to.
//!
//! A lane is plain code over (time, batch); what a batch is made of is a backend's matter:
//! [`kernel`] sockets, the deterministic network of [`sim`], or either of them made
//! unreliable by [`chaos`].

pub mod chaos;
pub mod kernel;
pub mod sim;

use std::io::{self, IoSlice};

use ormatrix_io::Datagram;

/// Datagrams that one receive brought, in slabs that the next receive uses again.
pub trait Batch: Send {
    /// How many.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A datagram, with what the network says about it. `index` is below [`Batch::len`].
    fn datagram(&mut self, index: usize) -> Datagram<'_>;

    /// Its octets alone, for gathering packets of several datagrams.
    fn octets(&self, index: usize) -> &[u8];

    /// Its octets alone, for rewriting headers in place.
    fn octets_mut(&mut self, index: usize) -> &mut [u8];
}

/// A backend that receives and sends in batches and never waits.
pub trait PacketIo: Send {
    /// What an input receives from.
    type Rx: Send;
    /// What an output sends to.
    type Tx: Send;
    /// What a receive fills.
    type Batch: Batch;

    /// A batch for this backend.
    fn batch(&self) -> Self::Batch;

    /// Begins to watch an input; `key` comes back from [`PacketIo::ready`].
    fn attach(&mut self, rx: &Self::Rx, key: u16) -> io::Result<()>;

    /// Ends watching an input.
    fn detach(&mut self, rx: &Self::Rx, key: u16);

    /// Appends the keys of inputs where packets wait, waiting for the first at most
    /// `timeout_ms`.
    fn ready(&mut self, keys: &mut Vec<u16>, timeout_ms: u32) -> io::Result<()>;

    /// Fills the batch with what waits; returns how many datagrams.
    fn receive(&mut self, rx: &mut Self::Rx, batch: &mut Self::Batch) -> io::Result<usize>;

    /// Sends packets that lie one after another in `gather`, each `segment` octets long
    /// but the last, which may be shorter. Returns how many left.
    fn send(
        &mut self,
        tx: &mut Self::Tx,
        gather: &[IoSlice<'_>],
        segment: usize,
    ) -> io::Result<usize>;
}
