//! Taps against the kernel itself, over loopback. They need `CAP_NET_RAW`, as the whole
//! test run does; without it only the refusal is tested.

use std::{
    io::IoSlice,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
};

use st2110::leg::Leg;

use super::*;
use crate::{Clock, SystemClock, TxOptions, TxSocket};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn loopback() -> u32 {
    interfaces().unwrap().iter().find(|interface| interface.loopback).unwrap().index
}

/// `None` where this process may not look.
fn open(direction: Direction, flows: &[SocketAddr], options: TapOptions) -> Option<Tap> {
    match Tap::open(loopback(), direction, flows, &options) {
        Ok(tap) => Some(tap),
        Err(TapError::NotPermitted) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A receiver, that its port stays taken, and where it is.
fn receiver(address: IpAddr) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// RTP packets of 400 octets, the last of 100.
fn packets(count: u16) -> Vec<Vec<u8>> {
    let packet = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let mut packet = vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.resize(if number + 1 == count { 100 } else { 400 }, number as u8);
        packet
    };
    (0..count).map(packet).collect()
}

fn send(to: SocketAddr, packets: &[Vec<u8>], segmentation: bool) {
    let mut tx = TxSocket::open(&Leg::new(to.ip(), to.port()), &TxOptions::default()).unwrap();
    if !segmentation {
        tx = tx.without_segmentation();
    }
    let gather: Vec<_> = packets.iter().map(|packet| IoSlice::new(packet)).collect();
    assert_eq!(tx.send(&gather, packets[0].len()).unwrap(), packets.len());
}

/// The UDP payload of each packet that has passed: loopback delivers at once.
fn seen(tap: &mut Tap, headers: usize) -> Vec<Vec<u8>> {
    let mut batch = TapBatch::new(4);
    let mut all = Vec::new();
    while tap.receive(&mut batch).unwrap() > 0 {
        for frame in batch.frames() {
            assert_eq!((frame.link, frame.cut, frame.vlan_tag), (Link::Ethernet, false, None));
            let payload = &frame.octets[headers..];
            let each = match frame.segments {
                Segments::One => payload.len(),
                Segments::Of(each) => each,
                Segments::Untold => rtp_segment(payload).unwrap_or(payload.len()),
            };
            all.extend(payload.chunks(each).map(<[u8]>::to_vec));
        }
    }
    all
}

/// Waits until packets have the times of their arrival: the kernel begins to take them a
/// moment after it is asked to, and says the time of reading until then.
fn take_times(tap: &mut Tap, to: SocketAddr) {
    let mut batch = TapBatch::new(1);
    for _ in 0..10_000 {
        send(to, &packets(1), false);
        let sent = SystemClock.unix();
        tap.receive(&mut batch).unwrap();
        if batch.frames().next().unwrap().time_ns <= sent {
            return;
        }
        SystemClock.sleep_until(SystemClock.now() + 100_000);
    }
    panic!("packets have no time of arrival");
}

#[test]
fn every_packet_is_seen_once_whole_and_at_its_time() {
    for (address, headers) in [(V4, 14 + 20 + 8), (V6, 14 + 40 + 8)] {
        for segmentation in [true, false] {
            for direction in [Direction::Incoming, Direction::Outgoing] {
                for ask_segments in [true, false] {
                    let (_receiver, to) = receiver(address);
                    let options = TapOptions { ask_segments, ..TapOptions::default() };
                    let Some(mut tap) = open(direction, &[to], options) else { return };
                    let packets = packets(40);
                    take_times(&mut tap, to);
                    let before = SystemClock.unix();
                    send(to, &packets, segmentation);
                    let after = SystemClock.unix();
                    let mut batch = TapBatch::new(1);
                    assert_eq!(tap.receive(&mut batch).unwrap(), 1);
                    let first = batch.frames().next().unwrap();
                    assert!((before..=after).contains(&first.time_ns), "{}", first.time_ns);
                    let told = if segmentation { Segments::Of(400) } else { Segments::One };
                    assert_eq!(first.segments, if ask_segments { told } else { Segments::Untold });
                    send(to, &packets, segmentation);
                    let all = seen(&mut tap, headers);
                    // The rest of the first, where it was cut up, and the second.
                    assert_eq!(all.len(), if segmentation { 40 } else { 39 + 40 });
                    assert!(all.iter().rev().zip(packets.iter().rev()).all(|(a, b)| a == b));
                    assert_eq!(tap.dropped().unwrap(), 0);
                }
            }
        }
    }
}

#[test]
fn what_nobody_asked_for_is_not_seen() {
    let (_one, first) = receiver(V4);
    let (_other, second) = receiver(V4);
    let (_third, elsewhere) = receiver("127.0.0.2".parse().unwrap());
    let (_fourth, newer) = receiver(V6);
    let options = TapOptions::default();
    let Some(mut tap) = open(Direction::Incoming, &[first], options) else { return };
    let all = [first, second, elsewhere, newer];
    let mut counts = Vec::new();
    let same_port = SocketAddr::new(elsewhere.ip(), first.port());
    for flows in [&all[..1], &all[1..], &[same_port], &[], &all] {
        tap.set_flows(flows).unwrap();
        for to in all {
            send(to, &packets(2), false);
        }
        counts.push(seen(&mut tap, 42).len());
    }
    assert_eq!(counts, [2, 6, 0, 0, 8]);
}

#[test]
fn a_full_buffer_says_so() {
    let (_receiver, to) = receiver(V4);
    let options = TapOptions { receive_buffer: 1 << 16, ..TapOptions::default() };
    let Some(mut tap) = open(Direction::Incoming, &[to], options) else { return };
    for _ in 0..20 {
        send(to, &packets(40), false);
    }
    let dropped = tap.dropped().unwrap();
    let kept = seen(&mut tap, 42).len() as u64;
    assert!(dropped > 0 && kept > 0, "{dropped} dropped, {kept} kept");
    assert_eq!(dropped + kept, 800);
    assert_eq!(tap.dropped().unwrap(), 0, "asked once, told once");
}

#[test]
fn the_loopback_has_its_addresses() {
    let all = interfaces().unwrap();
    let loopback = all.iter().find(|interface| interface.loopback).unwrap();
    assert!(loopback.index > 0 && loopback.addresses.contains(&V4), "{all:?}");
}
