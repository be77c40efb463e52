//! Packet sockets: what neither std nor socket2 offers.
//!
//! Layouts are libc's; every pointer handed to the kernel points into memory owned by the
//! caller's borrow for the whole call.

use std::{
    ffi::CStr,
    io,
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::RawFd,
};

use libc::{c_int, sockaddr_ll};

use crate::{
    calls::set_option,
    messages::{self, Name, Told},
};

/// Octets of `virtio_net_hdr`, before each frame where it is asked for.
pub const VNET_HEADER: usize = 10;

/// Of packet(7) and linux/if_packet.h; not in every libc crate.
const PACKET_STATISTICS: c_int = 6;
const PACKET_AUXDATA: c_int = 8;
const PACKET_VNET_HDR: c_int = 15;
const PACKET_IGNORE_OUTGOING: c_int = 23;
const TP_STATUS_VLAN_VALID: u32 = 1 << 4;

// SAFETY: a plain C structure.
unsafe impl Name for sockaddr_ll {}

/// Message headers for a batch of frames.
pub type Messages = messages::Messages<sockaddr_ll>;

/// What the kernel says about a frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct About {
    pub time_ns: u64,
    pub vlan_tag: Option<u16>,
    /// `ARPHRD_…` of the interface.
    pub hardware: u16,
}

impl About {
    /// Reads it.
    pub fn of(told: &Told<'_, sockaddr_ll>) -> Self {
        let mut about = Self { hardware: told.name().sll_hatype, ..Self::default() };
        for (level, kind, data) in told.beside() {
            match (level, kind) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let long = |at: usize| {
                        let octets = data.get(at..)?.first_chunk::<8>()?;
                        u64::try_from(i64::from_ne_bytes(*octets)).ok()
                    };
                    if let (Some(seconds), Some(nanoseconds)) = (long(0), long(8)) {
                        about.time_ns = seconds * 1_000_000_000 + nanoseconds;
                    }
                }
                // `tpacket_auxdata`: status first, the tag at 16.
                (libc::SOL_PACKET, PACKET_AUXDATA) => {
                    let status = data.first_chunk().map_or(0, |octets| u32::from_ne_bytes(*octets));
                    let tag = data.get(16..).and_then(|rest| rest.first_chunk::<2>());
                    about.vlan_tag = tag
                        .filter(|_| status & TP_STATUS_VLAN_VALID != 0)
                        .map(|octets| u16::from_ne_bytes(*octets));
                }
                _ => {}
            }
        }
        about
    }
}

/// Asks for a buffer, past `rmem_max` where the process may.
pub fn size_buffer(fd: RawFd, octets: usize) -> io::Result<()> {
    let octets = i32::try_from(octets).unwrap_or(i32::MAX);
    set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, octets)
        .or_else(|_| set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, octets))
}

/// Asks for the time of each frame.
pub fn ask_times(fd: RawFd) -> io::Result<()> {
    set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Asks for the VLAN tags that the kernel takes out.
pub fn ask_tags(fd: RawFd) -> io::Result<()> {
    set_option(fd, libc::SOL_PACKET, PACKET_AUXDATA, 1)
}

/// Asks for, or does without, a header that tells of segments.
pub fn ask_segments(fd: RawFd, ask: bool) -> io::Result<()> {
    set_option(fd, libc::SOL_PACKET, PACKET_VNET_HDR, c_int::from(ask))
}

/// Has the kernel keep what this host sends away, before any filter.
pub fn ignore_outgoing(fd: RawFd, ignore: bool) -> io::Result<()> {
    set_option(fd, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, c_int::from(ignore))
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
