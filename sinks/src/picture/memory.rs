//! Frame memory: GStreamer buffers from a pool, mapped for writing.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use st2110::{
    format::{Depth, Sampling, Scan, VideoFormat},
    rfc4175::{Raster, samples},
};

use super::{PictureError, refused};

/// Buffers allocated before the first frame.
const READY: u32 = 3;

/// Memory that one frame is assembled in.
pub enum FrameMemory {
    /// A GStreamer buffer whose layout is that of the wire.
    Shown(gst::MappedBuffer<gst::buffer::Writable>),
    /// A packed frame, to be unpacked.
    Packed(Vec<u8>),
}

impl AsMut<[u8]> for FrameMemory {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Shown(buffer) => buffer.as_mut_slice(),
            Self::Packed(octets) => octets,
        }
    }
}

/// A video format, its caps, and the buffers that hold its frames.
pub struct PictureFormat {
    raster: Raster,
    info: gst_video::VideoInfo,
    caps: gst::Caps,
    pool: gst::BufferPool,
    direct: bool,
    spare: Vec<Vec<u8>>,
    planes: Planes,
}

/// The planes of a frame that is unpacked.
enum Planes {
    Eight([Vec<u8>; 3]),
    More([Vec<u16>; 3]),
}

impl PictureFormat {
    /// For frames of this format; `colorimetry` as in caps (`bt709`), where it is known.
    pub fn new(format: &VideoFormat, colorimetry: Option<&str>) -> Result<Self, PictureError> {
        let raster = Raster::new(format)?;
        let (name, direct) = gstreamer_format(format);
        let rate = format.rate.ratio();
        let rate = gst::Fraction::new(*rate.numer() as i32, *rate.denom() as i32);
        let mut caps = gst::Caps::builder("video/x-raw")
            .field("format", name)
            .field("width", i32::from(format.width))
            .field("height", i32::from(format.height))
            .field("framerate", rate);
        if format.scan == Scan::Interlaced {
            caps =
                caps.field("interlace-mode", "interleaved").field("field-order", "top-field-first");
        }
        if let (Some(colorimetry), true) = (colorimetry, format.sampling != Sampling::Rgb) {
            caps = caps.field("colorimetry", colorimetry);
        }
        let caps = caps.build();
        let info = gst_video::VideoInfo::from_caps(&caps).map_err(refused("unknown format"))?;
        let raster = if direct { raster.with_stride(info.stride()[0] as usize)? } else { raster };
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(Some(&caps), info.size() as u32, READY, 0);
        pool.set_config(config).map_err(refused("cannot set up a buffer pool"))?;
        pool.set_active(true).map_err(refused("cannot allocate frames"))?;
        let size = |component| {
            let (width, height) = samples::plane_size(&raster, component);
            if direct { 0 } else { width * height }
        };
        let planes = if format.depth == Depth::D8 {
            Planes::Eight([0, 1, 2].map(|component| vec![0; size(component)]))
        } else {
            Planes::More([0, 1, 2].map(|component| vec![0; size(component)]))
        };
        Ok(Self { raster, info, caps, pool, direct, spare: Vec::new(), planes })
    }

    /// Where the octets of the wire belong in [`FrameMemory`].
    pub const fn raster(&self) -> &Raster {
        &self.raster
    }

    /// What the buffers hold.
    pub const fn caps(&self) -> &gst::Caps {
        &self.caps
    }

    /// Memory for a frame; `None` when GStreamer gives none.
    pub fn acquire(&mut self) -> Option<FrameMemory> {
        if !self.direct {
            let octets = self.raster.buffer_octets();
            return Some(FrameMemory::Packed(self.spare.pop().unwrap_or_else(|| vec![0; octets])));
        }
        let buffer = self.pool.acquire_buffer(None).ok()?;
        buffer.into_mapped_buffer_writable().ok().map(FrameMemory::Shown)
    }

    /// The buffer of a whole frame.
    pub fn buffer(&mut self, memory: FrameMemory) -> Result<gst::Buffer, PictureError> {
        let packed = match memory {
            FrameMemory::Shown(mapped) => return Ok(mapped.into_buffer()),
            FrameMemory::Packed(packed) => packed,
        };
        match &mut self.planes {
            Planes::Eight(planes) => {
                samples::unpack(&self.raster, &packed, planes.each_mut().map(Vec::as_mut_slice))?;
            }
            Planes::More(planes) => {
                samples::unpack(&self.raster, &packed, planes.each_mut().map(Vec::as_mut_slice))?;
            }
        }
        self.spare.push(packed);
        let mut buffer = self.pool.acquire_buffer(None).map_err(refused("no frame memory"))?;
        let rgb = self.raster.format().sampling == Sampling::Rgb;
        {
            let buffer = buffer.get_mut().ok_or_else(|| refused("frame memory is shared")(""))?;
            let mut map = buffer.map_writable().map_err(refused("cannot map a frame"))?;
            for component in 0..3 {
                // GStreamer orders planes G B R; the wire's components are R G B.
                let plane = if rgb { [2, 0, 1][component] } else { component };
                let (width, height) = samples::plane_size(&self.raster, component);
                let stride = self.info.stride()[plane] as usize;
                let rows = map.get_mut(self.info.offset()[plane]..).unwrap_or_default();
                let rows = rows.chunks_mut(stride).take(height);
                match &self.planes {
                    Planes::Eight(planes) => {
                        for (from, to) in planes[component].chunks_exact(width).zip(rows) {
                            to[..width].copy_from_slice(from);
                        }
                    }
                    Planes::More(planes) => {
                        for (from, to) in planes[component].chunks_exact(width).zip(rows) {
                            for (sample, octets) in from.iter().zip(to.chunks_exact_mut(2)) {
                                octets.copy_from_slice(&sample.to_le_bytes());
                            }
                        }
                    }
                }
            }
        }
        Ok(buffer)
    }
}

impl Drop for PictureFormat {
    fn drop(&mut self) {
        // Buffers still under way keep the pool until they come back.
        let _ = self.pool.set_active(false);
    }
}

/// GStreamer's name of a format, and whether its memory is that of the wire.
const fn gstreamer_format(format: &VideoFormat) -> (&'static str, bool) {
    match (format.sampling, format.depth) {
        (Sampling::YCbCr422, Depth::D8) => ("UYVY", true),
        (Sampling::YCbCr422, Depth::D10) => ("UYVP", true),
        (Sampling::YCbCr422, Depth::D12) => ("I422_12LE", false),
        (Sampling::YCbCr444, Depth::D8) => ("IYU2", true),
        (Sampling::YCbCr444, Depth::D10) => ("Y444_10LE", false),
        (Sampling::YCbCr444, Depth::D12) => ("Y444_12LE", false),
        (Sampling::YCbCr420, Depth::D8) => ("I420", false),
        (Sampling::YCbCr420, Depth::D10) => ("I420_10LE", false),
        (Sampling::YCbCr420, Depth::D12) => ("I420_12LE", false),
        (Sampling::Rgb, Depth::D8) => ("RGB", true),
        (Sampling::Rgb, Depth::D10) => ("GBR_10LE", false),
        (Sampling::Rgb, Depth::D12) => ("GBR_12LE", false),
    }
}

#[cfg(test)]
mod tests {
    use gstreamer_video::prelude::*;

    use super::*;

    #[test]
    fn every_format_arrives_in_the_planes_that_gstreamer_expects() {
        gst::init().unwrap();
        for (&sampling, &depth) in
            Sampling::ALL.iter().flat_map(|s| Depth::ALL.iter().map(move |d| (s, d)))
        {
            let json = format!(
                r#"{{"width":36,"height":8,"rate":"50","sampling":"{sampling}","depth":{depth}}}"#
            );
            let format: VideoFormat = serde_json::from_str(&json).unwrap();
            let mut picture = PictureFormat::new(&format, None).unwrap();
            let raster = *picture.raster();
            let most = (1_usize << depth.bits()) - 1;
            let planes = [0, 1, 2].map(|component| {
                let (width, height) = samples::plane_size(&raster, component);
                let sample = |at: usize| ((at * 37 + component * 71) & most) as u16;
                (0..width * height).map(sample).collect::<Vec<u16>>()
            });
            let mut memory = picture.acquire().unwrap();
            let frame = &mut memory.as_mut()[..raster.buffer_octets()];
            samples::pack(&raster, planes.each_ref().map(Vec::as_slice), frame).unwrap();
            let buffer = picture.buffer(memory).unwrap();
            let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &picture.info).unwrap();
            for (component, plane) in planes.iter().enumerate() {
                // GStreamer numbers components as it names them: Y Cb Cr or R G B.
                let (width, _) = samples::plane_size(&raster, component);
                let about = frame.format_info();
                let shift = about.shift()[component];
                for (at, &want) in plane.iter().enumerate() {
                    let (x, y) = (at % width, at / width);
                    if frame.format() == gst_video::VideoFormat::Uyvp {
                        // No components of whole octets: what is packed is what came.
                        continue;
                    }
                    let stride = frame.comp_stride(component as u32) as usize;
                    let step = frame.comp_pstride(component as u32) as usize;
                    let data = frame.comp_data(component as u32).unwrap();
                    let octets = &data[y * stride + x * step..];
                    let got = if depth == Depth::D8 {
                        u16::from(octets[0])
                    } else {
                        u16::from_le_bytes([octets[0], octets[1]]) >> shift
                    };
                    assert_eq!(got, want, "{sampling} {depth} component {component} at {x},{y}");
                }
            }
        }
    }
}
