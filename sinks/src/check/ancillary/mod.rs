//! Judging ancillary data (ST 2110-40, RFC 8331): packets, and what they say.
//!
//! Sans-IO, like the judge of video. Packets of one timestamp and field are a *frame*; two
//! are held, so that packets that overtake each other still find theirs. What the marks of
//! our sources say is held against the picture of the same timestamp by [`companions`], once
//! that has been judged.
//!
//! Cost: two passes over each packet, and no allocation but for the first of a kind.

mod companions;
mod judge;
mod report;
mod time_code;

#[cfg(test)]
mod tests;

pub use judge::AncillaryJudge;
pub use report::{AncillaryReport, PacketKind, TimeCodeReport};
pub use time_code::TimeCode;
