//! The bodies of the fuzz targets: what must hold for any octets at all.
//!
//! `fuzz/` runs them under libFuzzer, `tests/fuzz_bodies.rs` over a bounded corpus with the
//! stable toolchain. They are public only so that both can reach them.

#![allow(clippy::missing_panics_doc, reason = "a panic here is a finding")]

mod levels;

pub use levels::{ancillary, audio, session};

use crate::{
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
    rfc4175::{
        Coverage, PayloadHeader, Raster, rewrite_extended_sequence,
        samples::{Decimator, luma8_at},
    },
    rtp::{HEADER_LEN, RtpHeader, SequenceUnwrapper, rewrite},
    sdp::Sdp,
};

/// Header of a datagram: ranges within it, rewriting in place.
pub fn rtp(datagram: &[u8]) {
    let mut packet = datagram.to_vec();
    let Ok(header) = RtpHeader::parse(datagram) else {
        // Must not panic on what is not RTP either.
        rewrite(&mut packet, 1, 2, 3);
        return;
    };
    assert!(HEADER_LEN <= header.payload_start);
    assert!(header.payload_start <= header.payload_end);
    assert!(header.payload_end <= datagram.len());
    rewrite(&mut packet, 0x1234, 0x5678_9abc, 100);
    let rewritten = RtpHeader::parse(&packet).expect("still RTP");
    let expected = RtpHeader { sequence: 0x1234, ssrc: 0x5678_9abc, payload_type: 100, ..header };
    assert_eq!(rewritten, expected);
    assert_eq!(packet[HEADER_LEN..], datagram[HEADER_LEN..]);
    let mut fixed = [0; HEADER_LEN];
    header.write_fixed(&mut fixed).expect("room");
    assert_eq!(fixed[1..], datagram[1..HEADER_LEN]);
    let mut unwrapper = SequenceUnwrapper::new();
    for pair in datagram.chunks_exact(2) {
        let sequence = u16::from_be_bytes([pair[0], pair[1]]);
        assert_eq!(unwrapper.extend(sequence) as u16, sequence);
    }
}

/// Payload header: lengths within the payload, and the same octets when written.
pub fn payload_header(payload: &[u8]) {
    let mut changed = payload.to_vec();
    rewrite_extended_sequence(&mut changed, 0, 0xabcd);
    let Ok(header) = PayloadHeader::parse(payload) else { return };
    assert!((1..=3).contains(&header.srds().len()));
    assert!(header.data_start + header.data_len() <= payload.len());
    let mut out = vec![0; header.data_start];
    assert_eq!(header.write(&mut out), Some(header.data_start));
    assert_eq!(out, payload[..header.data_start]);
    assert_eq!(changed[2..], payload[2..]);
    assert_eq!(PayloadHeader::parse(&changed).map(|header| header.extended_sequence), Ok(0xabcd));
    assert_eq!(PayloadHeader::new(header.extended_sequence, header.srds()), Some(header));
}

/// Session description: what strict reading takes is written and read back the same, and
/// taken by tolerant reading without a warning.
pub fn sdp(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let tolerant = Sdp::parse_tolerant(&text);
    match Sdp::parse(&text) {
        Ok(sdp) => {
            let written = sdp.to_string();
            assert_eq!(Sdp::parse(&written).as_ref(), Ok(&sdp), "{written}");
            assert_eq!(tolerant, Ok((sdp, Vec::new())));
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if let Ok((sdp, warnings)) = tolerant {
                assert_eq!(warnings.first(), Some(&error));
                drop(sdp.to_string());
            }
        }
    }
}

/// A payload placed into a frame whose format the first octets choose: within the frame,
/// within its rows, and as the coverage counts it.
pub fn place(octets: &[u8]) {
    let Some(([choice, width, height, stride], payload)) = octets.split_first_chunk() else {
        return;
    };
    let pick = |index: u8, count: usize| usize::from(index) % count;
    let format = VideoFormat {
        width: u16::from(*width),
        height: u16::from(*height),
        rate: Rate::new(25, 1).expect("a rate"),
        sampling: Sampling::ALL[pick(*choice, Sampling::ALL.len())],
        depth: Depth::ALL[pick(choice / 4, Depth::ALL.len())],
        scan: Scan::ALL[pick(choice / 16, Scan::ALL.len())],
        packing: Packing::Gpm,
    };
    let Ok(tight) = Raster::new(&format) else { return };
    let raster =
        tight.with_stride(tight.row_octets() + usize::from(*stride)).expect("no less than a row");
    let Ok(header) = PayloadHeader::parse(payload) else { return };
    let data = &payload[header.data_start..];
    // Zeros written would not show: every octet of data is made odd, the frame is even.
    let data: Vec<u8> = data.iter().map(|octet| octet | 1).collect();
    let mut frame = vec![0; raster.buffer_octets()];
    let mut coverage = Coverage::new(&raster);
    let checked = raster.check(&header);
    assert_eq!(coverage.record(&header), checked);
    assert_eq!(raster.place(&header, &data, &mut frame).is_ok(), checked.is_ok());
    for row in frame.chunks(raster.stride()) {
        assert!(row.iter().skip(raster.row_octets()).all(|padding| *padding == 0));
    }
    let written = frame.iter().filter(|octet| **octet != 0).count();
    if checked.is_ok() {
        assert_eq!(written, raster.frame_octets() - coverage.missing());
        assert_eq!(written + coverage.duplicated(), header.data_len());
    } else {
        assert!(coverage.is_empty());
    }
    // Reading from whatever lies there never leaves the buffer.
    let (x, y) = (usize::from(*stride), usize::from(*choice));
    let inside = x < usize::from(*width) && y < usize::from(*height);
    assert_eq!(luma8_at(&raster, &frame, x, y).is_some(), inside);
    if let Ok(mut stills) = Decimator::new(&raster, usize::from(choice % 8)) {
        let mut still = vec![0; stills.i420_octets()];
        stills.i420(&frame, &mut still).expect("buffers of the right size");
    }
}
