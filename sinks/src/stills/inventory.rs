//! The inputs to watch, as the API tells them.

use serde::Deserialize;
use st2110::format::VideoFormat;

use crate::stream::{Control, ControlError};

/// What matters of an input here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WatchedInput {
    /// Its id.
    pub id: String,
    /// Its format.
    pub video: VideoFormat,
}

/// All inputs.
pub fn inputs(control: &Control) -> Result<Vec<WatchedInput>, ControlError> {
    control.json("/api/v1/inputs")
}
