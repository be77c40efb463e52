//! From `GStreamer`'s pixel formats to packed frames.

use gstreamer as gst;
use gstreamer_video::{self as gst_video, prelude::*};
use st2110::{
    format::{Depth, Sampling, VideoFormat},
    rfc4175::{
        Raster,
        samples::{RowSamples, pack_row, plane_size},
    },
};

use super::MediaError;

/// Which pixel format to ask `GStreamer` for, and what has to be done with it.
#[derive(Clone, Debug)]
pub struct Layout {
    raster: Raster,
    info: gst_video::VideoInfo,
    /// Whether its buffers are packed frames already.
    direct: bool,
}

impl Layout {
    /// The pixel format that comes closest to a wire format.
    pub fn new(format: &VideoFormat) -> Result<Self, MediaError> {
        use gst_video::VideoFormat as Pixels;

        super::require(&[])?;
        let (pixels, direct) = match (format.sampling, format.depth) {
            (Sampling::YCbCr422, Depth::D8) => (Pixels::Uyvy, true),
            (Sampling::YCbCr422, Depth::D10) => (Pixels::Uyvp, true),
            (Sampling::YCbCr444, Depth::D8) => (Pixels::Iyu2, true),
            (Sampling::Rgb, Depth::D8) => (Pixels::Rgb, true),
            (Sampling::YCbCr422, Depth::D12) => (Pixels::I42212le, false),
            (Sampling::YCbCr420, Depth::D8) => (Pixels::I420, false),
            (Sampling::YCbCr420, Depth::D10) => (Pixels::I42010le, false),
            (Sampling::YCbCr420, Depth::D12) => (Pixels::I42012le, false),
            (Sampling::YCbCr444, Depth::D10) => (Pixels::Y44410le, false),
            (Sampling::YCbCr444, Depth::D12) => (Pixels::Y44412le, false),
            (Sampling::Rgb, Depth::D10) => (Pixels::Gbr10le, false),
            (Sampling::Rgb, Depth::D12) => (Pixels::Gbr12le, false),
        };
        let (width, height) = (u32::from(format.width), u32::from(format.height));
        let ratio = format.rate.ratio();
        let mut builder = gst_video::VideoInfo::builder(pixels, width, height)
            .fps(gst::Fraction::new(*ratio.numer() as i32, *ratio.denom() as i32))
            .par(gst::Fraction::new(1, 1));
        let bt709 = gst_video::VideoColorimetry::new(
            gst_video::VideoColorRange::Range16_235,
            gst_video::VideoColorMatrix::Bt709,
            gst_video::VideoTransferFunction::Bt709,
            gst_video::VideoColorPrimaries::Bt709,
        );
        // RGB stays as GStreamer has it: full range.
        if format.sampling != Sampling::Rgb {
            builder = builder.colorimetry(&bt709);
        }
        let info = builder.build().map_err(|error| MediaError::Pipeline {
            pipeline: format.to_string(),
            reason: error.to_string(),
        })?;
        let raster = Raster::new(format)?;
        let stride = usize::try_from(info.stride()[0]).unwrap_or_default();
        let raster = if direct { raster.with_stride(stride)? } else { raster };
        Ok(Self { raster, info, direct })
    }

    /// The packed frame.
    pub const fn raster(&self) -> &Raster {
        &self.raster
    }

    /// Whether buffers can be sent as they are.
    pub const fn is_direct(&self) -> bool {
        self.direct
    }

    /// Caps to ask for. Without a rate where the pictures have no clock of their own.
    pub fn caps(&self, with_rate: bool) -> Result<gst::Caps, MediaError> {
        let mut caps = self.info.to_caps().map_err(|error| MediaError::Pipeline {
            pipeline: format!("{:?}", self.info),
            reason: error.to_string(),
        })?;
        if let Some(structure) = caps.make_mut().structure_mut(0) {
            // Interlaced devices keep their fields; others give both from one moment.
            structure.remove_fields(["interlace-mode", "chroma-site", "multiview-mode"]);
            if !with_rate {
                structure.remove_field("framerate");
            }
        }
        Ok(caps)
    }

    /// Packs a buffer into `out`, which is resized to fit.
    pub fn pack(&self, buffer: &gst::BufferRef, out: &mut Vec<u8>) -> Result<(), MediaError> {
        out.resize(self.raster.buffer_octets(), 0);
        let octets = buffer.size();
        if self.direct {
            let needed = out.len();
            let map = buffer.map_readable().map_err(|_| MediaError::short(0, needed))?;
            let picture = map.get(..needed).ok_or(MediaError::short(octets, needed))?;
            out.copy_from_slice(picture);
            return Ok(());
        }
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &self.info)
            .map_err(|_| MediaError::short(octets, self.info.size()))?;
        let wide = self.raster.format().depth != Depth::D8;
        let [width, _]: [usize; 2] = plane_size(&self.raster, 0).into();
        let [chroma, _]: [usize; 2] = plane_size(&self.raster, 1).into();
        let lines = usize::from(self.raster.pgroup().lines);
        let mut rows = [vec![0; width], vec![0; width], vec![0; chroma], vec![0; chroma]];
        for (row, packed) in out.chunks_mut(self.raster.stride()).enumerate() {
            let [first, below, second, third] = &mut rows;
            let [upper, lower] = crate::overlay::lines_of(&self.raster, row);
            read_line(&frame, 0, upper, wide, first)?;
            if lines == 2 {
                read_line(&frame, 0, lower, wide, below)?;
            }
            read_line(&frame, 1, row, wide, second)?;
            read_line(&frame, 2, row, wide, third)?;
            let first_below: &[u16] = if lines == 2 { below } else { &[] };
            let samples: RowSamples<'_, u16> = RowSamples { first, first_below, second, third };
            pack_row(&self.raster, &samples, packed)?;
        }
        Ok(())
    }
}

/// Copies one line of a component, of 8 or 16 bits a sample.
fn read_line(
    frame: &gst_video::VideoFrameRef<&gst::BufferRef>,
    component: u32,
    line: usize,
    wide: bool,
    out: &mut [u16],
) -> Result<(), MediaError> {
    let stride = usize::try_from(frame.comp_stride(component)).unwrap_or_default();
    let octets = out.len() * if wide { 2 } else { 1 };
    let data = frame.comp_data(component).map_err(|_| MediaError::short(0, octets))?;
    let start = line * stride;
    let line =
        data.get(start..start + octets).ok_or(MediaError::short(data.len(), start + octets))?;
    if wide {
        for (sample, octets) in out.iter_mut().zip(line.as_chunks::<2>().0) {
            *sample = u16::from_le_bytes(*octets);
        }
    } else {
        for (sample, octet) in out.iter_mut().zip(line) {
            *sample = u16::from(*octet);
        }
    }
    Ok(())
}
