//! Receiving in batches.

use std::{
    cell::Cell,
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsRawFd, RawFd},
    slice,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use st2110::leg::Leg;

use super::{
    Membership, RxOptions, SocketError,
    membership::join,
    sys::{self, About},
};
use crate::calls;

/// A socket that receives one leg of a stream.
///
/// It is bound to the leg's address alone: a unicast address of this host, or a multicast
/// group, joined for the leg's `source` only when one is given (IGMPv3, MLDv2).
#[derive(Debug)]
pub struct RxSocket {
    socket: Socket,
    /// Group and interface.
    joined: Option<(IpAddr, u32)>,
    overflow: Cell<u32>,
}

impl RxSocket {
    /// Opens, binds and, for a group, joins.
    pub fn open(leg: &Leg, options: &RxOptions) -> Result<Self, SocketError> {
        let kernel = |what| SocketError::from_io(what, leg.address, leg.port);
        let interface = interface(leg)?;
        same_version(leg)?;
        let domain = if leg.address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))
            .map_err(kernel("open a socket"))?;
        let fd = socket.as_raw_fd();
        if leg.address.is_ipv6() {
            socket.set_only_v6(true).map_err(kernel("restrict to IPv6"))?;
        }
        if leg.address.is_multicast() {
            // Several programs of a host may watch one group.
            socket.set_reuse_address(true).map_err(kernel("share the group's port"))?;
        }
        // Forced past rmem_max where the process may, else as much as the host allows.
        let wanted = i32::try_from(options.receive_buffer).unwrap_or(i32::MAX);
        if calls::set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, wanted).is_err() {
            socket
                .set_recv_buffer_size(options.receive_buffer)
                .map_err(kernel("size the receive buffer"))?;
        }
        // GRO saves most of the cost but its lack only costs time; the others only inform.
        let _ = calls::set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1);
        let _ = calls::set_option(fd, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1);
        let (level, fragments) = if leg.address.is_ipv4() {
            (libc::IPPROTO_IP, sys::IP_RECVFRAGSIZE)
        } else {
            (libc::IPPROTO_IPV6, sys::IPV6_RECVFRAGSIZE)
        };
        calls::set_option(fd, level, fragments, 1).map_err(kernel("watch for fragments"))?;
        if let Some((name, _)) = &interface {
            // A join names the interface too, but IPv6 delivers by group alone.
            socket.bind_device(Some(name.as_bytes())).map_err(kernel("bind to the interface"))?;
        }
        let mut address = leg.socket_address();
        if let (SocketAddr::V6(v6), Some((_, index))) = (&mut address, &interface) {
            v6.set_scope_id(*index);
        }
        socket.bind(&address.into()).map_err(kernel("bind"))?;
        let mut joined = None;
        if leg.address.is_multicast() {
            let index = interface.map_or(0, |(_, index)| index);
            join(&socket, leg, index).map_err(kernel("join the group"))?;
            joined = Some((leg.address, index));
        }
        Ok(Self { socket, joined, overflow: Cell::new(0) })
    }

    /// The group it is in, to be left before the receiver is closed; `None` for unicast, or
    /// where the system has no descriptor left.
    pub fn membership(&self) -> Option<Membership> {
        let (group, index) = self.joined?;
        Membership::of(&self.socket, group, index)
    }

    /// Fills the batch with what waits, without waiting; returns how many datagrams.
    pub fn receive(&self, batch: &mut RxBatch) -> io::Result<usize> {
        batch.filled = batch.messages.receive(self.socket.as_raw_fd(), batch.touched)?;
        batch.touched = batch.filled.max(1);
        if batch.filled > 0
            && let Some(overflow) = About::of(&batch.messages.told(batch.filled - 1)).overflow
        {
            self.overflow.set(overflow);
        }
        Ok(batch.filled)
    }

    /// Waits until something can be received; false when `timeout` ran out.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        calls::wait_readable(self.socket.as_raw_fd(), ms)
    }

    /// The address bound, with the port the kernel chose if 0 was asked for.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))
    }

    /// Datagrams that the kernel dropped for want of buffer, as last reported.
    pub fn kernel_drops(&self) -> u64 {
        u64::from(self.overflow.get())
    }

    /// Octets of buffer that the kernel granted.
    pub fn receive_buffer(&self) -> io::Result<usize> {
        self.socket.recv_buffer_size()
    }
}

impl AsRawFd for RxSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// The leg's interface by name and index.
pub(super) fn interface(leg: &Leg) -> Result<Option<(String, u32)>, SocketError> {
    let Some(name) = &leg.interface else { return Ok(None) };
    match calls::interface_index(name) {
        0 => Err(SocketError::UnknownInterface { interface: name.clone() }),
        index => Ok(Some((name.clone(), index))),
    }
}

pub(super) fn same_version(leg: &Leg) -> Result<(), SocketError> {
    match leg.source {
        Some(source) if source.is_ipv4() != leg.address.is_ipv4() => {
            Err(SocketError::MixedVersions { address: leg.address, source_address: source })
        }
        _ => Ok(()),
    }
}

/// Slabs that a receive fills, allocated once and used again for every batch.
pub struct RxBatch {
    messages: sys::Messages,
    filled: usize,
    /// Messages whose lengths the kernel has overwritten.
    touched: usize,
}

impl RxBatch {
    /// Room for `messages` datagrams of up to `octets_each`; 65 536 holds any GRO run.
    pub fn new(messages: usize, octets_each: usize) -> Self {
        let slabs = sys::Messages::new(messages, octets_each);
        Self { messages: slabs, filled: 0, touched: messages }
    }

    /// Datagrams of the last receive.
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether the last receive brought nothing.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Datagram `index` of the last receive.
    ///
    /// # Panics
    /// When `index` is not below [`RxBatch::len`].
    pub fn datagram(&mut self, index: usize) -> Datagram<'_> {
        assert!(index < self.filled, "datagram {index} of {}", self.filled);
        let told = self.messages.told(index);
        let (about, truncated) = (About::of(&told), told.is_cut());
        Datagram::new(self.messages.octets_mut(index), about, truncated)
    }

    /// The octets of datagram `index`, for gathering packets of several datagrams.
    ///
    /// # Panics
    /// When `index` is not below [`RxBatch::len`].
    pub fn octets(&self, index: usize) -> &[u8] {
        assert!(index < self.filled, "datagram {index} of {}", self.filled);
        self.messages.octets(index)
    }

    /// The same, to rewrite in place.
    ///
    /// # Panics
    /// When `index` is not below [`RxBatch::len`].
    pub fn octets_mut(&mut self, index: usize) -> &mut [u8] {
        assert!(index < self.filled, "datagram {index} of {}", self.filled);
        self.messages.octets_mut(index)
    }

    /// The datagrams of the last receive, in order.
    pub fn datagrams(&mut self) -> impl Iterator<Item = Datagram<'_>> {
        let each = self.messages.each(self.filled);
        each.map(|(octets, told)| Datagram::new(octets, About::of(&told), told.is_cut()))
    }
}

/// One received datagram: one packet, or a run of packets of one sender.
pub struct Datagram<'a> {
    /// All octets, packet after packet.
    pub octets: &'a mut [u8],
    /// Octets of each packet; the last may be shorter.
    pub segment: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// It was longer than the slab.
    pub truncated: bool,
    /// It arrived as IP fragments.
    pub fragmented: bool,
}

impl<'a> Datagram<'a> {
    fn new(octets: &'a mut [u8], about: About, truncated: bool) -> Self {
        let About { from, segment, fragmented, .. } = about;
        Self { octets, segment, from, truncated, fragmented }
    }

    /// The packets, each its own slice.
    pub fn segments(&mut self) -> slice::ChunksMut<'_, u8> {
        self.octets.chunks_mut(self.segment.max(1))
    }
}
