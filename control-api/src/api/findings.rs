//! What somebody who looks at an input's picture has found: it does not move, it is black, it
//! is another format than declared. Packets alone do not tell.

use axum::{
    Json,
    extract::{Path, State},
};
use ormatrix_protocol::{Command, Findings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{body::JsonBody, stream};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    change::known,
    inventory::Input,
    problem::{Error, Problem},
    time::rfc3339,
    validate::invalid,
};

/// Longest description of what arrives in place of the declared format, in characters.
const FOUND_MAX: usize = 200;

/// What is so now. Whoever looks repeats it with every change, and when the router is back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingsBody {
    /// Packets flow and the picture does not change.
    pub frozen: bool,
    /// The picture is black.
    pub black: bool,
    /// What arrives in place of the declared format, in up to 200 characters.
    pub found_format: Option<String>,
}

/// What was found about a picture; empty when nothing was.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Findings)]
pub struct FindingsView {
    /// Packets flow and the picture has not changed since then (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_since: Option<String>,
    /// The picture has been black since then (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_since: Option<String>,
    /// What arrives in place of the declared format, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_format: Option<String>,
}

impl FindingsView {
    /// As the router holds them.
    pub fn of(findings: &Findings) -> Self {
        Self {
            frozen_since: findings.frozen_since.map(rfc3339),
            black_since: findings.black_since.map(rfc3339),
            found_format: findings.found_format.clone(),
        }
    }
}

/// Tells what is found by looking at an input's picture. The control plane notes since when,
/// the router counts as failure what the input's `failover` says is one, and everybody hears
/// of it as a `signal` event.
#[utoipa::path(put, path = "/inputs/{id}/findings", tag = "inputs", operation_id = "put_findings",
    params(("id" = String, Path)), request_body = FindingsBody,
    responses((status = 200, body = FindingsView), (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<FindingsBody>,
) -> Result<Json<FindingsView>, Error> {
    actor.may(Action::Report)?;
    let input = stream::known::<Input>(&app, &id)?.id;
    if let Some(format) = &body.found_format {
        let length = format.chars().count();
        if !(1..=FOUND_MAX).contains(&length) || format.chars().any(char::is_control) {
            let reason = format!(
                "{length} characters: 1 to {FOUND_MAX} without control characters, or leave it out"
            );
            return Err(invalid("found_format", reason));
        }
    }
    let before = known(&app, |mirror| mirror.inputs.get(&input).map(|now| now.findings.clone()))?;
    let Some(before) = before else { return Err(Error::UnknownInput(id)) };
    let now = app.clock.unix();
    let since = |holds: bool, before: Option<u64>| holds.then(|| before.unwrap_or(now));
    let findings = Findings {
        frozen_since: since(body.frozen, before.frozen_since),
        black_since: since(body.black, before.black_since),
        found_format: body.found_format,
    };
    // Who looks says so again and again; the router hears what is new.
    if findings != before {
        app.router.ask(Command::Report { input, findings: findings.clone() }).await?;
    }
    Ok(Json(FindingsView::of(&findings)))
}
