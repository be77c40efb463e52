//! The data plane: moves RTP packets from inputs to outputs and switches between whole
//! frames.
//!
//! - [`packet_io`]: where packets come from and go to: the kernel, or a simulated network;
//! - [`flow`]: one input's stream: senders, sequence, frames, format, faults by name;
//! - [`gate`]: which packets of its input an output passes on, under which number;
//! - [`lane`]: a thread that receives inputs and sends the outputs whose tokens it holds;
//! - [`counters`]: what lanes count and others read.

#![forbid(unsafe_code)]

pub mod counters;
pub mod flow;
pub mod gate;
pub mod lane;
pub mod packet_io;
