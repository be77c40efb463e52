//! From a packed frame to a small JPEG.

use gstreamer as gst;
use st2110::rfc4175::{
    Raster,
    samples::{DecimateError, Decimator, SamplesError},
};

use crate::picture::{Encoder, Encoding, PictureError};

/// Why there is no still.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// The format leaves nothing.
    #[error(transparent)]
    Decimate(#[from] DecimateError),
    /// The frame does not fit the format.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// GStreamer.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// Makes stills of one format.
pub struct Shrinker {
    decimator: Decimator,
    encoder: Encoder,
    caps: gst::Caps,
}

impl Shrinker {
    /// Stills at least `width` wide where the picture is, less than twice that.
    pub fn new(raster: &Raster, width: u16, quality: u8) -> Result<Self, ShrinkError> {
        let by = usize::from((raster.format().width / width.max(1)).max(1));
        let decimator = Decimator::new(raster, by)?;
        let encoder = Encoder::new(Encoding::Jpeg(quality))?;
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "UYVY")
            .field("width", decimator.width() as i32)
            .field("height", decimator.height() as i32)
            .field("framerate", gst::Fraction::new(0, 1))
            .build();
        Ok(Self { decimator, encoder, caps })
    }

    /// The JPEG of a packed frame.
    pub fn jpeg(&mut self, frame: &[u8]) -> Result<Vec<u8>, ShrinkError> {
        // Widths are even, so rows of UYVY need no padding in GStreamer either.
        let mut small = vec![0; self.decimator.uyvy_octets()];
        self.decimator.uyvy(frame, &mut small)?;
        Ok(self.encoder.encode(gst::Buffer::from_mut_slice(small), &self.caps)?)
    }
}
