//! The pipeline that puts buffers on the screen.

use std::cell::Cell;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::driver::{self, Driver, DriverError};
use crate::picture::{PictureError, refused};

/// `appsrc ! videoconvertscale ! sink`, without a clock: what comes is shown at
/// once, and a frame that the next one catches up with is dropped.
pub struct Player {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    /// To be told to the window once it has a picture.
    title: Cell<Option<String>>,
}

/// Why a player does not play, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum PlayerError {
    /// No screen.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// GStreamer.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The window was closed, or the screen went away.
    #[error("the display has stopped: {0}")]
    Stopped(String),
}

impl Player {
    /// Opens the screen.
    pub fn open(
        driver: Option<Driver>,
        title: &str,
        fullscreen: bool,
    ) -> Result<Self, PlayerError> {
        let sink = driver::open(driver)?;
        if fullscreen && sink.has_property("fullscreen") {
            sink.set_property("fullscreen", true);
        }
        if sink.has_property("qos") {
            sink.set_property("qos", false);
        }
        let source = gst_app::AppSrc::builder()
            .is_live(true)
            .format(gst::Format::Time)
            .do_timestamp(true)
            .max_buffers(1)
            .leaky_type(gst_app::AppLeakyType::Downstream)
            .build();
        let make = |name| {
            gst::ElementFactory::make(name).build().map_err(refused("an element is missing"))
        };
        let convert = make("videoconvertscale")?;
        convert.set_property("n-threads", 2_u32);
        let pipeline = gst::Pipeline::new();
        let elements = [source.upcast_ref::<gst::Element>(), &convert, &sink];
        pipeline.add_many(elements).map_err(refused("cannot build the display"))?;
        gst::Element::link_many(elements).map_err(refused("cannot build the display"))?;
        pipeline.set_state(gst::State::Playing).map_err(refused("cannot start the display"))?;
        Ok(Self { pipeline, source, title: Cell::new(Some(title.to_owned())) })
    }

    /// Shows a picture.
    pub fn show(&self, buffer: gst::Buffer, caps: &gst::Caps) -> Result<(), PlayerError> {
        let sample = gst::Sample::builder().buffer(&buffer).caps(caps).build();
        drop(buffer);
        match self.source.push_sample(&sample) {
            Ok(_) => {
                if let Some(title) = self.title.take() {
                    self.name_window(&title);
                }
                Ok(())
            }
            Err(_) => Err(self
                .stopped()
                .unwrap_or_else(|| PlayerError::Stopped("it takes no more pictures".to_owned()))),
        }
    }

    /// Behind the first picture, because tags may not come before caps.
    fn name_window(&self, title: &str) {
        let mut tags = gst::TagList::new();
        tags.make_mut().add::<gst::tags::Title>(&title, gst::TagMergeMode::Replace);
        // Without a title the picture is as good.
        let _ = self.source.send_event(gst::event::Tag::new(tags));
    }

    /// Why it has stopped, if it has.
    pub fn stopped(&self) -> Option<PlayerError> {
        let bus = self.pipeline.bus()?;
        let ends = [gst::MessageType::Error, gst::MessageType::Eos];
        let message = bus.pop_filtered(&ends)?;
        Some(PlayerError::Stopped(match message.view() {
            gst::MessageView::Error(error) => error.error().to_string(),
            _ => "end of stream".to_owned(),
        }))
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
