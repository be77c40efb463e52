//! What is written into each frame: the identification strips and a line people can read.
//!
//! Letters are packed once into tiles of wire octets; a frame costs copies of a few rows
//! and tiles (about 1 MB at 1080p), nothing is converted and no whole frame touched.

mod text;

use ormatrix_strip::{BLACK, Edge, Layout, LayoutError, Mark, ROWS, WHITE, encode};
use st2110::{
    format::{Depth, Sampling, VideoFormat},
    rfc4175::{
        Raster, RasterError,
        samples::{RowSamples, SamplesError, pack_row, plane_size},
    },
};

use crate::canvas::Typeface;
use text::TextLine;

/// Lines from the top of the picture that strip and text take.
pub fn lines_above(format: &VideoFormat) -> Result<u32, OverlayError> {
    let layout = Layout::new(format.width.into(), format.height.into())?;
    let (top, height) = text::place(&layout);
    Ok(top + height)
}

/// Lines at the bottom of the picture that the strip takes.
pub fn lines_below(format: &VideoFormat) -> Result<u32, OverlayError> {
    Ok(Layout::new(format.width.into(), format.height.into())?.bottom().height)
}

/// Draws strips and text into packed frames of one raster.
#[derive(Debug)]
pub struct Overlay {
    raster: Raster,
    layout: Layout,
    text: TextLine,
    /// For each row of a strip: where it is, and which row of blocks each of its lines is in.
    rows: Vec<(usize, [u32; 2])>,
    /// Packed rows, by the rows of blocks they show.
    cache: Vec<([u32; 2], Vec<u8>)>,
    luma: [Vec<u16>; 2],
    neutral: Vec<u16>,
}

impl Overlay {
    /// Prepares the overlay of a source whose name stands in the text.
    pub fn new(raster: Raster, name: &str, face: &Typeface) -> Result<Self, OverlayError> {
        let format = raster.format();
        let layout = Layout::new(format.width.into(), format.height.into())?;
        let mut rows = Vec::new();
        for row in 0..raster.rows() {
            for edge in [Edge::Top, Edge::Bottom] {
                let strip = layout.strip(edge);
                let within = |line: usize| {
                    let line = line as u32;
                    (strip.y..strip.y + strip.height)
                        .contains(&line)
                        .then(|| (line - strip.y) / (strip.height / ROWS))
                };
                let lines = lines_of(&raster, row).map(within);
                if lines.iter().any(Option::is_some) {
                    // A row half outside the strip is black there.
                    rows.push((row, lines.map(|block| block.unwrap_or(ROWS))));
                }
            }
        }
        let width = usize::from(format.width);
        let mut kinds: Vec<[u32; 2]> = rows.iter().map(|(_, kind)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let cache = kinds.into_iter().map(|kind| (kind, vec![0; raster.row_octets()])).collect();
        Ok(Self {
            raster,
            layout,
            text: TextLine::new(&raster, &layout, name, face)?,
            rows,
            cache,
            luma: [vec![0; width], vec![0; width]],
            neutral: vec![level(format, 128); plane_size(&raster, 1).0],
        })
    }

    /// Writes mark and time into a packed frame. `unix_ms` is the frame's UTC time of day,
    /// shown as HH:MM:SS.mmm.
    pub fn draw(
        &mut self,
        frame: &mut [u8],
        mark: &Mark,
        unix_ms: u64,
    ) -> Result<(), SamplesError> {
        let bits = encode(mark);
        let format = *self.raster.format();
        let (black, white) = (level(&format, BLACK), level(&format, WHITE));
        for (kind, packed) in &mut self.cache {
            for (blocks, luma) in kind.iter().zip(&mut self.luma) {
                for column in 0..ormatrix_strip::COLUMNS {
                    let block = self.layout.block(Edge::Top, column, 0);
                    let value = if bits.get(column, *blocks) { white } else { black };
                    luma[block.x as usize..(block.x + block.width) as usize].fill(value);
                }
            }
            let samples = if format.sampling == Sampling::Rgb {
                let [grey, _] = &self.luma;
                RowSamples { first: &grey[..], first_below: &[], second: grey, third: grey }
            } else {
                let below: &[u16] = match format.sampling {
                    Sampling::YCbCr420 => &self.luma[1],
                    _ => &[],
                };
                let chroma = &self.neutral[..];
                RowSamples {
                    first: &self.luma[0],
                    first_below: below,
                    second: chroma,
                    third: chroma,
                }
            };
            pack_row(&self.raster, &samples, packed)?;
        }
        let (stride, octets) = (self.raster.stride(), self.raster.row_octets());
        for (row, kind) in &self.rows {
            let found = self.cache.iter().find(|(cached, _)| cached == kind);
            if let (Some((_, packed)), Some(place)) =
                (found, frame.get_mut(row * stride..row * stride + octets))
            {
                place.copy_from_slice(packed);
            }
        }
        self.text.draw(frame, unix_ms, mark.frame);
        Ok(())
    }
}

/// The lines of the frame that a packed row holds: the same twice but for 4:2:0.
pub(crate) fn lines_of(raster: &Raster, row: usize) -> [usize; 2] {
    let fields = usize::from(raster.fields());
    let (in_field, field) = (row / fields, row % fields);
    let lines = usize::from(raster.pgroup().lines);
    [0, lines - 1].map(|below| (in_field * lines + below) * fields + field)
}

/// An 8-bit level at the depth of a format.
fn level(format: &VideoFormat, value: u8) -> u16 {
    let shift = match format.depth {
        Depth::D8 => 0,
        Depth::D10 => 2,
        Depth::D12 => 4,
    };
    u16::from(value) << shift
}

/// Why a picture cannot carry the overlay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// No room.
    #[error("{0}; or send it without (--mark false)")]
    Layout(#[from] LayoutError),
    /// A letter's cell has no raster.
    #[error("no letters can be packed in this format: {0}")]
    Raster(#[from] RasterError),
    /// A letter does not pack.
    #[error("no letters can be packed in this format: {0}")]
    Samples(#[from] SamplesError),
}

#[cfg(test)]
mod tests {
    use ormatrix_strip::{decode, decode_edge};
    use st2110::{
        format::{Packing, Scan},
        rfc4175::samples::luma8_at,
    };

    use super::*;

    #[test]
    fn every_format_carries_a_strip_that_decodes() {
        let face = Typeface::built_in().unwrap();
        for &sampling in Sampling::ALL {
            for &depth in Depth::ALL {
                for (scan, width, height) in [
                    (Scan::Progressive, 640, 360),
                    (Scan::Interlaced, 720, 576),
                    (Scan::Psf, 1280, 720),
                ] {
                    let rate = "25".parse().unwrap();
                    let format = VideoFormat {
                        width,
                        height,
                        rate,
                        sampling,
                        depth,
                        scan,
                        packing: Packing::Gpm,
                    };
                    let raster = Raster::new(&format).unwrap();
                    let mut overlay = Overlay::new(raster, "Röntgen 2", &face).unwrap();
                    let mut frame = vec![0x55; raster.buffer_octets()];
                    let mark = Mark::new("Röntgen 2", 1_763_757_305_123_456, 7).unwrap();
                    overlay.draw(&mut frame, &mark, 0).unwrap();
                    let layout = Layout::new(width.into(), height.into()).unwrap();
                    let luma =
                        |x: u32, y: u32| luma8_at(&raster, &frame, x as usize, y as usize).unwrap();
                    assert_eq!(decode(&layout, luma), Ok(mark), "{format}");
                    // The picture between stays as it was.
                    let middle = raster.rows() / 2 * raster.stride();
                    assert!(
                        frame[middle..middle + raster.row_octets()]
                            .iter()
                            .all(|&octet| octet == 0x55)
                    );
                    let next = Mark::new("Röntgen 2", 1_763_757_305_163_456, 8).unwrap();
                    overlay.draw(&mut frame, &next, 40).unwrap();
                    let luma =
                        |x: u32, y: u32| luma8_at(&raster, &frame, x as usize, y as usize).unwrap();
                    assert_eq!(decode_edge(&layout, Edge::Bottom, luma), Ok(next), "{format}");
                }
            }
        }
    }
}
