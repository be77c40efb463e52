//! How a stream is timed and built: asked by people, measured by a watcher.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    body::{json, media_type, octets, unsupported},
    stream,
};
use crate::{
    actor::{Action, Actor},
    analysis::{Answer, REPORT_MAX},
    app::Shared,
    inventory::{Input, Output, Stream},
    problem::{Error, Problem},
    settings::Measure,
};

/// What somebody wants to know about now.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Wanted {
    /// Inputs, by id.
    pub inputs: Vec<String>,
    /// Outputs, by id.
    pub outputs: Vec<String>,
}

/// There is no report yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Starting {
    /// `starting`: the first report is under way.
    pub state: &'static str,
}

/// What a watcher shall measure: every stream that was asked about in the last 30 seconds, or
/// every stream there is where the settings say `measure = "always"`. Whoever calls this counts
/// as a watcher for 5 seconds.
#[utoipa::path(get, path = "/analysis/wanted", tag = "analysis", operation_id = "get_wanted",
    responses((status = 200, body = Wanted), (status = "default", body = Problem)))]
pub async fn wanted(State(app): State<Shared>) -> Json<Wanted> {
    if app.settings().measure == Measure::Always {
        let inventory = app.inventory();
        let inputs = inventory.inputs.keys().map(|id| (Input::KIND, id.to_string()));
        let outputs = inventory.outputs.keys().map(|id| (Output::KIND, id.to_string()));
        for key in inputs.chain(outputs) {
            // The setting asks about everything, all the time.
            app.analyses.ask(&key, app.clock.now());
        }
    }
    let mut wanted = Wanted::default();
    for (kind, id) in app.analyses.wanted(app.clock.now()) {
        if kind == Input::KIND { wanted.inputs.push(id) } else { wanted.outputs.push(id) }
    }
    Json(wanted)
}

/// The watcher's latest report about an input, with its age. The question makes the watcher
/// measure for 30 seconds; until its first report the answer is 202, without a watcher 503,
/// and 410 when the watcher is there and its last report is older than 10 seconds.
#[utoipa::path(get, path = "/inputs/{id}/analysis", tag = "analysis",
    operation_id = "get_input_analysis", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 202, body = Starting),
        (status = "default", body = Problem)))]
pub async fn input(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    show::<Input>(&app, &id)
}

/// The watcher's latest report about an output, as for an input.
#[utoipa::path(get, path = "/outputs/{id}/analysis", tag = "analysis",
    operation_id = "get_output_analysis", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 202, body = Starting),
        (status = "default", body = Problem)))]
pub async fn output(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    show::<Output>(&app, &id)
}

/// Delivers a report about an input: a JSON object of at most 256 KiB.
#[utoipa::path(put, path = "/inputs/{id}/analysis", tag = "analysis",
    operation_id = "put_input_analysis", params(("id" = String, Path)), request_body = Object,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn put_input(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Error> {
    put::<Input>(app, &actor, &id, request).await
}

/// Delivers a report about an output: a JSON object of at most 256 KiB.
#[utoipa::path(put, path = "/outputs/{id}/analysis", tag = "analysis",
    operation_id = "put_output_analysis", params(("id" = String, Path)), request_body = Object,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn put_output(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Error> {
    put::<Output>(app, &actor, &id, request).await
}

fn show<T: Stream>(app: &Shared, id: &str) -> Result<Response, Error> {
    let id = stream::known::<T>(app, id)?.id().to_string();
    let kind = T::KIND;
    let key = (kind, id);
    let answer = app.analyses.ask(&key, app.clock.now());
    let (_, id) = key;
    match answer {
        Answer::Latest(json, age) => {
            let about = [
                (header::CONTENT_TYPE, "application/json".to_owned()),
                (header::AGE, (age / 1_000_000_000).to_string()),
            ];
            Ok((about, json).into_response())
        }
        Answer::Starting => {
            Ok((StatusCode::ACCEPTED, Json(Starting { state: "starting" })).into_response())
        }
        Answer::TooOld(age) => Err(Error::AnalysisTooOld { kind, id, age_ms: age / 1_000_000 }),
        Answer::NoWatcher => Err(Error::NoWatcher { kind, id }),
    }
}

async fn put<T: Stream>(
    app: Shared,
    actor: &Actor,
    id: &str,
    request: Request,
) -> Result<StatusCode, Error> {
    actor.may(Action::Report)?;
    let id = stream::known::<T>(&app, id)?.id().to_string();
    match media_type(request.headers()).as_str() {
        "application/json" => {}
        found => return Err(unsupported(found, "application/json")),
    }
    let octets = octets(&app, request, REPORT_MAX).await?;
    // Kept as it came: only whether it is an object is looked at.
    json::<Map<String, Value>>(&octets)?;
    app.analyses.put((T::KIND, id), octets, app.clock.now());
    Ok(StatusCode::NO_CONTENT)
}
