//! A tap: a copy of what passes a network interface, for looking at streams without being in
//! their way.
//!
//! A tap is a packet socket (packet(7)). The kernel hands it a reference to a packet's
//! octets, counted against the tap's own buffer, and goes on; the octets are copied when the
//! tap is read, by the process that reads. A tap that is too slow loses packets of its copy
//! only, and says so ([`Tap::dropped`]). No thread of the packet path waits for it, takes a
//! lock for it or runs another instruction of its program. A filter in the kernel keeps away
//! what nobody asked for.
//!
//! - Super-packets (UDP GRO, `UDP_SEGMENT`) come as they pass the interface, with the length
//!   of their packets ([`Segments`]).
//! - On `lo` every packet passes twice, out and in: a tap sees one [`Direction`] only.
//! - Multicast that this host sends on an interface other than `lo` comes back to it unseen
//!   (the kernel shows it on the way out only): look at it as outgoing.
//! - Checksums are not looked at: offload leaves them to the network card.
//!
//! Needs the capability `CAP_NET_RAW`.

mod batch;
mod error;
mod filter;
mod interfaces;
mod segments;
mod sys;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, os::fd::AsRawFd, time::Duration};

pub use batch::{Link, Segments, TapBatch, TapFrame};
pub use error::TapError;
pub use interfaces::{Interface, interfaces};
pub use segments::rtp_segment;
use socket2::{Domain, Socket, Type};

use crate::calls;

/// Which way packets pass the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// To this host.
    Incoming,
    /// From this host.
    Outgoing,
}

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct TapOptions {
    /// Octets of kernel buffer to ask for. Without `CAP_NET_ADMIN` the kernel caps it at
    /// `net.core.rmem_max`.
    pub receive_buffer: usize,
    /// Whether to ask the kernel how long the packets of a super-packet are. Kernels before
    /// 6.2 cannot tell, which is noticed; [`rtp_segment`] finds out then.
    pub ask_segments: bool,
}

impl Default for TapOptions {
    /// 64 MiB: a sixth of a second of 1080p60 at the kernel's own reckoning.
    fn default() -> Self {
        Self { receive_buffer: 64 << 20, ask_segments: true }
    }
}

/// A look at UDP packets to some addresses, on one interface or all.
#[derive(Debug)]
pub struct Tap {
    socket: Socket,
    direction: Direction,
    ask_segments: bool,
    /// What a failed read took with it.
    unread: u64,
}

impl Tap {
    /// Looks on the interface of an index, on all with 0, at packets to `flows`.
    ///
    /// # Errors
    /// [`TapError::NotPermitted`] without `CAP_NET_RAW`.
    pub fn open(
        interface: u32,
        direction: Direction,
        flows: &[SocketAddr],
        options: &TapOptions,
    ) -> Result<Self, TapError> {
        // With protocol 0 nothing arrives before it is bound, that is, before the filter is on.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None)
            .map_err(TapError::of("open a packet socket"))?;
        let fd = socket.as_raw_fd();
        sys::size_buffer(fd, options.receive_buffer).map_err(TapError::of("size the buffer"))?;
        sys::ask_times(fd).map_err(TapError::of("ask for times of arrival"))?;
        sys::ask_tags(fd).map_err(TapError::of("ask for VLAN tags"))?;
        // Else the kernel would copy the head of every packet sent, only to have it refused.
        // Kernels before 4.20 have no such option; the filter refuses all the same.
        let _ = sys::ignore_outgoing(fd, direction == Direction::Incoming);
        let ask_segments = options.ask_segments && sys::ask_segments(fd, true).is_ok();
        let tap = Self { socket, direction, ask_segments, unread: 0 };
        tap.set_flows(flows)?;
        sys::bind(fd, interface).map_err(TapError::of("bind to the interface"))?;
        Ok(tap)
    }

    /// Looks at packets to other addresses from now on; at none when there are none. What was
    /// seen before and has not been received stays to be received.
    pub fn set_flows(&self, flows: &[SocketAddr]) -> Result<(), TapError> {
        let program = filter::program(self.direction, flows)
            .ok_or(TapError::TooManyFlows { flows: flows.len() })?;
        self.socket.attach_filter(&program).map_err(TapError::of("set the filter"))
    }

    /// Fills the batch with what waits, without waiting; returns how many frames.
    pub fn receive(&mut self, batch: &mut TapBatch) -> io::Result<usize> {
        loop {
            match batch.fill(self.socket.as_raw_fd(), self.ask_segments) {
                // A kernel that has no word for super-packets of UDP.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) && self.ask_segments => {
                    self.unread += 1;
                    self.ask_segments = false;
                    sys::ask_segments(self.socket.as_raw_fd(), false)?;
                }
                // The interface went down; it may come back.
                Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => return Ok(0),
                other => return other,
            }
        }
    }

    /// Waits until something can be received; false when `timeout` ran out.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        calls::wait_readable(self.socket.as_raw_fd(), ms)
    }

    /// Packets and super-packets that passed the filter and were lost for want of buffer,
    /// since this was last asked.
    pub fn dropped(&mut self) -> io::Result<u64> {
        let unread = std::mem::take(&mut self.unread);
        Ok(sys::drops(self.socket.as_raw_fd())? + unread)
    }

    /// Octets of buffer that the kernel granted.
    pub fn receive_buffer(&self) -> io::Result<usize> {
        self.socket.recv_buffer_size()
    }
}
