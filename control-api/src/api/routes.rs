//! What outputs show: takes and salvos.

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
    body::{JsonBody, RouteBody, SalvoBody},
    stream,
    view::RouteView,
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    inventory::Output,
    problem::{Error, Problem},
    take::{self, Salvo, Taken, WAIT_MS},
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
}

/// How a salvo ended, or where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct SalvoView {
    /// The number its takes share.
    pub take: u64,
    /// In the order asked for.
    pub routes: Vec<OutputRoute>,
}

/// Takes an input to an output. 200 once its first whole frame has left there; 202 when that
/// has not happened within `wait_ms`.
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
    let takes = vec![Take::new(stream::parse::<Output>(&id)?, Some(body.input))];
    let salvo = Salvo { takes, wait_ms: body.wait_ms.unwrap_or(WAIT_MS), force: body.force };
    one(&take::salvo(&app, salvo).await?)
}

/// Clears an output.
#[utoipa::path(delete, path = "/outputs/{id}/route", tag = "outputs",
    operation_id = "delete_route", params(("id" = String, Path)),
    responses((status = 200, body = OutputRoute), (status = 202, body = OutputRoute),
        (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let takes = vec![Take::new(stream::parse::<Output>(&id)?, None)];
    one(&take::salvo(&app, Salvo { takes, wait_ms: WAIT_MS, force: false }).await?)
}

/// Makes several takes, all or none, on the same frame where the sources allow.
#[utoipa::path(post, path = "/salvos", tag = "outputs", operation_id = "create_salvo",
    request_body = SalvoBody,
    responses((status = 200, body = SalvoView), (status = 202, body = SalvoView),
        (status = "default", body = Problem)))]
pub async fn salvo(
    State(app): State<Shared>,
    actor: Actor,
    JsonBody(body): JsonBody<SalvoBody>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let takes = body.routes.into_iter().map(|r| Take::new(r.output, r.input));
    let salvo = Salvo {
        takes: takes.collect(),
        wait_ms: body.wait_ms.unwrap_or(WAIT_MS),
        force: body.force,
    };
    let taken = take::salvo(&app, salvo).await?;
    let status = status(&taken);
    let view = SalvoView { take: taken.take, routes: views(&taken) };
    Ok((status, Json(view)).into_response())
}

fn one(taken: &Taken) -> Result<Response, Error> {
    let view = views(taken).pop().ok_or(Error::Internal)?;
    Ok((status(taken), Json(view)).into_response())
}

fn status(taken: &Taken) -> StatusCode {
    if taken.confirmed { StatusCode::OK } else { StatusCode::ACCEPTED }
}

fn views(taken: &Taken) -> Vec<OutputRoute> {
    let view = |(output, route): &(OutputId, _)| OutputRoute {
        output: output.clone(),
        route: RouteView::of(route),
    };
    taken.routes.iter().map(view).collect()
}
