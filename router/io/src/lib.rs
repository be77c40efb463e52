//! What a process of the matrix asks of the kernel: clocks, batched UDP, thread placement.
//!
//! This crate holds the workspace's only unsafe code, in one module per need: `sys` (clocks
//! and scheduling), `udp::sys` (batched datagrams) and `tap::sys` (packet sockets). Everything
//! above them is safe.

pub mod clock;
pub mod process;
mod sys;
pub mod tap;
pub mod thread;
pub mod udp;

pub use clock::{Clock, SystemClock};
pub use udp::{
    Datagram, Link, Links, MAX_SEGMENTS, Membership, RxBatch, RxOptions, RxSocket, SocketError,
    TxOptions, TxSocket, speed_mbps,
};
