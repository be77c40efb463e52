//! What must hold for any octets at all, at any times.

#![allow(clippy::missing_panics_doc, reason = "a panic here is a finding")]

use super::{
    AncillaryAnalyser, AncillarySettings, Arrival, AudioAnalyser, AudioSettings, LegPair,
    NetworkFacts, NetworkWatch, Outcome, Recogniser, StreamKind, VideoAnalyser, VideoSettings,
};
use crate::{
    audio::AudioDepth,
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
};

/// Feeds datagrams cut from octets to every analyser: each takes two octets of length, two
/// of time, and what follows.
pub fn arrivals(octets: &[u8]) {
    let Some(([scan, list, channels, ..], mut rest)) = octets.split_first_chunk::<4>() else {
        return;
    };
    let format = VideoFormat {
        width: 64,
        height: 16,
        rate: Rate::new(60_000, 1001).expect("a rate"),
        sampling: Sampling::YCbCr422,
        depth: Depth::D10,
        scan: Scan::ALL[usize::from(*scan) % Scan::ALL.len()],
        packing: Packing::Gpm,
    };
    let settings = VideoSettings { list_compatible: list % 2 == 1, ..VideoSettings::new(format) };
    let mut video = VideoAnalyser::new(settings);
    let mut audio = AudioAnalyser::new(AudioSettings {
        clock_hz: 48_000,
        depth: AudioDepth::L24,
        channels: u16::from(*channels),
        samples_per_packet: 48,
    });
    let mut ancillary = AncillaryAnalyser::new(AncillarySettings::default());
    let mut recogniser = Recogniser::default();
    let mut legs = LegPair::default();
    let mut network = NetworkWatch::new(1460);
    // Halfway through its range, so that times can step back.
    let mut time_ns = u64::MAX / 2;
    let mut fed = 0_u64;
    while let Some(([high, low, step, far], behind)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([*high & 0x07, *low])).min(behind.len());
        let (packet, behind) = behind.split_at(length);
        let step = i64::from(step.cast_signed()) << (far % 56);
        time_ns = time_ns.saturating_add_signed(step);
        let wire_octets = length + if high & 0x80 == 0 { 0 } else { 1000 };
        let arrival = Arrival { time_ns, packet, wire_octets };
        video.record(&arrival);
        audio.record(&arrival);
        ancillary.record(&arrival);
        recogniser.record(&arrival);
        legs.record(usize::from(high & 0x40 != 0), &arrival);
        network.record(&NetworkFacts {
            destination: [239, *high, *low, 1].into(),
            destination_mac: Some([1, 0, 0x5e, *high & 0x7f, *low, 1]),
            udp_octets: wire_octets,
            dscp: *far,
            ttl: 1,
            vlan: None,
            fragmented: false,
        });
        fed += 1;
        rest = behind;
    }
    let report = video.report();
    let rtp = &report.rtp;
    assert_eq!(rtp.packets + rtp.rtcp + rtp.not_rtp, fed);
    assert!(report.frames.whole + report.frames.wrong <= report.frames.seen);
    assert_eq!(
        report.frames.measured > 0,
        report.linear.is_some_and(|linear| linear.vrx.count() > 0)
    );
    assert!(audio.report().delay_ns.count() <= fed);
    let _ancillary = ancillary.report();
    let legs = legs.report();
    assert!(legs.pairs * 2 + legs.alone[0] + legs.alone[1] <= legs.packets[0] + legs.packets[1]);
    assert!(
        network.verdicts().iter().all(|verdict| {
            verdict.check != "group-address" || verdict.outcome != Outcome::Fail
        })
    );
    if let Ok(StreamKind::Video(seen)) = recogniser.recognise().kind {
        assert!(seen.format.width > 0 && seen.format.height > 0);
    }
}
