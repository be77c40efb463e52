//! Frames as a tap saw them, in slabs that are used again for every batch.

use std::{io, os::fd::RawFd};

use super::sys::{self, About, VNET_HEADER};

/// Longest frame: a super-packet of 64 KiB behind the headers of kernel and link.
const LONGEST: usize = 65_536 + 64;

/// `VIRTIO_NET_HDR_GSO_UDP_L4` (virtio 1.2 §5.1.6).
const GSO_UDP_L4: u8 = 5;
/// `VIRTIO_NET_HDR_GSO_ECN`, a flag beside the kind.
const GSO_ECN: u8 = 0x80;

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// An IP header.
    Ip,
}

/// How many packets a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segments {
    /// One.
    One,
    /// Several, each with so many octets of UDP payload; the last may be shorter.
    Of(usize),
    /// The kernel does not say.
    Untold,
}

/// A frame as it passed.
#[derive(Clone, Copy, Debug)]
pub struct TapFrame<'a> {
    /// When the kernel took it, in nanoseconds since the Unix epoch. Packets that a network
    /// card, its driver or GRO handed over together have times of that moment. For some
    /// milliseconds after no socket of the host asked for times, it is that of reading.
    pub time_ns: u64,
    /// What it begins with.
    pub link: Link,
    /// Its octets, without VLAN tag.
    pub octets: &'a [u8],
    /// The VLAN tag that the kernel took out of it: priority, DEI and number.
    pub vlan_tag: Option<u16>,
    /// How many packets it holds.
    pub segments: Segments,
    /// Whether its end is missing.
    pub cut: bool,
}

/// Room for what a tap is asked to hand over at once.
pub struct TapBatch {
    messages: sys::Messages,
    filled: usize,
    segments_told: bool,
}

impl TapBatch {
    /// Room for so many frames, 64 KiB each.
    pub fn new(frames: usize) -> Self {
        let messages = sys::Messages::new(frames.max(1), LONGEST);
        Self { messages, filled: 0, segments_told: false }
    }

    /// Whether the last receive filled it: more may be waiting.
    pub fn is_full(&self) -> bool {
        self.filled == self.messages.len()
    }

    /// The frames of the last receive, in order.
    pub fn frames(&self) -> impl Iterator<Item = TapFrame<'_>> {
        (0..self.filled).filter_map(|index| self.frame(index))
    }

    pub(super) fn fill(&mut self, fd: RawFd, segments_told: bool) -> io::Result<usize> {
        self.filled = 0;
        self.segments_told = segments_told;
        self.filled = self.messages.receive(fd, self.messages.len())?;
        Ok(self.filled)
    }

    fn frame(&self, index: usize) -> Option<TapFrame<'_>> {
        let told = self.messages.told(index);
        let About { time_ns, vlan_tag, hardware } = About::of(&told);
        let mut octets = self.messages.octets(index);
        let mut segments = Segments::Untold;
        if self.segments_told {
            let (header, frame) = octets.split_first_chunk::<VNET_HEADER>()?;
            let [_, kind, _, _, low, high, ..] = *header;
            segments = match (kind & !GSO_ECN, u16::from_ne_bytes([low, high])) {
                (0, _) => Segments::One,
                (GSO_UDP_L4, size) if size > 0 => Segments::Of(usize::from(size)),
                _ => Segments::Untold,
            };
            octets = frame;
        }
        let link = match hardware {
            libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Link::Ethernet,
            _ => Link::Ip,
        };
        Some(TapFrame { time_ns, link, octets, vlan_tag, segments, cut: told.is_cut() })
    }
}
