//! Judges what an output sent, packet by packet, against what the network delivered.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::sources::Tag;

/// What reached the router, by source and frame.
#[derive(Default)]
pub struct Delivered {
    frames: HashMap<(u8, u32), BTreeSet<u16>>,
}

impl Delivered {
    pub fn note(&mut self, tag: Tag) {
        self.frames.entry((tag.source, tag.frame)).or_default().insert(tag.index);
    }

    fn of(&self, source: u8, frame: u32) -> Option<&BTreeSet<u16>> {
        self.frames.get(&(source, frame))
    }

    /// Frames of which every packet was delivered.
    pub fn is_whole(&self, source: u8, frame: u32, count: u16) -> bool {
        self.of(source, frame).is_some_and(|packets| packets.len() == usize::from(count))
    }

    pub fn forget_before(&mut self, oldest: &[u32]) {
        self.frames.retain(|(source, frame), _| *frame + 1000 > oldest[usize::from(*source)]);
    }
}

/// What was wrong with an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub frames: u64,
    pub partial: u64,
    pub mixed: u64,
    pub duplicated: u64,
    pub sequence_breaks: u64,
    pub ssrc_changes: u64,
    pub skipped: u64,
    pub switches: u64,
    pub first: Option<String>,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.partial
            + self.mixed
            + self.duplicated
            + self.sequence_breaks
            + self.ssrc_changes
            + self.skipped
            == 0
    }
}

struct Seen {
    sequence: u64,
    tag: Tag,
}

/// Follows one output. Packets are put in order of their output sequence within a window,
/// as any receiver does.
pub struct Judge {
    ssrc: u32,
    highest: Option<u64>,
    window: BTreeMap<u64, Tag>,
    last: Option<Seen>,
    /// Frames already left, so that one that comes back shows.
    closed: BTreeSet<(u8, u32)>,
    present: BTreeSet<u16>,
    /// Sequence numbers between a take and its confirmation: there frames may be missed.
    takes: Vec<(u64, Option<u64>)>,
    pub verdict: Verdict,
    /// Every packet sent.
    pub packets: u64,
}

/// Packets that may arrive out of order.
const WINDOW: usize = 64;

impl Judge {
    pub fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            highest: None,
            window: BTreeMap::new(),
            last: None,
            closed: BTreeSet::new(),
            present: BTreeSet::new(),
            takes: Vec::new(),
            verdict: Verdict::default(),
            packets: 0,
        }
    }

    /// A take has been ordered.
    pub fn take(&mut self) {
        self.takes.push((self.highest.unwrap_or(0), None));
    }

    /// The newest take has been confirmed.
    pub fn confirmed(&mut self) {
        for (_, to) in &mut self.takes {
            *to = to.or(self.highest);
        }
        let judged = self.last.as_ref().map_or(0, |last| last.sequence);
        self.takes.retain(|(_, to)| to.is_none_or(|to| to >= judged));
    }

    pub fn hear(&mut self, packet: &[u8], delivered: &Delivered) {
        self.packets += 1;
        let ssrc = u32::from_be_bytes(packet[8..12].try_into().unwrap());
        if ssrc != self.ssrc {
            self.verdict.ssrc_changes += 1;
        }
        let low = u16::from_be_bytes([packet[2], packet[3]]);
        let high = u16::from_be_bytes([packet[12], packet[13]]);
        let sequence_32 = u32::from(high) << 16 | u32::from(low);
        let sequence = match self.highest {
            None => u64::from(sequence_32) + (1 << 32),
            Some(highest) => {
                let step = sequence_32.wrapping_sub(highest as u32).cast_signed();
                if step.unsigned_abs() > 2 * WINDOW as u32 {
                    self.blame("sequence break", format!("step of {step}"));
                    self.verdict.sequence_breaks += 1;
                }
                highest.saturating_add_signed(i64::from(step))
            }
        };
        self.highest = self.highest.max(Some(sequence));
        if self.window.insert(sequence, Tag::read(packet)).is_some() {
            self.verdict.sequence_breaks += 1;
            self.blame("sequence used twice", format!("{sequence}"));
        }
        while self.window.len() > WINDOW {
            self.judge_next(delivered);
        }
    }

    /// Judges what is still in the window; the frame under way is left unjudged.
    pub fn finish(&mut self, delivered: &Delivered) {
        while !self.window.is_empty() {
            self.judge_next(delivered);
        }
    }

    fn judge_next(&mut self, delivered: &Delivered) {
        let Some((sequence, tag)) = self.window.pop_first() else { return };
        let frame = (tag.source, tag.frame);
        if let Some(Seen { sequence: before, tag: last }) = self.last {
            if sequence <= before {
                self.verdict.sequence_breaks += 1;
                self.blame(
                    "sequence goes back",
                    format!("{last:?} {before} -> {tag:?} {sequence}"),
                );
            }
            let left = (last.source, last.frame);
            if frame != left {
                self.close(last, delivered);
                if self.closed.contains(&frame) {
                    self.verdict.mixed += 1;
                    self.blame("a frame comes back", format!("{last:?} -> {tag:?}"));
                }
                if tag.source == last.source {
                    // Skew and restarts aside, frames of one source follow each other.
                    let excused = tag.start != last.start
                        || self
                            .takes
                            .iter()
                            .any(|(from, to)| before >= *from && to.is_none_or(|to| before <= to));
                    if !excused {
                        self.check_skip(last, tag, delivered);
                    }
                } else {
                    self.verdict.switches += 1;
                }
            } else if self.present.contains(&tag.index) {
                self.verdict.duplicated += 1;
                self.blame("a packet twice", format!("{tag:?}"));
            }
            // Numbers that are missing belong to packets that were not delivered.
            let gap = sequence.saturating_sub(before) - 1;
            if gap > 0 && !Self::explains(gap, last, tag, delivered) {
                self.verdict.sequence_breaks += 1;
                self.blame("unexplained gap", format!("{gap} between {last:?} and {tag:?}"));
            }
        }
        self.present.insert(tag.index);
        self.last = Some(Seen { sequence, tag });
    }

    /// Whether so many packets between two that were sent are missing from the delivery.
    fn explains(gap: u64, last: Tag, tag: Tag, delivered: &Delivered) -> bool {
        let missing = |source, frame, from: u16, to: u16| {
            (from..to)
                .filter(|i| !delivered.of(source, frame).is_some_and(|f| f.contains(i)))
                .count() as u64
        };
        if (last.source, last.frame) == (tag.source, tag.frame) {
            return missing(tag.source, tag.frame, last.index + 1, tag.index) == gap;
        }
        // Lost at the end of the old frame, and before the first packet of a new one.
        let tail = missing(last.source, last.frame, last.index + 1, last.count);
        let head = if last.source == tag.source && tag.frame == last.frame + 1 {
            missing(tag.source, tag.frame, 0, tag.index)
        } else {
            0
        };
        // A source that broke off leaves without its tail.
        gap == tail + head || gap == head || gap == tail
    }

    fn check_skip(&mut self, last: Tag, tag: Tag, delivered: &Delivered) {
        if tag.frame == last.frame + 1 {
            return;
        }
        let skipped = (last.frame + 1..tag.frame)
            .filter(|frame| delivered.is_whole(tag.source, *frame, tag.count))
            .count() as u64;
        self.verdict.skipped += skipped;
        if skipped > 0 {
            self.blame("frames missed without a take", format!("{last:?} -> {tag:?}"));
        }
    }

    fn close(&mut self, last: Tag, delivered: &Delivered) {
        let key = (last.source, last.frame);
        let sent = std::mem::take(&mut self.present);
        self.verdict.frames += 1;
        match delivered.of(last.source, last.frame) {
            Some(there) if *there == sent => {}
            there => {
                self.verdict.partial += 1;
                let there = there.map_or(0, BTreeSet::len);
                self.blame("partial", format!("{key:?}: {} of {there} delivered", sent.len()));
            }
        }
        self.closed.insert(key);
        if self.closed.len() > 8192 {
            let oldest = self.closed.iter().map(|(_, frame)| *frame).max().unwrap_or(0);
            self.closed.retain(|(_, frame)| frame + 1200 > oldest);
        }
    }

    fn blame(&mut self, what: &str, detail: impl std::fmt::Display) {
        self.verdict.first.get_or_insert_with(|| format!("{what}: {detail}"));
    }
}
