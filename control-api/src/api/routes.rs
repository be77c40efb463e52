//! What outputs show: takes.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{OutputId, Take};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    body::{JsonBody, RouteBody},
    levels::{self, ByLevel, LevelRoute, LevelsQuery},
    stream,
    view::RouteView,
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    http::query::Query,
    inventory::Output,
    problem::{Error, Problem},
    take::{self, Salvo, Taken, TakenOutput, WAIT_MS},
};

/// A route and the output it is on.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputRoute {
    /// The output.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// What it shows.
    #[serde(flatten)]
    pub route: RouteView,
    /// What is on the levels beside its picture that were taken.
    #[serde(skip_serializing_if = "ByLevel::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, LevelRoute>, required = false)]
    pub levels: ByLevel<LevelRoute>,
}

/// Takes an input to an output, whole or some of its levels. 200 once its first whole frame
/// has left there, on every level taken; 202 when that has not happened within `wait_ms`.
#[utoipa::path(put, path = "/outputs/{id}/route", tag = "outputs", operation_id = "put_route",
    params(("id" = String, Path)), request_body = RouteBody,
    responses((status = 200, body = OutputRoute), (status = 202, body = OutputRoute),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RouteBody>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let takes = vec![Take {
        output: stream::parse::<Output>(&id)?,
        input: Some(body.input),
        levels: levels::named("levels", body.levels)?,
    }];
    let wait_ms = body.wait_ms.unwrap_or(WAIT_MS);
    one(&take::salvo(&app, Salvo { actor, takes, wait_ms, force: body.force }).await?)
}

/// Clears an output, or some of its levels.
#[utoipa::path(delete, path = "/outputs/{id}/route", tag = "outputs",
    operation_id = "delete_route", params(("id" = String, Path), LevelsQuery),
    responses((status = 200, body = OutputRoute), (status = 202, body = OutputRoute),
        (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<LevelsQuery>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let takes = vec![Take {
        output: stream::parse::<Output>(&id)?,
        input: None,
        levels: levels::listed(query.levels.as_deref())?,
    }];
    one(&take::salvo(&app, Salvo { actor, takes, wait_ms: WAIT_MS, force: false }).await?)
}

/// The answer of a take of one output.
pub fn one(taken: &Taken) -> Result<Response, Error> {
    let view = views(taken).pop().ok_or(Error::Internal)?;
    Ok((status(taken), Json(view)).into_response())
}

/// 200 when all is confirmed, 202 when not.
pub fn status(taken: &Taken) -> StatusCode {
    if taken.confirmed { StatusCode::OK } else { StatusCode::ACCEPTED }
}

/// Every route of a salvo, in its order.
pub fn views(taken: &Taken) -> Vec<OutputRoute> {
    let view = |now: &TakenOutput| OutputRoute {
        output: now.output.clone(),
        route: RouteView::of(&now.video),
        levels: now
            .beside
            .iter()
            .map(|(level, route)| (*level, LevelRoute { route: RouteView::of(route) }))
            .collect(),
    };
    taken.routes.iter().map(view).collect()
}
