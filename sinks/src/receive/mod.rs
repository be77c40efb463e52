//! From packets to frames.
//!
//! [`packet`], [`sequence`], [`frame_time`] and [`assembler`] take octets and time and do no
//! I/O; [`input`] is the one loop that reads sockets.

pub mod assembler;
pub mod frame_time;
pub mod input;
pub mod packet;
pub mod sequence;

pub use assembler::{Assembled, Assembler};
pub use frame_time::FrameTime;
pub use input::{Input, InputError};
pub use packet::{Packet, Refusal};
pub use sequence::{ExtendedSequence, Numbered, SequenceTracker};
