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
