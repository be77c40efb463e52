//! Who keeps an output as it is.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An output that is not to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Against whom.
    pub kind: LockKind,
    /// Who keeps it so.
    pub owner: String,
    /// Why, up to 200 characters; empty when nobody said.
    pub note: String,
    /// Since when, ns since the Unix epoch.
    pub since: u64,
    /// Until when, ns since the Unix epoch; until it is released where not given.
    pub expires_at: Option<u64>,
}

/// Against whom an output is kept. The words are those of routing panels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LockKind {
    /// Nobody changes it, its owner neither, until it is released.
    #[default]
    Lock,
    /// Only its owner changes it.
    Protect,
}

impl Lock {
    /// Whether somebody may change the output all the same.
    pub fn lets(&self, name: &str) -> bool {
        self.kind == LockKind::Protect && self.owner == name
    }

    /// Whether its time is over.
    pub fn expired(&self, unix_ns: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= unix_ns)
    }
}

impl LockKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Protect => "protect",
        }
    }

    /// What the output is while it is kept so.
    pub fn participle(self) -> &'static str {
        match self {
            Self::Lock => "locked",
            Self::Protect => "protected",
        }
    }
}

impl fmt::Display for LockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LockKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lock" => Ok(Self::Lock),
            "protect" => Ok(Self::Protect),
            _ => Err(format!("'{text}' is neither lock nor protect")),
        }
    }
}
