//! The sender against a clock that is turned by hand.

use std::{cell::RefCell, rc::Rc};

use st2110::{
    analysis::{Arrival, Outcome, VideoAnalyser, VideoSettings},
    format::{Depth, Packing, Sampling},
    rfc4175::PayloadHeader,
    rtp::RtpHeader,
    timing::{limits, trs_ns},
};

use super::*;

/// Time that passes only while somebody sleeps, who may wake up late.
#[derive(Clone)]
struct Hand(std::sync::Arc<std::sync::atomic::AtomicU64>, u64);

const EPOCH_TAI: u64 = 1_763_757_342_000_000_000;

impl Hand {
    fn new(late_ns: u64) -> Self {
        Self(std::sync::Arc::new(1_000_000_000.into()), late_ns)
    }

    fn turn(&self, ns: u64) {
        self.0.fetch_add(ns, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
    fn tai(&self) -> u64 {
        EPOCH_TAI + self.now()
    }
    fn unix(&self) -> u64 {
        self.tai() - 37_000_000_000
    }
    fn sleep_until(&self, at: u64) {
        self.0.fetch_max(at + self.1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Bursts as they left: when (TAI), and their packets.
type Bursts = Rc<RefCell<Vec<(u64, Vec<Vec<u8>>)>>>;

struct Catch(Hand, Bursts);

impl Transmit for Catch {
    fn send(&mut self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
        let octets: Vec<u8> = gather.iter().flat_map(|slice| slice.iter().copied()).collect();
        let packets: Vec<Vec<u8>> = octets.chunks(segment).map(<[u8]>::to_vec).collect();
        let count = packets.len();
        self.1.borrow_mut().push((self.0.tai(), packets));
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
    let plan = FramePlan::new(&format, 1460).unwrap();
    let cmax = limits(&format, plan.packets(), 1460, SenderType::Wide).unwrap().cmax;
    let (hand, bursts) = (Hand::new(late_ns), Bursts::default());
    let stream = Stream {
        format,
        sender_type: SenderType::Wide,
        burst: cmax,
        offset_ns,
        payload_type: 96,
        ssrc: 7,
    };
    let legs = vec![Catch(hand.clone(), Rc::clone(&bursts))];
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

/// As the analyser sees it: the virtual receiver's buffer neither runs empty nor over, even
/// when every wake-up is late.
#[test]
fn the_virtual_receiver_is_content() {
    let format = |width, height, rate: &str| VideoFormat {
        width,
        height,
        rate: rate.parse().unwrap(),
        ..format(Sampling::YCbCr422, Scan::Progressive, Packing::Gpm)
    };
    for format in [format(1920, 1080, "60"), format(1280, 720, "50"), format(720, 480, "25")] {
        for late_ns in [0, 100_000, 400_000] {
            let (mut sender, _, bursts) = late_sender(format, 0, late_ns);
            let octets = vec![0; sender.plan.raster().buffer_octets()];
            let first = sender.next_frame();
            for frame in first..first + 4 {
                sender.send_frame(frame, &octets).unwrap();
            }
            let mut analyser = VideoAnalyser::new(VideoSettings::new(format));
            for (at, packets) in bursts.borrow().iter() {
                for packet in packets {
                    analyser.record(&Arrival::whole(*at, packet));
                }
            }
            let report = analyser.report();
            let verdict = report.sender(SenderType::Wide).unwrap();
            assert_eq!(verdict.vrx, Outcome::Pass, "{format}, {late_ns} ns late: {verdict:#?}");
            // Bursts that are late leave at once: better than a frame that is late.
            assert!(late_ns > 0 || verdict.is_pass(), "{format}: {verdict:#?}");
        }
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
