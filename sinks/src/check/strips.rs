//! The lines of a frame that carry its identification strips, kept aside to be read.
//!
//! Eighteen lines of a frame are copied (86 kB of 5.2 MB at 1080p 4:2:2 10-bit); the rest
//! of the picture is never touched.

use std::{ops::Range, sync::Arc};

use ormatrix_strip::{Edge, Layout, LayoutError, Mark, ROWS, StripError, decode_edge};
use st2110::{
    format::{Sampling, Scan, VideoFormat},
    rfc4175::Raster,
};

/// Not one of the rows kept.
const NONE: u8 = u8::MAX;

/// Where the strips lie in a format's packed rows. Computed once and shared by all frames.
#[derive(Debug)]
pub struct StripRows {
    layout: Layout,
    raster: Raster,
    format: VideoFormat,
    /// For each row of the frame, its place among the rows kept, or [`NONE`].
    kept: Vec<u8>,
    /// For each row kept, whether it belongs to the top strip.
    top: Vec<bool>,
}

impl StripRows {
    /// The rows of this format; refused when the picture has no room for strips.
    pub fn new(format: &VideoFormat, raster: &Raster) -> Result<Self, LayoutError> {
        let layout = Layout::new(u32::from(format.width), u32::from(format.height))?;
        let mut kept = vec![NONE; raster.rows()];
        let mut top = Vec::new();
        for edge in [Edge::Top, Edge::Bottom] {
            for row in 0..ROWS {
                let block = layout.block(edge, 0, row);
                for line in block.y..block.y + block.height {
                    // The middle half, which holds every point that is sampled.
                    if (line - block.y) * 4 < block.height
                        || (line - block.y) * 4 > block.height * 3
                    {
                        continue;
                    }
                    let (row, _) = row_of_line(format, line);
                    if kept[row] == NONE && top.len() < usize::from(NONE) {
                        kept[row] = top.len() as u8;
                        top.push(edge == Edge::Top);
                    }
                }
            }
        }
        Ok(Self { layout, raster: *raster, format: *format, kept, top })
    }
}

/// The row of packed pixel groups that holds a line of the frame, and which of its lines.
fn row_of_line(format: &VideoFormat, line: u32) -> (usize, usize) {
    let line = line as usize;
    if format.sampling != Sampling::YCbCr420 {
        return (line, 0);
    }
    if format.scan == Scan::Progressive {
        return (line / 2, line % 2);
    }
    let (field, in_field) = (line % 2, line / 2);
    (in_field / 2 * 2 + field, in_field % 2)
}

/// The strips of one frame as far as they have arrived.
#[derive(Debug)]
pub struct Strips {
    rows: Arc<StripRows>,
    octets: Vec<u8>,
    filled: Vec<usize>,
}

impl Strips {
    /// Nothing has arrived.
    pub fn new(rows: Arc<StripRows>) -> Self {
        let octets = vec![0; rows.top.len() * rows.raster.row_octets()];
        let filled = vec![0; rows.top.len()];
        Self { rows, octets, filled }
    }

    /// Keeps a segment that lies in a strip. `range` is its place in a packed frame without
    /// padding.
    #[inline]
    pub fn segment(&mut self, range: Range<usize>, data: &[u8]) {
        let row_octets = self.rows.raster.row_octets();
        let row = range.start / row_octets;
        let Some(&kept) = self.rows.kept.get(row) else { return };
        if kept == NONE {
            return;
        }
        let kept = usize::from(kept);
        let start = kept * row_octets + range.start % row_octets;
        if let Some(to) = self.octets.get_mut(start..start + data.len()) {
            to.copy_from_slice(data);
            self.filled[kept] += data.len();
        }
    }

    /// Starts the next frame.
    pub fn clear(&mut self) {
        self.filled.fill(0);
    }

    /// What the strip at an edge says; `None` when some of it has not arrived.
    pub fn read(&self, edge: Edge) -> Option<Result<Mark, StripError>> {
        let row_octets = self.rows.raster.row_octets();
        let here = edge == Edge::Top;
        let whole = self.rows.top.iter().zip(&self.filled);
        if whole.clone().any(|(&top, &filled)| top == here && filled < row_octets) {
            return None;
        }
        Some(decode_edge(&self.rows.layout, edge, |x, y| self.luma(x, y)))
    }

    /// Upper eight bits of the luma (or green) of a pixel in a row kept.
    fn luma(&self, x: u32, y: u32) -> u8 {
        let (row, line) = row_of_line(&self.rows.format, y);
        let kept = self.rows.kept.get(row).copied().unwrap_or(NONE);
        let row_octets = self.rows.raster.row_octets();
        let start = usize::from(kept) * row_octets;
        let Some(octets) = self.octets.get(start..start + row_octets) else { return 0 };
        luma(&self.rows.format, octets, x as usize, line)
    }
}

/// Upper eight bits of the luma (or green) of pixel `x` in a packed row, at its first or
/// second line (4:2:0 packs two): the sample orders of ST 2110-20 §6.2.
fn luma(format: &VideoFormat, row: &[u8], x: usize, line: usize) -> u8 {
    let sample = match format.sampling {
        // Cb Y0 Cr Y1
        Sampling::YCbCr422 => x / 2 * 4 + 1 + x % 2 * 2,
        // Cb Y Cr, or R G B
        Sampling::YCbCr444 | Sampling::Rgb => x * 3 + 1,
        // Y00 Y01 Y10 Y11 Cb Cr
        Sampling::YCbCr420 => x / 2 * 6 + line * 2 + x % 2,
    };
    let bit = sample * usize::from(format.depth.bits());
    let high = row.get(bit / 8).copied().unwrap_or(0);
    let low = row.get(bit / 8 + 1).copied().unwrap_or(0);
    (u16::from_be_bytes([high, low]) >> (8 - bit % 8)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(sampling: &str, depth: u8) -> VideoFormat {
        let json = format!(
            r#"{{"width":160,"height":96,"rate":"25","sampling":"{sampling}","depth":{depth}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn luma_is_found_in_every_packing() {
        // Writes samples of `depth` bits, big-endian, as RFC 4175 §4.3 packs them.
        let pack = |depth: usize, samples: &[u16]| {
            let mut octets = vec![0_u8; (samples.len() * depth).div_ceil(8)];
            for (index, sample) in samples.iter().enumerate() {
                for bit in 0..depth {
                    if sample >> (depth - 1 - bit) & 1 == 1 {
                        let at = index * depth + bit;
                        octets[at / 8] |= 0x80 >> (at % 8);
                    }
                }
            }
            octets
        };
        for depth in [8_usize, 10, 12] {
            let up = |luma: u16| luma << (depth - 8);
            let row = pack(depth, &[0, up(10), 0, up(11), 0, up(12), 0, up(13)]);
            let read = |sampling: &str, row: &[u8], x, line| {
                luma(&format(sampling, depth as u8), row, x, line)
            };
            for x in 0..4 {
                assert_eq!(read("YCbCr-4:2:2", &row, x, 0), 10 + x as u8, "{depth}");
            }
            let row = pack(depth, &[0, up(10), 0, 0, up(11), 0, 0, up(12), 0, 0, up(13), 0]);
            for x in 0..4 {
                assert_eq!(read("RGB", &row, x, 0), 10 + x as u8, "{depth}");
            }
            let row = pack(
                depth,
                &[up(10), up(11), up(20), up(21), 0, 0, up(12), up(13), up(22), up(23), 0, 0],
            );
            for x in 0..4 {
                assert_eq!(read("YCbCr-4:2:0", &row, x, 0), 10 + x as u8, "{depth}");
                assert_eq!(read("YCbCr-4:2:0", &row, x, 1), 20 + x as u8, "{depth}");
            }
        }
    }
}
