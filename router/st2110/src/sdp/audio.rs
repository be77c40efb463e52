//! Audio in a session description (ST 2110-30 §6.2, AES67 §8, RFC 3190 §6).

use std::fmt;

use super::{
    SdpError, SdpFault, TimestampMode,
    fmtp::{
        parameters::{Parameters, decimal},
        write_option,
    },
    section::{Complain, Medium, Section},
};
use crate::audio::{AudioDepth, AudioFormat, AudioFormatError, PacketTime, SampleRate};

const GENERAL: &str = "ST 2110-30 §6.2, RFC 3190 §6";
const DATAGRAM: &str = "ST 2110-30 §6.2.1, ST 2110-10 §6.3";
const EXAMPLE: &str = "L24/48000/8";

/// Everything that describes an audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioParameters {
    /// Encoding, rate, channels, packet time, channel order.
    pub format: AudioFormat,
    /// `a=maxptime`, the longest packet time a sender will use, in nanoseconds.
    pub max_packet_time_ns: Option<u64>,
    /// `TSMODE`.
    pub timestamp_mode: Option<TimestampMode>,
    /// `TSDELAY` in microseconds.
    pub timestamp_delay_us: Option<u32>,
}

impl AudioParameters {
    /// A format, everything else at its default.
    pub const fn new(format: AudioFormat) -> Self {
        Self { format, max_packet_time_ns: None, timestamp_mode: None, timestamp_delay_us: None }
    }

    /// What stands behind the payload type in `a=rtpmap`.
    pub(super) fn rtpmap(&self) -> String {
        let AudioFormat { depth, rate_hz, channels, .. } = self.format;
        format!("{depth}/{rate_hz}/{channels}")
    }

    /// `a=maxptime` in milliseconds.
    pub(super) fn maxptime(&self) -> Option<String> {
        let ns = self.max_packet_time_ns?;
        let text = format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000);
        Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }
}

impl fmt::Display for AudioParameters {
    /// The parameters of the `a=fmtp` line, each ended by `; `; none if all are at their
    /// defaults.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_option(f, "channel-order", self.format.channel_order.as_ref())?;
        write_option(f, "TSMODE", self.timestamp_mode)?;
        write_option(f, "TSDELAY", self.timestamp_delay_us)
    }
}

/// What a section of other audio is, such as AES3 (`AM824`, ST 2110-31).
pub(super) fn foreign(section: &Section<'_>) -> Option<SdpFault> {
    if section.medium != Medium::Audio {
        return None;
    }
    let payload_type = section.media.fmt.split_ascii_whitespace().next()?.parse().ok()?;
    let maps = section.of_payload("rtpmap", payload_type);
    let encoding = maps.first()?.split('/').next()?.trim();
    if AudioDepth::ALL.iter().any(|depth| encoding.eq_ignore_ascii_case(depth.as_str())) {
        return None;
    }
    let found = format!("rtpmap {encoding}");
    Some(SdpFault::Unsupported { found, supported: "L16, L24 (ST 2110-30 §6.1)".to_owned() })
}

/// Reads what describes the stream.
pub(super) fn read(
    section: &Section<'_>,
    payload_type: u8,
    complain: Complain<'_>,
) -> Result<AudioParameters, SdpError> {
    let (depth, rate_hz, channels) = rtpmap(section, payload_type, complain)?;
    let packet_time = packet_time(section, rate_hz, complain)?;
    let mut format = AudioFormat { depth, rate_hz, channels, packet_time, channel_order: None };
    let place = section.place("a=rtpmap");
    format.check().map_err(|error| place.error(SdpFault::Audio(error)))?;
    let max_packet_time_ns = max_packet_time(section, &format, complain)?;
    let mut parameters = AudioParameters { max_packet_time_ns, ..AudioParameters::new(format) };
    let Some(text) = section.fmtp(payload_type, GENERAL, complain)? else {
        return Ok(parameters);
    };
    let mut reader = Parameters::split(text, GENERAL, &[], section.place("a=fmtp"), complain)?;
    match reader.value("channel-order").map(str::parse) {
        Some(Ok(order)) => {
            format = AudioFormat { channel_order: Some(order), ..parameters.format.clone() };
            match format.check() {
                Ok(()) => parameters.format = format,
                Err(error) => reader.complain(SdpFault::Audio(error))?,
            }
        }
        Some(Err(error)) => reader.complain(SdpFault::ChannelOrder(error))?,
        None => {}
    }
    reader.no_max_udp(DATAGRAM)?;
    let (timestamp_mode, timestamp_delay_us) = reader.timestamps()?;
    Ok(AudioParameters { timestamp_mode, timestamp_delay_us, ..parameters })
}

/// Encoding, rate and channels.
fn rtpmap(
    section: &Section<'_>,
    payload_type: u8,
    complain: Complain<'_>,
) -> Result<(AudioDepth, SampleRate, u8), SdpError> {
    let place = section.place("a=rtpmap");
    let maps = section.of_payload("rtpmap", payload_type);
    let Some(text) = maps.first() else {
        let missing = place.error(SdpFault::LineMissing {
            missing: "a=rtpmap",
            example: "a=rtpmap:97 L24/48000/8",
            clause: GENERAL,
        });
        // The two payload types that mean it without a map (RFC 3551 §6).
        return match payload_type {
            10 => complain(missing).map(|()| (AudioDepth::L16, SampleRate::Hz44100, 2)),
            11 => complain(missing).map(|()| (AudioDepth::L16, SampleRate::Hz44100, 1)),
            _ => Err(missing),
        };
    };
    let found = format!("{payload_type} {text}");
    let wrong = || {
        let (found, expected, clause) = (found.clone(), EXAMPLE, GENERAL);
        place.error(SdpFault::Rtpmap { found, payload_type, expected, clause })
    };
    let mut parts = text.trim().split('/');
    let (encoding, rate, channels) = (parts.next(), parts.next(), parts.next());
    // Encoding names are not case-sensitive (RFC 4855 §3).
    let depth = AudioDepth::ALL
        .iter()
        .copied()
        .find(|depth| encoding.is_some_and(|name| name.eq_ignore_ascii_case(depth.as_str())))
        .ok_or_else(wrong)?;
    let hz: u32 = rate.and_then(decimal).ok_or_else(wrong)?;
    let rate = SampleRate::from_hz(hz)
        .ok_or_else(|| place.error(SdpFault::Audio(AudioFormatError::Rate(hz))))?;
    // One channel needs no number (RFC 8866 §6.6).
    let channels: u16 = channels.map_or(Some(1), decimal).ok_or_else(wrong)?;
    if parts.next().is_some() {
        return Err(wrong());
    }
    let channels = u8::try_from(channels)
        .map_err(|_| place.error(SdpFault::Audio(AudioFormatError::Channels { channels })))?;
    Ok((depth, rate, channels))
}

/// `a=ptime`.
fn packet_time(
    section: &Section<'_>,
    rate: SampleRate,
    complain: Complain<'_>,
) -> Result<PacketTime, SdpError> {
    let Some(text) = section.value("ptime") else {
        let missing = SdpFault::LineMissing {
            missing: "a=ptime",
            example: "a=ptime:1",
            clause: "ST 2110-30 §6.2.1, AES67 §8.1",
        };
        return complain(section.place("m=").error(missing)).map(|()| PacketTime::Ms1);
    };
    if let Some(time) = PacketTime::from_ptime(text, rate) {
        return Ok(time);
    }
    let wrong = section.place("a=ptime").error(SdpFault::PacketTime { found: text.to_owned() });
    match PacketTime::nearest_ptime(text, rate) {
        Some(time) => complain(wrong).map(|()| time),
        None => Err(wrong),
    }
}

/// `a=maxptime`: no less than the packet time, give or take what rounding it to two
/// decimals makes.
fn max_packet_time(
    section: &Section<'_>,
    format: &AudioFormat,
    complain: Complain<'_>,
) -> Result<Option<u64>, SdpError> {
    let Some(text) = section.value("maxptime") else { return Ok(None) };
    let least = format.packet_time_ns().ceil().to_integer() as u64;
    let found = nanoseconds(text).filter(|ns| ns + 10_000 >= least);
    if found.is_none() {
        let fault = SdpFault::MaxPacketTime { found: text.to_owned() };
        complain(section.place("a=maxptime").error(fault))?;
    }
    Ok(found)
}

/// Milliseconds with up to six decimals.
fn nanoseconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|o| o.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 6 || fraction.len() > 6 {
        return None;
    }
    format!("{whole}{fraction:0<6}").parse().ok()
}
