//! The fuzz targets' bodies over a bounded pseudo-random corpus, with the stable toolchain.

#[path = "support/noise.rs"]
mod noise;

use std::net::IpAddr;

use st2110::{
    format::{Depth, Packing, Sampling, Scan, VideoFormat},
    fuzz,
    leg::Leg,
    rfc4175::{FramePlan, STANDARD_UDP_LIMIT},
    sdp::{ReferenceClock, Sdp, VideoParameters},
};

use self::noise::Noise;

fn format(packing: Packing, scan: Scan) -> VideoFormat {
    VideoFormat {
        width: 96,
        height: 8,
        rate: "60000/1001".parse().unwrap(),
        sampling: Sampling::YCbCr422,
        depth: Depth::D10,
        scan,
        packing,
    }
}

/// Packets of a small frame, data included.
fn packets() -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for packing in [Packing::Gpm, Packing::Bpm] {
        let plan = FramePlan::new(&format(packing, Scan::Interlaced), STANDARD_UDP_LIMIT).unwrap();
        for index in 0..plan.packets() {
            let mut packet = vec![0; 32];
            let length = plan.header(index, 0x0001_ffff, 7, 9, 96, &mut packet);
            packet.truncate(length);
            packet.resize(length + plan.packet(index).unwrap().data_len(), 0x55);
            packets.push(packet);
        }
    }
    packets
}

#[test]
fn rtp_headers() {
    let mut seeds = packets();
    // CSRC, extension and padding.
    seeds.push(
        [
            &[0xb1, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0, 0, 0, 1, 7, 7, 7, 7][..],
            &[5, 5, 0, 0, 3],
        ]
        .concat(),
    );
    Noise(0x2110_0001).run(&seeds, fuzz::rtp);
}

#[test]
fn payload_headers() {
    let seeds: Vec<_> = packets().iter().map(|packet| packet[12..].to_vec()).collect();
    Noise(0x2110_0002).run(&seeds, fuzz::payload_header);
}

#[test]
fn placing() {
    // Progressive 4:2:2 10-bit (choice 4), interlaced (choice 4 + 16).
    let seeds: Vec<_> = packets()
        .iter()
        .flat_map(|packet| [4, 20].map(|choice| [&[choice, 96, 8, 3][..], &packet[12..]].concat()))
        .collect();
    Noise(0x2110_0003).run(&seeds, fuzz::place);
}

#[test]
fn session_descriptions() {
    let legs: Vec<_> = ["239.1.2.3", "239.2.2.3", "ff3e::1"]
        .map(|address| Leg::new(address.parse::<IpAddr>().unwrap(), 20_000))
        .into();
    let mut video = VideoParameters::new(format(Packing::Bpm, Scan::Psf));
    video.max_udp = Some(1460);
    video.pixel_aspect = Some((12, 11));
    let clock = ReferenceClock::Ptp { grandmaster: [1, 2, 3, 4, 5, 6, 7, 8], domain: Some(127) };
    let seeds: Vec<_> = [&legs[..1], &legs[..2], &legs[2..]]
        .map(|legs| {
            let origin = "192.0.2.1".parse().unwrap();
            Sdp::new("Theatre 1", origin, video.clone(), legs, &clock).to_string().into_bytes()
        })
        .into();
    Noise(0x2110_0004).run(&seeds, fuzz::sdp);
}
