//! Counters that a lane writes and anyone reads.
//!
//! One lane writes each set, once a batch; readers see values that may lag by a batch and
//! never go back.

use std::{
    io,
    sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed},
};

use ormatrix_protocol::{DropReason, InputCounters, OutputCounters, WithheldReason};

use crate::flow::Counts;

/// Adds without a locked instruction: only one lane writes.
#[inline]
fn add(cell: &AtomicU64, value: u64) {
    if value > 0 {
        cell.store(cell.load(Relaxed) + value, Relaxed);
    }
}

/// An input's counters.
#[derive(Debug, Default)]
pub struct InputCells {
    packets: AtomicU64,
    bytes: AtomicU64,
    frames: AtomicU64,
    whole_frames: AtomicU64,
    cut_frames: AtomicU64,
    lost_packets: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl InputCells {
    /// Adds what a flow has counted.
    pub fn publish(&self, counts: &Counts) {
        add(&self.packets, counts.packets);
        add(&self.bytes, counts.bytes);
        add(&self.frames, counts.frames);
        add(&self.whole_frames, counts.whole_frames);
        add(&self.cut_frames, counts.cut_frames);
        add(&self.lost_packets, counts.lost_packets);
        for (cell, count) in self.dropped.iter().zip(counts.dropped) {
            add(cell, count);
        }
    }

    /// The counters now.
    pub fn read(&self) -> InputCounters {
        let named = DropReason::ALL.iter().zip(&self.dropped);
        InputCounters {
            packets: self.packets.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            frames: self.frames.load(Relaxed),
            whole_frames: self.whole_frames.load(Relaxed),
            cut_frames: self.cut_frames.load(Relaxed),
            lost_packets: self.lost_packets.load(Relaxed),
            dropped: named.map(|(r, c)| (*r, c.load(Relaxed))).filter(|(_, c)| *c > 0).collect(),
        }
    }
}

/// What an output has counted since it last published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// Packets sent.
    pub packets: u64,
    /// Their octets.
    pub bytes: u64,
    /// Whole frames sent.
    pub whole_frames: u64,
    /// Takes completed.
    pub takes: u64,
    /// Packets not sent, by [`WithheldReason`].
    pub withheld: [u64; WithheldReason::ALL.len()],
}

/// An output's counters.
#[derive(Debug, Default)]
pub struct OutputCells {
    packets: AtomicU64,
    bytes: AtomicU64,
    whole_frames: AtomicU64,
    takes: AtomicU64,
    withheld: [AtomicU64; WithheldReason::ALL.len()],
    /// The system's number of the last error in sending, 0 for none.
    send_error: AtomicI32,
}

impl OutputCells {
    /// Notes why the kernel refused to send.
    #[cold]
    pub fn refused(&self, error: &io::Error) {
        self.send_error.store(error.raw_os_error().unwrap_or(libc::EIO), Relaxed);
    }

    /// Adds what a token has counted.
    pub fn publish(&self, sent: &Sent) {
        add(&self.packets, sent.packets);
        add(&self.bytes, sent.bytes);
        add(&self.whole_frames, sent.whole_frames);
        add(&self.takes, sent.takes);
        for (cell, count) in self.withheld.iter().zip(sent.withheld) {
            add(cell, count);
        }
    }

    /// The counters now.
    pub fn read(&self) -> OutputCounters {
        let named = WithheldReason::ALL.iter().zip(&self.withheld);
        OutputCounters {
            packets: self.packets.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            whole_frames: self.whole_frames.load(Relaxed),
            takes: self.takes.load(Relaxed),
            withheld: named.map(|(r, c)| (*r, c.load(Relaxed))).filter(|(_, c)| *c > 0).collect(),
            send_error: match self.send_error.load(Relaxed) {
                0 => None,
                number => Some(io::Error::from_raw_os_error(number).to_string()),
            },
        }
    }
}
