//! Where a stream passes: on which interface, to which address.
//!
//! Without an interface named, the host's own choice is asked for: the interface that owns
//! the address, or over which the route goes. What a host sends to an address of its own
//! goes over `lo`, whichever interface owns it.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use ormatrix_io::tap::{Direction, Interface};
use st2110::leg::Leg;

/// On all interfaces.
const ANYWHERE: u32 = 0;

/// Where a leg passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Indices of interfaces; each packet passes one of them in the direction asked for.
    pub interfaces: Vec<u32>,
    /// Address and port that its packets are sent to.
    pub address: SocketAddr,
}

/// Finds out where a leg passes.
pub fn place(leg: &Leg, direction: Direction, interfaces: &[Interface]) -> Place {
    let address = leg.socket_address();
    let loopback = interfaces.iter().find(|interface| interface.loopback);
    let owner = owner(leg.address, interfaces);
    let named = leg.interface.as_ref().and_then(|name| {
        interfaces.iter().find(|interface| interface.name == *name).map(|found| found.index)
    });
    let indices = match (named, owner, direction) {
        (Some(index), ..) => vec![index],
        // One that is named and not there has nothing on it, until it is back.
        (None, ..) if leg.interface.is_some() => Vec::new(),
        (None, Some(_), Direction::Outgoing) => loopback.map(|lo| lo.index).into_iter().collect(),
        (None, Some(owner), Direction::Incoming) => {
            let mut indices = vec![owner];
            indices.extend(loopback.map(|lo| lo.index).filter(|lo| *lo != owner));
            indices
        }
        (None, None, _) => vec![routed(leg, interfaces).unwrap_or(ANYWHERE)],
    };
    Place { interfaces: indices, address }
}

/// The interface that an address belongs to. All of 127.0.0.0/8 belongs to the loopback.
fn owner(address: IpAddr, interfaces: &[Interface]) -> Option<u32> {
    let owns = |interface: &&Interface| {
        interface.addresses.contains(&address) || interface.loopback && address.is_loopback()
    };
    interfaces.iter().find(owns).map(|interface| interface.index)
}

/// The interface over which packets to the leg go.
fn routed(leg: &Leg, interfaces: &[Interface]) -> Option<u32> {
    // Connecting a UDP socket sends nothing; it asks for the route.
    let any: IpAddr = if leg.address.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let local = match leg.source {
        // Of an output, what it is sent from; of an input, somebody else's.
        Some(source) if owner(source, interfaces).is_some() => source,
        _ => any,
    };
    let socket = UdpSocket::bind((local, 0)).ok()?;
    socket.connect(leg.socket_address()).ok()?;
    owner(socket.local_addr().ok()?.ip(), interfaces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Vec<Interface> {
        let interface = |index, name: &str, loopback, addresses: &[&str]| Interface {
            name: name.into(),
            index,
            loopback,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        };
        vec![
            interface(1, "lo", true, &["127.0.0.1", "::1"]),
            interface(7, "red", false, &["192.0.2.7"]),
            interface(8, "blue", false, &["198.51.100.8"]),
        ]
    }

    #[test]
    fn a_leg_is_looked_at_where_it_passes() {
        use Direction::{Incoming, Outgoing};
        let at = |address: &str, name: Option<&str>, direction| {
            let leg = Leg {
                interface: name.map(str::to_owned),
                ..Leg::new(address.parse().unwrap(), 5004)
            };
            place(&leg, direction, &host()).interfaces
        };
        assert_eq!(at("239.1.1.1", Some("blue"), Incoming), [8]);
        assert_eq!(at("239.1.1.1", Some("green"), Incoming), [0; 0]);
        for address in ["127.0.0.1", "127.3.4.5", "::1"] {
            assert_eq!(at(address, None, Incoming), [1]);
            assert_eq!(at(address, None, Outgoing), [1]);
        }
        // From elsewhere over its own interface, from this host over the loopback.
        assert_eq!(at("192.0.2.7", None, Incoming), [7, 1]);
        assert_eq!(at("192.0.2.7", None, Outgoing), [1]);
    }
}
