//! SMPTE ST 2110 wire formats and timing, without I/O.
//!
//! Everything takes bytes and numbers and gives bytes and numbers back; nothing here
//! opens a socket, reads a clock or allocates on the packet path.

#![forbid(unsafe_code)]

pub mod format;
