//! UDP in batches: one system call moves many packets.
//!
//! Receiving uses `recvmmsg` with `UDP_GRO`: the kernel hands over runs of equal packets
//! of one sender as one datagram. Sending uses one `sendmsg` with `UDP_SEGMENT`: the kernel
//! cuts a gathered run into packets. Both cost a fraction of a call per packet.

mod error;
mod links;
mod membership;
mod options;
mod readiness;
mod rx;
mod sys;
mod tx;

pub use error::SocketError;
pub use links::{Link, Links, speed_mbps};
pub use membership::Membership;
pub use options::{RxOptions, TxOptions};
pub use readiness::Readiness;
pub use rx::{Datagram, RxBatch, RxSocket};
pub use tx::{MAX_SEGMENTS, TxSocket};

#[cfg(test)]
mod tests;
