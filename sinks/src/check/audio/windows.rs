//! Samples by their place on the media time line, in windows of about a millisecond.
//!
//! A ring of 64 windows, allocated once: 24 kB for two channels, 0.8 MB for 64.

use st2110::audio::AudioFormat;

use crate::check::Arrival;

/// Windows held.
const SLOTS: u64 = 64;

/// Windows that a packet may be late.
const LAG: u64 = 20;

/// Samples a window has at most: bits of [`Window::filled`].
const MOST_SAMPLES: u64 = 128;

/// One window as far as it has arrived.
#[derive(Debug)]
pub(super) struct Window {
    /// Number of its first sample since the TAI epoch.
    pub number: u64,
    /// When its first sample arrived; when any did, if that never came.
    pub arrived: Arrival,
    /// One channel after the other.
    samples: Vec<i32>,
    filled: u128,
    length: usize,
}

impl Window {
    /// The samples of a channel, those that have not arrived included.
    pub fn channel(&self, channel: usize) -> &[i32] {
        self.samples.chunks_exact(self.length).nth(channel).unwrap_or_default()
    }

    pub fn channels(&self) -> impl Iterator<Item = &[i32]> {
        self.samples.chunks_exact(self.length)
    }

    pub const fn length(&self) -> usize {
        self.length
    }

    /// Whether a sample has arrived, counted from the window's first.
    pub const fn has(&self, at: usize) -> bool {
        self.filled >> at & 1 == 1
    }

    /// Whether all have arrived.
    pub const fn is_whole(&self) -> bool {
        self.filled.count_ones() as usize == self.length
    }
}

/// The windows of one stream.
#[derive(Debug)]
pub(super) struct Windows {
    slots: Vec<Window>,
    length: u64,
    channels: usize,
    /// The window to be looked at next, in windows since the epoch.
    next: Option<u64>,
    /// One past the last sample that came.
    newest: u64,
}

impl Windows {
    pub fn new(format: &AudioFormat) -> Self {
        let length = (u64::from(format.rtp_clock_hz()) / 1000).clamp(1, MOST_SAMPLES) as usize;
        let channels = usize::from(format.channels);
        let window = || Window {
            number: 0,
            arrived: Arrival::default(),
            samples: vec![0; length * channels],
            filled: 0,
            length,
        };
        let slots = (0..SLOTS).map(|_| window()).collect();
        Self { slots, length: length as u64, channels, next: None, newest: 0 }
    }

    /// Puts interleaved samples in, and hands out the windows that are due. Of a sample that
    /// comes twice the later stays. Samples more than the ring before or behind the others
    /// begin another time line.
    pub fn put(
        &mut self,
        first: u64,
        interleaved: &[i32],
        at: &Arrival,
        each: &mut impl FnMut(&Window),
    ) {
        let count = (interleaved.len() / self.channels) as u64;
        let end = first + count;
        let ring = SLOTS * self.length;
        if end + ring < self.newest || first > self.newest + ring {
            self.flush(each);
            self.next = None;
            self.newest = first;
        }
        let mut next = *self.next.get_or_insert(first / self.length);
        while end > (next + SLOTS) * self.length {
            self.hand_out(next, each);
            next += 1;
        }
        for (number, frame) in (first..end).zip(interleaved.chunks_exact(self.channels)) {
            let window = number / self.length;
            if window < next {
                continue;
            }
            let place = (number % self.length) as usize;
            let slot = &mut self.slots[(window % SLOTS) as usize];
            if slot.filled == 0 || place == 0 {
                slot.arrived = *at;
            }
            slot.filled |= 1 << place;
            for (channel, sample) in frame.iter().enumerate() {
                slot.samples[channel * slot.length + place] = *sample;
            }
        }
        self.newest = self.newest.max(end);
        while self.newest >= (next + 1 + LAG) * self.length {
            self.hand_out(next, each);
            next += 1;
        }
        self.next = Some(next);
    }

    /// Hands out all that is left.
    pub fn flush(&mut self, each: &mut impl FnMut(&Window)) {
        let Some(mut next) = self.next else { return };
        while next * self.length < self.newest {
            self.hand_out(next, each);
            next += 1;
        }
        self.next = Some(next);
    }

    fn hand_out(&mut self, window: u64, each: &mut impl FnMut(&Window)) {
        let slot = &mut self.slots[(window % SLOTS) as usize];
        slot.number = window * self.length;
        each(slot);
        slot.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use st2110::audio::{AudioDepth, PacketTime, SampleRate};

    use super::*;

    /// First sample, samples there, and the first of each channel.
    type Out = (u64, u32, i32, i32);

    fn run(puts: &[(u64, usize)]) -> Vec<Out> {
        let format = AudioFormat {
            depth: AudioDepth::L24,
            rate_hz: SampleRate::Hz48000,
            channels: 2,
            packet_time: PacketTime::Ms1,
            channel_order: None,
        };
        let mut windows = Windows::new(&format);
        let mut out = Vec::new();
        let mut each = |window: &Window| {
            let first = window.channels().map(|channel| channel[0]).collect::<Vec<_>>();
            out.push((window.number, window.filled.count_ones(), first[0], first[1]));
        };
        for (first, count) in puts {
            let samples: Vec<i32> =
                (*first..first + *count as u64).flat_map(|n| [n as i32, -(n as i32)]).collect();
            windows.put(*first, &samples, &Arrival::default(), &mut each);
        }
        windows.flush(&mut each);
        out
    }

    #[test]
    fn windows_come_in_order_whole_and_apart_by_channel() {
        let puts: Vec<_> = (0..100).map(|packet| (4800 + packet * 48, 48)).collect();
        let out = run(&puts);
        assert_eq!(out.len(), 100);
        assert!(out.iter().zip(0..).all(|(out, n): (&Out, i32)| {
            *out == (4800 + 48 * n as u64, 48, 4800 + 48 * n, -(4800 + 48 * n))
        }));
        // Small packets that straddle the windows, and overtake each other.
        let mut puts: Vec<_> = (0..800).map(|packet| (4803 + packet * 6, 6)).collect();
        puts.swap(17, 90);
        let out = run(&puts);
        assert!(out[1..100].iter().all(|out| out.1 == 48), "{out:?}");
        assert_eq!((out[0].1, out[100].1), (45, 3));
    }

    #[test]
    fn gaps_overlaps_and_jumps_are_borne() {
        // A packet is missing; what comes later than all windows is dropped.
        let out = run(&[(48, 48), (144, 48), (96 + 48 * 40, 48), (96, 48)]);
        assert_eq!(out.len(), 42);
        assert_eq!((out[0].1, out[1].1, out[2].1), (48, 0, 48));
        // Another time line, ahead and behind: nothing between is invented.
        let out = run(&[(48_000, 48), (4_800_000, 48), (960, 48)]);
        assert_eq!(out.iter().map(|out| out.0).collect::<Vec<_>>(), [48_000, 4_800_000, 960]);
    }
}
