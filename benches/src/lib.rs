//! Benches of the packet path and of the wire formats; see `benches/`.
//!
//! Machines differ and are shared: compare within one run, as ratios. What does not depend on
//! the machine's mood is counted: [`instructions`] of the packet path ([`path`]), packet for
//! packet, which tests hold below a ceiling.

#![forbid(unsafe_code)]

pub mod instructions;
pub mod memory;
pub mod path;
