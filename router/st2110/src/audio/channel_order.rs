//! What the channels of a stream are (`channel-order`, ST 2110-30 §6.2.2, RFC 3190 §7).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};

/// The order of a stream's channels: `SMPTE2110.(51,ST)`.
///
/// Channels behind the last group named are undefined, as all are without an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChannelOrder {
    /// The convention of ST 2110-30: groups, one after the other.
    Smpte2110(Vec<ChannelGroup>),
    /// Another convention of RFC 3190, kept as it was written: `DV.LRLsRs`.
    Other {
        /// Name of the convention.
        convention: String,
        /// What it says.
        order: String,
    },
}

/// A group of channels (ST 2110-30 §6.2.2, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelGroup {
    /// `M`: one channel.
    Mono,
    /// `DM`: two channels of their own.
    DualMono,
    /// `ST`: left, right.
    Stereo,
    /// `LtRt`: left total, right total.
    MatrixStereo,
    /// `51`: L, R, C, LFE, Ls, Rs.
    Surround51,
    /// `71`: L, R, C, LFE, Lss, Rss, Lrs, Rrs.
    Surround71,
    /// `222`: the 24 channels of ST 2036-2.
    Surround222,
    /// `SGRP`: the four channels of an SDI audio group.
    SdiGroup,
    /// `U01` to `U64`: so many channels of which nothing is known.
    Undefined(u8),
}

impl ChannelGroup {
    const NAMED: &[(Self, &str, u32)] = &[
        (Self::Mono, "M", 1),
        (Self::DualMono, "DM", 2),
        (Self::Stereo, "ST", 2),
        (Self::MatrixStereo, "LtRt", 2),
        (Self::Surround51, "51", 6),
        (Self::Surround71, "71", 8),
        (Self::Surround222, "222", 24),
        (Self::SdiGroup, "SGRP", 4),
    ];

    /// Channels in the group.
    pub fn channels(self) -> u32 {
        match self {
            Self::Undefined(channels) => u32::from(channels),
            named => Self::NAMED
                .iter()
                .find(|(group, ..)| *group == named)
                .map_or(0, |(.., channels)| *channels),
        }
    }

    fn from_symbol(symbol: &str) -> Option<Self> {
        if let Some((group, ..)) = Self::NAMED.iter().find(|(_, name, _)| *name == symbol) {
            return Some(*group);
        }
        let digits = symbol.strip_prefix('U').filter(|digits| digits.len() == 2)?;
        if !digits.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        let channels = digits.parse().ok().filter(|channels| (1..=64).contains(channels))?;
        Some(Self::Undefined(channels))
    }
}

impl fmt::Display for ChannelGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined(channels) => write!(f, "U{channels:02}"),
            named => {
                let symbol = Self::NAMED.iter().find(|(group, ..)| group == named);
                f.write_str(symbol.map_or("", |(_, symbol, _)| symbol))
            }
        }
    }
}

impl ChannelOrder {
    /// How many channels the order names; `None` for another convention, which is not read.
    pub fn channels(&self) -> Option<u32> {
        match self {
            Self::Smpte2110(groups) => Some(groups.iter().map(|group| group.channels()).sum()),
            Self::Other { .. } => None,
        }
    }
}

impl fmt::Display for ChannelOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smpte2110(groups) => {
                f.write_str("SMPTE2110.(")?;
                for (index, group) in groups.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{group}")?;
                }
                f.write_str(")")
            }
            Self::Other { convention, order } => write!(f, "{convention}.{order}"),
        }
    }
}

impl FromStr for ChannelOrder {
    type Err = ChannelOrderError;

    fn from_str(text: &str) -> Result<Self, ChannelOrderError> {
        let refused = || ChannelOrderError(text.to_owned());
        let (convention, order) = text.split_once('.').ok_or_else(refused)?;
        if convention == "SMPTE2110" {
            let groups = order.strip_prefix('(').and_then(|order| order.strip_suffix(')'));
            let groups: Option<Vec<_>> = groups
                .and_then(|groups| groups.split(',').map(ChannelGroup::from_symbol).collect());
            return groups.map(Self::Smpte2110).ok_or_else(refused);
        }
        // Tokens that survive a parameter list unquoted.
        let token = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|octet| octet.is_ascii_graphic() && !b";,\"=".contains(&octet))
        };
        if token(convention) && token(order) {
            Ok(Self::Other { convention: convention.to_owned(), order: order.to_owned() })
        } else {
            Err(refused())
        }
    }
}

impl Serialize for ChannelOrder {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChannelOrder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Not a channel order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a channel order: write SMPTE2110.(51,ST) with groups out of M, DM, ST, LtRt, 51, 71, 222, SGRP and U01 to U64 (ST 2110-30 §6.2.2)"
)]
pub struct ChannelOrderError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_and_write_the_same() {
        for (text, channels) in [
            ("SMPTE2110.(ST)", Some(2)),
            ("SMPTE2110.(51,ST)", Some(8)),
            ("SMPTE2110.(M,M,M,M,ST,U02)", Some(8)),
            ("SMPTE2110.(DM,LtRt,71,222,SGRP)", Some(40)),
            ("SMPTE2110.(U64)", Some(64)),
            ("DV.LRLsRs", None),
        ] {
            let order: ChannelOrder = text.parse().unwrap();
            assert_eq!((order.to_string().as_str(), order.channels()), (text, channels));
        }
        for text in [
            "",
            "SMPTE2110",
            "SMPTE2110.",
            "SMPTE2110.()",
            "SMPTE2110.ST",
            "SMPTE2110.(ST",
            "SMPTE2110.(ST,)",
            "SMPTE2110.(st)",
            "SMPTE2110.(ST, ST)",
            "SMPTE2110.(U00)",
            "SMPTE2110.(U65)",
            "SMPTE2110.(U1)",
            "SMPTE2110.(U+1)",
            "SMPTE2110.(AES3)",
            ".LR",
            "DV.",
            "DV.L;R",
        ] {
            assert!(text.parse::<ChannelOrder>().is_err(), "{text}");
        }
    }
}
