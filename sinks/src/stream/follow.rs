//! A stream to receive, and how its description is kept up to date.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use serde_json::json;
use st2110::{format::VideoFormat, leg::Leg};

use super::{
    Control, ControlError, Description, DescriptionError, StreamArguments,
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
    /// The matrix.
    #[error("cannot register the output: {0}")]
    Control(#[from] ControlError),
}

/// What to receive: where, and as far as it is known, what.
#[derive(Debug)]
pub struct Stream {
    legs: Vec<Leg>,
    fresh: Option<Description>,
    updates: Option<Receiver<Description>>,
    label: Option<String>,
}

impl Stream {
    /// Finds out what the arguments ask for; registers if they ask for that.
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
            (Some(place), _) => read_sdp(place)?,
            (None, Some(named)) => named,
            (None, None) => return Err(StreamError::Nothing),
        };
        let legs = match arguments.leg() {
            Some(leg) => vec![leg],
            None if description.legs.is_empty() => return Err(StreamError::NoAddress),
            None => restricted(description.legs.clone(), arguments),
        };
        let label = arguments.label.clone().or_else(|| description.name.clone());
        Ok(Self { legs, fresh: Some(description), updates: None, label })
    }

    /// A stream of a known format at one leg.
    pub fn of(format: VideoFormat, leg: Leg) -> Self {
        let fresh = Some(Description::of_format(format));
        Self { legs: vec![leg], fresh, updates: None, label: None }
    }

    /// Where to listen.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
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
        Ok(Self { legs: vec![leg], fresh: named, updates, label })
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
