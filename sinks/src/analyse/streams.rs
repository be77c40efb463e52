//! The streams of a capture: seen, told apart, measured.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    path::PathBuf,
};

use st2110::{
    analysis::{Arrival, LegPair, Recogniser, Recognition, StreamKind},
    timing::VIDEO_CLOCK_HZ,
};

use super::{
    AnalyseOptions,
    capture::{CaptureReport, Frame},
    datagram::{Content, Datagram, look},
    measure::{Ends, FEWEST_PACKETS, Measurement},
    report::{Analysis, PairAnalysis},
    wanted::CaptureClock,
};

/// Most streams told apart.
const MOST_STREAMS: usize = 1024;

/// How far TAI is ahead of UTC, since 2017, in nanoseconds.
const TAI_AHEAD_NS: u64 = 37_000_000_000;

/// A timestamp this near to the time of reception belongs to the same clock.
const SAME_CLOCK_NS: i128 = 1_000_000_000;

/// What tells a stream from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    interface: u32,
    vlan: Option<u16>,
    ends: Ends,
}

impl Key {
    fn of(frame: &Frame<'_>, datagram: &Datagram<'_>) -> Self {
        Self {
            interface: frame.interface,
            vlan: datagram.facts.vlan.map(|(vlan, _)| vlan),
            ends: Ends { source: datagram.source, destination: datagram.destination },
        }
    }
}

struct Stream {
    key: Key,
    recognition: Recognition,
    measurement: Measurement,
    /// The pair it is a leg of, and which.
    pair: Option<(usize, usize)>,
}

/// All streams of a capture.
pub struct Streams<'a> {
    options: &'a AnalyseOptions,
    seen: HashMap<Key, usize>,
    order: Vec<(Key, Recogniser)>,
    judged: Vec<Option<Stream>>,
    pairs: Vec<(LegPair, [usize; 2])>,
    shift_ns: u64,
    notes: Vec<String>,
    other: u64,
    unknown_link: u64,
    crowded_out: u64,
    fragments: u64,
    fragmented_to: HashSet<IpAddr>,
    super_packets: u64,
}

impl<'a> Streams<'a> {
    /// Nothing seen yet.
    pub fn new(options: &'a AnalyseOptions) -> Self {
        Self {
            options,
            seen: HashMap::new(),
            order: Vec::new(),
            judged: Vec::new(),
            pairs: Vec::new(),
            shift_ns: 0,
            notes: Vec::new(),
            other: 0,
            unknown_link: 0,
            crowded_out: 0,
            fragments: 0,
            fragmented_to: HashSet::new(),
            super_packets: 0,
        }
    }

    /// The first reading: what streams are there?
    pub fn survey(&mut self, frame: &Frame<'_>) {
        let datagram = match look(frame) {
            Content::Datagram(datagram) => datagram,
            Content::Fragment(destination) => {
                self.fragments += 1;
                if self.fragmented_to.len() < MOST_STREAMS {
                    self.fragmented_to.insert(destination);
                }
                return;
            }
            Content::Other => {
                self.other += 1;
                return;
            }
            Content::UnknownLink => {
                self.unknown_link += 1;
                return;
            }
        };
        if datagram.facts.udp_octets > 9000 {
            self.super_packets += 1;
        }
        let key = Key::of(frame, &datagram);
        let index = match self.seen.get(&key) {
            Some(index) => *index,
            None if self.order.len() < MOST_STREAMS => {
                self.seen.insert(key, self.order.len());
                self.order.push((key, Recogniser::default()));
                self.order.len() - 1
            }
            None => {
                self.crowded_out += 1;
                return;
            }
        };
        if datagram.facts.fragmented {
            return;
        }
        if let Some((_, recogniser)) = self.order.get_mut(index) {
            recogniser.record(&Arrival {
                time_ns: frame.time_ns,
                packet: datagram.payload,
                wire_octets: datagram.payload_octets,
            });
        }
    }

    /// Between the readings: which stream is what, on which clock, with whom.
    pub fn settle(&mut self) {
        let order = std::mem::take(&mut self.order);
        let recognised: Vec<_> =
            order.into_iter().map(|(key, recogniser)| (key, recogniser.recognise())).collect();
        self.settle_clock(&recognised);
        self.judged = recognised
            .into_iter()
            .map(|(key, recognition)| {
                (recognition.packets >= FEWEST_PACKETS).then(|| self.stream(key, recognition))
            })
            .collect();
        self.settle_pairs();
        for address in self.options.wanted.addresses() {
            let there = |stream: &Stream| stream.key.ends.destination == address;
            if !self.judged.iter().flatten().any(there) {
                self.notes.push(format!("nothing in the capture goes to {address} of the SDP"));
            }
        }
        self.notes.extend_from_slice(self.options.wanted.warnings());
        let counted = [
            (
                self.unknown_link,
                "frames of a kind of link that is not read (Ethernet, raw IP and Linux cooked captures are)",
            ),
            (self.crowded_out, "datagrams of streams beyond the first 1024 were left out"),
            (self.fragments, "IP fragments behind the first of their datagram were left out"),
            (
                self.super_packets,
                "datagrams are longer than a network carries: they were captured before segmentation offload cut them up. Capture at the receiver, or turn offload off (ethtool -K IF gso off tx-udp-segmentation off)",
            ),
        ];
        for (count, what) in counted {
            if count > 0 {
                self.notes.push(format!("{count} {what}"));
            }
        }
    }

    fn settle_clock(&mut self, recognised: &[(Key, Recognition)]) {
        let mut agree = [0_u32; 2];
        for (_, recognition) in recognised {
            let clock_hz = match &recognition.kind {
                Ok(StreamKind::Audio(settings)) => settings.clock_hz,
                Ok(_) => VIDEO_CLOCK_HZ,
                Err(_) => continue,
            };
            let Some((time_ns, timestamp)) = recognition.sample else { continue };
            for (votes, shift) in agree.iter_mut().zip([0, TAI_AHEAD_NS]) {
                let shifted = time_ns.saturating_add(shift);
                let tai = st2110::timing::rtp_to_tai(timestamp, shifted, clock_hz);
                let apart = i128::from(tai) - i128::from(shifted);
                *votes += u32::from(apart.abs() <= SAME_CLOCK_NS);
            }
        }
        let (utc, because) = match (self.options.clock, agree) {
            (CaptureClock::Tai, _) => (false, "as told"),
            (CaptureClock::Utc, _) => (true, "as told"),
            (CaptureClock::Auto, [0, 0]) => (
                true,
                "a guess: no RTP timestamp is near to its packet's time, so that nothing that depends on the time of day (FPT, VRX, latency) can be relied on",
            ),
            (CaptureClock::Auto, [tai, utc]) if tai >= utc => (false, "RTP timestamps agree"),
            (CaptureClock::Auto, _) => (true, "RTP timestamps agree"),
        };
        self.shift_ns = if utc { TAI_AHEAD_NS } else { 0 };
        let clock = if utc { "UTC (TAI is 37 s ahead)" } else { "TAI" };
        self.notes.push(format!("times of the capture taken as {clock}: {because}"));
    }

    fn stream(&self, key: Key, recognition: Recognition) -> Stream {
        let told = self.options.wanted.of(key.ends.destination);
        let measurement = Measurement::recognised(key.ends, &recognition, told, self.options);
        Stream { key, recognition, measurement, pair: None }
    }

    /// Streams of one SSRC, payload type and kind to two addresses, or that the SDP groups.
    fn settle_pairs(&mut self) {
        for second in 1..self.judged.len() {
            for first in 0..second {
                let [Some(one), Some(other)] =
                    [first, second].map(|index| self.judged.get(index).and_then(Option::as_ref))
                else {
                    continue;
                };
                let (a, b) = (&one.recognition, &other.recognition);
                let destinations = (one.key.ends.destination, other.key.ends.destination);
                let elsewhere =
                    destinations.0 != destinations.1 || one.key.interface != other.key.interface;
                let alike = a.ssrc == b.ssrc && a.payload_type == b.payload_type && same_kind(a, b);
                let grouped = self.options.wanted.are_legs(destinations.0, destinations.1);
                let free = one.pair.is_none() && other.pair.is_none();
                if !(free && elsewhere && (alike || grouped)) {
                    continue;
                }
                let pair = self.pairs.len();
                self.pairs.push((LegPair::default(), [first, second]));
                for (leg, index) in [first, second].into_iter().enumerate() {
                    if let Some(Some(stream)) = self.judged.get_mut(index) {
                        stream.pair = Some((pair, leg));
                    }
                }
            }
        }
    }

    /// The second reading: how do they fare?
    pub fn measure(&mut self, frame: &Frame<'_>) {
        let Content::Datagram(datagram) = look(frame) else { return };
        let Some(index) = self.seen.get(&Key::of(frame, &datagram)).copied() else { return };
        let Some(Some(stream)) = self.judged.get_mut(index) else { return };
        let arrival = Arrival {
            time_ns: frame.time_ns.saturating_add(self.shift_ns),
            packet: datagram.payload,
            wire_octets: datagram.payload_octets,
        };
        stream.measurement.record(&datagram.facts, &arrival);
        if datagram.facts.fragmented {
            return;
        }
        if let Some((pair, leg)) = stream.pair
            && let Some((pair, _)) = self.pairs.get_mut(pair)
        {
            pair.record(leg, &arrival);
        }
    }

    /// What came out.
    pub fn report(self, file: PathBuf, capture: CaptureReport) -> Analysis {
        let Self { options, judged, pairs, notes, .. } = self;
        // Numbered as shown, from 1.
        let mut number = 0;
        let mut numbers = Vec::with_capacity(judged.len());
        let mut reported = Vec::new();
        for stream in judged {
            let Some(stream) = stream else {
                numbers.push(0);
                continue;
            };
            number += 1;
            numbers.push(number);
            reported.push(stream.measurement.report(number));
        }
        let pairs = pairs.into_iter().map(|(pair, legs)| PairAnalysis {
            streams: legs.map(|leg| numbers.get(leg).copied().unwrap_or_default()),
            report: pair.report(),
        });
        Analysis::new(file, capture, options.list_compatible, notes, reported, pairs.collect())
    }
}

fn same_kind(one: &Recognition, other: &Recognition) -> bool {
    match (&one.kind, &other.kind) {
        (Ok(one), Ok(other)) => std::mem::discriminant(one) == std::mem::discriminant(other),
        _ => false,
    }
}
