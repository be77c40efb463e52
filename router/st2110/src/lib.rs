//! SMPTE ST 2110 wire formats and timing, without I/O.
//!
//! Everything takes bytes and numbers and gives bytes and numbers back; nothing here
//! opens a socket, reads a clock or allocates on the packet path.
//!
//! - [`mod@format`]: what a stream looks like;
//! - [`rtp`]: the fixed header and its sequence;
//! - [`rfc4175`]: the payload: headers, the packets of a frame, placing them into a
//!   buffer, samples;
//! - [`leg`], [`sdp`]: where a stream is found, and its session description;
//! - [`timing`]: media clock, frame numbers, ST 2110-21 schedules and limits.

#![forbid(unsafe_code)]

pub mod format;
#[doc(hidden)]
pub mod fuzz;
pub mod leg;
pub mod rfc4175;
pub mod rtp;
pub mod sdp;
pub mod timing;
