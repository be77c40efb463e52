//! What the tests over real processes share: the sink as a child, and foreign software.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Stdio},
};

pub mod matrix;

/// A running sink; killed when dropped.
pub struct Sink {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub address: SocketAddr,
}

impl Sink {
    /// Starts `ormatrix-sink` and waits until it listens.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "ended without listening: {said}");
            if let Some(address) = line.trim().strip_prefix("listening ") {
                break address.parse().unwrap();
            }
            said += &line;
        };
        Self { child, stderr, address }
    }

    /// Waits for a line that begins so.
    pub fn wait_for(&mut self, beginning: &str) -> String {
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "ended without saying '{beginning}': {said}");
            if line.starts_with(beginning) {
                return line;
            }
            said += &line;
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for its end; returns exit status and what it printed.
    pub fn end(mut self) -> (i32, String) {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), out)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a GStreamer pipeline to its end.
pub fn gstreamer(pipeline: &str) {
    let status = Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .stdout(Stdio::null())
        .status()
        .expect("gst-launch-1.0 is installed");
    assert!(status.success(), "{pipeline}");
}

/// Sends `frames` of a moving or still pattern in `format` to an address.
pub fn send(source: &str, caps: &str, frames: u32, to: SocketAddr) {
    let (host, port) = (to.ip(), to.port());
    gstreamer(&format!(
        "{source} is-live=true num-buffers={frames} ! video/x-raw,{caps} ! rtpvrawpay ! \
         udpsink host={host} port={port}"
    ));
}
