//! Being in a multicast group.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsRawFd,
};

use socket2::{InterfaceIndexOrAddress, Socket};
use st2110::leg::Leg;

use super::sys;

/// A receiver's membership of its group, to be ended while others use the receiver. Ends when
/// dropped.
///
/// Before a group is joined anew on an interface it must be left: Linux (6.18) forgets the
/// sender of a source-specific IPv6 membership when the interface comes up again quickly, yet
/// counts it down when the membership ends, and would so take the new one away.
#[derive(Debug)]
pub struct Membership {
    socket: Socket,
    group: IpAddr,
    index: u32,
}

impl Membership {
    /// Of a socket that has joined, `index` 0 where the kernel chose the interface. `None`
    /// where the system has no descriptor left.
    pub(super) fn of(socket: &Socket, group: IpAddr, index: u32) -> Option<Self> {
        Some(Self { socket: socket.try_clone().ok()?, group, index })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // Only fails where it has ended already, with the interface.
        let _ = match self.group {
            IpAddr::V4(group) => self.socket.leave_multicast_v4_n(&group, &on(self.index)),
            IpAddr::V6(group) => self.socket.leave_multicast_v6(&group, self.index),
        };
    }
}

/// Joins a leg's group on an interface; 0 lets the kernel choose.
pub(super) fn join(socket: &Socket, leg: &Leg, index: u32) -> io::Result<()> {
    // Without this, any group joined by any program of the host would be received here.
    if leg.address.is_ipv4() {
        let _ = socket.set_multicast_all_v4(false);
    } else {
        let _ = socket.set_multicast_all_v6(false);
    }
    match (leg.source, leg.address) {
        (Some(source), group) => sys::join_source(socket.as_raw_fd(), group, source, index),
        (None, IpAddr::V4(group)) => socket.join_multicast_v4_n(&group, &on(index)),
        (None, IpAddr::V6(group)) => socket.join_multicast_v6(&group, index),
    }
}

fn on(index: u32) -> InterfaceIndexOrAddress {
    if index == 0 {
        InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED)
    } else {
        InterfaceIndexOrAddress::Index(index)
    }
}
