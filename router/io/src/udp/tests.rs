//! The sockets against the kernel itself, over loopback.

use std::{
    io::IoSlice,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    time::Duration,
};

use st2110::leg::Leg;

use super::*;

fn pair(address: IpAddr) -> (RxSocket, TxSocket) {
    let rx = RxSocket::open(&Leg::new(address, 0), &RxOptions::default()).unwrap();
    let port = rx.local_addr().unwrap().port();
    let tx = TxSocket::open(&Leg::new(address, port), &TxOptions::default()).unwrap();
    (rx, tx)
}

fn receive_packets(rx: &RxSocket, count: usize) -> Vec<Vec<u8>> {
    let mut batch = RxBatch::new(8, 65_536);
    let mut packets = Vec::new();
    while packets.len() < count && rx.wait(Duration::from_secs(10)).unwrap() {
        rx.receive(&mut batch).unwrap();
        for mut datagram in batch.datagrams() {
            assert!(!datagram.truncated && !datagram.fragmented);
            packets.extend(datagram.segments().map(|packet| packet.to_vec()));
        }
    }
    packets
}

#[test]
fn a_gathered_burst_arrives_as_its_packets() {
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        for segmentation in [true, false] {
            let (rx, mut tx) = pair(address);
            if !segmentation {
                tx = tx.without_segmentation();
            }
            // Header and body in slices of their own; the last packet is shorter.
            let headers: Vec<[u8; 12]> = (0..40).map(|i| [i; 12]).collect();
            let bodies: Vec<Vec<u8>> =
                (0..40_u8).map(|i| vec![i; if i == 39 { 7 } else { 1208 }]).collect();
            let gather: Vec<_> = headers
                .iter()
                .zip(&bodies)
                .flat_map(|(header, body)| [IoSlice::new(header), IoSlice::new(body)])
                .collect();
            assert_eq!(tx.send(&gather, 1220).unwrap(), 40);
            let packets = receive_packets(&rx, 40);
            assert_eq!(packets.len(), 40);
            for (i, packet) in packets.iter().enumerate() {
                assert_eq!(packet.len(), if i == 39 { 19 } else { 1220 });
                assert!(packet.iter().all(|octet| usize::from(*octet) == i));
            }
        }
    }
}

#[test]
fn a_burst_out_of_bounds_is_refused() {
    let (_rx, mut tx) = pair(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let body = vec![0; 70_000];
    for (octets, segment) in [(65 * 10, 10), (70_000, 1400), (10, 0)] {
        assert!(tx.send(&[IoSlice::new(&body[..octets])], segment).is_err());
    }
}

#[test]
fn a_single_packet_needs_no_segmentation() {
    let (rx, mut tx) = pair(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let body = vec![1; 60_000];
    assert_eq!(tx.send(&[IoSlice::new(&body)], 60_000).unwrap(), 1);
    assert!(tx.segmentation());
    assert_eq!(receive_packets(&rx, 1)[0].len(), 60_000);
}

#[test]
fn a_datagram_longer_than_the_slab_says_so() {
    let (rx, _) = pair(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(&[7; 3000], rx.local_addr().unwrap()).unwrap();
    let mut batch = RxBatch::new(2, 2048);
    assert!(rx.wait(Duration::from_secs(10)).unwrap());
    assert_eq!(rx.receive(&mut batch).unwrap(), 1);
    let datagram = batch.datagram(0);
    assert!(datagram.truncated);
    assert_eq!(datagram.octets.len(), 2048);
    assert_eq!(datagram.from, sender.local_addr().unwrap());
    assert_eq!(rx.receive(&mut batch).unwrap(), 0);
}

#[test]
fn every_refusal_names_what_is_wrong() {
    let open = |leg: &Leg| RxSocket::open(leg, &RxOptions::default()).unwrap_err();
    let (rx, _) = pair(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let taken = rx.local_addr().unwrap();
    assert!(matches!(open(&Leg::new(taken.ip(), taken.port())), SocketError::InUse { .. }));
    let elsewhere = "192.0.2.1".parse().unwrap();
    assert!(matches!(open(&Leg::new(elsewhere, 5004)), SocketError::NotOurs { .. }));
    let mut leg = Leg::new(taken.ip(), 0);
    leg.interface = Some("nosuch0".into());
    assert!(matches!(open(&leg), SocketError::UnknownInterface { .. }));
    leg.interface = None;
    leg.source = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    assert!(matches!(open(&leg), SocketError::MixedVersions { .. }));
}

#[test]
fn a_group_is_joined_for_one_sender_only() {
    let group: IpAddr = "232.1.2.3".parse().unwrap();
    let join = |source: &str| {
        let leg = Leg {
            address: group,
            port: 0,
            source: Some(source.parse().unwrap()),
            interface: Some("lo".into()),
        };
        RxSocket::open(&leg, &RxOptions::default()).unwrap()
    };
    let (wanted, other) = (join("127.0.0.1"), join("127.0.0.2"));
    for rx in [&other, &wanted] {
        let leg = Leg {
            address: group,
            port: rx.local_addr().unwrap().port(),
            source: Some("127.0.0.1".parse().unwrap()),
            interface: Some("lo".into()),
        };
        let mut tx = TxSocket::open(&leg, &TxOptions::default()).unwrap();
        assert_eq!(tx.send(&[IoSlice::new(b"picture")], 100).unwrap(), 1);
    }
    assert_eq!(receive_packets(&wanted, 1).len(), 1);
    // Loopback delivers in order and at once: had it been let in, it would be there.
    assert_eq!(other.receive(&mut RxBatch::new(1, 100)).unwrap(), 0);
}
