//! Shapes of the types that other crates own, for `/openapi.json` only.

#![allow(dead_code, missing_docs, reason = "described, never made; the names say it")]

use std::net::IpAddr;

use utoipa::ToSchema;

/// The format of a video stream (ST 2110-20).
#[derive(ToSchema, serde::Serialize)]
pub struct Video {
    /// Active pixels in a line.
    #[schema(example = 1920, minimum = 1, maximum = 32767)]
    width: u16,
    /// Active lines in a frame, both fields together.
    #[schema(example = 1080, minimum = 1, maximum = 32767)]
    height: u16,
    /// Frames a second, exact.
    #[schema(example = "60000/1001")]
    rate: String,
    /// Colour sampling.
    sampling: Sampling,
    /// Bits a sample: 8, 10 or 12.
    #[schema(example = 10)]
    depth: u8,
    /// How lines follow each other in time.
    #[schema(required = false)]
    scan: Scan,
    /// Packing mode.
    #[schema(required = false)]
    packing: Packing,
}

/// Colour sampling (ST 2110-20 §7.4.1).
#[derive(ToSchema, serde::Serialize)]
pub enum Sampling {
    #[schema(rename = "YCbCr-4:2:2")]
    YCbCr422,
    #[schema(rename = "YCbCr-4:2:0")]
    YCbCr420,
    #[schema(rename = "YCbCr-4:4:4")]
    YCbCr444,
    #[schema(rename = "RGB")]
    Rgb,
}

/// `progressive` unless given.
#[derive(ToSchema, serde::Serialize)]
#[schema(rename_all = "lowercase")]
pub enum Scan {
    Progressive,
    Interlaced,
    Psf,
}

/// `GPM` unless given.
#[derive(ToSchema, serde::Serialize)]
#[schema(rename_all = "UPPERCASE")]
pub enum Packing {
    Gpm,
    Bpm,
}

/// One path of a stream.
#[derive(ToSchema)]
pub struct Leg {
    /// Unicast address, or multicast group.
    #[schema(value_type = String, example = "239.10.0.1")]
    address: IpAddr,
    /// UDP port.
    #[schema(example = 5004, minimum = 1)]
    port: u16,
    /// For an input the only sender listened to; for an output the local address to send from.
    #[schema(value_type = Option<String>)]
    source: Option<IpAddr>,
    /// Name of the network interface to use.
    interface: Option<String>,
}

/// What outputs see of the merging of two legs.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub enum MergeOrder {
    Restored,
    FirstCopy,
}

/// One of the streams of an input or output.
#[derive(ToSchema, serde::Serialize)]
#[schema(rename_all = "lowercase")]
pub enum Level {
    Video,
    Audio,
    Ancillary,
}

/// The format of sound (ST 2110-30).
#[derive(ToSchema)]
pub struct Audio {
    /// Encoding of a sample.
    depth: AudioDepth,
    /// Samples a second.
    #[schema(example = 48000)]
    rate_hz: u32,
    /// Channels.
    #[schema(minimum = 1, maximum = 64)]
    channels: u8,
    /// How much time a packet holds.
    packet_time: PacketTime,
    /// What the channels are; undefined if not given.
    #[schema(example = "SMPTE2110.(ST)")]
    channel_order: Option<String>,
}

/// Encoding of a sample (ST 2110-30 §6.1).
#[derive(ToSchema)]
pub enum AudioDepth {
    L16,
    L24,
}

/// How much time a packet holds (AES67 §7.2).
#[derive(ToSchema)]
pub enum PacketTime {
    #[schema(rename = "125us")]
    Us125,
    #[schema(rename = "250us")]
    Us250,
    #[schema(rename = "333us")]
    Us333,
    #[schema(rename = "1ms")]
    Ms1,
    #[schema(rename = "4ms")]
    Ms4,
}

/// The format of ancillary data (ST 2110-40).
#[derive(ToSchema)]
pub struct Ancillary {
    /// Frames a second of the picture.
    #[schema(example = "60000/1001")]
    rate: String,
    /// Whether packets belong to fields.
    #[schema(required = false)]
    interlace: bool,
    /// The kinds of packets; any unless given.
    #[schema(required = false)]
    data_ids: Vec<DataId>,
    /// Byte 1 of the video payload id (ST 352) of the SDI it came from.
    vpid_code: Option<u8>,
}

/// The kind of an ancillary data packet.
#[derive(ToSchema, serde::Serialize)]
pub struct DataId {
    /// Data identification.
    did: u8,
    /// Secondary data identification; 0 for packets of type 1.
    sdid: u8,
}

/// Sound that arrives.
#[derive(ToSchema)]
pub struct AudioInput {
    /// What it is.
    format: Audio,
    /// Where it arrives.
    legs: Vec<Leg>,
    /// How two legs become one stream.
    merge: super::config::MergeView,
    /// RTP payload type.
    payload_type: u8,
}

/// Ancillary data that arrive.
#[derive(ToSchema)]
pub struct AncillaryInput {
    /// What they are.
    format: Ancillary,
    /// Where they arrive.
    legs: Vec<Leg>,
    /// How two legs become one stream.
    merge: super::config::MergeView,
    /// RTP payload type.
    payload_type: u8,
}

/// When an input that failed is shown again.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Back {
    Automatic,
    Manual,
}

/// What an output sends while its input is lost.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum OnLoss {
    Nothing,
    Slate,
}

/// What is shown in place of an input that has failed: one of its backups, or a slate.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum StandIn {
    /// The backup's id.
    Backup(String),
    Slate,
}

/// Formats an output takes.
#[derive(ToSchema, serde::Serialize)]
#[serde(untagged)]
pub enum Accepts {
    /// `"any"`.
    Any(String),
    /// A list.
    Formats(Vec<Video>),
}

/// Whether pictures arrive.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum SignalState {
    Ok,
    Unstable,
    Lost,
    Unknown,
}

/// How far a route is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub enum RouteState {
    None,
    Switching,
    Waiting,
    Live,
    NoSignal,
    Unknown,
}
