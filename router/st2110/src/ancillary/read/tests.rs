use super::*;
use crate::ancillary::{AncData, AncWriter, DataId, data_word};

/// Figure 1 of RFC 8331 with ANC data packets on lines 9 and 10 of four and five user data
/// words, octet by octet.
///
/// The figure prints Data_Count as 0x84 and 0x105; by the text below it (b8 even parity, b9
/// its inverse) they are 0x104 and 0x205, as here.
#[rustfmt::skip]
const FIGURE: [u8; 40] = [
    // Extended sequence number 1, Length 32, ANC_Count 2, F 0.
    0x00, 0x01, 0x00, 32, 2, 0, 0, 0,
    // C 0, line 9, offset 0, S 0, StreamNum 0.
    0x00, 0x90, 0x00, 0x00,
    // 01 0110 0001 | 01 0000 0010 | 01 0000 0100 | 10 0000 0001 | 10 0000 0010 |
    // 01 0000 0011 | 01 0000 0100 | 161+102+104+001+002+103+104 = 571: 01 0111 0001
    0b0101_1000, 0b0101_0000, 0b0010_0100, 0b0001_0010, 0b0000_0001, 0b1000_0000,
    0b1001_0000, 0b0011_0100, 0b0001_0001, 0b0111_0001, 0x00, 0x00,
    // Line 10.
    0x00, 0xa0, 0x00, 0x00,
    // 10 0100 0001 | 10 0000 0101 | 10 0000 0101 | 10 0000 0000, five times |
    // 041+005+005 = 04b: 10 0100 1011
    0b1001_0000, 0b0110_0000, 0b0101_1000, 0b0001_0110, 0b0000_0000, 0b1000_0000,
    0b0010_0000, 0b0000_1000, 0b0000_0010, 0b0000_0000, 0b1001_0010, 0b1100_0000,
];

fn packet(payload: &[u8], index: usize) -> AncPacket<'_> {
    AncPayload::parse(payload).unwrap().packets().nth(index).unwrap().unwrap()
}

#[test]
fn the_figure_of_the_rfc_is_read_word_by_word() {
    let payload = AncPayload::parse(&FIGURE).unwrap();
    assert_eq!((payload.extended_sequence, payload.count), (1, 2));
    assert_eq!(payload.field, AncField::Frame);
    assert_eq!(payload.packets().count(), 2);
    let first = packet(&FIGURE, 0);
    assert_eq!((first.offset, first.octets().len()), (8, 16));
    assert_eq!((first.location.line, first.location.offset, first.location.stream), (9, 0, None));
    assert_eq!(first.id(), DataId { did: 0x61, sdid: 0x02 });
    assert_eq!(first.data_count_word(), 0x104);
    assert!(first.words().eq([0x201, 0x202, 0x103, 0x104]));
    let second = packet(&FIGURE, 1);
    assert_eq!((second.offset, second.location.line), (24, 10));
    assert_eq!(second.id(), DataId { did: 0x41, sdid: 0x05 });
    assert_eq!(second.data_count_word(), 0x205);
    assert_eq!(second.words().len(), 5);
    assert_eq!(payload.check(), Ok(()), "{:03x}", first.computed_checksum());
}

#[test]
fn the_figure_of_the_rfc_is_written_octet_by_octet() {
    let mut out = [0xff; 40];
    let mut writer = AncWriter::new(&mut out, 1, AncField::Frame).unwrap();
    for (line, did, sdid, words) in
        [(9, 0x61, 0x02, &[0x201, 0x202, 0x103, 0x104][..]), (10, 0x41, 0x05, &[0x200; 5][..])]
    {
        let location = Location { color_difference: false, line, offset: 0, stream: None };
        writer.push(&AncData { location, id: DataId { did, sdid }, words }).unwrap();
    }
    assert_eq!((writer.packets(), writer.octets()), (2, 40));
    assert_eq!(out, FIGURE);
}

#[test]
fn every_header_field_has_its_place() {
    let mut octets = FIGURE;
    octets[8..12].copy_from_slice(&[0xff, 0xef, 0xfe, 0xfd]);
    octets[5] = 0b1011_1111;
    octets[6..8].fill(0xff);
    let payload = AncPayload::parse(&octets).unwrap();
    assert_eq!(payload.field, AncField::First);
    let location = packet(&octets, 0).location;
    assert_eq!(
        location,
        Location {
            color_difference: true,
            line: Location::LINE_VERTICAL,
            offset: Location::OFFSET_ANY - 1,
            stream: Some(0x7d),
        }
    );
    let mut found = Vec::new();
    payload.violations(|error| found.push(error));
    assert_eq!(found, [AncError::Reserved { bits: 0x003f_ffff }]);
}

/// What is found wrong with the figure after a change to it.
fn after(change: impl FnOnce(&mut Vec<u8>)) -> Vec<AncError> {
    let mut octets = FIGURE.to_vec();
    change(&mut octets);
    let mut found = Vec::new();
    match AncPayload::parse(&octets) {
        Ok(payload) => {
            payload.violations(|error| found.push(error));
            assert_eq!(payload.check().err(), found.first().copied());
        }
        Err(error) => found.push(error),
    }
    for error in &found {
        let text = error.to_string();
        assert!(text.contains("(RFC 8331 §") || text.contains("(ST 291-1 §"), "{text}");
    }
    found
}

#[test]
fn each_violation_is_named_with_its_place() {
    assert_eq!(after(|_| ()), []);
    // DID 0x161 becomes 0x061: its parity, and the checksum with it.
    let found = after(|octets| octets[12] ^= 0b0100_0000);
    assert_eq!(found[0], AncError::Parity { offset: 8, kind: WordKind::Did, word: 0x061 });
    assert!(matches!(found[1], AncError::Checksum { offset: 8, .. }));
    assert!(found[0].to_string().contains("0x161 would be right"), "{}", found[0]);
    // b9 is no part of the checksum.
    let found = after(|octets| octets[12] ^= 0b1000_0000);
    assert_eq!(found, [AncError::Parity { offset: 8, kind: WordKind::Did, word: 0x361 }]);
    let found = after(|octets| octets[13] ^= 0b0010_0000);
    assert_eq!(found, [AncError::Parity { offset: 8, kind: WordKind::Sdid, word: 0x302 }]);
    let found = after(|octets| octets[14] &= 0xf0);
    let parity = AncError::Parity { offset: 8, kind: WordKind::DataCount, word: 0x004 };
    assert_eq!(found[0], parity);
    // What the figure prints for Data_Count says 132 words.
    let found = after(|octets| octets[14] = octets[14] & 0xf0 | 0b0010);
    assert_eq!(found, [AncError::PacketTruncated { offset: 8, octets: 32, needed: 176 }]);
    let found = after(|octets| octets[39] ^= 0b0100_0000);
    assert_eq!(found, [AncError::Checksum { offset: 24, found: 0x24a, expected: 0x24b }]);
    assert_eq!(after(|octets| octets[39] ^= 1), [AncError::WordAlign { offset: 24 }]);
    assert_eq!(after(|octets| octets[22] = 1), [AncError::WordAlign { offset: 8 }]);
    assert_eq!(after(|octets| octets[5] = 0b0100_0000), [AncError::Field]);
    assert_eq!(
        after(|octets| octets[4] = 1),
        [AncError::Unannounced { offset: 24, octets: 16, count: 1 }]
    );
    assert_eq!(
        after(|octets| octets[4] = 3),
        [AncError::PacketTruncated { offset: 40, octets: 0, needed: 12 }]
    );
    assert_eq!(after(|octets| octets[3] = 36), [AncError::Length { length: 36, octets: 32 }]);
    assert_eq!(
        after(|octets| octets.extend([0; 4])),
        [AncError::Surplus { offset: 40, octets: 4 }]
    );
    let found = after(|octets| octets[3] = 31);
    assert_eq!(found[0], AncError::LengthUnaligned { length: 31 });
    assert_eq!(found[1], AncError::PacketTruncated { offset: 24, octets: 15, needed: 16 });
    // An empty payload with a Length.
    let found = after(|octets| {
        octets[4] = 0;
        octets[3] = 4;
        octets.truncate(12);
    });
    assert_eq!(found, [AncError::Unannounced { offset: 8, octets: 4, count: 0 }]);
}

#[test]
fn a_protected_word_is_found() {
    let mut out = [0; 24];
    let words = [data_word(3)];
    let mut writer = AncWriter::new(&mut out, 0, AncField::Frame).unwrap();
    let data =
        AncData { location: Location::ANYWHERE, id: DataId { did: 0x41, sdid: 1 }, words: &words };
    writer.push(&data).unwrap();
    let octets = writer.octets();
    // The fourth word starts at bit 30 behind the two headers: 0x203 becomes 0x003.
    out[8 + 4 + 3] &= 0b1111_1101;
    let mut found = Vec::new();
    AncPayload::parse(&out[..octets]).unwrap().violations(|error| found.push(error));
    // b9 is no part of the checksum.
    assert_eq!(found, [AncError::Protected { offset: 8, index: 0, word: 0x003 }]);
}

#[test]
fn every_truncation_is_refused() {
    for length in 0..FIGURE.len() {
        let error = AncPayload::parse(&FIGURE[..length]).unwrap_err();
        match error {
            AncError::Truncated { octets, needed } => assert_eq!((octets, needed), (length, 8)),
            AncError::Length { length: 32, octets } => assert_eq!(octets, length - 8),
            other => panic!("{length}: {other}"),
        }
    }
}
