//! Packet sockets: what neither std nor socket2 offers.
//!
//! Layouts are libc's; every pointer handed to the kernel points into memory owned by the
//! caller's borrow for the whole call.

use std::{
    ffi::{CStr, CString},
    io,
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::RawFd,
};

use libc::{c_int, cmsghdr, iovec, mmsghdr, sockaddr_ll};

/// Octets of `virtio_net_hdr`, before each frame where it is asked for.
pub const VNET_HEADER: usize = 10;

/// Of packet(7) and linux/if_packet.h; not in every libc crate.
const PACKET_STATISTICS: c_int = 6;
const PACKET_AUXDATA: c_int = 8;
const PACKET_VNET_HDR: c_int = 15;
const PACKET_IGNORE_OUTGOING: c_int = 23;
const TP_STATUS_VLAN_VALID: u32 = 1 << 4;

/// Room for a time (32 octets) and what PACKET_AUXDATA tells (40).
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
    names: Vec<sockaddr_ll>,
    slabs: Box<[u8]>,
    octets_each: usize,
}

// SAFETY: the raw pointers point only into heap memory that the same value owns, so moving
// it to another thread moves all of it.
unsafe impl Send for Headers {}

/// What the kernel says about a frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub time_ns: u64,
    pub vlan_tag: Option<u16>,
    /// `ARPHRD_…` of the interface.
    pub hardware: u16,
    pub cut: bool,
}

impl Headers {
    pub fn new(messages: usize, octets_each: usize) -> Self {
        let mut slabs = vec![0_u8; messages * octets_each].into_boxed_slice();
        // SAFETY: all-zero is a valid value of these plain C structures.
        let (zero_name, zero_message) =
            unsafe { (mem::zeroed::<sockaddr_ll>(), mem::zeroed::<mmsghdr>()) };
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

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Receives without waiting; 0 when nothing waits.
    pub fn receive(&mut self, fd: RawFd) -> io::Result<usize> {
        // The kernel overwrites these lengths.
        for message in &mut self.messages {
            message.msg_hdr.msg_namelen = size_of::<sockaddr_ll>() as u32;
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

    /// What the last receive put into a slab.
    pub fn octets(&self, index: usize) -> &[u8] {
        let octets = (self.messages[index].msg_len as usize).min(self.octets_each);
        &self.slabs[index * self.octets_each..][..octets]
    }

    /// What the kernel said about message `index` of the last receive.
    pub fn told(&self, index: usize) -> Told {
        let header = &self.messages[index].msg_hdr;
        let mut told = Told {
            hardware: self.names[index].sll_hatype,
            cut: header.msg_flags & libc::MSG_TRUNC != 0,
            ..Told::default()
        };
        let filled = header.msg_controllen.min(CONTROL_LEN);
        for (level, kind, data) in (ControlMessages { octets: &self.controls[index].0[..filled] }) {
            match (level, kind) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let long = |at: usize| {
                        let octets = data.get(at..)?.first_chunk::<8>()?;
                        u64::try_from(i64::from_ne_bytes(*octets)).ok()
                    };
                    if let (Some(seconds), Some(nanoseconds)) = (long(0), long(8)) {
                        told.time_ns = seconds * 1_000_000_000 + nanoseconds;
                    }
                }
                // `tpacket_auxdata`: status first, the tag at 16.
                (libc::SOL_PACKET, PACKET_AUXDATA) => {
                    let status = data.first_chunk().map_or(0, |octets| u32::from_ne_bytes(*octets));
                    let tag = data.get(16..).and_then(|rest| rest.first_chunk::<2>());
                    told.vlan_tag = tag
                        .filter(|_| status & TP_STATUS_VLAN_VALID != 0)
                        .map(|octets| u16::from_ne_bytes(*octets));
                }
                _ => {}
            }
        }
        told
    }
}

/// Walks control messages without pointers.
struct ControlMessages<'a> {
    octets: &'a [u8],
}

impl<'a> Iterator for ControlMessages<'a> {
    type Item = (c_int, c_int, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const HEADER: usize = size_of::<cmsghdr>();
        let octets = self.octets;
        let length = usize::from_ne_bytes(*octets.first_chunk::<8>()?);
        let level = i32::from_ne_bytes(*octets.get(8..)?.first_chunk()?);
        let kind = i32::from_ne_bytes(*octets.get(12..)?.first_chunk()?);
        let data = octets.get(HEADER..length)?;
        self.octets = octets.get(length.next_multiple_of(8)..).unwrap_or(&[]);
        Some((level, kind, data))
    }
}

/// Sets an integer option.
fn set(fd: RawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the value is a valid int for the length given; socket2 does not know these.
    let result = unsafe {
        libc::setsockopt(fd, level, name, (&raw const value).cast(), size_of::<c_int>() as u32)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Asks for a buffer, past `rmem_max` where the process may.
pub fn size_buffer(fd: RawFd, octets: usize) -> io::Result<()> {
    let octets = i32::try_from(octets).unwrap_or(i32::MAX);
    set(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, octets)
        .or_else(|_| set(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, octets))
}

/// Asks for the time of each frame.
pub fn ask_times(fd: RawFd) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Asks for the VLAN tags that the kernel takes out.
pub fn ask_tags(fd: RawFd) -> io::Result<()> {
    set(fd, libc::SOL_PACKET, PACKET_AUXDATA, 1)
}

/// Asks for, or does without, a header that tells of segments.
pub fn ask_segments(fd: RawFd, ask: bool) -> io::Result<()> {
    set(fd, libc::SOL_PACKET, PACKET_VNET_HDR, c_int::from(ask))
}

/// Has the kernel keep what this host sends away, before any filter.
pub fn ignore_outgoing(fd: RawFd, ignore: bool) -> io::Result<()> {
    set(fd, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, c_int::from(ignore))
}

/// Begins to hear frames of any protocol on an interface, or on all (0).
pub fn bind(fd: RawFd, interface: u32) -> io::Result<()> {
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut address: sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = interface.cast_signed();
    let length = size_of::<sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address is valid for its length; neither std nor socket2 knows the family.
    let result = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Frames lost for want of buffer since this was last asked.
pub fn drops(fd: RawFd) -> io::Result<u64> {
    // `tpacket_stats`: packets, drops.
    let mut stats = [0_u32; 2];
    let mut length = size_of_val(&stats) as libc::socklen_t;
    // SAFETY: the array is valid for the length given, and the kernel fills no more.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_PACKET,
            PACKET_STATISTICS,
            stats.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(u64::from(stats[1])) } else { Err(io::Error::last_os_error()) }
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

/// The index of an interface by name, 0 when there is none.
pub fn interface_index(name: &str) -> u32 {
    CString::new(name).map_or(0, |name| {
        // SAFETY: the name is a valid C string for the call.
        unsafe { libc::if_nametoindex(name.as_ptr()) }
    })
}

/// Gives the name of an interface, whether it is the loopback, and an address of it: each
/// address once.
pub fn each_address(mut each: impl FnMut(&str, bool, IpAddr)) -> io::Result<()> {
    let mut list = MaybeUninit::<*mut libc::ifaddrs>::uninit();
    // SAFETY: the kernel's list is written to `list` when the call succeeds.
    if unsafe { libc::getifaddrs(list.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded.
    let list = unsafe { list.assume_init() };
    let mut next = list;
    // SAFETY: the list is the C library's and lives until it is freed below; a pointer in it
    // is null or points to a value of the type its family says.
    unsafe {
        while let Some(entry) = next.as_ref() {
            next = entry.ifa_next;
            let Some(address) = entry.ifa_addr.as_ref() else { continue };
            let address = match c_int::from(address.sa_family) {
                libc::AF_INET => {
                    let v4 = entry.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned();
                    IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)))
                }
                libc::AF_INET6 => {
                    let v6 = entry.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned();
                    IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr))
                }
                _ => continue,
            };
            let loopback = entry.ifa_flags & libc::IFF_LOOPBACK as u32 != 0;
            if let Ok(name) = CStr::from_ptr(entry.ifa_name).to_str() {
                each(name, loopback, address);
            }
        }
        libc::freeifaddrs(list);
    }
    Ok(())
}
