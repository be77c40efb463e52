//! One input's stream, from octets to frames, without I/O.
//!
//! [`Flow::accept`] looks at one packet and says which frame it belongs to, or why it is
//! not passed on. It allocates nothing and is plain code over (time, packet); every
//! decision about frames that outputs follow is made here, once for all outputs.

mod frames;
mod position;
mod sender;
mod window;

use std::net::SocketAddr;

use ormatrix_protocol::{DropReason, InputSpec, SignalState};
use st2110::{
    rfc4175::{FramePlan, PayloadError, PayloadHeader, PlanError},
    rtp::{RtpError, RtpHeader},
};

pub use self::frames::Frames;
use self::{
    frames::Mark,
    position::{Geometry, Position, START},
    sender::{Sender, SenderLock},
    window::{Seen, Window},
};

/// An accepted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Extended sequence number within the epoch.
    pub sequence: u64,
    /// Changes whenever the stream breaks off: another sender, silence, another format.
    pub epoch: u32,
    /// The frame it belongs to, counted from 1.
    pub frame: u32,
    /// First octet of the RTP payload.
    pub payload_start: u16,
    /// First packet of its frame, in a stream whose format has proved right: an output may
    /// join here.
    pub joinable: bool,
    /// Its frame is whole with this packet.
    pub completes: bool,
}

/// How a flow's signal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing seen yet, or the stream fell silent.
    Absent,
    /// The stream contradicts its declaration; the next frame gets another chance.
    Refuted,
    /// Frames arrive; none has been whole and as declared yet.
    OnTrial,
    /// A whole frame as declared has been seen.
    Proven,
}

/// One input's stream.
#[derive(Clone, Debug)]
pub struct Flow {
    geometry: Geometry,
    payload_type: u8,
    packet_max: usize,
    /// Two frame periods: silence that long is a loss.
    silence_ns: u64,
    /// How far back a missing packet may still come: a fraction of a frame.
    patience: u64,
    packet_rate_cmax: usize,
    senders: SenderLock,
    window: Window,
    frames: Frames,
    /// The 32 bits of extended sequence number and sequence number of the newest packet,
    /// and its extension to 64.
    newest: Option<(u32, u64)>,
    /// Where the packet after `newest` continues.
    next_at: Option<(u32, Position)>,
    standing: Standing,
    epoch: u32,
    last_arrival: u64,
    /// When packets were last lost or refused.
    last_trouble: Option<u64>,
    counts: Counts,
}

/// What a flow has counted since the last [`Flow::take_counts`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Packets that arrived.
    pub packets: u64,
    /// Their octets.
    pub bytes: u64,
    /// Frames begun.
    pub frames: u64,
    /// Frames whole.
    pub whole_frames: u64,
    /// Frames whose end never came.
    pub cut_frames: u64,
    /// Packets missing.
    pub lost_packets: u64,
    /// Packets refused, by [`DropReason`].
    pub dropped: [u64; DropReason::ALL.len()],
}

impl Flow {
    /// A flow as declared.
    ///
    /// # Errors
    /// When the declared format cannot be cut into packets.
    pub fn new(spec: &InputSpec) -> Result<Self, PlanError> {
        let plan = FramePlan::new(&spec.video, spec.max_udp)?;
        let limits = st2110::timing::limits(
            &spec.video,
            plan.packets(),
            spec.max_udp,
            st2110::timing::SenderType::Wide,
        );
        Ok(Self {
            geometry: Geometry::new(&spec.video)?,
            payload_type: spec.payload_type,
            packet_max: usize::from(spec.max_udp) - 8,
            silence_ns: 2 * spec.video.rate.period_ns(),
            patience: (plan.packets() as u64 / 64).clamp(2, 64),
            // Wide is undefined above 900 000 packets a second; 16 is its floor.
            packet_rate_cmax: limits.map_or(16, |limits| limits.cmax as usize),
            senders: SenderLock::new(spec.legs.first().and_then(|leg| leg.source)),
            window: Window::default(),
            frames: Frames::default(),
            newest: None,
            next_at: None,
            standing: Standing::Absent,
            epoch: 0,
            last_arrival: 0,
            last_trouble: None,
            counts: Counts::default(),
        })
    }

    /// Looks at one packet as it came from the network.
    #[inline]
    pub fn accept(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: u64,
    ) -> Result<Accepted, DropReason> {
        self.counts.packets += 1;
        self.counts.bytes += packet.len() as u64;
        self.judge(packet, from, now).inspect_err(|reason| self.refused(*reason, now))
    }

    /// Counts packets that were refused before they could be read.
    pub fn refuse(&mut self, packets: u64, octets: usize, reason: DropReason, now: u64) {
        self.counts.packets += packets;
        self.counts.bytes += octets as u64;
        for _ in 0..packets {
            self.refused(reason, now);
        }
    }

    #[cold]
    fn refused(&mut self, reason: DropReason, now: u64) {
        self.counts.dropped[reason as usize] += 1;
        if !matches!(reason, DropReason::Rtcp | DropReason::Duplicate) {
            self.last_trouble = Some(now);
        }
    }

    #[inline]
    fn judge(&mut self, packet: &[u8], from: SocketAddr, now: u64) -> Result<Accepted, DropReason> {
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
        let silent = now.saturating_sub(self.last_arrival) > self.silence_ns;
        if self.senders.admit(from, rtp.ssrc, silent)? == Sender::New {
            self.interrupt();
        }
        if rtp.payload_type != self.payload_type {
            return Err(DropReason::PayloadType);
        }
        let header = PayloadHeader::parse(rtp.payload(packet)).map_err(|error| match error {
            PayloadError::TooManySegments => DropReason::PayloadHeader,
            _ => DropReason::Truncated,
        })?;
        let sequence_32 = u32::from(header.extended_sequence) << 16 | u32::from(rtp.sequence);
        let sequence = self.extend(sequence_32);
        match self.window.record(sequence) {
            Seen::New => {}
            Seen::Duplicate => return Err(DropReason::Duplicate),
            Seen::Late => return Err(DropReason::Late),
        }
        self.last_arrival = now;
        let span = self.geometry.span(&header);
        let newest = self.newest.is_none_or(|(_, newest)| sequence > newest);
        let follows = self.newest.is_some_and(|(_, newest)| sequence == newest + 1);
        if newest {
            self.newest = Some((sequence_32, sequence));
        }
        let Some(span) = span.ok().filter(|span| self.agrees(&rtp, *span, follows)) else {
            self.refute();
            return Err(DropReason::Format);
        };
        if newest {
            self.next_at = span.map(|(_, behind)| (rtp.timestamp, behind));
        }
        let starts = span.is_some_and(|(first, _)| first == START);
        match self.standing {
            Standing::Refuted if !starts => return Err(DropReason::Format),
            Standing::Refuted | Standing::Absent => self.standing = Standing::OnTrial,
            Standing::OnTrial | Standing::Proven => {}
        }
        let mark = Mark {
            timestamp: rtp.timestamp,
            starts,
            ends: rtp.marker && span.is_none_or(|(_, behind)| self.geometry.is_end(behind)),
            second_field: span.is_some_and(|(first, _)| first.field == 1),
        };
        let placed = self
            .frames
            .place(sequence, mark, newest, self.geometry.fields)
            .ok_or(DropReason::Late)?;
        // Whoever joined at a start that others have overtaken would miss those.
        let joinable = starts && placed.first && self.standing == Standing::Proven;
        if placed.completes {
            self.standing = Standing::Proven;
        }
        Ok(Accepted {
            sequence,
            epoch: self.epoch,
            frame: placed.frame,
            payload_start: rtp.payload_start as u16,
            joinable,
            completes: placed.completes,
        })
    }

    /// Extends a sequence number to 64 bits, near the newest.
    ///
    /// The low 16 bits decide while they can; the extended sequence number helps across
    /// gaps of more than a quarter of their circle, if the sender advances it at all.
    #[inline]
    fn extend(&self, sequence: u32) -> u64 {
        let Some((newest_32, newest)) = self.newest else {
            // Far enough from 0 that packets from before the first have numbers too.
            return 1 << 32 | u64::from(sequence);
        };
        let near = i64::from((sequence as u16).wrapping_sub(newest_32 as u16).cast_signed());
        let far = i64::from(sequence.wrapping_sub(newest_32).cast_signed());
        let step = if near.abs() > 1 << 14 && far.abs() < 1 << 24 && far.abs() > 1 << 14 {
            far
        } else {
            near
        };
        newest.saturating_add_signed(step)
    }

    /// Whether the marker stands where the declared format ends a field, and a packet
    /// right behind the newest goes on where that one ended.
    #[inline]
    fn agrees(&self, rtp: &RtpHeader, span: Option<(Position, Position)>, follows: bool) -> bool {
        let Some((first, behind)) = span else { return true };
        // Some senders of two segments or fields mark the frame's end only.
        let marked = rtp.marker == Geometry::is_field_end(behind)
            || !rtp.marker && !self.geometry.is_end(behind);
        let goes_on = match self.next_at {
            Some((timestamp, at)) if follows && timestamp == rtp.timestamp => at == first,
            _ => true,
        };
        marked && goes_on
    }

    /// The stream is not what was declared: nothing of it is passed on until a whole frame
    /// has been as declared again.
    #[cold]
    fn refute(&mut self) {
        if self.standing != Standing::Refuted {
            self.frames.interrupt();
            self.epoch = self.epoch.wrapping_add(1);
        }
        self.standing = Standing::Refuted;
        self.next_at = None;
    }

    /// Forgets sequence, frames and trust; numbers of frames go on.
    fn interrupt(&mut self) {
        self.window.flush();
        self.frames.interrupt();
        self.newest = None;
        self.next_at = None;
        self.standing = Standing::Absent;
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Notices silence: true when the flow was alive and has just been given up.
    pub fn expire(&mut self, now: u64) -> bool {
        if self.standing != Standing::Absent
            && now.saturating_sub(self.last_arrival) > self.silence_ns
        {
            self.interrupt();
            self.last_trouble = Some(now);
            return true;
        }
        false
    }

    /// Whether outputs may show it.
    pub fn is_proven(&self) -> bool {
        self.standing == Standing::Proven
    }

    /// The signal as users are told.
    pub fn signal(&self, now: u64) -> SignalState {
        const UNSTABLE_NS: u64 = 1_000_000_000;
        match self.standing {
            Standing::Absent | Standing::Refuted | Standing::OnTrial => SignalState::Lost,
            Standing::Proven if self.last_trouble.is_some_and(|at| now < at + UNSTABLE_NS) => {
                SignalState::Unstable
            }
            Standing::Proven => SignalState::Ok,
        }
    }

    /// The present epoch; see [`Accepted::epoch`].
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The flow's frames.
    pub fn frames(&self) -> &Frames {
        &self.frames
    }

    /// Whether a frame has nothing more to wait for.
    pub fn is_over(&self, frame: u32) -> bool {
        self.frames.is_over(frame, &self.window, self.patience)
    }

    /// Two frame periods, ns.
    pub fn deadline_ns(&self) -> u64 {
        self.silence_ns
    }

    /// Most packets that may leave back to back (CMAX of a wide sender, ST 2110-21 §7.1).
    pub fn cmax(&self) -> usize {
        self.packet_rate_cmax
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self, now: u64) -> Counts {
        let mut counts = std::mem::take(&mut self.counts);
        counts.lost_packets = self.window.take_lost();
        if counts.lost_packets > 0 {
            self.last_trouble = Some(now);
        }
        (counts.frames, counts.whole_frames, counts.cut_frames) = self.frames.take_counts();
        counts
    }
}

#[cfg(test)]
mod tests;
