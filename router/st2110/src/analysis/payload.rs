//! What RFC 4175 headers say, against ST 2110-20.

use serde::Serialize;

use super::{counts::Counts, verdict::Verdict};
use crate::{
    format::{Packing, Scan, VideoFormat},
    rfc4175::{GeometryError, PayloadError, PayloadHeader, Raster},
};

/// Octets of a block (ST 2110-20 §6.3.3).
const BLOCK: usize = 180;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PayloadReport {
    /// Payloads without a sound header, or shorter than it announces.
    pub malformed: u64,
    /// Payloads with more than three segments.
    pub too_many_segments: u64,
    /// Segments whose length or offset is no multiple of the pixel group.
    pub pgroup_breaks: u64,
    /// Segments outside the raster.
    pub outside_raster: u64,
    /// Field bits in progressive video.
    pub field_bits_in_progressive: u64,
    /// Segments that do not lie behind the one before, in their frame or field.
    pub order_breaks: u64,
    /// Segments without data; allowed.
    pub empty_segments: u64,
    /// Payloads with octets behind the announced data.
    pub trailing_octets: u64,
    /// Packets of block packing whose data is no multiple of 180 octets.
    pub block_breaks: u64,
    /// Steps of the extended sequence number that the 16-bit number does not explain.
    pub extended_sequence_breaks: u64,
    /// Octets of data in a packet.
    pub data_octets: Counts,
}

impl PayloadReport {
    /// The checks of ST 2110-20.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let none = Verdict::none_of;
        vec![
            none("payload-headers", self.malformed, "RFC 4175 §4.2"),
            none("segments", self.too_many_segments, "ST 2110-20 §6.2.1"),
            none("pixel-groups", self.pgroup_breaks, "ST 2110-20 §6.2.1"),
            none("raster", self.outside_raster, "ST 2110-20 §6.2.1"),
            none("field-bits", self.field_bits_in_progressive, "RFC 4175 §4.2"),
            none("line-order", self.order_breaks, "ST 2110-20 §6.2.1"),
            none("extended-sequence", self.extended_sequence_breaks, "RFC 4175 §4.2"),
            none("blocks", self.block_breaks, "ST 2110-20 §6.3.3"),
            Verdict::better_none_of("trailing-octets", self.trailing_octets, "RFC 4175 §4.2"),
        ]
    }
}

/// Watches a stream's payload headers.
#[derive(Clone, Debug)]
pub struct PayloadWatch {
    raster: Option<Raster>,
    scan: Scan,
    packing: Packing,
    /// Line and pixel behind the last segment.
    behind: Option<(u16, u32)>,
    /// Number (extended to 64 bits) and extended sequence number of the last packet.
    last: Option<(u64, u16)>,
    report: PayloadReport,
}

impl PayloadWatch {
    /// For streams of a format. One that has no raster is not checked against it.
    pub fn new(format: &VideoFormat) -> Self {
        Self {
            raster: Raster::new(format).ok(),
            scan: format.scan,
            packing: format.packing,
            behind: None,
            last: None,
            report: PayloadReport::default(),
        }
    }

    /// Reads a payload's header; `None`, and counted, when there is no sound one.
    #[inline]
    pub fn parse(&mut self, payload: &[u8]) -> Option<PayloadHeader> {
        match PayloadHeader::parse(payload) {
            Ok(header) => {
                if payload.len() > header.data_start + header.data_len() {
                    self.report.trailing_octets += 1;
                }
                Some(header)
            }
            Err(PayloadError::TooManySegments) => {
                self.report.too_many_segments += 1;
                None
            }
            Err(_) => {
                self.report.malformed += 1;
                None
            }
        }
    }

    /// A new frame or field: its lines begin at the top.
    pub const fn start_unit(&mut self) {
        self.behind = None;
    }

    /// Checks the header of a packet that came in order, with its number.
    #[inline]
    pub fn check(&mut self, header: &PayloadHeader, number: u64) {
        let report = &mut self.report;
        report.data_octets.record(header.data_len() as i64);
        if self.packing == Packing::Bpm && !header.data_len().is_multiple_of(BLOCK) {
            report.block_breaks += 1;
        }
        if let Some((last, extended)) = self.last {
            let wraps = (number >> 16).wrapping_sub(last >> 16) as u16;
            if header.extended_sequence != extended.wrapping_add(wraps) {
                report.extended_sequence_breaks += 1;
            }
        }
        self.last = Some((number, header.extended_sequence));
        for srd in header.srds() {
            if srd.length == 0 {
                report.empty_segments += 1;
                continue;
            }
            if srd.field && self.scan == Scan::Progressive {
                report.field_bits_in_progressive += 1;
            }
            let start = (srd.line, u32::from(srd.offset));
            if self.behind.is_some_and(|behind| start < behind) {
                report.order_breaks += 1;
            }
            let Some(raster) = &self.raster else {
                self.behind = Some(start);
                continue;
            };
            let group = raster.pgroup();
            let pixels = u32::from(srd.length / group.octets.max(1)) * u32::from(group.pixels);
            self.behind = Some((srd.line, start.1 + pixels));
            match raster.locate(*srd) {
                Ok(_) => {}
                Err(GeometryError::Length { .. } | GeometryError::Offset { .. }) => {
                    report.pgroup_breaks += 1;
                }
                Err(_) => report.outside_raster += 1,
            }
        }
    }

    /// Forgets what came before: numbers start anew.
    pub const fn break_off(&mut self) {
        (self.behind, self.last) = (None, None);
    }

    /// What was found so far.
    pub const fn report(&self) -> &PayloadReport {
        &self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::{Depth, Rate, Sampling},
        rfc4175::Srd,
    };

    fn watch(packing: Packing) -> PayloadWatch {
        PayloadWatch::new(&VideoFormat {
            width: 100,
            height: 4,
            rate: Rate::new(25, 1).unwrap(),
            sampling: Sampling::YCbCr422,
            depth: Depth::D10,
            scan: Scan::Progressive,
            packing,
        })
    }

    fn check(watch: &mut PayloadWatch, number: u64, extended: u16, srd: Srd) {
        watch.check(&PayloadHeader::new(extended, &[srd]).unwrap(), number);
    }

    fn srd(length: u16, line: u16, offset: u16) -> Srd {
        Srd { length, field: false, line, offset }
    }

    #[test]
    fn each_rule_has_its_counter() {
        let mut watch = watch(Packing::Gpm);
        check(&mut watch, 65_534, 7, srd(125, 0, 0));
        check(&mut watch, 65_535, 7, srd(125, 0, 50));
        check(&mut watch, 65_536, 8, srd(250, 1, 0));
        assert!(watch.report().verdicts().iter().all(|found| found.value == "0"));
        check(&mut watch, 65_537, 8, srd(250, 0, 0));
        check(&mut watch, 65_538, 8, srd(7, 1, 0));
        check(&mut watch, 65_539, 8, srd(5, 2, 1));
        check(&mut watch, 65_540, 8, srd(255, 3, 0));
        check(&mut watch, 65_541, 8, srd(5, 4, 0));
        check(&mut watch, 65_542, 9, srd(0, 0, 0));
        check(&mut watch, 65_543, 9, Srd { field: true, ..srd(5, 4, 2) });
        let report = watch.report();
        assert_eq!(report.order_breaks, 1);
        assert_eq!(report.pgroup_breaks, 2);
        // Past the end of its line; line 4; the second field.
        assert_eq!(report.outside_raster, 3);
        assert_eq!((report.field_bits_in_progressive, report.empty_segments), (1, 1));
        assert_eq!(report.extended_sequence_breaks, 1);
        assert_eq!(report.block_breaks, 0);
    }

    #[test]
    fn blocks_are_of_180_octets() {
        let mut watch = watch(Packing::Bpm);
        check(&mut watch, 1, 0, srd(180, 0, 0));
        check(&mut watch, 2, 0, srd(70, 0, 72));
        assert_eq!(watch.report().block_breaks, 1);
        assert!(watch.parse(&[0; 7]).is_none());
        let header = PayloadHeader::new(0, &[srd(5, 0, 0)]).unwrap();
        let mut payload = [0; 16];
        header.write(&mut payload).unwrap();
        assert!(watch.parse(&payload).is_some());
        assert_eq!((watch.report().malformed, watch.report().trailing_octets), (1, 1));
    }
}
