//! Shapes of alarms in answers, events and deliveries.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::{
    alarms::{
        alarm::{Acknowledged, Alarm, Notice, Subject},
        kind::Severity,
    },
    time::rfc3339,
};

/// What an alarm is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlarmSubject)]
pub struct SubjectView {
    /// `input`, `output`, `router`, `database`, `delivery`, or what a reporter says.
    pub kind: String,
    /// Which of its kind.
    pub id: String,
    /// Its name for people.
    pub label: String,
}

/// Who has seen an alarm.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlarmAcknowledged)]
pub struct AcknowledgedView {
    /// Who.
    pub by: String,
    /// When (RFC 3339).
    pub at: String,
    /// What they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something that is or was wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alarm)]
pub struct AlarmView {
    /// The same whenever the same thing is wrong.
    #[schema(example = "signal-lost:endoscope")]
    pub id: String,
    /// Grows with every alarm.
    pub episode: u64,
    /// What is wrong; `docs/alarms.md` lists every kind.
    #[schema(example = "signal-lost")]
    pub kind: String,
    /// How bad it is, or was at last.
    pub severity: Severity,
    /// What it is about.
    pub subject: SubjectView,
    /// What is wrong, for people.
    pub text: String,
    /// What to do.
    pub action: String,
    /// When the condition began (RFC 3339).
    pub raised_at: String,
    /// When the condition was gone (RFC 3339); not there while the alarm is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<String>,
    /// Who has seen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<AcknowledgedView>,
    /// How often the condition has begun.
    pub times: u32,
}

impl AlarmView {
    /// As it is now.
    pub fn of(alarm: &Alarm) -> Self {
        let condition = &alarm.condition;
        let Subject { kind, id, label } = condition.subject.clone();
        let seen = |Acknowledged { by, at, note }| AcknowledgedView { by, at: rfc3339(at), note };
        Self {
            id: condition.id.clone(),
            episode: alarm.episode,
            kind: condition.kind.to_string(),
            severity: condition.severity,
            subject: SubjectView { kind, id, label },
            text: condition.text.clone(),
            action: condition.action.clone(),
            raised_at: rfc3339(alarm.raised_at),
            cleared_at: alarm.cleared_at.map(rfc3339),
            acknowledged: alarm.acknowledged.clone().map(seen),
            times: alarm.times,
        }
    }

    /// As receivers get it.
    pub fn json(&self) -> Value {
        json!(self)
    }
}

/// What became of an alarm, as listeners and receivers get it.
#[derive(Debug, Serialize)]
pub struct AlarmEvent {
    change: &'static str,
    at: String,
    alarm: AlarmView,
}

impl AlarmEvent {
    /// Of a notice.
    pub fn of(notice: &Notice) -> Self {
        let Notice { change, at, alarm } = notice;
        Self { change: change.as_str(), at: rfc3339(*at), alarm: AlarmView::of(alarm) }
    }

    /// As receivers get it.
    pub fn json(&self) -> Value {
        json!(self)
    }
}

/// Alarms of before and now.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlarmHistory {
    /// The latest first.
    pub alarms: Vec<AlarmView>,
    /// What to give as `before` for those that follow; not there at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// False when the database could not be read, wholly or in part: there may be more alarms.
    pub complete: bool,
}

/// Which part of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// How many, 1 to 1000; 100 unless given.
    pub limit: Option<usize>,
    /// Only those before this episode.
    pub before: Option<u64>,
}
