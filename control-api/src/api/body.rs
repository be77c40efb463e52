//! Shapes of the requests, and reading them.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use futures_util::StreamExt;
use ormatrix_protocol::{Back, InputId, Leg, Level, OnLoss, OutputId};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::error::Category;
use st2110::format::VideoFormat;
use utoipa::{IntoParams, ToSchema};

use super::{
    levels::{AncillaryInputBody, AudioInputBody, OutputStreamBody},
    merge::MergeBody,
    schema,
};
use crate::{
    app::{App, Shared},
    inventory::{Accepts, Labels, SourceType},
    problem::Error,
    time::TaiNs,
};

/// Longest JSON or SDP body in octets.
pub const BODY_MAX: usize = 256 * 1024;

/// Octets of a body too long that are read and forgotten before the connection closes.
const FORGOTTEN_MAX: usize = 16 * 1024 * 1024;

/// An input to add or change. What `GET` shows beyond this is ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputBody {
    /// Made from the label unless given.
    #[schema(value_type = Option<String>)]
    pub id: Option<InputId>,
    /// 1 to 80 characters; the id unless given.
    pub label: Option<String>,
    /// The label in other languages, by language tag (BCP 47), up to 16. Kept unless given.
    #[schema(example = json!({ "de": "Endoskop 1" }))]
    pub labels: Option<Labels>,
    /// Up to 80 characters.
    pub zone: Option<String>,
    /// What kind of device it is. Kept, else `other`, unless given.
    #[serde(rename = "type")]
    pub source_type: Option<SourceType>,
    /// What it sends.
    #[schema(value_type = schema::Video)]
    pub video: VideoFormat,
    /// Where it arrives.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// How two legs become one stream.
    #[serde(default)]
    pub merge: MergeBody,
    /// RTP payload type, 96 to 127; 96 unless given.
    #[schema(minimum = 96, maximum = 127)]
    pub payload_type: Option<u8>,
    /// Longest UDP datagram with its header; 1460 unless given.
    #[schema(maximum = 8960)]
    pub max_udp: Option<u16>,
    /// As ST 2110-20 §7.5 names it; `BT709` unless given.
    pub colorimetry: Option<String>,
    /// As ST 2110-20 §7.6 names it; SDR unless given.
    pub tcs: Option<String>,
    /// As ST 2110-20 §7.3 names it; narrow unless given.
    pub range: Option<String>,
    /// Its sound; none unless given.
    pub audio: Option<AudioInputBody>,
    /// Its ancillary data; none unless given.
    pub ancillary: Option<AncillaryInputBody>,
    /// Up to 8 inputs that may stand in for it when it fails: the first with a good signal
    /// does. Kept unless given: a source that registers itself anew does not lose them.
    #[schema(value_type = Option<Vec<String>>)]
    pub backups: Option<Vec<InputId>>,
    /// What counts as failure, and when it is shown again. Kept unless given.
    pub failover: Option<FailoverBody>,
    #[serde(default, rename = "levels")]
    #[schema(ignore)]
    _levels: IgnoredAny,
    #[serde(default, rename = "findings")]
    #[schema(ignore)]
    _findings: IgnoredAny,
    #[serde(default, rename = "warnings")]
    #[schema(ignore)]
    _warnings: IgnoredAny,
    #[serde(default, rename = "signal")]
    #[schema(ignore)]
    _signal: IgnoredAny,
    #[serde(default, rename = "tally")]
    #[schema(ignore)]
    _tally: IgnoredAny,
    #[serde(default, rename = "revision")]
    #[schema(ignore)]
    _revision: IgnoredAny,
    #[serde(default, rename = "still_at")]
    #[schema(ignore)]
    _still_at: IgnoredAny,
    #[serde(default, rename = "fault")]
    #[schema(ignore)]
    _fault: IgnoredAny,
}

/// What counts as failure of an input, and when it is shown again.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FailoverBody {
    /// `automatic`: as soon as its signal has been good long enough; `manual`: when somebody
    /// takes it again. `automatic` unless given.
    #[schema(value_type = Option<schema::Back>)]
    pub back: Option<Back>,
    /// Milliseconds of good signal before it is shown again; 3000 unless given.
    #[schema(maximum = 600_000)]
    pub steady_ms: Option<u32>,
    /// A picture that does not change for so many milliseconds has failed; never unless given.
    /// Somebody must look: `ormatrix-sink watch`.
    #[schema(minimum = 100, maximum = 600_000)]
    pub frozen_ms: Option<u32>,
    /// A picture that is black for so many milliseconds has failed; never unless given.
    #[schema(minimum = 100, maximum = 600_000)]
    pub black_ms: Option<u32>,
}

/// An output to add or change. What `GET` shows beyond this is ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputBody {
    /// Made from the label unless given.
    #[schema(value_type = Option<String>)]
    pub id: Option<OutputId>,
    /// 1 to 80 characters; the id unless given.
    pub label: Option<String>,
    /// The label in other languages, by language tag (BCP 47), up to 16. Kept unless given.
    #[schema(example = json!({ "de": "Hauptmonitor" }))]
    pub labels: Option<Labels>,
    /// Up to 80 characters.
    pub zone: Option<String>,
    /// The input that it shows when it is parked; null for nothing. Kept unless given.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub park: Option<Option<InputId>>,
    /// Where it goes.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// RTP payload type, 96 to 127; 96 unless given.
    #[schema(minimum = 96, maximum = 127)]
    pub payload_type: Option<u8>,
    /// Kept, or drawn, unless given.
    pub ssrc: Option<u32>,
    /// 1 to 255; 64 unless given.
    #[schema(minimum = 1)]
    pub ttl: Option<u8>,
    /// 0 to 63; 34 (AF41) unless given.
    #[schema(maximum = 63)]
    pub dscp: Option<u8>,
    /// `"any"` unless given.
    #[schema(value_type = Option<schema::Accepts>)]
    pub accepts: Option<Accepts>,
    /// Where its sound goes; it sends none unless given.
    pub audio: Option<OutputStreamBody>,
    /// Where its ancillary data go; it sends none unless given.
    pub ancillary: Option<OutputStreamBody>,
    /// What it sends when its input is lost and nothing stands in: `nothing`, or a `slate` in
    /// the input's format that says so. Kept, else `nothing`, unless given.
    #[schema(value_type = Option<schema::OnLoss>)]
    pub on_loss: Option<OnLoss>,
    #[serde(default, rename = "levels")]
    #[schema(ignore)]
    _levels: IgnoredAny,
    #[serde(default, rename = "warnings")]
    #[schema(ignore)]
    _warnings: IgnoredAny,
    #[serde(default, rename = "route")]
    #[schema(ignore)]
    _route: IgnoredAny,
    #[serde(default, rename = "revision")]
    #[schema(ignore)]
    _revision: IgnoredAny,
    #[serde(default, rename = "lock")]
    #[schema(ignore)]
    _lock: IgnoredAny,
    #[serde(default, rename = "sent")]
    #[schema(ignore)]
    _sent: IgnoredAny,
    #[serde(default, rename = "fault")]
    #[schema(ignore)]
    _fault: IgnoredAny,
}

/// What an output shall show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteBody {
    /// The input.
    #[schema(value_type = String)]
    pub input: InputId,
    /// The levels to take; all that the output has unless given, and nothing on those that
    /// the input has not.
    #[schema(value_type = Option<Vec<schema::Level>>)]
    pub levels: Option<Vec<Level>>,
    /// How long to wait for the confirmation, 0 to 10000; 1000 unless given.
    #[schema(maximum = 10000)]
    pub wait_ms: Option<u32>,
    /// Also when the input has no signal.
    #[serde(default)]
    pub force: bool,
}

/// Several takes, all or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SalvoBody {
    /// Each level of an output once.
    pub routes: Vec<SalvoRoute>,
    /// When, TAI nanoseconds since 1970, as a number or a decimal string, up to an hour ahead;
    /// at once unless given.
    #[schema(value_type = Option<String>, example = "1769851837500000000")]
    pub at: Option<TaiNs>,
    /// How long to wait for the confirmation, 0 to 10000; 1000 unless given.
    #[schema(maximum = 10000)]
    pub wait_ms: Option<u32>,
    /// Also when an input has no signal.
    #[serde(default)]
    pub force: bool,
}

/// One take of a salvo.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SalvoRoute {
    /// The output.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// The input; null clears the output.
    #[schema(value_type = Option<String>, required = true)]
    #[serde(deserialize_with = "stated")]
    pub input: Option<InputId>,
    /// As in a take.
    #[schema(value_type = Option<Vec<schema::Level>>)]
    pub levels: Option<Vec<Level>>,
}

/// Null must be written: a forgotten input must not clear a display.
fn stated<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<InputId>, D::Error> {
    Option::deserialize(from)
}

/// A null that is written is another thing than nothing written.
#[allow(clippy::option_option, reason = "absent, null and given are three things")]
fn given<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}

/// Whether a lock of somebody else may be broken.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForceQuery {
    /// Also when it is somebody else's.
    pub force: bool,
}

/// Whether only to ask.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DryRunQuery {
    /// Only say what would change.
    pub dry_run: bool,
}

/// How an input is watched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorBody {
    /// Where the frames go.
    #[schema(value_type = schema::Leg)]
    pub leg: Leg,
    /// Least time between two frames, 10 to 60000; 250 unless given.
    #[schema(minimum = 10, maximum = 60000)]
    pub interval_ms: Option<u32>,
}

/// A JSON body.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// A JSON body or an SDP.
#[derive(Debug)]
pub enum JsonOrSdp<T> {
    /// `application/json`.
    Json(T),
    /// `application/sdp`.
    Sdp(String),
}

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Error> {
        match media_type(request.headers()).as_str() {
            "application/json" => Ok(Self(json(&octets(app, request, BODY_MAX).await?)?)),
            found => Err(unsupported(found, "application/json")),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for JsonOrSdp<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Error> {
        match media_type(request.headers()).as_str() {
            "application/json" => Ok(Self::Json(json(&octets(app, request, BODY_MAX).await?)?)),
            "application/sdp" => {
                let octets = octets(app, request, BODY_MAX).await?;
                let text = String::from_utf8(octets.into()).map_err(|error| {
                    let good = error.utf8_error().valid_up_to();
                    let before =
                        String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
                    let line = 1 + before.matches('\n').count();
                    Error::Sdp { line, reason: "not UTF-8".to_owned(), clause: None }
                })?;
                Ok(Self::Sdp(text))
            }
            found => Err(unsupported(found, "application/json or application/sdp")),
        }
    }
}

/// The media type without its parameters, lower case; empty when there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// A wrong media type, as an error.
pub fn unsupported(found: &str, expected: &'static str) -> Error {
    let found = if found.is_empty() { "without a type" } else { found };
    Error::UnsupportedMediaType { found: found.to_owned(), expected }
}

/// The whole body, if it is not longer than `limit` and comes within `Limits::body`.
///
/// Of a longer one the rest is read and forgotten, within limits: a client that is still
/// sending when the connection closes would never see the answer.
pub async fn octets(app: &App, request: Request, limit: usize) -> Result<Bytes, Error> {
    let within = app.limits.body;
    let read = tokio::time::timeout(within, collect(request, limit)).await;
    read.unwrap_or(Err(Error::BodySlow { within_ms: within.as_millis() as u64 }))
}

async fn collect(request: Request, limit: usize) -> Result<Bytes, Error> {
    let mut stream = request.into_body().into_data_stream();
    let mut octets = Vec::new();
    let mut length = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Error::BodyCut)?;
        length += chunk.len();
        if length <= limit {
            octets.extend_from_slice(&chunk);
        } else if length > limit + FORGOTTEN_MAX {
            break;
        }
    }
    if length > limit { Err(Error::TooLarge { limit }) } else { Ok(octets.into()) }
}

/// Reads JSON: what is not JSON is malformed, a value that does not fit names its field.
pub fn json<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Error> {
    let mut from = serde_json::Deserializer::from_slice(octets);
    let read = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        refused(&inner, Some(field))
    })?;
    from.end().map_err(|error| refused(&error, None))?;
    Ok(read)
}

fn refused(error: &serde_json::Error, field: Option<String>) -> Error {
    let (line, column) = (error.line(), error.column());
    let mut reason = error.to_string();
    // The parser ends its words with the place.
    if let Some(place) = reason.rfind(" at line ") {
        reason.truncate(place);
    }
    match (error.classify(), field) {
        (Category::Data, Some(field)) => {
            let field = if field == "." { "body".to_owned() } else { field };
            let reason = format!("{reason} (line {line}, column {column})");
            Error::Invalid { field, reason }
        }
        _ => Error::Malformed { line, column, reason },
    }
}
