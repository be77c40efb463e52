//! Sound and ancillary data before receivers that were not written here: `GStreamer`, FFmpeg,
//! tshark, and a reader of RFC 8331 in Python that was written from the RFC's text alone.

mod support;

use std::{
    fs,
    io::Write,
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Stdio},
};

use ormatrix_strip::{Tone, decode_packet};
use st2110::timing::{VIDEO_CLOCK_HZ, tai_to_rtp};
use support::{Source, free_port};

/// An even port that is free, and the one above it, which players take for RTCP.
fn free_pair() -> u16 {
    loop {
        let port = free_port();
        if port % 2 == 0 && UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn start(program: &str, arguments: &[&str]) -> Child {
    Command::new("timeout")
        .args(["60", program])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("timeout is installed")
}

/// Big-endian samples of 24 bits, one run for each channel, left-aligned.
fn channels(octets: &[u8], channels: usize) -> Vec<Vec<i32>> {
    let mut runs = vec![Vec::new(); channels];
    for frame in octets.chunks_exact(3 * channels) {
        for (run, sample) in runs.iter_mut().zip(frame.chunks_exact(3)) {
            run.push(i32::from_be_bytes([sample[0], sample[1], sample[2], 0]));
        }
    }
    runs
}

/// Whether each channel is the tone, sample by sample, from some index on.
fn assert_tone(octets: &[u8], count: usize, tone: Tone, least: usize) {
    let runs = channels(octets, count);
    assert!(runs[0].len() >= least, "{} samples", runs[0].len());
    let (hz, index) = Tone::identify(&runs[0][..48]).expect("a tone");
    assert_eq!(hz, tone.hz());
    for (channel, run) in (0_u8..).zip(&runs) {
        for (number, sample) in (u64::from(index)..).zip(run) {
            let expected = tone.sample(48_000, channel, number);
            assert_eq!(*sample, expected, "channel {channel}, sample {number}");
        }
    }
}

fn gstreamer_receives(count: usize, packet_time: &str, packets: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("received");
    let (port, picture) = (free_port(), free_port());
    let pipeline = format!(
        "-q udpsrc address=127.0.0.1 port={port} buffer-size=8388608 \
         caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=L24,payload=97,\
         channels={count} ! rtpL24depay ! identity eos-after={packets} ! filesink location={}",
        file.display()
    );
    let receiver = start("gst-launch-1.0", &pipeline.split_whitespace().collect::<Vec<_>>());
    let source = Source::start(&format!(
        "--to 127.0.0.1:{picture} --audio-to 127.0.0.1:{port} --format 180p25 --pattern black \
         --channels {count} --packet-time {packet_time} --tone 970"
    ));
    let done = receiver.wait_with_output().unwrap();
    source.terminate();
    let (success, _, errors) = source.wait();
    assert!(success, "{errors}");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let received = fs::read(&file).unwrap();
    let samples = if packet_time == "1ms" { 48 } else { 6 };
    assert_tone(&received, count, Tone::from_hz(970).unwrap(), (packets - 2) * samples);
}

#[test]
fn gstreamer_receives_level_a_bit_by_bit() {
    gstreamer_receives(2, "1ms", 500);
}

#[test]
fn gstreamer_receives_level_b_bit_by_bit() {
    gstreamer_receives(4, "125us", 2000);
}

#[test]
fn gstreamer_receives_sixty_four_channels_bit_by_bit() {
    gstreamer_receives(64, "125us", 2000);
}

#[test]
fn ffmpeg_opens_the_description_of_all_levels() {
    let folder = tempfile::tempdir().unwrap();
    let (description, file) = (folder.path().join("x.sdp"), folder.path().join("received"));
    let ports = [free_pair(), free_pair(), free_pair()];
    let arguments = format!(
        "--to 127.0.0.1:{} --audio-to 127.0.0.1:{} --ancillary-to 127.0.0.1:{} \
         --format 180p25 --pattern black --tone 1510",
        ports[0], ports[1], ports[2]
    );
    let (success, sdp, errors) = Source::start(&format!("{arguments} sdp")).wait();
    assert!(success, "{errors}");
    fs::write(&description, &sdp).unwrap();
    let source = Source::start(&arguments);
    let (from, to) = (description.to_str().unwrap(), file.to_str().unwrap());
    let mut arguments: Vec<&str> = "-hide_banner -loglevel error -analyzeduration 1000000 \
                                    -protocol_whitelist file,udp,rtp -i"
        .split_whitespace()
        .collect();
    arguments.push(from);
    arguments.extend("-map 0:a:0 -frames:a 200 -c:a pcm_s24be -f s24be".split_whitespace());
    arguments.push(to);
    let done = start("ffmpeg", &arguments).wait_with_output().unwrap();
    source.terminate();
    assert!(source.wait().0);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}\n{sdp}");
    assert_tone(&fs::read(&file).unwrap(), 2, Tone::from_hz(1510).unwrap(), 4800);
}

/// What the script reads of payloads in hexadecimal.
fn read_by_the_rfc(payloads: &[String]) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../router/st2110/tests/rfc8331.py");
    let mut child = Command::new("python3")
        .arg(script)
        .arg("read")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    child.stdin.take().unwrap().write_all(payloads.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// tshark 4.0 knows RTP but not what ST 2110-40 carries: it takes the packets apart as far as
/// that, the script the rest.
#[test]
fn tshark_and_the_rfc_read_the_ancillary_data() {
    let (port, picture) = (free_port(), free_port());
    let capture = Command::new("tshark")
        .args(["-i", "lo", "-f", &format!("udp dst port {port}"), "-c", "40"])
        .args(["-a", "duration:20", "-d", &format!("udp.port=={port},rtp"), "-T", "fields"])
        .args(["-E", "separator=,", "-e", "rtp.version", "-e", "rtp.p_type", "-e", "rtp.seq"])
        .args(["-e", "rtp.timestamp", "-e", "rtp.marker", "-e", "rtp.payload"])
        .args(["-e", "_ws.malformed"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tshark is installed (Debian package tshark)");
    let source = Source::start(&format!(
        "--to 127.0.0.1:{picture} --ancillary-to 127.0.0.1:{port} --format 180p25 \
         --pattern black --name Lamp"
    ));
    let captured = capture.wait_with_output().unwrap();
    source.terminate();
    assert!(source.wait().0);
    let errors = String::from_utf8_lossy(&captured.stderr);
    if errors.contains("permission to capture") || errors.contains("Operation not permitted") {
        eprintln!("not run: this user may not capture packets");
        return;
    }
    let text = String::from_utf8_lossy(&captured.stdout);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert!(lines.len() >= 30, "{} packets: {errors}", lines.len());
    let payloads: Vec<String> = lines.iter().map(|fields| fields[5].replace(':', "")).collect();
    let mut last: Option<(u16, u32)> = None;
    for (fields, description) in lines.iter().zip(read_by_the_rfc(&payloads)) {
        assert_eq!(&fields[..2], ["2", "100"], "{fields:?}");
        assert!(matches!(fields[4], "1" | "True") && fields[6].is_empty(), "{fields:?}");
        let sequence: u16 = fields[2].parse().unwrap();
        let timestamp: u32 = fields[3].parse().unwrap();
        // F of 0, a time code and a mark, each on any line of the blanking.
        let parts: Vec<&str> = description.split(' ').collect();
        assert_eq!((parts[1], parts.len()), ("0", 4), "{description}");
        assert!(parts[2].starts_with("0:2046:4095:0:0:96:96:"), "{description}");
        let mark = parts[3].strip_prefix("0:2046:4095:0:0:90:77:").expect("a mark");
        let mark = decode_packet(mark.split(',').map(|word| word.parse().unwrap())).unwrap();
        assert_eq!(mark.name.as_str(), "Lamp");
        let expected = tai_to_rtp(mark.tai_us * 1000, VIDEO_CLOCK_HZ);
        assert!(timestamp.wrapping_sub(expected) <= 1, "{timestamp} {expected}");
        if let Some((before, number)) = last {
            assert_eq!(sequence, before.wrapping_add(1));
            assert!(mark.frame > number);
        }
        last = Some((sequence, mark.frame));
    }
}
