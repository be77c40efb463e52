//! What leaves the matrix.

use std::hash::{BuildHasher, Hasher, RandomState};

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{OutputId, spec::standard_udp_limit};

use super::{
    body::{JsonOrSdp, OutputBody},
    view::OutputView,
};
use crate::{
    actor::{Action, Actor},
    app::{App, Shared},
    change::{self, Mode, Put},
    http::query::Query,
    inventory::{Accepts, Colour, Output, slug},
    problem::{Error, Problem},
    sdp::{self, SdpQuery},
    validate,
};

/// Every output.
#[utoipa::path(get, path = "/outputs", tag = "outputs", operation_id = "list_outputs",
    responses((status = 200, body = Vec<OutputView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<OutputView>> {
    let outputs: Vec<Output> = app.inventory().outputs.values().cloned().collect();
    Json(outputs.iter().map(|output| OutputView::of(&app, output)).collect())
}

/// One output.
#[utoipa::path(get, path = "/outputs/{id}", tag = "outputs", operation_id = "get_output",
    params(("id" = String, Path)),
    responses((status = 200, body = OutputView), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<OutputView>, Error> {
    let output = known(&app, &id)?;
    Ok(Json(OutputView::of(&app, &output)))
}

/// Adds an output; an SDP describes the stream to send.
#[utoipa::path(post, path = "/outputs", tag = "outputs", operation_id = "create_output",
    params(SdpQuery),
    request_body(content((OutputBody = "application/json"), (String = "application/sdp"))),
    responses((status = 201, body = OutputView), (status = "default", body = Problem)))]
pub async fn create(
    State(app): State<Shared>,
    actor: Actor,
    Query(query): Query<SdpQuery>,
    body: JsonOrSdp<OutputBody>,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    let output = match body {
        JsonOrSdp::Json(body) => from_body(&app, None, body)?,
        JsonOrSdp::Sdp(text) => from_sdp(&app, None, &text, query)?,
    };
    store(app, output, Mode::Create).await
}

/// Adds an output or changes it; a receiver registers itself with this. Its route stays.
#[utoipa::path(put, path = "/outputs/{id}", tag = "outputs", operation_id = "put_output",
    params(("id" = String, Path), SdpQuery),
    request_body(content((OutputBody = "application/json"), (String = "application/sdp"))),
    responses((status = 200, body = OutputView), (status = 201, body = OutputView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<SdpQuery>,
    body: JsonOrSdp<OutputBody>,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    let id: OutputId = id.parse().map_err(|error| validate::invalid("id", format!("{error}")))?;
    let output = match body {
        JsonOrSdp::Json(body) => from_body(&app, Some(id), body)?,
        JsonOrSdp::Sdp(text) => from_sdp(&app, Some(id), &text, query)?,
    };
    store(app, output, Mode::CreateOrReplace).await
}

/// Removes an output; what it shows ends.
#[utoipa::path(delete, path = "/outputs/{id}", tag = "outputs", operation_id = "delete_output",
    params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    actor.may(Action::ChangeInventory)?;
    change::remove_output(app.clone(), parse(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The output's SDP, to open in a player or display: in the format of the input it shows,
/// or in the only one it accepts.
#[utoipa::path(get, path = "/outputs/{id}/sdp", tag = "outputs", operation_id = "get_output_sdp",
    params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/sdp"),
        (status = "default", body = Problem)))]
pub async fn sdp(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    let output = known(&app, &id)?;
    let route = app.router.read(|m| Some(m?.outputs.get(&output.id)?.route.clone()));
    let take = route.as_ref().map_or(0, |route| route.take);
    let routed = route.and_then(|route| route.input);
    let routed = routed.and_then(|id| app.inventory().inputs.get(&id).cloned());
    let described = routed.map(|input| (input.video, input.max_udp, input.colour));
    let only = || Some((output.accepts.only()?, standard_udp_limit(), Colour::default()));
    let (video, max_udp, colour) = match described.or_else(only) {
        Some(described) => described,
        None if !app.router.connected() => return Err(app.router.away().into()),
        None => return Err(Error::NothingRouted { output: output.id }),
    };
    let text = sdp::of_output(&output, video, max_udp, colour, take, &app.settings.ts_refclk);
    Ok(([(header::CONTENT_TYPE, "application/sdp")], text).into_response())
}

fn known(app: &App, id: &str) -> Result<Output, Error> {
    let id = parse(id)?;
    app.inventory().outputs.get(&id).cloned().ok_or_else(|| Error::UnknownOutput(id.to_string()))
}

/// An id; one that cannot exist is unknown.
pub fn parse(id: &str) -> Result<OutputId, Error> {
    id.parse().map_err(|_| Error::UnknownOutput(id.to_owned()))
}

fn from_body(app: &App, path: Option<OutputId>, body: OutputBody) -> Result<Output, Error> {
    let id = choose_id(app, path, body.id, body.label.as_deref())?;
    Ok(Output {
        label: body.label.unwrap_or_else(|| id.to_string()),
        zone: body.zone.unwrap_or_default(),
        legs: body.legs,
        payload_type: body.payload_type.unwrap_or(96),
        ssrc: body.ssrc.unwrap_or_else(|| keep_or_draw_ssrc(app, &id)),
        ttl: body.ttl.unwrap_or(64),
        dscp: body.dscp.unwrap_or(34),
        accepts: body.accepts.unwrap_or_default(),
        id,
    })
}

fn from_sdp(
    app: &App,
    path: Option<OutputId>,
    text: &str,
    query: SdpQuery,
) -> Result<Output, Error> {
    let stream = sdp::parse(text, query.tolerant)?;
    let given = query.id.map(|id| id.parse());
    let given = given.transpose().map_err(|error| validate::invalid("id", format!("{error}")))?;
    let label = query.label.or(stream.name);
    let id = choose_id(app, path, given, label.as_deref())?;
    // A source filter names the sender: for an output that is the address to send from.
    Ok(Output {
        label: label.unwrap_or_else(|| id.to_string()),
        zone: query.zone.unwrap_or_default(),
        legs: stream.legs,
        payload_type: stream.payload_type,
        ssrc: keep_or_draw_ssrc(app, &id),
        ttl: 64,
        dscp: 34,
        accepts: Accepts::Formats(vec![stream.video]),
        id,
    })
}

/// An output keeps its synchronisation source through everything, also a change.
fn keep_or_draw_ssrc(app: &App, id: &OutputId) -> u32 {
    let kept = app.inventory().outputs.get(id).map(|output| output.ssrc);
    // RFC 3550 §8.1 asks for a random one; the hasher's keys are.
    kept.unwrap_or_else(|| RandomState::new().build_hasher().finish() as u32)
}

fn choose_id(
    app: &App,
    path: Option<OutputId>,
    given: Option<OutputId>,
    label: Option<&str>,
) -> Result<OutputId, Error> {
    match (path, given) {
        (Some(path), Some(given)) if path != given => {
            Err(validate::invalid("id", format!("'{given}' is not '{path}', the id in the path")))
        }
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => {
            let Some(label) = label else {
                return Err(validate::invalid("label", "give a label, an id, or both"));
            };
            let inventory = app.inventory();
            let slug = slug(label, "output");
            let numbered = (2..).map(|n| format!("{slug}-{n}"));
            std::iter::once(slug.clone())
                .chain(numbered)
                .filter_map(|id| id.parse::<OutputId>().ok())
                .find(|id| !inventory.outputs.contains_key(id))
                .ok_or(Error::Internal)
        }
    }
}

async fn store(app: Shared, output: Output, mode: Mode) -> Result<Response, Error> {
    let put = change::put_output(app.clone(), output.clone(), mode).await?;
    let location = format!("/api/v1/outputs/{}", output.id);
    let view = Json(OutputView::of(&app, &output));
    Ok(match put {
        Put::Created => (StatusCode::CREATED, [(header::LOCATION, location)], view).into_response(),
        Put::Replaced => view.into_response(),
    })
}
