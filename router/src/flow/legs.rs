//! What each leg of an input contributes to the one stream.

use ormatrix_protocol::DropReason;

use super::{
    sender::SenderLock,
    window::{Seen, Window},
};

/// Most legs of an input (ST 2022-7 knows two).
pub const LEGS_MAX: usize = 2;

/// What a leg has counted since the counts were last taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct LegCounts {
    /// Packets that arrived.
    pub packets: u64,
    /// Their octets.
    pub bytes: u64,
    /// Packets missing between others.
    pub lost_packets: u64,
    /// Packets refused, by [`DropReason`].
    pub dropped: [u64; DropReason::ALL.len()],
}

/// One leg.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Who may speak on it.
    pub senders: SenderLock,
    /// What came on it.
    window: Window,
    /// When the stream was last heard on it.
    last_arrival: Option<u64>,
    /// What it has counted.
    pub counts: LegCounts,
    /// How much later than on the other leg its packets arrive, ns.
    pub behind_ns: u64,
}

impl Leg {
    /// A leg that remembers `reach` packets.
    pub fn new(senders: SenderLock, reach: u64) -> Self {
        let (window, counts) = (Window::new(reach), LegCounts::default());
        Self { senders, window, last_arrival: None, counts, behind_ns: 0 }
    }

    /// Whether the stream has been heard on it within `silence_ns`.
    #[inline]
    pub fn is_alive(&self, now: u64, silence_ns: u64) -> bool {
        self.last_arrival.is_some_and(|at| now.saturating_sub(at) <= silence_ns)
    }

    /// Notes a packet of the stream on the only leg: what is missing there is missing.
    #[inline]
    pub fn mark(&mut self, now: u64) {
        self.last_arrival = Some(now);
    }

    /// Notes a packet of the stream.
    #[inline]
    pub fn hear(&mut self, sequence: u64, now: u64, silence_ns: u64) -> Seen {
        if !self.is_alive(now, silence_ns) {
            // What passed meanwhile it has not lost: it was not there.
            self.window.flush();
        }
        self.last_arrival = Some(now);
        self.window.record(sequence)
    }

    /// For so long nobody looked whether it was heard.
    pub fn excuse(&mut self, ns: u64) {
        self.last_arrival = self.last_arrival.map(|at| at + ns);
    }

    /// The highest number that came on it.
    pub fn highest(&self) -> Option<u64> {
        self.window.highest()
    }

    /// The stream has ended.
    pub fn reset(&mut self) {
        self.window.flush();
        self.last_arrival = None;
        self.behind_ns = 0;
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self) -> LegCounts {
        self.counts.lost_packets += self.window.take_lost();
        std::mem::take(&mut self.counts)
    }
}
