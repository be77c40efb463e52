//! Frames and the sound of their time, held against each other.

use std::collections::VecDeque;

use ormatrix_strip::{Name, Tone};
use st2110::{
    audio::AudioFormat,
    timing::{VIDEO_CLOCK_HZ, rtp_to_tai},
};

use super::{LipSyncReport, OtherSource, SourceOffset, offsets::Offsets};
use crate::{
    check::{
        audio::{Heard, HeardWindow},
        judge::SeenFrame,
        media_time::sample_from,
    },
    time_text::rfc3339,
};

/// How long a frame waits for its sound, and for the frames behind it: a second.
const PATIENCE_NS: u64 = 1_000_000_000;

/// Windows of sound remembered: four seconds.
const REMEMBERED: usize = 4096;

/// Frames that wait at most.
const MOST_WAITING: usize = 1024;

/// Frames with another source's sound listed one by one; further ones are counted.
const MOST_OTHERS: usize = 64;

/// Sources told apart.
const MOST_SOURCES: usize = 64;

/// A frame whose sound is yet to be looked at.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    name: Name,
    tone: Tone,
    /// By its RTP timestamp.
    tai_ns: u64,
    /// How far its strip is ahead of that.
    ahead_ns: i64,
    period_ns: u64,
    frame: u32,
    arrived: u64,
    unix: u64,
}

#[derive(Debug)]
struct Source {
    name: Name,
    tone: Tone,
    offsets: Offsets,
}

/// Holds one stream of sound against the video.
#[derive(Debug)]
pub struct LipSync {
    rate_hz: u32,
    packet_ns: u64,
    ramp_ns: u64,
    waiting: VecDeque<Waiting>,
    /// In the order of their numbers.
    heard: VecDeque<HeardWindow>,
    /// Time line moment at which the source seen last changed.
    last_switch: Option<u64>,
    last_name: Option<Name>,
    newest: u64,
    sources: Vec<Source>,
    arrival: Offsets,
    report: LipSyncReport,
}

impl LipSync {
    /// `audio` is the stream's place; `ramp_ms` how long sound is faded at a switch.
    pub fn new(audio: usize, format: &AudioFormat, ramp_ms: u16) -> Self {
        let packet_ns = u64::from(format.samples_per_packet()) * 1_000_000_000
            / u64::from(format.rtp_clock_hz());
        Self {
            rate_hz: format.rtp_clock_hz(),
            packet_ns,
            ramp_ns: u64::from(ramp_ms) * 1_000_000,
            waiting: VecDeque::new(),
            heard: VecDeque::new(),
            last_switch: None,
            last_name: None,
            newest: 0,
            sources: Vec::new(),
            arrival: Offsets::default(),
            report: LipSyncReport { audio, ..LipSyncReport::default() },
        }
    }

    /// A frame was seen.
    pub fn frame(&mut self, frame: &SeenFrame) {
        self.newest = self.newest.max(frame.last.now);
        let Some(mark) = frame.mark else {
            self.report.without_strip += 1;
            return;
        };
        let tai_ns = rtp_to_tai(frame.time.timestamp(), frame.last.tai, VIDEO_CLOCK_HZ);
        let strip_ns = mark.tai_us.saturating_mul(1000);
        if self.waiting.len() == MOST_WAITING {
            self.look(true);
        }
        self.waiting.push_back(Waiting {
            name: mark.name,
            tone: Tone::of_name(mark.name.as_str()),
            tai_ns,
            ahead_ns: strip_ns.wrapping_sub(tai_ns).cast_signed(),
            period_ns: frame.period_ns,
            frame: mark.frame,
            arrived: frame.last.now,
            unix: frame.last.unix,
        });
        self.look_at_due();
    }

    /// A window of sound was heard.
    pub fn sound(&mut self, window: HeardWindow) {
        self.newest = self.newest.max(window.arrived.now);
        if self.heard.back().is_some_and(|last| last.number >= window.number) {
            // Another time line: what was before cannot be compared.
            self.heard.clear();
        }
        if self.heard.len() == REMEMBERED {
            self.heard.pop_front();
        }
        self.heard.push_back(window);
        self.look_at_due();
    }

    fn look_at_due(&mut self) {
        while let Some(front) = self.waiting.front() {
            let end = front.tai_ns + front.period_ns;
            let sounded = self
                .heard
                .back()
                .is_some_and(|last| last.number + last.length >= sample_from(end, self.rate_hz));
            let followed =
                self.waiting.back().is_some_and(|last| last.tai_ns >= end + self.ramp_ns);
            let expired = self.newest.saturating_sub(front.arrived) > PATIENCE_NS;
            if !(expired || sounded && followed) {
                return;
            }
            self.look(false);
        }
    }

    /// Looks at the frame that has waited longest, or at every one.
    fn look(&mut self, all: bool) {
        while let Some(frame) = self.waiting.pop_front() {
            if let Some(before) = self.last_name.replace(frame.name)
                && before != frame.name
            {
                self.last_switch = Some(frame.tai_ns);
            }
            self.measure(&frame);
            if !all {
                return;
            }
        }
    }

    fn measure(&mut self, frame: &Waiting) {
        let end_ns = frame.tai_ns + frame.period_ns;
        let (start, end) =
            (sample_from(frame.tai_ns, self.rate_hz), sample_from(end_ns, self.rate_hz));
        let first = self.heard.partition_point(|window| window.number + window.length <= start);
        let windows = || self.heard.iter().skip(first).take_while(|window| window.number < end);
        // The window of the frame's first moment.
        let moment = windows().next().filter(|w| w.number <= start && w.heard != Heard::Missing);
        let tone = |window: &HeardWindow| match window.heard {
            Heard::Tone(tone, offset) => Some((tone, offset)),
            _ => None,
        };
        let inside =
            |window: &&HeardWindow| window.number >= start && window.number + window.length <= end;
        let measured = windows().filter(inside).find_map(tone);
        let others = || {
            windows().filter(|window| {
                tone(window).is_some_and(|(tone, _)| tone != frame.tone)
                    && self.belongs(window, frame.tai_ns, end_ns)
            })
        };
        if let (Some(first), Some(last)) = (others().next(), others().last()) {
            let ms = |window: &HeardWindow| {
                let into = window.number.saturating_sub(start) as f64;
                into * 1000.0 / f64::from(self.rate_hz)
            };
            let ms = (ms(first), ms(last));
            let hz = tone(first).map_or(0, |(tone, _)| tone.hz());
            self.report.other_source_heard += 1;
            if self.report.others.len() < MOST_OTHERS {
                let (at, name) = (rfc3339(frame.unix), frame.name.as_str().to_owned());
                self.report.others.push(OtherSource { at, name, frame: frame.frame, hz, ms });
            }
        }
        if let Some(window) = moment {
            let apart = window.arrived.now.wrapping_sub(frame.arrived).cast_signed();
            self.arrival.record(apart / 1000);
        }
        let Some((_, offset)) = measured else {
            let any = windows().any(|window| window.heard != Heard::Missing);
            self.report.without_tone += u64::from(any);
            self.report.without_sound += u64::from(!any);
            return;
        };
        self.report.frames += 1;
        let sound_ns = i64::from(offset) * 1_000_000_000 / i64::from(self.rate_hz);
        let us = (sound_ns.saturating_sub(frame.ahead_ns) + 500).div_euclid(1000);
        if let Some(source) = self.sources.iter_mut().find(|source| source.name == frame.name) {
            source.offsets.record(us);
        } else if self.sources.len() < MOST_SOURCES {
            let mut offsets = Offsets::default();
            offsets.record(us);
            self.sources.push(Source { name: frame.name, tone: frame.tone, offsets });
        }
    }

    /// Whether a window must be the frame's: a switch is made between packets, and nothing
    /// is asked where a ramp may be.
    fn belongs(&self, window: &HeardWindow, start_ns: u64, end_ns: u64) -> bool {
        let hz = u128::from(self.rate_hz);
        let ns = |number: u64| (u128::from(number) * 1_000_000_000 / hz) as u64;
        let (from, to) = (ns(window.number), ns(window.number + window.length));
        if from < start_ns + self.packet_ns || to + self.packet_ns > end_ns {
            return false;
        }
        let next = self.waiting.iter().find(|next| Some(next.name) != self.last_name);
        let near = |switch: u64| {
            to + self.ramp_ns > switch && from < switch + self.ramp_ns && self.ramp_ns > 0
        };
        !self.last_switch.into_iter().chain(next.map(|next| next.tai_ns)).any(near)
    }

    /// Looks at all that still waits, and gives the verdict.
    pub fn finish(mut self) -> LipSyncReport {
        self.look(true);
        let mut report = self.report;
        let sample_us = 1e6 / f64::from(self.rate_hz);
        let mut all = Offsets::default();
        for Source { name, tone, offsets } in &self.sources {
            all.merge(offsets);
            // Each of the two was rounded by half a microsecond.
            let off = offsets.beyond(sample_us + 1.0);
            report.off += off;
            report.sources.push(SourceOffset {
                name: name.as_str().to_owned(),
                hz: tone.hz(),
                frames: offsets.total(),
                offset_us: offsets.report(),
                off,
            });
        }
        report.offset_us = all.report();
        report.arrival_us = self.arrival.report();
        report
    }
}
