//! Settings of the process, from a file and the environment.

use std::{net::IpAddr, path::Path, time::Duration};

use ormatrix_settings::SettingsError;
use serde::Deserialize;

/// What the settings file may hold. `sinks/ormatrix-sink.toml` shows every one with its
/// default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Least time between two reads of a socket, in microseconds.
    pub coalesce_us: u32,
    /// How long a display keeps the last whole frame without a next, in milliseconds.
    pub hold_ms: u32,
    /// How stills are taken.
    pub stills: StillsSettings,
    /// How streams are watched.
    pub watch: WatchSettings,
}

/// `[watch]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// Measures every input and output all the time.
    pub all: bool,
    /// Length of a window of analysis, in seconds.
    pub window_s: u32,
    /// From one look at a picture to the next, in milliseconds.
    pub sample_ms: u32,
    /// Kernel buffer of each tap, in MiB.
    pub buffer_mib: u16,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { all: false, window_s: 10, sample_ms: 150, buffer_mib: 64 }
    }
}

/// `[stills]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StillsSettings {
    /// Address of this host that the router can send to.
    pub listen: IpAddr,
    /// Least time between two stills of an input, in milliseconds.
    pub interval_ms: u32,
    /// Width that stills are decimated to, or less than twice that.
    pub width: u16,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            coalesce_us: 250,
            hold_ms: 500,
            stills: StillsSettings::default(),
            watch: WatchSettings::default(),
        }
    }
}

impl Default for StillsSettings {
    fn default() -> Self {
        Self { listen: IpAddr::from([127, 0, 0, 1]), interval_ms: 250, width: 640, quality: 80 }
    }
}

impl Settings {
    /// Reads the file, if any, and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        ormatrix_settings::load(file, "ORMATRIX_SINK")
    }

    /// Least time between two reads.
    pub fn coalesce(&self) -> Duration {
        Duration::from_micros(u64::from(self.coalesce_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_file_shows_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ormatrix-sink.toml");
        let none = Vec::<(std::ffi::OsString, std::ffi::OsString)>::new();
        let read: Settings =
            ormatrix_settings::load_from(Some(&file), "ORMATRIX_SINK", none).unwrap();
        assert_eq!(read, Settings::default());
    }
}
