//! Judging sound (ST 2110-30): packets, and what is heard in them.
//!
//! Sans-IO, like the judge of video. Samples are put into [`windows`] of a millisecond by
//! their number since the TAI epoch, and looked at 20 ms later, so that packets that overtake
//! each other do no harm. The [`ear`] tells for each which of our test tones it is, whether
//! it is silent, and how far neighbouring samples lie apart.
//!
//! Cost: some nanoseconds a sample while a tone goes on; a quarter of a millisecond for a
//! window that is no tone, which is tried for every window at first and every twentieth once
//! a quarter of a second has passed without one.

mod ear;
mod judge;
mod report;
mod windows;

#[cfg(test)]
mod tests;

pub use ear::{Heard, HeardWindow};
pub use judge::AudioJudge;
pub use report::{AudioReport, SoundSwitch, ToneReport};
