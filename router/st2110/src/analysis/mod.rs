//! Measuring streams as ST 2110-21, -20, -30, -40 and ST 2022-7 ask for, without I/O.
//!
//! Every analyser takes [`Arrival`]s: the payload of a UDP datagram and the TAI nanosecond
//! at which it was received. Where they come from, a capture file or a live tap, is the
//! caller's matter. A report can be asked for at any time and as often as one likes.
//!
//! - [`NetworkModel`], [`VirtualReceiver`]: the two models of ST 2110-21, in exact integers;
//! - [`VideoAnalyser`], [`AudioAnalyser`], [`AncillaryAnalyser`]: one stream each;
//! - [`LegPair`]: two streams that should be one (ST 2022-7);
//! - [`NetworkWatch`]: what lies below RTP (ST 2110-10);
//! - [`Recogniser`]: what a stream is, judged by its packets alone.
//!
//! Cost: a video packet takes a few hundred nanoseconds and no allocation once the stream
//! is known. Memory is bounded whatever the packets say. This is for taps and files, not
//! for the packet path.

mod ancillary;
mod audio;
mod counts;
mod follow;
#[doc(hidden)]
pub mod fuzz;
mod legs;
mod network;
mod network_model;
mod payload;
mod receiver;
mod recognise;
mod series;
mod spread;
mod units;
mod verdict;
mod video;
mod video_report;

pub use ancillary::{AncillaryAnalyser, AncillaryReport, AncillarySettings};
pub use audio::{AudioAnalyser, AudioReport, AudioSettings};
pub use counts::{Counts, IntervalCounts};
pub use follow::{Follower, FollowerReport, Place};
pub use legs::{LegPair, LegPairReport, PathClass};
pub use network::{Dscp, NetworkFacts, NetworkReport, NetworkWatch};
pub use network_model::{NetworkModel, drain_period_ns};
pub use payload::{PayloadReport, PayloadWatch};
pub use receiver::{Reading, VirtualReceiver};
pub use recognise::{RecognisedAncillary, RecognisedVideo, Recogniser, Recognition, StreamKind};
pub use series::{Series, SeriesPoint};
pub use spread::Spread;
pub use verdict::{Outcome, Verdict};
pub use video::{VideoAnalyser, VideoSettings};
pub use video_report::{SenderVerdict, VideoReport};

/// A datagram as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When, in TAI nanoseconds since the SMPTE epoch.
    pub time_ns: u64,
    /// The payload of the UDP datagram, as far as it was kept.
    pub packet: &'a [u8],
    /// Octets the payload had on the wire; more than `packet` holds when a capture was cut.
    pub wire_octets: usize,
}

impl<'a> Arrival<'a> {
    /// A datagram kept whole.
    pub const fn whole(time_ns: u64, packet: &'a [u8]) -> Self {
        Self { time_ns, packet, wire_octets: packet.len() }
    }

    /// Whether octets are missing that were on the wire.
    pub const fn is_cut(&self) -> bool {
        self.packet.len() < self.wire_octets
    }
}

/// Writes what has a name as that name.
fn as_text<S: serde::Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
