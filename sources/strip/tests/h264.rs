//! The strip survives scaling from 1920 to 640 wide and H.264 at 1 Mb/s, both done by
//! software that knows nothing of it.

use std::{fs, path::Path, process::Command};

use ormatrix_strip::{BLACK, Layout, Mark, WHITE, decode, encode};

const FRAMES: usize = 12;
const LARGE: (usize, usize) = (1920, 1080);
const SMALL: (usize, usize) = (640, 360);

fn mark(frame: usize) -> Mark {
    let frame = frame as u64;
    Mark::new("Endoskop ü", 1_763_757_305_123_456 + frame * 40_000, 70_000 + frame as u32).unwrap()
}

/// I420 frames with strips round a moving texture that costs the encoder its bits.
fn large_frames() -> Vec<u8> {
    let (width, height) = LARGE;
    let layout = Layout::new(width as u32, height as u32).unwrap();
    let mut file = Vec::with_capacity(FRAMES * width * height * 3 / 2);
    for frame in 0..FRAMES {
        let bits = encode(&mark(frame));
        for y in 0..height {
            let in_strip = y < 72 || y >= height - 72;
            for x in 0..width {
                let texture = ((x * 7 + frame * 13) ^ (y * 5 + frame * 29)) % 220 + 16;
                let bit = if in_strip { layout.bit_at(&bits, x as u32, y as u32) } else { None };
                file.push(match bit {
                    Some(true) => WHITE,
                    Some(false) => BLACK,
                    None => texture as u8,
                });
            }
        }
        file.resize(file.len() + width * height / 2, 128);
    }
    file
}

fn through_gstreamer(input: &Path, output: &Path) {
    let (width, height) = LARGE;
    let pipeline = format!(
        "filesrc location={} ! rawvideoparse format=i420 width={width} height={height} \
         framerate=25/1 ! videoscale ! video/x-raw,width={},height={} ! \
         x264enc bitrate=1000 tune=zerolatency ! h264parse ! avdec_h264 ! videoconvert ! \
         video/x-raw,format=I420 ! filesink location={}",
        input.display(),
        SMALL.0,
        SMALL.1,
        output.display()
    );
    let done = Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .output()
        .expect("gst-launch-1.0 is installed (Debian package gstreamer1.0-tools)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn survives_scaling_and_h264() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("large.yuv"), folder.path().join("small.yuv"));
    fs::write(&input, large_frames()).unwrap();
    through_gstreamer(&input, &output);

    let decoded = fs::read(&output).unwrap();
    let (width, height) = SMALL;
    assert_eq!(decoded.len(), FRAMES * width * height * 3 / 2);
    let layout = Layout::new(width as u32, height as u32).unwrap();
    for (frame, picture) in decoded.chunks_exact(width * height * 3 / 2).enumerate() {
        let read = decode(&layout, |x, y| picture[y as usize * width + x as usize]);
        assert_eq!(read, Ok(mark(frame)));
    }
}
