//! Properties of audio, ancillary data and sessions over random formats: what is written is
//! read back the same.

use std::net::IpAddr;

use proptest::{collection::vec, prelude::*, sample::select};
use st2110::{
    ancillary::{
        AncData, AncField, AncFrame, AncPayload, DataId, Location, TransmissionModel, checksum,
        data_word, is_protected, parity_holds,
    },
    audio::{
        AudioDepth, AudioFormat, ChannelGroup, ChannelOrder, ConformanceLevel, MAX_PAYLOAD,
        PacketTime, SampleRate, pack, unpack,
    },
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
    leg::Leg,
    rtp::RtpHeader,
    sdp::{
        AncillaryParameters, AudioParameters, Essence, MediaClock, ReferenceClock,
        SessionDescription, TimestampMode, VideoParameters,
    },
};

fn orders() -> impl Strategy<Value = Option<ChannelOrder>> {
    let group = prop_oneof![
        Just(ChannelGroup::Mono),
        Just(ChannelGroup::DualMono),
        Just(ChannelGroup::Stereo),
        Just(ChannelGroup::MatrixStereo),
        Just(ChannelGroup::Surround51),
        Just(ChannelGroup::Surround71),
        Just(ChannelGroup::Surround222),
        Just(ChannelGroup::SdiGroup),
        (1_u8..=64).prop_map(ChannelGroup::Undefined),
    ];
    prop::option::of(vec(group, 1..4).prop_map(ChannelOrder::Smpte2110))
}

fn audio_formats() -> impl Strategy<Value = AudioFormat> {
    (select(AudioDepth::ALL), select(SampleRate::ALL), 1_u8..=64, select(PacketTime::ALL), orders())
        .prop_map(|(depth, rate_hz, channels, packet_time, channel_order)| {
            let mut format = AudioFormat { depth, rate_hz, channels, packet_time, channel_order };
            if format.check().is_err() {
                format.channel_order = None;
            }
            while format.check().is_err() {
                format.channels -= 1;
            }
            format
        })
}

fn locations() -> impl Strategy<Value = Location> {
    (any::<bool>(), 0_u16..0x800, 0_u16..0x1000, prop::option::of(0_u8..0x80)).prop_map(
        |(color_difference, line, offset, stream)| Location {
            color_difference,
            line,
            offset,
            stream,
        },
    )
}

/// Location, identification and words of an ANC data packet.
type Packet = (Location, (u8, u8), Vec<u16>);

fn packets() -> impl Strategy<Value = Packet> {
    let word = (0_u16..0x400).prop_filter("a protected word", |word| !is_protected(*word));
    (locations(), any::<(u8, u8)>(), prop_oneof![vec(word.clone(), 0..9), vec(word, 0..=255)])
}

proptest! {
    #[test]
    fn samples_survive_packets(format in audio_formats(), seed: u64) {
        let count = usize::from(format.samples_per_packet()) * usize::from(format.channels);
        let mask = -1_i32 << (32 - 8 * format.depth.octets());
        let samples: Vec<i32> = (0..count as u64)
            .map(|at| ((at + 1).wrapping_mul(seed | 1) >> 16) as i32)
            .collect();
        let mut payload = vec![0; MAX_PAYLOAD];
        let octets = pack(format.depth, &samples, &mut payload).unwrap();
        prop_assert_eq!(format.check_payload(octets), Ok(()));
        let mut back = vec![0; count];
        prop_assert_eq!(unpack(format.depth, &payload[..octets], &mut back), Ok(count));
        prop_assert!(back.iter().zip(&samples).all(|(back, sample)| *back == sample & mask));
    }

    #[test]
    fn formats_survive_json_and_levels_are_nested(format in audio_formats()) {
        use ConformanceLevel::{A, Ax, B, Bx, C, Cx};
        let json = serde_json::to_string(&format).unwrap();
        prop_assert_eq!(serde_json::from_str::<AudioFormat>(&json).unwrap(), format.clone());
        for (less, more) in [(A, B), (B, C), (A, Ax), (Ax, Bx), (B, Bx), (Bx, Cx), (C, Cx)] {
            prop_assert!(!less.receives(&format) || more.receives(&format), "{less} {more}");
        }
    }

    #[test]
    fn ancillary_packets_survive_their_frame(
        packets in vec(packets(), 0..40),
        field in select(AncField::ALL),
        max_udp in 356_u16..=1460,
        sequence: u32,
    ) {
        let data: Vec<_> = packets
            .iter()
            .map(|(location, (did, sdid), words)| AncData {
                location: *location,
                id: DataId { did: *did, sdid: *sdid },
                words,
            })
            .collect();
        let mut frame = AncFrame::new(field, &data, max_udp).unwrap();
        let count = frame.remaining();
        let mut out = [0; 1452];
        let mut left = packets.iter();
        for index in 0..count {
            let number = sequence.wrapping_add(index as u32);
            let octets = frame.next_packet(number, 11, 22, 100, &mut out).unwrap().unwrap();
            prop_assert!(octets + 8 <= usize::from(max_udp));
            let header = RtpHeader::parse(&out[..octets]).unwrap();
            prop_assert_eq!(header.marker, index + 1 == count);
            let payload = AncPayload::parse(header.payload(&out[..octets])).unwrap();
            prop_assert_eq!(payload.check(), Ok(()));
            prop_assert_eq!(payload.field, field);
            prop_assert_eq!(u32::from(payload.extended_sequence) << 16 | u32::from(header.sequence), number);
            for packet in payload.packets() {
                let packet = packet.unwrap();
                let (location, (did, sdid), words) = left.next().unwrap();
                prop_assert_eq!(packet.location, *location);
                prop_assert_eq!(packet.id(), DataId { did: *did, sdid: *sdid });
                prop_assert!(packet.words().eq(words.iter().copied()));
                prop_assert_eq!(packet.checksum_word(), packet.computed_checksum());
            }
        }
        prop_assert_eq!(left.count(), 0);
        prop_assert_eq!(frame.next_packet(0, 0, 0, 0, &mut out), Ok(None));
    }

    #[test]
    fn one_wrong_bit_does_not_pass(packet in packets(), bit: prop::sample::Index) {
        let (location, (did, sdid), words) = &packet;
        let data = [AncData { location: *location, id: DataId { did: *did, sdid: *sdid }, words }];
        let mut frame = AncFrame::new(AncField::Frame, &data, 1460).unwrap();
        let mut out = [0; 1452];
        let octets = frame.next_packet(0, 0, 0, 100, &mut out).unwrap().unwrap();
        // Any bit of the words but b9 of a user data word, which nothing covers.
        let words_at = 12 + 8 + 4;
        let at = bit.index((octets - words_at) * 8);
        let (word, in_word) = (at / 10, at % 10);
        prop_assume!(!(in_word == 0 && (3..3 + words.len()).contains(&word)));
        out[words_at + at / 8] ^= 0x80 >> (at % 8);
        let payload = AncPayload::parse(&out[12..octets]).unwrap();
        prop_assert!(payload.check().is_err(), "bit {at}");
    }

    #[test]
    fn checksums_and_parity_are_consistent(words in vec(0_u16..0x400, 0..260), value: u8) {
        let sum = checksum(words.iter().copied());
        let expected = words.iter().map(|word| u32::from(word & 0x1ff)).sum::<u32>() & 0x1ff;
        prop_assert_eq!(u32::from(sum & 0x1ff), expected);
        prop_assert_ne!(sum >> 9 & 1, sum >> 8 & 1);
        let word = data_word(value);
        prop_assert!(parity_holds(word) && !is_protected(word));
        prop_assert_eq!((word & 0x1ff).count_ones() % 2, 0);
        prop_assert!((0..10).all(|bit| !parity_holds(word ^ 1 << bit)));
    }

    #[test]
    fn parsers_take_anything(octets in vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        st2110::fuzz::audio(&octets);
        st2110::fuzz::audio(text.as_bytes());
        st2110::fuzz::ancillary(&octets);
        st2110::fuzz::session(text.as_bytes());
    }

    #[test]
    fn descriptions_survive_text(session in sessions()) {
        let text = session.to_string();
        prop_assert!(text.lines().filter(|line| line.starts_with("a=fmtp")).all(|line| line.ends_with("; ")));
        prop_assert_eq!(SessionDescription::parse(&text), Ok(session), "{}", text);
    }
}

fn timestamps() -> impl Strategy<Value = (Option<TimestampMode>, Option<u32>)> {
    (prop::option::of(select(TimestampMode::ALL)), prop::option::of(any::<u32>()))
}

fn audio() -> impl Strategy<Value = Essence> {
    (audio_formats(), prop::option::of(4_400_000_u64..900_000_000), timestamps()).prop_map(
        |(format, max_packet_time_ns, (timestamp_mode, timestamp_delay_us))| {
            Essence::Audio(AudioParameters {
                format,
                max_packet_time_ns,
                timestamp_mode,
                timestamp_delay_us,
            })
        },
    )
}

fn ancillary() -> impl Strategy<Value = Essence> {
    let id = any::<(u8, u8)>()
        .prop_map(|(did, sdid)| DataId { did, sdid: if did & 0x80 == 0 { sdid } else { 0 } });
    (
        select(vec![(25, 1), (60_000, 1001), (50, 1)]),
        vec(id, 0..4),
        any::<Option<u8>>(),
        prop::option::of(select(TransmissionModel::ALL)),
        any::<Option<u32>>(),
        timestamps(),
    )
        .prop_map(
            |((n, d), data_ids, vpid_code, transmission_model, offset_us, timestamps)| {
                Essence::Ancillary(AncillaryParameters {
                    rate: Rate::new(n, d).unwrap(),
                    data_ids,
                    vpid_code,
                    transmission_model,
                    offset_us,
                    timestamp_mode: timestamps.0,
                    timestamp_delay_us: timestamps.1,
                })
            },
        )
}

/// Up to one video, and any number of the others, over one leg or two.
fn sessions() -> impl Strategy<Value = SessionDescription> {
    let format = VideoFormat {
        width: 1920,
        height: 1080,
        rate: Rate::new(50, 1).unwrap(),
        sampling: Sampling::YCbCr422,
        depth: Depth::D10,
        scan: Scan::Progressive,
        packing: Packing::Gpm,
    };
    let video = prop::option::of(Just(Essence::Video(VideoParameters::new(format))));
    let others = vec(prop_oneof![audio(), ancillary()], 0..4);
    let legs = vec((any::<bool>(), any::<bool>(), any::<bool>()), 5);
    (video, others, legs, any::<(u64, u64)>(), "[a-zA-Z0-9 ]{0,12}x")
        .prop_filter("no stream", |(video, others, ..)| video.is_some() || !others.is_empty())
        .prop_map(|(video, others, legs, (session_id, session_version), name)| {
            let mut session = SessionDescription::new(&name, [203, 0, 113, 9].into());
            session.session_id = session_id;
            session.session_version = session_version;
            let clock = ReferenceClock::PtpTraceable;
            let streams = others.into_iter().chain(video);
            for (index, (essence, (two, unicast, sender))) in streams.zip(legs).enumerate() {
                let first = if unicast { 192 } else { 239 };
                let leg = |second| {
                    Leg::new(
                        IpAddr::from([first, second, index as u8, 7]),
                        20_000 + u16::from(second),
                    )
                };
                let legs: Vec<_> = if two { vec![leg(1), leg(2)] } else { vec![leg(1)] };
                session.push(essence, &legs, &clock);
                if sender && let Some(stream) = session.streams.last_mut() {
                    for leg in &mut stream.legs {
                        leg.media_clock = Some(MediaClock::Sender);
                        leg.payload_type = 127;
                    }
                }
            }
            session
        })
}
