//! Pipelines of `GStreamer`, and the packets that they write.

use std::{io::ErrorKind, process::Command};

/// Runs a pipeline to its end.
pub fn launch(pipeline: &str) {
    let output = match Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_ascii_whitespace())
        .output()
    {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "gst-launch-1.0 is missing: install gstreamer1.0-tools, gstreamer1.0-plugins-base, \
             gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad"
        ),
        Err(error) => panic!("gst-launch-1.0: {error}"),
    };
    assert!(
        output.status.success(),
        "gst-launch-1.0 -q {pipeline}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Packets in RFC 4571 framing: 16 bits of length before each.
pub fn framed(stream: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    let mut rest = stream;
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let (packet, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
        packets.push(packet);
        rest = behind;
    }
    packets
}
