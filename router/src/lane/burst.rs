//! Packets collected for one gathered send.

use std::io::{self, IoSlice};

use ormatrix_io::MAX_SEGMENTS;

use super::octets::{Octets, Source};
use crate::packet_io::PacketIo;

/// Octets one gathered send may hold.
const OCTETS_MAX: usize = 65_000;

#[derive(Clone, Copy, Default)]
struct Piece {
    source: Source,
    start: u32,
    end: u32,
}

/// Packets of one length, the last of which may be shorter, in sending order.
pub struct Burst {
    pieces: [Piece; MAX_SEGMENTS],
    count: usize,
    most: usize,
    segment: usize,
    octets: usize,
    ended: bool,
}

impl Burst {
    /// An empty burst of at most `most` packets (CMAX).
    pub fn new(most: usize) -> Self {
        Self {
            pieces: [Piece::default(); MAX_SEGMENTS],
            count: 0,
            most: most.clamp(1, MAX_SEGMENTS),
            segment: 0,
            octets: 0,
            ended: false,
        }
    }

    /// Whether a packet of `length` octets may still be added.
    #[inline]
    pub fn has_room(&self, length: usize) -> bool {
        self.count == 0
            || self.count < self.most
                && !self.ended
                && length <= self.segment
                && self.octets + length <= OCTETS_MAX
    }

    /// Adds a packet that [`Burst::has_room`] for.
    #[inline]
    pub fn push(&mut self, source: Source, start: u32, length: usize) {
        if self.count == 0 {
            self.segment = length;
        }
        self.ended = length < self.segment;
        self.octets += length;
        self.pieces[self.count] = Piece { source, start, end: start + length as u32 };
        self.count += 1;
    }

    /// Packets in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Octets in it.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Forgets what was collected.
    #[inline]
    pub fn clear(&mut self) {
        (self.count, self.octets, self.ended) = (0, 0, false);
    }

    /// Sends what was collected.
    ///
    /// # Errors
    /// What the backend said, or `WriteZero` when it took only a part.
    #[inline]
    pub fn send<I: PacketIo>(
        &self,
        io: &mut I,
        tx: &mut I::Tx,
        octets: &Octets<'_, I::Batch>,
    ) -> io::Result<()> {
        let mut gather = [IoSlice::new(&[]); MAX_SEGMENTS];
        let mut slices = 0;
        let mut run: Option<Piece> = None;
        let mut add = |piece: Piece| {
            let octets = octets.of(piece.source);
            gather[slices] = IoSlice::new(&octets[piece.start as usize..piece.end as usize]);
            slices += 1;
        };
        for piece in &self.pieces[..self.count] {
            run = match run {
                // Packets that arrived as one run leave as one slice.
                Some(run) if run.source == piece.source && run.end == piece.start => {
                    Some(Piece { end: piece.end, ..run })
                }
                Some(run) => {
                    add(run);
                    Some(*piece)
                }
                None => Some(*piece),
            };
        }
        if let Some(run) = run {
            add(run);
        }
        match io.send(tx, &gather[..slices], self.segment) {
            Ok(sent) if sent == self.count => Ok(()),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet_io::sim::{Network, Parcel, ParcelBatch, SimClock, SimIo};

    /// Packets of these lengths, each in a datagram of its own.
    fn batch(lengths: &[usize]) -> ParcelBatch {
        let parcel = |length: &usize| Parcel {
            octets: vec![*length as u8; *length],
            segment: *length,
            from: ([127, 0, 0, 1], 1).into(),
            truncated: false,
            fragmented: false,
        };
        ParcelBatch(lengths.iter().map(parcel).collect())
    }

    #[test]
    fn a_burst_holds_no_more_than_cmax_packets_of_one_length() {
        for most in [1, 6, 16, 64, 100] {
            let mut burst = Burst::new(most);
            while burst.has_room(100) {
                burst.push(Source::Batch(0), 0, 100);
            }
            assert_eq!(burst.len(), most.min(MAX_SEGMENTS));
        }
        let mut burst = Burst::new(64);
        burst.push(Source::Batch(0), 0, 100);
        assert!(!burst.has_room(101), "a longer packet begins another burst");
        assert!(burst.has_room(99));
        burst.push(Source::Batch(0), 0, 99);
        assert!(!burst.has_room(99), "a shorter one was the last");
        let mut burst = Burst::new(64);
        while burst.has_room(8000) {
            burst.push(Source::Batch(0), 0, 8000);
        }
        assert!(burst.octets() <= OCTETS_MAX);
    }

    #[test]
    fn what_was_collected_leaves_packet_by_packet_in_order() {
        let network = Network::new(SimClock::default());
        let mut tx = network.outbound();
        let mut io = SimIo::new(network.clone(), 8);
        let lengths = [100, 100, 100, 60];
        let mut batch = batch(&lengths);
        let mut burst = Burst::new(16);
        for (datagram, length) in lengths.iter().enumerate() {
            burst.push(Source::Batch(datagram as u16), 0, *length);
        }
        let octets = Octets { batch: &mut batch, held: None };
        burst.send(&mut io, &mut tx, &octets).unwrap();
        burst.clear();
        assert_eq!(burst.len(), 0);
        let sent: Vec<usize> = network.take_sent(tx).iter().map(|(_, p)| p.len()).collect();
        assert_eq!(sent, lengths);
    }
}
