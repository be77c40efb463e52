//! A stream to receive, and how its description is kept up to date.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use serde_json::json;
use st2110::{format::VideoFormat, leg::Leg, level::Level, sdp::SessionDescription};

use super::{
    Beside, Control, ControlError, Description, DescriptionError, StreamArguments,
    description::read_sdp,
    events,
    format_name::{self, FormatNameError},
};

/// How often the SDP of an output is read without any event.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Attempts to register while the matrix does not answer, one a second.
const ATTEMPTS: u32 = 10;

/// Why it is not known what to receive.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Nothing names a stream.
    #[error(
        "what shall be received? Give --sdp, or --format with --at, or --register with --id and --at"
    )]
    Nothing,
    /// A format but no address.
    #[error("where shall it be received? Give --at ADDR:PORT beside --format")]
    NoAddress,
    /// The SDP.
    #[error(transparent)]
    Sdp(#[from] DescriptionError),
    /// The name of the format.
    #[error(transparent)]
    Format(#[from] FormatNameError),
    /// A level that is asked for is not described.
    #[error("no {0} is described: leave it out of --levels, or give an SDP that has it")]
    NoLevel(Level),
    /// The matrix.
    #[error("cannot register the output: {0}")]
    Control(#[from] ControlError),
}

/// What to receive: where, and as far as it is known, what.
#[derive(Debug, Default)]
pub struct Stream {
    legs: Vec<Leg>,
    fresh: Option<Description>,
    updates: Option<Receiver<Description>>,
    label: Option<String>,
    beside: Beside,
}

impl Stream {
    /// Finds out what the arguments ask for; registers if they ask for that. Of a session of
    /// several levels this is the video.
    pub fn resolve(arguments: &StreamArguments) -> Result<Self, StreamError> {
        let named = match &arguments.format {
            None => None,
            Some(name) => {
                let sampling = arguments.sampling.unwrap_or(st2110::format::Sampling::YCbCr422);
                let depth = arguments.depth.unwrap_or(st2110::format::Depth::D10);
                let format = format_name::parse(name, sampling, depth)?;
                Some(Description::of_format(format))
            }
        };
        if arguments.register.is_some() {
            return Self::register(arguments, named);
        }
        let description = match (&arguments.sdp, named) {
            (Some(place), _) => Description::parse(&read_sdp(place)?)?,
            (None, Some(named)) => named,
            (None, None) => return Err(StreamError::Nothing),
        };
        let legs = match arguments.leg() {
            Some(leg) => vec![leg],
            None if description.legs.is_empty() => return Err(StreamError::NoAddress),
            None => restricted(description.legs.clone(), arguments),
        };
        let label = arguments.label.clone().or_else(|| description.name.clone());
        Ok(Self { label, ..Self::of_description(legs, description) })
    }

    /// The same with the streams beside the video, at the levels that are wanted: all that
    /// the SDP has, if none is named. Without SDP there is video only. `--at` is then where
    /// the first of the streams arrives.
    pub fn resolve_levels(
        arguments: &StreamArguments,
        wanted: &[Level],
    ) -> Result<Self, StreamError> {
        let is_wanted = |level| wanted.is_empty() || wanted.contains(&level);
        let video_only = wanted == [Level::Video];
        let Some(place) = arguments.sdp.as_ref().filter(|_| !video_only) else {
            let missing = wanted.iter().find(|level| **level != Level::Video);
            return missing.map_or_else(
                || Self::resolve(arguments),
                |missing| Err(StreamError::NoLevel(*missing)),
            );
        };
        let text = read_sdp(place)?;
        let (session, _) =
            SessionDescription::parse_tolerant(&text).map_err(DescriptionError::from)?;
        let mut beside = Beside::of(&session, is_wanted);
        let mut stream = if session.video().is_some() && is_wanted(Level::Video) {
            let description = Description::parse(&text)?;
            Self::of_description(description.legs.clone(), description)
        } else {
            Self::default()
        };
        for level in wanted {
            let there = match level {
                Level::Video => stream.fresh.is_some(),
                Level::Audio => !beside.audio.is_empty(),
                Level::Ancillary => !beside.ancillary.is_empty(),
            };
            if !there {
                return Err(StreamError::NoLevel(*level));
            }
        }
        let video = stream.fresh.is_some().then_some(&mut stream.legs);
        let mut given = arguments.leg();
        for legs in video.into_iter().chain(beside.legs_mut()) {
            *legs = match given.take() {
                Some(leg) => vec![leg],
                None => restricted(std::mem::take(legs), arguments),
            };
            if legs.is_empty() {
                return Err(StreamError::NoAddress);
            }
        }
        let label = arguments.label.clone().or(Some(session.name));
        Ok(Self { label, beside, ..stream })
    }

    /// A stream of a known format at one leg.
    pub fn of(format: VideoFormat, leg: Leg) -> Self {
        Self::of_description(vec![leg], Description::of_format(format))
    }

    /// No video, but these.
    pub fn of_beside(beside: Beside) -> Self {
        Self { beside, ..Self::default() }
    }

    /// The same video with streams beside it.
    #[must_use]
    pub fn with_beside(self, beside: Beside) -> Self {
        Self { beside, ..self }
    }

    fn of_description(legs: Vec<Leg>, description: Description) -> Self {
        Self { legs, fresh: Some(description), ..Self::default() }
    }

    /// Where to listen for the video; nowhere, if there is none.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The description that has not been taken yet.
    pub const fn described(&self) -> Option<&Description> {
        self.fresh.as_ref()
    }

    /// The streams beside the video, if they were asked for.
    pub const fn beside(&self) -> &Beside {
        &self.beside
    }

    /// The output's label, or the SDP's session name.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The newest description if it has not been taken yet. Never waits.
    pub fn update(&mut self) -> Option<Description> {
        let newest = self.updates.as_ref().and_then(|updates| updates.try_iter().last());
        let fresh = self.fresh.take();
        newest.or(fresh)
    }

    fn register(
        arguments: &StreamArguments,
        named: Option<Description>,
    ) -> Result<Self, StreamError> {
        let base = arguments.register.as_deref().unwrap_or_default();
        let control = Control::new(base)?;
        let id = arguments.id.as_deref().unwrap_or_default();
        let leg = arguments.leg().ok_or(StreamError::NoAddress)?;
        let mut body = json!({
            "label": arguments.label.as_deref().unwrap_or(id),
            "legs": [leg],
            "accepts": "any",
        });
        if let Some(zone) = &arguments.zone {
            body["zone"] = json!(zone);
        }
        let path = format!("/api/v1/outputs/{id}");
        for attempt in 1.. {
            match control.put_json(&path, &body) {
                Ok(()) => break,
                Err(ControlError::Unreachable { .. }) if attempt < ATTEMPTS => {
                    thread::sleep(Duration::from_secs(1));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let label = Some(arguments.label.clone().unwrap_or_else(|| id.to_owned()));
        let updates = if named.is_some() { None } else { Some(watch(control, id.to_owned())) };
        Ok(Self { legs: vec![leg], fresh: named, updates, label, beside: Beside::default() })
    }
}

/// Reads an output's SDP whenever a route changes, and sends it on when it has changed.
fn watch(control: Control, id: String) -> Receiver<Description> {
    let (sender, receiver) = sync_channel(4);
    let run = move || {
        let hints = events::follow(control.clone(), &["route", "inventory"]);
        let path = format!("/api/v1/outputs/{id}/sdp");
        let mut last = None;
        loop {
            // No SDP while nothing is routed: that is no news about the format.
            if let Ok(text) = control.text(&path)
                && let Ok(description) = Description::parse(&text)
                && last.as_ref() != Some(&description)
            {
                last = Some(description.clone());
                if sender.send(description).is_err() {
                    return;
                }
            }
            if hints.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Disconnected) {
                thread::sleep(LOOK_AGAIN);
            }
        }
    };
    // Without the thread nothing would ever be described: that shows as "no signal".
    let _ = thread::Builder::new().name("sdp".into()).spawn(run);
    receiver
}

fn restricted(legs: Vec<Leg>, arguments: &StreamArguments) -> Vec<Leg> {
    legs.into_iter()
        .map(|leg| Leg {
            source: arguments.source.or(leg.source),
            interface: arguments.interface.clone().or(leg.interface),
            ..leg
        })
        .collect()
}
