//! `ormatrix-sink check`: receives the streams of a session and judges them.
//!
//! It copies no picture: only packet headers and eighteen lines a frame, those of the
//! identification strip, are looked at. [`audio`] and [`ancillary`] judge the levels beside
//! it, [`lip_sync`] whether sound and picture stay together, [`session`] all of them at once.

pub mod ancillary;
pub mod audio;
mod frame;
mod intake;
pub mod judge;
mod latency;
pub mod lip_sync;
mod media_time;
pub mod report;
pub mod run;
pub mod session;
mod sources;
mod strips;

#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;

pub use intake::PacketCounts;
pub use judge::{Arrival, Judge};
pub use latency::Latency;
pub use report::{Report, Tolerated};
pub use run::{CheckError, CheckOptions, run};
pub use session::{Place, SessionJudge};
