//! Byte-for-byte agreement with `GStreamer`'s `rtpL16pay`, `rtpL24pay` and their depayloaders,
//! as `gstreamer_agreement.rs` has it for video. The sound is `audiotestsrc wave=white-noise`.
//!
//! `GStreamer` 1.22's depayloaders put five, six and eight channels into another order,
//! whatever channel order is declared; the samples compared with theirs are put so, too
//! ([`theirs`]).

#[path = "support/gstreamer.rs"]
mod gstreamer;

use std::{fs, path::Path};

use st2110::{
    audio::{AudioDepth, AudioFormat, PacketTime, SampleRate, pack, unpack},
    rtp::{HEADER_LEN, RtpHeader},
};

use self::gstreamer::{framed, launch};

/// Packets a test runs.
const PACKETS: usize = 100;

fn format(depth: AudioDepth, rate: u32, channels: u8, packet_time: PacketTime) -> AudioFormat {
    let rate_hz = SampleRate::from_hz(rate).unwrap();
    AudioFormat { depth, rate_hz, channels, packet_time, channel_order: None }
}

/// Formats of every level, and what AES67 has beside them.
fn formats() -> Vec<AudioFormat> {
    use AudioDepth::{L16, L24};
    vec![
        format(L24, 48_000, 2, PacketTime::Ms1),
        format(L24, 48_000, 8, PacketTime::Us125),
        format(L24, 48_000, 64, PacketTime::Us125),
        format(L16, 48_000, 8, PacketTime::Ms1),
        format(L16, 48_000, 1, PacketTime::Us333),
        format(L24, 96_000, 4, PacketTime::Ms1),
        format(L16, 96_000, 32, PacketTime::Us125),
        format(L16, 44_100, 2, PacketTime::Ms4),
    ]
}

/// Noise in `raw`, and its packets from the payloader in `stream`.
fn pay(format: &AudioFormat, raw: &Path, stream: &Path) -> Vec<u8> {
    let (layout, samples) = match format.depth {
        AudioDepth::L16 => ("S16BE", format.samples_per_packet()),
        AudioDepth::L24 => ("S24BE", format.samples_per_packet()),
    };
    let time = format.packet_time_ns().ceil().to_integer();
    // Enough noise for the last packet to be whole.
    launch(&format!(
        "audiotestsrc wave=white-noise num-buffers={PACKETS} samplesperbuffer={samples} \
         ! audio/x-raw,format={layout},rate={},channels={},layout=interleaved,channel-mask=(bitmask)0x0 \
         ! tee name=tee ! queue ! filesink location={} \
         tee. ! queue ! rtp{}pay min-ptime={time} max-ptime={time} mtu=1452 pt=97 \
         ! rtpstreampay ! filesink location={}",
        format.rate_hz,
        format.channels,
        raw.display(),
        format.depth,
        stream.display()
    ));
    let octets = fs::read(raw).unwrap();
    assert_eq!(octets.len(), PACKETS * format.payload_octets(), "{format}");
    octets
}

/// Samples in the order `GStreamer` has them after depayloading: of eight channels the third
/// pair and the fourth change places.
fn theirs(samples: &[i32], channels: u8) -> Vec<i32> {
    if channels != 8 {
        return samples.to_vec();
    }
    let frames = samples.as_chunks::<8>().0;
    frames.iter().flat_map(|frame| [0, 1, 2, 3, 6, 7, 4, 5].map(|at| frame[at])).collect()
}

#[test]
fn their_packets_hold_our_samples() {
    for format in formats() {
        let directory = tempfile::tempdir().unwrap();
        let [raw, stream] = ["raw", "packets"].map(|name| directory.path().join(name));
        let octets = pay(&format, &raw, &stream);
        let stream = fs::read(&stream).unwrap();
        let packets = framed(&stream);
        assert_eq!(packets.len(), PACKETS, "{format}");
        let mut samples =
            vec![0; usize::from(format.samples_per_packet()) * usize::from(format.channels)];
        let mut first = None;
        for (number, (packet, raw)) in
            packets.iter().zip(octets.chunks(format.payload_octets())).enumerate()
        {
            let rtp = RtpHeader::parse(packet).unwrap();
            let payload = rtp.payload(packet);
            assert_eq!(format.check_payload(payload.len()), Ok(()), "{format} {number}");
            assert!(payload == raw, "{format} {number}");
            // The clock is the sampling rate.
            let first = *first.get_or_insert(rtp.timestamp);
            let timestamp = format.packet_timestamp(number as u64);
            assert_eq!(rtp.timestamp.wrapping_sub(first), timestamp, "{format}");
            assert_eq!(unpack(format.depth, payload, &mut samples), Ok(samples.len()));
            let mut back = vec![0; payload.len()];
            assert_eq!(pack(format.depth, &samples, &mut back), Ok(payload.len()));
            assert!(back == payload, "{format} {number}");
        }
    }
}

#[test]
fn our_packets_hold_their_samples() {
    for format in formats() {
        let directory = tempfile::tempdir().unwrap();
        let [wide, stream, back] =
            ["wide", "packets", "back"].map(|name| directory.path().join(name));
        let per_packet = usize::from(format.samples_per_packet()) * usize::from(format.channels);
        let mut samples: Vec<i32> = (0..(per_packet * PACKETS) as u32)
            .map(|at| (at + 1).wrapping_mul(0x9e37_79b9).cast_signed())
            .collect();
        samples[..2].copy_from_slice(&[i32::MIN, i32::MAX]);
        let mut ours = Vec::new();
        for (number, samples) in samples.chunks(per_packet).enumerate() {
            let header = RtpHeader {
                marker: false,
                payload_type: 97,
                sequence: number as u16,
                timestamp: format.packet_timestamp(number as u64),
                ssrc: 0x2110,
                payload_start: HEADER_LEN,
                payload_end: HEADER_LEN,
            };
            let mut packet = vec![0; HEADER_LEN + format.payload_octets()];
            header.write_fixed(&mut packet).unwrap();
            let payload = pack(format.depth, samples, &mut packet[HEADER_LEN..]).unwrap();
            assert_eq!(payload, format.payload_octets());
            ours.extend((packet.len() as u16).to_be_bytes());
            ours.extend(packet);
        }
        fs::write(&stream, ours).unwrap();
        // Their own reading of our samples: left-aligned in 32 bits, as here.
        let bits = format.depth.octets() * 8;
        // `audioconvert` has no mixer for 64 channels, and waits for ever then.
        let converts = format.channels < 64;
        let wide_branch = format!(
            "tee. ! queue ! audioconvert dithering=none noise-shaping=none \
             ! audio/x-raw,format=S32LE ! filesink location={}",
            wide.display()
        );
        launch(&format!(
            "filesrc location={} ! application/x-rtp-stream,media=audio,clock-rate={},\
             encoding-name={},payload=97,channels={} ! rtpstreamdepay ! rtp{}depay \
             ! tee name=tee ! queue ! filesink location={} {}",
            stream.display(),
            format.rate_hz,
            format.depth,
            format.channels,
            format.depth,
            back.display(),
            if converts { wide_branch.as_str() } else { "" }
        ));
        let samples = theirs(&samples, format.channels);
        let expected: Vec<u8> =
            samples.iter().flat_map(|sample| sample.to_be_bytes()[..bits / 8].to_vec()).collect();
        assert!(fs::read(&back).unwrap() == expected, "{format}");
        if !converts {
            continue;
        }
        let mask = -1_i32 << (32 - bits);
        let expected: Vec<u8> =
            samples.iter().flat_map(|sample| (sample & mask).to_le_bytes()).collect();
        assert!(fs::read(&wide).unwrap() == expected, "{format}");
    }
}
