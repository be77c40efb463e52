//! Sends packed frames as ST 2110-20 packets on the ST 2110-21 schedule.
//!
//! A frame goes out in bursts of at most CMAX packets. A burst is one gathered send for each
//! leg: header, slice of the frame, header, slice, … Headers are written into one array that
//! is allocated once; picture octets are not copied in user space.
//!
//! A sender that wakes up late has more than a burst due. It sends as many packets as the
//! leaky bucket of ST 2110-21 has room for ([`bucket`]), and the rest as it drains: CINST
//! stays within CMAX, and it catches up as fast as the model allows, by a tenth of the time
//! that passes. What is a few packets late waits for the next burst, which costs nothing; more
//! than that is sent in smaller pieces, each as soon as it may. Those waits are short, and
//! sleeping overshoots: where an overshoot, as measured on this host, would waste what drains
//! meanwhile, the sender watches the clock instead of sleeping.
//!
//! How far that goes is a choice ([`WhenLate`]), since a host that is too busy to run the
//! sender every 50 µs cannot have both, all its frames and a CINST within CMAX:
//!
//! - `Rush`, the default, keeps to CMAX as long as the lateness can be made good: up to half
//!   of what empties the virtual receiver's buffer for type W, with a sixteenth of the time
//!   spent on watching the clock, and up to an eleventh of a frame for N and NL. What is later
//!   leaves at once, above CMAX, and is counted (`rushed_packets`).
//! - `Hold` keeps to CMAX whatever the lateness, and leaves frames out instead, as soon as it
//!   is more than a frame late.

mod bucket;
mod report;

use std::{
    io::{self, ErrorKind, IoSlice},
    str::FromStr,
};

use ormatrix_io::{Clock, TxSocket};
use st2110::{
    format::{Scan, VideoFormat},
    rfc4175::{FramePlan, MAX_HEADER_LEN},
    timing::{
        Exact, SenderSchedule, SenderType, VIDEO_CLOCK_HZ, frame_period_ns, frame_start_ns,
        frame_timestamp, limits, tai_to_rtp, troffset_default_ns,
    },
};

pub use bucket::Bucket;
pub use report::{Counts, LevelCounts, LevelReport, Report, thread_cpu_ns};

/// Most packets a burst here may have, whatever CMAX allows.
const MOST_PACKETS: usize = 48;

/// Slices of a burst: a header and up to three pieces of the frame each.
const MOST_SLICES: usize = MOST_PACKETS * 4;

/// How long to wait before asking a full send buffer again, in nanoseconds.
const RETRY_NS: u64 = 50_000;

/// Most looks at the clock in one wait without sleep: some hundred microseconds.
const MOST_LOOKS: u32 = 10_000;

/// One place packets go to.
pub trait Transmit {
    /// Sends a burst; see [`TxSocket::send`].
    fn send(&mut self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize>;
}

impl Transmit for TxSocket {
    fn send(&mut self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
        Self::send(self, gather, segment)
    }
}

/// What a sender does that is later than it can make good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenLate {
    /// It sends what is too late at once, above CMAX.
    #[default]
    Rush,
    /// It keeps within CMAX and falls behind until it leaves out a frame.
    Hold,
}

impl FromStr for WhenLate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rush" => Ok(Self::Rush),
            "hold" => Ok(Self::Hold),
            other => Err(other.to_owned()),
        }
    }
}

/// What the packets of a stream have in common.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// The wire format.
    pub format: VideoFormat,
    /// ST 2110-21 sender type.
    pub sender_type: SenderType,
    /// Longest burst in packets, usually CMAX.
    pub burst: u32,
    /// What to do when too late.
    pub when_late: WhenLate,
    /// Shift against the TAI epoch, in nanoseconds.
    pub offset_ns: u64,
    /// RTP payload type.
    pub payload_type: u8,
    /// RTP synchronisation source.
    pub ssrc: u32,
}

/// A paced sender of one stream over one or two legs.
#[derive(Debug)]
pub struct Sender<C, T> {
    clock: C,
    legs: Vec<T>,
    stream: Stream,
    plan: FramePlan,
    schedule: SenderSchedule,
    burst: usize,
    bucket: Bucket,
    /// How much later than asked for sleeps have ended lately.
    overshoot_ns: u64,
    /// How late packets may be that still wait for the bucket.
    most_late_ns: u64,
    /// Time that may be spent on watching the clock, and what each frame adds to it.
    watch_ns: u64,
    watch_each_ns: u64,
    headers: Vec<[u8; MAX_HEADER_LEN]>,
    sequence: u32,
    /// What has been sent so far.
    pub counts: Counts,
}

impl<C: Clock, T: Transmit> Sender<C, T> {
    /// A sender that cuts frames as `plan` says.
    pub fn new(clock: C, legs: Vec<T>, stream: Stream, plan: FramePlan) -> Self {
        let schedule = schedule(&stream, &plan);
        let room = 65_000 / plan.max_packet_len().max(1);
        let burst = (stream.burst as usize).min(MOST_PACKETS).min(room).max(1);
        let (most_late_ns, watch_each_ns) = patience(&stream, &plan);
        let bucket =
            Bucket::new(stream.format.rate, plan.packets(), cmax(&stream, &plan).max(burst));
        Self {
            clock,
            legs,
            stream,
            plan,
            schedule,
            burst,
            bucket,
            overshoot_ns: 0,
            most_late_ns,
            watch_ns: watch_each_ns,
            watch_each_ns,
            headers: vec![[0; MAX_HEADER_LEN]; burst],
            sequence: 0,
            counts: Counts::default(),
        }
    }

    /// The number of the first frame that can still be sent on time from now on.
    pub fn next_frame(&self) -> u64 {
        // A little time to draw it.
        let soon = self.clock.tai() + 2_000_000;
        self.schedule.next_frame(soon.saturating_sub(self.stream.offset_ns))
    }

    /// Given the frame that comes next, the frame to send: the same, or a later one when
    /// more than a whole frame has been missed. Skipped frames are counted.
    pub fn catch_up(&mut self, frame: u64) -> u64 {
        let now = self.clock.tai().saturating_sub(self.stream.offset_ns);
        if self.schedule.departure_ns(frame + 1, 0) >= now {
            return frame;
        }
        let next = self.schedule.next_frame(now).max(frame);
        self.counts.skipped_frames += next - frame;
        next
    }

    /// When a frame starts, in TAI nanoseconds: what the strip says of it.
    pub fn start_tai_ns(&self, frame: u64) -> u64 {
        frame_start_ns(self.stream.format.rate, frame) + self.stream.offset_ns
    }

    /// The RTP timestamp of a frame's field.
    pub fn timestamp(&self, frame: u64, field: u16) -> u32 {
        let format = &self.stream.format;
        let field = if format.scan == Scan::Interlaced { field } else { 0 };
        if self.stream.offset_ns == 0 {
            return frame_timestamp(format.rate, frame, field, VIDEO_CLOCK_HZ);
        }
        let half = (frame_period_ns(format.rate) / 2).to_integer() as u64 * u64::from(field);
        tai_to_rtp(self.start_tai_ns(frame) + half, VIDEO_CLOCK_HZ)
    }

    /// Waits until a moment of the monotonic clock.
    fn wait_until(&mut self, due: u64) {
        let before = self.clock.now();
        let late = if before >= due { before - due } else { self.sleep(before, due) };
        self.counts.worst_late_ns = self.counts.worst_late_ns.max(late);
    }

    /// Sleeps and returns how much too long.
    fn sleep(&mut self, now: u64, until: u64) -> u64 {
        self.clock.sleep_until(until);
        let after = self.clock.now();
        self.counts.sleep_ns += after.saturating_sub(now);
        let over = after.saturating_sub(until);
        // A stall now and then says nothing of the timer: it counts no more than a bucket.
        let counted = over.min(self.bucket.drain_ns(self.bucket.capacity()));
        // Learned quickly, forgotten slowly: too short a sleep costs less than too long a one.
        let known = self.overshoot_ns;
        self.overshoot_ns =
            if counted > known { known.midpoint(counted) } else { (7 * known + counted) / 8 };
        over
    }

    /// Waits until the bucket has room for some of `left` packets that were due at a moment;
    /// `false` if they are too late to wait.
    fn wait_for_room(&mut self, left: usize, due: u64) -> bool {
        let capacity = self.bucket.capacity();
        let piece = left.min(capacity.div_ceil(2));
        let now = self.clock.now();
        let patience = self.most_late_ns.saturating_sub(now.saturating_sub(due));
        // How many packets drain while a sleep overshoots; a sleep must end before the bucket
        // is empty.
        let lost = (self.overshoot_ns / self.bucket.drain_ns(1).max(1)) as usize;
        let sleeps = lost < capacity * 3 / 4;
        let piece = if sleeps { piece.min(capacity - lost) } else { piece };
        let ready = self.bucket.ready_ns(piece);
        let wait = ready.saturating_sub(now);
        if sleeps {
            if wait + self.overshoot_ns > patience {
                return false;
            }
        } else if wait > patience.min(self.watch_ns) {
            return false;
        }
        self.counts.held_bursts += 1;
        if wait == 0 {
            return true;
        }
        if sleeps {
            self.sleep(now, ready);
            return true;
        }
        if self.watch_each_ns != u64::MAX {
            self.watch_ns -= wait;
        }
        for _ in 0..MOST_LOOKS {
            if self.clock.now() >= ready {
                return true;
            }
            std::hint::spin_loop();
        }
        self.sleep(now, ready);
        true
    }

    /// Sends one frame, packet by packet on schedule. `octets` is a packed frame of the
    /// plan's raster; a shorter one is refused before anything is sent.
    pub fn send_frame(&mut self, frame: u64, octets: &[u8]) -> io::Result<()> {
        self.send_frame_with(frame, octets, |_| ())
    }

    /// The same, and calls `starts` with the number of each field when its first packet is
    /// due, right before it leaves.
    pub fn send_frame_with(
        &mut self,
        frame: u64,
        octets: &[u8],
        mut starts: impl FnMut(u16),
    ) -> io::Result<()> {
        if octets.len() < self.plan.raster().buffer_octets() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "a frame of {} octets where {} are needed",
                    octets.len(),
                    self.plan.raster().buffer_octets()
                ),
            ));
        }
        // How far TAI is ahead of the monotonic clock; a step of TAI acts with the next frame.
        let ahead = i128::from(self.clock.tai()) - i128::from(self.clock.now());
        let timestamps = [self.timestamp(frame, 0), self.timestamp(frame, 1)];
        let schedule = self.schedule;
        let (total, fields) = (self.plan.packets(), self.stream.format.fields());
        let second = total.div_ceil(usize::from(fields));
        // What may stay behind for the next burst.
        let carried = self.bucket.capacity() / 2;
        self.watch_ns = self.watch_ns.saturating_add(self.watch_each_ns);
        self.watch_ns = self.watch_ns.min(self.watch_each_ns.saturating_mul(4));
        let mut next = 0;
        for (due, packets) in schedule.bursts(frame, self.burst) {
            let due = i128::from(due + self.stream.offset_ns) - ahead;
            let due = u64::try_from(due).unwrap_or(0);
            self.wait_until(due);
            if packets.start == 0 {
                starts(0);
            } else if fields > 1 && packets.start == second {
                starts(1);
            }
            let mut rushes = false;
            loop {
                let started = self.clock.now();
                let room = self.bucket.room(started);
                let end = if rushes { packets.end } else { packets.end.min(next + room) };
                let count = end - next;
                self.counts.rushed_packets += count.saturating_sub(room) as u64;
                while next < end {
                    next = self.send_run(next, end, octets, timestamps);
                }
                if count > 0 {
                    let by = self.clock.now();
                    self.bucket.fill(by, count);
                    if count > room {
                        // What the network had to take is past: from here on as ever.
                        self.bucket.spill(by);
                    }
                    self.counts.send_ns += by - started;
                }
                let left = packets.end - next;
                if left == 0 || left <= carried && packets.end < total {
                    break;
                }
                rushes = !self.wait_for_room(left, due);
            }
        }
        self.counts.frames += 1;
        Ok(())
    }

    /// Sends packets from `from` on, as many as go into one send: all of one length but for
    /// a shorter last. Returns the packet after them.
    fn send_run(&mut self, from: usize, end: usize, octets: &[u8], timestamps: [u32; 2]) -> usize {
        let Stream { ssrc, payload_type, .. } = self.stream;
        let mut pieces: [&[u8]; MOST_SLICES] = [&[]; MOST_SLICES];
        // Where in `pieces` each packet begins; its header is put there afterwards.
        let mut heads = [(0_usize, 0_usize); MOST_PACKETS];
        let (mut count, mut filled, mut segment, mut last) = (0, 0, 0, 0);
        for index in from..end.min(from + self.burst) {
            let Some(packet) = self.plan.packet(index) else { break };
            let length = packet.packet_len();
            if count > 0 && (length > segment || last < segment) {
                break;
            }
            if count == 0 {
                segment = length;
            }
            last = length;
            let sequence = self.sequence.wrapping_add(count as u32);
            let timestamp = timestamps[usize::from(packet.field & 1)];
            let header = &mut self.headers[count];
            heads[count] =
                (filled, packet.write_header(sequence, timestamp, ssrc, payload_type, header));
            filled += 1;
            for range in packet.ranges() {
                // The length of the frame has been checked.
                pieces[filled] = octets.get(range.clone()).unwrap_or_default();
                filled += 1;
            }
            count += 1;
        }
        if count == 0 {
            return end;
        }
        for (header, (place, length)) in self.headers.iter().zip(&heads[..count]) {
            pieces[*place] = &header[..*length];
        }
        let gather = pieces.map(IoSlice::new);
        for leg in &mut self.legs {
            deliver(&self.clock, leg, &gather[..filled], segment, &mut self.counts);
        }
        self.sequence = self.sequence.wrapping_add(count as u32);
        self.counts.packets += count as u64;
        from + count
    }
}

/// The longest burst that the sender type allows.
fn cmax(stream: &Stream, plan: &FramePlan) -> usize {
    limits(&stream.format, plan.packets(), plan.max_packet_len() as u16 + 8, stream.sender_type)
        .map_or(1, |limits| limits.cmax as usize)
}

/// How late packets may be that still wait for room, and the time a frame allows for
/// watching the clock, in nanoseconds.
fn patience(stream: &Stream, plan: &FramePlan) -> (u64, u64) {
    let period = frame_period_ns(stream.format.rate).to_integer() as u64;
    match (stream.when_late, stream.sender_type) {
        (WhenLate::Hold, _) => (u64::MAX, u64::MAX),
        (WhenLate::Rush, SenderType::Wide) => {
            (ahead_of_reading(stream, plan).to_integer() as u64 / 2, period / 16)
        }
        (WhenLate::Rush, _) => (period / 11, u64::MAX),
    }
}

/// How far the departures are ahead of the virtual receiver's reading, in nanoseconds.
fn ahead_of_reading(stream: &Stream, plan: &FramePlan) -> Exact {
    let Stream { format, sender_type, .. } = stream;
    limits(format, plan.packets(), plan.max_packet_len() as u16 + 8, *sender_type)
        .map_or(Exact::from_integer(0), |limits| limits.trs_ns * i128::from(limits.vrx_full / 2))
        .min(troffset_default_ns(format))
}

/// The departures: ahead of the virtual receiver's reading by half of what its buffer holds,
/// so that neither a late wake-up empties it nor an early one overflows it (ST 2110-21 §6.6.2),
/// but not before the time that the packets' timestamps say.
fn schedule(stream: &Stream, plan: &FramePlan) -> SenderSchedule {
    let Stream { format, sender_type, .. } = stream;
    let packets = plan.packets();
    let offset = troffset_default_ns(format) - ahead_of_reading(stream, plan);
    let offset_ns = offset.to_integer() as u64;
    SenderSchedule::with_offset(format, packets, sender_type.pacing(), offset_ns)
}

/// Sends a burst to one leg, waiting a little for a full send buffer.
fn deliver<C: Clock, T: Transmit>(
    clock: &C,
    leg: &mut T,
    gather: &[IoSlice<'_>],
    segment: usize,
    counts: &mut Counts,
) {
    for _ in 0..20 {
        match leg.send(gather, segment) {
            Ok(_) => return,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                counts.full_buffers += 1;
                clock.sleep_until(clock.now() + RETRY_NS);
            }
            Err(error) => {
                counts.failed_sends += 1;
                counts.last_error = Some(error);
                return;
            }
        }
    }
    counts.failed_sends += 1;
}

#[cfg(test)]
mod tests;
