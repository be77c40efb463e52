//! An alarm, and what becomes of it.

use super::kind::{Kind, Severity};

/// What an alarm is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `input`, `output`, `router`, `database`, `delivery`, or what a reporter says.
    pub kind: String,
    /// Which of its kind.
    pub id: String,
    /// Its name for people.
    pub label: String,
}

impl Subject {
    /// Something that people know by its name.
    pub fn new(kind: &str, id: &str, label: &str) -> Self {
        Self { kind: kind.to_owned(), id: id.to_owned(), label: label.to_owned() }
    }
}

/// Something that is wrong at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The same for as long as it is the same thing that is wrong, and whenever it is again.
    pub id: String,
    /// What is wrong.
    pub kind: Kind,
    /// How bad it is now.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, for people.
    pub text: String,
    /// What to do.
    pub action: String,
    /// Of a report: after how many seconds without another it is no longer so.
    pub clears_after_s: Option<u32>,
}

/// Who has seen an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When, ns since the Unix epoch.
    pub at: u64,
    /// What they said.
    pub note: Option<String>,
}

/// A condition that has lasted, from when it began to when it was gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Grows with every alarm, also from one run of the process to the next.
    pub episode: u64,
    /// What is or was wrong.
    pub condition: Condition,
    /// When the condition began, ns since the Unix epoch.
    pub raised_at: u64,
    /// When the condition was gone, once that has lasted too.
    pub cleared_at: Option<u64>,
    /// Who has seen it, if anybody has.
    pub acknowledged: Option<Acknowledged>,
    /// How often the condition has begun.
    pub times: u32,
}

/// What became of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is new, or back.
    Raised,
    /// Better or worse than before, or repeated.
    Changed,
    /// Somebody has seen it.
    Acknowledged,
    /// It is no longer so.
    Cleared,
}

impl Change {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Changed => "changed",
            Self::Acknowledged => "acknowledged",
            Self::Cleared => "cleared",
        }
    }
}

/// One change of one alarm, to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What became of it.
    pub change: Change,
    /// When, ns since the Unix epoch.
    pub at: u64,
    /// The alarm since then.
    pub alarm: Alarm,
}
