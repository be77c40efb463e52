//! The data plane: moves RTP packets from inputs to outputs and switches between whole
//! frames.
//!
//! - [`packet_io`]: where packets come from and go to: the kernel, or a simulated network;
//! - [`flow`]: one input's stream: senders, sequence, frames, format, faults by name;
//! - [`gate`]: which packets of its input an output passes on, under which number;
//! - [`lane`]: a thread that receives inputs and sends the outputs whose tokens it holds;
//! - [`counters`]: what lanes count and others read;
//! - [`conductor`]: inventory, routes, snapshot: everything that is not a packet;
//! - [`slate`]: pictures that say that an input's signal is lost;
//! - [`control`]: the socket through which the control plane speaks to the conductor;
//! - [`engine`]: all of it put together on this host.

#![forbid(unsafe_code)]

pub mod conductor;
pub mod control;
pub mod counters;
pub mod engine;
pub mod flow;
pub mod gate;
pub mod lane;
pub mod packet_io;
pub mod settings;
pub mod slate;
pub mod tuning;
