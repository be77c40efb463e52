//! Sinks: what watches, judges and records the streams that leave the matrix.
//!
//! - [`stream`]: what to receive: SDP from a file or URL, a format by name, or an output
//!   registered with the matrix;
//! - [`receive`]: packets to frames, without I/O but for one socket loop;
//! - [`picture`]: frames as GStreamer buffers, and as PNG and JPEG;
//! - [`analyse`]: the streams of a capture file, judged by the standards;
//! - [`check`]: the judge: whole, partial, mixed, doubled or missing frames; clicks, stale
//!   data, lip-sync;
//! - [`display`]: a window or a screen that never shows an old picture as live;
//! - [`grab`]: whole frames as PNG files;
//! - [`stills`]: small JPEG pictures of every input for the panel;
//! - [`watch`]: live analysis of streams, and pictures that are frozen or black.
//!
//! Every sink is an ordinary ST 2110 device: it uses the public API only, and a crash here
//! cannot touch a route.

#![forbid(unsafe_code)]

pub mod analyse;
pub mod check;
pub mod display;
pub mod grab;
pub mod picture;
pub mod receive;
pub mod stills;
pub mod stream;
pub mod time_text;
pub mod watch;
