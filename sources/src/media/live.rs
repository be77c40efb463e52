//! Files, capture devices and the screen: pictures that come when they come.
//!
//! The newest picture is sent with each frame; one that comes too early is left out, one
//! that is late makes the last be sent again. After a second without a new one nothing is
//! sent: an old picture would look alive.

use std::path::{Path, PathBuf};

use gstreamer::{self as gst, prelude::*};
use ormatrix_io::{Clock, SystemClock};

use super::{
    Frame, Input, Layout, MediaError, Moment, Pictures,
    convert::{Pull, element_error},
    require,
    sound::{Device, Tap, file_uri, follow_host},
};
use crate::audio::feed::TimeLine;

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
    /// Where the sound learns when pictures are sent.
    line: Option<TimeLine>,
    /// When the frame starts that the next picture is for.
    start_tai_ns: u64,
}

/// Sound that shall come from the same pipeline as the pictures.
pub struct WithSound {
    /// Where it can be drawn from.
    pub tap: Tap,
    /// Where it learns when pictures are sent.
    pub line: TimeLine,
    /// What captures it; without, it is the file's own.
    pub device: Option<Device>,
}

enum Current {
    Writable(gst::MappedBuffer<gst::buffer::Writable>),
    Readable(gst::MappedBuffer<gst::buffer::Readable>),
    Packed(Vec<u8>),
}

impl Live {
    /// Builds and starts the pipeline; `marked` pictures will be drawn into.
    pub fn start(
        input: &Input,
        layout: Layout,
        marked: bool,
        sound: Option<&WithSound>,
    ) -> Result<Self, MediaError> {
        let own_sound = sound.is_some_and(|sound| sound.device.is_none());
        let (head, element) = match input {
            Input::File(path) => {
                let uri = file_uri(path)?;
                let kinds = if own_sound { "video/x-raw;audio/x-raw" } else { "video/x-raw" };
                let head = format!(
                    "uridecodebin name=media uri=\"{uri}\" caps=\"{kinds}\" \
                     expose-all-streams=false"
                );
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
        let mut description = format!(
            "{head} ! videoconvertscale ! videorate ! \
             appsink name=out sync=true max-buffers=2 drop=true"
        );
        if let Some(sound) = sound {
            require(&["audioconvert", "audioresample", "audiorate"])?;
            if let Some(device) = &sound.device {
                description = format!("{description}  {}", Tap::branch(&device.head()?));
            }
        }
        let pull = Pull::new(&description, &layout.caps(true)?)?;
        if let Some(sound) = sound {
            follow_host(pull.pipeline());
            let decoder = pull.pipeline().by_name("media").filter(|_| own_sound);
            let connected = match decoder {
                Some(decoder) => {
                    sound.tap.await_pad(pull.pipeline(), &decoder);
                    true
                }
                None => sound.tap.connect(pull.pipeline().upcast_ref()),
            };
            if !connected {
                return Err(pull.fault());
            }
        }
        pull.play()?;
        let repeat = matches!(input, Input::File(_));
        let line = sound.map(|sound| sound.line.clone());
        Ok(Self { pull, layout, marked, repeat, current: None, taken_at: 0, line, start_tai_ns: 0 })
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

    /// When a picture's turn is, by the pipeline's clock.
    fn moment_of(&self, sample: &gst::SampleRef) -> Option<Moment> {
        let base = self.pull.sink().base_time()?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let running = segment.to_running_time(sample.buffer()?.pts()?)?;
        Some(Moment { base_ns: base.nseconds(), at_ns: (base + running).nseconds() })
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
            if let (Some(line), Some(moment)) = (&self.line, self.moment_of(&sample)) {
                line.picture(moment, self.start_tai_ns);
            }
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

    fn announce(&mut self, start_tai_ns: u64) {
        self.start_tai_ns = start_tai_ns;
    }
}

/// For the rare buffer that somebody else keeps too.
fn deep_copy(buffer: &gst::Buffer, needed: usize) -> Result<gst::Buffer, MediaError> {
    buffer.copy_deep().map_err(|_| MediaError::short(0, needed))
}

/// The path made absolute, or an error that it is not there.
pub(super) fn existing(path: &Path) -> Result<PathBuf, MediaError> {
    path.canonicalize()
        .map_err(|error| MediaError::Open { path: path.to_owned(), reason: error.to_string() })
}
