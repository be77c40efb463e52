//! Programs that open descriptions, and ports of this host for them.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, UdpSocket},
    process::{Child, Command, Stdio},
};

/// An even loopback port that nobody has right now, nor the one above it, which players take
/// for RTCP (RFC 3550 §11).
pub fn free_port() -> u16 {
    let bind = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
    loop {
        let socket = bind(0).unwrap();
        let port = socket.local_addr().unwrap().port();
        if port % 2 == 0 && bind(port + 1).is_ok() {
            return port;
        }
    }
}

/// Starts a program; its errors can be read from the child.
pub fn spawn(program: &str, arguments: &[&str], package: &str) -> Child {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    match child {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{program} is missing: install {package}")
        }
        Err(error) => panic!("{program}: {error}"),
    }
}
