//! Sound from `GStreamer`: of a file, of a sound card, of what elements make it.
//!
//! Whatever comes is brought to the stream's sampling rate and channels, made gapless, and
//! handed over as 32-bit samples with the moment of the pipeline's clock that it belongs to.
//! That clock is the host's monotonic one in every pipeline with sound, not a sound card's:
//! `GStreamer` then follows the card, and no moment drifts against the picture's.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, OnceLock},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use tracing::warn;

use super::{
    MediaError, Moment,
    convert::{Pull, element_error},
    live::existing,
    require,
};
use crate::audio::feed::Blocks;

/// From decoded sound to the tap. Nothing waits for the clock: who pulls knows the time.
const CHAIN: &str = "audioconvert dithering=none noise-shaping=none ! audioresample ! audiorate ! \
                     appsink name=sound sync=false max-buffers=256";

/// A device that sound is captured from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// An ALSA device by its name (`hw:1,0`), or the default one.
    Alsa(Option<String>),
    /// A `PulseAudio` (`PipeWire`) source by its name, or the default one.
    Pulse(Option<String>),
    /// The sound of a Blackmagic `DeckLink` input, by number.
    Decklink(u32),
    /// `GStreamer` elements that make sound.
    Elements(String),
}

impl FromStr for Device {
    type Err = NoDevice;

    /// `alsa`, `alsa:hw:1,0`, `pulse`, `pulse:NAME`, `decklink:0`, `gst:ELEMENTS`.
    fn from_str(text: &str) -> Result<Self, NoDevice> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let name = (!rest.is_empty()).then(|| rest.to_owned());
        // Names go into a pipeline's description.
        let plain =
            |text: &str| !text.contains(['"', '\\', '!']) && !text.contains(char::is_control);
        match (kind, name) {
            ("alsa", name) if name.as_deref().is_none_or(plain) => Ok(Self::Alsa(name)),
            ("pulse", name) if name.as_deref().is_none_or(plain) => Ok(Self::Pulse(name)),
            ("decklink", Some(number)) => {
                number.parse().map(Self::Decklink).map_err(|_| NoDevice(text.to_owned()))
            }
            ("gst", Some(elements)) => Ok(Self::Elements(elements)),
            _ => Err(NoDevice(text.to_owned())),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alsa(None) => f.write_str("alsa"),
            Self::Alsa(Some(name)) => write!(f, "alsa:{name}"),
            Self::Pulse(None) => f.write_str("pulse"),
            Self::Pulse(Some(name)) => write!(f, "pulse:{name}"),
            Self::Decklink(number) => write!(f, "decklink:{number}"),
            Self::Elements(elements) => write!(f, "gst:{elements}"),
        }
    }
}

/// Text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no sound device: write alsa, alsa:hw:1,0, pulse, pulse:NAME, decklink:0 or \
     gst:ELEMENTS"
)]
pub struct NoDevice(String);

impl Device {
    /// The elements that capture from it; those that are needed are there.
    pub(super) fn head(&self) -> Result<String, MediaError> {
        let named = |element: &str, property: &str, name: &Option<String>| {
            name.as_ref().map_or_else(
                || element.to_owned(),
                |name| format!("{element} {property}=\"{name}\""),
            )
        };
        let (element, head) = match self {
            Self::Alsa(name) => ("alsasrc", named("alsasrc", "device", name)),
            Self::Pulse(name) => ("pulsesrc", named("pulsesrc", "device", name)),
            Self::Decklink(number) => {
                ("decklinkaudiosrc", format!("decklinkaudiosrc device-number={number}"))
            }
            Self::Elements(elements) => ("audioconvert", elements.clone()),
        };
        require(&[element])?;
        Ok(head)
    }
}

/// Channels and sampling rate that sound is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels.
    pub channels: u8,
    /// Samples a second and channel.
    pub rate_hz: u32,
}

impl Shape {
    /// What to ask for: up to two channels are mixed to as `GStreamer` mixes them; to more
    /// nothing is mixed, each keeps its place.
    fn caps(self) -> gst::Caps {
        let most = i32::from(self.channels);
        let builder = gst::Caps::builder("audio/x-raw")
            .field("format", "S32LE")
            .field("layout", "interleaved")
            .field("rate", self.rate_hz as i32);
        if most > 2 {
            builder.field("channels", gst::IntRange::new(1, most)).build()
        } else {
            builder.field("channels", most).build()
        }
    }

    /// Puts samples of `found` channels into the first of those there are.
    fn spread(self, samples: impl Iterator<Item = i32>, found: usize) -> Vec<i32> {
        let channels = usize::from(self.channels);
        if found == channels {
            return samples.collect();
        }
        let mut out = Vec::new();
        for (at, sample) in samples.enumerate() {
            let channel = at % found.max(1);
            if channel == 0 {
                out.resize(out.len().next_multiple_of(channels.max(1)), 0);
            }
            if channel < channels {
                out.push(sample);
            }
        }
        out.resize(out.len().next_multiple_of(channels.max(1)), 0);
        out
    }
}

/// Samples that follow each other, and the moment of the first.
#[derive(Clone, Debug)]
pub struct Block {
    /// When, and in which run of the pipeline.
    pub moment: Moment,
    /// Interleaved, left-aligned.
    pub samples: Vec<i32>,
}

/// Where the sound of a pipeline can be drawn from, once there is some.
#[derive(Clone, Debug)]
pub struct Tap {
    sink: Arc<OnceLock<gst_app::AppSink>>,
    shape: Shape,
    live: bool,
}

impl Tap {
    /// A tap for sound that is still to come. `live` sound comes as time passes.
    pub fn new(shape: Shape, live: bool) -> Self {
        Self { sink: Arc::default(), shape, live }
    }

    /// Whether sound comes as time passes, rather than as fast as it is drawn.
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// What a pipeline's description ends with: sound of `head` through the tap.
    pub(super) fn branch(head: &str) -> String {
        format!("{head} ! {CHAIN}")
    }

    /// Draws from the branch that stands in a pipeline.
    pub(super) fn connect(&self, bin: &gst::Bin) -> bool {
        let sink = bin.by_name("sound").and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
        let Some(sink) = sink else { return false };
        sink.set_caps(Some(&self.shape.caps()));
        self.sink.set(sink).is_ok()
    }

    /// Puts a branch behind the first pad of a decoder that gives sound.
    pub(super) fn await_pad(&self, pipeline: &gst::Pipeline, decoder: &gst::Element) {
        let (tap, pipeline) = (self.clone(), pipeline.downgrade());
        let sink = Arc::clone(&self.sink);
        decoder.connect_no_more_pads(move |_| {
            if sink.get().is_none() {
                warn!("the file has no sound: silence is sent");
            }
        });
        decoder.connect_pad_added(move |_, pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let is_sound = caps.structure(0).is_some_and(|caps| caps.name().starts_with("audio/"));
            let Some(pipeline) = pipeline.upgrade().filter(|_| is_sound) else { return };
            if tap.sink.get().is_none()
                && let Err(reason) = tap.put_behind(&pipeline, pad)
            {
                warn!("the file's sound cannot be had: {reason}");
            }
        });
    }

    fn put_behind(&self, pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<(), String> {
        let bin = gst::parse::bin_from_description(&format!("queue ! {CHAIN}"), true)
            .map_err(|error| error.to_string())?;
        let target = bin.static_pad("sink").ok_or("the branch has no pad")?;
        if !self.connect(&bin) {
            return Err("the branch has no appsink".to_owned());
        }
        pipeline.add(&bin).map_err(|error| error.to_string())?;
        pad.link(&target).map_err(|error| error.to_string())?;
        bin.sync_state_with_parent().map_err(|error| error.to_string())
    }

    /// The next samples, if there are any now.
    pub fn pull(&self) -> Option<Block> {
        let sink = self.sink.get()?;
        loop {
            let base = sink.base_time()?;
            let sample = sink.try_pull_sample(gst::ClockTime::ZERO)?;
            // A file that begins again between these two: whose samples these are is unclear.
            if sink.base_time() != Some(base) {
                continue;
            }
            if let Some(block) = block(&sample, base, self.shape) {
                return Some(block);
            }
        }
    }

    /// Whether all has been drawn and nothing will come.
    fn is_drained(&self) -> bool {
        self.sink.get().is_some_and(gst_app::AppSink::is_eos)
    }
}

fn block(sample: &gst::Sample, base: gst::ClockTime, shape: Shape) -> Option<Block> {
    let buffer = sample.buffer()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let running = segment.to_running_time(buffer.pts()?)?;
    let found = sample.caps()?.structure(0)?.get::<i32>("channels").ok()?;
    let map = buffer.map_readable().ok()?;
    let samples = map.as_slice().as_chunks::<4>().0.iter();
    let samples = samples.map(|octets| i32::from_le_bytes(*octets));
    let samples = shape.spread(samples, usize::try_from(found).ok()?);
    let moment = Moment { base_ns: base.nseconds(), at_ns: (base + running).nseconds() };
    Some(Block { moment, samples })
}

/// Makes a pipeline follow the host's monotonic clock, as `ormatrix_io::Clock::now` does.
pub(super) fn follow_host(pipeline: &gst::Pipeline) {
    pipeline.use_clock(Some(&gst::SystemClock::obtain()));
}

/// Sound of a pipeline of its own, beside pictures from elsewhere.
pub struct OwnSound {
    pull: Pull,
    tap: Tap,
    repeat: bool,
}

impl OwnSound {
    /// Sound of a file, over and over.
    pub fn file(path: &Path, shape: Shape) -> Result<Self, MediaError> {
        require(&["uridecodebin", "audioconvert", "audioresample", "audiorate", "appsink"])?;
        let uri = file_uri(path)?;
        let head = format!("uridecodebin uri=\"{uri}\" caps=audio/x-raw expose-all-streams=false");
        Self::start(&head, Tap::new(shape, false), true)
    }

    /// Sound of a device.
    pub fn device(device: &Device, shape: Shape) -> Result<Self, MediaError> {
        require(&["audioconvert", "audioresample", "audiorate", "appsink"])?;
        Self::start(&device.head()?, Tap::new(shape, true), false)
    }

    fn start(head: &str, tap: Tap, repeat: bool) -> Result<Self, MediaError> {
        let pull = Pull::named(&Tap::branch(head), "sound", &tap.shape.caps())?;
        follow_host(pull.pipeline());
        if !tap.connect(pull.pipeline().upcast_ref()) {
            return Err(pull.fault());
        }
        pull.play()?;
        Ok(Self { pull, tap, repeat })
    }
}

impl Blocks for OwnSound {
    fn pull(&mut self) -> Option<Block> {
        self.tap.pull()
    }

    fn is_live(&self) -> bool {
        self.tap.is_live()
    }

    fn attend(&mut self) -> Result<(), MediaError> {
        let Some(bus) = self.pull.pipeline().bus() else { return Ok(()) };
        while let Some(message) = bus.pop_filtered(&[gst::MessageType::Error]) {
            if let gst::MessageView::Error(error) = message.view() {
                return Err(element_error(error));
            }
        }
        if !self.tap.is_drained() {
            return Ok(());
        }
        let ended = |message: &str| MediaError::Element {
            element: self.pull.pipeline().name().to_string(),
            message: message.to_owned(),
            hint: String::new(),
        };
        if !self.repeat {
            return Err(ended("the sound device has ended its stream"));
        }
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
        self.pull
            .pipeline()
            .seek_simple(flags, gst::ClockTime::ZERO)
            .map_err(|_| ended("the file cannot be played from its start again"))
    }
}

/// A file's URI, or an error that it is not there.
pub(super) fn file_uri(path: &Path) -> Result<String, MediaError> {
    let absolute: PathBuf = existing(path)?;
    gst::glib::filename_to_uri(absolute, None)
        .map(|uri| uri.to_string())
        .map_err(|error| MediaError::Open { path: path.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_keep_their_place() {
        let shape = Shape { channels: 3, rate_hz: 48_000 };
        assert_eq!(shape.spread(1..=4, 2), [1, 2, 0, 3, 4, 0]);
        assert_eq!(shape.spread(1..=6, 3), [1, 2, 3, 4, 5, 6]);
        assert_eq!(shape.spread(1..=2, 1), [1, 0, 0, 2, 0, 0]);
        assert_eq!(shape.spread(1..=8, 4), [1, 2, 3, 5, 6, 7]);
        assert!(shape.spread(std::iter::empty(), 0).is_empty());
    }

    #[test]
    fn devices_read_and_write() {
        for text in ["alsa", "alsa:hw:1,0", "pulse", "pulse:mic", "decklink:3", "gst:a ! b"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        for text in ["", "alsa:\"", "pulse:a ! b", "decklink", "decklink:x", "gst", "jack:1"] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
    }
}
