//! What things are called in other languages, and what kind of device a source is.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Labels in other languages than the one of `label`, by language tag (BCP 47): `de`, `fr-CH`.
pub type Labels = BTreeMap<String, String>;

/// What a source is, for the symbol that people recognise it by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceType {
    /// An endoscope's camera.
    Endoscope,
    /// A surgical robot.
    Robot,
    /// An X-ray device, such as a C-arm.
    XRay,
    /// An ultrasound device.
    Ultrasound,
    /// A camera in the room or on the lamp.
    RoomCamera,
    /// A patient monitor.
    PatientMonitor,
    /// A computer: records, images, presentations.
    Pc,
    /// None of these, or nobody said.
    #[default]
    Other,
}

impl SourceType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::Endoscope,
        Self::Robot,
        Self::XRay,
        Self::Ultrasound,
        Self::RoomCamera,
        Self::PatientMonitor,
        Self::Pc,
        Self::Other,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endoscope => "endoscope",
            Self::Robot => "robot",
            Self::XRay => "x-ray",
            Self::Ultrasound => "ultrasound",
            Self::RoomCamera => "room-camera",
            Self::PatientMonitor => "patient-monitor",
            Self::Pc => "pc",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not a type of source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no type of source: write endoscope, robot, x-ray, ultrasound, room-camera, \
     patient-monitor, pc or other"
)]
pub struct NotASource(String);

impl FromStr for SourceType {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| NotASource(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_they_are_read() {
        for known in SourceType::ALL {
            assert_eq!(known.as_str().parse(), Ok(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.as_str());
        }
        assert!("xray".parse::<SourceType>().unwrap_err().to_string().contains("x-ray"));
    }
}
