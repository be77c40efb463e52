//! Round trips over every sampling, depth, scan and packing: a frame through its packets and
//! back, samples through pixel groups and back, descriptions through text and back.

use proptest::{collection::vec, prelude::*, sample::select};
use st2110::{
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
    leg::Leg,
    rfc4175::{
        Coverage, FramePlan, MAX_HEADER_LEN, PayloadHeader, Raster, STANDARD_UDP_LIMIT,
        samples::{pack, plane_size, unpack},
    },
    rtp::RtpHeader,
    sdp::{
        Colorimetry, MediaClock, Range, ReferenceClock, Sdp, Standard, TimestampMode,
        TransferCharacteristic, VideoParameters,
    },
    timing::SenderType,
};

fn rates() -> impl Strategy<Value = Rate> {
    prop_oneof![
        select(vec!["25", "30000/1001", "50", "60000/1001", "60"])
            .prop_map(|text| text.parse().unwrap()),
        (1_u32..1_000_000, 1_u32..10_000)
            .prop_filter_map("above 1000 frames a second", |(n, d)| Rate::new(n, d).ok()),
    ]
}

/// Any format of up to 160 by 16 pixels that is whole in pixel groups.
fn formats() -> impl Strategy<Value = VideoFormat> {
    (
        (1_u16..40, 1_u16..4),
        rates(),
        select(Sampling::ALL),
        select(Depth::ALL),
        select(Scan::ALL),
        select(Packing::ALL),
    )
        .prop_map(|((groups, rows), rate, sampling, depth, scan, packing)| {
            let mut format =
                VideoFormat { width: 0, height: 0, rate, sampling, depth, scan, packing };
            format.width = groups * format.pgroup().pixels;
            format.height = rows * format.pgroup().lines * format.fields();
            format
        })
}

/// Octets that differ from place to place.
fn frame_of(octets: usize, seed: u64) -> Vec<u8> {
    (0..octets as u64)
        .map(|at| ((at + 1).wrapping_mul(seed | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect()
}

proptest! {
    #[test]
    fn a_frame_survives_its_packets(
        format in formats(),
        max_udp in prop_oneof![Just(STANDARD_UDP_LIMIT), 60_u16..1460, Just(8960)],
        padding in 0_usize..40,
        seed: u64,
        sequence: u32,
    ) {
        let raster = Raster::new(&format).unwrap();
        let stride = raster.row_octets() + padding;
        let raster = raster.with_stride(stride).unwrap();
        // Too small a limit, or rows too short for blocks.
        let Ok(plan) = FramePlan::with_stride(&format, max_udp, stride) else {
            prop_assert!(format.packing == Packing::Bpm);
            return Ok(());
        };
        let frame = frame_of(raster.buffer_octets(), seed);
        let mut received = vec![0; raster.buffer_octets()];
        let mut coverage = Coverage::new(&raster);
        let mut longest = 0;
        for index in 0..plan.packets() {
            let planned = plan.packet(index).unwrap();
            let mut packet = vec![0; MAX_HEADER_LEN];
            let number = sequence.wrapping_add(index as u32);
            let length = plan.header(index, number, 77, 88, 99, &mut packet);
            packet.truncate(length);
            for range in planned.ranges() {
                packet.extend_from_slice(&frame[range.clone()]);
            }
            prop_assert_eq!(packet.len(), planned.packet_len());
            prop_assert!(packet.len() + 8 <= usize::from(max_udp));
            longest = longest.max(packet.len());
            let rtp = RtpHeader::parse(&packet).unwrap();
            prop_assert_eq!((rtp.timestamp, rtp.ssrc, rtp.payload_type), (77, 88, 99));
            prop_assert_eq!(rtp.marker, (index + 1) % plan.packets_per_field() == 0);
            let payload = rtp.payload(&packet);
            let header = PayloadHeader::parse(payload).unwrap();
            prop_assert_eq!(u32::from(header.extended_sequence) << 16 | u32::from(rtp.sequence), number);
            for srd in header.srds() {
                prop_assert_eq!(u16::from(srd.field), planned.field);
                prop_assert!(srd.length > 0);
            }
            coverage.record(&header).unwrap();
            raster.place(&header, &payload[header.data_start..], &mut received).unwrap();
            if plan.is_uniform() {
                prop_assert_eq!(packet.len(), plan.max_packet_len());
            }
            if format.packing == Packing::Bpm && !planned.marker {
                prop_assert_eq!(planned.data_len() % 180, 0);
            }
        }
        prop_assert!(longest <= plan.max_packet_len());
        prop_assert!(coverage.is_exact(), "{} missing", coverage.missing());
        for (sent, received) in frame.chunks(stride).zip(received.chunks(stride)) {
            prop_assert_eq!(&sent[..raster.row_octets()], &received[..raster.row_octets()]);
        }
    }

    #[test]
    fn samples_survive_packing(format in formats(), padding in 0_usize..9, seed: u64) {
        let raster = Raster::new(&format).unwrap();
        let raster = raster.with_stride(raster.row_octets() + padding).unwrap();
        let most = (1_u16 << format.depth.bits()) - 1;
        let planes = [0, 1, 2].map(|component| {
            let (width, height) = plane_size(&raster, component);
            frame_of(width * height * 2, seed ^ component as u64)
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]) & most)
                .collect::<Vec<_>>()
        });
        let mut frame = vec![0; raster.buffer_octets()];
        pack(&raster, planes.each_ref().map(Vec::as_slice), &mut frame).unwrap();
        let mut back = planes.each_ref().map(|plane| vec![0_u16; plane.len()]);
        unpack(&raster, &frame, back.each_mut().map(Vec::as_mut_slice)).unwrap();
        prop_assert_eq!(&back, &planes);
        // And the octets are those the samples were read from.
        let mut again = vec![0; raster.buffer_octets()];
        pack(&raster, back.each_ref().map(Vec::as_slice), &mut again).unwrap();
        prop_assert_eq!(again, frame);
    }

    #[test]
    fn parsers_take_anything(octets in vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        st2110::fuzz::rtp(&octets);
        st2110::fuzz::payload_header(&octets);
        st2110::fuzz::place(&octets);
        st2110::fuzz::sdp(text.as_bytes());
    }

    #[test]
    fn descriptions_survive_text(sdp in descriptions()) {
        let text = sdp.to_string();
        prop_assert!(text.lines().filter(|line| line.starts_with("a=fmtp")).all(|line| line.ends_with("; ")));
        prop_assert_eq!(Sdp::parse(&text), Ok(sdp), "{}", text);
    }
}

fn parameters() -> impl Strategy<Value = VideoParameters> {
    let transfer = prop::option::of(select(TransferCharacteristic::ALL));
    let aspect = prop::option::of(select(vec![(1, 1), (12, 11), (64, 45)]));
    (
        (formats(), select(Colorimetry::ALL), select(SenderType::ALL), transfer),
        (prop::option::of(select(Range::ALL)), aspect, prop::option::of(1_u16..=8960)),
        (prop::option::of(any::<u32>()), prop::option::of(1_u32..)),
        (prop::option::of(select(TimestampMode::ALL)), prop::option::of(any::<u32>())),
    )
        .prop_map(
            |(
                (format, colorimetry, sender, transfer),
                (range, pixel_aspect, max_udp),
                (offset_us, cmax),
                (timestamp_mode, timestamp_delay_us),
            )| {
                VideoParameters {
                    format,
                    colorimetry,
                    standard: Standard::V2022,
                    // Type N needs a broadcast raster, which these are not.
                    sender_type: if sender == SenderType::Narrow {
                        SenderType::NarrowLinear
                    } else {
                        sender
                    },
                    transfer,
                    range,
                    pixel_aspect,
                    max_udp,
                    offset_us,
                    cmax,
                    timestamp_mode,
                    timestamp_delay_us,
                }
            },
        )
}

fn descriptions() -> impl Strategy<Value = Sdp> {
    let clock = prop_oneof![
        Just(ReferenceClock::PtpTraceable),
        any::<[u8; 6]>().prop_map(ReferenceClock::LocalMac),
        (any::<[u8; 8]>(), any::<Option<u8>>())
            .prop_map(|(grandmaster, domain)| ReferenceClock::Ptp { grandmaster, domain }),
    ];
    let leg = prop_oneof![
        (1_u8..255, 1_u16..).prop_map(|(last, port)| (format!("239.0.0.{last}"), port, true)),
        (1_u8..255, 1_u16..).prop_map(|(last, port)| (format!("192.0.2.{last}"), port, false)),
        (1_u16.., 1_u16..).prop_map(|(last, port)| (format!("ff3e::{last:x}"), port, false)),
    ];
    (
        parameters(),
        vec((leg, any::<bool>()), 1..3),
        clock,
        any::<(u64, u64)>(),
        "[a-zA-Z0-9 ]{0,12}x",
    )
        .prop_map(|(video, legs, clock, (session_id, session_version), name)| {
            let legs: Vec<_> = legs
                .iter()
                .enumerate()
                .map(|(index, ((address, port, _), filtered))| {
                    let address = address.parse::<std::net::IpAddr>().unwrap();
                    let source = if address.is_ipv4() { "198.51.100.1" } else { "fd00::1" };
                    Leg {
                        // Never both the same.
                        port: (port & !3) + 1 + index as u16,
                        source: filtered.then(|| source.parse().unwrap()),
                        ..Leg::new(address, 0)
                    }
                })
                .collect();
            let mut sdp = Sdp::new(&name, "203.0.113.9".parse().unwrap(), video, &legs, &clock);
            sdp.session_id = session_id;
            sdp.session_version = session_version;
            sdp.information = Some(name);
            if session_id % 2 == 0 {
                for leg in &mut sdp.legs {
                    leg.media_clock = Some(MediaClock::Sender);
                    leg.payload_type = 127;
                }
            }
            sdp
        })
        .prop_filter("two legs to one destination", |sdp| {
            sdp.legs.len() < 2 || sdp.legs[0].leg != sdp.legs[1].leg
        })
}
