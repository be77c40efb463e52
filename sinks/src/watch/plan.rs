//! What to look at: made of the inventory and of what somebody waits for.

use std::fmt;

use ormatrix_io::tap::{Direction, Interface};
use st2110::{
    analysis::{AncillarySettings, AudioSettings, VideoSettings},
    format::VideoFormat,
    leg::Leg,
    level::Level,
};

use super::{
    inventory::{Declaration, Inventory, Wanted},
    picture::PictureRules,
    places::{Place, place},
};
use crate::analyse::measure::Expected;

/// What a stream should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// A picture.
    Video {
        /// Its format.
        format: VideoFormat,
        /// Longest UDP datagram.
        max_udp: u16,
    },
    /// Sound.
    Audio(AudioSettings),
    /// Ancillary data.
    Ancillary(AncillarySettings),
    /// Nobody knows; it is told by its packets.
    Unknown,
}

impl Declared {
    /// What it is held against, where that is known.
    pub fn expected(&self) -> Option<Expected> {
        match self {
            Self::Video { format, max_udp } => {
                let settings = VideoSettings { max_udp: *max_udp, ..VideoSettings::new(*format) };
                Some(Expected::Video(Box::new(settings)))
            }
            Self::Audio(settings) => Some(Expected::Audio(*settings)),
            Self::Ancillary(settings) => Some(Expected::Ancillary(*settings)),
            Self::Unknown => None,
        }
    }
}

/// Which thing of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An input.
    Input(String),
    /// An output.
    Output(String),
}

impl Target {
    /// The direction in which its packets pass.
    pub const fn direction(&self) -> Direction {
        match self {
            Self::Input(_) => Direction::Incoming,
            Self::Output(_) => Direction::Outgoing,
        }
    }

    /// `inputs/ID` or `outputs/ID`, as in the API's addresses.
    pub fn path(&self) -> String {
        match self {
            Self::Input(id) => format!("inputs/{id}"),
            Self::Output(id) => format!("outputs/{id}"),
        }
    }

    /// `input` or `output`, and its id.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Input(id) => ("input", id),
            Self::Output(id) => ("output", id),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.parts();
        write!(f, "{kind} {id}")
    }
}

/// A stream to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelPlan {
    pub level: Level,
    pub declared: Declared,
    /// One or two legs.
    pub legs: Vec<Place>,
}

/// An input or output to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyPlan {
    pub target: Target,
    pub levels: Vec<LevelPlan>,
}

/// A picture to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PicturePlan {
    pub input: String,
    pub rules: PictureRules,
    pub legs: Vec<Place>,
}

/// A lost input, to whose addresses something else may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrangerPlan {
    pub input: String,
    pub format: VideoFormat,
    pub payload_type: u8,
    pub legs: Vec<Place>,
}

/// All there is to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub studies: Vec<StudyPlan>,
    pub pictures: Vec<PicturePlan>,
    pub strangers: Vec<StrangerPlan>,
}

impl Plan {
    /// What follows from the inventory. With `all`, everything is measured.
    pub fn new(
        inventory: &Inventory,
        wanted: &Wanted,
        all: bool,
        interfaces: &[Interface],
    ) -> Self {
        let places = |legs: &[Leg], direction| -> Vec<Place> {
            legs.iter().map(|leg| place(leg, direction, interfaces)).collect()
        };
        let study = |target: Target, streams: Vec<Declaration>| {
            let direction = target.direction();
            let levels = streams.into_iter().map(|stream| LevelPlan {
                level: stream.level,
                declared: stream.declared,
                legs: places(&stream.legs, direction),
            });
            StudyPlan { levels: levels.collect(), target }
        };
        let mut plan = Self::default();
        for input in &inventory.inputs {
            let id = &input.id;
            if all || wanted.inputs.contains(id) {
                plan.studies.push(study(Target::Input(id.clone()), input.streams()));
            }
            let (frozen_ms, black_ms) = input.rules();
            let legs = || places(input.legs(), Direction::Incoming);
            if frozen_ms.is_some() || black_ms.is_some() {
                let rules = PictureRules {
                    format: *input.video(),
                    payload_type: input.payload_type,
                    full_range: input.is_full_range(),
                    frozen_ms,
                    black_ms,
                };
                plan.pictures.push(PicturePlan { input: id.clone(), rules, legs: legs() });
            }
            if input.is_lost() {
                plan.strangers.push(StrangerPlan {
                    input: id.clone(),
                    format: *input.video(),
                    payload_type: input.payload_type,
                    legs: legs(),
                });
            }
        }
        for output in &inventory.outputs {
            if all || wanted.outputs.contains(&output.id) {
                let streams = inventory.output_streams(output);
                plan.studies.push(study(Target::Output(output.id.clone()), streams));
            }
        }
        plan
    }
}
