//! Datagrams: `sendmsg` with control messages, joins, epoll, what neither std nor socket2
//! offers.
//!
//! Layouts are libc's; every pointer handed to the kernel points into memory owned by the
//! caller's borrow for the whole call.

use std::{
    io::{self, IoSlice},
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{FromRawFd, OwnedFd, RawFd},
};

use libc::{c_int, c_void, iovec, msghdr, sockaddr_storage};

use crate::messages::{self, Name, Told};

/// Not in libc: the size of the largest IP fragment a datagram was put together from.
pub const IP_RECVFRAGSIZE: c_int = 25;
/// The same for IPv6.
pub const IPV6_RECVFRAGSIZE: c_int = 77;

// SAFETY: a plain C structure.
unsafe impl Name for sockaddr_storage {}

/// Message headers for a batch of datagrams.
pub type Messages = messages::Messages<sockaddr_storage>;

/// What the kernel says about a datagram.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub from: SocketAddr,
    /// Octets of each packet in it.
    pub segment: usize,
    pub fragmented: bool,
    pub overflow: Option<u32>,
}

impl About {
    /// Reads it.
    pub fn of(told: &Told<'_, sockaddr_storage>) -> Self {
        let (from, octets) = (socket_address(told.name()), told.octets());
        let mut about = Self { from, segment: octets, fragmented: false, overflow: None };
        for (level, kind, data) in told.beside() {
            match (level, kind) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    about.segment = usize::try_from(int(data)).unwrap_or(0).clamp(1, octets.max(1));
                }
                (libc::IPPROTO_IP, IP_RECVFRAGSIZE) | (libc::IPPROTO_IPV6, IPV6_RECVFRAGSIZE) => {
                    about.fragmented = true;
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    about.overflow = Some(int(data).cast_unsigned());
                }
                _ => {}
            }
        }
        about
    }
}

/// The number that a control message holds; GRO's may have two octets only.
fn int(data: &[u8]) -> i32 {
    match (data.first_chunk::<4>(), data.first_chunk::<2>()) {
        (Some(octets), _) => i32::from_ne_bytes(*octets),
        (None, Some(octets)) => i32::from(u16::from_ne_bytes(*octets)),
        (None, None) => 0,
    }
}

fn socket_address(name: &sockaddr_storage) -> SocketAddr {
    match c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage holds a sockaddr_in, which is smaller.
            let v4 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage holds a sockaddr_in6, which is smaller.
            let v6 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            SocketAddr::new(IpAddr::V6(ip), u16::from_be(v6.sin6_port))
        }
        _ => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    }
}

/// Sends gathered slices on a connected socket, cut into `segment` octets when given.
pub fn send(fd: RawFd, gather: &[IoSlice<'_>], segment: Option<u16>) -> io::Result<usize> {
    // Room for one control message of two octets.
    let mut control = MaybeUninit::<[u64; 3]>::zeroed();
    // SAFETY: all-zero is a valid msghdr.
    let mut message: msghdr = unsafe { mem::zeroed() };
    // `IoSlice` is guaranteed to have the layout of `iovec`; sendmsg does not write to it.
    message.msg_iov = gather.as_ptr().cast_mut().cast::<iovec>();
    message.msg_iovlen = gather.len();
    if let Some(segment) = segment {
        message.msg_control = control.as_mut_ptr().cast::<c_void>();
        // SAFETY: the buffer holds CMSG_SPACE(2) = 24 octets, aligned for a cmsghdr, so the
        // first header exists and its data has room for a u16.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as u32) as usize;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_UDP;
            (*header).cmsg_type = libc::UDP_SEGMENT;
            (*header).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as usize;
            libc::CMSG_DATA(header).cast::<u16>().write_unaligned(segment);
        }
    }
    // SAFETY: the message points to slices and control that outlive the call.
    let sent = unsafe { libc::sendmsg(fd, &raw const message, libc::MSG_DONTWAIT) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Joins one sender's stream to a group of either IP version (RFC 3678).
pub fn join_source(fd: RawFd, group: IpAddr, source: IpAddr, interface: u32) -> io::Result<()> {
    let request = libc::group_source_req {
        gsr_interface: interface,
        gsr_group: storage(group),
        gsr_source: storage(source),
    };
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    // SAFETY: the request is valid for its size.
    let result = unsafe {
        libc::setsockopt(
            fd,
            level,
            libc::MCAST_JOIN_SOURCE_GROUP,
            (&raw const request).cast(),
            size_of::<libc::group_source_req>() as u32,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn storage(ip: IpAddr) -> sockaddr_storage {
    let address = socket2::SockAddr::from(SocketAddr::new(ip, 0));
    // SAFETY: socket2 keeps a whole, initialised sockaddr_storage behind its pointer.
    unsafe { *address.as_ptr().cast::<sockaddr_storage>() }
}

/// Has a netlink socket hear the news of some groups.
pub fn bind_netlink(fd: RawFd, groups: u32) -> io::Result<()> {
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut address: libc::sockaddr_nl = unsafe { mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = groups;
    let length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: the address is valid for its length; neither std nor socket2 knows the family.
    let result = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A new epoll descriptor.
pub fn epoll_create() -> io::Result<OwnedFd> {
    // SAFETY: the call touches no memory.
    let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Watches a descriptor for reading, level-triggered.
pub fn epoll_watch(epoll: RawFd, fd: RawFd, key: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: key };
    // SAFETY: the event is valid for the call.
    let result = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Stops watching a descriptor.
pub fn epoll_forget(epoll: RawFd, fd: RawFd) -> io::Result<()> {
    // SAFETY: removing needs no event.
    let result = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits for watched descriptors; returns how many events were filled in.
pub fn epoll_wait(
    epoll: RawFd,
    events: &mut [libc::epoll_event],
    timeout_ms: c_int,
) -> io::Result<usize> {
    // SAFETY: the slice is valid for as many events as it holds.
    let count =
        unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), events.len() as c_int, timeout_ms) };
    usize::try_from(count).or_else(|_| {
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::Interrupted { Ok(0) } else { Err(error) }
    })
}
