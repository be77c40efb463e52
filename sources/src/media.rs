//! Pictures: made or decoded by `GStreamer`, handed over as packed frames.
//!
//! A packed frame holds the octets of the wire (see `st2110::rfc4175`). For 4:2:2 at 8 and
//! 10 bits, 4:4:4 and RGB at 8 bits `GStreamer` has a pixel format with these very octets,
//! and a captured buffer is sent as it is. Other formats are packed from planes, once a
//! new picture.

mod convert;
mod live;
mod missing;
mod packing;
mod ring;
pub mod sound;

use std::path::PathBuf;

use gstreamer as gst;

pub use convert::{save_png, scene_frame};
pub use live::{Live, WithSound};
pub use missing::require;
pub use packing::Layout;
pub use ring::Ring;

/// Where a source's pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A picture made by this program.
    Pattern(crate::pattern::Pattern),
    /// A file, played over and over.
    File(PathBuf),
    /// A Video4Linux capture device.
    V4l2(PathBuf),
    /// A Blackmagic `DeckLink` input, by number.
    Decklink(u32),
    /// This host's X11 screen.
    Screen,
}

impl Input {
    /// Whether a camera or another device makes the pictures.
    pub const fn is_capture(&self) -> bool {
        matches!(self, Self::V4l2(_) | Self::Decklink(_) | Self::Screen)
    }
}

/// A moment of a pipeline's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When the pipeline's present run began; a file that begins again has another.
    pub base_ns: u64,
    /// The moment itself, as `ormatrix_io::Clock::now` has it in pipelines with sound.
    pub at_ns: u64,
}

/// A packed frame ready to be sent.
#[derive(Debug)]
pub enum Frame<'a> {
    /// It may be drawn into.
    Editable(&'a mut [u8]),
    /// It belongs to the device that made it.
    Fixed(&'a [u8]),
}

/// Something that has a picture for every frame.
pub trait Pictures {
    /// Distance of rows in the frames it gives, in octets.
    fn stride(&self) -> usize;
    /// The picture for the frame that starts next, or `None` when there is none that may be
    /// shown: not yet, or no longer.
    fn next(&mut self) -> Result<Option<Frame<'_>>, MediaError>;
    /// Says when the frame starts that the next picture is for, in nanoseconds of TAI.
    fn announce(&mut self, _start_tai_ns: u64) {}
}

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// `GStreamer` itself cannot start.
    #[error("GStreamer cannot start: {0}")]
    Start(gst::glib::Error),
    /// An element is not installed.
    #[error("GStreamer has no element '{element}': install it with apt install {package}")]
    Missing {
        /// Its name.
        element: String,
        /// Debian's package.
        package: &'static str,
    },
    /// No such file or device.
    #[error("cannot open {}: {reason}", path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A pipeline that cannot be built.
    #[error("cannot build the pipeline '{pipeline}': {reason}")]
    Pipeline {
        /// Its description.
        pipeline: String,
        /// What `GStreamer` said.
        reason: String,
    },
    /// An element reported an error.
    #[error("{element}: {message}{hint}")]
    Element {
        /// Which.
        element: String,
        /// What it said.
        message: String,
        /// What may help; empty or with a leading blank.
        hint: String,
    },
    /// A picture that is not as negotiated.
    #[error("a picture of {octets} octets where {needed} are needed")]
    Short {
        /// Octets there.
        octets: usize,
        /// Octets needed.
        needed: usize,
    },
    /// Samples cannot be packed.
    #[error(transparent)]
    Samples(#[from] st2110::rfc4175::samples::SamplesError),
    /// The raster has no packed frame.
    #[error(transparent)]
    Raster(#[from] st2110::rfc4175::RasterError),
    /// No room for a single frame.
    #[error("one frame takes {frame_mib} MiB but memory_mib allows {memory_mib}: raise it")]
    Memory {
        /// A frame's size, rounded up.
        frame_mib: usize,
        /// The limit.
        memory_mib: usize,
    },
    /// The thread that draws pictures ended early.
    #[error("the pictures of pattern '{0}' could not be drawn")]
    Drawing(String),
}

impl MediaError {
    pub(crate) fn short(octets: usize, needed: usize) -> Self {
        Self::Short { octets, needed }
    }
}
