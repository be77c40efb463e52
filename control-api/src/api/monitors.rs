//! Thinned copies of inputs, for whoever makes stills of them.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ormatrix_protocol::MonitorSpec;

use super::{
    body::{JsonBody, MonitorBody},
    stream,
    view::MonitorView,
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    change::{self, Put, known},
    inventory::Input,
    problem::{Error, Problem},
};

/// Least time between two frames, unless given.
const INTERVAL_MS: u32 = 250;

/// Every monitor.
#[utoipa::path(get, path = "/monitors", tag = "monitors", operation_id = "list_monitors",
    responses((status = 200, body = Vec<MonitorView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Result<Json<Vec<MonitorView>>, Error> {
    known(&app, |mirror| Json(mirror.monitors.values().map(MonitorView::of).collect()))
}

/// Watches an input, or changes how it is watched. Gone when the router restarts.
#[utoipa::path(put, path = "/inputs/{id}/monitor", tag = "monitors",
    operation_id = "put_monitor", params(("id" = String, Path)), request_body = MonitorBody,
    responses((status = 200, body = MonitorView), (status = 201, body = MonitorView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<MonitorBody>,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    let input = stream::parse::<Input>(&id)?;
    let interval_ms = body.interval_ms.unwrap_or(INTERVAL_MS);
    let spec = MonitorSpec { input: input.clone(), leg: body.leg, interval_ms };
    let put = change::put_monitor(app.clone(), spec).await?;
    let view = known(&app, |mirror| mirror.monitors.get(&input).map(MonitorView::of))?;
    let view = Json(view.ok_or(Error::UnknownMonitor(input))?);
    Ok(match put {
        Put::Created => (StatusCode::CREATED, view).into_response(),
        Put::Replaced => view.into_response(),
    })
}

/// Stops watching an input.
#[utoipa::path(delete, path = "/inputs/{id}/monitor", tag = "monitors",
    operation_id = "delete_monitor", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    actor.may(Action::ChangeInventory)?;
    change::remove_monitor(app, stream::parse::<Input>(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
