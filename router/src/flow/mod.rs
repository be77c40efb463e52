//! One input's stream, from octets to frames, without I/O.
//!
//! A packet passes two stages. [`Flow::arrive`] makes one stream of the copies that came on
//! one or two legs; [`Flow::accept`] says which frame a packet of it belongs to, or why it is
//! not passed on. Between the two, [`Hold`] restores the order where that is wanted. Nothing
//! here allocates after the start, and all is plain code over (time, packet); every decision
//! about frames that outputs follow is made here, once for all outputs.

mod essence;
mod frames;
mod hold;
mod intake;
mod legs;
mod moment;
mod position;
mod sender;
mod unroll;
mod window;

use std::net::SocketAddr;

use ormatrix_protocol::{
    AncillaryInput, AudioInput, DropReason, InputSpec, MergeOrder, SignalState,
};
use st2110::rfc4175::PlanError;

pub use self::{
    essence::Pcm,
    frames::Frames,
    hold::{Hold, Turn},
    intake::Arrived,
    legs::{LEGS_MAX, LegCounts},
    moment::{Moment, Side},
};
use self::{
    essence::{Declared, Essence, Pace},
    frames::Mark,
    intake::Intake,
    position::{Position, START},
};

/// Packets that one batch may bring, and release.
pub const BATCH_MAX: usize = 4096;

/// An accepted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Extended sequence number within the epoch.
    pub sequence: u64,
    /// Changes whenever the stream breaks off: another sender, silence, another format.
    pub epoch: u32,
    /// The frame it belongs to, in rising numbers from 1.
    pub frame: u64,
    /// RTP timestamp.
    pub timestamp: u32,
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
    intake: Intake,
    /// Restores order, where that is wanted.
    pub hold: Option<Box<Hold>>,
    essence: Essence,
    pace: Pace,
    /// How long an output that leaves waits for the rest of its last frame.
    deadline_ns: u64,
    /// How far back a missing packet may still come, in packets.
    patience: u64,
    frames: Frames,
    /// The highest number accepted.
    newest: Option<u64>,
    /// Its RTP timestamp.
    newest_timestamp: u32,
    /// Where the packet after `newest` continues.
    next_at: Option<(u32, Position)>,
    /// The last packet that bore a marker.
    marked: Option<u64>,
    standing: Standing,
    epoch: u32,
    /// When packets were last lost or refused.
    last_trouble: Option<u64>,
    counts: Counts,
}

/// What a flow has counted since the last [`Flow::take_counts`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Frames begun.
    pub frames: u64,
    /// Frames whole.
    pub whole_frames: u64,
    /// Frames whose end never came.
    pub cut_frames: u64,
    /// Packets missing on every leg.
    pub lost_packets: u64,
    /// What came on each leg.
    pub legs: [LegCounts; LEGS_MAX],
}

impl Flow {
    /// An input's picture.
    ///
    /// # Errors
    /// When the declared format cannot be cut into packets.
    pub fn new(spec: &InputSpec) -> Result<Self, PlanError> {
        Ok(Self::of(&Declared::video(spec)?))
    }

    /// An input's sound.
    pub fn audio(spec: &AudioInput) -> Self {
        Self::of(&Declared::audio(spec))
    }

    /// An input's ancillary data.
    pub fn ancillary(spec: &AncillaryInput) -> Self {
        Self::of(&Declared::ancillary(spec))
    }

    fn of(declared: &Declared<'_>) -> Self {
        let Declared { essence, pace, .. } = *declared;
        let skew_ns = declared.skew_ns();
        let reach = declared.packets_within(skew_ns);
        let several = declared.legs.len() > 1;
        let restored = several && declared.merge.order == MergeOrder::Restored;
        // What a host brings that did not let the lane run for as long as silence may last.
        let stalled = declared.packets_within(pace.silence_ns).min(BATCH_MAX as u64);
        let unread = if several { stalled } else { 0 };
        let own_patience = (pace.packets as u64 / 64).clamp(2, 64);
        let hold = || Box::new(Hold::new(reach, BATCH_MAX, declared.packet_max, skew_ns));
        Self {
            intake: Intake::new(declared, skew_ns, reach, unread),
            hold: restored.then(hold),
            essence,
            pace,
            deadline_ns: 2 * pace.period_ns + skew_ns,
            // Order restored, what is missing now stays missing.
            patience: if restored { 0 } else { own_patience.max(reach) },
            frames: match essence {
                Essence::Audio(_) => Frames::single(),
                _ => Frames::new(1 + skew_ns / pace.period_ns),
            },
            newest: None,
            newest_timestamp: 0,
            next_at: None,
            marked: None,
            standing: Standing::Absent,
            epoch: 0,
            last_trouble: None,
            counts: Counts::default(),
        }
    }

    /// Takes one packet of a leg in, as it came from the network.
    ///
    /// # Errors
    /// Why it is not of the stream, or not the first of its copies.
    #[inline]
    pub fn arrive(
        &mut self,
        leg: usize,
        packet: &[u8],
        from: SocketAddr,
        now: u64,
    ) -> Result<Arrived, DropReason> {
        let counts = &mut self.intake.legs()[leg].counts;
        counts.packets += 1;
        counts.bytes += packet.len() as u64;
        let admitted = self.intake.admit(leg, packet, from, now);
        admitted.inspect_err(|reason| self.refused(leg, *reason, now))
    }

    /// Counts packets of a leg that were refused before they could be read.
    pub fn refuse(
        &mut self,
        leg: usize,
        packets: u64,
        octets: usize,
        reason: DropReason,
        now: u64,
    ) {
        let counts = &mut self.intake.legs()[leg].counts;
        counts.packets += packets;
        counts.bytes += octets as u64;
        for _ in 0..packets {
            self.refused(leg, reason, now);
        }
    }

    /// Counts a packet that was taken in and cannot be passed on any more.
    pub fn refuse_arrived(&mut self, arrived: &Arrived, reason: DropReason, now: u64) {
        self.refused(usize::from(arrived.leg), reason, now);
    }

    #[inline]
    fn refused(&mut self, leg: usize, reason: DropReason, now: u64) {
        self.intake.legs()[leg].counts.dropped[reason as usize] += 1;
        let harmless =
            matches!(reason, DropReason::Rtcp | DropReason::Duplicate | DropReason::SecondCopy);
        if !harmless && !self.intake.is_carried_beside(leg, now) {
            self.last_trouble = Some(now);
        }
    }

    /// Places a packet of the stream in its frame.
    ///
    /// # Errors
    /// Why it is not passed on; that is counted already.
    #[inline]
    pub fn accept(&mut self, arrived: &Arrived, now: u64) -> Result<Accepted, DropReason> {
        let placed = self.place(arrived);
        placed.inspect_err(|reason| self.refused(usize::from(arrived.leg), *reason, now))
    }

    #[inline]
    fn place(&mut self, arrived: &Arrived) -> Result<Accepted, DropReason> {
        if arrived.fresh {
            self.interrupt();
        }
        let Arrived { sequence, timestamp, .. } = *arrived;
        let newest = self.newest.is_none_or(|newest| sequence > newest);
        let follows = self.newest.is_some_and(|newest| sequence == newest + 1);
        if newest {
            (self.newest, self.newest_timestamp) = (Some(sequence), timestamp);
        }
        let goes_on = |span: &Option<(Position, Position)>| match (self.next_at, span) {
            // A packet right behind the newest goes on where that one ended.
            (Some((of, at)), Some((first, _))) if follows && of == timestamp => at == *first,
            _ => true,
        };
        let Some(span) = arrived.span.ok().filter(goes_on) else {
            self.refute();
            return Err(DropReason::Format);
        };
        if newest {
            self.next_at = span.map(|(_, behind)| (timestamp, behind));
        }
        let (starts, ends, fields) = match &self.essence {
            Essence::Video(geometry) => (
                span.is_some_and(|(first, _)| first == START),
                arrived.marker && span.is_none_or(|(_, behind)| geometry.is_end(behind)),
                geometry.fields,
            ),
            Essence::Audio(_) => (true, true, 1),
            // What follows a marker begins something new (RFC 8331 §2).
            Essence::Ancillary => {
                (self.marked.is_some_and(|marked| sequence == marked + 1), arrived.marker, 1)
            }
        };
        if arrived.marker && self.marked.is_none_or(|marked| sequence > marked) {
            self.marked = Some(sequence);
        }
        match self.standing {
            Standing::Refuted if !starts => return Err(DropReason::Format),
            Standing::Refuted | Standing::Absent => self.standing = Standing::OnTrial,
            Standing::OnTrial | Standing::Proven => {}
        }
        let mark = Mark {
            timestamp,
            starts,
            ends,
            second_field: span.is_some_and(|(first, _)| first.field == 1),
        };
        let placed = self.frames.place(sequence, mark, newest, fields).ok_or(DropReason::Late)?;
        // Whoever joined at a start that others have overtaken would miss those.
        let joinable = starts && placed.first && self.standing == Standing::Proven;
        if placed.completes {
            self.standing = Standing::Proven;
        }
        Ok(Accepted {
            sequence,
            epoch: self.epoch,
            frame: placed.frame,
            timestamp,
            payload_start: arrived.payload_start,
            joinable,
            completes: placed.completes,
        })
    }

    /// Whether what is held back shall wait no longer for what is missing before it. Then
    /// held packets are released. Whatever came before `read_until` has been taken in.
    #[inline]
    pub fn give_up_gap(&mut self, read_until: u64, now: u64) -> bool {
        let Self { hold, intake, .. } = self;
        hold.as_mut().is_some_and(|hold| {
            hold.give_up(read_until, |sequence, by| intake.is_passed(sequence, by, now))
        })
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
        self.frames.interrupt();
        self.newest = None;
        (self.next_at, self.marked) = (None, None);
        self.standing = Standing::Absent;
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Whether the flow was alive and has fallen silent: whoever holds packets back lets
    /// them go now, and then calls [`Flow::expire`].
    pub fn is_silent(&self, now: u64) -> bool {
        self.standing != Standing::Absent
            && now.saturating_sub(self.intake.last_arrival()) > self.pace.silence_ns
    }

    /// Notices silence: true when the flow was alive and has just been given up.
    pub fn expire(&mut self, now: u64) -> bool {
        let silent = self.is_silent(now);
        if silent {
            self.intake.reset();
            if let Some(hold) = &mut self.hold {
                hold.reset();
            }
            self.interrupt();
            self.last_trouble = Some(now);
        }
        silent
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

    /// Whether a leg is silent while another carries the stream: what comes on it now has
    /// come back.
    #[inline]
    pub fn is_back(&self, leg: usize, now: u64) -> bool {
        !self.intake.leg_state(leg, now).0 && self.intake.is_carried_beside(leg, now)
    }

    /// See [`Intake::excuse`].
    pub fn excuse(&mut self, ns: u64) {
        self.intake.excuse(ns);
    }

    /// By how many packets more a leg has passed another, which is alive, than that is behind.
    pub fn lead(&self, leg: usize, other: usize, now: u64) -> Option<u64> {
        self.intake.lead(leg, other, now)
    }

    /// The flow's frames.
    pub fn frames(&self) -> &Frames {
        &self.frames
    }

    /// Whether a frame has nothing more to wait for.
    pub fn is_over(&self, frame: u64) -> bool {
        self.frames.is_over(frame, self.newest, self.patience)
    }

    /// How long an output that leaves waits for its last frame, ns: two frame periods, and
    /// as long as a leg may be behind.
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    /// Its legs.
    pub fn legs(&self) -> usize {
        self.intake.leg_count()
    }

    /// Whether the stream arrives on a leg, and how far that is behind the other, ns.
    pub fn leg_state(&self, leg: usize, now: u64) -> (bool, u64) {
        self.intake.leg_state(leg, now)
    }

    /// Most packets that may leave back to back (CMAX of a wide sender, ST 2110-21 §7.1).
    pub fn cmax(&self) -> usize {
        self.pace.cmax
    }

    /// RTP ticks a second.
    pub fn clock_hz(&self) -> u32 {
        self.pace.clock_hz
    }

    /// RTP ticks from frame to frame, rounded up.
    pub fn ticks(&self) -> u32 {
        let (numerator, denominator) = self.pace.ticks;
        u32::try_from((numerator + denominator - 1) / denominator.max(1)).unwrap_or(u32::MAX)
    }

    /// RTP timestamp of the frame that comes next.
    pub fn next_timestamp(&self) -> u32 {
        self.newest_timestamp.wrapping_add(self.ticks())
    }

    /// Of sound, what its samples are.
    pub fn pcm(&self) -> Option<&Pcm> {
        match &self.essence {
            Essence::Audio(pcm) => Some(pcm),
            Essence::Video(_) | Essence::Ancillary => None,
        }
    }

    /// Whether packets carry the upper half of their sequence number.
    #[inline]
    pub fn has_extended_sequence(&self) -> bool {
        self.essence.has_extended_sequence()
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self, now: u64) -> Counts {
        let mut counts = std::mem::take(&mut self.counts);
        counts.lost_packets = self.intake.take_lost();
        for (counts, leg) in counts.legs.iter_mut().zip(self.intake.legs()) {
            *counts = leg.take_counts();
        }
        if self.legs() == 1 {
            counts.legs[0].lost_packets = counts.lost_packets;
        }
        if counts.lost_packets > 0 {
            self.last_trouble = Some(now);
        }
        (counts.frames, counts.whole_frames, counts.cut_frames) = self.frames.take_counts();
        counts
    }
}

#[cfg(test)]
mod tests;
