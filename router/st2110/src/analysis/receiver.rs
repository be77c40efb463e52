//! The virtual receiver buffer (ST 2110-21 §6.6.2): VRX.
//!
//! Packet j of frame N is read at TPRj = TVD + j·TRS, TVD = N·TFRAME + TROFFSET. VRX is
//! what the buffer holds right after an arrival: packets that arrived and are still to be
//! read, those of the frame before among them. A packet that arrives at the very moment of
//! its reading is read: it adds nothing. One that arrives later makes the buffer run
//! empty: VRX is then negative, by how many TRS it is late, rounded up. A lost packet
//! counts as if it had come with the next one of its frame.

use crate::{
    format::VideoFormat,
    timing::{Exact, Pacing, frame_period_ns, trs_ns},
};

/// What a packet found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Packets in the buffer; negative when it ran empty.
    pub vrx: i64,
    /// How long before its reading the packet came, in [`VirtualReceiver::scale`] parts of
    /// a nanosecond; negative when it came too late.
    pub early: i128,
}

/// The read schedule of a stream and where it stands.
#[derive(Clone, Debug)]
pub struct VirtualReceiver {
    scale: i128,
    frame: i128,
    offset: i128,
    trs: i128,
    between_fields: i128,
    per_field: i128,
    packets: i128,
    /// How long before TVD a first packet may come: VRX_FULL packets, a frame at most.
    room: i128,
    list: bool,
    /// TVD of the frame at hand: whole nanoseconds, and parts behind them.
    datum: (i128, i128),
    current: Option<i128>,
    follows: bool,
}

impl VirtualReceiver {
    /// A receiver of frames of `packets` packets (at least 1) whose first is read
    /// `offset_ns` behind the frame's start.
    pub fn new(format: &VideoFormat, packets: usize, pacing: Pacing, offset_ns: Exact) -> Self {
        let packets = packets.max(1);
        let per_field = packets.div_ceil(usize::from(format.fields()));
        let trs = trs_ns(format, packets, pacing);
        let frame = frame_period_ns(format.rate);
        let between_fields = match pacing {
            Pacing::Linear => trs * per_field as i128,
            Pacing::Gapped => frame / 2,
        };
        let scale = [frame, offset_ns, trs, between_fields]
            .iter()
            .fold(1, |scale, value| scale / gcd(scale, *value.denom()) * *value.denom());
        let scaled = |value: Exact| (value * scale).to_integer();
        Self {
            scale,
            frame: scaled(frame),
            offset: scaled(offset_ns),
            trs: scaled(trs).max(1),
            between_fields: scaled(between_fields),
            per_field: per_field as i128,
            packets: packets as i128,
            room: 0,
            list: false,
            datum: (0, 0),
            current: None,
            follows: false,
        }
    }

    /// Holds up to `vrx_full` packets: a frame may begin that much before its TVD.
    #[must_use]
    pub fn with_room(mut self, vrx_full: u32) -> Self {
        self.room = (i128::from(vrx_full) * self.trs).min(self.frame);
        self
    }

    /// Counts as EBU LIST does: the schedule reads on before TVD and behind the frame's
    /// last packet, the buffer is empty at every frame's start, a packet late by less than
    /// a TRS reads 0, and the frame is the one that runs when its first packet arrives.
    #[must_use]
    pub const fn list_compatible(mut self) -> Self {
        self.list = true;
        self
    }

    /// Parts of a nanosecond that [`Reading::early`] counts in.
    pub const fn scale(&self) -> i128 {
        self.scale
    }

    /// The number of the frame whose packet `index` arrives at a moment: the one whose window,
    /// from VRX_FULL packets before TVD to TVD, is nearest. Negative near the epoch.
    pub fn nearest_frame(&self, time_ns: u64, index: usize) -> i128 {
        let time = i128::from(time_ns) * self.scale;
        if self.list {
            return time.div_euclid(self.frame);
        }
        let start = time - self.due(index as i128) - self.offset;
        (start + i128::midpoint(self.frame, self.room)).div_euclid(self.frame)
    }

    /// Goes to a frame. The frame before counts as received if it was the one gone to last.
    pub fn start_frame(&mut self, number: i128) {
        self.follows = self.current == number.checked_sub(1);
        self.current = Some(number);
        let datum = number * self.frame + self.offset;
        self.datum = (datum.div_euclid(self.scale), datum.rem_euclid(self.scale));
    }

    /// Forgets the frame before: it was not received whole.
    pub const fn break_off(&mut self) {
        self.current = None;
    }

    /// How far behind the start of the frame at hand a moment lies, in parts.
    pub fn behind_frame_start(&self, time_ns: u64) -> i128 {
        self.since_datum(time_ns) + self.offset
    }

    /// Takes packet `index` of the frame at hand in.
    #[inline]
    pub fn arrive(&self, index: usize, time_ns: u64) -> Reading {
        let index = index as i128;
        let since = self.since_datum(time_ns);
        let early = self.due(index) - since;
        let vrx = if self.list {
            index + 1 - (since + self.trs) / self.trs
        } else if early < 0 {
            // Rounded up: a packet late at all is missing.
            -((self.trs - 1 - early) / self.trs)
        } else {
            let unread =
                if self.follows { self.packets - self.reads(since + self.frame) } else { 0 };
            index + 1 - self.reads(since) + unread
        };
        Reading { vrx: i64::try_from(vrx).unwrap_or(i64::MIN), early }
    }

    fn since_datum(&self, time_ns: u64) -> i128 {
        (i128::from(time_ns) - self.datum.0) * self.scale - self.datum.1
    }

    /// When a packet is read, behind TVD.
    fn due(&self, index: i128) -> i128 {
        let field = i128::from(index >= self.per_field && self.per_field < self.packets);
        field * self.between_fields + (index - field * self.per_field) * self.trs
    }

    /// Packets of a frame read up to a moment behind its TVD.
    fn reads(&self, since: i128) -> i128 {
        let of_field = |since: i128, most: i128| {
            if since < 0 { 0 } else { (since / self.trs + 1).min(most) }
        };
        let first = of_field(since, self.per_field);
        let second = self.packets - self.per_field;
        if second > 0 { first + of_field(since - self.between_fields, second) } else { first }
    }
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
    use num_rational::Ratio;

    use super::*;
    use crate::format::{Depth, Packing, Rate, Sampling, Scan};

    fn format(scan: Scan) -> VideoFormat {
        VideoFormat {
            width: 1920,
            height: 1080,
            rate: Rate::new(25, 1).unwrap(),
            sampling: Sampling::YCbCr422,
            depth: Depth::D10,
            scan,
            packing: Packing::Gpm,
        }
    }

    /// 25 frames a second of 4 packets: TRS 10 ms linear, 9.6 ms gapped; TROFFSET 1 ms.
    fn receiver(pacing: Pacing, scan: Scan) -> VirtualReceiver {
        VirtualReceiver::new(&format(scan), 4, pacing, Ratio::from_integer(1_000_000))
    }

    fn read(receiver: &VirtualReceiver, index: usize, time_us: u64) -> i64 {
        receiver.arrive(index, time_us * 1000).vrx
    }

    #[test]
    fn a_linear_schedule_by_hand() {
        let mut receiver = receiver(Pacing::Linear, Scan::Progressive);
        // Frame 25 starts at 1 s; its packets are read at 1001, 1011, 1021, 1031 ms.
        assert_eq!(receiver.nearest_frame(1_000_900_000, 0), 25);
        assert_eq!(receiver.nearest_frame(1_010_900_000, 1), 25);
        // TVD is 1001 ms: nearest up to half a frame before and behind; with room for two
        // packets from 30 ms before to 10 ms behind.
        let frames = |receiver: &VirtualReceiver| {
            [980_999, 981_000, 970_999, 971_000, 1_010_999, 1_011_000, 1_020_999, 1_021_000]
                .map(|time_us: u64| receiver.nearest_frame(time_us * 1000, 0))
        };
        assert_eq!(frames(&receiver), [24, 25, 24, 24, 25, 25, 25, 26]);
        assert_eq!(frames(&receiver.clone().with_room(2)), [25, 25, 24, 25, 25, 26, 26, 26]);
        receiver.start_frame(25);
        assert_eq!(read(&receiver, 0, 1_000_999), 1);
        assert_eq!(read(&receiver, 0, 1_001_000), 0);
        assert_eq!(read(&receiver, 0, 1_001_001), -1);
        assert_eq!(read(&receiver, 0, 1_011_000), -1);
        assert_eq!(read(&receiver, 0, 1_011_001), -2);
        assert_eq!(read(&receiver, 3, 1_000_999), 4);
        assert_eq!(read(&receiver, 3, 1_010_999), 3);
        assert_eq!(read(&receiver, 3, 1_031_000), 0);
        assert_eq!(receiver.behind_frame_start(1_000_400_000), 400_000 * receiver.scale());
        // Frame 26 before its time: packet 3 of frame 25 is read at 1031 ms.
        receiver.start_frame(26);
        assert_eq!(read(&receiver, 0, 1_031_000), 1);
        assert_eq!(read(&receiver, 0, 1_030_999), 2);
        // Without frame 27 before it, frame 28 finds the buffer empty.
        receiver.start_frame(28);
        assert_eq!(read(&receiver, 0, 1_111_000), 1);
    }

    #[test]
    fn a_gapped_schedule_pauses_between_fields_and_frames() {
        let mut receiver = receiver(Pacing::Gapped, Scan::Interlaced);
        receiver.start_frame(0);
        // TVD 1 ms; reads at 1, 10.6, 21, 30.6 ms.
        assert_eq!(read(&receiver, 2, 10_600), 1);
        assert_eq!(read(&receiver, 2, 20_999), 1);
        assert_eq!(read(&receiver, 2, 21_000), 0);
        assert_eq!(read(&receiver, 3, 21_000), 1);
        assert_eq!(read(&receiver, 3, 30_600), 0);
        assert_eq!(read(&receiver, 3, 30_601), -1);
    }

    #[test]
    fn as_list_the_schedule_has_no_start() {
        let mut receiver = receiver(Pacing::Gapped, Scan::Progressive).list_compatible();
        // Frame 0 runs till 40 ms, and so its first packet belongs to it.
        assert_eq!(receiver.nearest_frame(39_999_999, 0), 0);
        assert_eq!(receiver.nearest_frame(40_000_000, 0), 1);
        receiver.start_frame(1);
        // TVD 41 ms. 28.8 ms before it, three readings that the standard does not have.
        assert_eq!(read(&receiver, 0, 41_000 - 28_800), 3);
        assert_eq!(read(&receiver, 0, 41_000), 0);
        assert_eq!(read(&receiver, 0, 41_000 + 9_599), 0);
        assert_eq!(read(&receiver, 0, 41_000 + 9_600), -1);
    }
}
