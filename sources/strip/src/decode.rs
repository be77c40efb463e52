//! Reading a strip back out of a picture.
//!
//! Nine points round the centre of each block are averaged, away from edges that a scaler
//! or codec blurs; the threshold lies midway between the darkest and the brightest block.

use crate::{
    bits::Bits,
    layout::{COLUMNS, Edge, Layout, ROWS},
    mark::{MAX_NAME_OCTETS, Mark},
};

/// Least distance in 8-bit luma between the darkest and the brightest block. A strip has
/// 219 where it was drawn.
const LEAST_CONTRAST: u32 = 64;

/// Points sampled in each direction of a block.
const POINTS: u32 = 3;

/// Reads both strips of a picture and gives their mark if they agree.
///
/// `luma` gives the 8-bit video-range luma of the pixel at (column, line), which is always
/// within the picture; for more bits, the upper eight.
pub fn decode(layout: &Layout, mut luma: impl FnMut(u32, u32) -> u8) -> Result<Mark, StripError> {
    let top = decode_edge(layout, Edge::Top, &mut luma)?;
    let bottom = decode_edge(layout, Edge::Bottom, &mut luma)?;
    if top == bottom { Ok(top) } else { Err(StripError::Mixed { top, bottom }) }
}

/// Reads one strip of a picture, for pictures of which only a part has arrived.
pub fn decode_edge(
    layout: &Layout,
    edge: Edge,
    mut luma: impl FnMut(u32, u32) -> u8,
) -> Result<Mark, StripError> {
    let mut sums = [[0_u32; COLUMNS as usize]; ROWS as usize];
    let (mut darkest, mut brightest) = (u32::MAX, 0);
    for (row, sums) in (0..ROWS).zip(&mut sums) {
        for (column, sum) in (0..COLUMNS).zip(sums) {
            let block = layout.block(edge, column, row);
            for point in 0..POINTS * POINTS {
                // At 3/8, 4/8 and 5/8 of the block.
                let x = block.x + block.width * (3 + point % POINTS) / 8;
                let y = block.y + block.height * (3 + point / POINTS) / 8;
                *sum += u32::from(luma(x, y));
            }
            darkest = darkest.min(*sum);
            brightest = brightest.max(*sum);
        }
    }
    let points = POINTS * POINTS;
    if brightest - darkest < LEAST_CONTRAST * points {
        return Err(StripError::NoContrast {
            edge,
            darkest: (darkest / points) as u8,
            brightest: (brightest / points) as u8,
        });
    }
    let threshold = darkest.midpoint(brightest);
    Bits::from_blocks(|column, row| sums[row as usize][column as usize] > threshold).mark()
}

/// Why a picture's strips say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StripError {
    /// Where the strip should be the picture is all of one brightness.
    #[error("no strip at the {edge:?} of the picture: luma is {darkest} to {brightest} there")]
    NoContrast {
        /// Which strip.
        edge: Edge,
        /// Luma of the darkest block.
        darkest: u8,
        /// Luma of the brightest block.
        brightest: u8,
    },
    /// The first eight blocks are not those of a strip.
    #[error("no strip: its first eight blocks read {found:#04x}")]
    NoSync {
        /// The bits read.
        found: u8,
    },
    /// Some block was misread, or the strip is made of parts of two.
    #[error("a broken strip: checksum {found:#06x} where the rest asks for {expected:#06x}")]
    Checksum {
        /// The checksum read.
        found: u16,
        /// That of the bits before it.
        expected: u16,
    },
    /// The checksum is right but the name is not text: something else wrote this.
    #[error("a strip of another maker: its name is not UTF-8 padded with zeros ({octets:02x?})")]
    NameNotText {
        /// The octets read.
        octets: [u8; MAX_NAME_OCTETS],
    },
    /// Both strips are whole and differ: the frame is mixed of two.
    #[error("a mixed frame: the top is {top}, the bottom {bottom}")]
    Mixed {
        /// What the top says.
        top: Mark,
        /// What the bottom says.
        bottom: Mark,
    },
}
