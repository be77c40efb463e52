//! What judging sound and ancillary data have in common: RTP headers and packet numbers.

use serde::Serialize;
use st2110::rtp::{RtpError, RtpHeader};

use super::Arrival;
use crate::receive::{Numbered, SequenceTracker};

/// What the packets of a stream were, whatever they carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PacketCounts {
    /// Packets of the stream received, duplicates included.
    pub packets: u64,
    /// Packet numbers never received, between the first and the last.
    pub missing_packets: u64,
    /// Packets received again, as with two ST 2022-7 legs; no defect.
    pub duplicate_packets: u64,
    /// Packets received after a higher number; no defect.
    pub reordered_packets: u64,
    /// Steps of the sequence number that neither loss nor reordering explains.
    pub sequence_breaks: u64,
    /// Packets whose SSRC differs from that of the packet before.
    pub ssrc_changes: u64,
    /// Datagrams that are not RTP or whose payload cannot be read.
    pub malformed_packets: u64,
    /// RTP packets of another payload type; no defect.
    pub wrong_payload_type: u64,
    /// RTCP packets; no defect.
    pub rtcp_packets: u64,
    /// Longest time without a packet, between the first and the last.
    pub longest_silence_ns: u64,
}

impl PacketCounts {
    /// What of it is a defect.
    pub(super) const fn defects(&self) -> [(u64, &'static str); 4] {
        [
            (self.missing_packets, "missing packets"),
            (self.sequence_breaks, "sequence breaks"),
            (self.ssrc_changes, "changes of SSRC"),
            (self.malformed_packets, "malformed packets"),
        ]
    }
}

/// Takes the packets of one stream in.
#[derive(Debug, Default)]
pub(super) struct Intake {
    payload_type: Option<u8>,
    numbers: SequenceTracker,
    ssrc: Option<u32>,
    last_packet: Option<u64>,
    counts: PacketCounts,
}

impl Intake {
    /// `payload_type` refuses others.
    pub fn new(payload_type: Option<u8>) -> Self {
        Self { payload_type, ..Self::default() }
    }

    /// The header of a packet of the stream.
    pub fn header(&mut self, octets: &[u8]) -> Option<RtpHeader> {
        match RtpHeader::parse(octets) {
            Ok(rtp) if self.payload_type.is_some_and(|declared| declared != rtp.payload_type) => {
                self.counts.wrong_payload_type += 1;
                None
            }
            Ok(rtp) => Some(rtp),
            Err(RtpError::Rtcp { .. }) => {
                self.counts.rtcp_packets += 1;
                None
            }
            Err(_) => {
                self.malformed();
                None
            }
        }
    }

    /// Its payload cannot be read.
    pub const fn malformed(&mut self) {
        self.counts.malformed_packets += 1;
    }

    /// Follows the numbers. Streams without an extended number give 0.
    pub fn number(&mut self, rtp: &RtpHeader, extended: u16, at: &Arrival) -> Numbered {
        self.counts.packets += 1;
        if let Some(last) = self.last_packet.replace(at.now) {
            let silence = at.now.saturating_sub(last);
            self.counts.longest_silence_ns = self.counts.longest_silence_ns.max(silence);
        }
        if let Some(before) = self.ssrc.replace(rtp.ssrc)
            && before != rtp.ssrc
        {
            self.counts.ssrc_changes += 1;
            self.numbers.restart();
        }
        self.numbers.packet(rtp.sequence, extended).1
    }

    /// The sender, once known.
    pub const fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// Everything counted.
    pub fn counts(&self) -> PacketCounts {
        PacketCounts {
            missing_packets: self.numbers.missing(),
            duplicate_packets: self.numbers.duplicates(),
            reordered_packets: self.numbers.late(),
            sequence_breaks: self.numbers.breaks(),
            ..self.counts.clone()
        }
    }
}
