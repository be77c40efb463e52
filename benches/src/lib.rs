//! Benches of the packet path and of the wire formats; see `benches/`.
//!
//! Machines differ and are shared: compare within one run, as ratios.

#![forbid(unsafe_code)]
