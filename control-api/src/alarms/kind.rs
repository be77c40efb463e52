//! What can be wrong: kinds of alarms, how bad each may be, and how long a condition must last.
//!
//! The words are what programs and people decide by: none ever changes its meaning. Each kind
//! has its paragraph in `docs/alarms.md`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How bad an alarm is, the worst first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A display does not show what it should, or nobody can tell: act at once.
    Critical,
    /// Something has failed; what remains has nothing left to fall back on, or will not work
    /// when it is needed: act before the next case.
    Major,
    /// Something is impaired and the work goes on: act within the day.
    Minor,
    /// Worth knowing; nobody is harmed.
    Warning,
}

impl Severity {
    /// Every one, the worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Major, Self::Minor, Self::Warning];

    /// The word in JSON, metrics and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|severity| severity.as_str() == text);
        known.ok_or_else(|| format!("'{text}': write critical, major, minor or warning"))
    }
}

/// How long a condition must last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Milliseconds until it is an alarm.
    pub raise_ms: u64,
    /// Milliseconds that it must be gone until the alarm is cleared, at the first time.
    pub clear_ms: u64,
}

/// Names the kinds.
macro_rules! kinds {
    ($($(#[$meta:meta])* $variant:ident = $text:literal, $raise_ms:literal, $clear_ms:literal;)+) => {
        /// What is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$meta])* $variant),+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in JSON and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// How long such a condition must last.
            pub const fn hold(self) -> Hold {
                match self {
                    $(Self::$variant => Hold { raise_ms: $raise_ms, clear_ms: $clear_ms }),+
                }
            }
        }
    };
}

// Kind, the word for it, milliseconds until it is raised and until it is cleared. What a
// display shows now is told after half a second: the router itself waits for two frames, and
// a take passes through states that are no fault. Counters come once a second, so what rises
// is judged over five.
kinds! {
    /// The router is not connected.
    RouterAway = "router-away", 2000, 2000;
    /// A level of an input does not arrive.
    SignalLost = "signal-lost", 500, 3000;
    /// Packets arrive and the picture does not change.
    PictureFrozen = "picture-frozen", 500, 3000;
    /// The picture is black.
    PictureBlack = "picture-black", 500, 3000;
    /// Another format arrives than declared.
    WrongFormat = "wrong-format", 500, 3000;
    /// A backup is shown in place of an input that has failed.
    BackupShown = "backup-shown", 0, 2000;
    /// A slate is shown in place of an input that has failed.
    SlateShown = "slate-shown", 0, 2000;
    /// A take has not been confirmed.
    TakeUnconfirmed = "take-unconfirmed", 5000, 1000;
    /// One of two legs is silent.
    LegDown = "leg-down", 2000, 5000;
    /// Packets are lost on one of two legs; the other has them.
    LegLosing = "leg-losing", 5000, 30000;
    /// Packets are lost for good.
    PacketsLost = "packets-lost", 5000, 30000;
    /// Packets arrive that cannot be accepted.
    PacketsRefused = "packets-refused", 5000, 30000;
    /// The host does not send what an output should.
    SendFailed = "send-failed", 5000, 30000;
    /// The router does not take over an input.
    InputRefused = "input-refused", 2000, 1000;
    /// The router does not take over an output.
    OutputRefused = "output-refused", 2000, 1000;
    /// The database does not take what is written.
    DatabaseFailing = "database-failing", 0, 1000;
    /// Alarms do not reach a receiver.
    DeliveryFailing = "delivery-failing", 60000, 1000;
    /// Another program says so.
    Reported = "reported", 0, 2000;
}

impl Kind {
    /// Whether it is a fault too when the condition comes and goes without ever lasting. Takes
    /// pass through what would be one if it lasted, and a receiver that was reached in between
    /// has everything.
    pub const fn flaps(self) -> bool {
        !matches!(self, Self::TakeUnconfirmed | Self::DeliveryFailing)
    }

    /// Whether only a router that is there can tell.
    pub const fn needs_router(self) -> bool {
        !matches!(
            self,
            Self::RouterAway | Self::DatabaseFailing | Self::DeliveryFailing | Self::Reported
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|kind| kind.as_str() == text);
        known.copied().ok_or_else(|| format!("'{text}' is no kind of alarm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            let plain = |octet: u8| octet.is_ascii_lowercase() || octet == b'-';
            assert!(kind.as_str().bytes().all(plain), "{kind}");
            // RFC 5424 §6.2.7 gives a MSGID 32 characters.
            assert!(kind.as_str().len() <= 32, "{kind}");
        }
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
        assert!("bad".parse::<Severity>().unwrap_err().contains("critical, major"));
        assert!(Severity::ALL.is_sorted());
    }

    #[test]
    fn every_kind_is_documented() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/alarms.md");
        let page = std::fs::read_to_string(page).unwrap();
        let mut documented = Vec::new();
        for line in page.lines() {
            if let Some((word, _)) = line.strip_prefix("### `").and_then(|l| l.split_once('`')) {
                documented.push(word.to_owned());
            }
        }
        documented.sort();
        let mut kinds: Vec<_> = Kind::ALL.iter().map(ToString::to_string).collect();
        kinds.sort();
        assert_eq!(documented, kinds, "each kind has one heading in docs/alarms.md");
        // And the times that stand there are those that are kept.
        for kind in Kind::ALL {
            let Hold { raise_ms, clear_ms } = kind.hold();
            let seconds = |ms: u64| format!("{}", ms as f64 / 1000.0);
            let row = format!("| `{kind}` | {} s | {} s |", seconds(raise_ms), seconds(clear_ms));
            assert!(page.contains(&row), "docs/alarms.md has no line {row}");
        }
        for severity in Severity::ALL {
            assert!(page.contains(&format!("| `{severity}` |")), "{severity} is not explained");
        }
    }
}
