//! Who keeps outputs as they are.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ormatrix_protocol::OutputId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body::{ForceQuery, JsonBody},
    stream,
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    change::{Put, operations},
    http::query::Query,
    inventory::{Lock, LockKind, Output},
    problem::{Error, Problem},
    time::rfc3339,
};

/// How an output is to be kept.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LockBody {
    /// `lock`: nobody changes what it shows; `protect`: only who asks for this does. `lock`
    /// unless given.
    pub kind: LockKind,
    /// Why, up to 200 characters.
    #[schema(example = "team time-out")]
    pub note: Option<String>,
    /// For how long, seconds, 1 to 604800; until it is released unless given.
    #[schema(minimum = 1, maximum = 604_800)]
    pub expires_in_s: Option<u32>,
}

/// Who keeps an output as it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lock)]
pub struct LockView {
    /// Against whom.
    pub kind: LockKind,
    /// Who keeps it so.
    #[schema(example = "Dr. Weber")]
    pub owner: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub note: String,
    /// Since when (RFC 3339).
    pub since: String,
    /// Until when (RFC 3339); until it is released where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A lock and the output it is on.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputLock {
    /// The output.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// Who keeps it.
    #[serde(flatten)]
    pub lock: LockView,
}

impl LockView {
    /// As people read it.
    pub fn of(lock: &Lock) -> Self {
        Self {
            kind: lock.kind,
            owner: lock.owner.clone(),
            note: lock.note.clone(),
            since: rfc3339(lock.since),
            expires_at: lock.expires_at.map(rfc3339),
        }
    }
}

/// Every output that somebody keeps as it is.
#[utoipa::path(get, path = "/locks", tag = "outputs", operation_id = "list_locks",
    responses((status = 200, body = Vec<OutputLock>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<OutputLock>> {
    let (inventory, now) = (app.inventory(), app.clock.unix());
    let locks = inventory.locks.iter().filter(|(_, lock)| !lock.expired(now));
    let view = |(output, lock): (&OutputId, &Lock)| OutputLock {
        output: output.clone(),
        lock: LockView::of(lock),
    };
    Json(locks.map(view).collect())
}

/// Keeps an output as it is, in the name that `Ormatrix-Actor` gives. Who has it already
/// changes how and until when.
#[utoipa::path(put, path = "/outputs/{id}/lock", tag = "outputs", operation_id = "put_lock",
    params(("id" = String, Path)), request_body = LockBody,
    responses((status = 200, body = OutputLock), (status = 201, body = OutputLock),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<LockBody>,
) -> Result<Response, Error> {
    actor.may(Action::Lock)?;
    let output = stream::parse::<Output>(&id)?;
    let since = app.clock.unix();
    let expires_at = body.expires_in_s.map(|s| since.saturating_add(u64::from(s) * 1_000_000_000));
    let lock = Lock {
        kind: body.kind,
        owner: actor.name,
        note: body.note.unwrap_or_default(),
        since,
        expires_at,
    };
    let view = OutputLock { output: output.clone(), lock: LockView::of(&lock) };
    let put = operations::put_lock(app, output, lock).await?;
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view)).into_response())
}

/// Lets go of an output.
#[utoipa::path(delete, path = "/outputs/{id}/lock", tag = "outputs",
    operation_id = "delete_lock", params(("id" = String, Path), ForceQuery),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ForceQuery>,
) -> Result<StatusCode, Error> {
    actor.may(Action::Lock)?;
    operations::remove_lock(app, actor, stream::parse::<Output>(&id)?, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}
