//! The packets of a frame, computed instead of stored.
//!
//! A [`FramePlan`] answers for any packet of a frame what it carries, in a few divisions
//! and without a table: a 2160p frame of 17 280 packets costs no memory and no cache.
//!
//! **General packing** (ST 2110-20 §6.3.2): no packet spans two rows, and all are equal if
//! the row has a divisor that fills a packet at least half way, so that UDP segmentation
//! can carry a whole frame in equal datagrams. Otherwise the last packet of each row is
//! shorter. **Block packing** (§6.3.3): packets of whole 180-octet blocks, running on from
//! row to row within a field; a packet over a row boundary has a longer header.

use std::ops::Range;

use super::{MAX_SRDS, PayloadHeader, Raster, RasterError, SRD_LEN, Srd};
use crate::{
    format::{Packing, VideoFormat},
    rtp::{HEADER_LEN, RtpHeader},
};

/// The standard UDP size limit (ST 2110-10 §6.3): octets of a datagram with its UDP header.
pub const STANDARD_UDP_LIMIT: u16 = 1460;

/// Octets of the longest RTP and payload header together.
pub const MAX_HEADER_LEN: usize = HEADER_LEN + 2 + MAX_SRDS * SRD_LEN;

/// Octets of a UDP header.
const UDP_HEADER: u16 = 8;

/// Octets of a block (ST 2110-20 §6.3.3).
const BLOCK: usize = 180;

/// How the frames of a format are cut into packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramePlan {
    raster: Raster,
    layout: Layout,
    /// Octets of data in a full packet.
    data_octets: usize,
    packets_per_field: usize,
    field_rows: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Each row starts a packet and has so many.
    Rows { packets: usize },
    /// Packets run on through the field.
    Blocks,
}

/// What one packet of a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPacket {
    /// The payload header, with an extended sequence number of 0.
    pub header: PayloadHeader,
    /// Last packet of its field (or frame, if progressive).
    pub marker: bool,
    /// Field (or segment): 0 or 1.
    pub field: u16,
    ranges: [Range<usize>; MAX_SRDS],
    count: usize,
}

impl PlannedPacket {
    /// The octets of the packed frame that follow the header, in order: one to three
    /// ranges, usually one.
    pub fn ranges(&self) -> &[Range<usize>] {
        // `count` is 1 to 3 by construction.
        self.ranges.get(..self.count).unwrap_or(&self.ranges)
    }

    /// Octets of data.
    pub fn data_len(&self) -> usize {
        self.header.data_len()
    }

    /// Octets of the RTP packet, all headers included.
    pub fn packet_len(&self) -> usize {
        HEADER_LEN + self.header.data_start + self.data_len()
    }
}

impl FramePlan {
    /// Plans packets of at most `max_udp` octets of UDP datagram, its 8-octet header
    /// included: [`STANDARD_UDP_LIMIT`], or the `MAXUDP` of the SDP up to 8960.
    pub fn new(format: &VideoFormat, max_udp: u16) -> Result<Self, PlanError> {
        Self::for_raster(Raster::new(format)?, format.packing, max_udp)
    }

    /// The same for a frame buffer whose rows lie `stride` octets apart.
    pub fn with_stride(
        format: &VideoFormat,
        max_udp: u16,
        stride: usize,
    ) -> Result<Self, PlanError> {
        Self::for_raster(Raster::new(format)?.with_stride(stride)?, format.packing, max_udp)
    }

    fn for_raster(raster: Raster, packing: Packing, max_udp: u16) -> Result<Self, PlanError> {
        let field_rows = raster.rows() / usize::from(raster.fields());
        let room = |srds: usize| {
            usize::from(max_udp.saturating_sub(UDP_HEADER))
                .saturating_sub(HEADER_LEN + 2 + srds * SRD_LEN)
        };
        let plan = |layout, data_octets, packets_per_field| Self {
            raster,
            layout,
            data_octets,
            packets_per_field,
            field_rows,
        };
        match packing {
            Packing::Gpm => {
                let octets = usize::from(raster.pgroup().octets);
                let most = room(1) / octets;
                if most == 0 {
                    return Err(PlanError::LimitTooSmall { max_udp, data: octets });
                }
                let groups = share_row(raster.row_pgroups(), most);
                let packets = raster.row_pgroups().div_ceil(groups);
                Ok(plan(Layout::Rows { packets }, groups * octets, packets * field_rows))
            }
            Packing::Bpm => {
                // Data of up to two rows' length touches at most three rows.
                let data = room(MAX_SRDS).min(2 * raster.row_octets()) / BLOCK * BLOCK;
                if data == 0 {
                    return Err(if room(MAX_SRDS) < BLOCK {
                        PlanError::LimitTooSmall { max_udp, data: BLOCK }
                    } else {
                        PlanError::RowTooShort { row_octets: raster.row_octets() }
                    });
                }
                let packets = (field_rows * raster.row_octets()).div_ceil(data);
                Ok(plan(Layout::Blocks, data, packets))
            }
        }
    }

    /// Packets a frame (NPKT of ST 2110-21).
    pub const fn packets(&self) -> usize {
        self.packets_per_field * self.raster.fields() as usize
    }

    /// Packets a field; the same as [`FramePlan::packets`] for progressive video.
    pub const fn packets_per_field(&self) -> usize {
        self.packets_per_field
    }

    /// Octets of data in a full packet.
    pub const fn data_octets(&self) -> usize {
        self.data_octets
    }

    /// Octets of the longest RTP packet: what buffers and segment sizes are chosen by.
    pub fn max_packet_len(&self) -> usize {
        let srds = match self.layout {
            Layout::Rows { .. } => 1,
            Layout::Blocks if self.data_octets <= self.raster.row_octets() => 2,
            Layout::Blocks => MAX_SRDS,
        };
        HEADER_LEN + 2 + srds * SRD_LEN + self.data_octets
    }

    /// Whether every packet of the frame has the same length.
    pub const fn is_uniform(&self) -> bool {
        match self.layout {
            Layout::Rows { packets } => packets * self.data_octets == self.raster.row_octets(),
            Layout::Blocks => false,
        }
    }

    /// The geometry of the packed frame.
    pub const fn raster(&self) -> &Raster {
        &self.raster
    }

    /// What packet `index` of a frame carries; `None` from [`FramePlan::packets`] on.
    #[inline]
    pub fn packet(&self, index: usize) -> Option<PlannedPacket> {
        if index >= self.packets() {
            return None;
        }
        let field = index / self.packets_per_field;
        let in_field = index % self.packets_per_field;
        let row_octets = self.raster.row_octets();
        // The packet's data as octets of the field's rows laid end to end.
        let (start, end) = match self.layout {
            Layout::Rows { packets } => {
                let row = in_field / packets * row_octets;
                let start = in_field % packets * self.data_octets;
                (row + start, row + (start + self.data_octets).min(row_octets))
            }
            Layout::Blocks => {
                let start = in_field * self.data_octets;
                (start, (start + self.data_octets).min(self.field_rows * row_octets))
            }
        };
        let pgroup = self.raster.pgroup();
        let fields = usize::from(self.raster.fields());
        let mut srds = [Srd::default(); MAX_SRDS];
        let mut ranges = [0..0, 0..0, 0..0];
        let (mut segments, mut count, mut at) = (0, 0, start);
        while at < end {
            let (row, column) = (at / row_octets, at % row_octets);
            let length = (row_octets - column).min(end - at);
            srds[segments] = Srd {
                length: length as u16,
                field: field == 1,
                line: row as u16 * pgroup.lines,
                offset: (column / usize::from(pgroup.octets)) as u16 * pgroup.pixels,
            };
            segments += 1;
            let place = (row * fields + field) * self.raster.stride() + column;
            if count > 0 && ranges[count - 1].end == place {
                ranges[count - 1].end += length;
            } else {
                ranges[count] = place..place + length;
                count += 1;
            }
            at += length;
        }
        Some(PlannedPacket {
            header: PayloadHeader::new(0, &srds[..segments])?,
            marker: in_field + 1 == self.packets_per_field,
            field: field as u16,
            ranges,
            count,
        })
    }

    /// Writes the RTP and payload header of packet `index` and returns their octets.
    ///
    /// The high 16 bits of `sequence` become the extended sequence number. Returns 0, and
    /// writes nothing of use, when there is no such packet or `out` is shorter than the
    /// header ([`MAX_HEADER_LEN`] always suffices).
    #[inline]
    pub fn header(
        &self,
        index: usize,
        sequence: u32,
        timestamp: u32,
        ssrc: u32,
        payload_type: u8,
        out: &mut [u8],
    ) -> usize {
        self.packet(index)
            .map_or(0, |packet| packet.write_header(sequence, timestamp, ssrc, payload_type, out))
    }
}

impl PlannedPacket {
    /// Writes the packet's RTP and payload header, as [`FramePlan::header`] does.
    #[inline]
    pub fn write_header(
        &self,
        sequence: u32,
        timestamp: u32,
        ssrc: u32,
        payload_type: u8,
        out: &mut [u8],
    ) -> usize {
        let header = RtpHeader {
            marker: self.marker,
            payload_type,
            sequence: sequence as u16,
            timestamp,
            ssrc,
            payload_start: HEADER_LEN,
            payload_end: HEADER_LEN,
        };
        let mut payload = self.header;
        payload.extended_sequence = (sequence >> 16) as u16;
        let Some((fixed, rest)) = out.split_at_mut_checked(HEADER_LEN) else { return 0 };
        match (header.write_fixed(fixed), payload.write(rest)) {
            (Ok(rtp), Some(octets)) => rtp + octets,
            _ => 0,
        }
    }
}

/// How many pixel groups a packet takes of a row of `groups`, `most` at the utmost.
fn share_row(groups: usize, most: usize) -> usize {
    let most = most.min(groups);
    let equal = (1..=most).rev().find(|share| groups.is_multiple_of(*share)).unwrap_or(1);
    if equal * 2 >= most { equal } else { groups.div_ceil(groups.div_ceil(most)) }
}

/// Why a format cannot be cut into packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The raster itself.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// No room for a pixel group or block.
    #[error(
        "datagrams of {max_udp} octets have no room for {data} octets of data behind their headers: allow more, 1460 is the standard limit (ST 2110-10 §6.3)"
    )]
    LimitTooSmall {
        /// The limit given, UDP header included.
        max_udp: u16,
        /// The least data a packet carries.
        data: usize,
    },
    /// A block would touch more than three rows.
    #[error(
        "block packing needs rows of at least 90 octets, these have {row_octets}: use GPM (ST 2110-20 §6.3.3)"
    )]
    RowTooShort {
        /// Octets in a row.
        row_octets: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Depth, Rate, Sampling, Scan};

    fn format(width: u16, height: u16, scan: Scan, packing: Packing) -> VideoFormat {
        VideoFormat {
            width,
            height,
            rate: Rate::new(60, 1).unwrap(),
            sampling: Sampling::YCbCr422,
            depth: Depth::D10,
            scan,
            packing,
        }
    }

    fn plan(width: u16, height: u16, scan: Scan, packing: Packing) -> FramePlan {
        FramePlan::new(&format(width, height, scan, packing), STANDARD_UDP_LIMIT).unwrap()
    }

    #[test]
    fn the_usual_rasters_have_the_usual_packet_counts() {
        for (width, height, gpm, bpm) in [(1920, 1080, 4320, 4115), (3840, 2160, 17_280, 16_458)] {
            let general = plan(width, height, Scan::Progressive, Packing::Gpm);
            assert_eq!((general.packets(), general.data_octets()), (gpm, 1200));
            assert!(general.is_uniform());
            assert_eq!(general.max_packet_len(), 1220);
            let block = plan(width, height, Scan::Progressive, Packing::Bpm);
            assert_eq!((block.packets(), block.data_octets()), (bpm, 1260));
            assert_eq!(block.max_packet_len(), 1286);
        }
        let field = plan(1920, 1080, Scan::Interlaced, Packing::Gpm);
        assert_eq!((field.packets(), field.packets_per_field()), (4320, 2160));
    }

    #[test]
    fn general_packing_by_hand() {
        let plan = plan(1920, 1080, Scan::Progressive, Packing::Gpm);
        let packet = plan.packet(5).unwrap();
        assert_eq!(
            packet.header.srds(),
            [Srd { length: 1200, field: false, line: 1, offset: 480 }]
        );
        assert_eq!(packet.ranges(), std::slice::from_ref(&(6000..7200)));
        assert!(!packet.marker);
        assert!(plan.packet(4319).unwrap().marker);
        assert_eq!(plan.packet(4320), None);
        let mut out = [0; MAX_HEADER_LEN];
        assert_eq!(plan.header(5, 0x0001_0002, 3, 4, 96, &mut out), 20);
        assert_eq!(
            out[..20],
            [0x80, 96, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 1, 4, 0xb0, 0, 1, 1, 0xe0]
        );
        assert_eq!(plan.header(4320, 0, 0, 0, 96, &mut out), 0);
        assert_eq!(plan.header(5, 0, 0, 0, 96, &mut out[..19]), 0);
    }

    #[test]
    fn block_packing_by_hand() {
        // 4800 octets a row: the fourth packet takes the row's last 1020 and 240 of the next.
        let plan = plan(1920, 1080, Scan::Progressive, Packing::Bpm);
        let packet = plan.packet(3).unwrap();
        assert_eq!(
            packet.header.srds(),
            [
                Srd { length: 1020, field: false, line: 0, offset: 1512 },
                Srd { length: 240, field: false, line: 1, offset: 0 },
            ]
        );
        assert_eq!(packet.ranges(), std::slice::from_ref(&(3780..5040)));
        assert_eq!(packet.packet_len(), 12 + 14 + 1260);
        // 1080 × 4800 = 4114 × 1260 + 360
        let last = plan.packet(4114).unwrap();
        assert_eq!((last.data_len(), last.marker), (360, true));
    }

    #[test]
    fn interlaced_rows_alternate_in_the_frame() {
        let plan = plan(1920, 1080, Scan::Interlaced, Packing::Bpm);
        let second = plan.packets_per_field();
        let first = plan.packet(second + 3).unwrap();
        assert_eq!(first.field, 1);
        assert_eq!(first.ranges(), [8580..9600, 14_400..14_640]);
        assert!(plan.packet(second - 1).unwrap().marker);
        assert!(first.header.srds().iter().all(|srd| srd.field));
    }

    #[test]
    fn padded_rows_are_gathered_from_where_they_lie() {
        let format = format(1920, 1080, Scan::Progressive, Packing::Bpm);
        let plan = FramePlan::with_stride(&format, STANDARD_UDP_LIMIT, 4864).unwrap();
        assert_eq!(plan.packet(3).unwrap().ranges(), [3780..4800, 4864..5104]);
    }

    #[test]
    fn rows_without_a_fair_divisor_end_in_a_shorter_packet() {
        // 1366 pixels are 683 groups, a prime: 3 packets of 228, 228 and 227.
        let plan = plan(1366, 768, Scan::Progressive, Packing::Gpm);
        assert_eq!((plan.packets(), plan.is_uniform()), (3 * 768, false));
        assert_eq!(plan.packet(2).unwrap().data_len(), 227 * 5);
        assert_eq!(share_row(640, 286), 160);
        assert_eq!(share_row(7, 100), 7);
    }

    #[test]
    fn impossible_plans_say_what_is_missing() {
        let gpm = format(1920, 1080, Scan::Progressive, Packing::Gpm);
        assert_eq!(
            FramePlan::new(&gpm, 32),
            Err(PlanError::LimitTooSmall { max_udp: 32, data: 5 })
        );
        assert!(FramePlan::new(&gpm, 33).is_ok());
        assert!(FramePlan::new(&gpm, 0).is_err());
        let bpm = VideoFormat { packing: Packing::Bpm, ..gpm };
        assert!(matches!(FramePlan::new(&bpm, 200), Err(PlanError::LimitTooSmall { .. })));
        let narrow = format(34, 4, Scan::Progressive, Packing::Bpm);
        assert_eq!(
            FramePlan::new(&narrow, STANDARD_UDP_LIMIT),
            Err(PlanError::RowTooShort { row_octets: 85 })
        );
    }
}
