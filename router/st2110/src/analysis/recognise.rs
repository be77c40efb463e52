//! What a stream is, judged by its packets alone.
//!
//! A guess, and said to be one: where packets fit two samplings the more usual is taken,
//! and a stream that is too short is not told at all.

use std::collections::BTreeMap;

use super::{
    Arrival,
    audio::AudioSettings,
    follow::{Follower, Place, extend},
    units::{Step, Units},
};
use crate::{
    ancillary::AncPayload,
    audio::AudioDepth,
    format::{Depth, Packing, Pgroup, Rate, Sampling, Scan, VideoFormat},
    rfc4175::PayloadHeader,
    timing::VIDEO_CLOCK_HZ,
};

/// Sampling rates in use.
const SAMPLE_RATES: [u32; 4] = [44_100, 48_000, 96_000, 192_000];

/// Samplings and depths, the more usual first.
const SAMPLINGS: [(Sampling, Depth); 9] = [
    (Sampling::YCbCr422, Depth::D10),
    (Sampling::YCbCr422, Depth::D8),
    (Sampling::Rgb, Depth::D8),
    (Sampling::Rgb, Depth::D10),
    (Sampling::Rgb, Depth::D12),
    (Sampling::YCbCr422, Depth::D12),
    (Sampling::YCbCr420, Depth::D8),
    (Sampling::YCbCr420, Depth::D10),
    (Sampling::YCbCr420, Depth::D12),
];

/// Most different values remembered of anything.
const MOST_VALUES: usize = 64;

/// What kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// ST 2110-20.
    Video(RecognisedVideo),
    /// ST 2110-30.
    Audio(AudioSettings),
    /// ST 2110-40.
    Ancillary(RecognisedAncillary),
}

/// A video stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecognisedVideo {
    /// What it seems to look like.
    pub format: VideoFormat,
    /// Packets of most frames.
    pub packets_per_frame: Option<usize>,
    /// Whether other samplings fit as well.
    pub ambiguous: bool,
}

/// An ancillary data stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecognisedAncillary {
    /// Frames a second.
    pub rate: Option<Rate>,
    /// Whether its packets name fields.
    pub interlaced: bool,
}

/// What could be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognition {
    /// The kind, or why it cannot be told.
    pub kind: Result<StreamKind, &'static str>,
    /// SSRC of the first packet.
    pub ssrc: Option<u32>,
    /// Payload type of the first packet.
    pub payload_type: Option<u8>,
    /// RTP packets seen.
    pub packets: u64,
    /// A reception time and the RTP timestamp that came then, to compare clocks with.
    pub sample: Option<(u64, u32)>,
}

/// Looks at a stream's packets.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is something seen, or not")]
pub struct Recogniser {
    follower: Follower,
    units: Units,
    scratch: Vec<u8>,
    sample: Option<(u64, u32)>,
    not_video: u64,
    not_ancillary: u64,
    /// Pixels and octets of the widest line end, for each sampling that still fits.
    fits: [Option<u32>; SAMPLINGS.len()],
    started: bool,
    lines: u16,
    odd_lines: bool,
    fields: bool,
    moving_fields: bool,
    blocks: bool,
    last_field: Option<(bool, u32)>,
    last_timestamp: Option<u32>,
    last_segment: Option<(u32, bool, u16, u16, u16)>,
    frame_packets: BTreeMap<u64, u64>,
    frame_first: Option<u64>,
    unit_steps: u64,
    unit_ticks: u64,
    payload_lengths: BTreeMap<usize, u64>,
    timestamp_steps: BTreeMap<u32, u64>,
}

impl Recogniser {
    /// Takes a datagram in.
    pub fn record(&mut self, arrival: &Arrival<'_>) {
        let Some((header, number, place)) = self.follower.follow(arrival) else { return };
        self.sample.get_or_insert((arrival.time_ns, header.timestamp));
        if !self.started {
            self.started = true;
            self.blocks = true;
            self.fits = [Some(0); SAMPLINGS.len()];
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let packet = if arrival.is_cut() { extend(arrival, &mut scratch) } else { arrival.packet };
        let payload = header.payload(packet);
        if place == Place::Next
            && let Some(last) = self.last_timestamp
        {
            count(&mut self.timestamp_steps, header.timestamp.wrapping_sub(last));
        }
        if place.is_forward() {
            self.last_timestamp = Some(header.timestamp);
        }
        count(&mut self.payload_lengths, payload.len());
        let field = self.look(payload, header.timestamp);
        self.scratch = scratch;
        let second = field == Some(true);
        let step = self.units.step(number, place, header.marker, header.timestamp, second);
        if let Step::Starts { first, step } = step {
            if let (Some(first), Some(before)) = (first, self.frame_first)
                && !second
            {
                count(&mut self.frame_packets, first.saturating_sub(before));
            }
            if !second {
                self.frame_first = first;
            }
            if let Some(step) = step
                && step.cast_signed() >= 0
                && step < 10 * VIDEO_CLOCK_HZ
            {
                self.unit_steps += 1;
                self.unit_ticks += u64::from(step);
            }
        }
    }

    /// Looks at a payload as video and as ancillary data; gives the field bit, if it has one.
    fn look(&mut self, payload: &[u8], timestamp: u32) -> Option<bool> {
        let ancillary = AncPayload::parse(payload).ok().filter(|ancillary| {
            let mut sound = true;
            ancillary.violations(|error| {
                use crate::ancillary::AncError::{
                    LengthUnaligned, PacketTruncated, Reserved, Surplus, Unannounced,
                };
                sound &= !matches!(
                    error,
                    LengthUnaligned { .. }
                        | PacketTruncated { .. }
                        | Reserved { .. }
                        | Surplus { .. }
                        | Unannounced { .. }
                );
            });
            sound
        });
        let video = PayloadHeader::parse(payload)
            .ok()
            .filter(|header| header.data_start + header.data_len() == payload.len());
        if ancillary.is_none() {
            self.not_ancillary += 1;
        }
        let Some(header) = video else {
            self.not_video += 1;
            let field = ancillary?.field;
            self.fields |= field != crate::ancillary::AncField::Frame;
            return Some(field == crate::ancillary::AncField::Second);
        };
        if let Some(ancillary) = ancillary {
            self.fields |= ancillary.field != crate::ancillary::AncField::Frame;
            if self.not_ancillary == 0 {
                return Some(ancillary.field == crate::ancillary::AncField::Second);
            }
        }
        self.blocks &= header.data_len().is_multiple_of(180);
        let mut field = None;
        for srd in header.srds().iter().filter(|srd| srd.length > 0) {
            field.get_or_insert(srd.field);
            self.lines = self.lines.max(srd.line.saturating_add(1));
            self.odd_lines |= srd.line % 2 == 1;
            let segment = (timestamp, srd.field, srd.line, srd.offset, srd.length);
            for (fit, (sampling, depth)) in self.fits.iter_mut().zip(SAMPLINGS) {
                let Some(widest) = fit else { continue };
                let group = Pgroup::of(sampling, depth);
                let pixels = u32::from(srd.length / group.octets) * u32::from(group.pixels);
                let end = u32::from(srd.offset) + pixels;
                let whole = srd.length.is_multiple_of(group.octets)
                    && srd.offset.is_multiple_of(group.pixels);
                // Where a line goes on, its next segment begins where the last one ended.
                let meets = self.last_segment.is_none_or(|(time, field, line, offset, length)| {
                    (time, field, line) != (timestamp, srd.field, srd.line)
                        || srd.offset <= offset
                        || u32::from(offset)
                            + u32::from(length / group.octets) * u32::from(group.pixels)
                            <= u32::from(srd.offset)
                });
                *fit = (whole && meets).then(|| (*widest).max(end));
            }
            self.last_segment = Some(segment);
        }
        if let Some(field) = field {
            self.fields |= field;
            if let Some((last, time)) = self.last_field
                && last != field
                && field
            {
                self.moving_fields |= time != timestamp;
            }
            self.last_field = Some((field, timestamp));
        }
        field.or(Some(false))
    }

    /// What can be told so far.
    pub fn recognise(&self) -> Recognition {
        let rtp = self.follower.report();
        Recognition {
            kind: self.kind(),
            ssrc: rtp.ssrc,
            payload_type: rtp.payload_type,
            packets: rtp.packets,
            sample: self.sample,
        }
    }

    fn kind(&self) -> Result<StreamKind, &'static str> {
        let packets = self.follower.report().packets;
        if packets == 0 {
            return Err("no RTP packet");
        }
        if self.not_ancillary == 0 {
            let rate = self.rate(if self.fields { 2 } else { 1 });
            let interlaced = self.fields;
            return Ok(StreamKind::Ancillary(RecognisedAncillary { rate, interlaced }));
        }
        // A few faulty packets do not make it another kind.
        if self.not_video * 10 < packets {
            return self.video().map(StreamKind::Video);
        }
        self.audio().map(StreamKind::Audio).ok_or("neither video, audio nor ancillary data")
    }

    fn rate(&self, units_per_frame: u64) -> Option<Rate> {
        if self.unit_steps == 0 || self.unit_ticks == 0 {
            return None;
        }
        let steps = self.unit_steps as f64 / units_per_frame as f64;
        let seen = steps * f64::from(VIDEO_CLOCK_HZ) / self.unit_ticks as f64;
        let distance = |rate: Rate| {
            let (n, d) = (f64::from(*rate.ratio().numer()), f64::from(*rate.ratio().denom()));
            (n / d / seen - 1.0).abs()
        };
        let nearest = Rate::usual().min_by(|a, b| distance(*a).total_cmp(&distance(*b)))?;
        // Whole ticks leave up to 0.03 % of a single frame; a rate not in use is written
        // as it is.
        if distance(nearest) < 0.005 {
            return Some(nearest);
        }
        Rate::new((seen * 100.0).round() as u32, 100).ok()
    }

    fn video(&self) -> Result<RecognisedVideo, &'static str> {
        let mut fitting = self.fits.iter().zip(SAMPLINGS).filter_map(|(fit, (sampling, depth))| {
            let width = u16::try_from((*fit)?).ok().filter(|width| *width > 0)?;
            (sampling != Sampling::YCbCr420 || !self.odd_lines).then_some((width, sampling, depth))
        });
        // Lines that skip every other number are pairs: 4:2:0.
        let paired = !self.odd_lines && self.lines > 2;
        let all: Vec<_> = fitting.by_ref().collect();
        let fitting: Vec<_> = all
            .into_iter()
            .filter(|(_, sampling, _)| (*sampling == Sampling::YCbCr420) == paired)
            .collect();
        // A segment that ends in mid-line fits samplings of more pixels to an octet as
        // well, but then lines do not end where the next begin.
        let usual = |width: u16| {
            matches!(width, 640 | 720 | 960 | 1280 | 1440 | 1920 | 2048 | 2560 | 3840 | 4096 | 7680)
        };
        let chosen = fitting.iter().find(|(width, ..)| usual(*width)).or(fitting.first());
        let Some((width, sampling, depth)) = chosen.copied() else {
            return Err("video whose segments fit no sampling");
        };
        let rows = if paired { self.lines.saturating_add(1) } else { self.lines };
        let scan = match (self.fields, self.moving_fields) {
            (false, _) => Scan::Progressive,
            (true, true) => Scan::Interlaced,
            (true, false) => Scan::Psf,
        };
        let units = if scan == Scan::Progressive { 1 } else { 2 };
        let Some(rate) = self.rate(units) else {
            return Err("video too short to tell its frame rate");
        };
        let height = rows.saturating_mul(units as u16);
        let packing = if self.blocks { Packing::Bpm } else { Packing::Gpm };
        let most = self.frame_packets.iter().max_by_key(|(_, times)| **times);
        let usual_fits = fitting.iter().filter(|(width, ..)| usual(*width)).count();
        Ok(RecognisedVideo {
            format: VideoFormat { width, height, rate, sampling, depth, scan, packing },
            packets_per_frame: most.and_then(|(packets, _)| usize::try_from(*packets).ok()),
            ambiguous: usual_fits != 1,
        })
    }

    fn audio(&self) -> Option<AudioSettings> {
        let rtp = self.follower.report();
        let most = |(_, times): &(&u32, &u64)| **times;
        let (samples, _) = self.timestamp_steps.iter().max_by_key(most)?;
        let (length, _) = self.payload_lengths.iter().max_by_key(|(_, times)| **times)?;
        let mean = super::spread::approximate(rtp.interval_ns.mean()?);
        if *samples == 0 || *samples > 10_000 || mean <= 0.0 {
            return None;
        }
        let seen = f64::from(*samples) * 1e9 / mean;
        let distance = |rate: u32| (f64::from(rate) / seen - 1.0).abs();
        let clock_hz =
            SAMPLE_RATES.into_iter().min_by(|a, b| distance(*a).total_cmp(&distance(*b)))?;
        if distance(clock_hz) > 0.05 {
            return None;
        }
        let of = |depth: AudioDepth| {
            let frame = depth.octets() * *samples as usize;
            let channels = u16::try_from(length / frame).ok()?;
            (length % frame == 0 && (1..=64).contains(&channels)).then_some(AudioSettings {
                clock_hz,
                depth,
                channels,
                samples_per_packet: *samples,
            })
        };
        of(AudioDepth::L24).or_else(|| of(AudioDepth::L16))
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    if counts.len() < MOST_VALUES || counts.contains_key(&key) {
        *counts.entry(key).or_default() += 1;
    }
}
