//! The bodies of the fuzz targets for what takes more than the wire formats' own crate: what
//! must hold for any octets at all.
//!
//! `fuzz/` in this package's folder runs them under libFuzzer, `tests/fuzz_bodies.rs` over a
//! bounded corpus of changed valid inputs. A panic in any of them is a finding.

mod merge;
pub mod noise;
mod protocol;
mod settings;

pub use merge::merge;
pub use protocol::protocol;
pub use settings::settings;
