//! Which octets of a frame have arrived.

use super::{GeometryError, PayloadHeader, Raster};

/// Tells whether every octet of a frame has arrived exactly once.
///
/// One bit for each pixel group (130 kB for 1080p 4:2:2), allocated once; a packet of 1200
/// octets touches five words. [`Coverage::clear`] starts the next frame.
#[derive(Clone, Debug)]
pub struct Coverage {
    raster: Raster,
    arrived: Vec<u64>,
    /// Pixel groups that have arrived at least once, by field.
    covered: [usize; 2],
    /// Pixel groups that arrived again.
    duplicated: usize,
}

impl Coverage {
    /// Nothing has arrived of a frame of this raster; its stride plays no part.
    pub fn new(raster: &Raster) -> Self {
        let groups = raster.rows() * raster.row_pgroups();
        Self {
            raster: *raster,
            arrived: vec![0; groups.div_ceil(64)],
            covered: [0; 2],
            duplicated: 0,
        }
    }

    /// Records the data of a packet. On an error nothing is recorded.
    pub fn record(&mut self, header: &PayloadHeader) -> Result<(), GeometryError> {
        self.raster.check(header)?;
        for srd in header.srds() {
            let Some((row, groups)) = self.raster.groups(*srd)? else { continue };
            let start = row * self.raster.row_pgroups();
            let total = groups.len();
            let new = self.set(start + groups.start, start + groups.end);
            self.covered[usize::from(srd.field)] += new;
            self.duplicated += total - new;
        }
        Ok(())
    }

    /// Sets the bits of `from..to` and returns how many were not set before.
    fn set(&mut self, from: usize, to: usize) -> usize {
        let mut new = 0;
        let first = from / 64;
        for (word, bits) in self.arrived.iter_mut().enumerate().take(to.div_ceil(64)).skip(first) {
            let low = from.saturating_sub(word * 64);
            let high = (to - word * 64).min(64);
            // 0 <= low < high <= 64: the words between hold at least one bit of the range.
            let mask = (u64::MAX >> (64 - (high - low))) << low;
            new += (mask & !*bits).count_ones() as usize;
            *bits |= mask;
        }
        new
    }

    /// Octets of the frame that have not arrived.
    pub fn missing(&self) -> usize {
        self.raster.frame_octets() - self.octets(self.covered[0] + self.covered[1])
    }

    /// Octets of a field (0 or 1; for progressive video only 0) that have not arrived.
    pub fn missing_in_field(&self, field: u16) -> usize {
        if field >= self.raster.fields() {
            return 0;
        }
        self.raster.frame_octets() / usize::from(self.raster.fields())
            - self.octets(self.covered[usize::from(field)])
    }

    /// Octets that have arrived more than once, counted each time but the first.
    pub fn duplicated(&self) -> usize {
        self.octets(self.duplicated)
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.missing() == 0
    }

    /// Whether nothing is missing and nothing came twice.
    pub fn is_exact(&self) -> bool {
        self.is_complete() && self.duplicated == 0
    }

    /// Whether nothing has arrived yet.
    pub fn is_empty(&self) -> bool {
        self.covered == [0; 2]
    }

    /// Starts the next frame.
    pub fn clear(&mut self) {
        self.arrived.fill(0);
        self.covered = [0; 2];
        self.duplicated = 0;
    }

    fn octets(&self, groups: usize) -> usize {
        groups * usize::from(self.raster.pgroup().octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat};
    use crate::rfc4175::Srd;

    fn coverage(scan: Scan) -> Coverage {
        // 300 pixels in 150 groups of 5 octets a line, so that ranges straddle words.
        let format = VideoFormat {
            width: 300,
            height: 4,
            rate: Rate::new(25, 1).unwrap(),
            sampling: Sampling::YCbCr422,
            depth: Depth::D10,
            scan,
            packing: Packing::Gpm,
        };
        Coverage::new(&Raster::new(&format).unwrap())
    }

    fn packet(length: u16, field: bool, line: u16, offset: u16) -> PayloadHeader {
        PayloadHeader::new(0, &[Srd { length, field, line, offset }]).unwrap()
    }

    #[test]
    fn counts_what_is_missing_and_what_came_twice() {
        let mut coverage = coverage(Scan::Progressive);
        assert_eq!(coverage.missing(), 3000);
        for line in 0..4 {
            coverage.record(&packet(500, false, line, 0)).unwrap();
            coverage.record(&packet(245, false, line, 200)).unwrap();
        }
        assert_eq!((coverage.missing(), coverage.duplicated()), (20, 0));
        for line in 0..4 {
            coverage.record(&packet(5, false, line, 298)).unwrap();
        }
        assert!(coverage.is_exact());
        coverage.record(&packet(750, false, 3, 0)).unwrap();
        assert_eq!((coverage.is_complete(), coverage.is_exact()), (true, false));
        assert_eq!(coverage.duplicated(), 750);
        coverage.clear();
        assert!(coverage.is_empty());
        assert_eq!((coverage.missing(), coverage.duplicated()), (3000, 0));
    }

    #[test]
    fn fields_are_counted_apart() {
        let mut coverage = coverage(Scan::Interlaced);
        coverage.record(&packet(750, true, 0, 0)).unwrap();
        coverage.record(&packet(750, true, 1, 0)).unwrap();
        assert_eq!((coverage.missing_in_field(0), coverage.missing_in_field(1)), (1500, 0));
        assert_eq!(coverage.missing_in_field(2), 0);
        assert_eq!(coverage.missing(), 1500);
    }

    #[test]
    fn a_packet_outside_the_raster_changes_nothing() {
        let mut coverage = coverage(Scan::Progressive);
        let srds = [
            Srd { length: 5, field: false, line: 0, offset: 0 },
            Srd { length: 5, field: false, line: 4, offset: 0 },
        ];
        coverage.record(&PayloadHeader::new(0, &srds).unwrap()).unwrap_err();
        assert!(coverage.is_empty());
    }
}
