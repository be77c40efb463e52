//! Where the octets of packets lie that leave together.

use crate::{flow::Hold, packet_io::Batch};

/// Where one packet lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a datagram of the batch just received.
    Batch(u16),
    /// In a slot of its flow's hold.
    Held(u32),
}

impl Default for Source {
    fn default() -> Self {
        Self::Batch(0)
    }
}

/// The batch just received, and what its flow had held back.
pub struct Octets<'a, B> {
    /// The batch.
    pub batch: &'a mut B,
    /// The hold, if the flow has one.
    pub held: Option<&'a mut Hold>,
}

impl<B: Batch> Octets<'_, B> {
    /// A datagram's or a held packet's octets.
    #[inline]
    pub fn of(&self, source: Source) -> &[u8] {
        match (source, &self.held) {
            (Source::Batch(datagram), _) => self.batch.octets(usize::from(datagram)),
            (Source::Held(slot), Some(hold)) => hold.octets(slot as usize),
            (Source::Held(_), None) => &[],
        }
    }

    /// The same, for rewriting headers in place.
    #[inline]
    pub fn of_mut(&mut self, source: Source) -> &mut [u8] {
        match (source, &mut self.held) {
            (Source::Batch(datagram), _) => self.batch.octets_mut(usize::from(datagram)),
            (Source::Held(slot), Some(hold)) => hold.octets_mut(slot as usize),
            (Source::Held(_), None) => &mut [],
        }
    }
}
