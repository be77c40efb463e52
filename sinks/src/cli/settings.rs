//! Settings of the process, from a file and the environment.

use std::path::Path;

use ormatrix_settings::SettingsError;
use serde::Deserialize;

/// What the settings file may hold. `sinks/ormatrix-sink.toml` shows every one with its
/// default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Least time between two reads of a socket, in microseconds.
    pub coalesce_us: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { coalesce_us: 250 }
    }
}

impl Settings {
    /// Reads the file, if any, and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        ormatrix_settings::load(file, "ORMATRIX_SINK")
    }
}
