//! Rooms, and where displays hang in them.

use ormatrix_protocol::OutputId;

use super::Labels;

/// A room. Inputs, outputs and presets belong to it by naming it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// As inputs, outputs and presets name it: 1 to 80 characters.
    pub name: String,
    /// That name in other languages.
    pub labels: Labels,
    /// Where displays hang, if somebody has drawn that.
    pub plan: Option<Plan>,
}

/// A room seen from where its panel hangs. Lengths are in any unit, the same for all; the
/// origin is the upper left corner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How wide it is, 1 to 10000.
    pub width: u16,
    /// How high it is, 1 to 10000.
    pub height: u16,
    /// Where each display is; every output once.
    pub displays: Vec<Place>,
}

/// Where a display is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The output that feeds it.
    pub output: OutputId,
    /// Of its left edge.
    pub x: u16,
    /// Of its upper edge.
    pub y: u16,
    /// At least 1; it ends within the plan.
    pub width: u16,
    /// At least 1; it ends within the plan.
    pub height: u16,
}
