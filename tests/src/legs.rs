//! Two legs of one known stream, sent with a lag between them and losses on each, and the
//! judge of what leaves the router.
//!
//! Both are processes of their own (`ormatrix-test-legs`), because each lives on a host of
//! its own.

pub mod receive;
pub mod send;

use ormatrix_protocol::Leg;
use serde::{Deserialize, Serialize};
use st2110::format::VideoFormat;

use crate::known::{Known, Losses};

/// What both ends must agree on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The picture's format.
    pub format: VideoFormat,
    /// Length of the stream.
    pub frames: u64,
    /// Where the two legs go.
    pub legs: [Leg; 2],
    /// How much later than it is due each leg sends a packet, microseconds.
    pub lag_us: [u64; 2],
    /// What each leg loses.
    pub losses: Losses,
}

impl Job {
    /// The stream.
    pub fn stream(&self) -> Known {
        Known::new(&self.format, self.frames, &self.losses)
    }
}
