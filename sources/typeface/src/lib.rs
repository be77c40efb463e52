//! Letters, from a typeface inside the program: a bare server has no fonts.
//!
//! `DejaVu` Sans Mono Bold (free licence, beside it in `fonts`): Latin, Greek, Cyrillic and
//! more; characters it lacks show as its empty box.

#![forbid(unsafe_code)]

use ab_glyph::{Font, FontRef, Glyph as Outline, GlyphId, PxScale, ScaleFont, point};

static FILE: &[u8] = include_bytes!("../fonts/DejaVuSansMono-Bold.ttf");

/// The typeface of everything written into pictures; monospaced.
#[derive(Clone, Debug)]
pub struct Typeface {
    font: FontRef<'static>,
}

/// How much of each pixel of a cell a letter covers, row after row, 0 to 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// `width × height` values.
    pub coverage: Vec<u8>,
}

impl Typeface {
    /// The built-in typeface, or `None` if the program's own copy is damaged.
    pub fn built_in() -> Option<Self> {
        FontRef::try_from_slice(FILE).ok().map(|font| Self { font })
    }

    /// Width of a cell that suits a height.
    pub const fn advance(height: usize) -> usize {
        height / 2
    }

    /// A letter in a cell of `width × height` pixels, as large as the cell allows.
    pub fn glyph(&self, character: char, width: usize, height: usize) -> Glyph {
        let scale = self.scale_for(width, height);
        let scaled = self.font.as_scaled(scale);
        let id = scaled.glyph_id(character);
        let left = (width as f32 - scaled.h_advance(id)) / 2.0;
        let above = (height as f32 - (scaled.ascent() - scaled.descent())) * 0.5;
        let outline = Outline { id, scale, position: point(left, above + scaled.ascent()) };
        let mut coverage = vec![0; width * height];
        if let Some(outlined) = self.font.outline_glyph(outline) {
            let bounds = outlined.px_bounds();
            let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
            outlined.draw(|x, y, share| {
                let (x, y) = (left + i64::from(x), top + i64::from(y));
                if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y))
                    && x < width
                    && y < height
                {
                    coverage[y * width + x] = (share * 255.0) as u8;
                }
            });
        }
        Glyph { coverage }
    }

    /// Whether the typeface can show a character.
    pub fn has(&self, character: char) -> bool {
        character == ' ' || self.font.glyph_id(character) != GlyphId(0)
    }

    fn scale_for(&self, width: usize, height: usize) -> PxScale {
        let probe = self.font.as_scaled(PxScale::from(100.0));
        let wide = probe.h_advance(probe.glyph_id('0')).max(1.0);
        let high = (probe.ascent() - probe.descent()).max(1.0);
        PxScale::from(100.0 * (width as f32 / wide).min(height as f32 / high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_fit_their_cells_and_differ() {
        let face = Typeface::built_in().unwrap();
        let zero = face.glyph('0', 36, 72);
        assert_eq!(zero.coverage.len(), 36 * 72);
        assert!(zero.coverage.iter().filter(|&&value| value > 200).count() > 100);
        assert_ne!(zero, face.glyph('8', 36, 72));
        assert!(face.glyph(' ', 36, 72).coverage.iter().all(|&value| value == 0));
        for character in "ÄÖÜßéèñçåøłčőğЖΩ:.#-".chars() {
            assert!(face.has(character), "{character}");
        }
        assert!(!face.has('手'));
    }
}
