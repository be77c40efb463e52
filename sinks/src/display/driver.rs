//! Which way to the screen: Wayland, X11 or the kernel's own (KMS).

use std::{env, ffi::OsString, fs, str::FromStr};

use gstreamer as gst;
use gstreamer::prelude::*;

/// A way to the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// A window of a Wayland compositor.
    Wayland,
    /// A window of an X server.
    X11,
    /// A whole screen, without any window system.
    Kms,
    /// A window drawn by OpenGL, on Wayland or X11; only when asked for.
    Gl,
    /// No screen at all: frames are received, converted and dropped.
    None,
}

impl Driver {
    /// GStreamer's sinks for it, best first.
    const fn sinks(self) -> &'static [&'static str] {
        match self {
            Self::Wayland => &["waylandsink"],
            Self::X11 => &["xvimagesink", "ximagesink"],
            Self::Kms => &["kmssink"],
            Self::Gl => &["glimagesink"],
            Self::None => &["fakesink"],
        }
    }
}

impl FromStr for Driver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "wayland" => Self::Wayland,
            "x11" => Self::X11,
            "kms" => Self::Kms,
            "gl" => Self::Gl,
            "none" => Self::None,
            _ => return Err(format!("'{text}' is none of wayland, x11, kms, gl, none")),
        })
    }
}

/// What of screens this host has.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `WAYLAND_DISPLAY`.
    pub wayland: Option<OsString>,
    /// `DISPLAY`.
    pub x11: Option<OsString>,
    /// A card in `/dev/dri`.
    pub card: bool,
}

impl Surroundings {
    /// Looks at the environment and `/dev/dri`.
    pub fn look() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let card = fs::read_dir("/dev/dri").is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("card"))
        });
        Self { wayland: set("WAYLAND_DISPLAY"), x11: set("DISPLAY"), card }
    }

    /// What to try, in order.
    pub fn drivers(&self) -> Vec<Driver> {
        let all = [
            (self.wayland.is_some(), Driver::Wayland),
            (self.x11.is_some(), Driver::X11),
            (self.card, Driver::Kms),
        ];
        all.into_iter().filter(|&(there, _)| there).map(|(_, driver)| driver).collect()
    }
}

/// Why nothing can be shown.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DriverError {
    /// No screen.
    #[error(
        "no display found: neither WAYLAND_DISPLAY nor DISPLAY is set and /dev/dri has no card; \
         start this within a desktop, attach a screen, or use --driver none"
    )]
    NoDisplay,
    /// A screen, but no sink that works with it.
    #[error("no way to the display works: {0}")]
    NoneWorks(String),
}

/// The first sink that opens, ready to be put into a pipeline.
pub fn open(forced: Option<Driver>) -> Result<gst::Element, DriverError> {
    let drivers = forced.map_or_else(|| Surroundings::look().drivers(), |driver| vec![driver]);
    if drivers.is_empty() {
        return Err(DriverError::NoDisplay);
    }
    let mut refusals = Vec::new();
    for name in drivers.iter().flat_map(|driver| driver.sinks()) {
        match try_sink(name) {
            Ok(sink) => return Ok(sink),
            Err(why) => refusals.push(format!("{name}: {why}")),
        }
    }
    Err(DriverError::NoneWorks(refusals.join("; ")))
}

fn try_sink(name: &str) -> Result<gst::Element, String> {
    let sink = gst::ElementFactory::make(name)
        .property("sync", false)
        .build()
        .map_err(|_| "not installed".to_owned())?;
    // READY opens the device or the connection.
    let bus = gst::Bus::new();
    sink.set_bus(Some(&bus));
    let opened = sink.set_state(gst::State::Ready);
    sink.set_bus(None);
    if opened.is_ok() {
        return Ok(sink);
    }
    let message = bus.pop_filtered(&[gst::MessageType::Error]);
    let _ = sink.set_state(gst::State::Null);
    Err(match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => error.error().to_string(),
        _ => "cannot be opened".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_systems_come_before_the_bare_screen() {
        let mut there = Surroundings { wayland: None, x11: Some(":0".into()), card: true };
        assert_eq!(there.drivers(), [Driver::X11, Driver::Kms]);
        there.wayland = Some("wayland-0".into());
        assert_eq!(there.drivers(), [Driver::Wayland, Driver::X11, Driver::Kms]);
        assert_eq!(Surroundings::default().drivers(), []);
    }

    #[test]
    fn drivers_are_read_by_name() {
        assert_eq!("kms".parse(), Ok(Driver::Kms));
        assert!("vga".parse::<Driver>().unwrap_err().contains("wayland, x11, kms"));
    }
}
