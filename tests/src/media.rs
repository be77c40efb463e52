//! Pictures for the tests: our sources, GStreamer as sender and receiver, strips in frames.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use ormatrix_strip::{Edge, Layout, Mark, StripError, decode_edge};
use serde_json::{Value, json};
use st2110::{format::VideoFormat, rfc4175::Raster};

use crate::{
    matrix::Matrix,
    process::{Process, own, urgent},
};

/// A progressive 4:2:2 10-bit format as the API writes it.
pub fn video(width: u16, height: u16, rate: &str) -> Value {
    json!({
        "width": width, "height": height, "rate": rate,
        "sampling": "YCbCr-4:2:2", "depth": 10, "scan": "progressive", "packing": "GPM"
    })
}

/// The format that a name such as `640x360p50` stands for, 4:2:2 with 10 bits.
///
/// # Panics
/// When it stands for none.
pub fn format(name: &str) -> VideoFormat {
    let parts = name.split_once('p').and_then(|(size, rate)| Some((size.split_once('x')?, rate)));
    let ((width, height), rate) = parts.expect("WIDTHxHEIGHTpRATE");
    let shape = video(width.parse().expect("a width"), height.parse().expect("a height"), rate);
    serde_json::from_value(shape).expect("a format")
}

/// Starts one of our sources to a port of this host, unsynchronised by `offset_us`. The
/// picture is a moving ball unless `more` names another or a file.
pub fn source(name: &str, format: &str, port: u16, offset_us: u64, more: &[&str]) -> Process {
    let to = format!("127.0.0.1:{port}");
    let offset = offset_us.to_string();
    let mut command = own("ormatrix-source");
    if !more.iter().any(|option| ["--pattern", "--file"].contains(option)) {
        command.args(["--pattern", "ball"]);
    }
    command.args(["--name", name, "--format", format, "--to", &to]);
    command.args(["--offset-us", &offset, "--json"]).args(more);
    Process::start(command)
}

/// Packets that the kernel dropped because a receiver of this host on `port` was too slow:
/// what such a receiver says of the stream counts for nothing then.
///
/// # Panics
/// When the kernel's table cannot be read.
pub fn socket_drops(port: u16) -> u64 {
    let table = std::fs::read_to_string("/proc/net/udp").expect("Linux tells its sockets");
    let local = format!(":{port:04X}");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|columns| columns.get(1).is_some_and(|at| at.ends_with(&local)));
    ours.filter_map(|columns| columns.last()?.parse::<u64>().ok()).sum()
}

/// Starts `ormatrix-sink check` on an output and waits until it listens.
pub fn check(matrix: &Matrix, output: &str, more: &[&str]) -> Process {
    let sdp = format!("{}/api/v1/outputs/{output}/sdp", matrix.url());
    let mut command = own("ormatrix-sink");
    command.args(["check", "--sdp", &sdp, "--json"]).args(more);
    let mut sink = Process::start(command);
    sink.wait_for("listening");
    sink
}

/// Asserts that a report of `check` names no defect of the router's. Frames that a source
/// cut or skipped because the machine did not let it run are the source's: `cut` of them may
/// be partial (see [`Matrix::cut_frames`]), and tests that know what it skipped
/// ([`skipped_frames`]) look at `missing_frames` themselves. On a quiet machine both are 0.
///
/// # Panics
/// When it does, with the whole report.
pub fn assert_clean(report: &Value, cut: u64) {
    assert_no_defect(report);
    assert!(report["partial"].as_u64() <= Some(cut), "{cut} cut: {report:#}");
    assert!(report["whole"].as_u64() > Some(0), "{report:#}");
}

/// Asserts that a report of `check` names nothing that a sender's pause could not explain.
///
/// # Panics
/// When it does, with the whole report.
pub fn assert_no_defect(report: &Value) {
    for defect in [
        "mixed",
        "duplicated",
        "missing_packets",
        "sequence_breaks",
        "ssrc_changes",
        "malformed_packets",
        "outside_format",
        "fragmented_datagrams",
    ] {
        assert_eq!(report[defect], 0, "{defect}: {report:#}");
    }
}

/// Ends sources and adds up the frames that they skipped, because the machine was too busy
/// to send them in time.
///
/// # Panics
/// When one of them gives no report.
pub fn skipped_frames(sources: Vec<Process>) -> u64 {
    let skipped = sources.into_iter().map(|source| {
        source.terminate();
        let (_, report) = source.finish_json();
        report["skipped_frames"].as_u64().expect("a count")
    });
    skipped.sum()
}

/// A GStreamer pipeline as a process, as anyone would type it.
pub fn gstreamer(pipeline: &str) -> Process {
    let mut command = urgent("gst-launch-1.0");
    command.args(["-q", "-e"]).args(pipeline.split_whitespace());
    Process::start(command)
}

/// A GStreamer pipeline that writes raw frames to its standard output (`fdsink`).
pub struct RawFrames {
    child: std::process::Child,
    octets: usize,
}

impl RawFrames {
    /// Starts it; each frame has so many octets.
    ///
    /// # Panics
    /// When GStreamer is not installed.
    pub fn start(pipeline: &str, octets: usize) -> Self {
        Self::by(urgent("gst-launch-1.0"), pipeline, octets)
    }

    /// The same, by a command that runs `gst-launch-1.0` elsewhere.
    ///
    /// # Panics
    /// When GStreamer is not installed.
    pub fn by(mut command: Command, pipeline: &str, octets: usize) -> Self {
        let child = command
            .arg("-q")
            .args(pipeline.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("gst-launch-1.0 is needed: make test installs it");
        Self { child, octets }
    }

    /// The next frame, or `None` when the pipeline has ended.
    ///
    /// # Panics
    /// When it has been stopped.
    pub fn next_frame(&mut self) -> Option<Vec<u8>> {
        let mut frame = vec![0; self.octets];
        let stdout = self.child.stdout.as_mut().expect("piped");
        stdout.read_exact(&mut frame).is_ok().then_some(frame)
    }

    /// Ends the pipeline from elsewhere; frames still under way can be read.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.child.id())
    }
}

/// Ends a pipeline whose frames another thread reads.
#[derive(Clone, Copy, Debug)]
pub struct Stopper(u32);

impl Stopper {
    /// Asks it to end.
    pub fn stop(self) {
        let _ = ormatrix_io::process::terminate(self.0);
    }
}

impl Drop for RawFrames {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the strips at top and bottom of a packed frame.
///
/// # Panics
/// When the format itself is impossible.
pub fn marks(format: &VideoFormat, frame: &[u8]) -> [Result<Mark, StripError>; 2] {
    let raster = Raster::new(format).expect("a format that can be sent");
    let layout =
        Layout::new(u32::from(format.width), u32::from(format.height)).expect("large enough");
    let luma = |x: u32, y: u32| {
        st2110::rfc4175::samples::luma8_at(&raster, frame, x as usize, y as usize).unwrap_or(0)
    };
    [Edge::Top, Edge::Bottom].map(|edge| decode_edge(&layout, edge, luma))
}
