//! `ormatrix-sink check`: receives a stream and judges it.
//!
//! It copies no picture: only packet headers and eighteen lines a frame, those of the
//! identification strip, are looked at.

mod frame;
pub mod judge;
pub mod report;
pub mod run;
mod sources;
mod strips;

#[cfg(test)]
mod tests;

pub use judge::{Arrival, Judge};
pub use report::Report;
pub use run::{CheckError, CheckOptions, run};
