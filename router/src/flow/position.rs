//! Where in the frame a packet continues, so that a stream of another format is noticed
//! at its first line.

use st2110::{
    format::{Pgroup, VideoFormat},
    rfc4175::{PayloadHeader, RasterError},
};

/// A place between two pixel groups of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// 0, or 1 in the second field or segment; `fields` at the end of the frame.
    pub field: u16,
    /// Line within the field.
    pub line: u16,
    /// Pixel within the line.
    pub offset: u16,
}

/// Start of a frame.
pub const START: Position = Position { field: 0, line: 0, offset: 0 };

/// The declared geometry, as integers ready for the packet path.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pgroup: Pgroup,
    width: u16,
    field_lines: u16,
    /// 1, or 2 for interlaced video and PsF.
    pub fields: u16,
}

/// A packet contradicts the declared format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction;

impl Geometry {
    /// The geometry of a format.
    ///
    /// # Errors
    /// When the format is no whole number of pixel groups.
    pub fn new(format: &VideoFormat) -> Result<Self, RasterError> {
        // The raster refuses what cannot be sent.
        st2110::rfc4175::Raster::new(format)?;
        Ok(Self {
            pgroup: format.pgroup(),
            width: format.width,
            field_lines: format.height / format.fields(),
            fields: format.fields(),
        })
    }

    /// First and last place of a packet's data: `None` for one that carries none.
    ///
    /// # Errors
    /// When a segment lies outside the raster, is no whole number of pixel groups, or does
    /// not continue where the one before ended.
    #[inline]
    pub fn span(
        &self,
        header: &PayloadHeader,
    ) -> Result<Option<(Position, Position)>, Contradiction> {
        let mut span: Option<(Position, Position)> = None;
        for srd in header.srds() {
            if srd.length == 0 {
                continue;
            }
            let at = Position { field: u16::from(srd.field), line: srd.line, offset: srd.offset };
            let Pgroup { octets, pixels, lines } = self.pgroup;
            let groups = srd.length / octets;
            if groups * octets != srd.length
                || !at.offset.is_multiple_of(pixels)
                || !at.line.is_multiple_of(lines)
                || at.line >= self.field_lines
                || at.field >= self.fields
            {
                return Err(Contradiction);
            }
            let end = u32::from(at.offset) + u32::from(groups) * u32::from(pixels);
            if end > u32::from(self.width) {
                return Err(Contradiction);
            }
            let behind = self.normalised(Position { offset: end as u16, ..at });
            span = match span {
                None => Some((at, behind)),
                Some((first, end)) if end == at => Some((first, behind)),
                Some(_) => return Err(Contradiction),
            };
        }
        Ok(span)
    }

    /// Whether a place is the end of the frame.
    #[inline]
    pub fn is_end(&self, at: Position) -> bool {
        at.field == self.fields
    }

    /// Whether a place is the end of a field, or of the frame.
    #[inline]
    pub fn is_field_end(at: Position) -> bool {
        at.line == 0 && at.offset == 0 && at.field > 0
    }

    /// The end of a line is the start of the next; of a field, of the next field.
    #[inline]
    fn normalised(&self, at: Position) -> Position {
        if at.offset < self.width {
            return at;
        }
        let line = at.line + self.pgroup.lines;
        if line < self.field_lines {
            Position { field: at.field, line, offset: 0 }
        } else {
            Position { field: at.field + 1, line: 0, offset: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use st2110::{
        format::{Depth, Packing, Sampling, Scan},
        rfc4175::{FramePlan, STANDARD_UDP_LIMIT},
    };

    use super::*;

    #[test]
    fn every_planned_frame_is_one_unbroken_walk() {
        for scan in [Scan::Progressive, Scan::Interlaced, Scan::Psf] {
            for packing in [Packing::Gpm, Packing::Bpm] {
                for (sampling, depth) in [
                    (Sampling::YCbCr422, Depth::D10),
                    (Sampling::YCbCr420, Depth::D8),
                    (Sampling::Rgb, Depth::D8),
                ] {
                    let format = VideoFormat {
                        width: 640,
                        height: 360,
                        rate: "50".parse().unwrap(),
                        sampling,
                        depth,
                        scan,
                        packing,
                    };
                    let geometry = Geometry::new(&format).unwrap();
                    let plan = FramePlan::new(&format, STANDARD_UDP_LIMIT).unwrap();
                    let mut at = START;
                    let mut octets = [0; 64];
                    for index in 0..plan.packets() {
                        let packet = plan.packet(index).unwrap();
                        let length = plan.header(index, 0, 0, 0, 96, &mut octets);
                        let data = vec![0; packet.data_len()];
                        let payload = [&octets[12..length], &data].concat();
                        let header = PayloadHeader::parse(&payload).unwrap();
                        let (first, behind) = geometry.span(&header).unwrap().unwrap();
                        assert_eq!(first, at, "{format} packet {index}");
                        assert_eq!(packet.marker, Geometry::is_field_end(behind));
                        at = behind;
                    }
                    assert!(geometry.is_end(at), "{format}");
                }
            }
        }
    }
}
