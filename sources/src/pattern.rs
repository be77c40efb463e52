//! Moving pictures for demonstrations and tests, drawn by the program itself.
//!
//! Each scene looks like one device of an operating room, so that people see at a glance
//! which source is where. They are drawings: nobody may take one for a patient.

mod endoscope;
mod monitor;
mod robot;
mod room;
mod ultrasound;
mod xray;

use std::{fmt, str::FromStr};

use crate::canvas::{Canvas, Typeface};

/// What a source without a device shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A round endoscope picture: tissue, folds, an instrument.
    Endoscope,
    /// A surgical robot's view with two instruments.
    Robot,
    /// A chest X-ray (fluoroscopy) with a moving catheter.
    Xray,
    /// An ultrasound sector of a beating heart.
    Ultrasound,
    /// A camera overlooking the operating room.
    Room,
    /// A vital signs monitor with running traces.
    Monitor,
    /// SMPTE colour bars.
    Smpte,
    /// A bouncing ball.
    Ball,
    /// Noise: the hardest picture for a codec.
    Snow,
    /// Black.
    Black,
}

/// How a scene's frames repeat without a jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// There and back: frames play up and down.
    Sway,
    /// Round and round: the last frame is followed by the first.
    Cycle,
    /// One frame says it all.
    Still,
}

/// A scene ready to draw.
pub trait Scene: Send {
    /// Draws the moment `phase`: 0 to 1 from end to end of a sway, or once round a cycle.
    fn draw(&self, phase: f32, canvas: &mut Canvas);
    /// How its frames repeat.
    fn motion(&self) -> Motion {
        Motion::Sway
    }
    /// Lines worth drawing; more is scaled up from there.
    fn lines(&self) -> usize {
        540
    }
}

impl Pattern {
    /// Every pattern.
    pub const ALL: &[Self] = &[
        Self::Endoscope,
        Self::Robot,
        Self::Xray,
        Self::Ultrasound,
        Self::Room,
        Self::Monitor,
        Self::Smpte,
        Self::Ball,
        Self::Snow,
        Self::Black,
    ];

    /// The name used on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endoscope => "endoscope",
            Self::Robot => "robot",
            Self::Xray => "xray",
            Self::Ultrasound => "ultrasound",
            Self::Room => "room",
            Self::Monitor => "monitor",
            Self::Smpte => "smpte",
            Self::Ball => "ball",
            Self::Snow => "snow",
            Self::Black => "black",
        }
    }

    /// The drawn scene, or `None` for those that `videotestsrc` makes.
    pub fn scene(self, face: &Typeface) -> Option<Box<dyn Scene>> {
        Some(match self {
            Self::Endoscope => Box::new(endoscope::Endoscope::new()),
            Self::Robot => Box::new(robot::Robot::new()),
            Self::Xray => Box::new(xray::Xray::new()),
            Self::Ultrasound => Box::new(ultrasound::Ultrasound::new()),
            Self::Room => Box::new(room::Room::new()),
            Self::Monitor => Box::new(monitor::Monitor::new(face.clone())),
            Self::Smpte | Self::Ball | Self::Snow | Self::Black => return None,
        })
    }

    /// How a pattern of `videotestsrc` repeats; its name there is [`Pattern::as_str`].
    pub const fn test_motion(self) -> Motion {
        match self {
            Self::Smpte | Self::Black => Motion::Still,
            Self::Ball => Motion::Sway,
            _ => Motion::Cycle,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Pattern {
    type Err = UnknownPattern;

    fn from_str(text: &str) -> Result<Self, UnknownPattern> {
        let found = Self::ALL.iter().find(|pattern| pattern.as_str() == text);
        found.copied().ok_or_else(|| UnknownPattern(text.to_owned()))
    }
}

/// Not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no pattern '{0}': one of {known}", known = names())]
pub struct UnknownPattern(pub String);

fn names() -> String {
    let names: Vec<&str> = Pattern::ALL.iter().map(|pattern| pattern.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_move_and_cycles_close() {
        let face = Typeface::built_in().unwrap();
        for pattern in Pattern::ALL {
            let Some(scene) = pattern.scene(&face) else { continue };
            let at = |phase| {
                let mut canvas = Canvas::new(320, 180, 0.0, 0.0);
                scene.draw(phase, &mut canvas);
                canvas.to_rgb8()
            };
            assert_ne!(at(0.0), at(0.5), "{pattern}");
            if scene.motion() == Motion::Cycle {
                assert_eq!(at(0.0), at(1.0), "{pattern}");
            }
        }
    }

    #[test]
    fn names_read_as_they_are_written() {
        for pattern in Pattern::ALL {
            assert_eq!(pattern.to_string().parse(), Ok(*pattern));
        }
        let error = "endo".parse::<Pattern>().unwrap_err().to_string();
        assert!(error.contains("endoscope, robot"), "{error}");
    }
}
