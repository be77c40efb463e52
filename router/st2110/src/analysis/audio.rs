//! An audio stream, packet by packet (ST 2110-30, AES67).

use serde::Serialize;

use super::{
    Arrival,
    counts::Counts,
    follow::{Follower, FollowerReport, Place},
    series::{Series, SeriesPoint, thin},
    spread::{Spread, approximate},
    verdict::{Outcome, Verdict},
    video_report::{micro, stream_checks},
};
use crate::audio::{AudioDepth, AudioFormat, ConformanceLevel, PacketTime, SampleRate};

/// Length of a window of the timestamped delay factor (EBU Tech 3337).
const WINDOW_NS: u64 = 200_000_000;

/// Most that the delay factor may be, in packet times (AES67 §7.5: receivers need not
/// buffer more than 20 packet times, senders stay below 17).
const MOST_DELAY_FACTOR: i128 = 17;

/// Most that a packet may be behind its timestamp, in packet times.
const MOST_DELAY: i128 = 20;

/// What a stream is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AudioSettings {
    /// Sampling rate and RTP clock.
    pub clock_hz: u32,
    /// How samples are written.
    #[serde(serialize_with = "super::as_text")]
    pub depth: AudioDepth,
    /// Channels.
    pub channels: u16,
    /// Samples of each channel in a packet.
    pub samples_per_packet: u32,
}

impl AudioSettings {
    /// Octets of payload a packet must have.
    pub const fn payload_octets(&self) -> usize {
        self.depth.octets() * self.channels as usize * self.samples_per_packet as usize
    }

    /// The conformance level of ST 2110-30 §7 that covers the stream, if any.
    pub fn level(&self) -> Option<&'static str> {
        let rate_hz = SampleRate::from_hz(self.clock_hz)?;
        let of_packet =
            |time: &&PacketTime| u32::from(time.samples(rate_hz)) == self.samples_per_packet;
        let format = AudioFormat {
            depth: self.depth,
            rate_hz,
            channels: u8::try_from(self.channels).ok()?,
            packet_time: *PacketTime::ALL.iter().find(of_packet)?,
            channel_order: None,
        };
        format.level().map(ConformanceLevel::as_str)
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AudioReport {
    /// What it was held against.
    pub settings: AudioSettings,
    /// Conformance level of ST 2110-30.
    pub level: Option<&'static str>,
    /// Packet time in nanoseconds.
    pub packet_time_ns: f64,
    /// Order and loss.
    pub rtp: FollowerReport,
    /// Bits of UDP payload a second.
    pub bits_per_second: Option<u64>,
    /// Octets of payload.
    pub payload_octets: Counts,
    /// From one timestamp to the next, in samples.
    pub timestamp_steps: Counts,
    /// Packets behind their timestamp, in nanoseconds.
    pub delay_ns: Spread,
    /// Timestamped delay factor of each window of 200 ms, in nanoseconds.
    pub delay_factor_ns: Spread,
    /// Packets behind their timestamp over time, in nanoseconds.
    pub delay_over_time: Vec<SeriesPoint>,
    /// All checks.
    pub verdicts: Vec<Verdict>,
}

impl AudioReport {
    /// Leaves at most `most` points of the delay over time.
    pub fn thin(&mut self, most: usize) {
        thin(&mut self.delay_over_time, 1024, most);
    }
}

/// Measures one audio stream. Delays are exact: in parts of a nanosecond of one in the
/// sampling rate.
#[derive(Clone, Debug)]
pub struct AudioAnalyser {
    settings: AudioSettings,
    follower: Follower,
    payload_octets: Counts,
    steps: Counts,
    last_timestamp: Option<u32>,
    delay: Spread,
    delay_series: Series,
    /// Start of the window, and least and greatest delay in it.
    window: Option<(u64, i128, i128)>,
    delay_factor: Spread,
}

impl AudioAnalyser {
    /// Nothing received yet. A clock of 0 Hz counts as 1.
    pub fn new(settings: AudioSettings) -> Self {
        let settings = AudioSettings { clock_hz: settings.clock_hz.max(1), ..settings };
        let scale = i128::from(settings.clock_hz);
        Self {
            settings,
            follower: Follower::default(),
            payload_octets: Counts::default(),
            steps: Counts::default(),
            last_timestamp: None,
            delay: Spread::new(scale),
            delay_series: Series::default(),
            window: None,
            delay_factor: Spread::new(scale),
        }
    }

    /// Takes a datagram of the stream in.
    pub fn record(&mut self, arrival: &Arrival<'_>) {
        let Some((header, _, place)) = self.follower.follow(arrival) else { return };
        // What a cut packet lacks is payload.
        let end = if arrival.is_cut() { arrival.wire_octets } else { header.payload_end };
        self.payload_octets.record(end.saturating_sub(header.payload_start) as i64);
        if place == Place::Next
            && let Some(last) = self.last_timestamp
        {
            self.steps.record(i64::from(header.timestamp.wrapping_sub(last).cast_signed()));
        }
        if place.is_forward() {
            self.last_timestamp = Some(header.timestamp);
        }
        let clock = i128::from(self.settings.clock_hz);
        let time = i128::from(arrival.time_ns) * clock;
        let now = time / 1_000_000_000;
        let ticks = now + i128::from(header.timestamp.wrapping_sub(now as u32).cast_signed());
        let delay = time - ticks * 1_000_000_000;
        self.delay.record(delay);
        self.delay_series.record(arrival.time_ns, i64::try_from(delay / clock).unwrap_or_default());
        match &mut self.window {
            Some((start, least, greatest))
                if arrival.time_ns.saturating_sub(*start) <= WINDOW_NS =>
            {
                (*least, *greatest) = ((*least).min(delay), (*greatest).max(delay));
            }
            window => {
                if let Some((_, least, greatest)) = window.take() {
                    self.delay_factor.record(greatest - least);
                }
                *window = Some((arrival.time_ns, delay, delay));
            }
        }
    }

    /// What was measured so far.
    pub fn report(&self) -> AudioReport {
        let settings = self.settings;
        let mut delay_factor = self.delay_factor;
        if let Some((_, least, greatest)) = self.window {
            delay_factor.record(greatest - least);
        }
        let scale = i128::from(settings.clock_hz);
        let packet_time = num_rational::Ratio::new(
            i128::from(settings.samples_per_packet) * 1_000_000_000,
            scale,
        );
        let rtp = self.follower.report().clone();
        let mut verdicts = stream_checks(&rtp);
        let exactly = |check, counts: &Counts, expected: i64, unit: &str, clause| {
            let (Some(min), Some(max)) = (counts.min(), counts.max()) else {
                return Verdict::new(
                    check,
                    Outcome::Unknown,
                    "none seen",
                    expected.to_string(),
                    clause,
                );
            };
            let value =
                if min == max { format!("{min} {unit}") } else { format!("{min} to {max} {unit}") };
            let good = min == expected && max == expected;
            Verdict::new(check, Outcome::of(good), value, format!("{expected} {unit}"), clause)
        };
        verdicts.push(exactly(
            "payload-length",
            &self.payload_octets,
            settings.payload_octets() as i64,
            "octets",
            "ST 2110-30 §6.2.1",
        ));
        verdicts.push(exactly(
            "timestamp-step",
            &self.steps,
            i64::from(settings.samples_per_packet),
            "samples",
            "AES67 §7.2.2",
        ));
        verdicts.push(Verdict::new(
            "conformance-level",
            if settings.level().is_some() { Outcome::Pass } else { Outcome::Fail },
            settings.level().unwrap_or("none"),
            "A, B, C, AX, BX or CX",
            "ST 2110-30 §7",
        ));
        if let (Some(min), Some(max)) = (self.delay.min(), self.delay.max()) {
            let limit = packet_time * MOST_DELAY;
            let good = *min.numer() >= 0 && max <= limit;
            verdicts.push(Verdict::new(
                "delay",
                if good { Outcome::Pass } else { Outcome::Note },
                format!("{} to {}", micro(min), micro(max)),
                format!("0 to {} (20 packet times)", micro(limit)),
                "AES67 §7.5",
            ));
        }
        if let Some(max) = delay_factor.max() {
            let limit = packet_time * MOST_DELAY_FACTOR;
            verdicts.push(Verdict::new(
                "ts-df",
                Outcome::of(max <= limit),
                format!(
                    "{} ({:.2} packet times)",
                    micro(max),
                    approximate(max / packet_time.max(1.into()))
                ),
                format!("{} (17 packet times)", micro(limit)),
                "EBU Tech 3337; AES67 §7.5",
            ));
        }
        AudioReport {
            settings,
            level: settings.level(),
            packet_time_ns: approximate(packet_time),
            bits_per_second: rtp.bits_per_second(),
            rtp,
            payload_octets: self.payload_octets.clone(),
            timestamp_steps: self.steps.clone(),
            delay_ns: self.delay,
            delay_factor_ns: delay_factor,
            delay_over_time: self.delay_series.points(),
            verdicts,
        }
    }
}
