//! Small 8-bit stills from packed frames.
//!
//! Reads one line in `n` and averages `n` pixels along it: a still of a 1080p frame at a
//! quarter of its width touches a quarter of its octets. The lines between are left out, not
//! averaged, and with an even `n` interlaced video gives its first field only, without comb.

use super::{RowSamplesMut, plane_size, unpack_row};
use crate::{
    format::Sampling,
    rfc4175::{Raster, samples::SamplesError},
};

/// Makes stills of one format, `1/n` in width and height.
///
/// Keeps the samples of one row between calls, so that nothing is allocated a frame.
#[derive(Clone, Debug)]
pub struct Decimator {
    raster: Raster,
    by: usize,
    width: usize,
    height: usize,
    first: Vec<u16>,
    first_below: Vec<u16>,
    second: Vec<u16>,
    third: Vec<u16>,
}

impl Decimator {
    /// Stills of `1/by` of the raster in both directions, rounded down to even sizes.
    pub fn new(raster: &Raster, by: usize) -> Result<Self, DecimateError> {
        let (full_width, full_height) = plane_size(raster, 0);
        let divide = |size: usize| size.checked_div(by).map_or(0, |size| size / 2 * 2);
        let (width, height) = (divide(full_width), divide(full_height));
        if width == 0 || height == 0 {
            return Err(DecimateError { width: full_width, height: full_height, by });
        }
        let below = if raster.format().sampling == Sampling::YCbCr420 { full_width } else { 0 };
        let (chroma, _) = plane_size(raster, 1);
        Ok(Self {
            raster: *raster,
            by,
            width,
            height,
            first: vec![0; full_width],
            first_below: vec![0; below],
            second: vec![0; chroma],
            third: vec![0; chroma],
        })
    }

    /// Pixels in a line of the still; even.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Lines of the still; even.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Octets of a still in UYVY, without padding.
    pub const fn uyvy_octets(&self) -> usize {
        self.width * self.height * 2
    }

    /// Octets of a still in I420, the three planes behind each other, without padding.
    pub const fn i420_octets(&self) -> usize {
        self.width * self.height * 3 / 2
    }

    /// Writes a still of a packed frame as UYVY (`Cb Y Cr Y`, 8 bit).
    ///
    /// R'G'B' is taken as full range and turned into BT.709 Y'CbCr of narrow range.
    pub fn uyvy(&mut self, frame: &[u8], out: &mut [u8]) -> Result<(), SamplesError> {
        let needed = self.uyvy_octets();
        let octets = out.len();
        let Some(out) = out.get_mut(..needed) else {
            return Err(SamplesError::FrameShort { octets, needed });
        };
        for (line, out) in out.chunks_exact_mut(self.width * 2).enumerate() {
            self.line(frame, line, |pair, [cb, first, cr, second]| {
                if let Some(out) = out.get_mut(pair * 4..pair * 4 + 4) {
                    out.copy_from_slice(&[cb, first, cr, second]);
                }
            })?;
        }
        Ok(())
    }

    /// Writes a still of a packed frame as I420 (planes Y, Cb, Cr, 8 bit). Chroma is that of
    /// the even lines. R'G'B' is converted as in [`Decimator::uyvy`].
    pub fn i420(&mut self, frame: &[u8], out: &mut [u8]) -> Result<(), SamplesError> {
        let needed = self.i420_octets();
        let octets = out.len();
        let Some(out) = out.get_mut(..needed) else {
            return Err(SamplesError::FrameShort { octets, needed });
        };
        let (luma, chroma) = out.split_at_mut(self.width * self.height);
        let (blue, red) = chroma.split_at_mut(self.width * self.height / 4);
        let half = self.width / 2;
        for (line, luma) in luma.chunks_exact_mut(self.width).enumerate() {
            let row = line / 2 * half;
            let (blue, red) = (&mut blue[row..][..half], &mut red[row..][..half]);
            self.line(frame, line, |pair, [cb, first, cr, second]| {
                luma[pair * 2] = first;
                luma[pair * 2 + 1] = second;
                if line % 2 == 0 {
                    blue[pair] = cb;
                    red[pair] = cr;
                }
            })?;
        }
        Ok(())
    }

    /// Gives `each` the pairs of pixels of a line of the still, as `Cb Y Cr Y`.
    #[inline]
    fn line(
        &mut self,
        frame: &[u8],
        line: usize,
        mut each: impl FnMut(usize, [u8; 4]),
    ) -> Result<(), SamplesError> {
        let (row, below) = self.raster.row_of(line * self.by);
        let start = row * self.raster.stride();
        let Some(octets) = frame.get(start..start + self.raster.row_octets()) else {
            let needed = self.raster.buffer_octets();
            return Err(SamplesError::FrameShort { octets: frame.len(), needed });
        };
        let mut out = RowSamplesMut {
            first: &mut self.first[..],
            first_below: &mut self.first_below,
            second: &mut self.second,
            third: &mut self.third,
        };
        unpack_row(&self.raster, octets, &mut out)?;
        let first = if below == 1 { &self.first_below } else { &self.first };
        let format = self.raster.format();
        let shift = u32::from(format.depth.bits() - 8);
        let by = self.by;
        let box_of = |samples: &[u16]| average(samples, shift);
        let pairs = first.chunks_exact(2 * by).enumerate();
        match format.sampling {
            Sampling::YCbCr422 | Sampling::YCbCr420 => {
                let chroma = self.second.chunks_exact(by).zip(self.third.chunks_exact(by));
                for ((pair, luma), (cb, cr)) in pairs.zip(chroma) {
                    let (left, right) = luma.split_at(by);
                    each(pair, [box_of(cb), box_of(left), box_of(cr), box_of(right)]);
                }
            }
            Sampling::YCbCr444 => {
                let chroma = self.second.chunks_exact(2 * by).zip(self.third.chunks_exact(2 * by));
                for ((pair, luma), (cb, cr)) in pairs.zip(chroma) {
                    let (left, right) = luma.split_at(by);
                    each(pair, [box_of(cb), box_of(left), box_of(cr), box_of(right)]);
                }
            }
            Sampling::Rgb => {
                let others = self.second.chunks_exact(2 * by).zip(self.third.chunks_exact(2 * by));
                for ((pair, red), (green, blue)) in pairs.zip(others) {
                    let (r, g, b) = (red.split_at(by), green.split_at(by), blue.split_at(by));
                    let left = ycbcr([box_of(r.0), box_of(g.0), box_of(b.0)]);
                    let right = ycbcr([box_of(r.1), box_of(g.1), box_of(b.1)]);
                    each(
                        pair,
                        [left[1].midpoint(right[1]), left[0], left[2].midpoint(right[2]), right[0]],
                    );
                }
            }
        }
        Ok(())
    }
}

/// The mean of some samples, as 8 bits.
#[inline]
fn average(samples: &[u16], shift: u32) -> u8 {
    let sum: u32 = samples.iter().map(|sample| u32::from(*sample)).sum();
    ((sum / samples.len().max(1) as u32) >> shift) as u8
}

/// Full-range R'G'B' as narrow-range Y'CbCr by BT.709, in 8.8 fixed point.
#[inline]
fn ycbcr(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    [
        (16 + ((47 * r + 157 * g + 16 * b + 128) >> 8)) as u8,
        (128 + ((-26 * r - 86 * g + 112 * b + 128) >> 8)) as u8,
        (128 + ((112 * r - 102 * g - 10 * b + 128) >> 8)) as u8,
    ]
}

/// A still that would have no pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a still of 1/{by} of {width}x{height} would be empty: divide by less, and not by 0")]
pub struct DecimateError {
    /// Pixels in a line of the raster.
    pub width: usize,
    /// Lines of the raster.
    pub height: usize,
    /// What was to be divided by.
    pub by: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::{Depth, Scan},
        rfc4175::samples::{pack, tests::raster},
    };

    /// A frame whose every component has one value, given at 8 bits.
    fn flat(raster: &Raster, values: [u16; 3]) -> Vec<u8> {
        let shift = raster.format().depth.bits() - 8;
        let planes = [0, 1, 2].map(|component| {
            let (width, height) = plane_size(raster, component);
            vec![values[component] << shift; width * height]
        });
        let mut frame = vec![0; raster.buffer_octets()];
        pack(raster, planes.each_ref().map(Vec::as_slice), &mut frame).unwrap();
        frame
    }

    #[test]
    fn a_flat_frame_stays_flat_in_every_format() {
        for sampling in Sampling::ALL {
            for (depth, scan) in
                Depth::ALL.iter().flat_map(|depth| Scan::ALL.iter().map(move |scan| (depth, scan)))
            {
                let raster = raster(24, 16, *sampling, *depth, *scan);
                let rgb = *sampling == Sampling::Rgb;
                let frame = flat(&raster, if rgb { [255, 0, 0] } else { [100, 20, 200] });
                // Pure red is (63, 102, 240) in 8-bit BT.709.
                let [y, cb, cr] = if rgb { [63, 102, 240] } else { [100, 20, 200] };
                let mut stills = Decimator::new(&raster, 3).unwrap();
                assert_eq!((stills.width(), stills.height()), (8, 4));
                let mut uyvy = vec![0; stills.uyvy_octets()];
                stills.uyvy(&frame, &mut uyvy).unwrap();
                assert!(
                    uyvy.chunks(4).all(|pair| pair == [cb, y, cr, y]),
                    "{}: {uyvy:?}",
                    raster.format()
                );
                let mut i420 = vec![0; stills.i420_octets()];
                stills.i420(&frame, &mut i420).unwrap();
                assert!(i420[..32].iter().all(|sample| *sample == y));
                assert!(i420[32..40].iter().all(|sample| *sample == cb));
                assert!(i420[40..].iter().all(|sample| *sample == cr));
            }
        }
    }

    #[test]
    fn pixels_are_averaged_along_every_nth_line() {
        let raster = raster(4, 4, Sampling::YCbCr422, Depth::D8, Scan::Progressive);
        let mut frame = [0; 32];
        frame[..8].copy_from_slice(&[10, 1, 20, 3, 30, 5, 40, 7]);
        frame[16..24].copy_from_slice(&[50, 100, 60, 102, 70, 104, 80, 106]);
        let mut stills = Decimator::new(&raster, 2).unwrap();
        let mut out = [0; 8];
        stills.uyvy(&frame, &mut out).unwrap();
        assert_eq!(out, [20, 2, 30, 6, 60, 101, 70, 105]);
        let mut out = [0; 6];
        stills.i420(&frame, &mut out).unwrap();
        assert_eq!(out, [2, 6, 101, 105, 20, 30]);
    }

    #[test]
    fn empty_stills_and_short_buffers_are_refused() {
        let raster = raster(4, 4, Sampling::YCbCr422, Depth::D8, Scan::Progressive);
        for by in [0, 3, usize::MAX] {
            assert_eq!(
                Decimator::new(&raster, by).unwrap_err(),
                DecimateError { width: 4, height: 4, by }
            );
        }
        let mut stills = Decimator::new(&raster, 1).unwrap();
        assert!(stills.uyvy(&[0; 32], &mut [0; 31]).is_err());
        assert!(stills.i420(&[0; 31], &mut [0; 24]).is_err());
    }
}
