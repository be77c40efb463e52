//! Sound and ancillary data beside the picture: what a client sends and gets of them.

use std::collections::BTreeMap;

use ormatrix_protocol::{
    AncillaryInput, AudioInput, InputStream, Leg, Level, OutputId, OutputStream,
};
use serde::{Deserialize, Serialize};
use st2110::{
    ancillary::AncillaryFormat,
    audio::{AudioDepth, AudioFormat, ChannelOrder, PacketTime, SampleRate},
    format::VideoFormat,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    merge::MergeBody,
    schema,
    view::{RouteView, SentView, SignalView},
};
use crate::{problem::Error, validate::invalid};

/// RTP payload type of sound unless given.
pub const AUDIO_PAYLOAD_TYPE: u8 = 97;
/// RTP payload type of ancillary data unless given.
pub const ANCILLARY_PAYLOAD_TYPE: u8 = 100;
/// Mute ramp unless given, milliseconds.
pub const RAMP_MS: u16 = 5;

/// Sound that arrives.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioInputBody {
    /// What it is.
    #[serde(default)]
    pub format: AudioFormatBody,
    /// Where it arrives, as the picture.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// How two legs become one stream.
    #[serde(default)]
    pub merge: MergeBody,
    /// RTP payload type, 96 to 127; 97 unless given.
    #[schema(minimum = 96, maximum = 127)]
    pub payload_type: Option<u8>,
}

/// Format of sound (ST 2110-30). What is not given is as every device has it: level A.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AudioFormatBody {
    /// `L24` unless given.
    #[schema(value_type = Option<schema::AudioDepth>)]
    pub depth: Option<AudioDepth>,
    /// Samples a second; 48000 unless given.
    #[schema(value_type = Option<u32>, example = 48000)]
    pub rate_hz: Option<SampleRate>,
    /// 1 to 64; 2 unless given.
    #[schema(minimum = 1, maximum = 64)]
    pub channels: Option<u8>,
    /// `1ms` unless given.
    #[schema(value_type = Option<schema::PacketTime>)]
    pub packet_time: Option<PacketTime>,
    /// As in an SDP: `SMPTE2110.(ST)`; undefined unless given.
    #[schema(value_type = Option<String>, example = "SMPTE2110.(ST)")]
    pub channel_order: Option<ChannelOrder>,
}

/// Ancillary data that arrive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AncillaryInputBody {
    /// What they are; anything, at the rate of the picture, unless given.
    #[schema(value_type = Option<schema::Ancillary>)]
    pub format: Option<AncillaryFormat>,
    /// Where they arrive, as the picture.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// How two legs become one stream.
    #[serde(default)]
    pub merge: MergeBody,
    /// RTP payload type, 96 to 127; 100 unless given.
    #[schema(minimum = 96, maximum = 127)]
    pub payload_type: Option<u8>,
}

/// Where sound or ancillary data go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputStreamBody {
    /// Where to, as the picture.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// RTP payload type, 96 to 127; 97 for sound and 100 for ancillary data unless given.
    #[schema(minimum = 96, maximum = 127)]
    pub payload_type: Option<u8>,
    /// Kept, or drawn, unless given.
    pub ssrc: Option<u32>,
    /// Of sound, how long it fades out before a take and in after it, milliseconds; 0 cuts.
    /// 5 unless given.
    #[schema(maximum = 100)]
    pub ramp_ms: Option<u16>,
}

impl AudioInputBody {
    /// The router's words.
    pub fn resolve(self) -> Result<AudioInput, Error> {
        Ok(InputStream {
            format: self.format.resolve()?,
            legs: self.legs,
            merge: self.merge.resolve_slow("audio.")?,
            payload_type: self.payload_type.unwrap_or(AUDIO_PAYLOAD_TYPE),
        })
    }
}

impl AudioFormatBody {
    fn resolve(self) -> Result<AudioFormat, Error> {
        let format = AudioFormat {
            depth: self.depth.unwrap_or(AudioDepth::L24),
            rate_hz: self.rate_hz.unwrap_or(SampleRate::Hz48000),
            channels: self.channels.unwrap_or(2),
            packet_time: self.packet_time.unwrap_or(PacketTime::Ms1),
            channel_order: self.channel_order,
        };
        format.check().map_err(|error| invalid("audio.format", error.to_string()))?;
        Ok(format)
    }
}

impl AncillaryInputBody {
    /// The router's words, for data beside such a picture.
    pub fn resolve(self, video: &VideoFormat) -> Result<AncillaryInput, Error> {
        let as_picture = || AncillaryFormat::new(video.rate, video.fields() > 1);
        Ok(InputStream {
            format: self.format.unwrap_or_else(as_picture),
            legs: self.legs,
            merge: self.merge.resolve_slow("ancillary.")?,
            payload_type: self.payload_type.unwrap_or(ANCILLARY_PAYLOAD_TYPE),
        })
    }
}

impl OutputStreamBody {
    /// The router's words; `ssrc` is for a stream that gives none.
    pub fn resolve(self, level: Level, ssrc: impl FnOnce() -> u32) -> Result<OutputStream, Error> {
        let sound = level == Level::Audio;
        if !sound && self.ramp_ms.is_some() {
            let reason = "ancillary data do not fade: leave it out";
            return Err(invalid(format!("{level}.ramp_ms"), reason));
        }
        let payload_type = if sound { AUDIO_PAYLOAD_TYPE } else { ANCILLARY_PAYLOAD_TYPE };
        Ok(OutputStream {
            legs: self.legs,
            payload_type: self.payload_type.unwrap_or(payload_type),
            ssrc: self.ssrc.unwrap_or_else(ssrc),
            ramp_ms: self.ramp_ms.unwrap_or(if sound { RAMP_MS } else { 0 }),
        })
    }
}

/// The levels that a body names. None named are all that there are; a list of none is a
/// mistake, and would be taken for all.
pub fn named(field: &str, levels: Option<Vec<Level>>) -> Result<Vec<Level>, Error> {
    match levels {
        Some(levels) if levels.is_empty() => {
            let reason = "names none: write \"video\", \"audio\" or \"ancillary\", or leave it out \
                          to take all";
            Err(invalid(field, reason))
        }
        levels => Ok(levels.unwrap_or_default()),
    }
}

/// Which levels to clear.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LevelsQuery {
    /// `video`, `audio`, `ancillary`, separated by commas; all that the output has unless
    /// given.
    pub levels: Option<String>,
}

/// The levels that a query names, separated by commas.
pub fn listed(levels: Option<&str>) -> Result<Vec<Level>, Error> {
    let Some(levels) = levels else { return Ok(Vec::new()) };
    levels
        .split(',')
        .map(|level| level.trim().parse().map_err(|e| invalid("levels", format!("{e}"))))
        .collect()
}

/// Where sound or ancillary data go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OutputStream)]
pub struct OutputStreamView {
    /// Where to.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// RTP payload type.
    pub payload_type: u8,
    /// The synchronisation source it keeps through every take.
    pub ssrc: u32,
    /// Of sound, how long it fades out before a take and in after it, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramp_ms: Option<u16>,
}

impl OutputStreamView {
    /// A stream of a level.
    pub fn of(level: Level, stream: &OutputStream) -> Self {
        Self {
            legs: stream.legs.clone(),
            payload_type: stream.payload_type,
            ssrc: stream.ssrc,
            ramp_ms: (level == Level::Audio).then_some(stream.ramp_ms),
        }
    }
}

/// A level of an input beside its picture, now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InputLevel)]
pub struct InputLevelView {
    /// Whether it arrives. For `frames` read packets of sound, frames of ancillary data.
    pub signal: SignalView,
    /// Outputs on which it is or shall be; empty while the router is away.
    #[schema(value_type = Vec<String>)]
    pub tally: Vec<OutputId>,
}

/// A level of an output beside its picture, now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OutputLevel)]
pub struct OutputLevelView {
    /// What is on it.
    pub route: RouteView,
    /// What left; null while the router is away.
    pub sent: Option<SentView>,
}

/// What is on a level of an output.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelRoute {
    /// What is on it.
    pub route: RouteView,
}

/// Things by level.
pub type ByLevel<T> = BTreeMap<Level, T>;
