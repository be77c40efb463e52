//! What enters the matrix.

use std::future::Future;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use ormatrix_protocol::{Failover, InputId, Merge, SteadyMs, spec::standard_udp_limit};
use st2110::sdp::{Colorimetry, Range, TransferCharacteristic};

use super::{
    body::{FailoverBody, InputBody, JsonOrSdp},
    levels::AudioInputBody,
    stream::{self, Name, Named, Resource},
    view::InputView,
};
use crate::{
    actor::Actor,
    app::{App, Shared},
    change::{self, Expect, Put},
    http::{expect::ExpectHeaders, query::Query},
    inventory::{Colour, Input},
    problem::{Error, Problem},
    sdp::{self, Described, SdpQuery},
    validate,
};

impl Resource for Input {
    type Body = InputBody;
    type View = InputView;

    fn view(&self, app: &App) -> InputView {
        InputView::of(app, self)
    }

    fn named(body: &mut InputBody) -> Named<InputId> {
        Named { id: body.id.take(), label: body.label.take(), zone: body.zone.take() }
    }

    fn from_json(app: &App, name: Name<InputId>, body: InputBody) -> Result<Self, Error> {
        let max_udp = body.max_udp.unwrap_or(standard_udp_limit());
        let present = of(app, &name.id, |input| input.failover.clone());
        let backups = body.backups.unwrap_or_else(|| present.backups.clone());
        let failover = match body.failover {
            Some(given) => failover(&given, backups),
            None => Failover { backups, ..present },
        };
        let labels = body.labels.unwrap_or_else(|| of(app, &name.id, |it| it.labels.clone()));
        let source_type =
            body.source_type.unwrap_or_else(|| of(app, &name.id, |it| it.source_type));
        Ok(Self {
            failover,
            labels,
            source_type,
            audio: body.audio.map(AudioInputBody::resolve).transpose()?,
            ancillary: body.ancillary.map(|it| it.resolve(&body.video)).transpose()?,
            id: name.id,
            label: name.label,
            zone: name.zone,
            video: body.video,
            legs: body.legs,
            merge: body.merge.resolve(&body.video, max_udp)?,
            payload_type: body.payload_type.unwrap_or(96),
            max_udp,
            colour: Colour {
                colorimetry: known("colorimetry", body.colorimetry, Colorimetry::from_name)?
                    .unwrap_or(Colorimetry::Bt709),
                tcs: known("tcs", body.tcs, TransferCharacteristic::from_name)?,
                range: known("range", body.range, Range::from_name)?,
            },
        })
    }

    /// What stands in for it, and what it is, no SDP says: that is kept.
    fn from_sdp(app: &App, name: Name<InputId>, stream: Described) -> Self {
        Self {
            failover: of(app, &name.id, |it| it.failover.clone()),
            labels: of(app, &name.id, |it| it.labels.clone()),
            source_type: of(app, &name.id, |it| it.source_type),
            audio: stream.audio,
            ancillary: stream.ancillary,
            id: name.id,
            label: name.label,
            zone: name.zone,
            video: stream.video,
            legs: stream.legs,
            merge: Merge::default(),
            payload_type: stream.payload_type,
            max_udp: stream.max_udp,
            colour: stream.colour,
        }
    }

    fn warned(view: InputView, warnings: Vec<String>) -> InputView {
        InputView { warnings, ..view }
    }

    fn put(
        app: Shared,
        input: Self,
        expect: Expect,
    ) -> impl Future<Output = Result<Put, Error>> + Send {
        change::put_input(app, input, expect)
    }

    fn remove(
        app: Shared,
        _: Actor,
        id: InputId,
        expect: Expect,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        change::remove_input(app, id, expect)
    }
}

/// Something of the input of that id as it is now.
fn of<T: Default>(app: &App, id: &InputId, look: impl FnOnce(&Input) -> T) -> T {
    app.inventory().inputs.get(id).map(look).unwrap_or_default()
}

fn failover(body: &FailoverBody, backups: Vec<InputId>) -> Failover {
    let default = Failover::default();
    Failover {
        backups,
        back: body.back.unwrap_or(default.back),
        steady_ms: body.steady_ms.map_or(default.steady_ms, SteadyMs),
        frozen_ms: body.frozen_ms,
        black_ms: body.black_ms,
    }
}

/// The value of a name of ST 2110-20 §7.
fn known<T>(
    field: &str,
    name: Option<String>,
    value: fn(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    let unknown = |name: String| {
        validate::invalid(
            field,
            format!(
                "'{name}' is no name of ST 2110-20 §7, such as BT709, \
            BT2020, BT2100; SDR, PQ, HLG; NARROW, FULL"
            ),
        )
    };
    name.map(|name| value(&name).ok_or_else(|| unknown(name))).transpose()
}

/// Every input.
#[utoipa::path(get, path = "/inputs", tag = "inputs", operation_id = "list_inputs",
    responses((status = 200, body = Vec<InputView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<InputView>> {
    Json(stream::list::<Input>(&app))
}

/// One input.
#[utoipa::path(get, path = "/inputs/{id}", tag = "inputs", operation_id = "get_input",
    params(("id" = String, Path)),
    responses((status = 200, body = InputView), (status = "default", body = Problem)))]
pub async fn show(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    stream::show::<Input>(&app, &id)
}

/// Adds an input.
#[utoipa::path(post, path = "/inputs", tag = "inputs", operation_id = "create_input",
    params(SdpQuery),
    request_body(content((InputBody = "application/json"), (String = "application/sdp"))),
    responses((status = 201, body = InputView), (status = "default", body = Problem)))]
pub async fn create(
    State(app): State<Shared>,
    actor: Actor,
    Query(query): Query<SdpQuery>,
    body: JsonOrSdp<InputBody>,
) -> Result<Response, Error> {
    stream::create::<Input>(app, &actor, query, body).await
}

/// Adds an input or changes it; a sender registers itself with this.
#[utoipa::path(put, path = "/inputs/{id}", tag = "inputs", operation_id = "put_input",
    params(("id" = String, Path), SdpQuery, ExpectHeaders),
    request_body(content((InputBody = "application/json"), (String = "application/sdp"))),
    responses((status = 200, body = InputView), (status = 201, body = InputView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<SdpQuery>,
    expect: Expect,
    body: JsonOrSdp<InputBody>,
) -> Result<Response, Error> {
    stream::put::<Input>(app, &actor, &id, query, expect, body).await
}

/// Removes an input that nothing shows.
#[utoipa::path(delete, path = "/inputs/{id}", tag = "inputs", operation_id = "delete_input",
    params(("id" = String, Path), ExpectHeaders),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    expect: Expect,
) -> Result<StatusCode, Error> {
    stream::remove::<Input>(app, actor, &id, expect).await
}

/// The input's SDP, to open in a player.
#[utoipa::path(get, path = "/inputs/{id}/sdp", tag = "inputs", operation_id = "get_input_sdp",
    params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/sdp"),
        (status = "default", body = Problem)))]
pub async fn sdp(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    Ok(stream::sdp(sdp::of_input(&stream::known(&app, &id)?)))
}
