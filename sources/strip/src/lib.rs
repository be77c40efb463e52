//! The identification strip: who made a frame, when, and which frame it is, in the picture
//! itself; and its counterparts on the other levels, an ancillary data packet with the same
//! mark ([`encode_packet`]) and a test tone whose samples tell source and moment ([`Tone`]).
//!
//! A frame that carries the strip can be judged after any journey: through a router, a
//! scaler, an H.264 codec, a screen grab. The strip stands at the very top of the picture
//! and once more at the very bottom, so that a frame mixed of two sources or of two moments
//! shows: its two strips differ.
//!
//! ```text
//!  block   0        8                          (80 columns of blocks, 3 rows, 240 bits)
//! +--------+-----------------------------------------------------------------------+
//! |  sync  |  name, octets 0 to 8                                                  |
//! +--------+-----------------------------------------------------+-----------------+
//! |  name, octets 9 to 15                                        | TAI, high 24    |
//! +--------------------------------+-----------------------------+-----------------+
//! |  TAI in microseconds, low 32   |  frame number, 32           |  CRC-16         |
//! +--------------------------------+-----------------------------+-----------------+
//! ```
//!
//! A set bit is a white block (luma 235 of 8-bit video range), a clear one black (16);
//! chroma is neutral. Blocks are 24 pixels at 1920 wide and 8 once scaled to 640.
//!
//! Nothing here does I/O; [`decode`] reads luma through a closure, so that any pixel
//! format, stride or bit depth does. Limits: the picture must be at least
//! [`MIN_WIDTH`] wide, whole (not cropped), and not mirrored. Decoding costs 2160 reads of
//! luma an edge.
//!
//! ```
//! use ormatrix_strip::{BLACK, Layout, Mark, WHITE, decode, encode};
//!
//! let layout = Layout::new(640, 360)?;
//! let mark = Mark::new("Endoscope", 1_763_757_305_000_000, 42)?;
//! let bits = encode(&mark);
//! let picture = |x, y| if layout.bit_at(&bits, x, y) == Some(true) { WHITE } else { BLACK };
//! assert_eq!(decode(&layout, picture)?, mark);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod bits;
mod decode;
mod layout;
mod mark;
mod packet;
mod tone;

pub use bits::{Bits, encode};
pub use decode::{StripError, decode, decode_edge};
pub use layout::{COLUMNS, Edge, Layout, LayoutError, MIN_WIDTH, ROWS, Rect};
pub use mark::{MAX_NAME_OCTETS, Mark, MarkError, Name};
pub use packet::{MARK_DID, MARK_SDID, MARK_WORDS, PacketError, decode_packet, encode_packet};
pub use tone::{LEAST_RUN, TONE_PEAK, Tone};

/// Luma of a clear bit: black of 8-bit video range.
pub const BLACK: u8 = 16;

/// Luma of a set bit: white of 8-bit video range.
pub const WHITE: u8 = 235;
