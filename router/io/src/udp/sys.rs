//! `recvmmsg` and `sendmsg` with control messages: what neither std nor socket2 offers.
//!
//! The only unsafe code of the packet path. Layouts are libc's; every pointer handed to the
//! kernel points into memory owned by the caller's borrow for the whole call.

use std::{
    io::{self, IoSlice},
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{FromRawFd, OwnedFd, RawFd},
};

use libc::{c_int, c_void, cmsghdr, iovec, mmsghdr, msghdr, sockaddr_storage};

/// Not in libc: the size of the largest IP fragment a datagram was put together from.
pub const IP_RECVFRAGSIZE: c_int = 25;
/// The same for IPv6.
pub const IPV6_RECVFRAGSIZE: c_int = 77;

/// Room for `UDP_GRO`, the fragment size and `SO_RXQ_OVFL`.
const CONTROL_LEN: usize = 96;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

/// Message headers for a batch, wired once to the slabs they fill.
pub struct Headers {
    messages: Vec<mmsghdr>,
    // The messages point into these; none is ever resized after `new`.
    _slices: Vec<iovec>,
    controls: Vec<Control>,
    names: Vec<sockaddr_storage>,
    slabs: Box<[u8]>,
    octets_each: usize,
}

// SAFETY: the raw pointers point only into heap memory that the same value owns, so moving
// it to another thread moves all of it.
unsafe impl Send for Headers {}

/// What one received message says about itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    pub octets: usize,
    pub segment: usize,
    pub truncated: bool,
    pub fragmented: bool,
    pub overflow: Option<u32>,
}

impl Headers {
    pub fn new(messages: usize, octets_each: usize) -> Self {
        let mut slabs = vec![0_u8; messages * octets_each].into_boxed_slice();
        // SAFETY: all-zero is a valid value of these plain C structures.
        let (zero_name, zero_message) =
            unsafe { (mem::zeroed::<sockaddr_storage>(), mem::zeroed::<mmsghdr>()) };
        let mut names = vec![zero_name; messages];
        let mut controls = vec![Control([0; CONTROL_LEN]); messages];
        let mut slices: Vec<iovec> = slabs
            .chunks_exact_mut(octets_each)
            .map(|slab| iovec { iov_base: slab.as_mut_ptr().cast(), iov_len: octets_each })
            .collect();
        let messages = (0..messages)
            .map(|i| {
                let mut message = zero_message;
                message.msg_hdr.msg_name = (&raw mut names[i]).cast();
                message.msg_hdr.msg_iov = &raw mut slices[i];
                message.msg_hdr.msg_iovlen = 1;
                message.msg_hdr.msg_control = (&raw mut controls[i]).cast();
                message
            })
            .collect();
        Self { messages, _slices: slices, controls, names, slabs, octets_each }
    }

    pub fn slab(&mut self, index: usize) -> &mut [u8] {
        let start = index * self.octets_each;
        &mut self.slabs[start..start + self.octets_each]
    }

    /// What the last receive put into a slab.
    pub fn filled(&self, index: usize) -> &[u8] {
        let octets = (self.messages[index].msg_len as usize).min(self.octets_each);
        &self.slabs[index * self.octets_each..][..octets]
    }

    /// Every slab with what the kernel said about its message, for the first `count`.
    pub fn each(
        &mut self,
        count: usize,
    ) -> impl Iterator<Item = (&mut [u8], Received, SocketAddr)> {
        let about = Told {
            messages: &self.messages,
            controls: &self.controls,
            octets_each: self.octets_each,
        };
        let names = &self.names;
        self.slabs
            .chunks_exact_mut(self.octets_each)
            .take(count)
            .enumerate()
            .map(move |(i, slab)| (slab, about.received(i), socket_address(&names[i])))
    }

    /// Receives without waiting; 0 when nothing waits.
    pub fn receive(&mut self, fd: RawFd, touched: usize) -> io::Result<usize> {
        // The kernel overwrote these lengths in the messages it used last time.
        for message in self.messages.iter_mut().take(touched) {
            message.msg_hdr.msg_namelen = size_of::<sockaddr_storage>() as u32;
            message.msg_hdr.msg_controllen = CONTROL_LEN;
            message.msg_hdr.msg_flags = 0;
        }
        // SAFETY: every pointer in the messages points into this value's own vectors, which
        // live at least as long as the call and are mutably borrowed through `self`.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                self.messages.as_mut_ptr(),
                self.messages.len() as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(count).or_else(|_| {
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            }
        })
    }

    /// What the kernel said about message `index` of the last receive.
    pub fn received(&self, index: usize) -> Received {
        Told { messages: &self.messages, controls: &self.controls, octets_each: self.octets_each }
            .received(index)
    }

    /// Who sent message `index`.
    pub fn sender(&self, index: usize) -> SocketAddr {
        socket_address(&self.names[index])
    }
}

/// The kernel's side of a batch.
struct Told<'a> {
    messages: &'a [mmsghdr],
    controls: &'a [Control],
    octets_each: usize,
}

impl Told<'_> {
    /// What the kernel said about message `index` of the last receive.
    fn received(&self, index: usize) -> Received {
        let message = &self.messages[index];
        let octets = (message.msg_len as usize).min(self.octets_each);
        let mut received = Received {
            octets,
            segment: octets,
            truncated: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            ..Received::default()
        };
        let control = &self.controls[index].0;
        let filled = message.msg_hdr.msg_controllen.min(CONTROL_LEN);
        for (level, kind, value) in (ControlMessages { octets: &control[..filled] }) {
            match (level, kind) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    received.segment = usize::try_from(value).unwrap_or(0).clamp(1, octets.max(1));
                }
                (libc::IPPROTO_IP, IP_RECVFRAGSIZE) | (libc::IPPROTO_IPV6, IPV6_RECVFRAGSIZE) => {
                    received.fragmented = true;
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    received.overflow = Some(value.cast_unsigned());
                }
                _ => {}
            }
        }
        received
    }
}

/// Walks control messages of one `int` each, without pointers.
struct ControlMessages<'a> {
    octets: &'a [u8],
}

impl Iterator for ControlMessages<'_> {
    type Item = (c_int, c_int, i32);

    fn next(&mut self) -> Option<Self::Item> {
        const HEADER: usize = size_of::<cmsghdr>();
        let octets = self.octets;
        let length = usize::from_ne_bytes(octets.get(..8)?.try_into().ok()?);
        let level = i32::from_ne_bytes(octets.get(8..12)?.try_into().ok()?);
        let kind = i32::from_ne_bytes(octets.get(12..16)?.try_into().ok()?);
        let value = octets.get(HEADER..HEADER + 4).filter(|_| length >= HEADER + 2)?;
        // GRO's value may be two octets only; the control buffer behind it is zeroed.
        let value = if length >= HEADER + 4 {
            i32::from_ne_bytes(value.try_into().ok()?)
        } else {
            i32::from(u16::from_ne_bytes(value[..2].try_into().ok()?))
        };
        self.octets = octets.get(length.next_multiple_of(8)..).unwrap_or(&[]);
        Some((level, kind, value))
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

/// Sets an integer socket option that socket2 does not know.
pub fn set_option(fd: RawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the value is a valid int for the length given.
    let result = unsafe {
        libc::setsockopt(fd, level, name, (&raw const value).cast(), size_of::<c_int>() as u32)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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

/// The index of an interface by name, 0 when there is none.
pub fn interface_index(name: &str) -> u32 {
    std::ffi::CString::new(name).map_or(0, |name| {
        // SAFETY: the name is a valid C string for the call.
        unsafe { libc::if_nametoindex(name.as_ptr()) }
    })
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

/// Waits until the socket can be read, at most `timeout_ms`.
pub fn wait_readable(fd: RawFd, timeout_ms: c_int) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    let ready = unsafe { libc::poll(&raw mut poll, 1, timeout_ms) };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted { Ok(false) } else { Err(error) }
}
