//! The whole site as one file.

use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    body::{DryRunQuery, media_type, octets, unsupported},
    config::revision,
    stream::tagged,
};
use crate::{
    actor::{Action, Actor},
    app::{App, Shared},
    change::Expect,
    http::{expect::ExpectHeaders, query::Query},
    problem::{Error, Problem},
    site::{
        apply::{self, revision_of},
        diff::SiteChange,
        document::{self, SITE_MAX},
    },
};

/// The media type of a site's file.
pub const TOML: &str = "application/toml";

/// What a file changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteView {
    /// Whether it has been changed.
    pub applied: bool,
    /// What is, or would be, other than before; empty when nothing is.
    pub changes: Vec<SiteChange>,
    /// Of the site as it is now; `If-Match` takes it.
    pub revision: String,
}

/// The site as a file: rooms, inputs, outputs, presets. The same site is always the same file.
#[utoipa::path(get, path = "/site", tag = "site", operation_id = "export_site",
    responses((status = 200, body = String, content_type = "application/toml"),
        (status = "default", body = Problem)))]
pub async fn export(State(app): State<Shared>) -> Result<Response, Error> {
    let text = document::write(&app.inventory())?;
    Ok(tagged(&revision(&text), ([(header::CONTENT_TYPE, TOML)], text)))
}

/// Makes the site what a file says, all or nothing: what does not stand there is removed.
/// Routes stay, locks too. With `dry_run` it says what would change, and what would be
/// refused; `If-Match` with the `revision` of that answer applies exactly what was shown.
#[utoipa::path(put, path = "/site", tag = "site", operation_id = "apply_site",
    params(DryRunQuery, ExpectHeaders),
    request_body(content((String = "application/toml"))),
    responses((status = 200, body = SiteView), (status = "default", body = Problem)))]
pub async fn apply(
    State(app): State<Shared>,
    actor: Actor,
    Query(query): Query<DryRunQuery>,
    expect: Expect,
    request: Request,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    match media_type(request.headers()).as_str() {
        TOML => {}
        found => return Err(unsupported(found, TOML)),
    }
    let octets = octets(&app, request, SITE_MAX).await?;
    let text = String::from_utf8(octets.into()).map_err(|_| Error::Malformed {
        line: 1,
        column: 1,
        reason: "not UTF-8".to_owned(),
    })?;
    let read = move |app: &App, revision: &str| {
        expect.check("site", "site", Some(revision))?;
        document::read(app, &text)
    };
    let changes = if query.dry_run {
        let present = revision_of(&app.inventory())?;
        let to = read(&app, &present)?;
        apply::preview(&app, &actor, &to)?
    } else {
        apply::apply(app.clone(), actor, read).await?
    };
    let revision = revision_of(&app.inventory())?;
    let view = SiteView { applied: !query.dry_run, changes, revision: revision.clone() };
    Ok(tagged(&revision, Json(view)).into_response())
}
