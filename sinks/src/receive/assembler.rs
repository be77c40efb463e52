//! Packets to whole frames, straight into the memory that the pictures are shown from.
//!
//! Sans-IO. Frame memory comes from a pool that the caller brings: a segment's octets are
//! copied once, from the packet to their place in the frame. Two frames are held, so that
//! packets that overtake each other across the boundary still find their frame. A frame is
//! handed out with its last missing packet, whole; one that ended without is reported and
//! its memory used again, never shown.

use st2110::{
    format::VideoFormat,
    rfc4175::{Coverage, Raster},
};

use super::{FrameTime, Packet, Refusal};

/// What a packet led to.
#[derive(Debug)]
pub enum Assembled<M> {
    /// Nothing yet.
    Nothing,
    /// A whole frame.
    Whole(WholeFrame<M>),
}

/// A frame of which every octet has arrived.
#[derive(Debug)]
pub struct WholeFrame<M> {
    /// The packed frame.
    pub memory: M,
    /// RTP timestamp, of the first field if it has two.
    pub timestamp: u32,
    /// When its first packet arrived, by whatever clock the caller uses.
    pub first_at: u64,
}

/// What went past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames handed out.
    pub whole: u64,
    /// Frames that ended incomplete.
    pub incomplete: u64,
    /// Frames for which the pool had no memory.
    pub without_memory: u64,
    /// Datagrams that were not packets of the stream.
    pub refused: u64,
    /// Packets whose segments do not lie in the format: the format has probably changed.
    pub outside_format: u64,
    /// Packets of frames that were already handed out or given up.
    pub late: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            whole: self.whole + other.whole,
            incomplete: self.incomplete + other.incomplete,
            without_memory: self.without_memory + other.without_memory,
            refused: self.refused + other.refused,
            outside_format: self.outside_format + other.outside_format,
            late: self.late + other.late,
        }
    }
}

#[derive(Debug)]
struct Slot<M> {
    time: FrameTime,
    memory: Option<M>,
    coverage: Coverage,
    first_at: u64,
    ssrc: u32,
}

/// Assembles the frames of one stream. `M` is the frame memory.
#[derive(Debug)]
pub struct Assembler<M> {
    format: VideoFormat,
    raster: Raster,
    payload_type: Option<u8>,
    /// The frame in progress and the one before, newest first.
    slots: [Option<Slot<M>>; 2],
    spare: Vec<Coverage>,
    free: Vec<M>,
    done: [Option<FrameTime>; 4],
    next_done: usize,
    counts: Counts,
}

impl<M: AsMut<[u8]>> Assembler<M> {
    /// For frames of this format in memory whose rows lie as `raster` says.
    pub fn new(format: &VideoFormat, raster: &Raster, payload_type: Option<u8>) -> Self {
        Self {
            format: *format,
            raster: *raster,
            payload_type,
            slots: [None, None],
            spare: (0..2).map(|_| Coverage::new(raster)).collect(),
            free: Vec::new(),
            done: [None; 4],
            next_done: 0,
            counts: Counts::default(),
        }
    }

    /// What went past so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a datagram that arrived `at`. `pool` is asked for memory of at least
    /// [`Raster::buffer_octets`] when a frame begins; `None` means the frame is passed over.
    pub fn packet(
        &mut self,
        octets: &[u8],
        at: u64,
        pool: &mut dyn FnMut() -> Option<M>,
    ) -> Assembled<M> {
        let packet = match Packet::parse(octets, &self.raster, self.payload_type) {
            Ok(packet) => packet,
            Err(refusal) => {
                self.counts.refused += 1;
                self.counts.outside_format += u64::from(matches!(refusal, Refusal::Geometry(_)));
                return Assembled::Nothing;
            }
        };
        let Some(index) = self.slot_of(&packet, at, pool) else { return Assembled::Nothing };
        let Some(slot) = &mut self.slots[index] else { return Assembled::Nothing };
        let recorded = slot.coverage.record(&packet.payload).is_ok();
        if let (true, Some(memory)) = (recorded, &mut slot.memory) {
            // The segments lie in the raster and the pool's memory holds it.
            let _ = self.raster.place(&packet.payload, packet.data, memory.as_mut());
        }
        if !slot.coverage.is_complete() {
            return Assembled::Nothing;
        }
        let Some(slot) = self.slots[index].take() else { return Assembled::Nothing };
        // A frame before this one that is still open can no longer be shown in order.
        if index == 0
            && let Some(older) = self.slots[1].take()
        {
            self.give_up(older);
        }
        self.finish(slot)
    }

    /// Forgets the frames in progress: the stream has stopped.
    pub fn clear(&mut self) {
        for index in 0..self.slots.len() {
            if let Some(slot) = self.slots[index].take() {
                self.give_up(slot);
            }
        }
    }

    /// The slot a packet belongs to; a new one if it begins a frame.
    fn slot_of(
        &mut self,
        packet: &Packet<'_>,
        at: u64,
        pool: &mut dyn FnMut() -> Option<M>,
    ) -> Option<usize> {
        let (timestamp, field, ssrc) = (packet.rtp.timestamp, packet.field(), packet.rtp.ssrc);
        let taken = self.slots.iter_mut().position(|slot| {
            slot.as_mut().is_some_and(|s| s.ssrc == ssrc && s.time.takes(timestamp, field))
        });
        if taken.is_some() {
            return taken;
        }
        if self.done.iter().flatten().any(|time| time.has(timestamp)) {
            self.counts.late += 1;
            return None;
        }
        if let Some(older) = self.slots[1].take() {
            self.give_up(older);
        }
        self.slots[1] = self.slots[0].take();
        let memory = self.free.pop().or_else(pool);
        self.counts.without_memory += u64::from(memory.is_none());
        let mut coverage = self.spare.pop().unwrap_or_else(|| Coverage::new(&self.raster));
        coverage.clear();
        let time = FrameTime::begin(&self.format, timestamp, field);
        self.slots[0] = Some(Slot { time, memory, coverage, first_at: at, ssrc });
        Some(0)
    }

    fn finish(&mut self, slot: Slot<M>) -> Assembled<M> {
        let Slot { time, memory, coverage, first_at, .. } = slot;
        self.remember(time);
        self.spare.push(coverage);
        let Some(memory) = memory else { return Assembled::Nothing };
        self.counts.whole += 1;
        Assembled::Whole(WholeFrame { memory, timestamp: time.timestamp(), first_at })
    }

    fn give_up(&mut self, slot: Slot<M>) {
        self.counts.incomplete += 1;
        self.remember(slot.time);
        self.spare.push(slot.coverage);
        self.free.extend(slot.memory);
    }

    const fn remember(&mut self, time: FrameTime) {
        self.done[self.next_done] = Some(time);
        self.next_done = (self.next_done + 1) % self.done.len();
    }
}

#[cfg(test)]
mod tests {
    use st2110::rfc4175::FramePlan;

    use super::*;

    const JSON: &str =
        r#"{"width":160,"height":32,"rate":"50","sampling":"YCbCr-4:2:2","depth":10}"#;

    struct Rig {
        assembler: Assembler<Vec<u8>>,
        plan: FramePlan,
        stride: usize,
        taken: usize,
    }

    impl Rig {
        fn new() -> Self {
            let format: VideoFormat = serde_json::from_str(JSON).unwrap();
            // Padded rows, as GStreamer may have them.
            let raster = Raster::new(&format).unwrap().with_stride(416).unwrap();
            Self {
                assembler: Assembler::new(&format, &raster, None),
                plan: FramePlan::new(&format, 1460).unwrap(),
                stride: 416,
                taken: 0,
            }
        }

        fn packets(&self, seed: u8, timestamp: u32) -> Vec<Vec<u8>> {
            let picture = picture(seed);
            (0..self.plan.packets())
                .map(|index| {
                    let planned = self.plan.packet(index).unwrap();
                    let mut packet = vec![0; planned.packet_len() - planned.data_len()];
                    packet[0] = 0x80;
                    packet[1] = 96;
                    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
                    planned.header.write(&mut packet[12..]).unwrap();
                    for range in planned.ranges() {
                        packet.extend_from_slice(&picture[range.clone()]);
                    }
                    packet
                })
                .collect()
        }

        fn feed<'a>(
            &mut self,
            packets: impl IntoIterator<Item = &'a Vec<u8>>,
        ) -> Vec<(u32, Vec<u8>)> {
            let mut whole = Vec::new();
            for packet in packets {
                let taken = &mut self.taken;
                let mut pool = || {
                    *taken += 1;
                    Some(vec![0_u8; 416 * 32])
                };
                if let Assembled::Whole(frame) = self.assembler.packet(packet, 0, &mut pool) {
                    let rows = frame.memory.chunks(self.stride);
                    whole.push((
                        frame.timestamp,
                        rows.flat_map(|row| row[..400].to_vec()).collect(),
                    ));
                }
            }
            whole
        }
    }

    fn picture(seed: u8) -> Vec<u8> {
        (0..160_usize * 32 * 5 / 2).map(|at| (at % 251) as u8 ^ seed).collect()
    }

    #[test]
    fn whole_frames_come_out_octet_for_octet() {
        let mut rig = Rig::new();
        for seed in 0..5 {
            let packets = rig.packets(seed, u32::from(seed) * 1800);
            assert_eq!(rig.feed(&packets), [(u32::from(seed) * 1800, picture(seed))]);
        }
        assert_eq!(rig.assembler.counts(), Counts { whole: 5, ..Counts::default() });
    }

    #[test]
    fn an_incomplete_frame_never_comes_out_and_its_memory_is_used_again() {
        let mut rig = Rig::new();
        let (one, two, three) = (rig.packets(1, 0), rig.packets(2, 1800), rig.packets(3, 3600));
        assert_eq!(rig.feed(&one[1..]), []);
        assert_eq!(rig.feed(&two[..two.len() - 1]), []);
        assert_eq!(rig.feed(&three), [(3600, picture(3))]);
        assert_eq!(rig.assembler.counts().incomplete, 2);
        assert_eq!(rig.taken, 2, "the third frame takes the first one's memory");
    }

    #[test]
    fn packets_may_overtake_each_other_across_the_boundary() {
        let mut rig = Rig::new();
        let (mut one, mut two) = (rig.packets(1, 0), rig.packets(2, 1800));
        one.swap(2, 5);
        let last = one.pop().unwrap();
        two.insert(3, last.clone());
        two.push(last); // and once more, late
        one.extend(two);
        assert_eq!(rig.feed(&one), [(0, picture(1)), (1800, picture(2))]);
        assert_eq!(rig.assembler.counts().late, 1);
    }

    #[test]
    fn an_older_frame_does_not_come_out_after_a_newer_one() {
        let mut rig = Rig::new();
        let (one, two) = (rig.packets(1, 0), rig.packets(2, 1800));
        rig.feed(&one[1..]);
        assert_eq!(rig.feed(&two), [(1800, picture(2))]);
        assert_eq!(rig.feed(&one[..1]), []);
    }

    #[test]
    fn what_is_not_the_stream_is_counted() {
        let mut rig = Rig::new();
        let mut outside = rig.packets(1, 0)[0].clone();
        outside[17] = 200;
        assert_eq!(rig.feed(&[b"garbage".to_vec(), outside]), []);
        let counts = rig.assembler.counts();
        assert_eq!((counts.refused, counts.outside_format), (2, 1));
    }
}
