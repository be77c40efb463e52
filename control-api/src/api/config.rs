//! Inputs and outputs as they were configured: part of every answer about them, what a
//! revision is of, and what stands in a site's file.

use std::hash::{DefaultHasher, Hasher};

use ormatrix_protocol::{
    AncillaryInput, AudioInput, Back, Failover, InputId, Leg, Level, Merge, MergeOrder, OnLoss,
    OutputId,
};
use serde::Serialize;
use st2110::{
    format::VideoFormat,
    sdp::{Range, TransferCharacteristic},
};
use utoipa::ToSchema;

use super::{levels::OutputStreamView, schema};
use crate::inventory::{Accepts, Input, Labels, Output, SourceType};

/// What changes whenever a configuration does: its hash. The same configuration always has
/// the same revision, so that who wrote what is there already has lost nothing.
pub fn revision(config: &impl Serialize) -> String {
    let mut hasher = DefaultHasher::new();
    // A configuration is a plain structure, which always has a text.
    hasher.write(&serde_json::to_vec(config).unwrap_or_default());
    format!("{:016x}", hasher.finish())
}

/// What has a revision.
pub trait Revised {
    /// See [`revision`].
    fn revision(&self) -> String;
}

impl Revised for Input {
    fn revision(&self) -> String {
        InputConfig::of(self).revision()
    }
}

impl Revised for Output {
    fn revision(&self) -> String {
        OutputConfig::of(self).revision()
    }
}

/// An input as it was configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct InputConfig {
    /// Its name for programs.
    #[schema(value_type = String, example = "endoscope")]
    pub id: InputId,
    /// Its name for people.
    #[schema(example = "Endoscope 1")]
    pub label: String,
    /// That name in other languages.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schema(required = false, example = json!({ "de": "Endoskop 1" }))]
    pub labels: Labels,
    /// Where it stands.
    #[schema(example = "OR 3")]
    pub zone: String,
    /// What kind of device it is.
    #[serde(rename = "type")]
    pub source_type: SourceType,
    /// What it sends.
    #[schema(value_type = schema::Video)]
    pub video: VideoFormat,
    /// Where it arrives.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// How two legs become one stream.
    pub merge: MergeView,
    /// RTP payload type.
    pub payload_type: u8,
    /// Longest UDP datagram with its header.
    pub max_udp: u16,
    /// As ST 2110-20 §7.5 names it.
    pub colorimetry: &'static str,
    /// As ST 2110-20 §7.6 names it; SDR where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcs: Option<&'static str>,
    /// As ST 2110-20 §7.3 names it; narrow where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<&'static str>,
    /// Its sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::AudioInput>)]
    pub audio: Option<AudioInput>,
    /// Its ancillary data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::AncillaryInput>)]
    pub ancillary: Option<AncillaryInput>,
    /// Inputs that may stand in for it when it fails.
    #[schema(value_type = Vec<String>)]
    pub backups: Vec<InputId>,
    /// What counts as failure, and when it is shown again.
    pub failover: FailoverView,
}

/// An output as it was configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputConfig {
    /// Its name for programs.
    #[schema(value_type = String, example = "main-monitor")]
    pub id: OutputId,
    /// Its name for people.
    #[schema(example = "Main monitor")]
    pub label: String,
    /// That name in other languages.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schema(required = false, example = json!({ "de": "Hauptmonitor" }))]
    pub labels: Labels,
    /// Where it stands.
    #[schema(example = "OR 3")]
    pub zone: String,
    /// The input that it shows when it is parked; nothing where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub park: Option<InputId>,
    /// Where it goes.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// RTP payload type.
    pub payload_type: u8,
    /// The synchronisation source it keeps through every take.
    pub ssrc: u32,
    /// IP time to live or hop limit.
    pub ttl: u8,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Formats it takes, or `"any"`.
    #[schema(value_type = schema::Accepts)]
    pub accepts: Accepts,
    /// Where its sound goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<OutputStreamView>,
    /// Where its ancillary data go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ancillary: Option<OutputStreamView>,
    /// What it sends when its input is lost and nothing stands in.
    #[schema(value_type = schema::OnLoss)]
    pub on_loss: OnLoss,
}

/// What counts as failure of an input, and when it is shown again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failover)]
#[allow(clippy::struct_field_names, reason = "the names are those of the answer")]
pub struct FailoverView {
    /// `automatic`: as soon as its signal has been good long enough; `manual`: when somebody
    /// takes it again.
    #[schema(value_type = schema::Back)]
    pub back: Back,
    /// Milliseconds of good signal before it is shown again.
    pub steady_ms: u32,
    /// A picture that does not change for so many milliseconds has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_ms: Option<u32>,
    /// A picture that is black for so many milliseconds has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_ms: Option<u32>,
}

/// How two legs become one stream (ST 2022-7).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Merge)]
pub struct MergeView {
    /// How far one leg may be behind the other, microseconds.
    pub skew_us: u32,
    /// Whether packets leave in order.
    #[schema(value_type = schema::MergeOrder)]
    pub order: MergeOrder,
}

impl InputConfig {
    /// The configuration of an input.
    pub fn of(input: &Input) -> Self {
        Self {
            id: input.id.clone(),
            label: input.label.clone(),
            labels: input.labels.clone(),
            zone: input.zone.clone(),
            source_type: input.source_type,
            video: input.video,
            legs: input.legs.clone(),
            merge: MergeView::of(input.merge),
            payload_type: input.payload_type,
            max_udp: input.max_udp,
            colorimetry: input.colour.colorimetry.as_str(),
            tcs: input.colour.tcs.map(TransferCharacteristic::as_str),
            range: input.colour.range.map(Range::as_str),
            audio: input.audio.clone(),
            ancillary: input.ancillary.clone(),
            backups: input.failover.backups.clone(),
            failover: FailoverView::of(&input.failover),
        }
    }

    /// See [`revision`].
    pub fn revision(&self) -> String {
        revision(self)
    }
}

impl OutputConfig {
    /// The configuration of an output.
    pub fn of(output: &Output) -> Self {
        let stream = |level, stream: &Option<_>| {
            stream.as_ref().map(|stream| OutputStreamView::of(level, stream))
        };
        Self {
            id: output.id.clone(),
            label: output.label.clone(),
            labels: output.labels.clone(),
            zone: output.zone.clone(),
            park: output.park.clone(),
            legs: output.legs.clone(),
            payload_type: output.payload_type,
            ssrc: output.ssrc,
            ttl: output.ttl,
            dscp: output.dscp,
            accepts: output.accepts.clone(),
            audio: stream(Level::Audio, &output.audio),
            ancillary: stream(Level::Ancillary, &output.ancillary),
            on_loss: output.on_loss,
        }
    }

    /// See [`revision`].
    pub fn revision(&self) -> String {
        revision(self)
    }
}

impl FailoverView {
    fn of(failover: &Failover) -> Self {
        Self {
            back: failover.back,
            steady_ms: failover.steady_ms.0,
            frozen_ms: failover.frozen_ms,
            black_ms: failover.black_ms,
        }
    }
}

impl MergeView {
    fn of(merge: Merge) -> Self {
        Self { skew_us: merge.skew_us, order: merge.order }
    }
}
