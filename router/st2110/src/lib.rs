//! SMPTE ST 2110 wire formats and timing, without I/O.
//!
//! Everything takes bytes and numbers and gives bytes and numbers back; nothing here
//! opens a socket, reads a clock or allocates on the packet path.
//!
//! - [`mod@format`]: what a video stream looks like;
//! - [`rtp`]: the fixed header and its sequence;
//! - [`rfc4175`]: the payload of video: headers, the packets of a frame, placing them into a
//!   buffer, samples;
//! - [`audio`]: PCM audio: format, conformance levels, samples;
//! - [`ancillary`]: ancillary data packets and the RTP packets of a frame that carry them;
//! - [`leg`], [`sdp`]: where a stream is found, and its session description;
//! - [`analysis`]: measuring streams against the standards;
//! - [`timing`]: media clock, frame numbers, ST 2110-21 schedules and limits.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod ancillary;
pub mod audio;
pub mod format;
#[doc(hidden)]
pub mod fuzz;
pub mod leg;
pub mod level;
pub mod rfc4175;
pub mod rtp;
pub mod sdp;
pub mod timing;
