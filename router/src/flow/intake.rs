//! From packets of one or two legs to the packets of one stream, each once.
//!
//! The first good copy counts (ST 2022-7); the other is named `second_copy`. A leg that
//! delivers garbage, another stream or another format while the other leg carries the
//! stream harms nobody: its packets are refused before they can stand in for good ones.

use std::net::SocketAddr;

use ormatrix_protocol::DropReason;
use st2110::rtp::{RtpError, RtpHeader};

use super::{
    essence::{Declared, Essence, Read},
    legs::{LEGS_MAX, Leg},
    position::{Contradiction, Position},
    sender::{Sender, SenderLock},
    unroll::Unroll,
    window::{Seen, Window},
};

/// A packet of the stream, which no other copy has been of.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// The leg it came on.
    pub leg: u8,
    /// Extended sequence number within the stream.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// First octet of the RTP payload.
    pub payload_start: u16,
    /// Where its pixels begin and go on, or that they contradict the declared format.
    pub span: Result<Option<(Position, Position)>, Contradiction>,
    /// The first packet of another stream than before.
    pub fresh: bool,
}

/// A step ahead by more than this is believed when two packets in a row say so: one alone
/// would make all that follow look late (RFC 3550 §A.1).
const JUMP: u64 = 1 << 14;

/// How often the legs are compared, in packets.
const PROBE_EVERY: u64 = 1024;

/// A packet whose copy on the other leg is awaited, to see how far that is behind.
#[derive(Clone, Copy, Debug, Default)]
struct Probe {
    sequence: u64,
    leg: usize,
    at: u64,
}

/// Takes packets in.
#[derive(Clone, Debug)]
pub struct Intake {
    essence: Essence,
    payload_type: u8,
    packet_max: usize,
    silence_ns: u64,
    /// Packets, and the time in which they come, ns.
    pace: (u64, u64),
    legs: Vec<Leg>,
    unroll: Unroll,
    window: Window,
    /// Furthest step ahead that one leg may make while the other carries the stream.
    reach: u64,
    /// How long a copy on the other leg may take.
    answer_ns: u64,
    /// The last step ahead that was not believed.
    jump: Option<u64>,
    ssrc: Option<u32>,
    probe: Option<Probe>,
    last_arrival: u64,
}

impl Intake {
    /// For a stream as declared, of which a leg may be `skew_ns` behind: `reach` packets, and
    /// `unread` more that wait while the other leg is read.
    pub fn new(declared: &Declared<'_>, skew_ns: u64, reach: u64, unread: u64) -> Self {
        let legs: Vec<Leg> = declared.legs[..declared.legs.len().min(LEGS_MAX)]
            .iter()
            .map(|leg| Leg::new(SenderLock::new(leg.source), reach))
            .collect();
        Self {
            essence: declared.essence,
            payload_type: declared.payload_type,
            packet_max: declared.packet_max,
            silence_ns: declared.pace.silence_ns,
            pace: (declared.pace.packets as u64, declared.pace.period_ns.max(1)),
            unroll: Unroll::new(&declared.pace, legs.len() > 1),
            legs,
            window: Window::new(reach + unread),
            reach,
            answer_ns: skew_ns,
            jump: None,
            ssrc: None,
            probe: None,
            last_arrival: 0,
        }
    }

    /// Takes one packet in, as it came from the network on a leg.
    #[inline]
    pub fn admit(
        &mut self,
        leg: usize,
        packet: &[u8],
        from: SocketAddr,
        now: u64,
    ) -> Result<Arrived, DropReason> {
        if packet.len() > self.packet_max {
            return Err(DropReason::Oversize);
        }
        let rtp = RtpHeader::parse(packet).map_err(|error| match error {
            RtpError::Rtcp { .. } => DropReason::Rtcp,
            RtpError::Version { .. } => DropReason::Garbage,
            RtpError::Truncated { .. } if packet.first().is_none_or(|o| o >> 6 != 2) => {
                DropReason::Garbage
            }
            RtpError::Truncated { .. } | RtpError::Padding { .. } => DropReason::Truncated,
        })?;
        let carried = self.is_carried_beside(leg, now);
        let silent = !self.legs[leg].is_alive(now, self.silence_ns);
        let sender = self.legs[leg].senders.admit(from, rtp.ssrc, silent)?;
        if carried && self.ssrc != Some(rtp.ssrc) {
            return Err(DropReason::Stray);
        }
        let fresh = !carried && (sender == Sender::New || self.ssrc != Some(rtp.ssrc));
        if fresh {
            self.reset();
            self.ssrc = Some(rtp.ssrc);
        }
        if rtp.payload_type != self.payload_type {
            return Err(DropReason::PayloadType);
        }
        let Read { extended_sequence, span } = self.essence.read(&rtp, packet)?;
        let low = u32::from(extended_sequence) << 16 | u32::from(rtp.sequence);
        let sequence = self.unroll.extend(low, rtp.timestamp);
        if carried {
            // What the other leg carries is the stream, whatever this one says.
            if span.is_err() {
                return Err(DropReason::Format);
            }
            let ahead = self.reach + self.passed_since(now);
            if self.unroll.newest().is_some_and(|newest| sequence > newest + ahead) {
                return Err(DropReason::Stray);
            }
        } else if self.unroll.newest().is_some_and(|newest| sequence > newest + self.reach + JUMP)
            && self.jump.replace(sequence).is_none_or(|before| before + 1 != sequence)
        {
            return Err(DropReason::Stray);
        }
        match self.window.record(sequence) {
            Seen::New => {}
            Seen::Late => {
                if self.legs.len() > 1 {
                    // Too late for the stream is not lost on the leg.
                    self.legs[leg].hear(sequence, now, self.silence_ns);
                }
                return Err(DropReason::Late);
            }
            Seen::Duplicate if self.legs.len() == 1 => return Err(DropReason::Duplicate),
            Seen::Duplicate => {
                if self.legs[leg].hear(sequence, now, self.silence_ns) == Seen::Duplicate {
                    return Err(DropReason::Duplicate);
                }
                self.compare(leg, sequence, now);
                // The stream goes on, if only on the leg that is behind.
                self.last_arrival = now;
                return Err(DropReason::SecondCopy);
            }
        }
        if self.legs.len() == 1 {
            self.legs[leg].mark(now);
        } else {
            self.legs[leg].hear(sequence, now, self.silence_ns);
            self.ask(leg, sequence, now);
        }
        self.unroll.note(low, rtp.timestamp, sequence);
        self.last_arrival = now;
        Ok(Arrived {
            leg: leg as u8,
            sequence,
            timestamp: rtp.timestamp,
            marker: rtp.marker,
            payload_start: rtp.payload_start as u16,
            span,
            fresh,
        })
    }

    /// Whether another leg carries the stream now.
    #[inline]
    pub fn is_carried_beside(&self, leg: usize, now: u64) -> bool {
        let mut legs = self.legs.iter().enumerate();
        legs.any(|(other, state)| other != leg && state.is_alive(now, self.silence_ns))
    }

    /// Packets that may have passed since the last one was taken in: this host may have been
    /// too busy to look.
    #[inline]
    fn passed_since(&self, now: u64) -> u64 {
        let (packets, period_ns) = self.pace;
        let since = now.saturating_sub(self.last_arrival).min(self.silence_ns);
        since * packets * 5 / (4 * period_ns)
    }

    /// Now and then, begins to wait for a packet's copy on the other leg.
    #[inline]
    fn ask(&mut self, leg: usize, sequence: u64, now: u64) {
        let asked = |probe: Probe| now <= probe.at + self.answer_ns;
        if sequence.is_multiple_of(PROBE_EVERY) && !self.probe.is_some_and(asked) {
            self.probe = Some(Probe { sequence, leg, at: now });
        }
    }

    #[inline]
    fn compare(&mut self, leg: usize, sequence: u64, now: u64) {
        if let Some(probe) = self.probe
            && probe.sequence == sequence
            && probe.leg != leg
        {
            self.legs[leg].behind_ns = now.saturating_sub(probe.at);
            self.legs[probe.leg].behind_ns = 0;
            self.probe = None;
        }
    }

    /// Every leg that is alive has passed this number by so many packets: whatever is
    /// missing before it will not come.
    pub fn is_passed(&self, sequence: u64, by: u64, now: u64) -> bool {
        let mut alive = self.legs.iter().filter(|leg| leg.is_alive(now, self.silence_ns));
        alive.all(|leg| leg.highest().is_some_and(|highest| highest >= sequence + by))
    }

    /// By how many packets more a leg has passed another, which is alive, than that is behind.
    pub fn lead(&self, leg: usize, other: usize, now: u64) -> Option<u64> {
        let (leg, other) = (self.legs.get(leg)?, self.legs.get(other)?);
        let (packets, period_ns) = self.pace;
        let lag = other.behind_ns.min(self.answer_ns) * packets / period_ns;
        let behind = other.highest().filter(|_| other.is_alive(now, self.silence_ns))?;
        leg.highest()?.checked_sub(behind + lag).filter(|lead| *lead > 0)
    }

    /// When a packet of the stream was last taken in.
    pub fn last_arrival(&self) -> u64 {
        self.last_arrival
    }

    /// How many legs there are.
    pub fn leg_count(&self) -> usize {
        self.legs.len()
    }

    /// For so long nobody looked what arrived: that was no leg's silence.
    pub fn excuse(&mut self, ns: u64) {
        for leg in &mut self.legs {
            leg.excuse(ns);
        }
    }

    /// Whether the stream arrives on a leg, and how far that is behind the other, ns.
    pub fn leg_state(&self, leg: usize, now: u64) -> (bool, u64) {
        self.legs
            .get(leg)
            .map_or((false, 0), |leg| (leg.is_alive(now, self.silence_ns), leg.behind_ns))
    }

    /// The legs.
    pub fn legs(&mut self) -> &mut [Leg] {
        &mut self.legs
    }

    /// Packets that are missing in the stream since the last call.
    pub fn take_lost(&mut self) -> u64 {
        self.window.take_lost()
    }

    /// The stream has ended: what comes next is another one.
    pub fn reset(&mut self) {
        self.window.flush();
        self.unroll.reset();
        (self.probe, self.jump) = (None, None);
        for leg in &mut self.legs {
            leg.reset();
        }
    }
}
