//! A frame being judged.

use std::sync::Arc;

use ormatrix_strip::{Edge, Mark};
use st2110::{
    format::VideoFormat,
    rfc4175::{Coverage, GeometryError, Raster},
};

use super::{
    judge::Arrival,
    strips::{StripRows, Strips},
};
use crate::receive::{FrameTime, Packet};

/// One frame's account. Kept and used again: nothing is allocated a frame.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub(super) struct Frame {
    pub time: FrameTime,
    pub first: Arrival,
    pub last: Arrival,
    pub ssrc: u32,
    /// The frame in progress when the run began: not judged.
    pub skip: bool,
    /// Its timestamp was that of an earlier frame that had ended.
    pub repeat: bool,
    /// Packets of another frame or sender lie between its own.
    pub interleaved: bool,
    pub marker: bool,
    coverage: Coverage,
    strips: Option<Strips>,
}

/// What the strips of a frame say together.
pub(super) enum Reading {
    /// The format has no room for strips.
    NoRoom,
    /// Both say this, or the only one that arrived.
    Mark(Mark),
    /// They differ, or only one of them can be read.
    Differ,
    /// Neither can be read.
    Unreadable,
}

impl Frame {
    pub fn new(format: &VideoFormat, raster: &Raster, rows: Option<&Arc<StripRows>>) -> Self {
        Self {
            time: FrameTime::begin(format, 0, 0),
            first: Arrival::default(),
            last: Arrival::default(),
            ssrc: 0,
            skip: false,
            repeat: false,
            interleaved: false,
            marker: false,
            coverage: Coverage::new(raster),
            strips: rows.map(|rows| Strips::new(Arc::clone(rows))),
        }
    }

    /// Begins with its first packet, which is yet to be recorded.
    pub fn begin(&mut self, format: &VideoFormat, packet: &Packet<'_>, at: &Arrival) {
        self.time = FrameTime::begin(format, packet.rtp.timestamp, packet.field());
        self.first = *at;
        self.last = *at;
        self.ssrc = packet.rtp.ssrc;
        self.skip = false;
        self.repeat = false;
        self.interleaved = false;
        self.marker = false;
        self.coverage.clear();
        if let Some(strips) = &mut self.strips {
            strips.clear();
        }
    }

    #[inline]
    pub fn record(
        &mut self,
        raster: &Raster,
        packet: &Packet<'_>,
        at: &Arrival,
    ) -> Result<(), GeometryError> {
        self.coverage.record(&packet.payload)?;
        self.last = *at;
        self.marker |= packet.rtp.marker;
        self.interleaved |= packet.rtp.ssrc != self.ssrc;
        if let Some(strips) = &mut self.strips {
            let mut rest = packet.data;
            for srd in packet.payload.srds() {
                let range = raster.locate(*srd)?;
                let (segment, behind) = rest.split_at(range.len().min(rest.len()));
                if !segment.is_empty() {
                    strips.segment(range, segment);
                }
                rest = behind;
            }
        }
        Ok(())
    }

    pub fn missing_octets(&self) -> usize {
        self.coverage.missing()
    }

    /// Whether octets came twice in packets of different numbers.
    pub fn overlaps(&self) -> bool {
        self.coverage.duplicated() > 0
    }

    /// Whether all of it came and the sender said so.
    pub fn ended(&self) -> bool {
        self.marker && self.coverage.is_complete()
    }

    pub fn read_strips(&self) -> Reading {
        let Some(strips) = &self.strips else { return Reading::NoRoom };
        match (strips.read(Edge::Top), strips.read(Edge::Bottom)) {
            (Some(Ok(top)), Some(Ok(bottom))) if top == bottom => Reading::Mark(top),
            (Some(Ok(_)), Some(_)) | (Some(_), Some(Ok(_))) => Reading::Differ,
            (Some(Ok(mark)), None) | (None, Some(Ok(mark))) => Reading::Mark(mark),
            _ => Reading::Unreadable,
        }
    }
}
