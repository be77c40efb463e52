//! Sends packed frames as ST 2110-20 packets on the ST 2110-21 schedule.
//!
//! A frame goes out in bursts of at most CMAX packets. A burst is one gathered send for each
//! leg: header, slice of the frame, header, slice, … Headers are written into one array that
//! is allocated once; picture octets are not copied in user space. A burst that is late
//! leaves at once, so that the sender catches up burst by burst.

mod report;

use std::io::{self, ErrorKind, IoSlice};

use ormatrix_io::{Clock, TxSocket};
use st2110::{
    format::{Scan, VideoFormat},
    rfc4175::{FramePlan, MAX_HEADER_LEN},
    timing::{
        Exact, SenderSchedule, SenderType, VIDEO_CLOCK_HZ, frame_period_ns, frame_start_ns,
        frame_timestamp, limits, tai_to_rtp, troffset_default_ns,
    },
};

pub use report::{Counts, Report, thread_cpu_ns};

/// Most packets a burst here may have, whatever CMAX allows.
const MOST_PACKETS: usize = 48;

/// Slices of a burst: a header and up to three pieces of the frame each.
const MOST_SLICES: usize = MOST_PACKETS * 4;

/// How long to wait before asking a full send buffer again, in nanoseconds.
const RETRY_NS: u64 = 50_000;

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

/// What the packets of a stream have in common.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// The wire format.
    pub format: VideoFormat,
    /// ST 2110-21 sender type.
    pub sender_type: SenderType,
    /// Longest burst in packets, usually CMAX.
    pub burst: u32,
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
        Self {
            clock,
            legs,
            stream,
            plan,
            schedule,
            burst,
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

    /// Waits until a moment of TAI, by the monotonic clock.
    fn wait_until(&mut self, tai_ns: u64, ahead: i128) -> u64 {
        let due = u64::try_from(i128::from(tai_ns) - ahead).unwrap_or(0);
        let before = self.clock.now();
        if before >= due {
            self.counts.worst_late_ns = self.counts.worst_late_ns.max(before - due);
            return before;
        }
        self.clock.sleep_until(due);
        let after = self.clock.now();
        self.counts.sleep_ns += after - before;
        self.counts.worst_late_ns = self.counts.worst_late_ns.max(after.saturating_sub(due));
        after
    }

    /// Sends one frame, packet by packet on schedule. `octets` is a packed frame of the
    /// plan's raster; a shorter one is refused before anything is sent.
    pub fn send_frame(&mut self, frame: u64, octets: &[u8]) -> io::Result<()> {
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
        for (due, packets) in schedule.bursts(frame, self.burst) {
            let started = self.wait_until(due + self.stream.offset_ns, ahead);
            let mut from = packets.start;
            while from < packets.end {
                from = self.send_run(from, packets.end, octets, timestamps);
            }
            self.counts.send_ns += self.clock.now() - started;
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

/// The departures: ahead of the virtual receiver's reading by half of what its buffer holds,
/// so that neither a late wake-up empties it nor an early one overflows it (ST 2110-21 §6.6.2),
/// but not before the time that the packets' timestamps say.
fn schedule(stream: &Stream, plan: &FramePlan) -> SenderSchedule {
    let Stream { format, sender_type, .. } = stream;
    let packets = plan.packets();
    let offset = troffset_default_ns(format);
    let lead = limits(format, packets, plan.max_packet_len() as u16 + 8, *sender_type)
        .map_or(Exact::from_integer(0), |limits| limits.trs_ns * i128::from(limits.vrx_full / 2));
    let offset_ns = (offset - lead.min(offset)).to_integer() as u64;
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
