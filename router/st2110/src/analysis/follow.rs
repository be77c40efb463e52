//! Following a stream's RTP headers: order, loss, sources, intervals.

use serde::Serialize;

use super::{Arrival, counts::IntervalCounts, spread::Spread};
use crate::rtp::{RtpError, RtpHeader, SequenceUnwrapper};

/// Numbers whose arrival is remembered.
const REMEMBERED: u64 = 1 << 16;

/// A step back of more than this is a sender that started anew, not a late packet.
const LATEST: u64 = 4096;

/// Longest datagram: what IP can carry.
const LONGEST: usize = 65_535;

/// Where a packet stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first of the stream, or the first after its numbers or its SSRC jumped.
    First,
    /// Follows the highest number so far.
    Next,
    /// Leaves numbers out.
    Ahead,
    /// Fills a gap.
    Late,
    /// Came before.
    Duplicate,
}

impl Place {
    /// Whether the packet moves the stream on.
    pub const fn is_forward(self) -> bool {
        matches!(self, Self::First | Self::Next | Self::Ahead)
    }
}

/// Follows one stream.
///
/// Limit: the 16-bit number wraps; a loss of 32 768 packets or more at once is taken for a
/// restart.
#[derive(Clone, Debug)]
pub struct Follower {
    report: FollowerReport,
    unwrapper: SequenceUnwrapper,
    highest: Option<u64>,
    arrived: Vec<u64>,
    last_ns: Option<u64>,
    scratch: Vec<u8>,
}

/// What following a stream told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FollowerReport {
    /// RTP packets, whatever else is wrong with them.
    pub packets: u64,
    /// Octets of UDP payload in them.
    pub octets: u64,
    /// TAI nanosecond of the first.
    pub first_ns: Option<u64>,
    /// TAI nanosecond of the last.
    pub last_ns: Option<u64>,
    /// SSRC of the first packet.
    pub ssrc: Option<u32>,
    /// Payload type of the first packet.
    pub payload_type: Option<u8>,
    /// Numbers that never came.
    pub lost: u64,
    /// Packets that came behind a higher number.
    pub reordered: u64,
    /// Packets whose number had come.
    pub duplicates: u64,
    /// Steps of the number that neither loss nor reordering explains.
    pub sequence_breaks: u64,
    /// Packets of another SSRC than the one before.
    pub ssrc_changes: u64,
    /// Packets of another payload type than the one before.
    pub payload_type_changes: u64,
    /// Packets of RTCP.
    pub rtcp: u64,
    /// Datagrams that are not RTP.
    pub not_rtp: u64,
    /// Packets of which the capture kept a part only.
    pub cut: u64,
    /// Packets with an earlier time than the one before: the capture's clock stepped.
    pub time_steps_back: u64,
    /// Time between two packets, in nanoseconds.
    pub interval_ns: Spread,
    /// The same as a histogram.
    pub interval_histogram: IntervalCounts,
    #[serde(skip)]
    last_ssrc: u32,
    #[serde(skip)]
    last_payload_type: u8,
}

impl FollowerReport {
    /// Bits of UDP payload a second, from the first packet to the last.
    pub fn bits_per_second(&self) -> Option<u64> {
        let span = self.last_ns?.checked_sub(self.first_ns?).filter(|span| *span > 0)?;
        u64::try_from(u128::from(self.octets) * 8_000_000_000 / u128::from(span)).ok()
    }
}

impl Default for Follower {
    fn default() -> Self {
        Self {
            report: FollowerReport::default(),
            unwrapper: SequenceUnwrapper::new(),
            highest: None,
            arrived: vec![0; (REMEMBERED / 64) as usize],
            last_ns: None,
            scratch: Vec::new(),
        }
    }
}

impl Follower {
    /// Takes a packet in. Gives its header, its number extended to 64 bits, and its place;
    /// `None` when it is not RTP.
    #[inline]
    pub fn follow(&mut self, arrival: &Arrival<'_>) -> Option<(RtpHeader, u64, Place)> {
        let parsed = if arrival.is_cut() {
            self.report.cut += 1;
            let mut scratch = std::mem::take(&mut self.scratch);
            let parsed = RtpHeader::parse(extend(arrival, &mut scratch));
            self.scratch = scratch;
            parsed
        } else {
            RtpHeader::parse(arrival.packet)
        };
        let header = match parsed {
            Ok(header) => header,
            Err(RtpError::Rtcp { .. }) => {
                self.report.rtcp += 1;
                return None;
            }
            Err(_) => {
                self.report.not_rtp += 1;
                return None;
            }
        };
        let report = &mut self.report;
        report.packets += 1;
        report.octets += arrival.wire_octets as u64;
        report.first_ns.get_or_insert(arrival.time_ns);
        report.last_ns = Some(arrival.time_ns);
        if let Some(last) = self.last_ns {
            match arrival.time_ns.checked_sub(last) {
                Some(interval) => {
                    report.interval_ns.record(i128::from(interval));
                    report.interval_histogram.record(interval);
                }
                None => report.time_steps_back += 1,
            }
        }
        self.last_ns = Some(arrival.time_ns);
        if report.ssrc.is_some() {
            if report.last_payload_type != header.payload_type {
                report.payload_type_changes += 1;
            }
            if report.last_ssrc != header.ssrc {
                report.ssrc_changes += 1;
                self.highest = None;
            }
        } else {
            report.ssrc = Some(header.ssrc);
            report.payload_type = Some(header.payload_type);
        }
        (report.last_ssrc, report.last_payload_type) = (header.ssrc, header.payload_type);
        let (number, place) = self.place(header.sequence);
        Some((header, number, place))
    }

    fn place(&mut self, sequence: u16) -> (u64, Place) {
        let Some(highest) = self.highest else { return self.start(sequence) };
        let number = self.unwrapper.extend(sequence);
        if number > highest {
            let missing = number - highest - 1;
            for skipped in highest + 1..number {
                self.mark(skipped, false);
            }
            self.mark(number, true);
            self.highest = Some(number);
            self.report.lost += missing;
            (number, if missing == 0 { Place::Next } else { Place::Ahead })
        } else if highest - number > LATEST {
            self.report.sequence_breaks += 1;
            self.start(sequence)
        } else if self.has(number) {
            self.report.duplicates += 1;
            (number, Place::Duplicate)
        } else {
            self.mark(number, true);
            self.report.reordered += 1;
            // One that overtook the first packet was never counted as lost.
            self.report.lost = self.report.lost.saturating_sub(1);
            (number, Place::Late)
        }
    }

    fn start(&mut self, sequence: u16) -> (u64, Place) {
        self.unwrapper.reset();
        let number = self.unwrapper.extend(sequence);
        self.arrived.fill(0);
        self.mark(number, true);
        self.highest = Some(number);
        (number, Place::First)
    }

    fn mark(&mut self, number: u64, here: bool) {
        let bit = number % REMEMBERED;
        if let Some(word) = self.arrived.get_mut((bit / 64) as usize) {
            *word = *word & !(1 << (bit % 64)) | u64::from(here) << (bit % 64);
        }
    }

    fn has(&self, number: u64) -> bool {
        let bit = number % REMEMBERED;
        self.arrived.get((bit / 64) as usize).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// What was told so far.
    pub const fn report(&self) -> &FollowerReport {
        &self.report
    }
}

/// A packet as long as it was on the wire, zeros for what a capture left away.
pub(super) fn extend<'a>(arrival: &Arrival<'_>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    scratch.extend_from_slice(arrival.packet);
    scratch.resize(
        arrival.wire_octets.clamp(arrival.packet.len(), LONGEST.max(arrival.packet.len())),
        0,
    );
    if let Some(first) = scratch.first_mut() {
        // Where padding ends is written in the octet that is gone.
        *first &= !0x20;
    }
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, ssrc: u32) -> [u8; 12] {
        let mut packet = [0; 12];
        let header = RtpHeader {
            marker: false,
            payload_type: 96,
            sequence,
            timestamp: 0,
            ssrc,
            payload_start: 12,
            payload_end: 12,
        };
        header.write_fixed(&mut packet).unwrap();
        packet
    }

    fn follow(follower: &mut Follower, sequence: u16) -> Place {
        follower.follow(&Arrival::whole(0, &packet(sequence, 1))).unwrap().2
    }

    use Place::{Ahead, Duplicate, First, Late, Next};

    #[test]
    fn loss_reordering_duplicates_and_restarts_are_told_apart() {
        let mut follower = Follower::default();
        let places: Vec<_> = [65_534, 65_535, 2, 1, 1, 3, 30_000, 3, 4]
            .map(|sequence| follow(&mut follower, sequence))
            .to_vec();
        assert_eq!(places, [First, Next, Ahead, Late, Duplicate, Next, Ahead, First, Next]);
        let report = follower.report();
        // 0, and 4 to 29 999.
        assert_eq!(report.lost, 1 + 29_996);
        assert_eq!((report.reordered, report.duplicates, report.sequence_breaks), (1, 1, 1));
        follower.follow(&Arrival::whole(0, &packet(9, 2))).unwrap();
        assert_eq!((follower.report().ssrc_changes, follower.report().lost), (1, 29_997));
    }

    #[test]
    fn a_cut_packet_is_followed_like_a_whole_one() {
        let mut follower = Follower::default();
        let packet = packet(7, 1);
        let arrival = Arrival { time_ns: 5, packet: &packet, wire_octets: 1220 };
        let (header, ..) = follower.follow(&arrival).unwrap();
        assert_eq!((header.payload_start, header.payload_end), (12, 1220));
        assert_eq!((follower.report().cut, follower.report().octets), (1, 1220));
    }
}
