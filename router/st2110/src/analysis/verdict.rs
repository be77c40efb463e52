//! What was found, what is allowed, and where that is written.

use std::fmt;

use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Within the limit.
    Pass,
    /// Beyond it.
    Fail,
    /// Worth knowing, but no standard forbids it.
    Note,
    /// Could not be judged.
    Unknown,
}

impl Outcome {
    /// Pass or fail.
    pub const fn of(good: bool) -> Self {
        if good { Self::Pass } else { Self::Fail }
    }

    /// The word shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Note => "note",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What was checked, a name that stays: `udp-length`, `lost-packets`.
    pub check: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found, for a person to read.
    pub value: String,
    /// What is allowed, for a person to read.
    pub limit: String,
    /// Where that is written.
    pub clause: &'static str,
}

impl Verdict {
    /// A check of any outcome.
    pub fn new(
        check: &'static str,
        outcome: Outcome,
        value: impl Into<String>,
        limit: impl Into<String>,
        clause: &'static str,
    ) -> Self {
        Self { check, outcome, value: value.into(), limit: limit.into(), clause }
    }

    /// A count that must be 0.
    pub fn none_of(check: &'static str, count: u64, clause: &'static str) -> Self {
        Self::new(check, Outcome::of(count == 0), count.to_string(), "0", clause)
    }

    /// A count that should be 0, though nothing forbids it.
    pub fn better_none_of(check: &'static str, count: u64, clause: &'static str) -> Self {
        let outcome = if count == 0 { Outcome::Pass } else { Outcome::Note };
        Self::new(check, outcome, count.to_string(), "0", clause)
    }
}
