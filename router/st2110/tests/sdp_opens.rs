//! Descriptions written here are opened as they are by `GStreamer`'s `sdpdemux` and by
//! `FFmpeg`, over loopback, and the pictures that come out are the ones sent.

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
    format::{Depth, Packing, Sampling, Scan, VideoFormat},
    leg::Leg,
    rfc4175::{
        FramePlan, MAX_HEADER_LEN, Raster, STANDARD_UDP_LIMIT,
        samples::{pack, unpack},
    },
    sdp::{ReferenceClock, Sdp, VideoParameters},
};

use self::players::{free_port, spawn};

/// Frames sent at most: 30 seconds of them.
const PATIENCE: u32 = 30 * 25;

fn format(depth: Depth) -> VideoFormat {
    VideoFormat {
        width: 640,
        height: 36,
        rate: "25".parse().unwrap(),
        sampling: Sampling::YCbCr422,
        depth,
        scan: Scan::Progressive,
        packing: Packing::Gpm,
    }
}

/// Writes a description, starts a reader of it, sends it a frame over and over until it has
/// had enough, and returns what it wrote.
fn receive(format: VideoFormat, frame: &[u8], reader: impl Fn(&Path, &Path) -> Child) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (description, output) = (directory.path().join("x.sdp"), directory.path().join("raw"));
    let leg = Leg::new(IpAddr::V4(Ipv4Addr::LOCALHOST), free_port());
    let destination = leg.socket_address();
    let video = VideoParameters::new(format);
    let clock = ReferenceClock::PtpTraceable;
    let sdp = Sdp::new("Endoscope 1", destination.ip(), video, &[leg], &clock);
    fs::write(&description, sdp.to_string()).unwrap();
    let plan = FramePlan::new(&format, STANDARD_UDP_LIMIT).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut child = reader(&description, &output);
    let mut sequence = 0;
    for number in 0..PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            let mut errors = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                std::io::Read::read_to_string(&mut stderr, &mut errors).unwrap();
            }
            assert!(status.success(), "{errors}\n{sdp}");
            return fs::read(&output).unwrap();
        }
        for index in 0..plan.packets() {
            let mut packet = vec![0; MAX_HEADER_LEN];
            let length = plan.header(index, sequence, number * 3600, 0x2110, 96, &mut packet);
            packet.truncate(length);
            for range in plan.packet(index).unwrap().ranges() {
                packet.extend_from_slice(&frame[range.clone()]);
            }
            // Nobody may be listening yet: the kernel then says so on the next send.
            drop(socket.send_to(&packet, destination));
            sequence += 1;
        }
        // The pace of the stream: players take their time from its arrival.
        thread::sleep(Duration::from_millis(40));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("nothing was received of\n{sdp}");
}

/// A frame of 4:2:2 whose every octet differs from its neighbours.
fn picture(raster: &Raster) -> Vec<u8> {
    let most = (1_u32 << raster.format().depth.bits()) - 1;
    let plane = |samples: usize, step: u32| -> Vec<u16> {
        (0..samples as u32).map(|at| (at.wrapping_mul(step) & most) as u16).collect()
    };
    let pixels = raster.frame_octets() / usize::from(raster.pgroup().octets) * 2;
    let planes = [plane(pixels, 7), plane(pixels / 2, 11), plane(pixels / 2, 13)];
    let mut frame = vec![0; raster.frame_octets()];
    pack(raster, planes.each_ref().map(Vec::as_slice), &mut frame).unwrap();
    frame
}

fn ffmpeg(description: &Path, output: &Path, pixels: &str) -> Child {
    let (description, output) = (description.to_str().unwrap(), output.to_str().unwrap());
    spawn(
        "ffmpeg",
        &[
            "-hide_banner",
            "-loglevel",
            "error",
            "-protocol_whitelist",
            "file,udp,rtp",
            "-i",
            description,
            "-frames:v",
            "2",
            "-pix_fmt",
            pixels,
            "-f",
            "rawvideo",
            output,
        ],
        "ffmpeg",
    )
}

fn gstreamer(description: &Path, output: &Path) -> Child {
    let (from, to) =
        (format!("location={}", description.display()), format!("location={}", output.display()));
    spawn(
        "gst-launch-1.0",
        &[
            "-q",
            "filesrc",
            &from,
            "!",
            "sdpdemux",
            "!",
            "rtpvrawdepay",
            "!",
            "identity",
            "eos-after=4",
            "!",
            "filesink",
            &to,
        ],
        "gstreamer1.0-tools, gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad",
    )
}

/// At least one of the frames received is whole; the first may have begun halfway.
fn assert_seen(received: &[u8], expected: &[u8], who: &str) {
    assert!(
        received.chunks(expected.len()).any(|frame| frame == expected),
        "{who}: {} octets, none of them the frame of {}",
        received.len(),
        expected.len()
    );
}

#[test]
fn gstreamer_opens_what_is_written() {
    for depth in [Depth::D8, Depth::D10] {
        let format = format(depth);
        let frame = picture(&Raster::new(&format).unwrap());
        // 640 pixels are 1280 (UYVY) or 1600 octets (UYVP): no padding to a multiple of 4.
        assert_seen(&receive(format, &frame, gstreamer), &frame, "GStreamer");
    }
}

#[test]
fn ffmpeg_opens_what_is_written() {
    let eight = format(Depth::D8);
    let frame = picture(&Raster::new(&eight).unwrap());
    let received = receive(eight, &frame, |from, to| ffmpeg(from, to, "uyvy422"));
    assert_seen(&received, &frame, "FFmpeg, 8 bits");
    let ten = format(Depth::D10);
    let raster = Raster::new(&ten).unwrap();
    let frame = picture(&raster);
    let pixels = usize::from(ten.width) * usize::from(ten.height);
    let (mut luma, mut blue, mut red) =
        (vec![0_u16; pixels], vec![0; pixels / 2], vec![0; pixels / 2]);
    unpack(&raster, &frame, [&mut luma, &mut blue, &mut red]).unwrap();
    let planar: Vec<u8> =
        [luma, blue, red].concat().iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let received = receive(ten, &frame, |from, to| ffmpeg(from, to, "yuv422p10le"));
    assert_seen(&received, &planar, "FFmpeg, 10 bits");
}
