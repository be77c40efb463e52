//! Which of many sockets can be read.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use super::sys;

/// Sockets reported in one wait; the rest is reported by the next.
const EVENTS: usize = 256;

/// Watches sockets by a key of the caller's.
pub struct Readiness {
    epoll: OwnedFd,
    events: Box<[libc::epoll_event; EVENTS]>,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl Readiness {
    /// Watches nothing yet.
    pub fn new() -> io::Result<Self> {
        let epoll = sys::epoll_create()?;
        Ok(Self { epoll, events: Box::new([libc::epoll_event { events: 0, u64: 0 }; EVENTS]) })
    }

    /// Begins to watch a socket.
    pub fn watch(&self, fd: RawFd, key: u16) -> io::Result<()> {
        sys::epoll_watch(self.epoll.as_raw_fd(), fd, u64::from(key))
    }

    /// Ends watching a socket.
    pub fn forget(&self, fd: RawFd) -> io::Result<()> {
        sys::epoll_forget(self.epoll.as_raw_fd(), fd)
    }

    /// Appends the keys of sockets that can be read, waiting for the first at most
    /// `timeout_ms`.
    pub fn wait(&mut self, keys: &mut Vec<u16>, timeout_ms: u32) -> io::Result<()> {
        let timeout = i32::try_from(timeout_ms).unwrap_or(i32::MAX);
        let count = sys::epoll_wait(self.epoll.as_raw_fd(), &mut self.events[..], timeout)?;
        // A packed field cannot be borrowed, only copied.
        keys.extend(self.events[..count].iter().map(|event| { event.u64 } as u16));
        Ok(())
    }
}
