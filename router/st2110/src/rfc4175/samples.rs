//! Between pixel groups and samples: planes, single luma samples, small stills.
//!
//! A pixel group is a run of cells, most significant bit first and without gaps: `Cb Y Cr Y`
//! for 4:2:2, `Y00 Y01 Y10 Y11 Cb Cr` for 4:2:0, `Cb Y Cr` for 4:4:4, `R G B` (RFC 4175
//! §4.3, ST 2110-20 §6.2). Planes are numbered as the components are named: Y, Cb, Cr or R,
//! G, B; each is one slice, line after line of the whole frame, without padding.
//!
//! Rows are taken twelve samples at a time, a whole number of cells of every sampling and
//! of octets at every depth, through fixed-size arrays that need no checks inside.

mod cells;
mod decimate;

pub use decimate::{DecimateError, Decimator};

use super::Raster;
use crate::format::{Depth, Sampling};

/// A sample as planes hold it: `u8` for 8-bit video, `u16` for any.
pub trait Sample: Copy + Default + sealed::Sealed {
    /// Whether samples of this depth fit.
    fn holds(depth: Depth) -> bool;
    /// From a value that fits.
    fn from_wire(value: u16) -> Self;
    /// As a value for the wire.
    fn to_wire(self) -> u16;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
}

impl Sample for u8 {
    fn holds(depth: Depth) -> bool {
        depth == Depth::D8
    }

    #[inline]
    fn from_wire(value: u16) -> Self {
        value as Self
    }

    #[inline]
    fn to_wire(self) -> u16 {
        u16::from(self)
    }
}

impl Sample for u16 {
    fn holds(_: Depth) -> bool {
        true
    }

    #[inline]
    fn from_wire(value: u16) -> Self {
        value
    }

    #[inline]
    fn to_wire(self) -> u16 {
        self
    }
}

/// The samples of one row of pixel groups, to be packed.
#[derive(Clone, Copy, Debug)]
pub struct RowSamples<'a, T> {
    /// Y or R of the row's line, one for each pixel.
    pub first: &'a [T],
    /// Y of the line below in the same field: for 4:2:0 only, otherwise empty.
    pub first_below: &'a [T],
    /// Cb or G: one for each pixel, or each second where chroma is subsampled.
    pub second: &'a [T],
    /// Cr or B, likewise.
    pub third: &'a [T],
}

/// The same to be unpacked into.
#[derive(Debug)]
pub struct RowSamplesMut<'a, T> {
    /// Y or R of the row's line, one for each pixel.
    pub first: &'a mut [T],
    /// Y of the line below in the same field: for 4:2:0 only, otherwise empty.
    pub first_below: &'a mut [T],
    /// Cb or G: one for each pixel, or each second where chroma is subsampled.
    pub second: &'a mut [T],
    /// Cr or B, likewise.
    pub third: &'a mut [T],
}

/// Width and height of a component's plane: 0 is Y or R, 1 Cb or G, 2 Cr or B.
pub fn plane_size(raster: &Raster, component: usize) -> (usize, usize) {
    let format = raster.format();
    let (width, height) = (usize::from(format.width), usize::from(format.height));
    match (component, format.sampling) {
        (0, _) | (_, Sampling::YCbCr444 | Sampling::Rgb) => (width, height),
        (_, Sampling::YCbCr422) => (width / 2, height),
        (_, Sampling::YCbCr420) => (width / 2, height / 2),
    }
}

/// Unpacks one row of pixel groups.
pub fn unpack_row<T: Sample>(
    raster: &Raster,
    row: &[u8],
    out: &mut RowSamplesMut<'_, T>,
) -> Result<(), SamplesError> {
    let lengths = [out.first.len(), out.first_below.len(), out.second.len(), out.third.len()];
    check_row::<T>(raster, row.len(), lengths)?;
    cells::unpack(raster.format(), &row[..raster.row_octets()], out);
    Ok(())
}

/// Packs one row of pixel groups. Bits of a sample above the depth are dropped.
pub fn pack_row<T: Sample>(
    raster: &Raster,
    samples: &RowSamples<'_, T>,
    row: &mut [u8],
) -> Result<(), SamplesError> {
    let RowSamples { first, first_below, second, third } = samples;
    let lengths = [first.len(), first_below.len(), second.len(), third.len()];
    check_row::<T>(raster, row.len(), lengths)?;
    cells::pack(raster.format(), samples, &mut row[..raster.row_octets()]);
    Ok(())
}

/// Unpacks a packed frame into its three planes.
pub fn unpack<T: Sample>(
    raster: &Raster,
    frame: &[u8],
    planes: [&mut [T]; 3],
) -> Result<(), SamplesError> {
    check_frame(raster, frame.len(), planes.each_ref().map(|plane| plane.len()))?;
    let [first, second, third] = planes;
    let ([width, _], [chroma, _]) = (plane_size(raster, 0).into(), plane_size(raster, 1).into());
    for (index, row) in frame.chunks(raster.stride()).take(raster.rows()).enumerate() {
        let (upper, lower) = if raster.pgroup().lines == 2 {
            let (upper, lower) = first.split_at_mut(raster.line_of(index, 1) * width);
            (&mut upper[raster.line_of(index, 0) * width..][..width], &mut lower[..width])
        } else {
            first[index * width..][..width].split_at_mut(width)
        };
        let mut out = RowSamplesMut {
            first: upper,
            first_below: lower,
            second: &mut second[index * chroma..][..chroma],
            third: &mut third[index * chroma..][..chroma],
        };
        unpack_row(raster, row, &mut out)?;
    }
    Ok(())
}

/// Packs three planes into a packed frame; padding between its rows stays as it is.
pub fn pack<T: Sample>(
    raster: &Raster,
    planes: [&[T]; 3],
    frame: &mut [u8],
) -> Result<(), SamplesError> {
    check_frame(raster, frame.len(), planes.map(<[T]>::len))?;
    let [first, second, third] = planes;
    let ([width, _], [chroma, _]) = (plane_size(raster, 0).into(), plane_size(raster, 1).into());
    for (index, row) in frame.chunks_mut(raster.stride()).take(raster.rows()).enumerate() {
        let line = |below| &first[raster.line_of(index, below) * width..][..width];
        let samples = RowSamples {
            first: line(0),
            first_below: if raster.pgroup().lines == 2 { line(1) } else { &[] },
            second: &second[index * chroma..][..chroma],
            third: &third[index * chroma..][..chroma],
        };
        pack_row(raster, &samples, row)?;
    }
    Ok(())
}

/// The upper 8 bits of a pixel's luma, straight from a packed frame; of green for RGB.
/// `None` outside the raster or the buffer.
///
/// A few shifts and one or two loads: good for reading a strip of cells, not for a picture.
#[inline]
pub fn luma8_at(raster: &Raster, frame: &[u8], x: usize, y: usize) -> Option<u8> {
    let format = raster.format();
    if x >= usize::from(format.width) || y >= usize::from(format.height) {
        return None;
    }
    let (row, below) = raster.row_of(y);
    let sample = match format.sampling {
        Sampling::YCbCr422 => x * 2 + 1,
        Sampling::YCbCr420 => x / 2 * 6 + below * 2 + x % 2,
        Sampling::YCbCr444 | Sampling::Rgb => x * 3 + 1,
    };
    let bit = sample * usize::from(format.depth.bits());
    let at = row * raster.stride() + bit / 8;
    let high = *frame.get(at)?;
    if format.depth == Depth::D8 {
        return Some(high);
    }
    // A sample of 10 or 12 bits always reaches into a second octet.
    let both = u16::from_be_bytes([high, *frame.get(at + 1)?]);
    Some((both << (bit % 8) >> 8) as u8)
}

/// Checks the lengths of a row and of its samples: Y, Y below, Cb, Cr.
fn check_row<T: Sample>(
    raster: &Raster,
    row: usize,
    samples: [usize; 4],
) -> Result<(), SamplesError> {
    let format = raster.format();
    if !T::holds(format.depth) {
        return Err(SamplesError::Depth { depth: format.depth });
    }
    let (width, chroma) = (plane_size(raster, 0).0, plane_size(raster, 1).0);
    let below = if format.sampling == Sampling::YCbCr420 { width } else { 0 };
    let needed = [width, below, chroma, chroma];
    for (component, (samples, needed)) in
        [0, 0, 1, 2].into_iter().zip(samples.into_iter().zip(needed))
    {
        if samples != needed {
            return Err(SamplesError::PlaneLength { component, samples, needed });
        }
    }
    if row < raster.row_octets() {
        return Err(SamplesError::FrameShort { octets: row, needed: raster.row_octets() });
    }
    Ok(())
}

/// Checks the lengths of a frame buffer and of its planes.
fn check_frame(raster: &Raster, frame: usize, planes: [usize; 3]) -> Result<(), SamplesError> {
    for (component, samples) in planes.into_iter().enumerate() {
        let (width, height) = plane_size(raster, component);
        if samples != width * height {
            return Err(SamplesError::PlaneLength { component, samples, needed: width * height });
        }
    }
    if frame < raster.buffer_octets() {
        return Err(SamplesError::FrameShort { octets: frame, needed: raster.buffer_octets() });
    }
    Ok(())
}

/// Buffers that do not fit the raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamplesError {
    /// 8-bit samples for deeper video.
    #[error("samples of {depth} bits do not fit u8: use u16")]
    Depth {
        /// The depth of the format.
        depth: Depth,
    },
    /// A plane, or one row of it, of another length.
    #[error("component {component} has {samples} samples where the raster has {needed}")]
    PlaneLength {
        /// 0 for Y or R, 1 for Cb or G, 2 for Cr or B.
        component: usize,
        /// Samples given.
        samples: usize,
        /// Samples of the raster.
        needed: usize,
    },
    /// A packed frame, or one row of it, that is too short.
    #[error("a packed buffer of {octets} octets where the raster needs {needed}")]
    FrameShort {
        /// Octets given.
        octets: usize,
        /// Octets of the raster.
        needed: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Packing, Rate, Scan, VideoFormat};

    pub(super) fn raster(
        width: u16,
        height: u16,
        sampling: Sampling,
        depth: Depth,
        scan: Scan,
    ) -> Raster {
        let rate = Rate::new(25, 1).unwrap();
        let packing = Packing::Gpm;
        Raster::new(&VideoFormat { width, height, rate, sampling, depth, scan, packing }).unwrap()
    }

    /// One row by hand: planes and the octets they make.
    fn agrees(raster: &Raster, planes: [&[u16]; 3], octets: &[u8]) {
        let mut frame = vec![0; octets.len()];
        pack(raster, planes, &mut frame).unwrap();
        assert_eq!(frame, octets, "{}", raster.format());
        let mut back = planes.map(|plane| vec![0; plane.len()]);
        unpack(raster, &frame, back.each_mut().map(Vec::as_mut_slice)).unwrap();
        assert_eq!(back.each_ref().map(Vec::as_slice), planes, "{}", raster.format());
    }

    #[test]
    fn pixel_groups_by_hand() {
        let p = Scan::Progressive;
        agrees(
            &raster(2, 1, Sampling::YCbCr422, Depth::D8, p),
            [&[2, 4], &[1], &[3]],
            &[1, 2, 3, 4],
        );
        // Cb 0x3ff, Y 0x000, Cr 0x2aa, Y 0x155: 1111111111 0000000000 1010101010 0101010101
        agrees(
            &raster(2, 1, Sampling::YCbCr422, Depth::D10, p),
            [&[0, 0x155], &[0x3ff], &[0x2aa]],
            &[0xff, 0xc0, 0x0a, 0xa9, 0x55],
        );
        agrees(
            &raster(2, 1, Sampling::YCbCr422, Depth::D12, p),
            [&[0x456, 0xabc], &[0x123], &[0x789]],
            &[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc],
        );
        agrees(
            &raster(2, 2, Sampling::YCbCr420, Depth::D8, p),
            [&[1, 2, 3, 4], &[5], &[6]],
            &[1, 2, 3, 4, 5, 6],
        );
        agrees(
            &raster(2, 2, Sampling::YCbCr420, Depth::D12, p),
            [&[0x123, 0x456, 0x789, 0xabc], &[0xdef], &[0x012]],
            &[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x12],
        );
        agrees(&raster(1, 1, Sampling::YCbCr444, Depth::D8, p), [&[2], &[1], &[3]], &[1, 2, 3]);
        agrees(&raster(1, 1, Sampling::Rgb, Depth::D8, p), [&[1], &[2], &[3]], &[1, 2, 3]);
        agrees(
            &raster(2, 1, Sampling::Rgb, Depth::D12, p),
            [&[0x123, 0xabc], &[0x456, 0xdef], &[0x789, 0x012]],
            &[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x12],
        );
        // 12 samples, alternately all ones and zeros: 1111111111 0000000000 …
        agrees(
            &raster(4, 1, Sampling::Rgb, Depth::D10, p),
            [&[0x3ff, 0, 0x3ff, 0], &[0, 0x3ff, 0, 0x3ff], &[0x3ff, 0, 0x3ff, 0]],
            &[0xff, 0xc0, 0x0f, 0xfc, 0, 0xff, 0xc0, 0x0f, 0xfc, 0, 0xff, 0xc0, 0x0f, 0xfc, 0],
        );
        agrees(
            &raster(4, 2, Sampling::YCbCr420, Depth::D10, p),
            [&[0x3ff, 0, 0x3ff, 0, 0x3ff, 0, 0x3ff, 0], &[0x3ff, 0x3ff], &[0, 0]],
            &[0xff, 0xc0, 0x0f, 0xfc, 0, 0xff, 0xc0, 0x0f, 0xfc, 0, 0xff, 0xc0, 0x0f, 0xfc, 0],
        );
    }

    #[test]
    fn interlaced_pairs_are_lines_of_one_field() {
        // Field lines 0 and 1 of the first field are frame lines 0 and 2.
        agrees(
            &raster(2, 4, Sampling::YCbCr420, Depth::D8, Scan::Interlaced),
            [&[1, 2, 11, 12, 3, 4, 13, 14], &[5, 15], &[6, 16]],
            &[1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16],
        );
    }

    #[test]
    fn padding_is_neither_read_nor_written() {
        let raster = raster(1, 2, Sampling::Rgb, Depth::D8, Scan::Progressive);
        let raster = raster.with_stride(4).unwrap();
        let mut frame = [9; 7];
        pack::<u8>(&raster, [&[1, 4], &[2, 5], &[3, 6]], &mut frame).unwrap();
        assert_eq!(frame, [1, 2, 3, 9, 4, 5, 6]);
        let (mut r, mut g, mut b) = ([0_u8; 2], [0; 2], [0; 2]);
        unpack(&raster, &frame, [&mut r, &mut g, &mut b]).unwrap();
        assert_eq!((r, g, b), ([1, 4], [2, 5], [3, 6]));
        assert_eq!(
            unpack(&raster, &frame[..6], [&mut r, &mut g, &mut b]),
            Err(SamplesError::FrameShort { octets: 6, needed: 7 })
        );
        assert_eq!(
            unpack(&raster, &frame, [&mut r, &mut g[..1], &mut b]),
            Err(SamplesError::PlaneLength { component: 1, samples: 1, needed: 2 })
        );
    }

    #[test]
    fn eight_bit_planes_refuse_deeper_video() {
        let raster = raster(2, 1, Sampling::YCbCr422, Depth::D10, Scan::Progressive);
        assert_eq!(
            pack::<u8>(&raster, [&[0; 2], &[0], &[0]], &mut [0; 5]),
            Err(SamplesError::Depth { depth: Depth::D10 })
        );
    }

    #[test]
    fn single_luma_samples_are_those_of_the_planes() {
        for sampling in Sampling::ALL {
            for depth in Depth::ALL {
                for scan in Scan::ALL {
                    let raster = raster(8, 8, *sampling, *depth, *scan);
                    let frame: Vec<u8> =
                        (0..raster.frame_octets()).map(|at| (at * 151 % 256) as u8).collect();
                    let mut planes = [0, 1, 2].map(|component| {
                        let (width, height) = plane_size(&raster, component);
                        vec![0_u16; width * height]
                    });
                    unpack(&raster, &frame, planes.each_mut().map(Vec::as_mut_slice)).unwrap();
                    let plane = &planes[usize::from(*sampling == Sampling::Rgb)];
                    for (at, sample) in plane.iter().enumerate() {
                        let expected = (sample >> (depth.bits() - 8)) as u8;
                        assert_eq!(
                            luma8_at(&raster, &frame, at % 8, at / 8),
                            Some(expected),
                            "{} at {at}",
                            raster.format()
                        );
                    }
                    assert_eq!(luma8_at(&raster, &frame, 8, 0), None);
                    assert_eq!(luma8_at(&raster, &frame, 0, 8), None);
                    assert_eq!(luma8_at(&raster, &[], 0, 0), None);
                }
            }
        }
    }
}
