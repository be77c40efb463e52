//! Several takes under one number: now, or at a time.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{InputId, Level, OutputId, Scheduled, Take};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    body::{JsonBody, SalvoBody},
    levels,
    routes::{OutputRoute, status, views},
    schema,
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    change::known,
    problem::{Error, Problem},
    take::{self, Salvo, WAIT_MS},
    validate::invalid,
};

/// How a salvo ended, or where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct SalvoView {
    /// The number its takes share.
    pub take: u64,
    /// In the order asked for.
    pub routes: Vec<OutputRoute>,
}

/// A salvo that waits for its time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduledSalvo)]
pub struct ScheduledView {
    /// The number its takes share.
    pub take: u64,
    /// When, TAI nanoseconds since 1970, as a decimal string: such numbers do not survive
    /// readers that know 53 bits only.
    #[schema(example = "1769851837500000000")]
    pub at: String,
    /// What will be taken.
    pub routes: Vec<ScheduledRoute>,
}

/// One take of a salvo that waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduledRoute {
    /// The output.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// The input; null clears.
    #[schema(value_type = Option<String>)]
    pub input: Option<InputId>,
    /// The levels; all that the output has where not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Level>, required = false)]
    pub levels: Vec<Level>,
}

/// The two answers of a salvo.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum SalvoAnswer {
    /// Under way.
    Now(SalvoView),
    /// To come.
    Later(ScheduledView),
}

impl ScheduledView {
    fn of(take: u64, scheduled: &Scheduled) -> Self {
        let route = |take: &Take| ScheduledRoute {
            output: take.output.clone(),
            input: take.input.clone(),
            levels: take.levels.clone(),
        };
        let routes = scheduled.takes.iter().map(route).collect();
        Self { take, at: scheduled.at.to_string(), routes }
    }
}

/// Makes several takes, all or none, on the same frame where the sources allow. With `at`,
/// every output leaves its source after the last frame before that time and joins the other
/// with the first that is not: the answer is 202 at once, `DELETE` calls it off.
#[utoipa::path(post, path = "/salvos", tag = "outputs", operation_id = "create_salvo",
    request_body = SalvoBody,
    responses((status = 200, body = SalvoView), (status = 202, body = SalvoAnswer),
        (status = "default", body = Problem)))]
pub async fn create(
    State(app): State<Shared>,
    actor: Actor,
    JsonBody(body): JsonBody<SalvoBody>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let takes = body.routes.into_iter().enumerate().map(|(n, route)| {
        let levels = levels::named(&format!("routes[{n}].levels"), route.levels)?;
        Ok(Take { output: route.output, input: route.input, levels })
    });
    let takes: Vec<Take> = takes.collect::<Result<_, Error>>()?;
    if let Some(at) = body.at {
        if body.wait_ms.is_some() {
            let reason = "a salvo at a time is not waited for: leave wait_ms or at out";
            return Err(invalid("wait_ms", reason));
        }
        let (take, scheduled) = take::schedule(&app, &actor, takes, at.0, body.force).await?;
        let view = SalvoAnswer::Later(ScheduledView::of(take, &scheduled));
        return Ok((StatusCode::ACCEPTED, Json(view)).into_response());
    }
    let wait_ms = body.wait_ms.unwrap_or(WAIT_MS);
    let taken = take::salvo(&app, Salvo { actor, takes, wait_ms, force: body.force }).await?;
    let view = SalvoView { take: taken.take, routes: views(&taken) };
    Ok((status(&taken), Json(SalvoAnswer::Now(view))).into_response())
}

/// Every salvo that waits for its time, the next first.
#[utoipa::path(get, path = "/salvos", tag = "outputs", operation_id = "list_salvos",
    responses((status = 200, body = Vec<ScheduledView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Result<Json<Vec<ScheduledView>>, Error> {
    known(&app, |mirror| {
        let mut waiting: Vec<_> = mirror.scheduled.iter().collect();
        waiting.sort_by_key(|(take, scheduled)| (scheduled.at, **take));
        Json(waiting.into_iter().map(|(take, it)| ScheduledView::of(*take, it)).collect())
    })
}

/// Calls off a salvo that waits for its time.
#[utoipa::path(delete, path = "/salvos/{take}", tag = "outputs", operation_id = "delete_salvo",
    params(("take" = u64, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(number): Path<String>,
) -> Result<StatusCode, Error> {
    actor.may(Action::Route)?;
    take::cancel(&app, number).await?;
    Ok(StatusCode::NO_CONTENT)
}
