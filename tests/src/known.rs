//! A stream of which every octet is known to sender and receivers alike, and what is lost of
//! it on each of two legs (ST 2022-7): never the same packet on both.
//!
//! All packets are made beforehand and lie one after another, so that a sender at work only
//! hands slices to the kernel. That takes about as much memory as the stream has octets.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use st2110::{
    format::{Packing, VideoFormat},
    rfc4175::{FramePlan, MAX_HEADER_LEN, STANDARD_UDP_LIMIT},
    timing::VIDEO_CLOCK_HZ,
};

/// Near the end of the extended circle, so that both halves wrap.
const FIRST_SEQUENCE: u32 = 0xffff_f000;
const FIRST_TIMESTAMP: u32 = 0xffff_0000;

/// The synchronisation source that it is sent with.
pub const SSRC: u32 = 0x2022_0007;

/// The payload type that it is sent with.
pub const PAYLOAD_TYPE: u8 = 96;

/// What to lose, and of how long a stream.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Losses {
    /// Where the dice start.
    pub seed: u64,
    /// Frames at the start and at the end of which nothing is lost.
    pub calm_frames: u64,
    /// Most packets that a leg loses in a row.
    pub burst: u64,
    /// Most packets between two losses.
    pub pause: u64,
}

/// The stream.
pub struct Known {
    octets: Vec<u8>,
    packet_octets: usize,
    header_octets: usize,
    packets_per_frame: u64,
    packets: u64,
    ticks_per_frame: u32,
    /// Which leg loses each packet.
    lost_on: Vec<Option<u8>>,
}

impl Known {
    /// So many frames of a format that is cut into equal packets.
    ///
    /// # Panics
    /// When the format cannot be sent, or its packets are not equal.
    pub fn new(format: &VideoFormat, frames: u64, losses: &Losses) -> Self {
        assert_eq!(format.packing, Packing::Gpm, "block packing has no equal packets");
        let plan = FramePlan::new(format, STANDARD_UDP_LIMIT).expect("a format to be sent");
        let per_frame = plan.packets();
        let packet_octets = plan.packet(0).expect("a first packet").packet_len();
        let packets = frames * per_frame as u64;
        let ratio = format.rate.ratio();
        let ticks =
            i64::from(VIDEO_CLOCK_HZ) * i64::from(*ratio.denom()) / i64::from(*ratio.numer());
        let ticks_per_frame = u32::try_from(ticks).expect("a frame of less than hours");
        let mut octets = vec![0; packet_octets * packets as usize];
        let mut dice = fastrand::Rng::with_seed(losses.seed);
        let mut header_octets = 0;
        for (number, slot) in (0_u64..).zip(octets.chunks_mut(packet_octets)) {
            let frame = (number / per_frame as u64) as u32;
            let planned = plan.packet(number as usize % per_frame).expect("within a frame");
            assert_eq!(planned.packet_len(), packet_octets, "equal packets");
            dice.fill(slot);
            let sequence = FIRST_SEQUENCE.wrapping_add(number as u32);
            let timestamp = FIRST_TIMESTAMP.wrapping_add(frame.wrapping_mul(ticks_per_frame));
            header_octets = planned.write_header(sequence, timestamp, SSRC, PAYLOAD_TYPE, slot);
        }
        assert!((1..=MAX_HEADER_LEN).contains(&header_octets));
        let calm = losses.calm_frames * per_frame as u64;
        let lost_on = lose(packets, calm..packets.saturating_sub(calm), losses, &mut dice);
        Self {
            octets,
            packet_octets,
            header_octets,
            packets_per_frame: per_frame as u64,
            packets,
            ticks_per_frame,
            lost_on,
        }
    }

    /// Packets altogether.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets a frame.
    pub fn packets_per_frame(&self) -> u64 {
        self.packets_per_frame
    }

    /// Octets of each packet.
    pub fn packet_octets(&self) -> usize {
        self.packet_octets
    }

    /// The octets of consecutive packets as they are sent.
    pub fn run(&self, numbers: Range<u64>) -> &[u8] {
        let at = |number: u64| number as usize * self.packet_octets;
        &self.octets[at(numbers.start)..at(numbers.end)]
    }

    /// Whether a leg loses a packet.
    pub fn is_lost(&self, number: u64, leg: usize) -> bool {
        self.lost_on[number as usize] == Some(leg as u8)
    }

    /// The pixels of a frame, as they lie in a packed buffer.
    pub fn frame(&self, frame: u64) -> Vec<u8> {
        let first = frame * self.packets_per_frame;
        let run = self.run(first..first + self.packets_per_frame);
        let data = run.chunks(self.packet_octets).map(|packet| &packet[self.header_octets..]);
        data.flatten().copied().collect()
    }

    /// The number of the frame that has these pixels, as its first octets tell.
    pub fn frame_number(&self, pixels: &[u8]) -> Option<u64> {
        let start = self.header_octets;
        let first = pixels.get(..16)?;
        (0..self.packets / self.packets_per_frame).find(|frame| {
            self.run(frame * self.packets_per_frame..frame * self.packets_per_frame + 1)
                [start..start + 16]
                == *first
        })
    }

    /// The number of a received packet, if it is one of the stream octet for octet but for
    /// what an output may rewrite: sequence number, extended sequence number, SSRC and
    /// payload type.
    pub fn recognise(&self, packet: &[u8]) -> Option<u64> {
        if packet.len() != self.packet_octets {
            return None;
        }
        let timestamp = u32::from_be_bytes(packet[4..8].try_into().expect("four octets"));
        let frame = timestamp.wrapping_sub(FIRST_TIMESTAMP) / self.ticks_per_frame;
        let first = u64::from(frame) * self.packets_per_frame;
        if first >= self.packets {
            return None;
        }
        // The segment's line and offset say where in the frame: the same search for all.
        let place = |octets: &[u8]| -> [u8; 4] { octets[16..20].try_into().expect("four octets") };
        let wanted = place(packet);
        let run = self.run(first..first + self.packets_per_frame);
        let key = |octets: &[u8]| {
            let [line_high, line_low, offset_high, offset_low] = place(octets);
            [line_high & 0x7f, line_low, offset_high & 0x7f, offset_low]
        };
        let (mut low, mut high) = (0, self.packets_per_frame as usize);
        while low < high {
            let middle = usize::midpoint(low, high);
            let there = &run[middle * self.packet_octets..][..self.packet_octets];
            match key(there).cmp(&key(packet)) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    let same = there[0] == packet[0]
                        && there[1] & 0x80 == packet[1] & 0x80
                        && there[4..8] == packet[4..8]
                        && there[14..16] == packet[14..16]
                        && place(there) == wanted
                        && there[20..] == packet[20..];
                    return same.then_some(first + middle as u64);
                }
            }
        }
        None
    }
}

/// Decides which leg loses which packet: the legs in random turns, each for a random while.
fn lose(
    packets: u64,
    within: Range<u64>,
    losses: &Losses,
    dice: &mut fastrand::Rng,
) -> Vec<Option<u8>> {
    let mut lost_on = vec![None; packets as usize];
    let mut number = within.start;
    loop {
        number += dice.u64(1..=losses.pause);
        let (leg, burst) = (dice.u8(0..2), dice.u64(1..=losses.burst));
        if number + burst >= within.end {
            return lost_on;
        }
        lost_on[number as usize..(number + burst) as usize].fill(Some(leg));
        number += burst;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format;

    const LOSSES: Losses = Losses { seed: 1, calm_frames: 1, burst: 20, pause: 40 };

    #[test]
    fn every_packet_is_recognised_and_nothing_else() {
        let known = Known::new(&format("320x180p50"), 4, &LOSSES);
        assert_eq!(known.packets(), 4 * known.packets_per_frame());
        for number in 0..known.packets() {
            let mut packet = known.run(number..number + 1).to_vec();
            // What an output rewrites.
            packet[1] = packet[1] & 0x80 | 0x65;
            for at in [2, 3, 8, 9, 10, 11, 12, 13] {
                packet[at] ^= 0x5a;
            }
            assert_eq!(known.recognise(&packet), Some(number));
            for at in [0, 1, 4, 7, 15, 16, 18, 20, packet.len() - 1] {
                let mut other = packet.clone();
                other[at] ^= 0x80;
                assert_ne!(known.recognise(&other), Some(number), "octet {at}");
            }
            assert_eq!(known.recognise(&packet[1..]), None);
        }
    }

    #[test]
    fn a_frame_is_known_by_its_pixels() {
        let known = Known::new(&format("320x180p50"), 4, &LOSSES);
        for number in 0..4 {
            let pixels = known.frame(number);
            assert_eq!(pixels.len(), 320 * 180 * 5 / 2);
            assert_eq!(known.frame_number(&pixels), Some(number));
        }
        assert_eq!(known.frame_number(&[0; 400]), None);
    }

    #[test]
    fn each_leg_loses_and_none_at_the_ends() {
        let known = Known::new(&format("320x180p50"), 20, &LOSSES);
        let lost =
            [0, 1].map(|leg| (0..known.packets()).filter(|n| known.is_lost(*n, leg)).count());
        assert!(lost.iter().all(|lost| *lost > 100), "{lost:?}");
        let calm = known.packets_per_frame();
        let ends = (0..calm).chain(known.packets() - calm..known.packets());
        assert!(ends.flat_map(|n| [(n, 0), (n, 1)]).all(|(n, leg)| !known.is_lost(n, leg)));
    }
}
