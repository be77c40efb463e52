//! Where a segment's octets lie in a packed frame, and whether they lie in it at all.

use std::ops::Range;

use super::{PayloadHeader, Srd};
use crate::format::{Pgroup, Scan, VideoFormat};

/// Lines and offsets are 15 bits wide (RFC 4175 §4.2).
const MAX_LINES: u16 = 0x7fff;

/// The geometry of a packed frame: computed once for a format, used for every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raster {
    format: VideoFormat,
    pgroup: Pgroup,
    width: u16,
    fields: u16,
    field_lines: u16,
    rows: usize,
    row_octets: usize,
    stride: usize,
    frame_lines: bool,
}

impl Raster {
    /// The raster of a format, rows following each other without a gap.
    ///
    /// Refuses sizes that are no whole number of pixel groups in both directions and, for
    /// interlaced video and PsF, in both fields.
    pub fn new(format: &VideoFormat) -> Result<Self, RasterError> {
        let pgroup = format.pgroup();
        let (width, height) = (format.width, format.height);
        if width == 0 || height == 0 || width > MAX_LINES || height > MAX_LINES {
            return Err(RasterError::Size { width, height });
        }
        if !width.is_multiple_of(pgroup.pixels) {
            return Err(RasterError::Width { width, pixels: pgroup.pixels });
        }
        let lines = format.fields() * pgroup.lines;
        if !height.is_multiple_of(lines) {
            return Err(RasterError::Height { height, lines });
        }
        let row_octets = usize::from(width / pgroup.pixels) * usize::from(pgroup.octets);
        Ok(Self {
            format: *format,
            pgroup,
            width,
            fields: format.fields(),
            field_lines: height / format.fields(),
            rows: usize::from(height / pgroup.lines),
            row_octets,
            stride: row_octets,
            frame_lines: false,
        })
    }

    /// The same with `stride` octets from the start of one row to the next, as in a
    /// `GStreamer` buffer whose rows are padded.
    pub fn with_stride(self, stride: usize) -> Result<Self, RasterError> {
        // Bounded so that no offset computed from it can overflow.
        if stride < self.row_octets || stride > 1 << 24 {
            return Err(RasterError::Stride { stride, row_octets: self.row_octets });
        }
        Ok(Self { stride, ..self })
    }

    /// The same for a sender that numbers the lines of interlaced video through the whole
    /// frame (0, 2, 4 … in the first field, 1, 3, 5 … in the second) instead of anew in each
    /// field as ST 2110-20 §6.1.4 has it. `GStreamer` 1.22's `rtpvrawpay` does so.
    #[must_use]
    pub fn with_frame_lines(self) -> Self {
        Self { frame_lines: true, ..self }
    }

    /// The format this is the raster of.
    pub const fn format(&self) -> &VideoFormat {
        &self.format
    }

    /// The pixel group.
    pub const fn pgroup(&self) -> Pgroup {
        self.pgroup
    }

    /// Fields (or segments) a frame: 1 or 2.
    pub const fn fields(&self) -> u16 {
        self.fields
    }

    /// Rows of pixel groups in the frame: its lines, or half of them for 4:2:0.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Octets of picture in a row.
    pub const fn row_octets(&self) -> usize {
        self.row_octets
    }

    /// Octets from the start of one row to the next.
    pub const fn stride(&self) -> usize {
        self.stride
    }

    /// Octets of picture in the frame, without padding.
    pub const fn frame_octets(&self) -> usize {
        self.rows * self.row_octets
    }

    /// Octets a buffer needs to hold the frame; the last row needs no padding.
    pub const fn buffer_octets(&self) -> usize {
        (self.rows - 1) * self.stride + self.row_octets
    }

    /// The row that holds line `line` of the whole frame, and which line of its row that is
    /// (always 0 but for 4:2:0).
    #[inline]
    pub(super) const fn row_of(&self, line: usize) -> (usize, usize) {
        let (fields, lines) = (self.fields as usize, self.pgroup.lines as usize);
        let (field, in_field) = (line % fields, line / fields);
        (in_field / lines * fields + field, in_field % lines)
    }

    /// The line of the whole frame that is line `below` of a row: 0, or 1 for the lower of the
    /// two lines that a row of 4:2:0 holds.
    #[inline]
    pub const fn line_of(&self, row: usize, below: usize) -> usize {
        let (fields, lines) = (self.fields as usize, self.pgroup.lines as usize);
        (row / fields * lines + below) * fields + row % fields
    }

    /// Pixel groups in a row.
    pub(super) const fn row_pgroups(&self) -> usize {
        (self.width / self.pgroup.pixels) as usize
    }

    /// The row of a field's line, and the pixel groups of the row a segment covers.
    /// `None` for an empty segment, which may point anywhere.
    #[inline]
    pub(super) fn groups(&self, srd: Srd) -> Result<Option<(usize, Range<usize>)>, GeometryError> {
        let Pgroup { octets, pixels, lines } = self.pgroup;
        let Srd { length, field, line, offset } = srd;
        if length == 0 {
            return Ok(None);
        }
        if field && self.fields == 1 {
            return Err(GeometryError::Field { scan: self.format.scan });
        }
        let line = if self.frame_lines && self.fields == 2 {
            if line % 2 != u16::from(field) {
                return Err(GeometryError::FieldLine { line, field: u16::from(field) });
            }
            line / 2
        } else {
            line
        };
        if line >= self.field_lines {
            return Err(GeometryError::Line { line, lines: self.field_lines });
        }
        if line % lines != 0 {
            return Err(GeometryError::OddLine { line });
        }
        if length % octets != 0 {
            return Err(GeometryError::Length { length, pgroup: octets });
        }
        if offset % pixels != 0 {
            return Err(GeometryError::Offset { offset, pixels });
        }
        let first = usize::from(offset / pixels);
        let behind = first + usize::from(length / octets);
        if behind > self.row_pgroups() {
            return Err(GeometryError::PastEnd { offset, length, width: self.width });
        }
        let row = usize::from(line / lines * self.fields + u16::from(field));
        Ok(Some((row, first..behind)))
    }

    /// The octets of a packed frame that a segment's data belongs to; an empty range at 0
    /// for an empty segment.
    #[inline]
    pub fn locate(&self, srd: Srd) -> Result<Range<usize>, GeometryError> {
        Ok(match self.groups(srd)? {
            None => 0..0,
            Some((row, groups)) => {
                let octets = usize::from(self.pgroup.octets);
                let start = row * self.stride;
                start + groups.start * octets..start + groups.end * octets
            }
        })
    }

    /// Whether every segment of a packet lies in the raster.
    #[inline]
    pub fn check(&self, header: &PayloadHeader) -> Result<(), GeometryError> {
        header.srds().iter().try_for_each(|srd| self.groups(*srd).map(drop))
    }

    /// Copies a packet's data to its place in `frame`.
    ///
    /// `data` is the payload from [`PayloadHeader::data_start`] on. On an error the frame
    /// may hold the segments before the faulty one.
    #[inline]
    pub fn place(
        &self,
        header: &PayloadHeader,
        data: &[u8],
        frame: &mut [u8],
    ) -> Result<(), PlaceError> {
        let mut rest = data;
        for srd in header.srds() {
            let range = self.locate(*srd)?;
            let Some((segment, behind)) = rest.split_at_checked(range.len()) else {
                return Err(PlaceError::DataShort {
                    octets: data.len(),
                    announced: header.data_len(),
                });
            };
            let octets = frame.len();
            let Some(to) = frame.get_mut(range) else {
                return Err(PlaceError::FrameShort { octets, needed: self.buffer_octets() });
            };
            to.copy_from_slice(segment);
            rest = behind;
        }
        Ok(())
    }
}

/// Whether every segment of a packet lies in a format's raster.
///
/// Whoever checks many packets keeps a [`Raster`] and calls [`Raster::check`].
pub fn check(header: &PayloadHeader, format: &VideoFormat) -> Result<(), GeometryError> {
    Raster::new(format)?.check(header)
}

/// Copies a packet's data to its place in a packed frame of `stride` octets a row.
///
/// Whoever places many packets keeps a [`Raster`] and calls [`Raster::place`].
pub fn place(
    header: &PayloadHeader,
    data: &[u8],
    format: &VideoFormat,
    frame: &mut [u8],
    stride: usize,
) -> Result<(), PlaceError> {
    let raster = Raster::new(format).and_then(|raster| raster.with_stride(stride));
    raster.map_err(GeometryError::from)?.place(header, data, frame)
}

/// A raster that cannot be cut into pixel groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RasterError {
    /// Empty or too large.
    #[error("{width}x{height} is no raster: 1 to 32767 in both directions (RFC 4175 §4.2)")]
    Size {
        /// Pixels in a line.
        width: u16,
        /// Lines in a frame.
        height: u16,
    },
    /// A line is no whole number of pixel groups.
    #[error("lines of {width} pixels: must be a multiple of {pixels} (ST 2110-20 §6.2)")]
    Width {
        /// Pixels in a line.
        width: u16,
        /// Pixels in a group.
        pixels: u16,
    },
    /// A frame is no whole number of rows in each field.
    #[error("{height} lines: must be a multiple of {lines} (ST 2110-20 §6.2)")]
    Height {
        /// Lines in a frame.
        height: u16,
        /// Lines a pixel group covers, times the fields.
        lines: u16,
    },
    /// Rows would overlap, or lie absurdly far apart.
    #[error("a stride of {stride} octets: must be at least {row_octets} and at most 16 MiB")]
    Stride {
        /// Octets from row to row.
        stride: usize,
        /// Octets of picture in a row.
        row_octets: usize,
    },
}

/// A segment that does not fit the raster it claims to be part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// The format itself.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// The field bit in a progressive stream.
    #[error("the field bit is set in {scan} video (RFC 4175 §4.2)")]
    Field {
        /// How the stream is scanned.
        scan: Scan,
    },
    /// A line of the other field, where lines are numbered through the frame.
    #[error("frame line {line} in field {field}: first fields have even lines")]
    FieldLine {
        /// The line number of the segment.
        line: u16,
        /// The segment's field.
        field: u16,
    },
    /// Below the last line.
    #[error("line {line} of a frame or field of {lines} lines (RFC 4175 §4.2)")]
    Line {
        /// The line number of the segment.
        line: u16,
        /// Lines there are.
        lines: u16,
    },
    /// 4:2:0 rows are pairs of lines, numbered by the upper one.
    #[error("4:2:0 data for line {line}: must be the even line of a pair (RFC 4175 §4.3)")]
    OddLine {
        /// The line number of the segment.
        line: u16,
    },
    /// Not whole pixel groups.
    #[error("{length} octets of data: must be a multiple of {pgroup} (ST 2110-20 §6.2)")]
    Length {
        /// Octets in the segment.
        length: u16,
        /// Octets in a group.
        pgroup: u16,
    },
    /// Between two pixel groups.
    #[error("offset {offset}: must be a multiple of {pixels} pixels (RFC 4175 §4.2)")]
    Offset {
        /// The pixel offset of the segment.
        offset: u16,
        /// Pixels in a group.
        pixels: u16,
    },
    /// Beyond the end of the line.
    #[error("{length} octets at pixel {offset} reach past a line of {width} pixels")]
    PastEnd {
        /// The pixel offset of the segment.
        offset: u16,
        /// Octets in the segment.
        length: u16,
        /// Pixels in a line.
        width: u16,
    },
}

/// Data that could not be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The segment does not fit the raster.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// Less data than the header announces.
    #[error("{octets} octets of data where the headers announce {announced} (RFC 4175 §4.2)")]
    DataShort {
        /// Octets given.
        octets: usize,
        /// The sum of the segments' lengths.
        announced: usize,
    },
    /// The buffer does not hold the raster.
    #[error("a frame buffer of {octets} octets where the raster needs {needed}")]
    FrameShort {
        /// Octets in the buffer.
        octets: usize,
        /// Octets of the raster at its stride.
        needed: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Depth, Packing, Rate, Sampling};

    fn format(
        width: u16,
        height: u16,
        sampling: Sampling,
        depth: Depth,
        scan: Scan,
    ) -> VideoFormat {
        let rate = Rate::new(25, 1).unwrap();
        VideoFormat { width, height, rate, sampling, depth, scan, packing: Packing::Gpm }
    }

    fn srd(length: u16, field: bool, line: u16, offset: u16) -> Srd {
        Srd { length, field, line, offset }
    }

    #[test]
    fn segments_are_located_by_hand_computed_octets() {
        // 4:2:2 10-bit, 8 pixels: rows of 20 octets.
        let raster =
            Raster::new(&format(8, 4, Sampling::YCbCr422, Depth::D10, Scan::Progressive)).unwrap();
        assert_eq!((raster.row_octets(), raster.rows(), raster.frame_octets()), (20, 4, 80));
        assert_eq!(raster.locate(srd(10, false, 2, 4)), Ok(50..60));
        let padded = raster.with_stride(32).unwrap();
        assert_eq!(padded.locate(srd(10, false, 2, 4)), Ok(74..84));
        assert_eq!(padded.buffer_octets(), 116);
        // Interlaced: line 1 of the second field is line 3 of the frame.
        let raster =
            Raster::new(&format(8, 4, Sampling::YCbCr422, Depth::D10, Scan::Interlaced)).unwrap();
        assert_eq!(raster.locate(srd(20, true, 1, 0)), Ok(60..80));
        // 4:2:0 8-bit interlaced, 4 pixels: rows of 12 octets for two lines of a field.
        let raster = Raster::new(&format(4, 8, Sampling::YCbCr420, Depth::D8, Scan::Psf)).unwrap();
        assert_eq!((raster.row_octets(), raster.rows()), (12, 4));
        assert_eq!(raster.locate(srd(6, false, 2, 2)), Ok(30..36));
        assert_eq!(raster.locate(srd(6, true, 2, 0)), Ok(36..42));
    }

    #[test]
    fn lines_may_be_numbered_through_the_frame() {
        let format = format(8, 4, Sampling::YCbCr422, Depth::D10, Scan::Interlaced);
        let raster = Raster::new(&format).unwrap().with_frame_lines();
        assert_eq!(raster.locate(srd(20, true, 3, 0)), Ok(60..80));
        assert_eq!(raster.locate(srd(20, false, 2, 0)), Ok(40..60));
        let error = GeometryError::FieldLine { line: 2, field: 1 };
        assert_eq!(raster.locate(srd(20, true, 2, 0)), Err(error));
        let error = GeometryError::Line { line: 2, lines: 2 };
        assert_eq!(raster.locate(srd(20, false, 4, 0)), Err(error));
    }

    #[test]
    fn every_way_out_of_the_raster_is_named() {
        let progressive = format(8, 4, Sampling::YCbCr422, Depth::D10, Scan::Progressive);
        let raster = Raster::new(&progressive).unwrap();
        for (segment, error) in [
            (srd(5, true, 0, 0), GeometryError::Field { scan: Scan::Progressive }),
            (srd(5, false, 4, 0), GeometryError::Line { line: 4, lines: 4 }),
            (srd(6, false, 0, 0), GeometryError::Length { length: 6, pgroup: 5 }),
            (srd(5, false, 0, 1), GeometryError::Offset { offset: 1, pixels: 2 }),
            (srd(10, false, 0, 6), GeometryError::PastEnd { offset: 6, length: 10, width: 8 }),
        ] {
            assert_eq!(raster.locate(segment), Err(error));
            let header = PayloadHeader::new(0, &[srd(0, true, 9, 9), segment]).unwrap();
            assert_eq!(check(&header, &progressive), Err(error));
        }
        let raster =
            Raster::new(&format(4, 4, Sampling::YCbCr420, Depth::D8, Scan::Progressive)).unwrap();
        assert_eq!(raster.locate(srd(6, false, 1, 0)), Err(GeometryError::OddLine { line: 1 }));
        let interlaced = format(8, 4, Sampling::YCbCr422, Depth::D10, Scan::Interlaced);
        let header = PayloadHeader::new(0, &[srd(5, true, 2, 0)]).unwrap();
        assert_eq!(check(&header, &interlaced), Err(GeometryError::Line { line: 2, lines: 2 }));
    }

    #[test]
    fn rasters_without_whole_groups_are_refused() {
        let new = |width, height, sampling, depth, scan| {
            Raster::new(&format(width, height, sampling, depth, scan)).unwrap_err()
        };
        let (p, i) = (Scan::Progressive, Scan::Interlaced);
        assert_eq!(
            new(7, 2, Sampling::YCbCr422, Depth::D8, p),
            RasterError::Width { width: 7, pixels: 2 }
        );
        assert_eq!(
            new(6, 2, Sampling::Rgb, Depth::D10, p),
            RasterError::Width { width: 6, pixels: 4 }
        );
        assert_eq!(
            new(8, 6, Sampling::YCbCr420, Depth::D8, i),
            RasterError::Height { height: 6, lines: 4 }
        );
        assert!(matches!(new(0, 2, Sampling::Rgb, Depth::D8, p), RasterError::Size { .. }));
        assert!(matches!(new(2, 32768, Sampling::Rgb, Depth::D8, p), RasterError::Size { .. }));
    }

    #[test]
    fn placing_copies_each_segment_to_its_row() {
        let format = format(2, 2, Sampling::YCbCr422, Depth::D8, Scan::Progressive);
        let header =
            PayloadHeader::new(0, &[srd(4, false, 1, 0), srd(0, false, 0, 0), srd(4, false, 0, 0)])
                .unwrap();
        let data = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let mut frame = [0; 9];
        place(&header, &data, &format, &mut frame, 5).unwrap();
        assert_eq!(frame, [5, 6, 7, 8, 0, 1, 2, 3, 4]);
        assert_eq!(
            place(&header, &data[..7], &format, &mut frame, 5),
            Err(PlaceError::DataShort { octets: 7, announced: 8 })
        );
        assert_eq!(
            place(&header, &data, &format, &mut frame[..8], 5),
            Err(PlaceError::FrameShort { octets: 8, needed: 9 })
        );
        assert!(place(&header, &data, &format, &mut frame, 3).is_err());
    }
}
