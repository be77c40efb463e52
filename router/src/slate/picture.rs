//! Draws a slate into a packed frame.
//!
//! Grey on grey: the same in every colorimetry, and like no picture of an operation. Levels
//! are those of the narrow range (ST 2110-20 §7.3), which every display shows dark and light.

use jiff::tz::TimeZone;
use ormatrix_typeface::Typeface;
use st2110::{
    format::{Sampling, VideoFormat},
    rfc4175::{Raster, RasterError, samples},
};

use super::{
    Card,
    caption::{Caption, wrap},
};

/// Brightness of ground and letters, of 1.
const GROUND: f32 = 0.08;
const LETTERS: f32 = 0.92;
/// Heights of the letters' cells, of the picture's. Capitals are 0.6 as high: a tenth of the
/// picture at the least.
const HEADING: f32 = 0.235;
const TEXT: f32 = 0.17;
/// Share of the width that text may take.
const WIDTH: f32 = 0.94;
/// Share of the height likewise.
const HEIGHT: f32 = 0.96;
/// Least height of a letter's cell, pixels.
const CELL_MIN: usize = 8;

/// A line of text and the height of its cells, pixels.
type Line = (String, usize);

/// The packed frame of a card, in the layout of its format's [`Raster`].
pub fn draw(card: &Card) -> Result<Vec<u8>, RasterError> {
    let raster = Raster::new(&card.format)?;
    let ink = ink(card);
    let (width, chroma) = (usize::from(card.format.width), samples::plane_size(&raster, 1).0);
    let mut frame = vec![0; raster.buffer_octets()];
    let octets = raster.row_octets();
    let mut scratch = Scratch::new(width, chroma);
    scratch.level(&card.format, [None; 2]);
    let mut ground = vec![0; octets];
    scratch.pack(&raster, &mut ground);
    for (row, out) in frame.chunks_exact_mut(octets).enumerate() {
        let line = |below| ink.row(raster.line_of(row, below));
        let lines = [line(0), if raster.pgroup().lines == 2 { line(1) } else { None }];
        if lines == [None; 2] {
            out.copy_from_slice(&ground);
        } else {
            scratch.level(&card.format, lines);
            scratch.pack(&raster, out);
        }
    }
    Ok(frame)
}

/// The samples of one row of pixel groups.
struct Scratch {
    lines: [Vec<u16>; 2],
    chroma: Vec<u16>,
}

impl Scratch {
    fn new(width: usize, chroma: usize) -> Self {
        Self { lines: [vec![0; width], vec![0; width]], chroma: vec![0; chroma] }
    }

    /// Sets the samples of up to two lines from how much letters cover of each pixel.
    fn level(&mut self, format: &VideoFormat, ink: [Option<&[u8]>; 2]) {
        let scale = f32::from(1_u16 << (format.depth.bits() - 8));
        let level = |share: f32| ((16.0 + 219.0 * share) * scale).round() as u16;
        let (ground, letters) = (level(GROUND), level(LETTERS));
        for (samples, ink) in self.lines.iter_mut().zip(ink) {
            samples.fill(ground);
            for (sample, cover) in samples.iter_mut().zip(ink.unwrap_or_default()) {
                let more = u32::from(letters - ground) * u32::from(*cover) / 255;
                *sample = ground + more as u16;
            }
        }
        self.chroma.fill(128 << (format.depth.bits() - 8));
    }

    fn pack(&self, raster: &Raster, out: &mut [u8]) {
        let [first, below] = &self.lines;
        let second = match raster.format().sampling {
            // Grey: as much green and blue as red.
            Sampling::Rgb => first,
            _ => &self.chroma,
        };
        let first_below = if raster.pgroup().lines == 2 { below.as_slice() } else { &[] };
        let samples = samples::RowSamples { first, first_below, second, third: second };
        // The lengths are the raster's by construction; a row that could not be packed
        // would stay black.
        let _ = samples::pack_row(raster, &samples, out);
    }
}

/// How much letters cover of each pixel, 0 to 255.
struct Ink {
    width: usize,
    cover: Vec<u8>,
    inked: Vec<bool>,
}

impl Ink {
    /// A line of the frame, if anything stands in it.
    fn row(&self, line: usize) -> Option<&[u8]> {
        let inked = self.inked.get(line).copied().unwrap_or(false);
        inked.then(|| self.cover.get(line * self.width..(line + 1) * self.width)).flatten()
    }

    fn write(&mut self, face: &Typeface, text: &str, top: usize, cell: usize) {
        let advance = Typeface::advance(cell);
        let left = self.width.saturating_sub(text.chars().count() * advance) / 2;
        for (index, letter) in text.chars().enumerate() {
            let glyph = face.glyph(letter, advance, cell);
            let start = left + index * advance;
            for (dy, from) in glyph.coverage.chunks_exact(advance).enumerate() {
                let y = top + dy;
                let end = (start + advance).min(self.width);
                let Some(to) = self.cover.get_mut(y * self.width + start..y * self.width + end)
                else {
                    continue;
                };
                for (to, from) in to.iter_mut().zip(from) {
                    *to = (*to).max(*from);
                }
                if let Some(inked) = self.inked.get_mut(y) {
                    *inked |= from.iter().any(|cover| *cover > 0);
                }
            }
        }
    }
}

fn ink(card: &Card) -> Ink {
    let (width, height) = (usize::from(card.format.width), usize::from(card.format.height));
    let mut ink = Ink { width, cover: vec![0; width * height], inked: vec![false; height] };
    let Some(face) = Typeface::built_in() else { return ink };
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let caption = Caption::new(card, &face, &zone);
    let Some(lines) = layout(&caption, width, height) else { return ink };
    let total: usize = lines.iter().map(|(_, cell)| cell).sum();
    let mut top = height.saturating_sub(total) / 2;
    for (text, cell) in lines {
        ink.write(&face, &text, top, cell);
        top += cell;
    }
    ink
}

/// The largest text that fits: the sizes wished for, or smaller ones in narrow pictures.
/// `None` where nothing could be read.
fn layout(caption: &Caption, width: usize, height: usize) -> Option<Vec<Line>> {
    let paragraphs = [
        (caption.heading, HEADING, 2),
        (caption.name.as_str(), TEXT, 2),
        (caption.since.as_str(), TEXT, 2),
        (caption.date.as_str(), TEXT, 2),
    ];
    let mut size = height as f32;
    loop {
        let mut lines: Vec<Line> = Vec::new();
        let mut fits = true;
        for (text, share, most) in paragraphs {
            let cell = (size * share) as usize;
            if cell < CELL_MIN {
                return None;
            }
            let letters = (width as f32 * WIDTH) as usize / Typeface::advance(cell);
            // Only a name may be cut within a word.
            let longest = text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
            fits &= letters >= longest || text == caption.name && letters >= 8;
            lines.extend(wrap(text, letters, most).into_iter().map(|line| (line, cell)));
        }
        let total: usize = lines.iter().map(|(_, cell)| cell).sum();
        if fits && total <= (height as f32 * HEIGHT) as usize {
            return Some(lines);
        }
        size *= 0.96;
    }
}

#[cfg(test)]
mod tests {
    use st2110::format::{Depth, Packing, Rate, Scan};

    use super::*;

    fn card(width: u16, height: u16, sampling: Sampling, depth: Depth, scan: Scan) -> Card {
        let (rate, packing) = (Rate::new(25, 1).unwrap(), Packing::Gpm);
        Card {
            format: VideoFormat { width, height, rate, sampling, depth, scan, packing },
            max_udp: 1460,
            payload_type: 96,
            id: "endoscope-tower-2".into(),
            label: None,
            since: 1_769_903_998_900_000_000,
        }
    }

    /// The upper 8 bits of every pixel's luma.
    fn luma(card: &Card) -> Vec<u8> {
        let raster = Raster::new(&card.format).unwrap();
        let frame = draw(card).unwrap();
        let (width, height) = (usize::from(card.format.width), usize::from(card.format.height));
        (0..width * height)
            .map(|at| samples::luma8_at(&raster, &frame, at % width, at / width).unwrap())
            .collect()
    }

    #[test]
    fn every_format_shows_the_same_light_letters_on_dark_ground() {
        let mut pictures = Vec::new();
        for sampling in Sampling::ALL {
            for depth in Depth::ALL {
                for scan in Scan::ALL {
                    pictures.push(luma(&card(720, 576, *sampling, *depth, *scan)));
                }
            }
        }
        let first = &pictures[0];
        assert!(pictures.iter().all(|picture| {
            // 12 bits round a little finer than 8 do.
            picture.iter().zip(first).all(|(one, other)| one.abs_diff(*other) <= 1)
        }));
        let light = first.iter().filter(|luma| **luma > 200).count();
        let dark = first.iter().filter(|luma| **luma < 40).count();
        assert!(light * 20 > first.len(), "letters can be seen: {light} of {}", first.len());
        assert!(dark * 2 > first.len(), "on dark ground: {dark} of {}", first.len());
    }

    /// Chroma is neutral everywhere: no colour to take for tissue.
    #[test]
    fn nothing_is_coloured() {
        let card = card(720, 576, Sampling::YCbCr422, Depth::D10, Scan::Interlaced);
        let raster = Raster::new(&card.format).unwrap();
        let (mut y, mut cb, mut cr) =
            (vec![0_u16; 720 * 576], vec![0_u16; 360 * 576], vec![0_u16; 360 * 576]);
        let frame = draw(&card).unwrap();
        samples::unpack(&raster, &frame, [&mut y, &mut cb, &mut cr]).unwrap();
        assert!(cb.iter().chain(&cr).all(|chroma| *chroma == 512));
        assert!(y.iter().all(|luma| (64..=940).contains(luma)));
    }

    /// Runs of rows with light pixels, their heights.
    fn lines_of_text(card: &Card) -> Vec<usize> {
        let width = usize::from(card.format.width);
        let luma = luma(card);
        let lit: Vec<bool> =
            luma.chunks_exact(width).map(|row| row.iter().any(|luma| *luma > 150)).collect();
        lit.chunk_by(|a, b| a == b).filter(|run| run[0]).map(<[bool]>::len).collect()
    }

    #[test]
    fn letters_are_a_tenth_of_the_picture_high() {
        for (width, height) in [(1920, 1080), (3840, 2160), (1280, 720), (720, 576), (1920, 1200)] {
            let mut card = card(width, height, Sampling::YCbCr422, Depth::D10, Scan::Progressive);
            // Digits and capitals only: as high as each other, and nothing below the line.
            card.label = Some("OR 3".into());
            let lines = lines_of_text(&card);
            // Where it is narrow, the heading takes two lines.
            let expected = if width * 3 < height * 4 { 5 } else { 4 };
            assert_eq!(lines.len(), expected, "{width}x{height}: {lines:?}");
            for line in lines {
                assert!(line * 10 >= usize::from(height), "{width}x{height}: {line}");
            }
        }
    }

    #[test]
    fn narrow_and_tiny_pictures_show_what_fits() {
        for (width, height) in [(1080, 1920), (1080, 1080), (320, 240), (64, 2160), (160, 4000)] {
            let card = card(width, height, Sampling::Rgb, Depth::D8, Scan::Progressive);
            assert!(lines_of_text(&card).len() >= 4, "{width}x{height}");
        }
        let tiny = card(480, 8, Sampling::YCbCr422, Depth::D10, Scan::Progressive);
        assert!(luma(&tiny).iter().all(|luma| *luma < 40));
    }

    #[test]
    fn long_names_leave_the_rest_as_large() {
        let mut long = card(1920, 1080, Sampling::YCbCr422, Depth::D10, Scan::Progressive);
        long.label =
            Some("The second endoscope of the tower in operating room number three".into());
        let face = Typeface::built_in().unwrap();
        let lines = layout(&Caption::new(&long, &face, &TimeZone::UTC), 1920, 1080).unwrap();
        let texts: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts[0], "SIGNAL LOST");
        assert_eq!(texts[1..3], ["The second", "endoscope of the…"]);
        assert!(lines.iter().all(|(_, cell)| *cell >= 183), "{lines:?}");
    }
}
