//! Media sources that send ST 2110-20: patterns, files, capture devices, the screen; and
//! beside them sound (ST 2110-30) and ancillary data (ST 2110-40).
//!
//! `GStreamer` makes or decodes the pictures; everything from there on is done here: a
//! frame lies in memory as the octets of the wire, strip and text are written into it in
//! place, and the packets are gathered from it (see [`sender`]). A source is an ordinary
//! device: it registers through the public API, and neither router nor control depends on
//! it.
//!
//! Performance: per frame a few rows and tiles are drawn (about 1 MB of copies at 1080p);
//! per burst of up to CMAX packets there is one sleep and one gathered send a leg. 4:2:2 and
//! RGB at 8 bits, 4:4:4 at 8 and 4:2:2 at 10 bits are sent straight from captured buffers;
//! other formats are packed once a new picture. Sound has a thread of its own and costs about
//! 1 % of a core, ancillary data a send a frame.

#![forbid(unsafe_code)]

pub mod ancillary;
pub mod audio;
pub mod canvas;
pub mod job;
pub mod media;
pub mod options;
pub mod overlay;
pub mod pattern;
pub mod registration;
pub mod run;
pub mod sender;
pub mod shorthand;
pub mod still;
