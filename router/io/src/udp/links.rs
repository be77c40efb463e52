//! What happens to the host's network interfaces while sockets are open on them.
//!
//! A socket holds on to an interface by number, and a group to what the kernel remembers of
//! it; both can be lost when the interface is taken down, taken away or made again, and
//! nothing tells the socket. So the kernel's own news (rtnetlink, RFC 3549) is listened to:
//! it is kept until somebody looks, so that a change of a few milliseconds between two looks
//! is not missed, and it is of the network namespace that the process is in, which sysfs need
//! not be.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read},
    os::fd::AsRawFd,
    path::Path,
};

use socket2::{Domain, Protocol, Socket, Type};

use super::sys;
use crate::calls;

/// News of links, and of the addresses and routes by which the kernel chooses one.
const GROUPS: i32 = libc::RTMGRP_LINK
    | libc::RTMGRP_IPV4_IFADDR
    | libc::RTMGRP_IPV4_ROUTE
    | libc::RTMGRP_IPV6_IFADDR
    | libc::RTMGRP_IPV6_ROUTE;
/// What of a link's flags matters to those who send and receive.
const FLAGS: u32 = (libc::IFF_UP | libc::IFF_RUNNING | libc::IFF_LOWER_UP) as u32;
/// More than the kernel puts into one message about a link.
const MESSAGE: usize = 32_768;
/// `nlmsghdr`: length, type, flags, sequence, port.
const HEADER: usize = 16;

/// How a network interface stands: two that are equal saw no change between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number, 0 when it is not there or none was named. One that is made again under
    /// the same name has another.
    pub index: u32,
    /// Another number whenever it went down or up, or lost or found its carrier; where no
    /// interface was named, whenever anything happened by which the kernel would choose.
    pub change: u64,
}

/// Listens to what happens to the interfaces of this host, or network namespace.
#[derive(Debug)]
pub struct Links {
    /// `None` where the kernel refuses: then only numbers tell.
    socket: Option<Socket>,
    news: News,
    message: Vec<u8>,
}

/// What was heard.
#[derive(Debug, Default)]
struct News {
    /// Changes of anything.
    count: u64,
    /// `count` when the kernel last had to leave news out.
    gap: u64,
    /// By number: flags, and `count` when they last changed.
    links: HashMap<u32, (u32, u64)>,
}

impl Links {
    /// Begins to listen.
    ///
    /// # Errors
    /// What the kernel, or a sandbox without `AF_NETLINK`, said.
    pub fn open() -> io::Result<Self> {
        let (domain, protocol) =
            (Domain::from(libc::AF_NETLINK), Protocol::from(libc::NETLINK_ROUTE));
        let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(protocol))?;
        sys::bind_netlink(socket.as_raw_fd(), GROUPS.cast_unsigned())?;
        Ok(Self { socket: Some(socket), news: News::default(), message: vec![0; MESSAGE] })
    }

    /// Without news: an interface that was made again still shows by its number.
    pub fn deaf() -> Self {
        Self { socket: None, news: News::default(), message: Vec::new() }
    }

    /// How an interface stands now; without a name, how all of them do.
    pub fn link(&mut self, interface: Option<&str>) -> Link {
        let index = interface.map_or(0, calls::interface_index);
        self.listen();
        let change = match interface {
            Some(_) => self.news.links.get(&index).map_or(0, |(_, at)| *at).max(self.news.gap),
            None => self.news.count,
        };
        Link { index, change }
    }

    fn listen(&mut self) {
        let Some(mut socket) = self.socket.as_ref() else { return };
        loop {
            match socket.read(&mut self.message) {
                Ok(0) => return,
                Ok(octets) => self.news.read(&self.message[..octets]),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.news.miss(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

impl News {
    /// Reads a datagram of messages.
    fn read(&mut self, mut rest: &[u8]) {
        while let Some((message, kind)) = first_message(rest) {
            self.note(kind, message.get(HEADER..).unwrap_or(&[]));
            // The next one begins at a multiple of four octets.
            rest = rest.get(message.len().next_multiple_of(4)..).unwrap_or(&[]);
        }
    }

    fn note(&mut self, kind: u16, body: &[u8]) {
        match kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => {
                // `ifinfomsg`: family (one octet), three unused here, index, flags.
                // Another family tells of the link's part in something (a bridge).
                let (Some(0), Some(index), Some(flags)) =
                    (body.first(), word(body, 4), word(body, 8))
                else {
                    return;
                };
                let flags = flags & FLAGS;
                if kind == libc::RTM_DELLINK {
                    self.count += 1;
                    self.links.remove(&index);
                } else if self.links.get(&index).is_none_or(|(known, _)| *known != flags) {
                    self.count += 1;
                    self.links.insert(index, (flags, self.count));
                }
            }
            libc::RTM_NEWADDR | libc::RTM_DELADDR | libc::RTM_NEWROUTE | libc::RTM_DELROUTE => {
                self.count += 1;
            }
            _ => {}
        }
    }

    /// The kernel had no room for some news: anything may have happened.
    fn miss(&mut self) {
        self.count += 1;
        self.gap = self.count;
        self.links.clear();
    }
}

/// The first message of several, with its header, and its type.
fn first_message(octets: &[u8]) -> Option<(&[u8], u16)> {
    let length = word(octets, 0)? as usize;
    let kind = u16::from_ne_bytes(octets.get(4..6)?.try_into().ok()?);
    (length >= HEADER).then(|| octets.get(..length))?.map(|message| (message, kind))
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// What an interface carries each way, megabits a second, as far as its driver says so.
pub fn speed_mbps(interface: &str) -> Option<u64> {
    if interface.contains('/') || interface.starts_with('.') {
        return None;
    }
    let path = Path::new("/sys/class/net").join(interface).join("speed");
    // -1, 0 or an error where there is no link or nothing to say.
    let speed: i64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    u64::try_from(speed).ok().filter(|speed| *speed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = (HEADER + body.len()) as u32;
        let mut octets = length.to_ne_bytes().to_vec();
        octets.extend(kind.to_ne_bytes());
        octets.extend([0; 10]);
        octets.extend(body);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    fn about(kind: u16, index: u32, flags: i32) -> Vec<u8> {
        let words = [0, index, flags.cast_unsigned(), 0];
        message(kind, &words.map(u32::to_ne_bytes).concat())
    }

    fn links(news: News) -> Links {
        Links { news, ..Links::deaf() }
    }

    #[test]
    fn a_flap_between_two_looks_shows() {
        const UP: i32 = libc::IFF_UP | libc::IFF_RUNNING;
        let mut news = News::default();
        let mut look = |octets: Vec<u8>| {
            news.read(&octets);
            (news.links.get(&7).copied().map_or(0, |(_, at)| at), news.count)
        };
        let (first, _) = look(about(libc::RTM_NEWLINK, 7, UP));
        let (same, count) = look(about(libc::RTM_NEWLINK, 7, UP | libc::IFF_PROMISC));
        assert_eq!((same, count), (first, 1), "who listens is no change");
        let flap = [about(libc::RTM_NEWLINK, 7, 0), about(libc::RTM_NEWLINK, 7, UP)].concat();
        let (after, count) = look(flap);
        assert!(after != first && count == 3);
        let (other, count) = look(about(libc::RTM_NEWLINK, 8, UP));
        assert_eq!((other, count), (after, 4));
        let (route, count) = look(message(libc::RTM_NEWROUTE, &[0; 12]));
        assert_eq!((route, count), (after, 5));
        // Made again under the same number.
        let again = [about(libc::RTM_DELLINK, 7, 0), about(libc::RTM_NEWLINK, 7, UP)].concat();
        assert!(look(again).0 > after);
    }

    #[test]
    fn news_left_out_counts_as_a_change_of_everything() {
        let mut links = links(News::default());
        let before = [links.link(Some("lo")), links.link(Some("nosuch0")), links.link(None)];
        assert!(before[0].index > 0 && before[1] == Link::default());
        links.news.miss();
        for (interface, before) in [Some("lo"), Some("nosuch0"), None].into_iter().zip(before) {
            assert_ne!(links.link(interface), before);
        }
    }

    #[test]
    fn no_message_however_broken_is_more_than_ignored() {
        let whole = about(libc::RTM_NEWLINK, 7, libc::IFF_UP);
        for length in 0..whole.len() {
            let mut news = News::default();
            news.read(&whole[..length]);
            assert_eq!(news.count, 0);
        }
        for length in [0, 1, 15, 17, u32::MAX] {
            let mut broken = whole.clone();
            broken[..4].copy_from_slice(&length.to_ne_bytes());
            let mut news = News::default();
            news.read(&broken);
            assert_eq!(news.count, 0, "{length}");
        }
    }

    #[test]
    fn the_kernel_lets_us_listen() {
        let mut links = Links::open().unwrap();
        let loopback = links.link(Some("lo"));
        assert!(loopback.index > 0);
        assert_eq!(loopback, links.link(Some("lo")));
    }
}
