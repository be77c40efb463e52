//! Any backend, made unreliable on its receiving side, by a seed.
//!
//! For drills: what the network does at its worst, on the real process or in the
//! simulated network, and always the same for the same seed.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::{
    Batch, PacketIo,
    sim::{Parcel, ParcelBatch},
};

/// How unreliable, in packets of a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Lost.
    pub drop_permille: u16,
    /// Arriving twice.
    pub duplicate_permille: u16,
    /// Arriving late.
    pub reorder_permille: u16,
    /// By how many packets a late one is late, at most.
    pub reorder_distance: u16,
    /// Where the dice start.
    pub seed: u64,
}

/// Cuts a receiver off and back on, from outside.
#[derive(Clone, Debug, Default)]
pub struct Switch(Arc<AtomicBool>);

impl Switch {
    /// Cuts the receiver off, or lets it hear again.
    pub fn set_cut(&self, cut: bool) {
        self.0.store(cut, Relaxed);
    }
}

/// A receiver with faults.
pub struct ChaosRx<R> {
    inner: R,
    switch: Switch,
    /// Late packets, each with how many others overtake it still.
    late: VecDeque<(u16, Parcel)>,
}

impl<R> ChaosRx<R> {
    /// A receiver that can be cut off.
    pub fn new(inner: R, switch: Switch) -> Self {
        Self { inner, switch, late: VecDeque::new() }
    }

    /// The receiver without faults.
    pub fn inner(&self) -> &R {
        &self.inner
    }
}

/// A backend whose receivers suffer.
pub struct ChaosIo<I: PacketIo> {
    inner: I,
    batch: I::Batch,
    faults: Faults,
    dice: fastrand::Rng,
}

impl<I: PacketIo> ChaosIo<I> {
    /// The inner backend with faults.
    pub fn new(inner: I, faults: Faults) -> Self {
        let batch = inner.batch();
        Self { inner, batch, faults, dice: fastrand::Rng::with_seed(faults.seed) }
    }

    fn happens(&mut self, permille: u16) -> bool {
        self.dice.u16(0..1000) < permille
    }

    fn suffer(
        &mut self,
        parcel: Parcel,
        late: &mut VecDeque<(u16, Parcel)>,
        out: &mut Vec<Parcel>,
    ) {
        let faults = self.faults;
        if !self.happens(faults.drop_permille) {
            if self.happens(faults.duplicate_permille) {
                out.push(parcel.clone());
            }
            if faults.reorder_distance > 0 && self.happens(faults.reorder_permille) {
                late.push_back((self.dice.u16(1..=faults.reorder_distance), parcel));
                return;
            }
            out.push(parcel);
        }
        for _ in 0..late.len() {
            if let Some((others, parcel)) = late.pop_front() {
                if others == 0 { out.push(parcel) } else { late.push_back((others - 1, parcel)) }
            }
        }
    }
}

impl<I: PacketIo> PacketIo for ChaosIo<I> {
    type Rx = ChaosRx<I::Rx>;
    type Tx = I::Tx;
    type Batch = ParcelBatch;

    fn batch(&self) -> ParcelBatch {
        ParcelBatch::default()
    }

    fn attach(&mut self, rx: &Self::Rx, key: u16) -> io::Result<()> {
        self.inner.attach(&rx.inner, key)
    }

    fn detach(&mut self, rx: &Self::Rx, key: u16) {
        self.inner.detach(&rx.inner, key);
    }

    fn ready(&mut self, keys: &mut Vec<u16>, timeout_ms: u32) -> io::Result<()> {
        self.inner.ready(keys, timeout_ms)
    }

    fn receive(&mut self, rx: &mut Self::Rx, batch: &mut ParcelBatch) -> io::Result<usize> {
        batch.0.clear();
        // A batch in which everything was lost is not the end of what waits.
        while batch.0.is_empty() && self.inner.receive(&mut rx.inner, &mut self.batch)? > 0 {
            if rx.switch.0.load(Relaxed) {
                continue;
            }
            for index in 0..self.batch.len() {
                let datagram = self.batch.datagram(index);
                let (from, truncated, fragmented) =
                    (datagram.from, datagram.truncated, datagram.fragmented);
                let packets: Vec<_> = datagram
                    .octets
                    .chunks(datagram.segment.max(1))
                    .map(|octets| Parcel {
                        octets: octets.to_vec(),
                        segment: octets.len(),
                        from,
                        truncated,
                        fragmented,
                    })
                    .collect();
                for parcel in packets {
                    self.suffer(parcel, &mut rx.late, &mut batch.0);
                }
            }
        }
        Ok(batch.0.len())
    }

    fn send(
        &mut self,
        tx: &mut I::Tx,
        gather: &[IoSlice<'_>],
        segment: usize,
    ) -> io::Result<usize> {
        self.inner.send(tx, gather, segment)
    }
}
