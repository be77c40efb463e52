//! Ancillary payloads bit by bit against `rfc8331.py`, which was written from the RFC's text
//! alone: it reads what is written here, and what it writes is read here. Neither tshark 4.0
//! nor GStreamer 1.22 nor FFmpeg 5.1 reads `smpte291`.

use std::{
    io::{ErrorKind, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use st2110::{
    ancillary::{AncData, AncField, AncFrame, AncPayload, DataId, Location, is_protected},
    rtp::RtpHeader,
};

/// An ANC data packet with its words.
#[derive(Clone, Debug)]
struct Packet {
    location: Location,
    id: DataId,
    words: Vec<u16>,
}

impl Packet {
    fn data(&self) -> AncData<'_> {
        AncData { location: self.location, id: self.id, words: &self.words }
    }

    /// As the script's description has it.
    fn text(&self) -> String {
        let Location { color_difference, line, offset, stream } = self.location;
        let words: Vec<_> = self.words.iter().map(ToString::to_string).collect();
        let words = if words.is_empty() { "-".to_owned() } else { words.join(",") };
        format!(
            "{}:{line}:{offset}:{}:{}:{}:{}:{words}",
            u8::from(color_difference),
            u8::from(stream.is_some()),
            stream.unwrap_or(0),
            self.id.did,
            self.id.sdid
        )
    }
}

/// Xorshift, 64 bits.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn packet(&mut self) -> Packet {
        let location = Location {
            color_difference: self.below(2) == 1,
            line: self.below(0x800) as u16,
            offset: self.below(0x1000) as u16,
            stream: (self.below(2) == 1).then(|| self.below(0x80) as u8),
        };
        let id = DataId { did: self.below(256) as u8, sdid: self.below(256) as u8 };
        let count = if self.below(4) == 0 { self.below(256) } else { self.below(9) };
        let words =
            std::iter::repeat_with(|| self.below(0x400) as u16).filter(|word| !is_protected(*word));
        let words = words.take(count as usize).collect();
        Packet { location, id, words }
    }
}

/// Runs the script over lines.
fn script(turn: &str, lines: &[String]) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rfc8331.py");
    let child = Command::new("python3")
        .arg(path)
        .arg(turn)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("python3 is missing: install python3")
        }
        Err(error) => panic!("python3: {error}"),
    };
    let mut input = child.stdin.take().unwrap();
    let text = lines.join("\n");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // What the script refuses it does not read to its end.
    drop(writer.join());
    assert!(output.status.success(), "{turn}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn hex(octets: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap();
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A payload as the script would describe it.
fn describe(payload: &[u8]) -> String {
    let payload = AncPayload::parse(payload).unwrap();
    assert_eq!(payload.check(), Ok(()));
    let mut text = format!("{} {}", payload.extended_sequence, payload.field.bits());
    for packet in payload.packets() {
        let packet = packet.unwrap();
        let (location, id) = (packet.location, packet.id());
        let packet = Packet { location, id, words: packet.words().collect() };
        text.push(' ');
        text.push_str(&packet.text());
    }
    text
}

#[test]
fn what_is_written_reads_as_the_rfc_has_it() {
    let mut noise = Noise(0x8331_0001);
    let (mut payloads, mut expected) = (Vec::new(), Vec::new());
    for round in 0..300 {
        let packets: Vec<_> = (0..round % 60).map(|_| noise.packet()).collect();
        let data: Vec<_> = packets.iter().map(Packet::data).collect();
        let field = AncField::ALL[round as usize % 3];
        let mut frame = AncFrame::new(field, &data, 1460).unwrap();
        let mut sequence = noise.below(1 << 32) as u32;
        let mut left = packets.as_slice();
        let mut out = [0; 1452];
        let mut markers = 0;
        while let Some(octets) = frame.next_packet(sequence, 1, 2, 100, &mut out).unwrap() {
            let header = RtpHeader::parse(&out[..octets]).unwrap();
            markers += u32::from(header.marker);
            let payload = header.payload(&out[..octets]);
            let (now, rest) = left.split_at(usize::from(payload[4]));
            left = rest;
            assert_eq!(header.marker, left.is_empty());
            let texts: Vec<_> = now.iter().map(Packet::text).collect();
            let text = format!("{} {} {}", sequence >> 16, field.bits(), texts.join(" "));
            payloads.push(hex(payload));
            expected.push(text.trim_end().to_owned());
            sequence = sequence.wrapping_add(1);
        }
        assert_eq!((markers, left.len()), (1, 0));
    }
    assert!(payloads.len() > 400, "{} payloads", payloads.len());
    for (read, expected) in script("read", &payloads).iter().zip(&expected) {
        assert_eq!(read, expected);
    }
}

#[test]
fn what_the_rfc_has_is_read_and_written_the_same() {
    let mut noise = Noise(0x8331_0002);
    let lines: Vec<_> = (0..300)
        .map(|round| {
            let field = AncField::ALL[round % 3].bits();
            let packets: Vec<_> = (0..round % 9).map(|_| noise.packet().text()).collect();
            format!("{} {field} {}", noise.below(1 << 16), packets.join(" ")).trim_end().to_owned()
        })
        .collect();
    let payloads = script("write", &lines);
    assert_eq!(payloads.len(), lines.len());
    for (payload, line) in payloads.iter().zip(&lines) {
        let octets = unhex(payload);
        assert_eq!(describe(&octets), *line);
        // And octet by octet when written here.
        let read = AncPayload::parse(&octets).unwrap();
        let mut out = vec![0xff; octets.len()];
        let mut writer =
            st2110::ancillary::AncWriter::new(&mut out, read.extended_sequence, read.field)
                .unwrap();
        for packet in read.packets() {
            let packet = packet.unwrap();
            let words: Vec<_> = packet.words().collect();
            let data = AncData { location: packet.location, id: packet.id(), words: &words };
            writer.push(&data).unwrap();
        }
        assert_eq!(writer.octets(), octets.len());
        assert_eq!(out, octets);
    }
}
