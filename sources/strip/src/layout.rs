//! Where the blocks of both strips lie in a picture.

use crate::bits::Bits;

/// Columns of blocks.
pub const COLUMNS: u32 = 80;

/// Rows of blocks in each strip.
pub const ROWS: u32 = 3;

/// Narrowest picture a strip fits: blocks of 2 pixels. From a codec, 8 (640 wide) are safe.
pub const MIN_WIDTH: u32 = 160;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// First column.
    pub x: u32,
    /// First line.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Lines.
    pub height: u32,
}

/// Which of the two strips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// At the very top of the picture.
    Top,
    /// At the very bottom.
    Bottom,
}

/// The strips of a picture of a given size.
///
/// Block edges are at ⌊i·W/80⌋; blocks are as high as wide, rounded to an even number of
/// lines, so that they fit 4:2:0 and interlaced pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Size of the picture the strips were drawn into.
    drawn: (u32, u32),
    /// Height of a block as drawn.
    block_height: u32,
    /// Where that picture lies now.
    placed: Rect,
}

impl Layout {
    /// The strips of a picture of this size, or of one scaled to this size that had the
    /// same aspect ratio (1920×1080 to 640×360).
    pub fn new(width: u32, height: u32) -> Result<Self, LayoutError> {
        let block_height = (width.saturating_add(COLUMNS)) / (2 * COLUMNS) * 2;
        // Half of the picture at least must be left.
        let fits = (MIN_WIDTH..=1 << 16).contains(&width)
            && (4 * ROWS * block_height..=1 << 16).contains(&height);
        if !fits {
            return Err(LayoutError { width, height });
        }
        let placed = Rect { x: 0, y: 0, width, height };
        Ok(Self { drawn: (width, height), block_height, placed })
    }

    /// Strips drawn into a picture of `drawn` (width, height) that was then scaled into
    /// `placed`: another aspect ratio, a letterbox, a tile of a mosaic.
    pub fn scaled(drawn: (u32, u32), placed: Rect) -> Result<Self, LayoutError> {
        // What must be wide enough to read is the picture as it is now.
        let refused = LayoutError { width: placed.width, height: placed.height };
        let layout = Self::new(drawn.0, drawn.1)?;
        let in_range = |from: u32, length: u32| from <= 1 << 16 && length <= 1 << 16;
        if placed.width < MIN_WIDTH
            || !in_range(placed.x, placed.width)
            || !in_range(placed.y, placed.height)
            || u64::from(layout.block_height) * u64::from(placed.height) < 2 * u64::from(drawn.1)
        {
            return Err(refused);
        }
        Ok(Self { placed, ..layout })
    }

    /// The strip at the top.
    pub fn top(&self) -> Rect {
        self.strip(Edge::Top)
    }

    /// The strip at the bottom.
    pub fn bottom(&self) -> Rect {
        self.strip(Edge::Bottom)
    }

    /// The strip at an edge.
    pub fn strip(&self, edge: Edge) -> Rect {
        let first = self.block(edge, 0, 0);
        let last = self.block(edge, COLUMNS - 1, ROWS - 1);
        Rect {
            x: first.x,
            y: first.y,
            width: last.x + last.width - first.x,
            height: last.y + last.height - first.y,
        }
    }

    /// One block; `column` and `row` beyond the grid mean the last.
    pub fn block(&self, edge: Edge, column: u32, row: u32) -> Rect {
        let (column, row) = (column.min(COLUMNS - 1), row.min(ROWS - 1));
        let (width, height) = self.drawn;
        let first_line = match edge {
            Edge::Top => 0,
            Edge::Bottom => height - ROWS * self.block_height,
        };
        let (left, right) = (column * width / COLUMNS, (column + 1) * width / COLUMNS);
        let top = first_line + row * self.block_height;
        let scale = |at: u32, from: u32, to: u32| {
            // Rounded: a block that begins within a pixel begins with the next. At most
            // 2¹⁶ each, so the result fits.
            ((u64::from(at) * u64::from(to) + u64::from(from) / 2) / u64::from(from)) as u32
        };
        let Rect { x, y, width: wide, height: high } = self.placed;
        let (left, right) = (scale(left, width, wide), scale(right, width, wide));
        let (top, bottom) =
            (scale(top, height, high), scale(top + self.block_height, height, high));
        Rect { x: x + left, y: y + top, width: right - left, height: bottom - top }
    }

    /// The bit that a pixel shows; `None` outside both strips. For drawing a whole picture
    /// this is slow: draw one line a row of blocks and repeat it.
    pub fn bit_at(&self, bits: &Bits, x: u32, y: u32) -> Option<bool> {
        let edge = [Edge::Top, Edge::Bottom].into_iter().find(|&edge| {
            let strip = self.strip(edge);
            (strip.x..strip.x + strip.width).contains(&x)
                && (strip.y..strip.y + strip.height).contains(&y)
        })?;
        let row = (0..ROWS).rfind(|&row| self.block(edge, 0, row).y <= y)?;
        let column = (0..COLUMNS).rfind(|&column| self.block(edge, column, row).x <= x)?;
        Some(bits.get(column, row))
    }
}

/// A picture too small (or absurdly large) for the strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a picture of {width}x{height} has no room for the identification strip: it must be \
     {MIN_WIDTH} to 65536 pixels wide and at least 12 blocks of an 80th of that high"
)]
pub struct LayoutError {
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_sizes_documented() {
        let block = |width, height| Layout::new(width, height).unwrap().block(Edge::Top, 1, 1);
        assert_eq!(block(1920, 1080), Rect { x: 24, y: 24, width: 24, height: 24 });
        assert_eq!(block(640, 360), Rect { x: 8, y: 8, width: 8, height: 8 });
        assert_eq!(block(3840, 2160).height, 48);
        assert_eq!(block(720, 576), Rect { x: 9, y: 10, width: 9, height: 10 });
        assert_eq!(block(1366, 768), Rect { x: 17, y: 18, width: 17, height: 18 });
    }

    #[test]
    fn blocks_cover_the_strips_without_gap_or_overlap() {
        for (width, height) in [(1920, 1080), (1366, 768), (721, 577), (160, 90)] {
            let layout = Layout::new(width, height).unwrap();
            for edge in [Edge::Top, Edge::Bottom] {
                for row in 0..ROWS {
                    let mut x = 0;
                    for column in 0..COLUMNS {
                        let block = layout.block(edge, column, row);
                        assert_eq!(block.x, x);
                        assert!(block.width > 0 && block.height.is_multiple_of(2));
                        x += block.width;
                    }
                    assert_eq!(x, width);
                }
            }
            assert_eq!(layout.top().y, 0);
            assert_eq!(layout.bottom().y + layout.bottom().height, height);
        }
    }

    #[test]
    fn a_picture_without_room_is_refused() {
        assert!(Layout::new(159, 90).is_err());
        assert!(Layout::new(160, 23).is_err());
        assert!(Layout::new(1920, 200).is_err());
        assert!(Layout::new(u32::MAX, u32::MAX).is_err());
        let tiny = Rect { x: 0, y: 0, width: 100, height: 60 };
        assert!(Layout::scaled((1920, 1080), tiny).is_err());
        let far = Rect { x: u32::MAX, y: 0, width: 640, height: 360 };
        assert!(Layout::scaled((1920, 1080), far).is_err());
    }

    #[test]
    fn a_letterbox_moves_and_shrinks_the_blocks() {
        let placed = Rect { x: 0, y: 60, width: 640, height: 360 };
        let layout = Layout::scaled((1920, 1080), placed).unwrap();
        assert_eq!(layout.block(Edge::Top, 1, 0), Rect { x: 8, y: 60, width: 8, height: 8 });
        assert_eq!(layout.bottom().y + layout.bottom().height, 420);
    }
}
