//! Benches of the packet path, of the wire formats and of the API; see `benches/`.
//!
//! Machines differ and are shared: compare within one run, as ratios. What does not depend on
//! the machine's mood is counted: [`instructions`] of the packet path ([`path`]), packet for
//! packet, which tests hold below a ceiling. Takes over HTTP ([`api`]) are measured in real time.

#![forbid(unsafe_code)]

pub mod api;
pub mod instructions;
pub mod memory;
pub mod path;
