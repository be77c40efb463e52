//! Audio, ancillary data, and descriptions of every level.

use crate::{
    ancillary::{
        AncData, AncError, AncFrame, AncPayload, AncWriter, DataId, MAX_WORDS, PAYLOAD_HEADER_LEN,
    },
    audio::{
        AudioDepth, AudioFormat, ChannelOrder, MAX_PAYLOAD, PacketTime, SampleRate, pack, unpack,
    },
    rtp::RtpHeader,
    sdp::SessionDescription,
};

/// A payload of samples whose depth the first octet chooses: the same octets when packed
/// again. The octets as text: what is read of it is written the same.
pub fn audio(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    if let Ok(order) = text.parse::<ChannelOrder>() {
        assert_eq!(order.to_string().parse(), Ok(order));
    }
    for rate in SampleRate::ALL {
        if let Some(time) = PacketTime::from_ptime(&text, *rate) {
            assert_eq!(PacketTime::from_ptime(time.ptime(*rate), *rate), Some(time));
            assert_eq!(PacketTime::nearest_ptime(&text, *rate), Some(time));
        }
    }
    let Some((choice, payload)) = octets.split_first() else { return };
    let pick = |index: u8, count: usize| usize::from(index) % count;
    let format = AudioFormat {
        depth: AudioDepth::ALL[pick(*choice, AudioDepth::ALL.len())],
        rate_hz: SampleRate::ALL[pick(choice / 2, SampleRate::ALL.len())],
        channels: payload.first().copied().unwrap_or(0),
        packet_time: PacketTime::ALL[pick(choice / 6, PacketTime::ALL.len())],
        channel_order: None,
    };
    if format.check().is_ok() {
        assert!(format.payload_octets() <= MAX_PAYLOAD);
    } else {
        assert_eq!(format.level(), None);
    }
    let mut samples = vec![0; payload.len()];
    let width = format.depth.octets();
    match unpack(format.depth, payload, &mut samples) {
        Ok(count) => {
            assert_eq!(count * width, payload.len());
            let mut back = vec![0; payload.len()];
            assert_eq!(pack(format.depth, &samples[..count], &mut back), Ok(payload.len()));
            assert_eq!(back, payload);
        }
        Err(_) => assert!(!payload.len().is_multiple_of(width)),
    }
}

/// An ancillary payload: packets within it; the same octets when copied packet by packet; and,
/// if nothing is wrong with it, when written from what was read.
pub fn ancillary(octets: &[u8]) {
    let Ok(payload) = AncPayload::parse(octets) else { return };
    let mut packets = Vec::new();
    let mut failed = false;
    for packet in payload.packets() {
        assert!(!failed, "nothing follows what cannot be framed");
        match packet {
            Ok(packet) => packets.push(packet),
            Err(error) => {
                failed = true;
                assert!(matches!(error, AncError::PacketTruncated { .. }), "{error}");
            }
        }
    }
    assert_eq!(failed, packets.len() < usize::from(payload.count));
    let check = payload.check();
    assert!(!failed || check.is_err());
    let mut copy = vec![0; octets.len()];
    let mut copied = AncWriter::new(&mut copy, payload.extended_sequence, payload.field)
        .expect("as long as what was read");
    let mut end = PAYLOAD_HEADER_LEN;
    for packet in &packets {
        assert_eq!(packet.offset, end);
        assert_eq!(packet.octets(), &octets[end..end + packet.octets().len()]);
        end += packet.octets().len();
        assert_eq!(packet.words().len(), packet.words().count());
        copied.push_read(packet).expect("room");
    }
    assert_eq!((copied.octets(), usize::from(copied.packets())), (end, packets.len()));
    if let Err(error) = check {
        assert!(!error.to_string().is_empty());
        return;
    }
    assert_eq!(copy, octets);
    let words: Vec<_> = packets
        .iter()
        .map(|packet| {
            let mut words = [0; MAX_WORDS];
            let count = packet.words().copy_to(&mut words);
            words[..count].to_vec()
        })
        .collect();
    let data: Vec<_> = packets
        .iter()
        .zip(&words)
        .map(|(packet, words)| {
            let id = DataId { did: packet.did_word() as u8, sdid: packet.sdid_word() as u8 };
            AncData { location: packet.location, id, words }
        })
        .collect();
    let Ok(mut frame) = AncFrame::new(payload.field, &data, 1460) else { return };
    let mut out = [0; 1452];
    let sequence = u32::from(payload.extended_sequence) << 16;
    let written = frame.next_packet(sequence, 0, 0, 100, &mut out).expect("room");
    let written = &out[..written.expect("at least one")];
    let header = RtpHeader::parse(written).expect("RTP");
    // StreamNum says nothing where S is 0, and is not kept then.
    let says_nothing = |octets: &[u8]| octets[3] & 0x80 == 0 && octets[3] != 0;
    if octets.len() <= 1440 && !packets.iter().any(|packet| says_nothing(packet.octets())) {
        assert!(header.marker);
        assert_eq!(header.payload(written), octets);
    }
}

/// A description of any levels: what strict reading takes is written and read back the same,
/// and taken by tolerant reading without a warning.
pub fn session(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let tolerant = SessionDescription::parse_tolerant(&text);
    match SessionDescription::parse(&text) {
        Ok(session) => {
            assert!(!session.streams.is_empty());
            for stream in &session.streams {
                assert!((1..=2).contains(&stream.to_legs().len()));
            }
            let written = session.to_string();
            assert_eq!(SessionDescription::parse(&written).as_ref(), Ok(&session), "{written}");
            assert_eq!(tolerant, Ok((session, Vec::new())));
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if let Ok((session, warnings)) = tolerant {
                assert_eq!(warnings.first(), Some(&error));
                drop(session.to_string());
            }
        }
    }
}
