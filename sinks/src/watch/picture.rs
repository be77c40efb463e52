//! Whether a picture is frozen or black, decided from samples of its packets: no I/O, no
//! clock.
//!
//! A sample is every packet of one frame period, wherever in the frame it begins, so that
//! each place of the picture comes once. Of each place the octets are kept as a hash.
//!
//! - **Frozen**: in every sample for the time asked for, every octet of every place was as in
//!   the sample before. One place that changed, noise in the lowest bit, a clock in a corner:
//!   not frozen.
//! - **Black**: in every sample for the time asked for, every luma sample (every sample of
//!   RGB) was at most nominal black and a little, at the depth of the wire.
//!
//! Neither is claimed of a sample that is not nearly whole, and both are taken back by the
//! first packet of a sample that contradicts.
//!
//! Cost: about 100 ns a packet of 1200 octets and 24 octets of memory a place.

use std::collections::HashMap;

use st2110::{
    format::{Depth, Sampling, VideoFormat},
    rfc4175::PayloadHeader,
    rtp::RtpHeader,
};

/// Most places remembered: far more than a frame of 2160p has packets.
const MOST_PLACES: usize = 1 << 17;

/// A place that did not come in so many samples is none any more.
const FORGET_AFTER: u64 = 4;

/// Black in parts of 8 bits: the nominal level (BT.709 §4.6; 0 where the full range is used)
/// and what a camera's pedestal and noise add.
const NOMINAL_BLACK: u16 = 16;
const TOLERANCE: u16 = 4;

/// What to look for, and in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureRules {
    /// The declared format.
    pub format: VideoFormat,
    /// The declared payload type; packets of others are not looked at.
    pub payload_type: u8,
    /// Whether black is 0 (`RANGE=FULL` or `FULLPROTECT`).
    pub full_range: bool,
    /// Frozen when unchanged for so long; not looked for if not given.
    pub frozen_ms: Option<u32>,
    /// Black when black for so long; not looked for if not given.
    pub black_ms: Option<u32>,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureFindings {
    /// Nothing changes.
    pub frozen: bool,
    /// Nothing is brighter than black.
    pub black: bool,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u64,
    sample: u64,
}

/// A sample being taken.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    at_ns: u64,
    /// Places that came, known before or not.
    places: usize,
    /// Of these, known before.
    known: usize,
    changed: bool,
    /// Brighter than black.
    bright: bool,
}

/// Looks at one input's picture.
#[derive(Clone, Debug)]
pub struct Picture {
    rules: PictureRules,
    /// Greatest value that is black.
    black: u16,
    places: HashMap<u32, Place>,
    number: u64,
    sample: Sample,
    first_ns: Option<u64>,
    unchanged_since: Option<u64>,
    black_since: Option<u64>,
    findings: PictureFindings,
}

impl Picture {
    /// Nothing seen yet.
    pub fn new(rules: PictureRules) -> Self {
        let nominal = if rules.full_range { 0 } else { NOMINAL_BLACK };
        Self {
            rules,
            black: (nominal + TOLERANCE) << (rules.format.depth.bits() - 8),
            places: HashMap::new(),
            number: 0,
            sample: Sample::default(),
            first_ns: None,
            unchanged_since: None,
            black_since: None,
            findings: PictureFindings::default(),
        }
    }

    /// A sample begins, at a time that never goes back.
    pub fn begin(&mut self, at_ns: u64) {
        self.number += 1;
        self.sample = Sample { at_ns, ..Sample::default() };
    }

    /// Takes a packet of the sample in: the payload of a UDP datagram.
    pub fn packet(&mut self, packet: &[u8]) {
        let Ok(header) = RtpHeader::parse(packet) else { return };
        if header.payload_type != self.rules.payload_type {
            return;
        }
        let payload = header.payload(packet);
        let Ok(layout) = PayloadHeader::parse(payload) else { return };
        let Some(first) = layout.srds().iter().find(|srd| srd.length > 0) else { return };
        let data = payload.get(layout.data_start..).unwrap_or(&[]);
        let data = data.get(..layout.data_len()).unwrap_or(data);
        // 16 bits of field and line, 15 of offset.
        let key = u32::from(first.field) << 31 | u32::from(first.line) << 15;
        let key = key ^ u32::from(first.offset);
        let hash = hash(data);
        let sample = &mut self.sample;
        let room = self.places.len() < MOST_PLACES;
        if let Some(place) = self.places.get_mut(&key) {
            sample.changed |= place.hash != hash;
            // A second frame within one sample counts once.
            if place.sample != self.number {
                sample.places += 1;
                sample.known += 1;
            }
            *place = Place { hash, sample: self.number };
        } else {
            sample.places += 1;
            if room {
                self.places.insert(key, Place { hash, sample: self.number });
            }
        }
        if self.rules.black_ms.is_some() && !sample.bright {
            sample.bright = is_brighter(&self.rules.format, data, self.black);
        }
    }

    /// Whether it has been looked at for as long as anything takes to be found.
    pub fn is_settled(&self) -> bool {
        let longest = self.rules.frozen_ms.max(self.rules.black_ms);
        self.first_ns.is_some_and(|first| lasted(longest, first, self.sample.at_ns))
    }

    /// Whether every place that is known has come in this sample: it may end.
    pub fn is_covered(&self) -> bool {
        let before = self.places.len().saturating_sub(self.sample.places - self.sample.known);
        before > 0 && self.sample.known >= before
    }

    /// Whether anything has come in this sample.
    pub const fn is_empty(&self) -> bool {
        self.sample.places == 0
    }

    /// Whether no sample has told yet where the places are.
    pub fn is_new(&self) -> bool {
        self.places.len() == self.sample.places - self.sample.known
    }

    /// The sample ends: what is found now. `lost` says that packets of the sample were lost
    /// by who looks, so that their absence means nothing.
    pub fn end(&mut self, lost: bool) -> PictureFindings {
        let Sample { at_ns, places, known, changed, bright } = self.sample;
        self.first_ns.get_or_insert(at_ns);
        if places == 0 {
            // Nothing arrives, which is for others to tell.
            if !lost {
                (self.unchanged_since, self.black_since) = (None, None);
                self.findings = PictureFindings::default();
            }
            return self.findings;
        }
        let nearly = |part: usize, whole: usize| part * 10 >= whole * 9;
        let whole = nearly(places, self.places.len());
        // With places that were not there before it is another picture.
        if changed || !nearly(known, places) {
            self.unchanged_since = Some(at_ns);
            self.findings.frozen = false;
        } else if whole {
            let since = *self.unchanged_since.get_or_insert(at_ns);
            self.findings.frozen = lasted(self.rules.frozen_ms, since, at_ns);
        }
        if bright || self.rules.black_ms.is_none() {
            self.black_since = None;
            self.findings.black = false;
        } else if whole {
            let since = *self.black_since.get_or_insert(at_ns);
            self.findings.black = lasted(self.rules.black_ms, since, at_ns);
        }
        let oldest = self.number.saturating_sub(FORGET_AFTER);
        self.places.retain(|_, place| place.sample > oldest);
        self.findings
    }
}

fn lasted(asked_ms: Option<u32>, since_ns: u64, now_ns: u64) -> bool {
    asked_ms.is_some_and(|ms| now_ns.saturating_sub(since_ns) >= u64::from(ms) * 1_000_000)
}

/// A 64-bit hash, four words side by side. A change of a single word always changes it;
/// nobody gains by finding two pictures of one hash.
fn hash(data: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |lane: u64, octets: &[u8; 8]| {
        (lane.rotate_left(23) ^ u64::from_le_bytes(*octets)).wrapping_mul(MIX)
    };
    let mut lanes = [1, 2, 3, data.len() as u64];
    let (blocks, rest) = data.as_chunks::<32>();
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = mix(*lane, word);
        }
    }
    let mut last = [0; 32];
    last[..rest.len()].copy_from_slice(rest);
    for (lane, word) in lanes.iter_mut().zip(last.as_chunks::<8>().0) {
        *lane = mix(*lane, word);
    }
    lanes.into_iter().fold(0, |whole, lane| mix(whole, &lane.to_le_bytes()))
}

/// Whether a luma sample (any of RGB) of whole pixel groups is above a value.
fn is_brighter(format: &VideoFormat, data: &[u8], above: u16) -> bool {
    // By far the most usual sampling, at its most usual depths: `Cb Y Cr Y` octet by octet.
    match (format.sampling, format.depth) {
        (Sampling::YCbCr422, Depth::D8) => {
            let brightest = |[_, one, _, other]: &[u8; 4]| u16::from(*one.max(other));
            return data.as_chunks().0.iter().any(|group| brightest(group) > above);
        }
        (Sampling::YCbCr422, Depth::D10) => {
            let brightest = |[_, b, c, d, e]: &[u8; 5]| {
                let one = u16::from(b & 0x3f) << 4 | u16::from(c >> 4);
                one.max(u16::from(d & 0x03) << 8 | u16::from(*e))
            };
            return data.as_chunks().0.iter().any(|group| brightest(group) > above);
        }
        _ => {}
    }
    // Which samples of a cell are luma: `Cb Y Cr Y`, `Y Y Y Y Cb Cr`, `Cb Y Cr`, `R G B`.
    let luma: &[bool] = match format.sampling {
        Sampling::YCbCr422 => &[false, true, false, true],
        Sampling::YCbCr420 => &[true, true, true, true, false, false],
        Sampling::YCbCr444 => &[false, true, false],
        Sampling::Rgb => &[true],
    };
    let mut cell = luma.iter().copied().cycle();
    let mut bright = |sample: u16| cell.next() == Some(true) && sample > above;
    // Every run of samples that fills whole octets.
    match format.depth {
        Depth::D8 => data.iter().any(|octet| bright(u16::from(*octet))),
        Depth::D10 => data.as_chunks::<5>().0.iter().any(|[a, b, c, d, e]| {
            let bits = u64::from_be_bytes([0, 0, 0, *a, *b, *c, *d, *e]);
            // All four, that the cell stays in step.
            [30, 20, 10, 0]
                .into_iter()
                .fold(false, |any, shift| bright((bits >> shift & 0x3ff) as u16) | any)
        }),
        Depth::D12 => data.as_chunks::<3>().0.iter().any(|[a, b, c]| {
            let bits = u32::from_be_bytes([0, *a, *b, *c]);
            bright((bits >> 12) as u16) | bright((bits & 0xfff) as u16)
        }),
    }
}

#[cfg(test)]
mod tests {
    use st2110::{
        format::{Packing, Rate, Scan},
        rfc4175::FramePlan,
    };

    use super::*;

    const MS: u64 = 1_000_000;

    fn format(sampling: Sampling, depth: Depth) -> VideoFormat {
        VideoFormat {
            width: 96,
            height: 32,
            rate: Rate::new(50, 1).unwrap(),
            sampling,
            depth,
            scan: Scan::Progressive,
            packing: Packing::Gpm,
        }
    }

    fn rules(format: VideoFormat) -> PictureRules {
        PictureRules {
            format,
            payload_type: 96,
            full_range: false,
            frozen_ms: Some(500),
            black_ms: Some(300),
        }
    }

    /// The packets of a frame whose octets are as given.
    fn packets(format: &VideoFormat, frame: &[u8]) -> Vec<Vec<u8>> {
        let plan = FramePlan::new(format, 400).unwrap();
        let each = |index| {
            let planned = plan.packet(index).unwrap();
            let mut packet = vec![0; planned.packet_len() - planned.data_len()];
            planned.write_header(index as u32, 0, 1, 96, &mut packet);
            for range in planned.ranges() {
                packet.extend_from_slice(&frame[range.clone()]);
            }
            packet
        };
        (0..plan.packets()).map(each).collect()
    }

    fn octets(format: &VideoFormat) -> usize {
        FramePlan::new(format, 400).unwrap().raster().buffer_octets()
    }

    fn sample(picture: &mut Picture, at_ms: u64, packets: &[Vec<u8>]) -> PictureFindings {
        picture.begin(at_ms * MS);
        for packet in packets {
            picture.packet(packet);
        }
        picture.end(false)
    }

    /// A frame of one value for luma (all of RGB) and one for chroma.
    fn flat(format: &VideoFormat, luma: u16, chroma: u16) -> Vec<u8> {
        let cell: &[u16] = match format.sampling {
            Sampling::YCbCr422 => &[chroma, luma, chroma, luma],
            Sampling::YCbCr420 => &[luma, luma, luma, luma, chroma, chroma],
            Sampling::YCbCr444 => &[chroma, luma, chroma],
            Sampling::Rgb => &[luma],
        };
        let bits = usize::from(format.depth.bits());
        let mut frame = vec![0_u8; octets(format)];
        for (index, value) in (0..frame.len() * 8 / bits).zip(cell.iter().cycle()) {
            for bit in 0..bits {
                let at = index * bits + bit;
                let one = value >> (bits - 1 - bit) & 1 == 1;
                frame[at / 8] |= u8::from(one) << (7 - at % 8);
            }
        }
        frame
    }

    #[test]
    fn a_picture_freezes_after_the_time_asked_for_and_not_before() {
        let format = format(Sampling::YCbCr422, Depth::D10);
        let mut picture = Picture::new(rules(format));
        let still = packets(&format, &vec![0x55; octets(&format)]);
        let found: Vec<_> = (0..8).map(|n| sample(&mut picture, n * 100, &still).frozen).collect();
        assert_eq!(found, [false, false, false, false, false, true, true, true]);
        // The first sample that differs takes it back, and it takes as long again.
        let mut other = vec![0x55; octets(&format)];
        other[4321] = 0x54;
        let other = packets(&format, &other);
        assert!(!sample(&mut picture, 800, &other).frozen);
        assert!(!sample(&mut picture, 1299, &other).frozen);
        assert!(sample(&mut picture, 1300, &other).frozen);
    }

    #[test]
    fn noise_and_a_clock_in_a_corner_are_life() {
        let format = format(Sampling::YCbCr422, Depth::D10);
        let (mut noisy, mut clock) = (Picture::new(rules(format)), Picture::new(rules(format)));
        for n in 0..100_u64 {
            // One place of the picture, the lowest bit of one sample.
            let mut frame = vec![0x55; octets(&format)];
            frame[(n as usize * 977) % octets(&format)] ^= 1;
            assert!(!sample(&mut noisy, n * 100, &packets(&format, &frame)).frozen);
            let mut frame = vec![0x55; octets(&format)];
            frame[12] = n as u8;
            assert!(!sample(&mut clock, n * 100, &packets(&format, &frame)).frozen);
        }
    }

    #[test]
    fn a_sample_may_begin_anywhere_and_lose_some() {
        let format = format(Sampling::YCbCr422, Depth::D10);
        let mut picture = Picture::new(rules(format));
        let still = packets(&format, &vec![0x55; octets(&format)]);
        let count = still.len();
        assert!(count > 20);
        for n in 0..20_u64 {
            let mut taken = still.clone();
            taken.rotate_left(n as usize * 7 % count);
            // One in twenty is missing.
            taken.truncate(count - count / 20);
            assert_eq!(sample(&mut picture, n * 100, &taken).frozen, n >= 5, "{n}");
        }
        // Half a sample tells nothing new, and takes nothing back.
        assert!(sample(&mut picture, 2000, &still[..count / 2]).frozen);
        let mut fresh = Picture::new(rules(format));
        for n in 0..20 {
            let half = if n % 2 == 0 { &still[..count / 2] } else { &still[count / 2..] };
            assert!(!sample(&mut fresh, n * 100, half).frozen, "{n}");
        }
    }

    #[test]
    fn coverage_tells_when_a_sample_may_end() {
        let format = format(Sampling::YCbCr422, Depth::D10);
        let mut picture = Picture::new(rules(format));
        let still = packets(&format, &vec![0x55; octets(&format)]);
        picture.begin(0);
        assert!(picture.is_new() && picture.is_empty());
        for packet in &still {
            picture.packet(packet);
        }
        assert!(picture.is_new() && !picture.is_covered() && !picture.is_empty());
        picture.end(false);
        picture.begin(MS);
        assert!(!picture.is_new());
        for packet in &still {
            assert!(!picture.is_covered());
            picture.packet(packet);
        }
        assert!(picture.is_covered());
    }

    #[test]
    fn nothing_that_arrives_is_neither_frozen_nor_black() {
        let format = format(Sampling::YCbCr422, Depth::D8);
        let mut picture = Picture::new(rules(format));
        let black = packets(&format, &flat(&format, 16, 128));
        for n in 0..10 {
            sample(&mut picture, n * 100, &black);
        }
        let both = PictureFindings { frozen: true, black: true };
        assert_eq!(picture.findings, both);
        // Lost by who looks: no news.
        picture.begin(1000 * MS);
        assert_eq!(picture.end(true), both);
        assert_eq!(sample(&mut picture, 1100, &[]), PictureFindings::default());
        // And it takes its time again.
        assert_eq!(sample(&mut picture, 1200, &black), PictureFindings::default());
        // Another payload type is not this picture.
        let mut stranger = black.clone();
        for packet in &mut stranger {
            // 97 in place of 96.
            packet[1] ^= 1;
        }
        assert_eq!(sample(&mut picture, 9000, &stranger), PictureFindings::default());
    }

    #[test]
    fn black_is_black_at_every_depth_and_sampling() {
        for sampling in Sampling::ALL {
            for depth in Depth::ALL {
                for full_range in [false, true] {
                    let format = format(*sampling, *depth);
                    let rules = PictureRules { full_range, ..rules(format) };
                    let shift = depth.bits() - 8;
                    let limit: u16 = (if full_range { 4 } else { 20 }) << shift;
                    let chroma = 128 << shift;
                    let mut picture = Picture::new(rules);
                    for (luma, black) in [(limit, true), (limit + 1, false), (0, true)] {
                        let frame = packets(&format, &flat(&format, luma, chroma));
                        picture = Picture::new(rules);
                        for n in 0..3 {
                            assert!(!sample(&mut picture, n * 100, &frame).black);
                        }
                        let found = sample(&mut picture, 300, &frame).black;
                        assert_eq!(found, black, "{format} {luma} {full_range}");
                    }
                    // A time code burnt in: one bright pixel anywhere.
                    let mut frame = flat(&format, limit, chroma);
                    let at = frame.len() / 2;
                    frame[at - 18..at].fill(0xeb);
                    assert!(!sample(&mut picture, 400, &packets(&format, &frame)).black);
                }
            }
        }
    }

    #[test]
    fn a_change_of_any_octet_changes_the_hash() {
        for length in [0, 1, 7, 31, 32, 33, 180, 1200] {
            let data = vec![0x5a; length];
            for at in 0..length {
                let mut other = data.clone();
                other[at] ^= 0x80;
                assert_ne!(hash(&data), hash(&other), "{at} of {length}");
            }
            assert_ne!(hash(&data), hash(&vec![0x5a; length + 1]));
        }
        assert_ne!(hash(&[0; 32]), hash(&[0; 64]));
    }
}
