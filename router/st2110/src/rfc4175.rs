//! Uncompressed video payload (RFC 4175, ST 2110-20 §6).
//!
//! ```text
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |    Extended Sequence Number   |            Length             |
//! |F|          Line No            |C|           Offset            |
//! |            Length             |F|          Line No            |
//! |C|           Offset            |            data ...           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! A *packed frame* is what the senders and receivers here keep in memory: the pixel groups
//! of the wire, row after row, top to bottom, with the two fields of an interlaced frame
//! interleaved. A row is a line, or a pair of lines of one field for 4:2:0. Its octets are
//! those of the packets, so that a sender gathers headers and slices of the frame, and a
//! receiver copies data once, to its place. Its pitch from row to row may be padded: a
//! packed frame of 4:2:2 8-bit is GStreamer's `UYVY`, 10-bit `UYVP`, RGB 8-bit `RGB`.

mod coverage;
mod header;
mod plan;
mod raster;
pub mod samples;

pub use coverage::Coverage;
pub use header::{MAX_SRDS, PayloadError, PayloadHeader, SRD_LEN, Srd, rewrite_extended_sequence};
pub use plan::{FramePlan, MAX_HEADER_LEN, PlanError, PlannedPacket, STANDARD_UDP_LIMIT};
pub use raster::{GeometryError, PlaceError, Raster, RasterError, check, place};
