//! The whole database, to be kept elsewhere.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    actor::{Action, Actor},
    app::Shared,
    problem::{Error, Problem},
    time::rfc3339,
};

/// What a backup is (registered with IANA).
pub const MEDIA_TYPE: &str = "application/vnd.sqlite3";

/// A copy of the whole database, of one moment, while everything goes on.
#[utoipa::path(get, path = "/backup", tag = "backup", operation_id = "get_backup",
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.sqlite3"),
        (status = "default", body = Problem)))]
pub async fn show(State(app): State<Shared>, actor: Actor) -> Result<Response, Error> {
    actor.may(Action::Backup)?;
    let octets = app.store.backup().await?;
    let stamp = rfc3339(app.clock.unix()).replace(['-', ':'], "");
    let name = format!("attachment; filename=\"ormatrix-{stamp}.sqlite3\"");
    let about =
        [(header::CONTENT_TYPE, MEDIA_TYPE.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((about, octets).into_response())
}
