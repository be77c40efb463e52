//! The sender against a clock that is turned by hand.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use st2110::{
    analysis::{Arrival, Outcome, SenderVerdict, VideoAnalyser, VideoSettings},
    format::{Depth, Packing, Sampling},
    rfc4175::PayloadHeader,
    rtp::RtpHeader,
    timing::{limits, trs_ns},
};

use super::*;

/// Time that passes only while somebody sleeps, who may wake up late, or looks at it.
#[derive(Clone)]
struct Hand {
    at: Arc<AtomicU64>,
    /// What a look at the clock takes.
    look_ns: u64,
    late: Late,
    /// Whether somebody else runs for 2 ms after some thousand looks: who watches the clock
    /// has used up his share.
    shared: Option<Chance>,
}

/// How late sleepers wake up.
#[derive(Clone)]
enum Late {
    By(u64),
    /// By chance: mostly a little, sometimes up to so many nanoseconds.
    UpTo(u64, Chance),
}

/// Xorshift, 64 bits.
#[derive(Clone)]
struct Chance(Arc<AtomicU64>);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(Arc::new((seed | 1).into()))
    }

    fn below(&self, limit: u64) -> u64 {
        let mut state = self.0.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.store(state, Ordering::Relaxed);
        state % limit.max(1)
    }
}

const EPOCH_TAI: u64 = 1_763_757_342_000_000_000;

impl Hand {
    fn new(late: Late) -> Self {
        Self { at: Arc::new(1_000_000_000.into()), look_ns: 0, late, shared: None }
    }

    fn turn(&self, ns: u64) {
        self.at.fetch_add(ns, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> u64 {
        if self.shared.as_ref().is_some_and(|chance| chance.below(5000) == 0) {
            self.turn(2_000_000);
        }
        self.at.fetch_add(self.look_ns, Ordering::Relaxed)
    }
    fn tai(&self) -> u64 {
        EPOCH_TAI + self.at.load(Ordering::Relaxed)
    }
    fn unix(&self) -> u64 {
        self.tai() - 37_000_000_000
    }
    fn sleep_until(&self, at: u64) {
        let late = match &self.late {
            Late::By(ns) => *ns,
            Late::UpTo(most, chance) => match chance.below(20) {
                0 => chance.below(*most),
                _ => chance.below(most / 20),
            },
        };
        self.at.fetch_max(at + late, Ordering::Relaxed);
    }
}

/// Bursts as they left: when (TAI), and their packets.
type Bursts = Rc<RefCell<Vec<(u64, Vec<Vec<u8>>)>>>;

/// A send that takes some time, in the course of which the burst leaves.
struct Catch {
    hand: Hand,
    bursts: Bursts,
    takes: Option<(u64, Chance)>,
}

impl Transmit for Catch {
    fn send(&mut self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
        let octets: Vec<u8> = gather.iter().flat_map(|slice| slice.iter().copied()).collect();
        let packets: Vec<Vec<u8>> = octets.chunks(segment).map(<[u8]>::to_vec).collect();
        let count = packets.len();
        let some = || self.takes.as_ref().map_or(0, |(most, chance)| chance.below(*most));
        self.hand.turn(some());
        self.bursts.borrow_mut().push((self.hand.tai(), packets));
        self.hand.turn(some());
        Ok(count)
    }
}

fn format(sampling: Sampling, scan: Scan, packing: Packing) -> VideoFormat {
    let rate = "30000/1001".parse().unwrap();
    VideoFormat { width: 720, height: 480, rate, sampling, depth: Depth::D10, scan, packing }
}

fn sender(format: VideoFormat, offset_ns: u64) -> (Sender<Hand, Catch>, Hand, Bursts) {
    late_sender(format, offset_ns, 0)
}

/// A sender that wakes up late, always.
fn late_sender(
    format: VideoFormat,
    offset_ns: u64,
    late_ns: u64,
) -> (Sender<Hand, Catch>, Hand, Bursts) {
    let kind = (SenderType::Wide, WhenLate::Rush);
    sender_of(format, kind, offset_ns, Hand::new(Late::By(late_ns)), None)
}

fn sender_of(
    format: VideoFormat,
    (sender_type, when_late): (SenderType, WhenLate),
    offset_ns: u64,
    hand: Hand,
    takes: Option<(u64, Chance)>,
) -> (Sender<Hand, Catch>, Hand, Bursts) {
    let plan = FramePlan::new(&format, 1460).unwrap();
    let cmax = limits(&format, plan.packets(), 1460, sender_type).unwrap().cmax;
    let bursts = Bursts::default();
    let stream = Stream {
        format,
        sender_type,
        burst: cmax,
        when_late,
        offset_ns,
        payload_type: 96,
        ssrc: 7,
    };
    let legs = vec![Catch { hand: hand.clone(), bursts: Rc::clone(&bursts), takes }];
    (Sender::new(hand.clone(), legs, stream, plan), hand, bursts)
}

#[test]
fn what_is_sent_puts_together_to_the_same_frame() {
    for scan in [Scan::Progressive, Scan::Interlaced, Scan::Psf] {
        for packing in [Packing::Gpm, Packing::Bpm] {
            for sampling in [Sampling::YCbCr422, Sampling::YCbCr420, Sampling::Rgb] {
                let format = format(sampling, scan, packing);
                let (mut sender, _, bursts) = sender(format, 0);
                let octets: Vec<u8> = (0..sender.plan.raster().buffer_octets())
                    .map(|at| (at * 31 + at / 251) as u8)
                    .collect();
                let raster = *sender.plan.raster();
                let frame = sender.next_frame();
                sender.send_frame(frame, &octets).unwrap();
                sender.send_frame(frame + 1, &octets).unwrap();

                let mut built = vec![0; octets.len()];
                let packets: Vec<Vec<u8>> =
                    bursts.borrow().iter().flat_map(|(_, packets)| packets.clone()).collect();
                assert_eq!(packets.len(), 2 * sender.plan.packets());
                for (next, packet) in (0_u32..).zip(&packets) {
                    assert!(packet.len() <= 1452);
                    let rtp = RtpHeader::parse(packet).unwrap();
                    let payload = rtp.payload(packet);
                    let header = PayloadHeader::parse(payload).unwrap();
                    let sequence =
                        u32::from(header.extended_sequence) << 16 | u32::from(rtp.sequence);
                    assert_eq!(sequence, next, "{format}");
                    raster.place(&header, &payload[header.data_start..], &mut built).unwrap();
                }
                assert!(built == octets, "{format}");
                let markers = packets.iter().filter(|packet| packet[1] & 0x80 != 0).count();
                assert_eq!(markers, 2 * usize::from(format.fields()));
            }
        }
    }
}

#[test]
fn fields_have_their_own_times_and_segments_one() {
    for (scan, apart) in [(Scan::Interlaced, 1501), (Scan::Psf, 0)] {
        let (mut sender, _, bursts) = sender(format(Sampling::YCbCr422, scan, Packing::Gpm), 0);
        let octets = vec![0; sender.plan.raster().buffer_octets()];
        let frame = sender.next_frame();
        sender.send_frame(frame, &octets).unwrap();
        let bursts = bursts.borrow();
        let stamp = |packet: &[u8]| RtpHeader::parse(packet).unwrap().timestamp;
        let first = stamp(&bursts.first().unwrap().1[0]);
        let last = stamp(bursts.last().unwrap().1.last().unwrap());
        let step = last.wrapping_sub(first);
        // 1501.5 ticks, rounded down from either side.
        assert!(step == apart || step == apart + u32::from(apart > 0), "{step}");
        assert_eq!(first, tai_to_rtp(sender.start_tai_ns(frame), VIDEO_CLOCK_HZ));
    }
}

#[test]
fn bursts_keep_to_schedule_and_cmax() {
    let offset = 1_234_000;
    let format = format(Sampling::YCbCr422, Scan::Progressive, Packing::Bpm);
    let (mut sender, _, bursts) = sender(format, offset);
    let octets = vec![0; sender.plan.raster().buffer_octets()];
    let frame = sender.next_frame();
    sender.send_frame(frame, &octets).unwrap();
    let each = trs_ns(&format, sender.plan.packets(), SenderType::Wide.pacing());
    let first = sender.schedule.departure_ns(frame, 0) + offset;
    let mut sent = 0_i128;
    let mut at_once = (0, 0);
    for (at, packets) in bursts.borrow().iter() {
        let due = first + (each * (sent / 16 * 16)).to_integer() as u64;
        assert!(at.abs_diff(due) <= 1, "packet {sent}: {at} {due}");
        at_once =
            if at_once.0 == *at { (*at, at_once.1 + packets.len()) } else { (*at, packets.len()) };
        assert!(at_once.1 <= 16);
        sent += packets.len() as i128;
    }
    assert_eq!(sender.counts.worst_late_ns, 0);
}

fn progressive(width: u16, height: u16, rate: &str) -> VideoFormat {
    VideoFormat {
        width,
        height,
        rate: rate.parse().unwrap(),
        ..format(Sampling::YCbCr422, Scan::Progressive, Packing::Gpm)
    }
}

/// What the analyser says of everything that left.
fn judged(format: VideoFormat, sender_type: SenderType, bursts: &Bursts) -> SenderVerdict {
    let mut analyser = VideoAnalyser::new(VideoSettings::new(format));
    for (at, packets) in bursts.borrow().iter() {
        for packet in packets {
            analyser.record(&Arrival::whole(*at, packet));
        }
    }
    analyser.report().sender(sender_type).unwrap().clone()
}

/// As the analyser sees it: the virtual receiver's buffer neither runs empty nor over, even
/// when every wake-up is late; and no burst is too long, where the host can keep that up.
#[test]
fn the_virtual_receiver_is_content() {
    for format in
        [progressive(1920, 1080, "60"), progressive(1280, 720, "50"), progressive(720, 480, "25")]
    {
        for (late_ns, when_late) in [
            (0, WhenLate::Rush),
            (20_000, WhenLate::Rush),
            (100_000, WhenLate::Rush),
            (400_000, WhenLate::Rush),
            (20_000, WhenLate::Hold),
            (100_000, WhenLate::Hold),
        ] {
            let hand = Hand { look_ns: 40, ..Hand::new(Late::By(late_ns)) };
            let kind = (SenderType::Wide, when_late);
            let (mut sender, _, bursts) = sender_of(format, kind, 0, hand, None);
            let octets = vec![0; sender.plan.raster().buffer_octets()];
            let first = sender.next_frame();
            for frame in first..first + 4 {
                sender.send_frame(frame, &octets).unwrap();
            }
            let verdict = judged(format, SenderType::Wide, &bursts);
            assert_eq!(verdict.vrx, Outcome::Pass, "{format}, {late_ns}: {verdict:#?}");
            if late_ns <= 20_000 || when_late == WhenLate::Hold {
                assert!(verdict.is_pass(), "{format}, {late_ns} ns late: {verdict:#?}");
                assert_eq!(sender.counts.rushed_packets, 0);
            }
        }
    }
}

/// A host with more to do than it can: all frames leave, or CMAX is kept.
#[test]
fn a_host_too_busy_has_its_frames_or_its_cmax() {
    let format = progressive(1920, 1080, "60");
    for when_late in [WhenLate::Rush, WhenLate::Hold] {
        let chance = Chance::new(0x2110);
        let shared = Some(chance.clone());
        let hand = Hand { look_ns: 40, shared, ..Hand::new(Late::UpTo(1_000_000, chance)) };
        let kind = (SenderType::Wide, when_late);
        let (mut sender, _, bursts) = sender_of(format, kind, 0, hand, None);
        let octets = vec![0; sender.plan.raster().buffer_octets()];
        let mut frame = sender.next_frame();
        for _ in 0..20 {
            frame = sender.catch_up(frame);
            sender.send_frame(frame, &octets).unwrap();
            frame += 1;
        }
        let verdict = judged(format, SenderType::Wide, &bursts);
        let Counts { skipped_frames, rushed_packets, .. } = sender.counts;
        match when_late {
            WhenLate::Rush => {
                assert_eq!(skipped_frames, 0);
                assert!(rushed_packets > 0 && verdict.cinst == Outcome::Fail);
            }
            WhenLate::Hold => {
                assert!(skipped_frames > 0 && rushed_packets == 0);
                assert_eq!(verdict.cinst, Outcome::Pass, "{verdict:#?}");
            }
        }
    }
}

/// Late wake-ups, slow sends, stalls of a frame: never is a burst too long, of any type.
#[test]
fn cinst_stays_within_cmax_however_late() {
    use SenderType::{Narrow, NarrowLinear, Wide};
    let formats = [
        (progressive(1920, 1080, "60"), &[Narrow, NarrowLinear, Wide][..]),
        (progressive(1280, 720, "60000/1001"), &[Narrow, NarrowLinear, Wide]),
        (progressive(3840, 2160, "60"), &[NarrowLinear]),
        (format(Sampling::YCbCr422, Scan::Interlaced, Packing::Bpm), &[Narrow, Wide]),
    ];
    for (format, types) in formats {
        for sender_type in types {
            for (seed, most) in [0, 30_000, 200_000, 3_000_000, 30_000_000].into_iter().enumerate()
            {
                let chance = Chance::new(0x2110 + seed as u64);
                let late = Late::UpTo(most, chance.clone());
                let hand = Hand { look_ns: 40, ..Hand::new(late) };
                let takes = Some((most.clamp(1000, 20_000), chance.clone()));
                let (mut sender, hand, bursts) =
                    sender_of(format, (*sender_type, WhenLate::Hold), 0, hand, takes);
                let octets = vec![0; sender.plan.raster().buffer_octets()];
                let mut frame = sender.next_frame();
                for _ in 0..4 {
                    hand.turn(chance.below(most + 1));
                    frame = sender.catch_up(frame);
                    sender.send_frame(frame, &octets).unwrap();
                    frame += 1;
                }
                let verdict = judged(format, *sender_type, &bursts);
                let cinst = (verdict.cinst, verdict.cinst_peak, verdict.cmax);
                assert_eq!(cinst.0, Outcome::Pass, "{format} {sender_type} {most}: {cinst:?}");
                assert_eq!(sender.counts.packets, 4 * sender.plan.packets() as u64);
            }
        }
    }
}

/// A tenth of the time is spare: a stall of a twelfth of a frame is made good within a frame,
/// on a host whose sleeps are 20 µs too long.
#[test]
fn a_stall_is_made_good_within_a_frame() {
    use SenderType::{NarrowLinear, Wide};
    let format = progressive(1920, 1080, "60");
    for (sender_type, late_ns) in
        [(Wide, 0), (Wide, 20_000), (NarrowLinear, 0), (NarrowLinear, 20_000)]
    {
        let hand = Hand { look_ns: 40, ..Hand::new(Late::By(late_ns)) };
        let (mut sender, hand, bursts) =
            sender_of(format, (sender_type, WhenLate::Hold), 0, hand, None);
        let octets = vec![0; sender.plan.raster().buffer_octets()];
        let frame = sender.next_frame();
        sender.send_frame(frame, &octets).unwrap();
        hand.turn(sender.stream.format.rate.period_ns() / 12);
        sender.send_frame(frame + 1, &octets).unwrap();
        sender.send_frame(frame + 2, &octets).unwrap();
        // From the middle of the third frame on everything leaves when it is due, or half a
        // bucket later; the last of a frame may have slept twice.
        let (each, capacity) = (sender.plan.packets(), sender.bucket.capacity());
        let ahead = capacity - capacity / 2 - 1;
        let mut index = 0;
        for (at, packets) in bursts.borrow().iter() {
            index += packets.len();
            if index > 2 * each + each / 2 {
                let last = index - 2 * each - 1;
                let due = sender.schedule.departure_ns(frame + 2, last.saturating_sub(ahead));
                let late = at.saturating_sub(due);
                assert!(late <= 2 * late_ns + 1000, "{sender_type} {late_ns} {last}: {late} ns");
            }
        }
        assert_eq!(index, 3 * each);
        assert!(sender.counts.held_bursts > 0);
        assert!(judged(format, sender_type, &bursts).cinst == Outcome::Pass);
    }
}

#[test]
fn a_late_sender_catches_up_and_then_skips_whole_frames() {
    let (mut sender, hand, bursts) =
        sender(format(Sampling::YCbCr422, Scan::Progressive, Packing::Gpm), 0);
    let octets = vec![0; sender.plan.raster().buffer_octets()];
    let period = sender.stream.format.rate.period_ns();
    let frame = sender.next_frame();
    // Half a frame late: sent all the same.
    hand.sleep_until(sender.schedule.departure_ns(frame, 0) - EPOCH_TAI + period / 2);
    assert_eq!(sender.catch_up(frame), frame);
    sender.send_frame(frame, &octets).unwrap();
    assert_eq!(sender.counts.packets, sender.plan.packets() as u64);
    assert!(sender.counts.worst_late_ns >= period / 2);
    // Four frames late: the missed ones are left out, and counted.
    hand.turn(4 * period);
    let next = sender.catch_up(frame + 1);
    assert!(next >= frame + 4, "{} {next}", frame + 1);
    assert_eq!(sender.counts.skipped_frames, next - frame - 1);
    bursts.borrow_mut().clear();
    sender.send_frame(next, &octets).unwrap();
    let first = bursts.borrow()[0].0;
    assert!(first.abs_diff(sender.schedule.departure_ns(next, 0)) <= 1);
}

#[test]
fn a_short_frame_is_refused_before_anything_leaves() {
    let (mut sender, _, bursts) =
        sender(format(Sampling::YCbCr422, Scan::Progressive, Packing::Gpm), 0);
    assert!(sender.send_frame(0, &[0; 100]).is_err());
    assert!(bursts.borrow().is_empty());
}
