//! What a process of the matrix asks of the kernel: clocks, batched UDP, thread placement.
//!
//! This crate holds the workspace's only unsafe code, in one module per need: `sys` (clocks
//! and scheduling), `messages` (receiving in batches), `calls` (what every socket needs),
//! `udp::sys` (datagrams) and `tap::sys` (packet sockets). Everything above them is safe.

mod calls;
pub mod clock;
mod messages;
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
