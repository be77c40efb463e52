//! Frames as GStreamer knows them.
//!
//! Where the packed frame of the wire is a format of GStreamer's (`UYVY`, `UYVP`, `IYU2`,
//! `RGB`), packets are placed straight into the buffer that is then shown. Other formats
//! are placed into a packed frame and unpacked into planes once the frame is whole.

mod encode;
mod memory;
mod receiver;

pub use encode::{Encoder, Encoding};
pub use memory::{FrameMemory, PictureFormat};
pub use receiver::{PictureReceiver, Received};

/// Why a picture cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The format is no raster.
    #[error("this format cannot be received: {0}")]
    Raster(#[from] st2110::rfc4175::RasterError),
    /// GStreamer refused.
    #[error("GStreamer: {what}: {reason}")]
    GStreamer {
        /// What was tried.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// The samples do not fit their planes.
    #[error("cannot unpack a frame: {0}")]
    Samples(#[from] st2110::rfc4175::samples::SamplesError),
    /// The network.
    #[error(transparent)]
    Input(#[from] crate::receive::InputError),
}

/// Turns an error of GStreamer's into ours.
pub(crate) fn refused<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> PictureError {
    move |error| PictureError::GStreamer { what, reason: error.to_string() }
}

/// Starts GStreamer; may be called more than once.
pub fn start() -> Result<(), PictureError> {
    gstreamer::init().map_err(refused("cannot start"))
}
