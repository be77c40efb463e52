//! `recvmmsg` into slabs that are used again for every batch: what neither std nor socket2
//! offers.
//!
//! Layouts are libc's; every pointer handed to the kernel points into memory owned by the
//! caller's borrow for the whole call.

use std::{io, mem, os::fd::RawFd};

use libc::{c_int, cmsghdr, iovec, mmsghdr};

/// Room for what the kernel says beside a message: three or four short control messages.
const CONTROL_LEN: usize = 96;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

/// An address as the kernel writes it.
///
/// # Safety
/// Every pattern of octets must be a value of the type, as of any plain C structure.
pub unsafe trait Name: Copy {}

/// Message headers for a batch, wired once to the slabs they fill.
pub struct Messages<N> {
    headers: Vec<mmsghdr>,
    // The headers point into these; none is ever resized after `new`.
    _slices: Vec<iovec>,
    controls: Vec<Control>,
    names: Vec<N>,
    slabs: Box<[u8]>,
    octets_each: usize,
}

// SAFETY: the raw pointers point only into heap memory that the same value owns, so moving
// it to another thread moves all of it.
unsafe impl<N: Name> Send for Messages<N> {}

impl<N: Name> Messages<N> {
    /// Room for so many messages at once, of so many octets each.
    pub fn new(messages: usize, octets_each: usize) -> Self {
        let mut slabs = vec![0_u8; messages * octets_each].into_boxed_slice();
        // SAFETY: all-zero is a valid value of these plain C structures.
        let (zero_name, zero_message) = unsafe { (mem::zeroed::<N>(), mem::zeroed::<mmsghdr>()) };
        let mut names = vec![zero_name; messages];
        let mut controls = vec![Control([0; CONTROL_LEN]); messages];
        let mut slices: Vec<iovec> = slabs
            .chunks_exact_mut(octets_each)
            .map(|slab| iovec { iov_base: slab.as_mut_ptr().cast(), iov_len: octets_each })
            .collect();
        let headers = (0..messages)
            .map(|i| {
                let mut message = zero_message;
                message.msg_hdr.msg_name = (&raw mut names[i]).cast();
                message.msg_hdr.msg_iov = &raw mut slices[i];
                message.msg_hdr.msg_iovlen = 1;
                message.msg_hdr.msg_control = (&raw mut controls[i]).cast();
                message
            })
            .collect();
        Self { headers, _slices: slices, controls, names, slabs, octets_each }
    }

    /// Messages of one batch.
    pub fn len(&self) -> usize {
        self.headers.len()
    }

    /// Receives without waiting; 0 when nothing waits. `touched` messages have been used
    /// since this was last called, all of them before the first time.
    pub fn receive(&mut self, fd: RawFd, touched: usize) -> io::Result<usize> {
        // The kernel overwrote these lengths in the messages it used last time.
        for message in self.headers.iter_mut().take(touched) {
            message.msg_hdr.msg_namelen = size_of::<N>() as u32;
            message.msg_hdr.msg_controllen = CONTROL_LEN;
            message.msg_hdr.msg_flags = 0;
        }
        // SAFETY: every pointer in the headers points into this value's own vectors, which
        // live at least as long as the call and are mutably borrowed through `self`.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                self.headers.as_mut_ptr(),
                self.headers.len() as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(count).or_else(|_| {
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            }
        })
    }

    /// What the last receive put into a slab.
    pub fn octets(&self, index: usize) -> &[u8] {
        let start = index * self.octets_each;
        &self.slabs[start..start + self.told(index).octets()]
    }

    /// The same, to be changed.
    pub fn octets_mut(&mut self, index: usize) -> &mut [u8] {
        let start = index * self.octets_each;
        let end = start + self.told(index).octets();
        &mut self.slabs[start..end]
    }

    /// What the kernel said about a message of the last receive.
    pub fn told(&self, index: usize) -> Told<'_, N> {
        let Self { headers, controls, names, octets_each, .. } = self;
        let (message, control, name) = (&headers[index], &controls[index], &names[index]);
        Told { message, control, name, octets_each: *octets_each }
    }

    /// The first `count` slabs, each with what the kernel said about its message.
    pub fn each(&mut self, count: usize) -> impl Iterator<Item = (&mut [u8], Told<'_, N>)> {
        let octets_each = self.octets_each;
        let told =
            self.headers.iter().zip(&self.controls).zip(&self.names).map(
                move |((message, control), name)| Told { message, control, name, octets_each },
            );
        self.slabs.chunks_exact_mut(octets_each).zip(told).take(count).map(|(slab, told)| {
            let octets = told.octets();
            (&mut slab[..octets], told)
        })
    }
}

/// The kernel's side of a message.
pub struct Told<'a, N> {
    message: &'a mmsghdr,
    control: &'a Control,
    name: &'a N,
    octets_each: usize,
}

impl<'a, N> Told<'a, N> {
    /// Octets that were received.
    pub fn octets(&self) -> usize {
        (self.message.msg_len as usize).min(self.octets_each)
    }

    /// It was longer than its slab.
    pub fn is_cut(&self) -> bool {
        self.message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0
    }

    /// Where it came from.
    pub fn name(&self) -> &'a N {
        self.name
    }

    /// What was said beside it: level, kind, and their data.
    pub fn beside(&self) -> ControlMessages<'a> {
        let filled = self.message.msg_hdr.msg_controllen.min(CONTROL_LEN);
        ControlMessages { octets: &self.control.0[..filled] }
    }
}

/// Walks control messages without pointers.
pub struct ControlMessages<'a> {
    octets: &'a [u8],
}

impl<'a> Iterator for ControlMessages<'a> {
    type Item = (c_int, c_int, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const HEADER: usize = size_of::<cmsghdr>();
        let octets = self.octets;
        let length = usize::from_ne_bytes(*octets.first_chunk()?);
        let level = i32::from_ne_bytes(*octets.get(8..)?.first_chunk()?);
        let kind = i32::from_ne_bytes(*octets.get(12..)?.first_chunk()?);
        let data = octets.get(HEADER..length)?;
        self.octets = octets.get(length.next_multiple_of(8)..).unwrap_or(&[]);
        Some((level, kind, data))
    }
}
