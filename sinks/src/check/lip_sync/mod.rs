//! Lip-sync: whether sound and picture that belong together also stay together.
//!
//! Measured for every frame, in two ways. On the *media time line*: how far the tone lies
//! from where the sound's timestamps put it, less how far the strip's time lies from where
//! the video's timestamps put it. And by *arrival*: when the sound of the frame's moment came,
//! against the frame. A switch may change neither, however often it is done.
//!
//! A tone repeats itself every 100 ms: offsets are told within 50 ms either way, to the
//! sample. Frames wait until their sound has been heard, at most a second.

mod judge;
mod offsets;
mod report;

#[cfg(test)]
mod tests;

pub use judge::LipSync;
pub use report::{LipSyncReport, Offset, OtherSource, SourceOffset};
