//! Why a socket could not be opened.

use std::{io, net::IpAddr};

/// A socket that could not be opened, with the address or interface concerned.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another program listens there.
    #[error("{address} port {port} is in use by another program on this host")]
    InUse {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// The address is not on this host.
    #[error("{address} is not an address of this host")]
    NotOurs {
        /// The address.
        address: IpAddr,
    },
    /// No such interface.
    #[error("there is no network interface '{interface}' on this host")]
    UnknownInterface {
        /// Its name.
        interface: String,
    },
    /// Source and group, or address and source, of different IP versions.
    #[error("{address} and {source_address} are of different IP versions")]
    MixedVersions {
        /// The address.
        address: IpAddr,
        /// The other.
        source_address: IpAddr,
    },
    /// Anything else the kernel said.
    #[error("{what} for {address} port {port}: {error}")]
    Kernel {
        /// The step that failed.
        what: &'static str,
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// What it said.
        error: io::Error,
    },
}

impl SocketError {
    pub(super) fn from_io(
        what: &'static str,
        address: IpAddr,
        port: u16,
    ) -> impl Fn(io::Error) -> Self {
        move |error| match error.raw_os_error() {
            Some(libc::EADDRINUSE) => Self::InUse { address, port },
            Some(libc::EADDRNOTAVAIL) => Self::NotOurs { address },
            _ => Self::Kernel { what, address, port, error },
        }
    }
}
