//! One thing found.

use std::fmt;

use serde::Serialize;

/// How well the host serves in one matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the job wants it.
    Good,
    /// The job can be done, with the limit that the reason names.
    Fair,
    /// The job cannot be done well without it.
    Missing,
    /// The host does not tell, or not to this user.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        })
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// The machine as a whole.
    Machine,
    /// Processor cores and how threads get them.
    Cores,
    /// Memory.
    Memory,
    /// UDP sockets.
    Sockets,
    /// Network interfaces.
    Network,
    /// Time.
    Clock,
    /// GStreamer.
    Media,
    /// Where a picture could be shown.
    Display,
}

/// One thing found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// Name of the check, unique in a report; a colon separates what was checked of several.
    pub check: String,
    /// How well the host serves.
    pub verdict: Verdict,
    /// What was measured or read.
    pub value: String,
    /// Why it matters.
    pub reason: String,
    /// The command that mends it, to be run as root; none when there is nothing to mend or
    /// no command could.
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding that needs no remedy.
    pub fn new(
        area: Area,
        check: impl Into<String>,
        verdict: Verdict,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            area,
            check: check.into(),
            verdict,
            value: value.into(),
            reason: reason.into(),
            remedy: None,
        }
    }

    /// Names the command that mends it, unless there is nothing to mend.
    #[must_use]
    pub fn mended_by(mut self, remedy: impl Into<String>) -> Self {
        if self.verdict != Verdict::Good {
            self.remedy = Some(remedy.into());
        }
        self
    }
}
