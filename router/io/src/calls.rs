//! Calls that sockets of every kind need and neither std nor socket2 offers.

use std::{ffi::CString, io, os::fd::RawFd};

use libc::c_int;

/// Sets an integer option.
pub fn set_option(fd: RawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the value is a valid int for the length given.
    let result = unsafe {
        libc::setsockopt(fd, level, name, (&raw const value).cast(), size_of::<c_int>() as u32)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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
