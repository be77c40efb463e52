//! A flow against streams that are right, and against each way to be wrong.

use std::collections::BTreeMap;

use ormatrix_protocol::{DropReason as Drop, Merge};
use st2110::{format::VideoFormat, leg::Leg, rfc4175::FramePlan};

use super::*;

const SENDER: &str = "192.0.2.10:40000";
const OTHER: &str = "192.0.2.11:40000";

fn format(width: u16, height: u16) -> VideoFormat {
    serde_json::from_value(serde_json::json!({
        "width": width, "height": height, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10
    }))
    .unwrap()
}

fn spec() -> InputSpec {
    InputSpec {
        id: "endoscope".parse().unwrap(),
        video: format(480, 4),
        legs: vec![Leg::new("127.0.0.1".parse().unwrap(), 5004)],
        payload_type: 96,
        max_udp: 1460,
        merge: Merge::default(),
        label: None,
        audio: None,
        ancillary: None,
        failover: ormatrix_protocol::Failover::default(),
    }
}

/// Packets of `frames` frames in a row.
fn stream(format: &VideoFormat, frames: u32, ssrc: u32, first: u32) -> Vec<Vec<u8>> {
    let plan = FramePlan::new(format, 1460).unwrap();
    let mut packets = Vec::new();
    for frame in 0..frames {
        for index in 0..plan.packets() {
            let mut octets = vec![0; 64];
            let sequence = first.wrapping_add(packets.len() as u32);
            let length = plan.header(index, sequence, 1000 + 1800 * frame, ssrc, 96, &mut octets);
            octets.truncate(length);
            octets.resize(length + plan.packet(index).unwrap().data_len(), 7);
            packets.push(octets);
        }
    }
    packets
}

struct Bench {
    flow: Flow,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        Self { flow: Flow::new(&spec()).unwrap(), now: 1_000_000_000 }
    }

    fn send(&mut self, packet: &[u8], from: &str) -> Result<Accepted, Drop> {
        self.now += 1000;
        let arrived = self.flow.arrive(0, packet, from.parse().unwrap(), self.now)?;
        self.flow.accept(&arrived, self.now)
    }

    fn send_all(&mut self, packets: &[Vec<u8>]) -> Vec<Result<Accepted, Drop>> {
        packets.iter().map(|packet| self.send(packet, SENDER)).collect()
    }

    fn dropped(&mut self) -> BTreeMap<&'static str, u64> {
        let counts = self.flow.take_counts(self.now);
        let named = Drop::ALL
            .iter()
            .map(|reason| (reason.as_str(), counts.legs[0].dropped[*reason as usize]));
        named.filter(|(_, count)| *count > 0).collect()
    }
}

#[test]
fn outputs_may_join_from_the_second_frame_on() {
    let mut bench = Bench::new();
    let results = bench.send_all(&stream(&format(480, 4), 3, 1, 65_534));
    let accepted: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted.len(), 12);
    let joinable: Vec<_> = accepted.iter().filter(|a| a.joinable).map(|a| a.frame).collect();
    let completes: Vec<_> = accepted.iter().filter(|a| a.completes).map(|a| a.frame).collect();
    assert_eq!((joinable, completes), (vec![2, 3], vec![1, 2, 3]));
    assert!(accepted.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
    assert_eq!(bench.flow.signal(bench.now), SignalState::Ok);
}

#[test]
fn a_constant_extended_sequence_still_counts_on() {
    let mut bench = Bench::new();
    let mut packets = stream(&format(480, 4), 4, 1, 65_530);
    for packet in &mut packets {
        packet[12..14].fill(0);
    }
    let accepted: Vec<_> = bench.send_all(&packets).into_iter().map(Result::unwrap).collect();
    assert!(accepted.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
}

#[test]
fn reordered_packets_belong_to_their_frame_and_duplicates_to_none() {
    let mut bench = Bench::new();
    let mut packets = stream(&format(480, 4), 3, 1, 0);
    packets.swap(3, 4);
    packets.insert(6, packets[5].clone());
    let results = bench.send_all(&packets);
    assert_eq!(results[6], Err(Drop::Duplicate));
    let frames: Vec<_> = results.iter().flatten().map(|a| a.frame).collect();
    assert_eq!(frames, [1, 1, 1, 2, 1, 2, 2, 2, 3, 3, 3, 3]);
    let completes: Vec<_> =
        results.iter().flatten().filter(|a| a.completes).map(|a| a.frame).collect();
    assert_eq!(completes, [1, 2, 3]);
    assert_eq!(bench.flow.take_counts(0).lost_packets, 0);
}

#[test]
fn a_frame_whose_start_was_overtaken_cannot_be_joined() {
    let mut bench = Bench::new();
    let mut packets = stream(&format(480, 4), 3, 1, 0);
    packets.swap(4, 5);
    let results = bench.send_all(&packets);
    let joinable: Vec<_> =
        results.iter().flatten().filter(|a| a.joinable).map(|a| a.frame).collect();
    assert_eq!(joinable, [3]);
    assert_eq!(results.iter().flatten().filter(|a| a.completes).count(), 3);
}

#[test]
fn each_fault_has_its_own_name() {
    let good = stream(&format(480, 4), 2, 1, 0);
    let cases: Vec<(Drop, Vec<u8>)> = vec![
        (Drop::Garbage, b"GET / HTTP/1.1".to_vec()),
        (Drop::Garbage, vec![]),
        (Drop::Garbage, vec![0; 1300]),
        (Drop::Truncated, good[4][..11].to_vec()),
        (Drop::Truncated, good[4][..16].to_vec()),
        (Drop::Truncated, good[4][..good[4].len() - 1].to_vec()),
        (Drop::Oversize, [&good[4][..], &[0; 400]].concat()),
        (Drop::Rtcp, [&[0x80, 200, 0, 1][..], &[0; 24]].concat()),
        (Drop::PayloadType, {
            let mut packet = good[4].clone();
            packet[1] = 97;
            packet
        }),
        (Drop::PayloadHeader, {
            let mut packet = good[4].clone();
            for continuation in [18, 24, 30] {
                packet[continuation] |= 0x80;
            }
            packet
        }),
        (Drop::WrongSsrc, {
            let mut packet = good[4].clone();
            packet[11] = 99;
            packet
        }),
        (Drop::Format, {
            let mut packet = good[4].clone();
            packet[17] = 200;
            packet
        }),
        (Drop::Late, {
            let mut packet = good[4].clone();
            packet[2..4].copy_from_slice(&30_000_u16.to_be_bytes());
            packet
        }),
    ];
    for (reason, packet) in cases {
        let mut bench = Bench::new();
        if reason == Drop::Late {
            // Half a circle back: neither lost nor new.
            bench.send_all(&stream(&format(480, 4), 1, 1, 40_000));
        } else {
            bench.send_all(&good[..4]);
        }
        assert_eq!(bench.send(&packet, SENDER), Err(reason), "{reason:?}");
        assert_eq!(bench.dropped(), BTreeMap::from([(reason.as_str(), 1)]));
    }
}

#[test]
fn a_second_sender_waits_until_the_first_is_silent() {
    let mut bench = Bench::new();
    let (first, second) = (stream(&format(480, 4), 3, 1, 0), stream(&format(480, 4), 3, 1, 500));
    bench.send_all(&first[..8]);
    assert_eq!(bench.send(&second[0], OTHER), Err(Drop::ForeignSender));
    bench.now += bench.flow.deadline_ns() + 1;
    assert!(bench.flow.expire(bench.now));
    assert_eq!(bench.flow.signal(bench.now), SignalState::Lost);
    let epoch = bench.flow.epoch();
    assert!(bench.send(&second[0], OTHER).is_ok());
    assert_ne!(bench.flow.epoch(), epoch);
    assert_eq!(bench.send(&first[8], SENDER), Err(Drop::ForeignSender));
}

#[test]
fn only_the_declared_source_is_heard() {
    let mut spec = spec();
    spec.legs[0].source = Some("192.0.2.10".parse().unwrap());
    let mut bench = Bench { flow: Flow::new(&spec).unwrap(), now: 1 << 40 };
    let packets = stream(&format(480, 4), 1, 1, 0);
    assert_eq!(bench.send(&packets[0], OTHER), Err(Drop::ForeignSender));
    assert!(bench.send(&packets[0], SENDER).is_ok());
}

#[test]
fn another_format_is_never_passed_on() {
    // Smaller in each direction, larger in each, of another depth.
    let mut deep = format(480, 4);
    deep.depth = st2110::format::Depth::D12;
    for other in [format(240, 4), format(480, 2), format(720, 4), format(480, 8), deep] {
        let mut bench = Bench::new();
        let results = bench.send_all(&stream(&other, 5, 1, 0));
        assert!(results.iter().flatten().all(|a| !a.joinable), "{other}");
        assert!(results.contains(&Err(Drop::Format)), "{other}");
        assert_eq!(bench.flow.signal(bench.now), SignalState::Lost, "{other}");
        assert_eq!(bench.flow.take_counts(0).lost_packets, 0, "{other}");
    }
}

#[test]
fn a_stream_that_changes_its_format_is_cut_off_at_the_first_contradiction() {
    let mut bench = Bench::new();
    bench.send_all(&stream(&format(480, 4), 3, 1, 0));
    let mut smaller = stream(&format(240, 4), 3, 1, 12);
    for (index, packet) in smaller.iter_mut().enumerate() {
        let timestamp = 90_000 + 1800 * (index as u32 / 4);
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    }
    let results = bench.send_all(&smaller);
    assert!(results[0].is_ok_and(|a| a.joinable), "nothing contradicts yet");
    assert_eq!(results[1], Err(Drop::Format));
    let epoch = results[0].unwrap().epoch;
    assert!(results[1..].iter().flatten().all(|a| a.epoch != epoch && !a.joinable));
}

#[test]
fn a_frame_that_stops_in_the_middle_is_counted_as_cut() {
    let mut bench = Bench::new();
    bench.send_all(&stream(&format(480, 4), 2, 1, 0)[..6]);
    bench.now += bench.flow.deadline_ns() + 1;
    assert!(bench.flow.expire(bench.now));
    assert!(!bench.flow.expire(bench.now));
    let counts = bench.flow.take_counts(bench.now);
    assert_eq!((counts.frames, counts.whole_frames, counts.cut_frames), (2, 1, 1));
    assert_eq!(counts.legs[0].packets, 6);
}

#[test]
fn fields_make_one_frame() {
    let mut interlaced = format(480, 4);
    interlaced.scan = st2110::format::Scan::Interlaced;
    let mut spec = spec();
    spec.video = interlaced;
    let mut bench = Bench { flow: Flow::new(&spec).unwrap(), now: 1 << 40 };
    let mut packets = stream(&interlaced, 3, 1, 0);
    // Each field has a time of its own.
    for (index, packet) in packets.iter_mut().enumerate() {
        packet[4..8].copy_from_slice(&(900 * (index as u32 / 2)).to_be_bytes());
    }
    let accepted: Vec<_> = bench.send_all(&packets).into_iter().map(Result::unwrap).collect();
    let frames: Vec<_> = accepted.iter().map(|a| a.frame).collect();
    assert_eq!(frames, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    let joinable: Vec<_> = accepted.iter().map(|a| a.joinable).collect();
    assert_eq!(joinable.iter().filter(|j| **j).count(), 2);
    assert!(joinable[4] && joinable[8]);
}
