//! Sound beside the picture (ST 2110-30): packets paced on a thread of their own.
//!
//! Packets are counted from the TAI epoch, as frames are, and shifted as the frames are. Each
//! leaves one packet time after its first sample was due, when all of its samples are there,
//! and its RTP timestamp is the number of that sample (ST 2110-10 §7.3, AES67 §7.1). A thread
//! that wakes up late sends what has become due in one gathered send, up to
//! [`MOST_PACKETS`]; more than a tenth of a second late, it leaves packets out, and counts
//! them. Where there is no sound, silence is sent: the stream lives as long as the source.
//!
//! Cost: a sleep and a send a packet, about 1 % of a core for packets of a millisecond, 8 %
//! for those of 125 µs.

pub mod feed;
mod shelf;

use std::io::IoSlice;

use ormatrix_io::Clock;
use ormatrix_strip::Tone;
use st2110::{
    audio::{AudioFormat, pack},
    rtp::{HEADER_LEN, RtpHeader},
};

use crate::sender::{LevelCounts, Transmit};

/// RTP payload type of sound.
pub const PAYLOAD_TYPE: u8 = 97;

/// Most packets in one send.
pub const MOST_PACKETS: usize = 16;

/// From so far behind on packets are left out.
const TOO_LATE_NS: u64 = 100_000_000;

/// A wait longer than this means that TAI was set back.
const TOO_LONG_NS: u64 = 1_000_000_000;

const SECOND_NS: u128 = 1_000_000_000;

/// Something that has a sample for every moment.
pub trait Sound {
    /// Writes the samples from sample `number` since the TAI epoch on into `out`, interleaved
    /// and left-aligned. Says whether there was sound for all of them; where there was none,
    /// they are 0.
    fn fill(&mut self, number: u64, out: &mut [i32]) -> bool;
}

/// A test tone on every channel (see [`Tone`]).
#[derive(Clone, Copy, Debug)]
pub struct ToneSound {
    /// Which.
    pub tone: Tone,
    /// Sampling rate: 48 or 96 kHz.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u8,
}

impl Sound for ToneSound {
    fn fill(&mut self, number: u64, out: &mut [i32]) -> bool {
        let channels = usize::from(self.channels.max(1));
        for (number, frame) in (number..).zip(out.chunks_mut(channels)) {
            for (channel, sample) in (0..).zip(frame) {
                *sample = self.tone.sample(self.rate_hz, channel, number);
            }
        }
        true
    }
}

/// What the packets of a stream have in common.
#[derive(Clone, Debug)]
pub struct AudioStream {
    /// The wire format.
    pub format: AudioFormat,
    /// Shift against the TAI epoch, in nanoseconds, as the picture's.
    pub offset_ns: u64,
    /// RTP payload type.
    pub payload_type: u8,
    /// RTP synchronisation source.
    pub ssrc: u32,
}

/// A paced sender of one audio stream over one or two legs.
#[derive(Debug)]
pub struct AudioSender<C, T> {
    clock: C,
    legs: Vec<T>,
    stream: AudioStream,
    /// Samples that the stream is shifted by.
    offset: u64,
    /// The packet that leaves next, counted from the epoch.
    next: u64,
    sequence: u16,
    samples: Vec<i32>,
    octets: Vec<u8>,
    /// What has been sent so far.
    pub counts: LevelCounts,
}

impl<C: Clock, T: Transmit> AudioSender<C, T> {
    /// A sender that begins now.
    pub fn new(clock: C, legs: Vec<T>, stream: AudioStream) -> Self {
        let format = &stream.format;
        let rate = u128::from(format.rate_hz.hz());
        let offset = (u128::from(stream.offset_ns) * rate / SECOND_NS) as u64;
        let samples = usize::from(format.samples_per_packet()) * usize::from(format.channels);
        let length = HEADER_LEN + format.payload_octets();
        let mut sender = Self {
            samples: vec![0; samples],
            octets: vec![0; MOST_PACKETS * length],
            clock,
            legs,
            stream,
            offset,
            next: 0,
            sequence: 0,
            counts: LevelCounts::default(),
        };
        sender.next = sender.packet_at(sender.clock.tai());
        sender
    }

    /// The packet whose samples are being taken at a moment.
    fn packet_at(&self, tai_ns: u64) -> u64 {
        self.stream.format.packet_at(tai_ns.saturating_sub(self.stream.offset_ns))
    }

    /// The number of a packet's first sample since the TAI epoch.
    fn number(&self, packet: u64) -> u64 {
        packet * u64::from(self.stream.format.samples_per_packet()) + self.offset
    }

    /// When a packet may leave: its last sample is there.
    fn due_ns(&self, packet: u64) -> u64 {
        let rate = u128::from(self.stream.format.rate_hz.hz());
        (u128::from(self.number(packet + 1)) * SECOND_NS).div_ceil(rate) as u64
    }

    /// Waits until the next packet is due and sends it, with those that are late.
    pub fn turn(&mut self, sound: &mut dyn Sound) {
        let tai = self.clock.tai();
        let due = self.due_ns(self.next);
        if due > tai + TOO_LONG_NS || due + TOO_LATE_NS < tai {
            let now = self.packet_at(tai);
            self.counts.skipped_packets += now.saturating_sub(self.next);
            self.next = now;
            return;
        }
        if due > tai {
            self.clock.sleep_until(self.clock.now() + (due - tai));
        }
        let tai = self.clock.tai();
        self.counts.worst_late_ns = self.counts.worst_late_ns.max(tai.saturating_sub(due));
        let mut count = 1;
        while count < MOST_PACKETS && self.due_ns(self.next + count as u64) <= tai {
            count += 1;
        }
        self.send(count, sound);
    }

    fn send(&mut self, count: usize, sound: &mut dyn Sound) {
        let length = HEADER_LEN + self.stream.format.payload_octets();
        let mut filled = 0;
        for _ in 0..count {
            let number = self.number(self.next);
            let whole = sound.fill(number, &mut self.samples);
            self.counts.empty_packets += u64::from(!whole);
            let header = RtpHeader {
                marker: false,
                payload_type: self.stream.payload_type,
                sequence: self.sequence,
                timestamp: number as u32,
                ssrc: self.stream.ssrc,
                payload_start: HEADER_LEN,
                payload_end: length,
            };
            let room = self.octets.get_mut(filled..filled + length);
            let Some((head, payload)) = room.and_then(|room| room.split_at_mut_checked(HEADER_LEN))
            else {
                break;
            };
            // The buffer was made for these lengths.
            let written = header.write_fixed(head).is_ok()
                && pack(self.stream.format.depth, &self.samples, payload).is_ok();
            debug_assert!(written);
            filled += length;
            self.next += 1;
            self.sequence = self.sequence.wrapping_add(1);
            self.counts.packets += 1;
        }
        let packets = self.octets.get(..filled).unwrap_or_default();
        for leg in &mut self.legs {
            self.counts.sent(leg.send(&[IoSlice::new(packets)], length));
        }
    }
}

#[cfg(test)]
mod tests;
