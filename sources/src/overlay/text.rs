//! The line people read: name, UTC time of day, frame number.

use ormatrix_strip::Layout;
use st2110::{
    format::{Sampling, VideoFormat},
    rfc4175::{
        Raster,
        samples::{pack, plane_size},
    },
};

use super::{OverlayError, level};
use crate::canvas::Typeface;

/// Characters of the time of day, `HH:MM:SS.mmm`.
const TIME: usize = 12;
/// Digits of the frame number.
const DIGITS: usize = 8;
/// Cells between the parts.
const SPACE: usize = 2;
/// Luma of letters (a shade below the strip's white) and of their ground.
const INK: u8 = 226;
const GROUND: u8 = 16;

/// First line and height of the text under the top strip; both multiples of 4, so that
/// every sampling and scan has whole rows there.
pub(super) fn place(layout: &Layout) -> (u32, u32) {
    let strip = layout.top().height;
    (strip.next_multiple_of(4), strip.max(16).next_multiple_of(4))
}

/// Tiles of packed letters and where they go.
#[derive(Debug)]
pub(super) struct TextLine {
    name: Vec<Tile>,
    digits: Vec<Tile>,
    colon: Tile,
    point: Tile,
    blank: Tile,
    /// Octets of a tile's row, and rows of a tile.
    tile_octets: usize,
    tile_rows: usize,
    stride: usize,
    /// Octet of the frame where the first letter starts.
    start: usize,
}

type Tile = Vec<u8>;

impl TextLine {
    pub(super) fn new(
        raster: &Raster,
        layout: &Layout,
        name: &str,
        face: &Typeface,
    ) -> Result<Self, OverlayError> {
        let pgroup = raster.pgroup();
        let (top, height) = place(layout);
        let name: Vec<char> = name.chars().take(24).collect();
        let cells = name.len() + TIME + DIGITS + 2 * SPACE;
        let width = usize::from(raster.format().width);
        // Cells start at whole pixel groups of every sampling.
        let most = width * 24 / 25 / cells;
        let cell = (most.min(Typeface::advance(height as usize)) / 4 * 4).max(4);
        let format = VideoFormat { width: cell as u16, height: height as u16, ..*raster.format() };
        let tile = Raster::new(&format)?;
        let make = |character| letter(&tile, face, character);
        let left = width.saturating_sub(cells * cell) / 2 / 4 * 4;
        let first_row = top as usize / usize::from(pgroup.lines);
        Ok(Self {
            name: name.into_iter().map(make).collect::<Result<_, _>>()?,
            digits: ('0'..='9').map(make).collect::<Result<_, _>>()?,
            colon: make(':')?,
            point: make('.')?,
            blank: make(' ')?,
            tile_octets: tile.row_octets(),
            tile_rows: tile.rows(),
            stride: raster.stride(),
            start: first_row * raster.stride()
                + left / usize::from(pgroup.pixels) * usize::from(pgroup.octets),
        })
    }

    pub(super) fn draw(&self, frame: &mut [u8], unix_ms: u64, number: u32) {
        let mut cell = 0;
        for tile in &self.name {
            self.put(frame, cell, tile);
            cell += 1;
        }
        cell = self.space(frame, cell);
        let seconds = unix_ms / 1000;
        let parts = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60];
        for (index, part) in parts.into_iter().enumerate() {
            cell = self.number(frame, cell, part, 2);
            self.put(frame, cell, if index < 2 { &self.colon } else { &self.point });
            cell += 1;
        }
        cell = self.number(frame, cell, unix_ms % 1000, 3);
        cell = self.space(frame, cell);
        self.number(frame, cell, u64::from(number), DIGITS);
    }

    /// Draws the ground between two parts and returns the cell behind it.
    fn space(&self, frame: &mut [u8], cell: usize) -> usize {
        for at in cell..cell + SPACE {
            self.put(frame, at, &self.blank);
        }
        cell + SPACE
    }

    /// Draws the last `digits` digits and returns the cell behind them.
    fn number(&self, frame: &mut [u8], cell: usize, mut value: u64, digits: usize) -> usize {
        for at in (cell..cell + digits).rev() {
            self.put(frame, at, &self.digits[(value % 10) as usize]);
            value /= 10;
        }
        cell + digits
    }

    fn put(&self, frame: &mut [u8], cell: usize, tile: &Tile) {
        let start = self.start + cell * self.tile_octets;
        for (row, octets) in tile.chunks_exact(self.tile_octets).enumerate().take(self.tile_rows) {
            let at = start + row * self.stride;
            if let Some(place) = frame.get_mut(at..at + octets.len()) {
                place.copy_from_slice(octets);
            }
        }
    }
}

/// Packs a letter, grey on black.
fn letter(tile: &Raster, face: &Typeface, character: char) -> Result<Tile, OverlayError> {
    let format = tile.format();
    let (width, height) = plane_size(tile, 0);
    let glyph = face.glyph(character, width, height);
    let (ink, ground) = (u32::from(INK), u32::from(GROUND));
    let grey: Vec<u16> = glyph
        .coverage
        .iter()
        .map(|&cover| level(format, (ground + (ink - ground) * u32::from(cover) / 255) as u8))
        .collect();
    let (chroma_width, chroma_height) = plane_size(tile, 1);
    let neutral = vec![level(format, 128); chroma_width * chroma_height];
    let planes: [&[u16]; 3] = match format.sampling {
        Sampling::Rgb => [&grey, &grey, &grey],
        _ => [&grey, &neutral, &neutral],
    };
    let mut packed = vec![0; tile.buffer_octets()];
    pack(tile, planes, &mut packed)?;
    Ok(packed)
}
