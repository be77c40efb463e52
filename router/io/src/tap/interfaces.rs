//! The host's network interfaces and their addresses.

use std::{io, net::IpAddr};

use super::sys;
use crate::calls;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Whether it is the host's way to itself.
    pub loopback: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Every interface of this host, or network namespace, that has an address, in the order of
/// their numbers.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut all: Vec<Interface> = Vec::new();
    sys::each_address(|name, loopback, address| {
        if let Some(interface) = all.iter_mut().find(|interface| interface.name == name) {
            interface.addresses.push(address);
        } else {
            let index = calls::interface_index(name);
            let (name, addresses) = (name.to_owned(), vec![address]);
            all.push(Interface { name, index, loopback, addresses });
        }
    })?;
    all.sort_by_key(|interface| interface.index);
    Ok(all)
}
