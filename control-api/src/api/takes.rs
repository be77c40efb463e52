//! What was taken, and how it was before.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{InputId, Level, OutputId, Take};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body::JsonBody,
    routes::{OutputRoute, one, status, views},
    salvos::SalvoView,
    schema, stream,
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    change::known,
    inventory::Output,
    mirror::{Mirror, Past},
    problem::{Error, Problem},
    take::{self, Salvo, WAIT_MS},
    time::rfc3339,
};

/// What a take changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Take)]
pub struct TakeView {
    /// Its number.
    pub take: u64,
    /// When (RFC 3339).
    pub at: String,
    /// Whether all that it changed is as it left it, so that it can be undone.
    pub last: bool,
    /// What it changed.
    pub changes: Vec<TakeChange>,
}

/// What a take changed on one level of an output.
#[derive(Debug, Serialize, ToSchema)]
pub struct TakeChange {
    /// The output.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// The level.
    #[schema(value_type = schema::Level)]
    pub level: Level,
    /// What was on it; null for nothing.
    #[schema(value_type = Option<String>)]
    pub from: Option<InputId>,
    /// What came on it; null for nothing.
    #[schema(value_type = Option<String>)]
    pub to: Option<InputId>,
}

/// How long to wait, and whether to insist.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WaitBody {
    /// How long to wait for the confirmation, 0 to 10000; 1000 unless given.
    #[schema(maximum = 10000)]
    pub wait_ms: Option<u32>,
    /// Also when an input has no signal.
    pub force: bool,
}

impl TakeView {
    fn of(mirror: &Mirror, past: &Past) -> Self {
        let changes = past.changes.iter().map(|change| TakeChange {
            output: change.output.clone(),
            level: change.level,
            from: change.from.clone(),
            to: change.to.clone(),
        });
        Self {
            take: past.take,
            at: rfc3339(past.at),
            last: take::overtaken(mirror, past).is_none(),
            changes: changes.collect(),
        }
    }
}

/// The last takes, the latest first: by whomever, also scheduled ones and those of other
/// clients of the router, since this process has been connected to it.
#[utoipa::path(get, path = "/takes", tag = "outputs", operation_id = "list_takes",
    responses((status = 200, body = Vec<TakeView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Result<Json<Vec<TakeView>>, Error> {
    known(&app, |mirror| {
        Json(mirror.past.iter().rev().map(|past| TakeView::of(mirror, past)).collect())
    })
}

/// Puts back what a take changed, all or nothing, unless something of it has been taken again
/// since. That is itself a take and can be undone.
#[utoipa::path(post, path = "/takes/{take}/undo", tag = "outputs", operation_id = "undo_take",
    params(("take" = u64, Path)), request_body = WaitBody,
    responses((status = 200, body = SalvoView), (status = 202, body = SalvoView),
        (status = "default", body = Problem)))]
pub async fn undo(
    State(app): State<Shared>,
    actor: Actor,
    Path(number): Path<String>,
    JsonBody(body): JsonBody<WaitBody>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let wait_ms = body.wait_ms.unwrap_or(WAIT_MS);
    take::check_wait(wait_ms)?;
    let takes = take::inverse(&app, &number)?;
    let taken = take::salvo(&app, Salvo { actor, takes, wait_ms, force: body.force }).await?;
    let view = SalvoView { take: taken.take, routes: views(&taken) };
    Ok((status(&taken), Json(view)).into_response())
}

/// Puts an output's safe source on it; clears it where it has none.
#[utoipa::path(post, path = "/outputs/{id}/park", tag = "outputs", operation_id = "park_output",
    params(("id" = String, Path)), request_body = WaitBody,
    responses((status = 200, body = OutputRoute), (status = 202, body = OutputRoute),
        (status = "default", body = Problem)))]
pub async fn park(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<WaitBody>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let output: Output = stream::known(&app, &id)?;
    let takes = vec![Take::new(output.id, output.park)];
    let wait_ms = body.wait_ms.unwrap_or(WAIT_MS);
    one(&take::salvo(&app, Salvo { actor, takes, wait_ms, force: body.force }).await?)
}
