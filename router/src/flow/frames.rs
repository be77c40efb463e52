//! Which packets belong to which frame, and which frames are whole. What is said of frames
//! holds for every unit of a stream; where each packet is one, as of sound, nothing is
//! remembered.

/// Frames remembered behind the current one, for late packets: half a second at 60 Hz,
/// longer than a leg may be behind.
const REMEMBERED: u64 = 32;

/// A frame as its packets have told so far. With fields, both are one frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame {
    /// Counts the flow's frames from 1; 0 is none.
    pub index: u64,
    timestamps: [Option<u32>; 2],
    /// Sequence number of its first packet, if that came.
    pub start: Option<u64>,
    /// Sequence number of its last packet, if known.
    pub end: Option<u64>,
    received: u32,
    last_field_begun: bool,
}

impl Frame {
    fn holds(&self, timestamp: u32) -> bool {
        self.index != 0 && self.timestamps.contains(&Some(timestamp))
    }

    /// Whether every packet from first to last is there.
    pub fn is_whole(&self) -> bool {
        match (self.start, self.end) {
            (Some(start), Some(end)) => end + 1 == start + u64::from(self.received),
            _ => false,
        }
    }
}

/// What a packet says about frames.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// RTP timestamp.
    pub timestamp: u32,
    /// First pixels of a frame.
    pub starts: bool,
    /// Last pixels of a frame, marker set.
    pub ends: bool,
    /// In the second field or segment.
    pub second_field: bool,
}

/// The last few frames of a flow.
#[derive(Clone, Debug)]
pub struct Frames {
    /// So many frames back a packet may still come; only then is a frame called cut.
    late: u64,
    /// Each packet is a frame.
    single: bool,
    ring: [Frame; REMEMBERED as usize],
    current: u64,
    wholes: u64,
    begun: u64,
    cut: u64,
}

/// How a packet changed its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The frame it belongs to.
    pub frame: u64,
    /// No packet of the frame came before this one.
    pub first: bool,
    /// The frame is whole with this packet.
    pub completes: bool,
}

impl Frames {
    /// None yet. Packets may be `late` frames late, less than are remembered.
    pub fn new(late: u64) -> Self {
        Self {
            late: late.min(REMEMBERED - 2),
            single: false,
            ring: [Frame::default(); REMEMBERED as usize],
            current: 0,
            wholes: 0,
            begun: 0,
            cut: 0,
        }
    }

    /// Those of a stream of which each packet is one.
    pub fn single() -> Self {
        Self { single: true, ..Self::new(0) }
    }

    /// Places a packet that the window has not seen before; `None` when its frame is
    /// forgotten. `newest` tells that no packet of a higher sequence number has come.
    #[inline]
    pub fn place(
        &mut self,
        sequence: u64,
        mark: Mark,
        newest: bool,
        fields: u16,
    ) -> Option<Placed> {
        if self.single {
            self.current = self.current.max(sequence);
            self.begun += 1;
            self.wholes += 1;
            return Some(Placed { frame: sequence, first: true, completes: true });
        }
        let current = self.frame_mut(self.current);
        if !current.holds(mark.timestamp) {
            if newest {
                self.begin(mark, fields);
            } else {
                return self.place_late(sequence, mark);
            }
        }
        let index = self.current;
        Some(self.add(index, sequence, mark))
    }

    fn place_late(&mut self, sequence: u64, mark: Mark) -> Option<Placed> {
        let frame = self.ring.iter().find(|frame| frame.holds(mark.timestamp))?.index;
        Some(self.add(frame, sequence, mark))
    }

    fn begin(&mut self, mark: Mark, fields: u16) {
        let frame = self.frame_mut(self.current);
        if fields == 2 && mark.second_field && frame.index != 0 && !frame.last_field_begun {
            frame.timestamps[1] = Some(mark.timestamp);
            frame.last_field_begun = true;
            return;
        }
        self.current += 1;
        self.begun += 1;
        self.judge(self.current.saturating_sub(self.late + 1));
        let current = self.current;
        *self.frame_mut(current) = Frame {
            index: current,
            timestamps: [Some(mark.timestamp), None],
            last_field_begun: mark.second_field,
            ..Frame::default()
        };
    }

    fn add(&mut self, index: u64, sequence: u64, mark: Mark) -> Placed {
        let frame = self.frame_mut(index);
        frame.received += 1;
        if mark.starts {
            frame.start = Some(sequence);
        }
        if mark.ends {
            frame.end = Some(sequence);
        }
        let first = frame.received == 1;
        let completes = frame.is_whole();
        if completes {
            self.wholes += 1;
        }
        Placed { frame: index, first, completes }
    }

    /// The frame whose packets arrive now, 0 before the first.
    pub fn current(&self) -> u64 {
        self.current
    }

    /// A remembered frame.
    pub fn get(&self, index: u64) -> Option<&Frame> {
        let frame = &self.ring[(index % REMEMBERED) as usize];
        (frame.index == index && index != 0).then_some(frame)
    }

    /// Whether a frame has nothing more to wait for: it is whole, or what is missing of it
    /// lies more than `patience` packets behind the highest.
    pub fn is_over(&self, index: u64, highest: Option<u64>, patience: u64) -> bool {
        if self.single {
            return true;
        }
        let Some(frame) = self.get(index) else { return true };
        if frame.is_whole() {
            return true;
        }
        let end = frame.end.or_else(|| self.get(index + 1)?.start.map(|start| start - 1));
        match (end, highest) {
            (Some(end), Some(highest)) => highest >= end + patience,
            // Neither its end nor the next one's start came: the one after shows enough.
            _ => index + 2 <= self.current,
        }
    }

    /// Frames begun, frames whole and frames cut since the last call.
    pub fn take_counts(&mut self) -> (u64, u64, u64) {
        let take = |count: &mut u64| std::mem::take(count);
        (take(&mut self.begun), take(&mut self.wholes), take(&mut self.cut))
    }

    /// The flow has ended or broken. Frame numbers go on, so that nothing of before is
    /// taken for something of after.
    pub fn interrupt(&mut self) {
        for back in 0..=self.late {
            self.judge(self.current.saturating_sub(back));
        }
        self.ring = [Frame::default(); REMEMBERED as usize];
    }

    /// Nothing more will come for a frame.
    fn judge(&mut self, index: u64) {
        let cut = self.get(index).is_some_and(|frame| !frame.is_whole());
        self.cut += u64::from(cut);
    }

    fn frame_mut(&mut self, index: u64) -> &mut Frame {
        &mut self.ring[(index % REMEMBERED) as usize]
    }
}
