//! When each packet of each frame leaves (ST 2110-21 §6.3).

use std::ops::Range;

use num_rational::Ratio;

use super::{Exact, Pacing, SECOND_NS, frame_at, frame_period_ns, troffset_default_ns, trs_ns};
use crate::format::{Rate, VideoFormat};

/// The departures of a stream's packets, exact over any number of frames.
///
/// Packet j of frame N is due at ⌊N·TFRAME + TROFFSET + j·TRS⌋ nanoseconds TAI. The sum is
/// exact and rounded once, so nothing drifts. In a gapped schedule the second field of a
/// frame starts half a frame after the first. Asking costs two 128-bit divisions: ask once
/// a burst, not once a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderSchedule {
    rate: Rate,
    packets: usize,
    packets_per_field: usize,
    /// Denominator of everything below, a multiple of the rate's numerator.
    scale: i128,
    offset: i128,
    between_fields: i128,
    between_packets: i128,
}

impl SenderSchedule {
    /// The schedule of a format cut into `packets` a frame, with the default offset.
    pub fn new(format: &VideoFormat, packets: usize, pacing: Pacing) -> Self {
        Self::exact(format, packets, pacing, troffset_default_ns(format))
    }

    /// The same with another TROFFSET (SDP `TROFF`, there in microseconds).
    pub fn with_offset(
        format: &VideoFormat,
        packets: usize,
        pacing: Pacing,
        offset_ns: u64,
    ) -> Self {
        Self::exact(format, packets, pacing, Ratio::from_integer(i128::from(offset_ns)))
    }

    /// `offset_ns` is not negative; its denominator divides the rate's numerator times a
    /// count of lines, so that the common denominator stays far below 2^64.
    fn exact(format: &VideoFormat, packets: usize, pacing: Pacing, offset_ns: Exact) -> Self {
        let packets = packets.max(1);
        let packets_per_field = packets.div_ceil(usize::from(format.fields()));
        let between_packets = trs_ns(format, packets, pacing);
        let between_fields = match pacing {
            // The second field's first packet is due where its number puts it.
            Pacing::Linear => between_packets * packets_per_field as i128,
            Pacing::Gapped => frame_period_ns(format.rate) / 2,
        };
        let scale = [between_packets, between_fields, offset_ns]
            .iter()
            .fold(i128::from(*format.rate.ratio().numer()), |scale, value| {
                scale / gcd(scale, *value.denom()) * *value.denom()
            });
        let scaled = |value: Exact| (value * scale).to_integer();
        Self {
            rate: format.rate,
            packets,
            packets_per_field,
            scale,
            offset: scaled(offset_ns),
            between_fields: scaled(between_fields),
            between_packets: scaled(between_packets),
        }
    }

    /// Packets a frame.
    pub const fn packets(&self) -> usize {
        self.packets
    }

    /// When packet `index` of frame `frame` is due, in TAI nanoseconds.
    ///
    /// Indices past the frame's last go on at the same pace. Beyond the year 2554 it stays
    /// at `u64::MAX`.
    pub fn departure_ns(&self, frame: u64, index: usize) -> u64 {
        let ratio = self.rate.ratio();
        let (numerator, denominator) = (u128::from(*ratio.numer()), u128::from(*ratio.denom()));
        // At most 2^64 × 10^4 × 10^9: fits.
        let start = u128::from(frame) * denominator * u128::from(SECOND_NS);
        let (whole, rest) = (start / numerator, (start % numerator) as i128);
        let field = usize::from(index >= self.packets_per_field);
        let in_field = (index - field * self.packets_per_field) as i128;
        // `scale` is a multiple of the numerator by construction.
        let behind = rest * (self.scale / numerator as i128)
            + self.offset
            + field as i128 * self.between_fields
            + in_field * self.between_packets;
        u64::try_from(whole + (behind / self.scale) as u128).unwrap_or(u64::MAX)
    }

    /// The first frame none of whose packets was due before a moment.
    pub fn next_frame(&self, tai_ns: u64) -> u64 {
        let offset = (self.offset / self.scale) as u64;
        let mut frame = frame_at(self.rate, tai_ns.saturating_sub(offset));
        while self.departure_ns(frame, 0) < tai_ns {
            frame += 1;
        }
        frame
    }

    /// The bursts of a frame: up to `size` packets at a time (at least 1), each with the
    /// moment its first packet is due. No burst spans two fields.
    ///
    /// A burst no longer than CMAX keeps within the network compatibility model of
    /// ST 2110-21 §6.6.1, if the one before it left on time.
    pub fn bursts(&self, frame: u64, size: usize) -> impl Iterator<Item = (u64, Range<usize>)> {
        let (size, packets, per_field) = (size.max(1), self.packets, self.packets_per_field);
        let schedule = *self;
        std::iter::successors(Some(0), move |from| Some(burst_end(*from, size, packets, per_field)))
            .take_while(move |from| *from < packets)
            .map(move |from| {
                let end = burst_end(from, size, packets, per_field);
                (schedule.departure_ns(frame, from), from..end)
            })
    }
}

/// Where the burst that starts at `from` ends.
fn burst_end(from: usize, size: usize, packets: usize, per_field: usize) -> usize {
    let field_end = if from < per_field { per_field.min(packets) } else { packets };
    from.saturating_add(size).min(field_end)
}

/// Greatest common divisor of two positive numbers.
fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::{Depth, Packing, Sampling, Scan};

    fn format(rate: &str, scan: Scan) -> VideoFormat {
        VideoFormat {
            width: 1920,
            height: 1080,
            rate: rate.parse().unwrap(),
            sampling: Sampling::YCbCr422,
            depth: Depth::D10,
            scan,
            packing: Packing::Gpm,
        }
    }

    #[test]
    fn departures_by_hand() {
        let linear = SenderSchedule::new(&format("60", Scan::Progressive), 4320, Pacing::Linear);
        // 637 037.04 ns, then 3858.02 ns a packet
        assert_eq!(linear.departure_ns(0, 0), 637_037);
        assert_eq!(linear.departure_ns(0, 1), 640_895);
        assert_eq!(linear.departure_ns(0, 4319), 17_299_845);
        assert_eq!(linear.departure_ns(60, 0), 1_000_637_037);
        let gapped = SenderSchedule::new(&format("25", Scan::Interlaced), 4320, Pacing::Gapped);
        // 22/1125 of 40 ms; second field 20 ms later
        assert_eq!(gapped.departure_ns(0, 0), 782_222);
        assert_eq!(gapped.departure_ns(0, 2160), 20_782_222);
        assert_eq!(gapped.departure_ns(0, 2161), 20_791_111);
    }

    #[test]
    fn far_frames_have_not_drifted() {
        let format = format("60000/1001", Scan::Progressive);
        let schedule = SenderSchedule::with_offset(&format, 4115, Pacing::Linear, 1000);
        for frame in [1_u64 << 39, (1 << 40) - 7] {
            for index in [0, 1, 2000, 4114] {
                let exact = Ratio::new(1_001_000_000_000_i128, 60_000) * i128::from(frame)
                    + Ratio::new(1_001_000_000_000_i128, 60_000 * 4115) * index as i128
                    + 1000;
                let floor = exact.floor().to_integer() as u64;
                assert_eq!(schedule.departure_ns(frame, index), floor);
            }
        }
        assert_eq!(schedule.departure_ns(u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn bursts_cover_a_frame_and_stop_at_fields() {
        let schedule = SenderSchedule::new(&format("25", Scan::Interlaced), 10, Pacing::Linear);
        let ranges: Vec<_> = schedule.bursts(3, 4).map(|(_, range)| range).collect();
        assert_eq!(ranges, [0..4, 4..5, 5..9, 9..10]);
        for (due, range) in schedule.bursts(3, 4) {
            assert_eq!(due, schedule.departure_ns(3, range.start));
        }
        assert_eq!(schedule.bursts(0, 0).count(), 10);
    }

    proptest! {
        #[test]
        fn departures_grow_and_stay_in_their_frame(
            frame in 0_u64..1 << 40,
            index in 0_usize..4319,
            gapped: bool,
            interlaced: bool,
        ) {
            let scan = if interlaced { Scan::Interlaced } else { Scan::Progressive };
            let pacing = if gapped { Pacing::Gapped } else { Pacing::Linear };
            let schedule = SenderSchedule::new(&format("60000/1001", scan), 4320, pacing);
            let due = schedule.departure_ns(frame, index);
            prop_assert!(due < schedule.departure_ns(frame, index + 1));
            prop_assert!(due < schedule.departure_ns(frame + 1, 0));
        }

        #[test]
        fn the_next_frame_is_the_first_that_can_be_kept(tai in 1_u64 << 50..1 << 62) {
            let schedule = SenderSchedule::new(&format("60000/1001", Scan::Progressive), 4320, Pacing::Linear);
            let frame = schedule.next_frame(tai);
            prop_assert!(schedule.departure_ns(frame, 0) >= tai);
            prop_assert!(schedule.departure_ns(frame - 1, 0) < tai);
        }
    }
}
