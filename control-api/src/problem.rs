//! Every error of the API and its answer (RFC 9457), in one place.
//!
//! `type` is a stable relative URI. A program decides by `type` and `status`; `title` and
//! `detail` are for people and may change.

mod refused;

use std::net::IpAddr;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{InputId, Level, OutputId, Refusal};
use refused::refused;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    alarms::engine::Refused,
    http::request_id,
    inventory::Lock,
    mirror::TAKES,
    router::AskError,
    store::{BackupError, StoreError},
    time::rfc3339,
};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done. Nothing changed, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such path.
    #[error("there is nothing at {path}: /openapi.json lists every call")]
    NoSuchPath {
        /// What was asked for.
        path: String,
    },
    /// The path exists, the method does not.
    #[error("{path} does not know {method}: /openapi.json lists what it knows")]
    MethodNotAllowed {
        /// The method.
        method: String,
        /// The path.
        path: String,
    },
    /// A body of another kind than expected.
    #[error("the body is {found}: send it as {expected} in Content-Type")]
    UnsupportedMediaType {
        /// What the request says; `without a type` when it says nothing.
        found: String,
        /// What the call takes.
        expected: &'static str,
    },
    /// A body too long.
    #[error("the body is longer than {limit} octets, the most this call takes")]
    TooLarge {
        /// The most.
        limit: usize,
    },
    /// The request came cut off.
    #[error("the body did not arrive whole: send it again")]
    BodyCut,
    /// The body took too long.
    #[error("the body did not arrive within {within_ms} ms: send it again, without pauses")]
    BodySlow {
        /// How long it may take.
        within_ms: u64,
    },
    /// The body is not what it says it is.
    #[error("line {line}, column {column}: {reason}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser said.
        reason: String,
    },
    /// A value out of range, missing or unknown.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field as it stands in the body.
        field: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// An SDP that breaks a rule.
    #[error("SDP line {line}: {reason}")]
    Sdp {
        /// From 1; 0 when it is about the whole.
        line: usize,
        /// What is wrong, with the clause.
        reason: String,
        /// The clause broken, when there is one.
        clause: Option<String>,
    },
    /// No input of that id.
    #[error("there is no input '{0}': GET /api/v1/inputs lists them")]
    UnknownInput(String),
    /// No output of that id.
    #[error("there is no output '{0}': GET /api/v1/outputs lists them")]
    UnknownOutput(String),
    /// No monitor on that input.
    #[error("input '{0}' has no monitor: PUT /api/v1/inputs/{0}/monitor makes one")]
    UnknownMonitor(InputId),
    /// An id given twice.
    #[error(
        "there is {} {kind} '{id}' already: choose another id, or PUT /api/v1/{kind}s/{id} to \
         change it",
        if matches!(*kind, "input" | "output") { "an" } else { "a" }
    )]
    DuplicateId {
        /// `input` or `output`.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// An address that another input or output has.
    #[error(
        "{address} port {port} already belongs to {kind} '{holder}': give each stream its own \
         address or port"
    )]
    AddressTaken {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// `input` or `output`.
        kind: &'static str,
        /// Who has it.
        holder: String,
    },
    /// The output's device cannot show the input, or one that may stand in for it.
    #[error(
        "output '{output}' does not take {format}, the format of input '{input}'{}: it accepts \
         {accepts}",
        stand_in.as_ref().map_or(String::new(), |of| format!(", a backup of '{of}'"))
    )]
    FormatNotAccepted {
        /// The output.
        output: OutputId,
        /// The input.
        input: InputId,
        /// The input's format.
        format: String,
        /// What the output takes.
        accepts: String,
        /// The input that it may stand in for, if that is the matter.
        stand_in: Option<InputId>,
    },
    /// An input that others fall back on.
    #[error(
        "input '{input}' is a backup of {}: give {} other backups first, or none",
        names(inputs),
        if inputs.len() == 1 { "it" } else { "them" }
    )]
    InputIsBackup {
        /// The input.
        input: InputId,
        /// Those that name it.
        inputs: Vec<InputId>,
    },
    /// Something that others need.
    #[error("{kind} '{id}' is needed by {}: change {} first", users.join(", "),
        if users.len() == 1 { "that" } else { "those" })]
    InUse {
        /// `input` or `output`.
        kind: &'static str,
        /// The id.
        id: String,
        /// Who needs it, in words.
        users: Vec<String>,
    },
    /// Something else is there than the request expects.
    #[error(
        "{kind} '{id}' {}: read it again, make the change anew, and send it with the new ETag",
        if present.is_some() { "has been changed by somebody else" } else { "is not there" }
    )]
    Stale {
        /// `input`, `output`, `preset`, `zone` or `site`.
        kind: &'static str,
        /// The id.
        id: String,
        /// Its revision, if it is there.
        present: Option<String>,
    },
    /// An output that somebody keeps as it is.
    #[error(
        "output '{output}' is {} by {}{}{}: DELETE /api/v1/outputs/{output}/lock releases it",
        lock.kind.participle(),
        lock.owner,
        if lock.note.is_empty() { String::new() } else { format!(" ({})", lock.note) },
        lock.expires_at.map_or(String::new(), |at| format!(" until {}", rfc3339(at))),
    )]
    Locked {
        /// The output.
        output: OutputId,
        /// Who, since when, until when.
        lock: Lock,
    },
    /// A lock of somebody else.
    #[error(
        "the lock of output '{output}' is of {owner}: ask them, or release it with ?force=true"
    )]
    NotYourLock {
        /// The output.
        output: OutputId,
        /// Whose it is.
        owner: String,
    },
    /// An output that nobody keeps.
    #[error("output '{0}' is not locked")]
    NotLocked(OutputId),
    /// An output that a salvo is going to change cannot be locked.
    #[error(
        "salvo {take} waits for its time and changes output '{output}': call it off first with \
         DELETE /api/v1/salvos/{take}"
    )]
    SalvoWaits {
        /// The output.
        output: OutputId,
        /// The salvo.
        take: u64,
    },
    /// No preset of that id.
    #[error("there is no preset '{0}': GET /api/v1/presets lists them")]
    UnknownPreset(String),
    /// No room of that name.
    #[error("there is no zone '{0}': GET /api/v1/zones lists them")]
    UnknownZone(String),
    /// A take that is not remembered.
    #[error(
        "take '{0}' is not remembered: GET /api/v1/takes lists those that are; the last {TAKES} \
         are kept while control runs"
    )]
    UnknownTake(String),
    /// Something that is being changed at this moment.
    #[error("{kind} '{id}' is being changed at this moment: try again in a second")]
    Changing {
        /// `input` or `output`.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// A key of another request.
    #[error("the Idempotency-Key '{key}' was used for another request: give every request its own")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// A take to an input that sends nothing.
    #[error(
        "input '{input}' has no {}signal (state {state}): check its source, or take it anyway \
         with \"force\": true",
        if *level == Level::Video { String::new() } else { format!("{level} ") }
    )]
    NoSignal {
        /// The input.
        input: InputId,
        /// Which level of it.
        level: Level,
        /// The output.
        output: OutputId,
        /// The state of its signal.
        state: &'static str,
    },
    /// A later take put something else on the output before this one was confirmed.
    #[error("a later take changed output '{output}' before this one was confirmed")]
    TakeOvertaken {
        /// The output.
        output: OutputId,
    },
    /// Nothing says what format the output has.
    #[error(
        "nothing is routed to output '{output}' and it accepts more than one format: take an \
         input to it first"
    )]
    NothingRouted {
        /// The output.
        output: OutputId,
    },
    /// No still was ever delivered.
    #[error("there is no still of input '{input}': nothing watches it, or none has come yet")]
    NoStill {
        /// The input.
        input: InputId,
    },
    /// The still is too old to be true.
    #[error("the last still of input '{input}' is {age_ms} ms old: {reason}")]
    StillTooOld {
        /// The input.
        input: InputId,
        /// How old.
        age_ms: u64,
        /// Why that matters.
        reason: &'static str,
    },
    /// No salvo of that number waits.
    #[error(
        "no salvo '{0}' waits for its time: GET /api/v1/salvos lists those that do; this one has \
         been taken, was called off, or never was"
    )]
    NotScheduled(String),
    /// An alarm that cannot be acknowledged.
    #[error("{}", not_acknowledged(alarm, reason))]
    NotAcknowledged {
        /// The alarm's id.
        alarm: String,
        /// Why.
        reason: Refused,
    },
    /// Nobody reported that.
    #[error(
        "no alarm '{0}' is reported: it was taken back, has ended by itself, or never was; GET \
         /api/v1/alarms lists what is active"
    )]
    NotReported(String),
    /// No room for another report.
    #[error(
        "other programs report {limit} alarms already, the most there may be: take some back \
         (DELETE /api/v1/alarms/reported/{{id}}), or wait until those taken back are cleared"
    )]
    TooManyReports {
        /// The most.
        limit: usize,
    },
    /// Nobody is there to measure.
    #[error(
        "nobody measures {kind} '{id}': start `ormatrix-sink watch --control URL` on a host that \
         the streams reach, and ask again"
    )]
    NoWatcher {
        /// `input` or `output`.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// The last report is too old to be true.
    #[error(
        "the last report about {kind} '{id}' is {age_ms} ms old: the watcher is there but sends \
         no more; look into its log"
    )]
    AnalysisTooOld {
        /// `input` or `output`.
        kind: &'static str,
        /// The id.
        id: String,
        /// How old.
        age_ms: u64,
    },
    /// The router is not connected.
    #[error(
        "the router is not connected at {socket}: start ormatrix-router, or check router_socket \
         in the settings; nothing was changed"
    )]
    RouterAway {
        /// Where it is looked for.
        socket: String,
    },
    /// The connection ended while the router was asked.
    #[error(
        "the connection to the router ended before it answered: read the state again once it is \
         back; inventory changes are undone"
    )]
    RouterLost,
    /// The router said no.
    #[error("{0}")]
    Refused(Refusal),
    /// A page of another origin wants to change something.
    #[error("a page of {origin} may not change anything at {host}")]
    ForeignOrigin {
        /// The page's.
        origin: String,
        /// Ours, as the request names it.
        host: String,
    },
    /// A host name that is not ours.
    #[error(
        "'{host}' is not a name of this host: use its address, or add the name to host_names in \
         the settings"
    )]
    ForeignHost {
        /// The name.
        host: String,
    },
    /// The database failed.
    #[error("the database could not be used, nothing was changed: {0}")]
    Store(#[from] StoreError),
    /// A backup that cannot be restored.
    #[error("{0}; nothing was changed")]
    Backup(#[from] BackupError),
    /// A fault of this program.
    #[error("an internal fault: the log has its details")]
    Internal,
}

impl From<AskError> for Error {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Away { socket } => Self::RouterAway { socket },
            AskError::Lost => Self::RouterLost,
            AskError::Refused(Refusal::UnknownInput { input }) => {
                Self::UnknownInput(input.to_string())
            }
            AskError::Refused(Refusal::UnknownOutput { output }) => {
                Self::UnknownOutput(output.to_string())
            }
            AskError::Refused(Refusal::NotScheduled { take }) => {
                Self::NotScheduled(take.to_string())
            }
            AskError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// An answer that says what went wrong. More members may follow: the ids concerned.
#[derive(Debug, PartialEq, ToSchema)]
#[schema(description = "RFC 9457. Members beyond these carry the ids and values concerned.")]
pub struct Problem {
    /// A stable relative URI.
    #[schema(rename = "type", example = "/problems/unknown-input")]
    pub r#type: String,
    /// The kind of problem, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This problem, and what to do.
    pub detail: String,
    /// What the logs call this request; also in the header `X-Request-Id`. Not in a problem that
    /// is part of an answer.
    pub request_id: Option<String>,
}

/// The kind of problem that an answer is, for whoever logs it.
#[derive(Clone, Copy, Debug)]
pub struct Kind(pub &'static str);

impl Error {
    /// Kind, title, status and the values concerned.
    fn describe(&self) -> (&'static str, &'static str, StatusCode, Value) {
        use StatusCode as S;
        match self {
            Self::NoSuchPath { path } => {
                ("no-such-path", "Nothing there", S::NOT_FOUND, json!({ "path": path }))
            }
            Self::MethodNotAllowed { method, path } => (
                "method-not-allowed",
                "Method not allowed",
                S::METHOD_NOT_ALLOWED,
                json!({ "method": method, "path": path }),
            ),
            Self::UnsupportedMediaType { expected, .. } => (
                "unsupported-media-type",
                "Unsupported media type",
                S::UNSUPPORTED_MEDIA_TYPE,
                json!({ "expected": expected }),
            ),
            Self::TooLarge { limit } => {
                ("too-large", "Body too large", S::PAYLOAD_TOO_LARGE, json!({ "limit": limit }))
            }
            Self::BodyCut => ("body-cut", "Body cut off", S::BAD_REQUEST, json!({})),
            Self::BodySlow { within_ms } => (
                "body-slow",
                "Body too slow",
                S::REQUEST_TIMEOUT,
                json!({ "within_ms": within_ms }),
            ),
            Self::Malformed { line, column, .. } => (
                "malformed-body",
                "Malformed body",
                S::BAD_REQUEST,
                json!({ "line": line, "column": column }),
            ),
            Self::Invalid { field, .. } => (
                "invalid-value",
                "Invalid value",
                S::UNPROCESSABLE_ENTITY,
                json!({ "field": field }),
            ),
            Self::Sdp { line, clause, .. } => (
                "invalid-sdp",
                "Invalid SDP",
                S::UNPROCESSABLE_ENTITY,
                json!({ "line": line, "clause": clause }),
            ),
            Self::UnknownInput(input) => {
                ("unknown-input", "Unknown input", S::NOT_FOUND, json!({ "input": input }))
            }
            Self::UnknownOutput(output) => {
                ("unknown-output", "Unknown output", S::NOT_FOUND, json!({ "output": output }))
            }
            Self::UnknownMonitor(input) => {
                ("unknown-monitor", "No monitor", S::NOT_FOUND, json!({ "input": input }))
            }
            Self::DuplicateId { kind, id } => {
                ("duplicate-id", "Id already used", S::CONFLICT, one(kind, id))
            }
            Self::AddressTaken { address, port, kind, holder } => (
                "address-taken",
                "Address already used",
                S::CONFLICT,
                with(one(kind, holder), json!({ "address": address, "port": port })),
            ),
            Self::FormatNotAccepted { output, input, format, .. } => (
                "format-not-accepted",
                "Format not accepted",
                S::CONFLICT,
                json!({ "output": output, "input": input, "format": format }),
            ),
            Self::InputIsBackup { input, inputs } => (
                "input-is-backup",
                "Input is a backup",
                S::CONFLICT,
                json!({ "input": input, "inputs": inputs }),
            ),
            Self::InUse { kind, id, users } => (
                "in-use",
                "Still needed",
                S::CONFLICT,
                with(one(kind, id), json!({ "users": users })),
            ),
            Self::Stale { kind, id, present } => (
                "stale",
                "Changed meanwhile",
                S::PRECONDITION_FAILED,
                with(one(kind, id), json!({ "revision": present })),
            ),
            Self::Locked { output, lock } => (
                "locked",
                "Output locked",
                S::CONFLICT,
                json!({
                    "output": output, "kind": lock.kind, "owner": lock.owner,
                    "since": rfc3339(lock.since), "expires_at": lock.expires_at.map(rfc3339),
                }),
            ),
            Self::NotYourLock { output, owner } => (
                "not-your-lock",
                "Lock of somebody else",
                S::CONFLICT,
                json!({ "output": output, "owner": owner }),
            ),
            Self::NotLocked(output) => {
                ("not-locked", "Not locked", S::NOT_FOUND, json!({ "output": output }))
            }
            Self::SalvoWaits { output, take } => (
                "salvo-waits",
                "A salvo waits",
                S::CONFLICT,
                json!({ "output": output, "take": take }),
            ),
            Self::UnknownPreset(preset) => {
                ("unknown-preset", "Unknown preset", S::NOT_FOUND, json!({ "preset": preset }))
            }
            Self::UnknownZone(zone) => {
                ("unknown-zone", "Unknown zone", S::NOT_FOUND, json!({ "zone": zone }))
            }
            Self::UnknownTake(take) => {
                ("unknown-take", "Take not remembered", S::NOT_FOUND, json!({ "take": take }))
            }
            Self::Changing { kind, id } => {
                ("changing", "Being changed", S::CONFLICT, one(kind, id))
            }
            Self::KeyReused { key } => (
                "key-reused",
                "Idempotency key reused",
                S::UNPROCESSABLE_ENTITY,
                json!({ "key": key }),
            ),
            Self::NoSignal { input, level, output, state } => (
                "no-signal",
                "No signal",
                S::CONFLICT,
                json!({ "input": input, "level": level, "output": output, "signal": state }),
            ),
            Self::TakeOvertaken { output } => {
                ("take-overtaken", "Overtaken", S::CONFLICT, json!({ "output": output }))
            }
            Self::NothingRouted { output } => {
                ("nothing-routed", "Nothing routed", S::CONFLICT, json!({ "output": output }))
            }
            Self::NoStill { input } => {
                ("no-still", "No still", S::NOT_FOUND, json!({ "input": input }))
            }
            Self::StillTooOld { input, age_ms, .. } => (
                "still-too-old",
                "Still too old",
                S::GONE,
                json!({ "input": input, "age_ms": age_ms }),
            ),
            Self::NotScheduled(take) => {
                ("not-scheduled", "No such salvo waits", S::NOT_FOUND, json!({ "take": take }))
            }
            Self::NotAcknowledged { alarm, reason: Refused::Unknown }
            | Self::NotReported(alarm) => {
                ("unknown-alarm", "No such alarm", S::NOT_FOUND, json!({ "alarm": alarm }))
            }
            Self::NotAcknowledged { alarm, reason: Refused::Cleared(at) } => (
                "alarm-cleared",
                "Alarm cleared",
                S::CONFLICT,
                json!({ "alarm": alarm, "cleared_at": rfc3339(*at) }),
            ),
            Self::NotAcknowledged { alarm, reason: Refused::Already(by) } => (
                "alarm-acknowledged",
                "Alarm already acknowledged",
                S::CONFLICT,
                json!({ "alarm": alarm, "by": by.by, "at": rfc3339(by.at) }),
            ),
            Self::TooManyReports { limit } => {
                ("too-many-reports", "No room left", S::CONFLICT, json!({ "limit": limit }))
            }
            Self::NoWatcher { kind, id } => {
                ("no-watcher", "Nobody measures", S::SERVICE_UNAVAILABLE, one(kind, id))
            }
            Self::AnalysisTooOld { kind, id, age_ms } => (
                "analysis-too-old",
                "Report too old",
                S::GONE,
                with(one(kind, id), json!({ "age_ms": age_ms })),
            ),
            Self::RouterAway { .. } => {
                ("router-not-connected", "Router not connected", S::SERVICE_UNAVAILABLE, json!({}))
            }
            Self::RouterLost => ("router-lost", "Router lost", S::SERVICE_UNAVAILABLE, json!({})),
            Self::Refused(refusal) => refused(refusal),
            Self::ForeignOrigin { origin, .. } => {
                ("foreign-origin", "Foreign page", S::FORBIDDEN, json!({ "origin": origin }))
            }
            Self::ForeignHost { host } => {
                ("foreign-host", "Foreign host name", S::FORBIDDEN, json!({ "host": host }))
            }
            Self::Store(StoreError::ReadOnly(why)) => (
                "store-read-only",
                "No change can be kept",
                S::SERVICE_UNAVAILABLE,
                json!({ "reason": why.reason, "action": why.action, "backup": why.backup }),
            ),
            Self::Backup(_) => {
                ("backup-unusable", "Backup cannot be used", S::UNPROCESSABLE_ENTITY, json!({}))
            }
            Self::Store(_) => ("database", "Database fault", S::INTERNAL_SERVER_ERROR, json!({})),
            Self::Internal => ("internal", "Internal fault", S::INTERNAL_SERVER_ERROR, json!({})),
        }
    }

    /// Its kind, as `type` names it: one of few.
    pub fn kind(&self) -> &'static str {
        self.describe().0
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.describe().2
    }

    /// The body it is answered with.
    pub fn body(&self) -> Value {
        let (kind, title, status, extra) = self.describe();
        with(
            json!({
                "type": format!("/problems/{kind}"),
                "title": title,
                "status": status.as_u16(),
                "detail": self.to_string(),
            }),
            extra,
        )
    }
}

/// Why an alarm cannot be acknowledged, and what to do.
fn not_acknowledged(alarm: &str, reason: &Refused) -> String {
    match reason {
        Refused::Unknown => format!(
            "no alarm '{alarm}' is active: GET /api/v1/alarms lists those that are, \
             /api/v1/alarms/history those that were"
        ),
        Refused::Cleared(at) => {
            format!("alarm '{alarm}' is over since {}: there is nothing to do", rfc3339(*at))
        }
        Refused::Already(by) => {
            let at = rfc3339(by.at);
            format!("alarm '{alarm}' was acknowledged by {} at {at}: it stays so", by.by)
        }
    }
}

/// Ids as people read them.
fn names(inputs: &[InputId]) -> String {
    inputs.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

fn one(key: &str, value: &str) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), Value::from(value))]))
}

/// The members of both objects.
fn with(base: Value, extra: Value) -> Value {
    match (base, extra) {
        (Value::Object(mut base), Value::Object(extra)) => {
            base.extend(extra);
            Value::Object(base)
        }
        (base, _) => base,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::warn!(error = %self, "answered {status}");
        }
        let mut body = self.body();
        if let Some(id) = request_id::present() {
            body = with(body, json!({ "request_id": id }));
        }
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.extensions_mut().insert(Kind(self.kind()));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
