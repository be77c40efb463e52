//! What leaves the matrix.

use std::{
    future::Future,
    hash::{BuildHasher, Hasher, RandomState},
};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use ormatrix_protocol::{OutputId, spec::standard_udp_limit};

use super::{
    body::{JsonOrSdp, OutputBody},
    stream::{self, Name, Named, Resource},
    view::OutputView,
};
use crate::{
    actor::Actor,
    app::{App, Shared},
    change::{self, Mode, Put},
    http::query::Query,
    inventory::{Accepts, Colour, Output},
    problem::{Error, Problem},
    sdp::{self, Described, SdpQuery},
};

impl Resource for Output {
    type Body = OutputBody;
    type View = OutputView;

    fn view(&self, app: &App) -> OutputView {
        OutputView::of(app, self)
    }

    fn named(body: &mut OutputBody) -> Named<OutputId> {
        Named { id: body.id.take(), label: body.label.take(), zone: body.zone.take() }
    }

    fn from_json(app: &App, name: Name<OutputId>, body: OutputBody) -> Result<Self, Error> {
        Ok(Self {
            ssrc: body.ssrc.unwrap_or_else(|| keep_or_draw_ssrc(app, &name.id)),
            id: name.id,
            label: name.label,
            zone: name.zone,
            legs: body.legs,
            payload_type: body.payload_type.unwrap_or(96),
            ttl: body.ttl.unwrap_or(64),
            dscp: body.dscp.unwrap_or(34),
            accepts: body.accepts.unwrap_or_default(),
        })
    }

    /// A source filter names the sender: for an output that is the address to send from.
    fn from_sdp(app: &App, name: Name<OutputId>, stream: Described) -> Self {
        Self {
            ssrc: keep_or_draw_ssrc(app, &name.id),
            id: name.id,
            label: name.label,
            zone: name.zone,
            legs: stream.legs,
            payload_type: stream.payload_type,
            ttl: 64,
            dscp: 34,
            accepts: Accepts::Formats(vec![stream.video]),
        }
    }

    fn put(
        app: Shared,
        output: Self,
        mode: Mode,
    ) -> impl Future<Output = Result<Put, Error>> + Send {
        change::put_output(app, output, mode)
    }

    fn remove(app: Shared, id: OutputId) -> impl Future<Output = Result<(), Error>> + Send {
        change::remove_output(app, id)
    }
}

/// An output keeps its synchronisation source through everything, also a change.
fn keep_or_draw_ssrc(app: &App, id: &OutputId) -> u32 {
    let kept = app.inventory().outputs.get(id).map(|output| output.ssrc);
    // RFC 3550 §8.1 asks for a random one; the hasher's keys are.
    kept.unwrap_or_else(|| RandomState::new().build_hasher().finish() as u32)
}

/// Every output.
#[utoipa::path(get, path = "/outputs", tag = "outputs", operation_id = "list_outputs",
    responses((status = 200, body = Vec<OutputView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<OutputView>> {
    Json(stream::list::<Output>(&app))
}

/// One output.
#[utoipa::path(get, path = "/outputs/{id}", tag = "outputs", operation_id = "get_output",
    params(("id" = String, Path)),
    responses((status = 200, body = OutputView), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<OutputView>, Error> {
    Ok(Json(stream::known::<Output>(&app, &id)?.view(&app)))
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
    stream::create::<Output>(app, &actor, query, body).await
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
    stream::put::<Output>(app, &actor, &id, query, body).await
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
    stream::remove::<Output>(app, &actor, &id).await
}

/// The output's SDP, to open in a player or display: in the format of the input it shows,
/// or in the only one it accepts.
#[utoipa::path(get, path = "/outputs/{id}/sdp", tag = "outputs", operation_id = "get_output_sdp",
    params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/sdp"),
        (status = "default", body = Problem)))]
pub async fn sdp(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    let output: Output = stream::known(&app, &id)?;
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
    let clock = &app.settings.ts_refclk;
    Ok(stream::sdp(sdp::of_output(&output, video, max_udp, colour, take, clock)))
}
