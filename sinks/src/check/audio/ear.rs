//! What is heard, millisecond by millisecond: our tones, silence, clicks, switches.

use std::f64::consts::{FRAC_PI_2, PI};

use ormatrix_strip::{TONE_PEAK, Tone};
use st2110::audio::{AudioDepth, AudioFormat};

use super::{AudioReport, SoundSwitch, ToneReport, windows::Window};
use crate::{check::Arrival, time_text::rfc3339};

/// Windows without a tone after which the sound is something else: 250 ms.
const PATIENCE: u32 = 250;

/// From then on a tone is looked for in one of so many windows.
const SELDOM: u64 = 20;

/// Samples up to this, in 32 bits, are silence: a step of 16 bits, -90 dBFS.
const SILENT: u32 = 1 << 16;

/// What a step may be greater than the tone's own greatest.
const TOLERANCE: f64 = 1.05;

/// Switches listed one by one; further ones are counted.
const MOST_SWITCHES: usize = 4096;

/// Steps and jumps held until it is known what follows; further ones count as they are.
const MOST_PENDING: usize = 4096;

/// One window's account.
#[derive(Clone, Copy, Debug)]
pub struct HeardWindow {
    /// Number of its first sample since the TAI epoch.
    pub number: u64,
    /// Its samples.
    pub length: u64,
    /// When its first sample arrived.
    pub arrived: Arrival,
    /// What it is.
    pub heard: Heard,
}

/// What a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Samples of it did not come.
    Missing,
    /// Silence on all channels.
    Silence,
    /// Neither silence nor one of our tones, or not for certain.
    Other,
    /// A tone, and how many samples ahead of its timestamps it is: less than half its period
    /// (50 ms) either way.
    Tone(Tone, i32),
}

/// A step of the timestamps other than one packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jump {
    /// Number of the first sample behind it.
    pub number: u64,
    /// By how many samples it is too far.
    pub samples: i64,
}

/// What went on before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sound {
    Other,
    Silence,
    Tone(Tone),
}

impl Sound {
    fn name(self) -> String {
        match self {
            Self::Other => "other".to_owned(),
            Self::Silence => "silence".to_owned(),
            Self::Tone(tone) => tone.to_string(),
        }
    }
}

#[derive(Debug)]
struct ToneHeard {
    tone: Tone,
    windows: u64,
    first: u64,
    last: u64,
    offsets: (i32, i32),
}

/// Listens to the windows of a stream in their order.
#[derive(Debug)]
pub(super) struct Ear {
    rate_hz: u32,
    /// Of 24-bit or cut 16-bit samples.
    mask: i32,
    /// Greatest step of a ramp over samples of the tones' peak.
    ramp_step: f64,
    /// What went on up to now; `None` before anything is known.
    sound: Option<Sound>,
    /// The last window's tone and offset.
    last: Option<(Tone, i32)>,
    /// Windows since the last with a tone, and whether the tone was faded in any.
    without: u32,
    inexact: bool,
    /// Windows of silence in a row, and of something else since the last tone.
    quiet: u32,
    noise: u32,
    /// Number of the sample behind the last window with a tone.
    tone_end: u64,
    /// What the last window was, and when its like began.
    kind: Heard,
    began: Arrival,
    /// The last sample of each channel and the number of the one that follows.
    tail: Vec<i32>,
    tail_number: Option<u64>,
    /// Steps above what went on, until it is known what follows.
    pending: Vec<u64>,
    pending_max: u64,
    /// Steps to silence at gaps whose other side has not come yet.
    edges: Vec<u64>,
    jumps: Vec<Jump>,
    next_window: Option<u64>,
    tones: Vec<ToneHeard>,
    report: AudioReport,
}

impl Ear {
    pub fn new(format: &AudioFormat, ramp_ms: u16) -> Self {
        let rate_hz = format.rtp_clock_hz();
        let ramp_samples = f64::from(ramp_ms) * f64::from(rate_hz) / 1000.0;
        Self {
            rate_hz,
            mask: if format.depth == AudioDepth::L16 { !0xffff } else { !0xff },
            // A raised cosine is the steepest in use; a straight line is less steep.
            ramp_step: if ramp_ms == 0 {
                0.0
            } else {
                FRAC_PI_2 * f64::from(TONE_PEAK) / ramp_samples
            },
            sound: None,
            last: None,
            without: 0,
            inexact: false,
            quiet: 0,
            noise: 0,
            tone_end: 0,
            kind: Heard::Missing,
            began: Arrival::default(),
            tail: Vec::new(),
            tail_number: None,
            pending: Vec::new(),
            pending_max: 0,
            edges: Vec::new(),
            jumps: Vec::new(),
            next_window: None,
            tones: Vec::new(),
            report: AudioReport::default(),
        }
    }

    /// The timestamps jumped.
    pub fn jump(&mut self, jump: Jump) {
        if self.jumps.len() < MOST_PENDING {
            self.jumps.push(jump);
        }
    }

    /// Listens to a window.
    pub fn window(&mut self, window: &Window) -> HeardWindow {
        let length = window.length() as u64;
        if let Some(next) = self.next_window
            && window.number > next
        {
            self.report.missing_ms += (window.number - next) / length;
        }
        self.next_window = Some(window.number + length);
        let (heard, exact) = self.identify(window);
        match heard {
            Heard::Missing => self.report.missing_ms += 1,
            Heard::Silence => self.report.silent_ms += 1,
            Heard::Other => self.report.other_ms += 1,
            Heard::Tone(..) => self.report.tone_ms += 1,
        }
        self.inexact = !exact || self.without > 0 && self.inexact;
        if heard != std::mem::replace(&mut self.kind, heard) {
            self.began = window.arrived;
        }
        self.steps(window);
        match heard {
            Heard::Tone(tone, offset) => self.tone(window, tone, offset),
            Heard::Missing | Heard::Silence => {
                self.without = self.without.saturating_add(1);
                self.quiet = self.quiet.saturating_add(1);
                if self.quiet == PATIENCE {
                    self.becomes(Sound::Silence);
                }
            }
            Heard::Other => {
                self.without = self.without.saturating_add(1);
                self.quiet = 0;
                self.noise = self.noise.saturating_add(1);
                if self.noise == PATIENCE {
                    self.becomes(Sound::Other);
                }
            }
        }
        HeardWindow { number: window.number, length, arrived: window.arrived, heard }
    }

    /// What a window is, and whether each sample is the tone's as it was made.
    fn identify(&mut self, window: &Window) -> (Heard, bool) {
        if !window.is_whole() {
            self.last = None;
            return (Heard::Missing, false);
        }
        let first = window.channel(0);
        let silent = |channel: &[i32]| channel.iter().all(|s| s.unsigned_abs() <= SILENT);
        if window.channels().all(silent) {
            self.last = None;
            return (Heard::Silence, false);
        }
        if let Some((tone, offset)) = self.last
            && self.is_exact(tone, offset, 0, window)
        {
            self.check_channels(tone, offset, window);
            return (Heard::Tone(tone, offset), true);
        }
        let seldom = self.sound == Some(Sound::Other);
        if seldom && !(window.number / window.length() as u64).is_multiple_of(SELDOM) {
            self.last = None;
            return (Heard::Other, false);
        }
        let before = self.last.take();
        let Some(period) = Tone::period(self.rate_hz) else { return (Heard::Other, false) };
        let Some((hz, index)) = Tone::identify_at(self.rate_hz, first) else {
            return (Heard::Other, false);
        };
        let Some(tone) = Tone::from_hz(hz) else { return (Heard::Other, false) };
        let off = (u64::from(index) + period - window.number % period) % period;
        let off = if off >= period / 2 { off as i32 - period as i32 } else { off as i32 };
        self.last = Some((tone, off));
        let exact = self.is_exact(tone, off, 0, window);
        if exact {
            self.check_channels(tone, off, window);
        }
        // What is faded or scaled counts when the window before says the same.
        if exact || before == self.last {
            (Heard::Tone(tone, off), exact)
        } else {
            (Heard::Other, false)
        }
    }

    fn is_exact(&self, tone: Tone, offset: i32, channel: u8, window: &Window) -> bool {
        let start = window.number.wrapping_add_signed(i64::from(offset));
        let mut samples = window.channel(usize::from(channel)).iter().zip(start..);
        samples.all(|(sample, number)| {
            tone.sample(self.rate_hz, channel, number) & self.mask == *sample
        })
    }

    fn check_channels(&mut self, tone: Tone, offset: i32, window: &Window) {
        let others = 1..window.channels().count() as u8;
        let placed = others.into_iter().all(|n| self.is_exact(tone, offset, n, window));
        self.report.misplaced_channels_ms += u64::from(!placed);
    }

    /// Notes the steps of a window that are too great for what went on.
    fn steps(&mut self, window: &Window) {
        let bound = self.sound.map_or(u64::MAX, |sound| self.bound(sound, false));
        let length = window.length();
        let joined = self.tail_number == Some(window.number);
        for (index, channel) in window.channels().enumerate() {
            let tail = self.tail.get(index).copied().filter(|_| joined && window.has(0));
            let first = channel.first().copied().unwrap_or(0);
            let across = tail.map(|tail| tail.abs_diff(first));
            let whole = window.is_whole();
            let within = (1..length)
                .filter(|at| whole || window.has(at - 1) && window.has(*at))
                .map(|at| channel[at].abs_diff(channel[at - 1]));
            for step in across.into_iter().chain(within) {
                let step = u64::from(step);
                self.pending_max = self.pending_max.max(step);
                if step > bound && self.pending.len() < MOST_PENDING {
                    self.pending.push(step);
                }
            }
        }
        self.steps_at_gaps(window, bound);
        self.tail_number = None;
        if window.has(length - 1) {
            self.tail.clear();
            self.tail.extend(window.channels().map(|channel| channel[length - 1]));
            self.tail_number = Some(window.number + length as u64);
        }
    }

    /// Where the sender leaves samples out receivers play silence: a step there, which counts
    /// once it is known what comes behind, and a step back.
    fn steps_at_gaps(&mut self, window: &Window, bound: u64) {
        let length = window.length() as u64;
        let steps_at = |number: u64| {
            let at = number.wrapping_sub(window.number);
            let there = at < length && window.has(at as usize);
            let channels = window.channels().filter(move |_| there);
            channels.map(move |channel| u64::from(channel[at as usize].unsigned_abs()))
        };
        for jump in self.jumps.iter().filter(|jump| jump.samples > 0) {
            let before = jump.number.wrapping_sub(jump.samples.unsigned_abs() + 1);
            self.edges.extend(steps_at(before));
            let mut back = steps_at(jump.number).peekable();
            if back.peek().is_none() {
                continue;
            }
            for step in self.edges.drain(..).chain(back) {
                self.pending_max = self.pending_max.max(step);
                if step > bound && self.pending.len() < MOST_PENDING {
                    self.pending.push(step);
                }
            }
        }
        self.edges.truncate(MOST_PENDING);
    }

    /// The greatest step that a sound makes without a click, in 32 bits.
    fn bound(&self, sound: Sound, ramped: bool) -> u64 {
        let own = match sound {
            Sound::Other => return u64::MAX,
            Sound::Silence => 2.0 * f64::from(SILENT),
            Sound::Tone(tone) => self.step_of(tone),
        };
        let ramp = if ramped { self.ramp_step } else { 0.0 };
        // Cut to the depth, each of two samples may be a step off.
        (TOLERANCE * own.hypot(ramp)) as u64 + u64::from(self.mask.unsigned_abs())
    }

    fn step_of(&self, tone: Tone) -> f64 {
        let turn = f64::from(tone.hz()) / f64::from(self.rate_hz);
        2.0 * (PI * turn).sin() * f64::from(TONE_PEAK)
    }

    /// A tone is heard.
    fn tone(&mut self, window: &Window, tone: Tone, offset: i32) {
        let now = Sound::Tone(tone);
        let own = self.step_of(tone) as u64 >> 8;
        self.report.max_step_of_tone = self.report.max_step_of_tone.max(own);
        if self.sound == Some(now) {
            self.settle(now, now);
            self.explain_jumps(window, false);
        } else {
            if let Some(before) = self.sound {
                self.settle(before, now);
                let (gap, overlap) = self.explain_jumps(window, true);
                let mute = window.number.saturating_sub(self.tone_end);
                self.switch(window.arrived, (before, now), (mute, gap, overlap));
            }
            // Before the first sound there is nothing to compare with.
            self.pending.clear();
            self.pending_max = 0;
            self.sound = Some(now);
        }
        (self.without, self.quiet, self.noise) = (0, 0, 0);
        self.tone_end = window.number + window.length() as u64;
        let at = window.arrived.unix;
        if let Some(heard) = self.tones.iter_mut().find(|heard| heard.tone == tone) {
            heard.windows += 1;
            heard.last = at;
            heard.offsets = (heard.offsets.0.min(offset), heard.offsets.1.max(offset));
        } else {
            let offsets = (offset, offset);
            self.tones.push(ToneHeard { tone, windows: 1, first: at, last: at, offsets });
        }
    }

    /// No tone has been heard for long.
    fn becomes(&mut self, now: Sound) {
        self.noise = 0;
        let before = self.sound.replace(now);
        if let Some(before) = before
            && before != now
        {
            if now == Sound::Silence {
                self.settle(before, now);
            }
            self.switch(self.began, (before, now), (0, 0, 0));
        }
        self.pending.clear();
        self.pending_max = 0;
    }

    /// Judges the steps since the sound before was last heard for certain.
    fn settle(&mut self, before: Sound, now: Sound) {
        if self.pending_max == 0 {
            return;
        }
        let ramped = self.inexact && self.ramp_step > 0.0;
        let bound = self.bound(before, ramped).max(self.bound(now, ramped));
        if bound < u64::MAX {
            let clicks = self.pending.iter().filter(|step| **step > bound).count() as u64;
            self.report.clicks += clicks;
            if before != now {
                self.report.clicks_at_switches += clicks;
            }
            self.report.max_step = self.report.max_step.max(self.pending_max >> 8);
        }
        self.pending.clear();
        self.pending_max = 0;
    }

    /// Takes the jumps before a window's end: samples left out, and samples had twice.
    fn explain_jumps(&mut self, window: &Window, at_switch: bool) -> (u64, u64) {
        let end = window.number + window.length() as u64;
        let (mut gap, mut overlap) = (0, 0);
        let report = &mut self.report;
        self.jumps.retain(|jump| {
            if jump.number >= end {
                return true;
            }
            if at_switch {
                report.timestamp_breaks_at_switches += 1;
                let samples = jump.samples.unsigned_abs();
                if jump.samples > 0 { gap += samples } else { overlap += samples }
            }
            false
        });
        (gap, overlap)
    }

    /// From one sound to another, with samples without either, left out, and had twice.
    fn switch(&mut self, at: Arrival, (from, to): (Sound, Sound), samples: (u64, u64, u64)) {
        let ms = |samples: u64| samples as f64 * 1000.0 / f64::from(self.rate_hz);
        let (mute, gap_ms, overlap_ms) = (samples.0, ms(samples.1), ms(samples.2));
        let tones = matches!((from, to), (Sound::Tone(_), Sound::Tone(_)));
        let mute_ms = if tones { ms(mute).round() as u64 } else { 0 };
        let report = &mut self.report;
        report.switch_count += 1;
        report.longest_mute_ms = report.longest_mute_ms.max(mute_ms);
        report.longest_gap_ms = report.longest_gap_ms.max(gap_ms);
        report.longest_overlap_ms = report.longest_overlap_ms.max(overlap_ms);
        if report.switches.len() < MOST_SWITCHES {
            let (at, from, to) = (rfc3339(at.unix), from.name(), to.name());
            report.switches.push(SoundSwitch { at, from, to, mute_ms, gap_ms, overlap_ms });
        }
    }

    /// Adds what was heard to a report.
    pub fn into_report(self, report: &mut AudioReport) {
        let heard = self.tones.iter().map(|heard| ToneReport {
            hz: heard.tone.hz(),
            ms: heard.windows,
            first: rfc3339(heard.first),
            last: rfc3339(heard.last),
            min_offset: heard.offsets.0,
            max_offset: heard.offsets.1,
        });
        let AudioReport { packets, wrong_length, timestamp_breaks, latency_us, stream, .. } =
            std::mem::take(report);
        *report = AudioReport {
            packets,
            wrong_length,
            timestamp_breaks,
            latency_us,
            stream,
            tones: heard.collect(),
            ..self.report
        };
    }
}
