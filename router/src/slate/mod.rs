//! Slates: pictures that say that an input's signal is lost.
//!
//! A slate has the lost input's declared format and says in large light letters on dark
//! ground `SIGNAL LOST`, which input, and since when. It is drawn once, cut into packets
//! once, and repeated with new sequence numbers and timestamps by a thread of its own, which
//! sends it over the loopback to an ordinary receiver of a lane: from there on it is an input
//! like any other, with whole frames and an unbroken sequence through every switch.
//!
//! Costs while one is on: its packets twice in memory (a 1080p frame takes 5 MB, a 2160p
//! frame 21 MB), and a send of at most CMAX packets at a time for as long as it is shown.
//! Rasters in which letters would have less than 8 pixels show the dark ground alone.

mod caption;
mod picture;
mod player;
mod stream;

use ormatrix_protocol::Refusal;
use st2110::{format::VideoFormat, rfc4175::PlanError};

pub use self::{
    picture::draw,
    player::{Playing, Stopped, start},
    stream::Stream,
};

/// What a slate says, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The format that it is drawn and sent in.
    pub format: VideoFormat,
    /// Longest UDP datagram, its 8-octet header included.
    pub max_udp: u16,
    /// RTP payload type.
    pub payload_type: u8,
    /// The lost input's id: what it is called where nothing better is known.
    pub id: String,
    /// What people call the input.
    pub label: Option<String>,
    /// Since when it is lost, UTC ns since 1970.
    pub since: u64,
}

/// Why there is no slate.
#[derive(Debug, thiserror::Error)]
pub enum SlateError {
    /// The backend has no way from a sender of ours to a receiver of a lane.
    #[error("packets of our own cannot be received here")]
    NoLoopback,
    /// A socket of the loopback.
    #[error(transparent)]
    Socket(#[from] Refusal),
    /// The thread that sends it.
    #[error("the system gives no thread for it: {0}")]
    Thread(std::io::Error),
    /// The declared format.
    #[error("the format cannot be cut into packets: {0}")]
    Format(#[from] PlanError),
    /// No slot in the lanes.
    #[error("every input slot is in use: try again when inputs that were removed are gone")]
    Full,
}
