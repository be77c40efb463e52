//! Sending in gathered bursts.

use std::{
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd,
};

use socket2::{Domain, Protocol, Socket, Type};
use st2110::leg::Leg;

use super::{
    SocketError, TxOptions,
    rx::{interface, same_version},
    sys,
};
use crate::calls;

/// Most packets that one gathered send may hold (the kernel's own limit).
pub const MAX_SEGMENTS: usize = 64;

/// Most octets that one gathered send may hold, headers of IP and UDP left aside.
const MAX_OCTETS: usize = 65_000;

/// A socket that sends to one leg.
#[derive(Debug)]
pub struct TxSocket {
    socket: Socket,
    /// Cleared for good when the kernel or its device refuses segmentation.
    segmentation: bool,
}

impl TxSocket {
    /// Opens and connects. `leg.source` is the local address to send from,
    /// `leg.interface` the device.
    pub fn open(leg: &Leg, options: &TxOptions) -> Result<Self, SocketError> {
        let kernel = |what| SocketError::from_io(what, leg.address, leg.port);
        let interface = interface(leg)?;
        same_version(leg)?;
        let domain = if leg.address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))
            .map_err(kernel("open a socket"))?;
        socket.set_send_buffer_size(options.send_buffer).map_err(kernel("size the send buffer"))?;
        let (ttl, dscp) = (u32::from(options.ttl), u32::from(options.dscp) << 2);
        if leg.address.is_ipv4() {
            socket.set_ttl_v4(ttl).map_err(kernel("set the TTL"))?;
            socket.set_multicast_ttl_v4(ttl).map_err(kernel("set the multicast TTL"))?;
            socket.set_tos_v4(dscp).map_err(kernel("set the DSCP"))?;
        } else {
            socket.set_unicast_hops_v6(ttl).map_err(kernel("set the hop limit"))?;
            socket.set_multicast_hops_v6(ttl).map_err(kernel("set the multicast hop limit"))?;
            socket.set_tclass_v6(dscp).map_err(kernel("set the DSCP"))?;
        }
        // ST 2110-10 §6.3 forbids IP fragments; a packet too long for the path is an error.
        let (level, name, value) = if leg.address.is_ipv4() {
            (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO)
        } else {
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO)
        };
        calls::set_option(socket.as_raw_fd(), level, name, value)
            .map_err(kernel("forbid fragments"))?;
        if let Some((name, index)) = &interface {
            socket.bind_device(Some(name.as_bytes())).map_err(kernel("bind to the interface"))?;
            if leg.address.is_ipv6() {
                socket.set_multicast_if_v6(*index).map_err(kernel("choose the interface"))?;
            }
        }
        if let Some(source) = leg.source {
            let local = SocketAddr::new(source, 0);
            socket.bind(&local.into()).map_err(SocketError::from_io(
                "send from",
                source,
                leg.port,
            ))?;
            if let (IpAddr::V4(source), true) = (source, leg.address.is_multicast()) {
                socket.set_multicast_if_v4(&source).map_err(kernel("choose the interface"))?;
            }
        }
        let mut address = leg.socket_address();
        if let (SocketAddr::V6(v6), Some((_, index))) = (&mut address, &interface) {
            v6.set_scope_id(*index);
        }
        socket.connect(&address.into()).map_err(kernel("connect"))?;
        Ok(Self { socket, segmentation: true })
    }

    /// Sends a burst of packets that lie one after another in `gather`; each is `segment`
    /// octets long, the last may be shorter. Returns how many packets left.
    ///
    /// Never waits. A receiver's refusal (ICMP port unreachable) is not an error: nobody
    /// listening is the network's ordinary state.
    ///
    /// # Errors
    /// `InvalidInput` for more than [`MAX_SEGMENTS`] packets or 65 000 octets, or a packet
    /// that begins in one slice and ends in another while segmentation is off in a way that
    /// cannot be split; otherwise what the kernel said, with nothing more sent.
    pub fn send(&mut self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
        let octets: usize = gather.iter().map(|slice| slice.len()).sum();
        let packets = octets.div_ceil(segment.max(1));
        if segment == 0 || packets > MAX_SEGMENTS || octets > MAX_OCTETS || gather.len() > 1024 {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        if packets <= 1 || !self.segmentation {
            return self.send_each(gather, segment);
        }
        match self.send_once(gather, Some(segment as u16)) {
            Ok(()) => Ok(packets),
            // A path that cannot segment says so only now (no checksum offload, an old
            // driver, an MTU too small); from here on packets go one by one.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EIO | libc::EINVAL | libc::EOPNOTSUPP)
                ) =>
            {
                self.segmentation = false;
                self.send_each(gather, segment)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether bursts still go out in one piece.
    pub fn segmentation(&self) -> bool {
        self.segmentation
    }

    /// Sends packet by packet, as a path without segmentation needs it.
    #[must_use]
    pub fn without_segmentation(mut self) -> Self {
        self.segmentation = false;
        self
    }

    /// The local address, from which receivers see the stream come.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))
    }

    fn send_once(&self, gather: &[IoSlice<'_>], segment: Option<u16>) -> io::Result<()> {
        let fd = self.socket.as_raw_fd();
        match sys::send(fd, gather, segment) {
            // The error belongs to an earlier packet; reading it cleared it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                match sys::send(fd, gather, segment) {
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
                    other => other.map(drop),
                }
            }
            other => other.map(drop),
        }
    }

    fn send_each(&self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
        let mut sent = 0;
        let mut packet = [IoSlice::new(&[]); 8];
        let (mut pieces, mut filled) = (0, 0);
        for slice in gather {
            let mut rest: &[u8] = slice;
            while !rest.is_empty() {
                let (piece, next) = rest.split_at(rest.len().min(segment - filled));
                let place = packet
                    .get_mut(pieces)
                    .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
                *place = IoSlice::new(piece);
                pieces += 1;
                filled += piece.len();
                rest = next;
                if filled == segment {
                    self.send_once(&packet[..pieces], None)?;
                    sent += 1;
                    (pieces, filled) = (0, 0);
                }
            }
        }
        if pieces > 0 {
            self.send_once(&packet[..pieces], None)?;
            sent += 1;
        }
        Ok(sent)
    }
}
