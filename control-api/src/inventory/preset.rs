//! Routes that are recalled together, by name.

use ormatrix_protocol::{InputId, Level, OutputId};

use super::Labels;

ormatrix_protocol::id!(
    /// Names a preset.
    PresetId
);

/// What several outputs shall show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name for programs.
    pub id: PresetId,
    /// Its name for people, 1 to 80 characters.
    pub label: String,
    /// That name in other languages.
    pub labels: Labels,
    /// The room it is for, up to 80 characters; empty when it is for all.
    pub zone: String,
    /// In the order in which it was written; each level of an output once.
    pub routes: Vec<PresetRoute>,
}

/// What one output shall show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetRoute {
    /// The output.
    pub output: OutputId,
    /// What it shall show.
    pub source: PresetSource,
    /// The levels; all that the output has where none is named.
    pub levels: Vec<Level>,
}

/// What an output of a preset shall show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresetSource {
    /// This.
    Input(InputId),
    /// Nothing: the output is cleared.
    Nothing,
    /// Whatever is named at the recall; without that the output stays as it is.
    Open,
}

impl PresetSource {
    /// The input, where it is one.
    pub fn input(&self) -> Option<&InputId> {
        match self {
            Self::Input(input) => Some(input),
            Self::Nothing | Self::Open => None,
        }
    }
}
