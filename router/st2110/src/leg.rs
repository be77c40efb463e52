//! One path of a stream: an address, a port, and how to reach it.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// One leg of a stream. Two legs carry the same packets (ST 2022-7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// Unicast address, or multicast group.
    pub address: IpAddr,
    /// UDP port.
    pub port: u16,
    /// The only sender listened to (RFC 4570 `source-filter`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// Name of the network interface to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

impl Leg {
    /// A leg with neither source nor interface named.
    pub fn new(address: IpAddr, port: u16) -> Self {
        Self { address, port, source: None, interface: None }
    }

    /// Address and port.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}
