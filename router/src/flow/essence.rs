//! What a stream carries, as far as the packet path must know: what a packet of it looks
//! like, where its units begin and end, how long silence is a loss.
//!
//! A unit is what an output takes whole: a frame of video, the ancillary data of a frame or
//! field, a packet of sound.

use ormatrix_protocol::{AncillaryInput, AudioInput, DropReason, InputSpec, Leg, Merge};
use st2110::{
    ancillary::AncPayload,
    audio::{AudioDepth, AudioFormat},
    rfc4175::{FramePlan, PayloadError, PayloadHeader, PlanError, STANDARD_UDP_LIMIT},
    rtp::RtpHeader,
    timing::{SenderType, VIDEO_CLOCK_HZ, limits},
};

use super::position::{Contradiction, Geometry, Position};

/// Silence of sound that long is a loss: some packets of the longest packet time.
const AUDIO_SILENCE_NS: u64 = 40_000_000;

/// Packets that may leave back to back where no CMAX says so.
const BURST: usize = 16;

/// A stream's samples, ready for fading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pcm {
    /// Encoding of a sample.
    pub depth: AudioDepth,
    /// Samples at a time.
    pub channels: u8,
    /// Sampling rate.
    pub hz: u32,
    /// Octets a packet.
    pub octets: usize,
    /// Sampling periods a packet.
    pub samples: u16,
}

impl From<&AudioFormat> for Pcm {
    fn from(format: &AudioFormat) -> Self {
        Self {
            depth: format.depth,
            channels: format.channels,
            hz: format.rtp_clock_hz(),
            octets: format.payload_octets(),
            samples: format.samples_per_packet(),
        }
    }
}

/// What the packets of a stream are.
#[derive(Clone, Copy, Debug)]
pub enum Essence {
    /// Pictures (RFC 4175).
    Video(Geometry),
    /// Sound (RFC 3190, RFC 3551).
    Audio(Pcm),
    /// Ancillary data (RFC 8331).
    Ancillary,
}

/// What a packet's payload says.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// Upper half of the sequence number; 0 where there is none.
    pub extended_sequence: u16,
    /// Where a picture's pixels lie, or that the packet contradicts the declaration.
    pub span: Result<Option<(Position, Position)>, Contradiction>,
}

impl Essence {
    /// Reads what stands behind the RTP header.
    ///
    /// # Errors
    /// When it cannot be read at all.
    #[inline]
    pub fn read(&self, rtp: &RtpHeader, packet: &[u8]) -> Result<Read, DropReason> {
        let payload = rtp.payload(packet);
        match self {
            Self::Video(geometry) => {
                let header = PayloadHeader::parse(payload).map_err(|error| match error {
                    PayloadError::TooManySegments => DropReason::PayloadHeader,
                    _ => DropReason::Truncated,
                })?;
                let span = picture_span(geometry, rtp, &header);
                Ok(Read { extended_sequence: header.extended_sequence, span })
            }
            Self::Audio(pcm) => {
                let right = payload.len() == pcm.octets;
                Ok(Read {
                    extended_sequence: 0,
                    span: if right { Ok(None) } else { Err(Contradiction) },
                })
            }
            Self::Ancillary => {
                let parsed = AncPayload::parse(payload).map_err(|_| DropReason::PayloadHeader)?;
                Ok(Read { extended_sequence: parsed.extended_sequence, span: Ok(None) })
            }
        }
    }

    /// Whether the payload carries the upper half of the sequence number (RFC 4175 §4.3,
    /// RFC 8331 §2.1).
    #[inline]
    pub fn has_extended_sequence(&self) -> bool {
        !matches!(self, Self::Audio(_))
    }
}

/// Where a packet's pixels lie, if its marker stands where the declared format ends a field.
#[inline]
fn picture_span(
    geometry: &Geometry,
    rtp: &RtpHeader,
    header: &PayloadHeader,
) -> Result<Option<(Position, Position)>, Contradiction> {
    let span = geometry.span(header)?;
    let Some((_, behind)) = span else { return Ok(None) };
    // Some senders of two segments or fields mark the frame's end only.
    let marked =
        rtp.marker == Geometry::is_field_end(behind) || !rtp.marker && !geometry.is_end(behind);
    if marked { Ok(span) } else { Err(Contradiction) }
}

/// A stream as declared.
#[derive(Clone, Debug)]
pub struct Declared<'a> {
    /// Where it arrives.
    pub legs: &'a [Leg],
    /// How the legs are merged.
    pub merge: Merge,
    /// RTP payload type.
    pub payload_type: u8,
    /// Longest packet, octets of UDP payload.
    pub packet_max: usize,
    /// What it carries.
    pub essence: Essence,
    /// How it runs.
    pub pace: Pace,
}

/// How a stream runs.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Packets a unit, on average.
    pub packets: usize,
    /// Time from unit to unit, ns.
    pub period_ns: u64,
    /// RTP ticks from unit to unit, as numerator and denominator.
    pub ticks: (i64, i64),
    /// RTP clock.
    pub clock_hz: u32,
    /// Silence that long is a loss, ns.
    pub silence_ns: u64,
    /// Packets that may leave back to back.
    pub cmax: usize,
}

impl<'a> Declared<'a> {
    /// An input's picture.
    ///
    /// # Errors
    /// When the declared format cannot be cut into packets.
    pub fn video(spec: &'a InputSpec) -> Result<Self, PlanError> {
        let plan = FramePlan::new(&spec.video, spec.max_udp)?;
        let limits = limits(&spec.video, plan.packets(), spec.max_udp, SenderType::Wide);
        let period_ns = spec.video.rate.period_ns().max(1);
        let ratio = spec.video.rate.ratio();
        let clock = i64::from(VIDEO_CLOCK_HZ);
        Ok(Self {
            legs: &spec.legs,
            merge: spec.merge,
            payload_type: spec.payload_type,
            packet_max: usize::from(spec.max_udp) - 8,
            essence: Essence::Video(Geometry::new(&spec.video)?),
            pace: Pace {
                packets: plan.packets(),
                period_ns,
                ticks: (clock * i64::from(*ratio.denom()), i64::from(*ratio.numer())),
                clock_hz: VIDEO_CLOCK_HZ,
                silence_ns: 2 * period_ns,
                // Wide is undefined above 900 000 packets a second; 16 is its floor.
                cmax: limits.map_or(BURST, |limits| limits.cmax as usize),
            },
        })
    }

    /// An input's sound.
    pub fn audio(spec: &'a AudioInput) -> Self {
        let pcm = Pcm::from(&spec.format);
        let samples = u64::from(pcm.samples);
        Self {
            legs: &spec.legs,
            merge: spec.merge,
            payload_type: spec.payload_type,
            packet_max: usize::from(STANDARD_UDP_LIMIT) - 8,
            essence: Essence::Audio(pcm),
            pace: Pace {
                packets: 1,
                period_ns: samples * 1_000_000_000 / u64::from(pcm.hz),
                ticks: (i64::from(pcm.samples), 1),
                clock_hz: pcm.hz,
                silence_ns: AUDIO_SILENCE_NS,
                cmax: BURST,
            },
        }
    }

    /// An input's ancillary data.
    pub fn ancillary(spec: &'a AncillaryInput) -> Self {
        let rate = spec.format.rate;
        let units = if spec.format.interlace { 2 } else { 1 };
        let ratio = rate.ratio();
        let clock = i64::from(VIDEO_CLOCK_HZ);
        let period_ns = (rate.period_ns() / units).max(1);
        Self {
            legs: &spec.legs,
            merge: spec.merge,
            payload_type: spec.payload_type,
            packet_max: usize::from(STANDARD_UDP_LIMIT) - 8,
            essence: Essence::Ancillary,
            pace: Pace {
                packets: 1,
                period_ns,
                ticks: (
                    clock * i64::from(*ratio.denom()),
                    i64::from(*ratio.numer()) * units as i64,
                ),
                clock_hz: VIDEO_CLOCK_HZ,
                // A keep-alive comes with every frame (ST 2110-40 §5).
                silence_ns: 4 * rate.period_ns(),
                cmax: BURST,
            },
        }
    }

    /// How far a leg may be behind, ns, with an allowance for when this host looks; nothing
    /// where there is but one.
    pub fn skew_ns(&self) -> u64 {
        let skew = u64::from(self.merge.skew_us) * 1000;
        if self.legs.len() > 1 { skew + skew / 10 + 1_000_000 } else { 0 }
    }

    /// Packets that pass within a time, and some more.
    pub fn packets_within(&self, ns: u64) -> u64 {
        // Gapped senders are faster within a frame than on average (ST 2110-21 §6.3).
        let packets = ns * self.pace.packets as u64 / self.pace.period_ns.max(1) * 5 / 4;
        // An ancillary frame may need several packets.
        if matches!(self.essence, Essence::Ancillary) { packets * 8 } else { packets }
    }
}
