//! Files, capture devices and the screen: pictures that come when they come.
//!
//! The newest picture is sent with each frame; one that comes too early is left out, one
//! that is late makes the last be sent again. After a second without a new one nothing is
//! sent: an old picture would look alive.

use std::path::{Path, PathBuf};

use gstreamer::{self as gst, prelude::*};
use ormatrix_io::{Clock, SystemClock};

use super::{
    Frame, Input, Layout, MediaError, Pictures,
    convert::{Pull, element_error},
    require,
};

/// How long a picture may be repeated, in nanoseconds.
const STALE_NS: u64 = 1_000_000_000;

/// Pictures from a pipeline.
pub struct Live {
    pull: Pull,
    layout: Layout,
    marked: bool,
    repeat: bool,
    current: Option<Current>,
    taken_at: u64,
}

enum Current {
    Writable(gst::MappedBuffer<gst::buffer::Writable>),
    Readable(gst::MappedBuffer<gst::buffer::Readable>),
    Packed(Vec<u8>),
}

impl Live {
    /// Builds and starts the pipeline; `marked` pictures will be drawn into.
    pub fn start(input: &Input, layout: Layout, marked: bool) -> Result<Self, MediaError> {
        let (head, element) = match input {
            Input::File(path) => {
                let uri = gst::glib::filename_to_uri(existing(path)?, None).map_err(|error| {
                    MediaError::Open { path: path.clone(), reason: error.to_string() }
                })?;
                let head =
                    format!("uridecodebin uri=\"{uri}\" caps=video/x-raw expose-all-streams=false");
                (head, "uridecodebin")
            }
            Input::V4l2(path) => {
                let path = existing(path)?;
                (format!("v4l2src device=\"{}\"", path.display()), "v4l2src")
            }
            Input::Decklink(number) => {
                (format!("decklinkvideosrc device-number={number}"), "decklinkvideosrc")
            }
            Input::Screen => ("ximagesrc use-damage=false".to_owned(), "ximagesrc"),
            Input::Pattern(pattern) => {
                (format!("videotestsrc is-live=true pattern={pattern}"), "videotestsrc")
            }
        };
        require(&[element, "videoconvertscale", "videorate", "appsink"])?;
        let pull = Pull::new(
            &format!(
                "{head} ! videoconvertscale ! videorate ! \
                 appsink name=out sync=true max-buffers=2 drop=true"
            ),
            &layout.caps(true)?,
        )?;
        pull.play()?;
        let repeat = matches!(input, Input::File(_));
        Ok(Self { pull, layout, marked, repeat, current: None, taken_at: 0 })
    }

    /// Looks after the pipeline: errors, and the end of a file.
    fn attend(&self) -> Result<(), MediaError> {
        let Some(bus) = self.pull.pipeline().bus() else { return Ok(()) };
        while let Some(message) =
            bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Eos])
        {
            match message.view() {
                gst::MessageView::Error(error) => return Err(element_error(error)),
                gst::MessageView::Eos(_) if self.repeat => {
                    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
                    self.pull.pipeline().seek_simple(flags, gst::ClockTime::ZERO).map_err(
                        |_| MediaError::Element {
                            element: "uridecodebin".to_owned(),
                            message: "the file cannot be played from its start again".to_owned(),
                            hint: String::new(),
                        },
                    )?;
                }
                _ => {
                    return Err(MediaError::Element {
                        element: self.pull.pipeline().name().to_string(),
                        message: "the device has ended its stream".to_owned(),
                        hint: String::new(),
                    });
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, sample: gst::Sample) -> Result<(), MediaError> {
        let needed = self.layout.raster().buffer_octets();
        let Some(buffer) = sample.buffer_owned() else { return Ok(()) };
        // The buffer is ours alone only when its sample is gone.
        drop(sample);
        if buffer.size() < needed && self.layout.is_direct() {
            return Err(MediaError::short(buffer.size(), needed));
        }
        let unmapped = |_| MediaError::short(0, needed);
        self.current = Some(if !self.layout.is_direct() {
            let mut packed = match self.current.take() {
                Some(Current::Packed(packed)) => packed,
                _ => Vec::new(),
            };
            self.layout.pack(&buffer, &mut packed)?;
            Current::Packed(packed)
        } else if self.marked {
            let buffer = if buffer.is_writable() { buffer } else { deep_copy(&buffer, needed)? };
            Current::Writable(buffer.into_mapped_buffer_writable().map_err(unmapped)?)
        } else {
            Current::Readable(buffer.into_mapped_buffer_readable().map_err(unmapped)?)
        });
        Ok(())
    }
}

impl Pictures for Live {
    fn stride(&self) -> usize {
        self.layout.raster().stride()
    }

    fn next(&mut self) -> Result<Option<Frame<'_>>, MediaError> {
        self.attend()?;
        let now = SystemClock.now();
        if let Some(sample) = self.pull.sink().try_pull_sample(gst::ClockTime::ZERO) {
            self.take(sample)?;
            self.taken_at = now;
        } else if now.saturating_sub(self.taken_at) > STALE_NS {
            self.current = None;
        }
        Ok(match &mut self.current {
            None => None,
            Some(Current::Writable(map)) => Some(Frame::Editable(map.as_mut_slice())),
            Some(Current::Readable(map)) => Some(Frame::Fixed(map.as_slice())),
            Some(Current::Packed(packed)) => {
                Some(if self.marked { Frame::Editable(packed) } else { Frame::Fixed(packed) })
            }
        })
    }
}

/// For the rare buffer that somebody else keeps too.
fn deep_copy(buffer: &gst::Buffer, needed: usize) -> Result<gst::Buffer, MediaError> {
    buffer.copy_deep().map_err(|_| MediaError::short(0, needed))
}

/// The path made absolute, or an error that it is not there.
fn existing(path: &Path) -> Result<PathBuf, MediaError> {
    path.canonicalize()
        .map_err(|error| MediaError::Open { path: path.to_owned(), reason: error.to_string() })
}
