//! The latest still of an input.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use ormatrix_protocol::SignalState;
use serde_json::json;

use super::{
    body::{media_type, octets, unsupported},
    stream,
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    inventory::Input,
    problem::{Error, Problem},
    stills::{AHEAD_NS, STILL_MAX, is_jpeg},
    time::{parse_rfc3339, rfc3339},
    validate::invalid,
};

/// When a still was taken, RFC 3339.
const CAPTURED_AT: &str = "x-captured-at";

/// The latest still, with its age. 410 when it is too old to be true, or the signal is lost.
#[utoipa::path(get, path = "/inputs/{id}/thumbnail.jpg", tag = "inputs",
    operation_id = "get_thumbnail", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "image/jpeg"), (status = 304),
        (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let input = stream::known::<Input>(&app, &id)?.id;
    let Some(still) = app.stills.latest(&input) else {
        return Err(Error::NoStill { input });
    };
    let age = still.age(&*app.clock);
    let age_ms = age / 1_000_000;
    if age_ms > app.settings().still_max_age_ms {
        return Err(Error::StillTooOld { input, age_ms, reason: "it no longer shows the present" });
    }
    let lost = app.router.read(|mirror| {
        let now = mirror.and_then(|mirror| mirror.inputs.get(&input));
        now.is_some_and(|now| now.signal.state == SignalState::Lost)
    });
    if lost {
        return Err(Error::StillTooOld { input, age_ms, reason: "the input's signal is lost" });
    }
    let about = [
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::ETAG, still.etag.clone()),
        (header::AGE, (age / 1_000_000_000).to_string()),
        (header::HeaderName::from_static(CAPTURED_AT), rfc3339(still.at)),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|tag| *tag == still.etag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    Ok((about, [(header::CONTENT_TYPE, "image/jpeg")], still.jpeg).into_response())
}

/// Delivers a still: a JPEG of at most 256 KiB, taken at `X-Captured-At`.
#[utoipa::path(put, path = "/inputs/{id}/thumbnail.jpg", tag = "inputs",
    operation_id = "put_thumbnail",
    params(("id" = String, Path),
        ("X-Captured-At" = String, Header, description = "When the picture was taken, RFC 3339")),
    request_body(content = Vec<u8>, content_type = "image/jpeg"),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Error> {
    actor.may(Action::DeliverStill)?;
    let input = stream::known::<Input>(&app, &id)?.id;
    match media_type(request.headers()).as_str() {
        "image/jpeg" => {}
        found => return Err(unsupported(found, "image/jpeg")),
    }
    let at =
        request.headers().get(CAPTURED_AT).and_then(|value| parse_rfc3339(value.to_str().ok()?));
    let at = at.ok_or_else(|| {
        invalid("X-Captured-At", "say when the picture was taken, as 2026-01-31T09:30:00.123Z")
    })?;
    if at > app.clock.unix().saturating_add(AHEAD_NS) {
        return Err(invalid("X-Captured-At", "that is in the future: set this host's clock right"));
    }
    let jpeg = octets(&app, request, STILL_MAX).await?;
    if !is_jpeg(&jpeg) {
        return Err(invalid("body", "not a whole JPEG file: it must begin FF D8 FF, end FF D9"));
    }
    if app.stills.put(input.clone(), jpeg, at, &*app.clock) {
        app.events.publish("still", &json!({ "input": input, "at": rfc3339(at) }));
    }
    Ok(StatusCode::NO_CONTENT)
}
