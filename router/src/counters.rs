//! Counters that a lane writes and anyone reads.
//!
//! One lane writes each set, once a batch; readers see values that may lag by a batch and
//! never go back.

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed},
};

use ormatrix_protocol::{
    DropReason, InputCounters, LegCounters, OutputCounters, SentLegCounters, WithheldReason,
};

use crate::flow::{Counts, Flow, LEGS_MAX, LegCounts};

/// Adds without a locked instruction: only one lane writes.
#[inline]
fn add(cell: &AtomicU64, value: u64) {
    if value > 0 {
        cell.store(cell.load(Relaxed) + value, Relaxed);
    }
}

/// The counters of one leg of an input.
#[derive(Debug, Default)]
struct LegCells {
    alive: AtomicBool,
    behind_us: AtomicU32,
    packets: AtomicU64,
    bytes: AtomicU64,
    lost_packets: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl LegCells {
    fn publish(&self, counts: &LegCounts) {
        add(&self.packets, counts.packets);
        add(&self.bytes, counts.bytes);
        add(&self.lost_packets, counts.lost_packets);
        for (cell, count) in self.dropped.iter().zip(counts.dropped) {
            add(cell, count);
        }
    }

    fn read(&self) -> LegCounters {
        let named = DropReason::ALL.iter().zip(&self.dropped);
        LegCounters {
            alive: self.alive.load(Relaxed),
            behind_us: self.behind_us.load(Relaxed),
            packets: self.packets.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            lost_packets: self.lost_packets.load(Relaxed),
            dropped: named.map(|(r, c)| (*r, c.load(Relaxed))).filter(|(_, c)| *c > 0).collect(),
        }
    }
}

/// An input's counters.
#[derive(Debug)]
pub struct InputCells {
    frames: AtomicU64,
    whole_frames: AtomicU64,
    cut_frames: AtomicU64,
    lost_packets: AtomicU64,
    legs: Vec<LegCells>,
}

impl InputCells {
    /// For an input of so many legs.
    pub fn new(legs: usize) -> Self {
        let zero = AtomicU64::default;
        Self {
            frames: zero(),
            whole_frames: zero(),
            cut_frames: zero(),
            lost_packets: zero(),
            legs: (0..legs.min(LEGS_MAX)).map(|_| LegCells::default()).collect(),
        }
    }

    /// Adds what a flow has counted.
    pub fn publish(&self, counts: &Counts) {
        add(&self.frames, counts.frames);
        add(&self.whole_frames, counts.whole_frames);
        add(&self.cut_frames, counts.cut_frames);
        add(&self.lost_packets, counts.lost_packets);
        for (leg, counts) in self.legs.iter().zip(&counts.legs) {
            leg.publish(counts);
        }
    }

    /// Notes how the legs of a flow are.
    pub fn publish_legs(&self, flow: &Flow, now: u64) {
        for (index, leg) in self.legs.iter().enumerate() {
            let (alive, behind_ns) = flow.leg_state(index, now);
            leg.alive.store(alive, Relaxed);
            leg.behind_us.store(u32::try_from(behind_ns / 1000).unwrap_or(u32::MAX), Relaxed);
        }
    }

    /// The counters now.
    pub fn read(&self) -> InputCounters {
        let legs: Vec<LegCounters> = self.legs.iter().map(LegCells::read).collect();
        let mut dropped = std::collections::BTreeMap::new();
        for (reason, count) in legs.iter().flat_map(|leg| &leg.dropped) {
            *dropped.entry(*reason).or_default() += *count;
        }
        InputCounters {
            packets: legs.iter().map(|leg| leg.packets).sum(),
            bytes: legs.iter().map(|leg| leg.bytes).sum(),
            frames: self.frames.load(Relaxed),
            whole_frames: self.whole_frames.load(Relaxed),
            cut_frames: self.cut_frames.load(Relaxed),
            lost_packets: self.lost_packets.load(Relaxed),
            dropped,
            legs,
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
    /// Packets that left on each leg.
    pub legs: [u64; LEGS_MAX],
    /// Packets that could not leave on each leg.
    pub failed: [u64; LEGS_MAX],
    /// Packets not sent, by [`WithheldReason`].
    pub withheld: [u64; WithheldReason::ALL.len()],
}

/// The counters of one leg of an output.
#[derive(Debug, Default)]
struct SentLegCells {
    packets: AtomicU64,
    failed_packets: AtomicU64,
    /// The system's number of the last error in sending, 0 for none.
    send_error: AtomicI32,
}

impl SentLegCells {
    fn read(&self) -> SentLegCounters {
        SentLegCounters {
            packets: self.packets.load(Relaxed),
            failed_packets: self.failed_packets.load(Relaxed),
            send_error: match self.send_error.load(Relaxed) {
                0 => None,
                number => Some(io::Error::from_raw_os_error(number).to_string()),
            },
        }
    }
}

/// An output's counters.
#[derive(Debug)]
pub struct OutputCells {
    packets: AtomicU64,
    bytes: AtomicU64,
    whole_frames: AtomicU64,
    takes: AtomicU64,
    withheld: [AtomicU64; WithheldReason::ALL.len()],
    legs: Vec<SentLegCells>,
}

impl OutputCells {
    /// For an output of so many legs.
    pub fn new(legs: usize) -> Self {
        let zero = AtomicU64::default;
        Self {
            packets: zero(),
            bytes: zero(),
            whole_frames: zero(),
            takes: zero(),
            withheld: Default::default(),
            legs: (0..legs.min(LEGS_MAX)).map(|_| SentLegCells::default()).collect(),
        }
    }

    /// Notes why the kernel refused to send on a leg.
    #[cold]
    pub fn refused(&self, leg: usize, error: &io::Error) {
        self.legs[leg].send_error.store(error.raw_os_error().unwrap_or(libc::EIO), Relaxed);
    }

    /// Adds what a token has counted.
    pub fn publish(&self, sent: &Sent) {
        add(&self.packets, sent.packets);
        add(&self.bytes, sent.bytes);
        add(&self.whole_frames, sent.whole_frames);
        add(&self.takes, sent.takes);
        for (leg, (sent, failed)) in self.legs.iter().zip(sent.legs.iter().zip(sent.failed)) {
            add(&leg.packets, *sent);
            add(&leg.failed_packets, failed);
        }
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
            send_error: self.legs.iter().find_map(|leg| leg.read().send_error),
            legs: self.legs.iter().map(SentLegCells::read).collect(),
        }
    }
}
