//! What the router is asked to receive, send and route.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
pub use st2110::leg::Leg;
use st2110::{format::VideoFormat, level::Level};

use crate::levels::{AncillaryInput, AudioInput, Levelled, OutputStream};

/// Longest id in octets.
pub const ID_MAX: usize = 64;

/// An id that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not an id: use 1 to 64 lower-case letters, digits, '-', '_' or '.', \
     starting with a letter or digit"
)]
pub struct IdError(pub String);

/// Whether a text may be an id; for [`crate::id`].
///
/// # Errors
/// [`IdError`] when not.
#[doc(hidden)]
pub fn check_id(text: &str) -> Result<(), IdError> {
    let first = text.bytes().next();
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if text.len() <= ID_MAX
        && first.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text.bytes().all(legal)
    {
        Ok(())
    } else {
        Err(IdError(text.chars().take(ID_MAX + 1).collect()))
    }
}

/// Makes a type of ids: text of 1 to 64 lower-case letters, digits, `-`, `_` and `.`.
#[macro_export]
macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::spec::IdError;

            fn from_str(text: &str) -> Result<Self, $crate::spec::IdError> {
                $crate::spec::check_id(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::spec::IdError;

            fn try_from(text: String) -> Result<Self, $crate::spec::IdError> {
                $crate::spec::check_id(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id!(
    /// Names an input: what enters the matrix.
    InputId
);
id!(
    /// Names an output: what leaves the matrix.
    OutputId
);

/// A stream to receive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Its name.
    pub id: InputId,
    /// The declared format; packets that contradict it are not passed on.
    pub video: VideoFormat,
    /// Where it arrives: the address to bind or to join. Two legs carry the same stream
    /// (ST 2022-7).
    pub legs: Vec<Leg>,
    /// How the legs are merged.
    #[serde(default)]
    pub merge: Merge,
    /// RTP payload type, 96 to 127.
    pub payload_type: u8,
    /// Longest UDP datagram, its 8-octet header included: 1460, or `MAXUDP` up to 8960
    /// (ST 2110-10 §6.4).
    #[serde(default = "standard_udp_limit")]
    pub max_udp: u16,
    /// What people call it, for what they read on displays; its id if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioInput>,
    /// Its ancillary data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancillary: Option<AncillaryInput>,
    /// What stands in for it when it fails.
    #[serde(default)]
    pub failover: Failover,
}

impl Levelled for InputSpec {
    fn legs_of(&self, level: Level) -> Option<&[Leg]> {
        match level {
            Level::Video => Some(&self.legs),
            Level::Audio => self.audio.as_ref().map(|stream| &stream.legs[..]),
            Level::Ancillary => self.ancillary.as_ref().map(|stream| &stream.legs[..]),
        }
    }
}

impl InputSpec {
    /// Whether a level is received in the same way as another input's.
    pub fn is_same_stream(&self, other: &Self, level: Level) -> bool {
        match level {
            Level::Video => {
                let stream = |spec: &Self| {
                    (spec.video, spec.legs.clone(), spec.merge, spec.payload_type, spec.max_udp)
                };
                stream(self) == stream(other)
            }
            Level::Audio => self.audio == other.audio,
            Level::Ancillary => self.ancillary == other.ancillary,
        }
    }
}

/// What stands in for an input that has failed, and when it is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Failover {
    /// Inputs that may stand in; the first whose signal is good does.
    pub backups: Vec<InputId>,
    /// When the input itself is shown again.
    pub back: Back,
    /// How long its signal must have been good before it is, milliseconds.
    pub steady_ms: SteadyMs,
    /// A picture that does not change for so long has failed, milliseconds; never if not
    /// given. Somebody must look: see [`crate::Command::Report`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_ms: Option<u32>,
    /// A picture that is black for so long has failed, milliseconds; never if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_ms: Option<u32>,
}

/// Milliseconds of good signal before an input is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SteadyMs(pub u32);

impl Default for SteadyMs {
    fn default() -> Self {
        Self(3000)
    }
}

/// When an input that failed is shown again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Back {
    /// As soon as its signal has been good long enough.
    #[default]
    Automatic,
    /// When somebody takes it again.
    Manual,
}

impl Back {
    /// Its name in JSON and in databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

/// How the copies of a stream that arrive on several legs become one (ST 2022-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Merge {
    /// How far one leg may be behind the other, microseconds, up to [`SKEW_US_MAX`]. The
    /// classes of ST 2022-7 for high bit rates: A 10 000, B 50 000, C 150 000, D 150.
    pub skew_us: u32,
    /// What an output sees of the merging.
    pub order: MergeOrder,
}

/// Longest path differential of any class: C at low bit rates (ST 2022-7).
pub const SKEW_US_MAX: u32 = 450_000;

impl Default for Merge {
    /// Class A, order restored.
    fn default() -> Self {
        Self { skew_us: 10_000, order: MergeOrder::Restored }
    }
}

/// Whether a packet that one leg lost is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeOrder {
    /// Every packet leaves when its first copy arrives. What one leg lost leaves late, by
    /// as much as the other leg is behind: receivers must be able to put it back in place.
    FirstCopy,
    /// Packets leave in order. Nothing is delayed while nothing is missing; what is missing
    /// is waited for, at most as long as a leg may be behind, and only while a leg is alive
    /// that may still bring it.
    #[default]
    Restored,
}

impl MergeOrder {
    /// Its name in JSON and in databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstCopy => "first-copy",
            Self::Restored => "restored",
        }
    }
}

impl FromStr for MergeOrder {
    type Err = MergeOrderError;

    fn from_str(text: &str) -> Result<Self, MergeOrderError> {
        [Self::FirstCopy, Self::Restored]
            .into_iter()
            .find(|order| order.as_str() == text)
            .ok_or_else(|| MergeOrderError(text.to_owned()))
    }
}

/// Not an order of merging.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an order of merging: use 'restored' or 'first-copy'")]
pub struct MergeOrderError(pub String);

/// The Standard UDP Size Limit of ST 2110-10 §6.3.
pub const fn standard_udp_limit() -> u16 {
    1460
}

/// A stream to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// Its name.
    pub id: OutputId,
    /// Where it goes. `source`, when given, is the local address to send from.
    pub legs: Vec<Leg>,
    /// RTP payload type, 96 to 127, whatever the source uses.
    pub payload_type: u8,
    /// The one synchronisation source that the output keeps through every take.
    pub ssrc: u32,
    /// IP time to live or hop limit.
    pub ttl: u8,
    /// Differentiated services code point, 0 to 63 (AF41, 34, is the field's custom).
    pub dscp: u8,
    /// Where its sound goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<OutputStream>,
    /// Where its ancillary data go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancillary: Option<OutputStream>,
    /// What it shows when its input is lost and nothing stands in.
    #[serde(default)]
    pub on_loss: OnLoss,
}

impl Levelled for OutputSpec {
    fn legs_of(&self, level: Level) -> Option<&[Leg]> {
        match level {
            Level::Video => Some(&self.legs),
            Level::Audio => self.audio.as_ref().map(|stream| &stream.legs[..]),
            Level::Ancillary => self.ancillary.as_ref().map(|stream| &stream.legs[..]),
        }
    }
}

impl OutputSpec {
    /// How a level leaves; `None` for one that it has not.
    pub fn stream(&self, level: Level) -> Option<OutputStream> {
        match level {
            Level::Video => Some(OutputStream {
                legs: self.legs.clone(),
                payload_type: self.payload_type,
                ssrc: self.ssrc,
                ramp_ms: 0,
            }),
            Level::Audio => self.audio.clone(),
            Level::Ancillary => self.ancillary.clone(),
        }
    }
}

/// What an output sends while its input is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLoss {
    /// Nothing.
    #[default]
    Nothing,
    /// A picture in the input's format that says what is lost and since when.
    Slate,
}

impl OnLoss {
    /// Its name in JSON and in databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Slate => "slate",
        }
    }
}

/// A thinned copy of an input for watching: one whole frame every interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorSpec {
    /// The input watched; each input has at most one monitor.
    pub input: InputId,
    /// Where the frames go.
    pub leg: Leg,
    /// Least time between the starts of two frames.
    pub interval_ms: u32,
}

/// Puts an input on an output, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// The output to change.
    pub output: OutputId,
    /// What it shall show; `None` clears it.
    pub input: Option<InputId>,
    /// The levels to take; none named are all that the output has. Of an input without one
    /// of those, nothing is taken on that level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
}

impl Take {
    /// A take of every level.
    pub fn new(output: OutputId, input: Option<InputId>) -> Self {
        Self { output, input, levels: Vec::new() }
    }

    /// Whether it concerns a level.
    pub fn concerns(&self, level: Level) -> bool {
        self.levels.is_empty() || self.levels.contains(&level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain() {
        for good in ["endoscope", "or-3.main", "0", "a_b"] {
            assert_eq!(good.parse::<InputId>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "A", "a b", "ä", "a/b", "..", &"x".repeat(65)] {
            assert!(bad.parse::<OutputId>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<InputId>("\"../etc\"").is_err());
    }
}
