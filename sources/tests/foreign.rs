//! Receivers that were not written here: `GStreamer` and tshark.

mod support;

use std::{
    fs,
    process::{Command, Stdio},
};

use ormatrix_source::{
    canvas::Typeface,
    media::{Frame, Layout, Pictures, Ring},
    overlay::Overlay,
    pattern::Pattern,
};
use st2110::{
    format::VideoFormat,
    rfc4175::{FramePlan, Raster},
};
use support::{Source, format, free_port, mark};

/// The frames a source keeps in memory, without strip and text.
fn drawn(format: &VideoFormat, pattern: Pattern, memory_mib: usize) -> Vec<Vec<u8>> {
    let face = Typeface::built_in().unwrap();
    let mut ring =
        Ring::start(pattern, &Layout::new(format).unwrap(), true, memory_mib, &face).unwrap();
    let (total, hold) = ring.size();
    let mut frames: Vec<Vec<u8>> = Vec::new();
    // Until the drawing thread is done, `next` stays among the frames there are.
    while frames.len() < total {
        for _ in 0..hold {
            if let Some(Frame::Editable(octets)) = ring.next().unwrap()
                && !frames.iter().any(|frame| frame == octets)
            {
                frames.push(octets.to_vec());
            }
        }
    }
    frames
}

fn pixel_exact(shorthand: &str, memory_mib: usize, frames: usize) {
    let format = format(shorthand);
    let expected = drawn(&format, Pattern::Room, memory_mib);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("received.uyvp");
    let port = free_port();
    let caps = format!(
        "application/x-rtp,media=video,clock-rate=90000,encoding-name=RAW,sampling=YCbCr-4:2:2,\
         depth=(string)10,width=(string){},height=(string){},colorimetry=BT709-2,payload=96",
        format.width, format.height
    );
    let receiver = Command::new("timeout")
        .args(["60", "gst-launch-1.0", "-q", "udpsrc", "address=127.0.0.1"])
        .args([&format!("port={port}"), "buffer-size=67108864", &format!("caps={caps}"), "!"])
        .args(["rtpvrawdepay", "!", "identity", &format!("eos-after={}", frames + 1), "!"])
        .args(["filesink", &format!("location={}", file.display())])
        .stderr(Stdio::piped())
        .spawn()
        .expect("gst-launch-1.0 is installed");
    let source = Source::start(&format!(
        "--to 127.0.0.1:{port} --format {shorthand} --pattern room --label Raum --memory-mib {memory_mib}"
    ));
    let done = receiver.wait_with_output().unwrap();
    source.terminate();
    let (success, _, errors) = source.wait();
    assert!(success, "{errors}");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let raster = Raster::new(&format).unwrap();
    let mut overlay = Overlay::new(raster, "Raum", &Typeface::built_in().unwrap()).unwrap();
    let received = fs::read(&file).unwrap();
    let whole: Vec<&[u8]> = received.chunks_exact(raster.buffer_octets()).collect();
    assert!(whole.len() >= frames, "{} frames", whole.len());
    let (mut seen, mut exact) = (Vec::new(), 0);
    // The receiver may have come in the middle of the first.
    for octets in &whole[1..] {
        let Some(mark) = mark(&format, octets) else { continue };
        assert!(seen.last().is_none_or(|last| *last < mark.frame));
        seen.push(mark.frame);
        // UTC in whole milliseconds, as the source has it: TAI less 37 seconds.
        let unix_ms = mark.tai_us / 1000 - 37_000;
        let same = expected.iter().any(|frame| {
            let mut frame = frame.clone();
            overlay.draw(&mut frame, &mark, unix_ms).unwrap();
            frame == *octets
        });
        exact += usize::from(same);
    }
    // A busy host's receiver may lose packets on the way, as GStreamer cannot ask for a large
    // enough buffer; a source that sent anything else would have no frame exact.
    assert!(exact * 2 > seen.len(), "{exact} of {} frames are exact", seen.len());
}

#[test]
fn gstreamer_receives_small_pictures_pixel_exact() {
    pixel_exact("180p25", 1, 30);
}

#[test]
fn gstreamer_receives_full_hd_pixel_exact() {
    pixel_exact("1080p10", 6, 8);
}

#[test]
fn tshark_finds_nothing_malformed() {
    let port = free_port();
    let capture = Command::new("tshark")
        .args([
            "-i",
            "lo",
            "-f",
            &format!("udp dst port {port}"),
            "-c",
            "2500",
            "-a",
            "duration:20",
        ])
        .args(["-d", &format!("udp.port=={port},rtp"), "-T", "fields", "-E", "separator=,"])
        .args(["-e", "rtp.version", "-e", "rtp.p_type", "-e", "rtp.seq", "-e", "rtp.marker"])
        .args(["-e", "udp.length", "-e", "_ws.malformed"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tshark is installed (Debian package tshark)");
    let source =
        Source::start(&format!("--to 127.0.0.1:{port} --format 360p25 --pattern black --burst 1"));
    let captured = capture.wait_with_output().unwrap();
    source.terminate();
    assert!(source.wait().0);
    let errors = String::from_utf8_lossy(&captured.stderr);
    if errors.contains("permission to capture") || errors.contains("Operation not permitted") {
        eprintln!("not run: this user may not capture packets");
        return;
    }
    let text = String::from_utf8_lossy(&captured.stdout);
    let plan = FramePlan::new(&format("360p25"), 1460).unwrap();
    let mut packets = 0;
    let mut last: Option<(u16, usize)> = None;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(&fields[..2], ["2", "96"], "{line}");
        assert_eq!(fields[5], "", "malformed: {line}");
        assert_eq!(fields[4].parse::<usize>().unwrap(), 8 + plan.max_packet_len(), "{line}");
        packets += 1;
        if matches!(fields[3], "1" | "True") {
            // A marker ends each frame, and each frame has its planned packets.
            let sequence: u16 = fields[2].parse().unwrap();
            if let Some((previous, at)) = last {
                assert_eq!(usize::from(sequence.wrapping_sub(previous)), plan.packets());
                assert_eq!(packets - at, plan.packets());
            }
            last = Some((sequence, packets));
        }
    }
    assert!(last.is_some_and(|(_, at)| at > plan.packets()), "{packets} packets: {errors}");
}
