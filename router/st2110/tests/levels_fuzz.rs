//! The fuzz targets' bodies for audio, ancillary data and whole sessions, over a bounded
//! pseudo-random corpus, as `fuzz_bodies.rs` has it for video.

#[path = "support/noise.rs"]
mod noise;

use std::net::IpAddr;

use st2110::{
    ancillary::{AncData, AncField, AncFrame, AncillaryFormat, DataId, Location, data_word},
    audio::{AudioDepth, AudioFormat, PacketTime, SampleRate},
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
    fuzz,
    leg::Leg,
    sdp::{
        AncillaryParameters, AudioParameters, ReferenceClock, SessionDescription, VideoParameters,
    },
};

use self::noise::Noise;

#[test]
fn audio() {
    let mut seeds = vec![vec![0; 1 + 288], vec![1; 1 + 144]];
    for text in ["SMPTE2110.(51,ST)", "SMPTE2110.(M,DM,U02)", "DV.LRLsRs", "0.125", "1.09", "4"] {
        seeds.push(text.as_bytes().to_vec());
    }
    Noise(0x2110_0030).run(&seeds, fuzz::audio);
}

#[test]
fn ancillary() {
    let words: Vec<_> = (0..=254).map(data_word).collect();
    let data: Vec<_> = [0, 1, 2, 3, 16, 255]
        .map(|count| AncData {
            location: Location { line: 9, stream: Some(count as u8 & 1), ..Location::ANYWHERE },
            id: DataId { did: 0x61, sdid: count as u8 },
            words: &words[..count],
        })
        .into();
    let mut seeds = Vec::new();
    for (field, data) in [
        (AncField::Frame, &data[..]),
        (AncField::First, &data[..3]),
        (AncField::Second, &data[3..4]),
        (AncField::Second, &[]),
    ] {
        let mut frame = AncFrame::new(field, data, 1460).unwrap();
        let mut out = [0; 1452];
        while let Some(octets) = frame.next_packet(0x0001_ffff, 1, 2, 100, &mut out).unwrap() {
            seeds.push(out[12..octets].to_vec());
        }
    }
    Noise(0x2110_0040).run(&seeds, fuzz::ancillary);
}

#[test]
fn sessions() {
    let clock = ReferenceClock::Ptp { grandmaster: [1, 2, 3, 4, 5, 6, 7, 8], domain: Some(127) };
    let rate = Rate::new(60_000, 1001).unwrap();
    let video = VideoParameters::new(VideoFormat {
        width: 96,
        height: 8,
        rate,
        sampling: Sampling::YCbCr422,
        depth: Depth::D10,
        scan: Scan::Progressive,
        packing: Packing::Gpm,
    });
    let mut audio = AudioParameters::new(AudioFormat {
        depth: AudioDepth::L24,
        rate_hz: SampleRate::Hz48000,
        channels: 8,
        packet_time: PacketTime::Us125,
        channel_order: Some("SMPTE2110.(51,ST)".parse().unwrap()),
    });
    audio.max_packet_time_ns = Some(333_000);
    let mut ancillary = AncillaryFormat::new(rate, false);
    ancillary.data_ids = vec![DataId { did: 0x61, sdid: 0x02 }, DataId { did: 0xe7, sdid: 0 }];
    ancillary.vpid_code = Some(133);
    let ancillary = AncillaryParameters::new(&ancillary);
    let seeds: Vec<_> = [1, 2]
        .map(|count| {
            let legs = |third: u8| -> Vec<Leg> {
                let leg = |second| Leg::new(IpAddr::from([239, second, third, 1]), 20_000);
                (1..=count).map(leg).collect()
            };
            let mut session = SessionDescription::new("Theatre 1", [192, 0, 2, 1].into());
            session.push(video.clone(), &legs(1), &clock);
            session.push(audio.clone(), &legs(2), &clock);
            session.push(ancillary.clone(), &legs(3), &clock);
            session.to_string().into_bytes()
        })
        .into();
    Noise(0x2110_0050).run(&seeds, fuzz::session);
}
