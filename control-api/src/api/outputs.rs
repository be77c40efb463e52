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
use ormatrix_protocol::{InputId, Level, OutputId, OutputStream, spec::standard_udp_limit};

use super::{
    body::{JsonOrSdp, OutputBody},
    levels::{OutputStreamBody, RAMP_MS},
    stream::{self, Name, Named, Resource},
    view::OutputView,
};
use crate::{
    actor::Actor,
    app::{App, Shared},
    change::{self, Expect, Put},
    http::{expect::ExpectHeaders, query::Query},
    inventory::{Accepts, Colour, Input, Output},
    problem::{Error, Problem},
    sdp::{self, Beside, Described, SdpQuery},
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
        let labels = body.labels.unwrap_or_else(|| of(app, &name.id, |it| it.labels.clone()));
        let park = body.park.unwrap_or_else(|| of(app, &name.id, |it| it.park.clone()));
        let stream = |level: Level, body: Option<OutputStreamBody>| {
            let ssrc = || keep_or_draw_ssrc(app, &name.id, level);
            body.map(|body| body.resolve(level, ssrc)).transpose()
        };
        Ok(Self {
            labels,
            park,
            audio: stream(Level::Audio, body.audio)?,
            ancillary: stream(Level::Ancillary, body.ancillary)?,
            on_loss: body.on_loss.unwrap_or_else(|| of(app, &name.id, |it| it.on_loss)),
            ssrc: body.ssrc.unwrap_or_else(|| keep_or_draw_ssrc(app, &name.id, Level::Video)),
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
        let ssrc = |level| keep_or_draw_ssrc(app, &name.id, level);
        Self {
            labels: of(app, &name.id, |it| it.labels.clone()),
            park: of(app, &name.id, |it| it.park.clone()),
            audio: stream.audio.map(|audio| OutputStream {
                legs: audio.legs,
                payload_type: audio.payload_type,
                ssrc: ssrc(Level::Audio),
                ramp_ms: RAMP_MS,
            }),
            ancillary: stream.ancillary.map(|ancillary| OutputStream {
                legs: ancillary.legs,
                payload_type: ancillary.payload_type,
                ssrc: ssrc(Level::Ancillary),
                ramp_ms: 0,
            }),
            on_loss: of(app, &name.id, |it| it.on_loss),
            ssrc: ssrc(Level::Video),
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

    fn warned(view: OutputView, warnings: Vec<String>) -> OutputView {
        OutputView { warnings, ..view }
    }

    fn put(
        app: Shared,
        output: Self,
        expect: Expect,
    ) -> impl Future<Output = Result<Put, Error>> + Send {
        change::put_output(app, output, expect)
    }

    fn remove(
        app: Shared,
        actor: Actor,
        id: OutputId,
        expect: Expect,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        change::remove_output(app, actor, id, expect)
    }
}

/// An output keeps its synchronisation source through everything, also a change.
fn keep_or_draw_ssrc(app: &App, id: &OutputId, level: Level) -> u32 {
    let kept = app.inventory().outputs.get(id).and_then(|output| match level {
        Level::Video => Some(output.ssrc),
        Level::Audio => output.audio.as_ref().map(|audio| audio.ssrc),
        Level::Ancillary => output.ancillary.as_ref().map(|ancillary| ancillary.ssrc),
    });
    // RFC 3550 §8.1 asks for a random one; the hasher's keys are.
    kept.unwrap_or_else(|| RandomState::new().build_hasher().finish() as u32)
}

/// Something of the output of that id as it is now.
fn of<T: Default>(app: &App, id: &OutputId, look: impl FnOnce(&Output) -> T) -> T {
    app.inventory().outputs.get(id).map(look).unwrap_or_default()
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
pub async fn show(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    stream::show::<Output>(&app, &id)
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
    params(("id" = String, Path), SdpQuery, ExpectHeaders),
    request_body(content((OutputBody = "application/json"), (String = "application/sdp"))),
    responses((status = 200, body = OutputView), (status = 201, body = OutputView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<SdpQuery>,
    expect: Expect,
    body: JsonOrSdp<OutputBody>,
) -> Result<Response, Error> {
    stream::put::<Output>(app, &actor, &id, query, expect, body).await
}

/// Removes an output; what it shows ends.
#[utoipa::path(delete, path = "/outputs/{id}", tag = "outputs", operation_id = "delete_output",
    params(("id" = String, Path), ExpectHeaders),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    expect: Expect,
) -> Result<StatusCode, Error> {
    stream::remove::<Output>(app, actor, &id, expect).await
}

/// The output's SDP, to open in a player or display: in the format of the input it shows,
/// or in the only one it accepts.
#[utoipa::path(get, path = "/outputs/{id}/sdp", tag = "outputs", operation_id = "get_output_sdp",
    params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/sdp"),
        (status = "default", body = Problem)))]
pub async fn sdp(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    let output: Output = stream::known(&app, &id)?;
    let (routes, take) = app.router.read(|mirror| {
        let now = mirror.and_then(|mirror| mirror.outputs.get(&output.id));
        let route = |level| now.and_then(|now| now.route(level)?.input.clone());
        let take = now.and_then(|now| now.routes().map(|(_, route)| route.take).max());
        (Level::ALL.map(route), take.unwrap_or(0))
    });
    let inputs = routes
        .map(|id: Option<InputId>| id.and_then(|id| app.inventory().inputs.get(&id).cloned()));
    let [video, audio, ancillary]: [Option<Input>; 3] = inputs;
    let described = video.as_ref().map(|input| (input.video, input.max_udp, input.colour));
    let only = || Some((output.accepts.only()?, standard_udp_limit(), Colour::default()));
    let picture = match described.or_else(only) {
        Some(described) => described,
        None if !app.router.connected() => return Err(app.router.away().into()),
        None => return Err(Error::NothingRouted { output: output.id }),
    };
    // A level without a route is described as it would be with the picture's.
    let beside = Beside {
        audio: audio.as_ref().or(video.as_ref()).and_then(|input| input.audio.as_ref()),
        ancillary: ancillary.as_ref().or(video.as_ref()).and_then(|it| it.ancillary.as_ref()),
    };
    let clock = &app.settings().ts_refclk;
    Ok(stream::sdp(sdp::of_output(&output, picture, &beside, take, clock)))
}
