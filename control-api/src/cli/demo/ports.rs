//! Ports that nobody has.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
};

/// Where the demo's pictures go.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// That many UDP ports of the loopback address that were free a moment ago, all different.
/// Whoever opens one must be ready to find it taken.
pub fn free(count: usize) -> io::Result<Vec<u16>> {
    // All at once, so that the system cannot give one of them twice.
    let held: Vec<UdpSocket> =
        (0..count).map(|_| UdpSocket::bind((LOOPBACK, 0))).collect::<io::Result<_>>()?;
    held.iter().map(|socket| Ok(socket.local_addr()?.port())).collect()
}

/// Why the panel cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Taken {
    /// Another program listens there.
    #[error(
        "port {} of {} is in use by another program: stop it (`ss -ltnp 'sport = :{}'` names \
         it), or choose another port: ormatrix demo --listen {}:{}",
        .0.port(), .0.ip(), .0.port(), host(.0), .0.port().checked_add(1).unwrap_or(8080)
    )]
    Busy(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}; choose another address with --listen")]
    Refused(SocketAddr, io::Error),
}

/// Makes sure that nobody listens at an address; port 0 becomes one that is free, so that
/// the control plane comes back where it was when it is started again.
pub fn check(listen: SocketAddr) -> Result<SocketAddr, Taken> {
    match TcpListener::bind(listen).and_then(|listener| listener.local_addr()) {
        Ok(address) => Ok(address),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Taken::Busy(listen)),
        Err(error) => Err(Taken::Refused(listen, error)),
    }
}

/// An address as it stands before a port.
fn host(address: &SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ() {
        let mut ports = free(50).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn a_busy_port_is_named_with_a_way_out() {
        let holder = TcpListener::bind((LOOPBACK, 0)).unwrap();
        let address = holder.local_addr().unwrap();
        let message = check(address).unwrap_err().to_string();
        assert!(message.contains(&format!("port {} of 127.0.0.1 is in use", address.port())));
        assert!(message.contains("--listen 127.0.0.1:"), "{message}");
        drop(holder);
        assert_eq!(check(address).unwrap(), address);
        assert_ne!(check(SocketAddr::new(LOOPBACK, 0)).unwrap().port(), 0);
        let elsewhere: SocketAddr = "192.0.2.1:80".parse().unwrap();
        assert!(matches!(check(elsewhere), Err(Taken::Refused(..))));
    }
}
