//! What an audio stream looks like: sampling, channels, packet time.

use std::{fmt, str::FromStr};

use num_rational::Ratio;
use serde::{Deserialize, Serialize, de};

use super::{AudioPayloadError, ChannelOrder};
use crate::timing::Exact;

/// Most channels of a stream (ST 2110-30 §7, level C).
pub const MAX_CHANNELS: u8 = 64;

/// Most octets of samples in a packet: the standard UDP limit of 1460 octets less UDP and
/// RTP header (ST 2110-10 §6.3, AES67 §6.3).
pub const MAX_PAYLOAD: usize = 1440;

/// An ST 2110-30 stream, as its SDP declares it.
///
/// Reading JSON runs [`check`](Self::check).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct AudioFormat {
    /// Encoding of a sample.
    pub depth: AudioDepth,
    /// Sampling rate, which is also the RTP clock.
    pub rate_hz: SampleRate,
    /// Channels, 1 to [`MAX_CHANNELS`].
    pub channels: u8,
    /// How much time a packet holds.
    pub packet_time: PacketTime,
    /// What the channels are; undefined if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_order: Option<ChannelOrder>,
}

/// The JSON of a format before its parts are held against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    depth: AudioDepth,
    rate_hz: SampleRate,
    channels: u8,
    packet_time: PacketTime,
    #[serde(default)]
    channel_order: Option<ChannelOrder>,
}

impl TryFrom<Unchecked> for AudioFormat {
    type Error = AudioFormatError;

    fn try_from(unchecked: Unchecked) -> Result<Self, AudioFormatError> {
        let Unchecked { depth, rate_hz, channels, packet_time, channel_order } = unchecked;
        let format = Self { depth, rate_hz, channels, packet_time, channel_order };
        format.check().map(|()| format)
    }
}

impl AudioFormat {
    /// Whether the parts go together: channels, packet size, channel order.
    pub fn check(&self) -> Result<(), AudioFormatError> {
        if !(1..=MAX_CHANNELS).contains(&self.channels) {
            return Err(AudioFormatError::Channels { channels: u16::from(self.channels) });
        }
        if self.payload_octets() > MAX_PAYLOAD {
            return Err(AudioFormatError::PacketTooLong {
                packet_time: self.packet_time,
                channels: self.channels,
                depth: self.depth,
                octets: self.payload_octets(),
            });
        }
        match &self.channel_order {
            Some(order) if order.channels().is_some_and(|n| n > u32::from(self.channels)) => {
                Err(AudioFormatError::ChannelOrder {
                    order: order.to_string(),
                    channels: self.channels,
                })
            }
            _ => Ok(()),
        }
    }

    /// Sampling periods a packet.
    pub const fn samples_per_packet(&self) -> u16 {
        self.packet_time.samples(self.rate_hz)
    }

    /// Octets of one sample of every channel.
    pub const fn frame_octets(&self) -> usize {
        self.channels as usize * self.depth.octets()
    }

    /// Octets of payload a packet.
    pub const fn payload_octets(&self) -> usize {
        self.samples_per_packet() as usize * self.frame_octets()
    }

    /// The RTP clock, which is the sampling rate (ST 2110-30 §6.1, RFC 3551 §4.1).
    pub const fn rtp_clock_hz(&self) -> u32 {
        self.rate_hz.hz()
    }

    /// The time a packet holds, exactly, in nanoseconds.
    pub fn packet_time_ns(&self) -> Exact {
        self.packet_time.exact_ns(self.rate_hz)
    }

    /// Whether a payload holds what the format says, in octets.
    pub const fn check_payload(&self, octets: usize) -> Result<(), AudioPayloadError> {
        let expected = self.payload_octets();
        if octets == expected {
            Ok(())
        } else {
            Err(AudioPayloadError::Length { octets, expected })
        }
    }

    /// The least conformance level whose receivers take the stream; `None` for a stream that
    /// AES67 allows and no level of ST 2110-30 demands.
    pub fn level(&self) -> Option<ConformanceLevel> {
        ConformanceLevel::ALL.iter().copied().find(|level| level.receives(self))
    }
}

impl fmt::Display for AudioFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { depth, rate_hz, channels, packet_time, .. } = self;
        write!(f, "{depth} {rate_hz} Hz {channels} channels {packet_time}")
    }
}

/// Encoding of a sample (RFC 3551 §4.5.11, RFC 3190 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioDepth {
    /// 16 bits.
    L16,
    /// 24 bits.
    L24,
}

impl AudioDepth {
    /// Every depth.
    pub const ALL: &[Self] = &[Self::L16, Self::L24];

    /// The encoding name of `a=rtpmap`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L16 => "L16",
            Self::L24 => "L24",
        }
    }

    /// Octets a sample.
    pub const fn octets(self) -> usize {
        match self {
            Self::L16 => 2,
            Self::L24 => 3,
        }
    }
}

/// Sampling rate (AES67 §5, ST 2110-30 §6.1). In JSON a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SampleRate {
    /// 44.1 kHz, which AES67 allows.
    Hz44100,
    /// 48 kHz, which every device has.
    Hz48000,
    /// 96 kHz, for levels AX, BX and CX.
    Hz96000,
}

impl SampleRate {
    /// Every rate.
    pub const ALL: &[Self] = &[Self::Hz44100, Self::Hz48000, Self::Hz96000];

    /// Samples a second and channel.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz44100 => 44_100,
            Self::Hz48000 => 48_000,
            Self::Hz96000 => 96_000,
        }
    }

    /// The rate of a number of samples a second.
    pub fn from_hz(hz: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|rate| rate.hz() == hz)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hz().fmt(f)
    }
}

/// Packet time (AES67 §7.2), by its name at 48 kHz.
///
/// What counts is the number of samples. At 44.1 kHz a packet has as many as at 48 kHz and so
/// holds a little more time: [`exact_ns`](Self::exact_ns).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PacketTime {
    /// 125 µs: 6 samples at 48 kHz. Levels B and C.
    Us125,
    /// 250 µs: 12 samples at 48 kHz.
    Us250,
    /// ⅓ ms: 16 samples at 48 kHz.
    Us333,
    /// 1 ms: 48 samples at 48 kHz. Level A, which every device has.
    Ms1,
    /// 4 ms: 192 samples at 48 kHz.
    Ms4,
}

impl PacketTime {
    /// Every packet time, the shortest first.
    pub const ALL: &[Self] = &[Self::Us125, Self::Us250, Self::Us333, Self::Ms1, Self::Ms4];

    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us125 => "125us",
            Self::Us250 => "250us",
            Self::Us333 => "333us",
            Self::Ms1 => "1ms",
            Self::Ms4 => "4ms",
        }
    }

    /// Sampling periods a packet.
    pub const fn samples(self, rate: SampleRate) -> u16 {
        let samples = match self {
            Self::Us125 => 6,
            Self::Us250 => 12,
            Self::Us333 => 16,
            Self::Ms1 => 48,
            Self::Ms4 => 192,
        };
        match rate {
            SampleRate::Hz44100 | SampleRate::Hz48000 => samples,
            SampleRate::Hz96000 => 2 * samples,
        }
    }

    /// The time itself, in nanoseconds.
    pub fn exact_ns(self, rate: SampleRate) -> Exact {
        Ratio::new(i128::from(self.samples(rate)) * 1_000_000_000, i128::from(rate.hz()))
    }

    /// The time in milliseconds as `a=ptime` has it (AES67 §8.1).
    pub const fn ptime(self, rate: SampleRate) -> &'static str {
        match (self, rate) {
            (Self::Us125, SampleRate::Hz44100) => "0.14",
            (Self::Us250, SampleRate::Hz44100) => "0.27",
            (Self::Us333, SampleRate::Hz44100) => "0.36",
            (Self::Ms1, SampleRate::Hz44100) => "1.09",
            (Self::Ms4, SampleRate::Hz44100) => "4.35",
            (Self::Us125, _) => "0.125",
            (Self::Us250, _) => "0.25",
            (Self::Us333, _) => "0.33",
            (Self::Ms1, _) => "1",
            (Self::Ms4, _) => "4",
        }
    }

    /// The packet time that an `a=ptime` stands for: exactly, or rounded or cut to two or
    /// more decimals (`0.12`, `0.13` and `0.125` are the same).
    pub fn from_ptime(text: &str, rate: SampleRate) -> Option<Self> {
        let (value, decimals) = milliseconds(text)?;
        let scale = 10_u64.pow(decimals);
        Self::ALL.iter().copied().find(|time| {
            // Both in 10^-decimals ms, times the rate.
            let exact = u64::from(time.samples(rate)) * 1000 * scale;
            let hz = u64::from(rate.hz());
            value * hz == exact
                || decimals >= 2 && (value == exact / hz || value == (2 * exact + hz) / (2 * hz))
        })
    }

    /// The packet time nearest to an `a=ptime` that is not quite one, such as `1` at
    /// 44.1 kHz: less than a tenth away.
    pub fn nearest_ptime(text: &str, rate: SampleRate) -> Option<Self> {
        let (value, decimals) = milliseconds(text)?;
        let found = value * u64::from(rate.hz());
        Self::ALL.iter().copied().find(|time| {
            let exact = u64::from(time.samples(rate)) * 1000 * 10_u64.pow(decimals);
            found.abs_diff(exact) * 10 < exact
        })
    }
}

/// A number with a decimal fraction: its digits and how many of them are decimals. At most
/// a thousand, at most six decimals.
fn milliseconds(text: &str) -> Option<(u64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.is_empty() || whole.len() > 4 || fraction.len() > 6 {
        return None;
    }
    if !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return None;
    }
    let value = format!("{whole}{fraction}").parse().ok().filter(|value| *value > 0)?;
    Some((value, fraction.len() as u32))
}

/// Conformance level (ST 2110-30 §7): what a receiver must take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConformanceLevel {
    /// 48 kHz, 1 to 8 channels, 1 ms.
    A,
    /// Level A, and 1 to 8 channels at 125 µs.
    B,
    /// Level A, and 1 to 64 channels at 125 µs.
    C,
    /// Level A, and 96 kHz with 1 to 4 channels at 1 ms.
    Ax,
    /// Levels B and AX, and 96 kHz with 1 to 8 channels at 125 µs.
    Bx,
    /// Levels C and AX, and 96 kHz with 1 to 32 channels at 125 µs.
    Cx,
}

impl ConformanceLevel {
    /// Every level, the less demanding first.
    pub const ALL: &[Self] = &[Self::A, Self::B, Self::C, Self::Ax, Self::Bx, Self::Cx];

    /// The name: `A`, `BX`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::Ax => "AX",
            Self::Bx => "BX",
            Self::Cx => "CX",
        }
    }

    /// Whether a receiver of this level takes a stream.
    #[allow(clippy::match_same_arms, reason = "one arm for each cell of the standard's table")]
    pub fn receives(self, format: &AudioFormat) -> bool {
        let most = match (format.rate_hz, format.packet_time, self) {
            (SampleRate::Hz48000, PacketTime::Ms1, _) => 8,
            (SampleRate::Hz48000, PacketTime::Us125, Self::B | Self::Bx) => 8,
            (SampleRate::Hz48000, PacketTime::Us125, Self::C | Self::Cx) => 64,
            (SampleRate::Hz96000, PacketTime::Ms1, Self::Ax | Self::Bx | Self::Cx) => 4,
            (SampleRate::Hz96000, PacketTime::Us125, Self::Bx) => 8,
            (SampleRate::Hz96000, PacketTime::Us125, Self::Cx) => 32,
            _ => 0,
        };
        (1..=most).contains(&format.channels)
    }
}

/// Display, parsing and JSON as text.
macro_rules! text {
    ($($name:ident, $error:ident);+ $(;)?) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = AudioFormatError;

            fn from_str(text: &str) -> Result<Self, AudioFormatError> {
                let found = Self::ALL.iter().copied().find(|value| value.as_str() == text);
                found.ok_or_else(|| AudioFormatError::$error(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

text! {
    AudioDepth, Depth;
    PacketTime, PacketTime;
    ConformanceLevel, Level;
}

impl Serialize for SampleRate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.hz())
    }
}

impl<'de> Deserialize<'de> for SampleRate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hz = u32::deserialize(deserializer)?;
        Self::from_hz(hz).ok_or_else(|| de::Error::custom(AudioFormatError::Rate(hz)))
    }
}

/// A format that audio over ST 2110 cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioFormatError {
    /// Not an encoding.
    #[error("'{0}' is not an audio encoding: one of L16, L24 (ST 2110-30 §6.1)")]
    Depth(String),
    /// Not a sampling rate.
    #[error("{0} is not a sampling rate: one of 48000, 96000, 44100 (ST 2110-30 §6.1)")]
    Rate(u32),
    /// Not a packet time.
    #[error("'{0}' is not a packet time: one of 1ms, 125us, 250us, 333us, 4ms (AES67 §7.2)")]
    PacketTime(String),
    /// Not a conformance level.
    #[error("'{0}' is not a conformance level: one of A, B, C, AX, BX, CX (ST 2110-30 §7)")]
    Level(String),
    /// No channels, or too many.
    #[error("{channels} channels: 1 to 64 are possible (ST 2110-30 §7)")]
    Channels {
        /// How many.
        channels: u16,
    },
    /// A packet would not fit a datagram.
    #[error(
        "{channels} channels of {depth} in packets of {packet_time} are {octets} octets a packet, at most 1440 fit: use a shorter packet time or fewer channels (ST 2110-30 §6.2.1, ST 2110-10 §6.3)"
    )]
    PacketTooLong {
        /// The packet time.
        packet_time: PacketTime,
        /// Channels.
        channels: u8,
        /// Encoding.
        depth: AudioDepth,
        /// Octets a payload would have.
        octets: usize,
    },
    /// A channel order of more channels than there are.
    #[error("channel order '{order}' names more than {channels} channels (ST 2110-30 §6.2.2)")]
    ChannelOrder {
        /// The order.
        order: String,
        /// Channels of the stream.
        channels: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(rate_hz: u32, channels: u8, packet_time: PacketTime) -> AudioFormat {
        AudioFormat {
            depth: AudioDepth::L24,
            rate_hz: SampleRate::from_hz(rate_hz).unwrap(),
            channels,
            packet_time,
            channel_order: None,
        }
    }

    #[test]
    fn json_reads_as_the_api_writes_it() {
        let json = r#"{"depth":"L24","rate_hz":48000,"channels":8,"packet_time":"125us","channel_order":"SMPTE2110.(51,ST)"}"#;
        let format: AudioFormat = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&format).unwrap(), json);
        assert_eq!(format.to_string(), "L24 48000 Hz 8 channels 125us");
        let plain = json.replace(r#","channel_order":"SMPTE2110.(51,ST)""#, "");
        let format: AudioFormat = serde_json::from_str(&plain).unwrap();
        assert_eq!(format.channel_order, None);
        assert_eq!(serde_json::to_string(&format).unwrap(), plain);
        for (from, to, part) in [
            ("L24", "L20", "L16, L24"),
            ("48000", "32000", "48000, 96000, 44100"),
            ("125us", "2ms", "333us"),
            (":8,", ":0,", "1 to 64"),
            (":8,", ":65,", "1 to 64"),
            (":8,", ":7,", "more than 7"),
            ("125us", "4ms", "4608 octets"),
            ("depth", "bits", "bits"),
        ] {
            let changed = json.replacen(from, to, 1);
            let error = serde_json::from_str::<AudioFormat>(&changed).unwrap_err().to_string();
            assert!(error.contains(part), "{changed}: {error}");
        }
    }

    #[test]
    fn packets_have_the_samples_of_aes67() {
        // AES67 §7.2: samples at 48, 96 and 44.1 kHz.
        for (time, samples) in PacketTime::ALL.iter().zip([
            (6, 12, 6),
            (12, 24, 12),
            (16, 32, 16),
            (48, 96, 48),
            (192, 384, 192),
        ]) {
            let of = |rate| time.samples(rate);
            let found = (of(SampleRate::Hz48000), of(SampleRate::Hz96000), of(SampleRate::Hz44100));
            assert_eq!(found, samples, "{time}");
        }
        assert_eq!(format(48_000, 1, PacketTime::Us333).packet_time_ns(), Ratio::new(1_000_000, 3));
        assert_eq!(format(96_000, 1, PacketTime::Us125).packet_time_ns(), 125_000.into());
        assert_eq!(
            format(44_100, 1, PacketTime::Ms1).packet_time_ns(),
            Ratio::new(48_000_000_000, 44_100)
        );
    }

    #[test]
    fn payloads_stop_at_1440_octets() {
        // 1 ms of 10 channels of L24 at 48 kHz is exactly the limit.
        assert_eq!(format(48_000, 10, PacketTime::Ms1).payload_octets(), MAX_PAYLOAD);
        assert_eq!(format(48_000, 10, PacketTime::Ms1).check(), Ok(()));
        assert!(matches!(
            format(48_000, 11, PacketTime::Ms1).check(),
            Err(AudioFormatError::PacketTooLong { octets: 1584, .. })
        ));
        assert_eq!(format(48_000, 64, PacketTime::Us125).check(), Ok(()));
        assert!(format(96_000, 64, PacketTime::Us125).check().is_err());
        let stereo = format(48_000, 2, PacketTime::Ms1);
        assert_eq!(stereo.check_payload(288), Ok(()));
        assert_eq!(
            stereo.check_payload(287),
            Err(AudioPayloadError::Length { octets: 287, expected: 288 })
        );
    }

    #[test]
    fn levels_are_those_of_the_table() {
        use ConformanceLevel::{A, Ax, B, Bx, C, Cx};
        for (rate, time, channels, level) in [
            (48_000, PacketTime::Ms1, 8, Some(A)),
            (48_000, PacketTime::Ms1, 9, None),
            (48_000, PacketTime::Us125, 8, Some(B)),
            (48_000, PacketTime::Us125, 9, Some(C)),
            (48_000, PacketTime::Us125, 64, Some(C)),
            (96_000, PacketTime::Ms1, 4, Some(Ax)),
            (96_000, PacketTime::Ms1, 5, None),
            (96_000, PacketTime::Us125, 8, Some(Bx)),
            (96_000, PacketTime::Us125, 9, Some(Cx)),
            (96_000, PacketTime::Us125, 32, Some(Cx)),
            (96_000, PacketTime::Us125, 33, None),
            (44_100, PacketTime::Ms1, 2, None),
            (48_000, PacketTime::Us250, 2, None),
        ] {
            let format = format(rate, channels, time);
            assert_eq!(format.level(), level, "{format}");
        }
        let stereo = format(48_000, 2, PacketTime::Ms1);
        assert!(ConformanceLevel::ALL.iter().all(|level| level.receives(&stereo)));
        assert!(!Bx.receives(&format(48_000, 9, PacketTime::Us125)));
        assert_eq!("BX".parse(), Ok(Bx));
        assert!("D".parse::<ConformanceLevel>().is_err());
    }

    #[test]
    fn ptime_is_read_as_senders_round_it() {
        for rate in SampleRate::ALL.iter().copied() {
            for time in PacketTime::ALL.iter().copied() {
                assert_eq!(PacketTime::from_ptime(time.ptime(rate), rate), Some(time));
            }
        }
        let read = |text| PacketTime::from_ptime(text, SampleRate::Hz48000);
        for text in ["0.12", "0.13", "0.125", "0.125000"] {
            assert_eq!(read(text), Some(PacketTime::Us125), "{text}");
        }
        for text in ["0.33", "0.333", "0.3333"] {
            assert_eq!(read(text), Some(PacketTime::Us333), "{text}");
        }
        assert_eq!(read("1.000"), Some(PacketTime::Ms1));
        for text in [
            "",
            "0",
            "0.0",
            "0.1",
            "0.14",
            "0.3",
            "1.",
            ".5",
            "2",
            "-1",
            "1e0",
            "99999",
            "0.1250001",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(PacketTime::from_ptime("1", SampleRate::Hz44100), None);
        assert_eq!(PacketTime::nearest_ptime("1", SampleRate::Hz44100), Some(PacketTime::Ms1));
        assert_eq!(PacketTime::nearest_ptime("2", SampleRate::Hz48000), None);
    }
}
