//! The sender of sound against a clock that is turned by hand.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use st2110::{
    analysis::{Arrival, AudioAnalyser, AudioSettings, Outcome},
    audio::{AudioDepth, PacketTime, SampleRate, unpack},
    timing::rtp_to_tai,
};

use super::*;

const EPOCH_TAI: u64 = 1_763_757_342_123_456_789;

/// Time that passes only while somebody sleeps.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>, u64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
    fn tai(&self) -> u64 {
        EPOCH_TAI + self.now()
    }
    fn unix(&self) -> u64 {
        self.tai() - 37_000_000_000
    }
    fn sleep_until(&self, at: u64) {
        self.0.fetch_max(at + self.1, Ordering::Relaxed);
    }
}

/// Sends as they left: when (TAI), and their packets.
type Sends = Rc<RefCell<Vec<(u64, Vec<Vec<u8>>)>>>;

struct Catch(Hand, Sends);

impl Transmit for Catch {
    fn send(&mut self, gather: &[IoSlice<'_>], segment: usize) -> io::Result<usize> {
        let octets: Vec<u8> = gather.iter().flat_map(|slice| slice.iter().copied()).collect();
        let packets: Vec<Vec<u8>> = octets.chunks(segment).map(<[u8]>::to_vec).collect();
        let count = packets.len();
        self.1.borrow_mut().push((self.0.tai(), packets));
        Ok(count)
    }
}

fn format(channels: u8, rate_hz: SampleRate, packet_time: PacketTime) -> AudioFormat {
    AudioFormat { depth: AudioDepth::L24, rate_hz, channels, packet_time, channel_order: None }
}

fn sender(
    format: &AudioFormat,
    offset_ns: u64,
    late_ns: u64,
) -> (AudioSender<Hand, Catch>, ToneSound, Hand, Sends) {
    let (hand, sends) = (Hand(Arc::default(), late_ns), Sends::default());
    let stream = AudioStream { format: format.clone(), offset_ns, payload_type: 97, ssrc: 3 };
    let tone = Tone::from_hz(1310).unwrap();
    let sound = ToneSound { tone, rate_hz: format.rate_hz.hz(), channels: format.channels };
    let legs = vec![Catch(hand.clone(), Rc::clone(&sends))];
    (AudioSender::new(hand.clone(), legs, stream), sound, hand, sends)
}

/// Every level of ST 2110-30, with and without a shift, on time and late: a judge finds the
/// tone in every channel at the very sample that the timestamp says.
#[test]
fn a_judge_finds_every_sample_by_its_timestamp() {
    for (channels, rate, time, late_ns) in [
        (2, SampleRate::Hz48000, PacketTime::Ms1, 0),
        (8, SampleRate::Hz48000, PacketTime::Us125, 0),
        (64, SampleRate::Hz48000, PacketTime::Us125, 700_000),
        (4, SampleRate::Hz96000, PacketTime::Ms1, 5_000_000),
    ] {
        for offset_ns in [0, 1_234_567] {
            let format = format(channels, rate, time);
            let (mut sender, mut sound, _, sends) = sender(&format, offset_ns, late_ns);
            while sends.borrow().iter().map(|(_, packets)| packets.len()).sum::<usize>() < 100 {
                sender.turn(&mut sound);
            }
            let period = Tone::period(rate.hz()).unwrap();
            let mut runs = vec![Vec::new(); usize::from(channels)];
            let mut first = None;
            let mut next = 0_u16;
            for (at, packets) in sends.borrow().iter() {
                for packet in packets {
                    let header = RtpHeader::parse(packet).unwrap();
                    assert_eq!((header.sequence, header.payload_type), (next, 97));
                    next += 1;
                    let tai = rtp_to_tai(header.timestamp, *at, rate.hz());
                    let number = u128::from(tai) * u128::from(rate.hz()) / SECOND_NS;
                    first.get_or_insert(number as u64);
                    let mut samples = vec![0; format.payload_octets() / 3];
                    unpack(AudioDepth::L24, header.payload(packet), &mut samples).unwrap();
                    for frame in samples.chunks(usize::from(channels)) {
                        for (run, sample) in runs.iter_mut().zip(frame) {
                            run.push(*sample);
                        }
                    }
                }
            }
            for (channel, run) in (0..).zip(&runs) {
                let (hz, index) = Tone::identify_at(rate.hz(), &run[..400]).unwrap();
                let ahead = (u64::from(index) + period - first.unwrap() % period) % period;
                let shift = Tone::channel_shift(rate.hz()).unwrap();
                assert_eq!((hz, ahead), (1310, channel * shift), "{format} channel {channel}");
            }
        }
    }
}

#[test]
fn the_analyser_is_content() {
    for (channels, time) in [(2, PacketTime::Ms1), (8, PacketTime::Us125), (64, PacketTime::Us125)]
    {
        let format = format(channels, SampleRate::Hz48000, time);
        let (mut sender, mut sound, _, sends) = sender(&format, 0, 20_000);
        for _ in 0..2000 {
            sender.turn(&mut sound);
        }
        let mut analyser = AudioAnalyser::new(AudioSettings {
            clock_hz: 48_000,
            depth: AudioDepth::L24,
            channels: u16::from(channels),
            samples_per_packet: u32::from(format.samples_per_packet()),
        });
        for (at, packets) in sends.borrow().iter() {
            for packet in packets {
                analyser.record(&Arrival::whole(*at, packet));
            }
        }
        let report = analyser.report();
        assert!(report.level.is_some());
        for verdict in &report.verdicts {
            assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
        }
    }
}

#[test]
fn late_packets_go_together_and_very_late_ones_not_at_all() {
    let format = format(2, SampleRate::Hz48000, PacketTime::Ms1);
    let (mut sender, mut sound, hand, sends) = sender(&format, 0, 0);
    sender.turn(&mut sound);
    hand.0.fetch_add(5_500_000, Ordering::Relaxed);
    sender.turn(&mut sound);
    assert_eq!(sends.borrow()[1].1.len(), 5);
    hand.0.fetch_add(40_000_000, Ordering::Relaxed);
    sender.turn(&mut sound);
    assert_eq!(sends.borrow()[2].1.len(), MOST_PACKETS);
    let before = sender.counts.packets;
    hand.0.fetch_add(2_000_000_000, Ordering::Relaxed);
    sender.turn(&mut sound);
    assert_eq!(sender.counts.packets, before);
    assert!((2010..2050).contains(&sender.counts.skipped_packets), "{:?}", sender.counts);
    sender.turn(&mut sound);
    let (at, packets) = sends.borrow().last().unwrap().clone();
    assert_eq!(packets.len(), 1);
    let stamp = RtpHeader::parse(&packets[0]).unwrap().timestamp;
    assert!(at - rtp_to_tai(stamp, at, 48_000) < 1_100_000);
    // TAI set back by hours: it goes on at once, from there.
    hand.0.store(0, Ordering::Relaxed);
    sender.turn(&mut sound);
    sender.turn(&mut sound);
    assert!(hand.now() < 10_000_000);
}
