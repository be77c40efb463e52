//! What enters the matrix.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{InputId, spec::standard_udp_limit};
use st2110::sdp::{Colorimetry, Range, TransferCharacteristic};

use super::{
    body::{InputBody, JsonOrSdp},
    view::InputView,
};
use crate::{
    actor::{Action, Actor},
    app::{App, Shared},
    change::{self, Mode, Put},
    http::query::Query,
    inventory::{Colour, Input, slug},
    problem::{Error, Problem},
    sdp::{self, SdpQuery},
    validate,
};

/// Every input.
#[utoipa::path(get, path = "/inputs", tag = "inputs", operation_id = "list_inputs",
    responses((status = 200, body = Vec<InputView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<InputView>> {
    let inputs: Vec<Input> = app.inventory().inputs.values().cloned().collect();
    Json(inputs.iter().map(|input| InputView::of(&app, input)).collect())
}

/// One input.
#[utoipa::path(get, path = "/inputs/{id}", tag = "inputs", operation_id = "get_input",
    params(("id" = String, Path)),
    responses((status = 200, body = InputView), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<InputView>, Error> {
    let input = known(&app, &id)?;
    Ok(Json(InputView::of(&app, &input)))
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
    actor.may(Action::ChangeInventory)?;
    let input = match body {
        JsonOrSdp::Json(body) => from_body(&app, None, body)?,
        JsonOrSdp::Sdp(text) => from_sdp(&app, None, &text, query)?,
    };
    store(app, input, Mode::Create).await
}

/// Adds an input or changes it; a sender registers itself with this.
#[utoipa::path(put, path = "/inputs/{id}", tag = "inputs", operation_id = "put_input",
    params(("id" = String, Path), SdpQuery),
    request_body(content((InputBody = "application/json"), (String = "application/sdp"))),
    responses((status = 200, body = InputView), (status = 201, body = InputView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<SdpQuery>,
    body: JsonOrSdp<InputBody>,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    let id: InputId = id.parse().map_err(|error| validate::invalid("id", format!("{error}")))?;
    let input = match body {
        JsonOrSdp::Json(body) => from_body(&app, Some(id), body)?,
        JsonOrSdp::Sdp(text) => from_sdp(&app, Some(id), &text, query)?,
    };
    store(app, input, Mode::CreateOrReplace).await
}

/// Removes an input that nothing shows.
#[utoipa::path(delete, path = "/inputs/{id}", tag = "inputs", operation_id = "delete_input",
    params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    actor.may(Action::ChangeInventory)?;
    change::remove_input(app.clone(), parse(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The input's SDP, to open in a player.
#[utoipa::path(get, path = "/inputs/{id}/sdp", tag = "inputs", operation_id = "get_input_sdp",
    params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/sdp"),
        (status = "default", body = Problem)))]
pub async fn sdp(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    let input = known(&app, &id)?;
    let text = sdp::of_input(&input);
    Ok(([(header::CONTENT_TYPE, "application/sdp")], text).into_response())
}

/// The input of that id, or the problem that there is none.
pub fn known(app: &App, id: &str) -> Result<Input, Error> {
    let id = parse(id)?;
    app.inventory().inputs.get(&id).cloned().ok_or_else(|| Error::UnknownInput(id.to_string()))
}

/// An id; one that cannot exist is unknown.
pub fn parse(id: &str) -> Result<InputId, Error> {
    id.parse().map_err(|_| Error::UnknownInput(id.to_owned()))
}

fn from_body(app: &App, path: Option<InputId>, body: InputBody) -> Result<Input, Error> {
    let id = choose_id(app, path, body.id, body.label.as_deref())?;
    Ok(Input {
        label: body.label.unwrap_or_else(|| id.to_string()),
        id,
        zone: body.zone.unwrap_or_default(),
        video: body.video,
        legs: body.legs,
        payload_type: body.payload_type.unwrap_or(96),
        max_udp: body.max_udp.unwrap_or(standard_udp_limit()),
        colour: Colour {
            colorimetry: named("colorimetry", body.colorimetry, Colorimetry::from_name)?
                .unwrap_or(Colorimetry::Bt709),
            tcs: named("tcs", body.tcs, TransferCharacteristic::from_name)?,
            range: named("range", body.range, Range::from_name)?,
        },
    })
}

fn named<T>(
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

fn from_sdp(app: &App, path: Option<InputId>, text: &str, query: SdpQuery) -> Result<Input, Error> {
    let stream = sdp::parse(text, query.tolerant)?;
    let given = query.id.map(|id| id.parse());
    let given = given.transpose().map_err(|error| validate::invalid("id", format!("{error}")))?;
    let label = query.label.or(stream.name);
    let id = choose_id(app, path, given, label.as_deref())?;
    Ok(Input {
        label: label.unwrap_or_else(|| id.to_string()),
        id,
        zone: query.zone.unwrap_or_default(),
        video: stream.video,
        legs: stream.legs,
        payload_type: stream.payload_type,
        max_udp: stream.max_udp,
        colour: stream.colour,
    })
}

fn choose_id(
    app: &App,
    path: Option<InputId>,
    given: Option<InputId>,
    label: Option<&str>,
) -> Result<InputId, Error> {
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
            let slug = slug(label, "input");
            let numbered = (2..).map(|n| format!("{slug}-{n}"));
            std::iter::once(slug.clone())
                .chain(numbered)
                .filter_map(|id| id.parse::<InputId>().ok())
                .find(|id| !inventory.inputs.contains_key(id))
                .ok_or(Error::Internal)
        }
    }
}

async fn store(app: Shared, input: Input, mode: Mode) -> Result<Response, Error> {
    let put = change::put_input(app.clone(), input.clone(), mode).await?;
    let location = format!("/api/v1/inputs/{}", input.id);
    let view = Json(InputView::of(&app, &input));
    Ok(match put {
        Put::Created => (StatusCode::CREATED, [(header::LOCATION, location)], view).into_response(),
        Put::Replaced => view.into_response(),
    })
}
