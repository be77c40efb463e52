//! Alarms: those that are active, those of before, and who has seen them.

pub mod report;
mod view;

use std::cmp::Reverse;

use axum::{
    Json,
    extract::{FromRequest, Path, Request, State},
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::ToSchema;
pub use view::{AlarmEvent, AlarmView};
use view::{AlarmHistory, HistoryQuery};

use super::body::{BODY_MAX, JsonBody, media_type, octets, unsupported};
use crate::{
    actor::{Action, Actor},
    alarms::alarm::Alarm,
    app::Shared,
    http::query::Query,
    problem::{Error, Problem},
    validate::invalid,
};

/// Longest text, action or note, in characters.
const TEXT_MAX: usize = 500;
/// Alarms in an answer unless asked otherwise, and at most.
const LIMIT: (usize, usize) = (100, 1000);

/// What whoever has seen an alarm says.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeBody {
    /// In up to 500 characters.
    pub note: Option<String>,
}

/// A JSON body, or none at all.
#[derive(Debug)]
pub struct MaybeBody<T>(T);

impl<T: Default + DeserializeOwned> FromRequest<Shared> for MaybeBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Error> {
        let found = media_type(request.headers());
        if found == "application/json" {
            return JsonBody::from_request(request, app).await.map(|JsonBody(body)| Self(body));
        }
        if found.is_empty() && octets(app, request, BODY_MAX).await?.is_empty() {
            return Ok(Self(T::default()));
        }
        Err(unsupported(&found, "application/json"))
    }
}

/// Every active alarm, the worst first, of those the latest.
#[utoipa::path(get, path = "/alarms", tag = "alarms", operation_id = "list_alarms",
    responses((status = 200, body = Vec<AlarmView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<AlarmView>> {
    Json(app.alarms.active().iter().map(AlarmView::of).collect())
}

/// Alarms of before and now, the latest first. The last 10000 are kept.
#[utoipa::path(get, path = "/alarms/history", tag = "alarms", operation_id = "list_alarm_history",
    params(HistoryQuery),
    responses((status = 200, body = AlarmHistory), (status = "default", body = Problem)))]
pub async fn history(
    State(app): State<Shared>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<AlarmHistory>, Error> {
    let limit = query.limit.unwrap_or(LIMIT.0);
    if !(1..=LIMIT.1).contains(&limit) {
        return Err(invalid("limit", format!("{limit}: use 1 to {}", LIMIT.1)));
    }
    if let Some(before) = query.before.filter(|before| i64::try_from(*before).is_err()) {
        return Err(invalid("before", format!("{before} is no episode: they are below 2^63")));
    }
    // What is not on the disk yet is newer than what is. Read first: what is written in
    // between is then in both.
    let waiting = app.alarms.journal.waiting();
    let store = app.store.clone();
    let read = tokio::task::spawn_blocking(move || store.alarm_history(query.before, limit)).await;
    let (written, complete) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the history is answered from memory");
            (Vec::new(), false)
        }
        Err(_) => (Vec::new(), false),
    };
    let before = query.before.unwrap_or(u64::MAX);
    let mut alarms: Vec<Alarm> =
        waiting.into_iter().filter(|alarm| alarm.episode < before).collect();
    let newer = |alarm: &Alarm| alarms.iter().any(|waiting| waiting.episode == alarm.episode);
    let written: Vec<Alarm> = written.into_iter().filter(|alarm| !newer(alarm)).collect();
    alarms.extend(written);
    alarms.sort_by_key(|alarm| Reverse(alarm.episode));
    let more = alarms.len() >= limit;
    alarms.truncate(limit);
    let before = alarms.last().map(|alarm| alarm.episode).filter(|_| more);
    let alarms = alarms.iter().map(AlarmView::of).collect();
    Ok(Json(AlarmHistory { alarms, before, complete }))
}

/// Says that somebody has seen an alarm. It holds until the alarm is cleared or becomes worse,
/// also over a restart.
#[utoipa::path(post, path = "/alarms/{id}/acknowledge", tag = "alarms",
    operation_id = "acknowledge_alarm", params(("id" = String, Path)),
    request_body(content = Option<AcknowledgeBody>, content_type = "application/json"),
    responses((status = 200, body = AlarmView), (status = "default", body = Problem)))]
pub async fn acknowledge(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    MaybeBody(body): MaybeBody<AcknowledgeBody>,
) -> Result<Json<AlarmView>, Error> {
    actor.may(Action::Acknowledge)?;
    let note = body.note.filter(|note| !note.is_empty());
    if let Some(note) = &note {
        check("note", note, TEXT_MAX)?;
    }
    let seen = app.alarms.acknowledge(&app, &id, &actor.name, note).await;
    let alarm = seen.map_err(|reason| Error::NotAcknowledged { alarm: id, reason })?;
    Ok(Json(AlarmView::of(&alarm)))
}

/// Text of 1 to `most` characters on one line.
fn check(field: &str, text: &str, most: usize) -> Result<(), Error> {
    let length = text.chars().count();
    if (1..=most).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let reason = format!("{length} characters: 1 to {most} without control characters");
    Err(invalid(field, reason))
}
