//! Alarms that other programs raise and take back.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AlarmView, TEXT_MAX, check};
use crate::{
    actor::{Action, Actor},
    alarms::{
        alarm::{Condition, Subject},
        kind::{Kind, Severity},
        reports::{REPORTS_MAX, alarm_id},
    },
    api::body::JsonBody,
    app::Shared,
    problem::{Error, Problem},
    validate::invalid,
};

/// Longest id of a report, and longest kind and id of its subject, in characters.
const NAME_MAX: usize = 64;
/// Longest label of a subject, in characters.
const LABEL_MAX: usize = 80;
/// Longest time after which a report ends by itself: a week.
const CLEARS_AFTER_MAX: u32 = 7 * 24 * 3600;

/// What a reported alarm is about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSubject {
    /// As `host` or `process`; 1 to 64 characters.
    pub kind: String,
    /// Which of its kind; 1 to 64 characters.
    pub id: String,
    /// Its name for people, up to 80 characters; the id unless given.
    pub label: Option<String>,
}

/// What another program knows to be wrong.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportBody {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: ReportSubject,
    /// What is wrong, for people, in up to 500 characters.
    pub text: String,
    /// What to do, in up to 500 characters.
    pub action: Option<String>,
    /// After how many seconds without another report it is no longer so, 1 to 604800; only
    /// when it is taken back unless given.
    #[schema(minimum = 1, maximum = 604_800)]
    pub clears_after_s: Option<u32>,
}

/// Says that something is wrong, as a program beside this one knows. Said again it is still
/// so, or has changed.
#[utoipa::path(put, path = "/alarms/reported/{id}", tag = "alarms", operation_id = "report_alarm",
    params(("id" = String, Path, description = "a-z, 0-9 and -, up to 64")),
    request_body = ReportBody,
    responses((status = 200, body = AlarmView), (status = 201, body = AlarmView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ReportBody>,
) -> Result<Response, Error> {
    actor.may(Action::ReportAlarm)?;
    let plain = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    if !(1..=NAME_MAX).contains(&id.len()) || !id.bytes().all(plain) {
        let reason = format!("write 1 to {NAME_MAX} of a-z, 0-9 and -");
        return Err(invalid("id", reason));
    }
    let ReportBody { severity, subject, text, action, clears_after_s } = body;
    check("subject.kind", &subject.kind, NAME_MAX)?;
    check("subject.id", &subject.id, NAME_MAX)?;
    let label = subject.label.filter(|label| !label.is_empty());
    let label = label.unwrap_or_else(|| subject.id.clone());
    check("subject.label", &label, LABEL_MAX)?;
    check("text", &text, TEXT_MAX)?;
    let action = action.unwrap_or_default();
    if !action.is_empty() {
        check("action", &action, TEXT_MAX)?;
    }
    if let Some(seconds) = clears_after_s.filter(|s| !(1..=CLEARS_AFTER_MAX).contains(s)) {
        let reason = format!("{seconds}: use 1 to {CLEARS_AFTER_MAX}, or leave it out");
        return Err(invalid("clears_after_s", reason));
    }
    let alarm = alarm_id(&id);
    let condition = Condition {
        id: alarm.clone(),
        kind: Kind::Reported,
        severity,
        subject: Subject { kind: subject.kind, id: subject.id, label },
        text,
        action,
        clears_after_s,
    };
    let full = |_| Error::TooManyReports { limit: REPORTS_MAX };
    let new = app.alarms.report(&app, condition).map_err(full)?;
    let alarm = app.alarms.find(&alarm).ok_or(Error::Internal)?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(AlarmView::of(&alarm))).into_response())
}

/// Says that what was reported is no longer so. The alarm is cleared a moment later.
#[utoipa::path(delete, path = "/alarms/reported/{id}", tag = "alarms",
    operation_id = "take_back_alarm", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    actor.may(Action::ReportAlarm)?;
    if app.alarms.take_back(&app, &id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::NotReported(id))
    }
}
