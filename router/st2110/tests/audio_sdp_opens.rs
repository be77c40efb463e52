//! Descriptions of audio written here are opened as they are by `GStreamer`'s `sdpdemux` and
//! by `FFmpeg`, over loopback, and the samples that come out are the ones sent.

#[path = "support/players.rs"]
mod players;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    path::Path,
    process::Child,
    thread,
    time::Duration,
};

use st2110::{
    audio::{AudioDepth, AudioFormat, PacketTime, SampleRate, pack},
    leg::Leg,
    rtp::{HEADER_LEN, RtpHeader},
    sdp::{AudioParameters, ReferenceClock, SessionDescription},
};

use self::players::{free_port, spawn};

/// Time sent at most, in milliseconds.
const PATIENCE: u64 = 30_000;

/// Time sent between two rests, in milliseconds.
const STEP: u64 = 10;

fn ffmpeg(description: &Path, output: &Path, depth: AudioDepth) -> Child {
    let (codec, container) = match depth {
        AudioDepth::L16 => ("pcm_s16be", "s16be"),
        AudioDepth::L24 => ("pcm_s24be", "s24be"),
    };
    let (from, to) = (description.to_str().unwrap(), output.to_str().unwrap());
    let arguments = "-hide_banner -loglevel error -protocol_whitelist file,udp,rtp -i FROM \
                     -frames:a 100 -c:a CODEC -f CONTAINER TO";
    let arguments: Vec<_> = arguments
        .split_ascii_whitespace()
        .map(|word| match word {
            "FROM" => from,
            "CODEC" => codec,
            "CONTAINER" => container,
            "TO" => to,
            word => word,
        })
        .collect();
    spawn("ffmpeg", &arguments, "ffmpeg")
}

fn gstreamer(description: &Path, output: &Path, depth: AudioDepth) -> Child {
    let pipeline = format!(
        "-q filesrc location={} ! sdpdemux ! rtp{depth}depay ! identity eos-after=100 \
         ! filesink location={}",
        description.display(),
        output.display()
    );
    spawn(
        "gst-launch-1.0",
        &pipeline.split_ascii_whitespace().collect::<Vec<_>>(),
        "gstreamer1.0-tools, gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad",
    )
}

/// Writes a description, starts a reader of it, sends it samples that count up until it has
/// had enough, and looks whether those that it wrote count up.
fn receives(format: &AudioFormat, reader: fn(&Path, &Path, AudioDepth) -> Child) {
    let directory = tempfile::tempdir().unwrap();
    let (description, output) = (directory.path().join("x.sdp"), directory.path().join("raw"));
    let leg = Leg::new(IpAddr::V4(Ipv4Addr::LOCALHOST), free_port());
    let destination = leg.socket_address();
    let mut session = SessionDescription::new("Table microphone", destination.ip());
    session.push(AudioParameters::new(format.clone()), &[leg], &ReferenceClock::PtpTraceable);
    assert_eq!(SessionDescription::parse(&session.to_string()).as_ref(), Ok(&session));
    fs::write(&description, session.to_string()).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut child = reader(&description, &output, format.depth);
    let bits = format.depth.octets() as u32 * 8;
    let mut counter = 0_i32;
    let mut packet_number = 0;
    let per_packet = usize::from(format.samples_per_packet()) * usize::from(format.channels);
    for step in 0..PATIENCE / STEP {
        if let Some(status) = child.try_wait().unwrap() {
            let mut errors = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                std::io::Read::read_to_string(&mut stderr, &mut errors).unwrap();
            }
            assert!(status.success(), "{errors}\n{session}");
            assert_counts(&fs::read(&output).unwrap(), format, per_packet);
            return;
        }
        while format.packet_start_ns(packet_number) < (step + 1) * STEP * 1_000_000 {
            let samples: Vec<i32> = (0..per_packet)
                .map(|_| {
                    counter = counter.wrapping_add(1);
                    counter << (32 - bits)
                })
                .collect();
            let header = RtpHeader {
                marker: false,
                payload_type: 97,
                sequence: packet_number as u16,
                timestamp: format.packet_timestamp(packet_number),
                ssrc: 0x2110,
                payload_start: HEADER_LEN,
                payload_end: HEADER_LEN,
            };
            let mut packet = vec![0; HEADER_LEN + format.payload_octets()];
            header.write_fixed(&mut packet).unwrap();
            pack(format.depth, &samples, &mut packet[HEADER_LEN..]).unwrap();
            // Nobody may be listening yet: the kernel then says so on the next send.
            drop(socket.send_to(&packet, destination));
            packet_number += 1;
        }
        // The pace of the stream: players take their time from its arrival.
        thread::sleep(Duration::from_millis(STEP));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("nothing was received of\n{session}");
}

/// Samples count up, at least as many as some packets hold.
fn assert_counts(octets: &[u8], format: &AudioFormat, per_packet: usize) {
    let width = format.depth.octets();
    let samples: Vec<u32> = octets
        .chunks_exact(width)
        .map(|sample| sample.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)))
        .collect();
    assert!(samples.len() >= 20 * per_packet, "{} samples", samples.len());
    let mask = (1_u32 << (8 * width)) - 1;
    for (at, pair) in samples.windows(2).enumerate() {
        let next = (pair[0] + 1) & mask;
        assert_eq!(pair[1], next, "{format}: sample {at} of {}", samples.len());
    }
}

fn formats() -> [AudioFormat; 2] {
    let rate_hz = SampleRate::Hz48000;
    let channel_order = |text: &str| Some(text.parse().unwrap());
    [
        AudioFormat {
            depth: AudioDepth::L24,
            rate_hz,
            channels: 2,
            packet_time: PacketTime::Ms1,
            channel_order: channel_order("SMPTE2110.(ST)"),
        },
        AudioFormat {
            depth: AudioDepth::L16,
            rate_hz,
            // Not 5, 6 or 8, which GStreamer puts into another order.
            channels: 4,
            packet_time: PacketTime::Us250,
            channel_order: channel_order("SMPTE2110.(SGRP)"),
        },
    ]
}

#[test]
fn gstreamer_opens_what_is_written() {
    for format in formats() {
        receives(&format, gstreamer);
    }
}

#[test]
fn ffmpeg_opens_what_is_written() {
    for format in formats() {
        receives(&format, ffmpeg);
    }
}
