//! Packets collected for one gathered send.

use std::io::{self, IoSlice};

use ormatrix_io::MAX_SEGMENTS;

use crate::packet_io::{Batch, PacketIo};

/// Octets one gathered send may hold.
const OCTETS_MAX: usize = 65_000;

#[derive(Clone, Copy, Default)]
struct Piece {
    datagram: u16,
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
    pub fn push(&mut self, datagram: usize, start: usize, length: usize) {
        if self.count == 0 {
            self.segment = length;
        }
        self.ended = length < self.segment;
        self.octets += length;
        self.pieces[self.count] =
            Piece { datagram: datagram as u16, start: start as u32, end: (start + length) as u32 };
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

    /// Sends what was collected and empties the burst.
    ///
    /// # Errors
    /// What the backend said, or `WriteZero` when it took only a part.
    #[inline]
    pub fn send<I: PacketIo>(
        &mut self,
        io: &mut I,
        tx: &mut I::Tx,
        batch: &I::Batch,
    ) -> io::Result<()> {
        let mut gather = [IoSlice::new(&[]); MAX_SEGMENTS];
        let mut slices = 0;
        let mut run: Option<Piece> = None;
        let mut add = |piece: Piece| {
            let octets = &batch.octets(usize::from(piece.datagram));
            gather[slices] = IoSlice::new(&octets[piece.start as usize..piece.end as usize]);
            slices += 1;
        };
        for piece in &self.pieces[..self.count] {
            run = match run {
                // Packets that arrived as one run leave as one slice.
                Some(run) if run.datagram == piece.datagram && run.end == piece.start => {
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
        let sent = io.send(tx, &gather[..slices], self.segment);
        let count = self.count;
        (self.count, self.octets, self.ended) = (0, 0, false);
        match sent {
            Ok(sent) if sent == count => Ok(()),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) => Err(error),
        }
    }
}
