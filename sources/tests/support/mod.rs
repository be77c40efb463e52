//! A source process, and a plain socket that puts its frames together.
#![allow(dead_code, missing_docs, reason = "each test file uses a part")]

use std::{
    collections::VecDeque,
    io::Read,
    net::UdpSocket,
    process::{Child, Command, Stdio},
    time::Duration,
};

use ormatrix_io::{RxBatch, RxOptions, RxSocket};
use st2110::{
    format::VideoFormat,
    leg::Leg,
    rfc4175::{PayloadHeader, Raster, samples::luma8_at},
    rtp::RtpHeader,
};

/// A source that is ended with the test.
pub struct Source(Child);

impl Source {
    pub fn start(arguments: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_ormatrix-source"))
            .args(arguments.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub fn terminate(&self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits for its end: whether it succeeded, standard output, standard error.
    pub fn wait(mut self) -> (bool, String, String) {
        let status = self.0.wait().unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (status.success(), out, err)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port nobody uses at this moment.
pub fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// One whole frame as it arrived.
pub struct Arrived {
    pub octets: Vec<u8>,
    pub timestamp: u32,
    pub packets: usize,
}

/// What arrives at a loopback port, packet by packet.
pub struct Packets {
    socket: RxSocket,
    batch: RxBatch,
    waiting: VecDeque<Vec<u8>>,
    patience: Duration,
    port: u16,
}

impl Packets {
    pub fn new() -> Self {
        let port = free_port();
        let leg = Leg::new("127.0.0.1".parse().unwrap(), port);
        Self {
            socket: RxSocket::open(&leg, &RxOptions::default()).unwrap(),
            batch: RxBatch::new(16, 65_536),
            waiting: VecDeque::new(),
            patience: Duration::from_secs(20),
            port,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// No packet for so long means that none will come.
    pub fn quiet_after(&mut self, time: Duration) {
        self.patience = time;
    }

    pub fn packet(&mut self) -> Option<Vec<u8>> {
        while self.waiting.is_empty() {
            if !self.socket.wait(self.patience).unwrap() {
                return None;
            }
            self.socket.receive(&mut self.batch).unwrap();
            for mut datagram in self.batch.datagrams() {
                self.waiting.extend(datagram.segments().map(|packet| packet.to_vec()));
            }
        }
        self.waiting.pop_front()
    }
}

/// Puts frames together the slow and plain way.
pub struct Receiver {
    packets: Packets,
    format: VideoFormat,
    next: Option<u32>,
    pub lost: usize,
}

impl Receiver {
    pub fn new(format: VideoFormat) -> Self {
        Self { packets: Packets::new(), format, next: None, lost: 0 }
    }

    pub fn port(&self) -> u16 {
        self.packets.port()
    }

    /// No packet for so long means that none will come.
    pub fn quiet_after(&mut self, time: Duration) {
        self.packets.quiet_after(time);
    }

    /// The next frame; `None` when nothing comes any more. Panics over what no receiver
    /// should see: another timestamp within a frame, a packet that does not fit.
    pub fn frame(&mut self) -> Option<Arrived> {
        let raster = Raster::new(&self.format).unwrap();
        let mut frame =
            Arrived { octets: vec![0; raster.buffer_octets()], timestamp: 0, packets: 0 };
        let mut fields = 0;
        loop {
            let packet = self.packets.packet()?;
            let rtp = RtpHeader::parse(&packet).unwrap();
            let payload = rtp.payload(&packet);
            let header = PayloadHeader::parse(payload).unwrap();
            let sequence = u32::from(header.extended_sequence) << 16 | u32::from(rtp.sequence);
            if self.next.is_some_and(|next| next != sequence) {
                self.lost += 1;
            }
            self.next = Some(sequence.wrapping_add(1));
            if frame.packets == 0 {
                frame.timestamp = rtp.timestamp;
            } else if self.format.fields() == 1 {
                assert_eq!(rtp.timestamp, frame.timestamp, "a frame has one timestamp");
            }
            frame.packets += 1;
            raster.place(&header, &payload[header.data_start..], &mut frame.octets).unwrap();
            fields += u16::from(rtp.marker);
            if fields == self.format.fields() {
                return Some(frame);
            }
        }
    }
}

/// The mark in both strips of a packed frame.
pub fn mark(format: &VideoFormat, octets: &[u8]) -> Option<ormatrix_strip::Mark> {
    let raster = Raster::new(format).unwrap();
    let layout = ormatrix_strip::Layout::new(format.width.into(), format.height.into()).unwrap();
    ormatrix_strip::decode(&layout, |x, y| {
        luma8_at(&raster, octets, x as usize, y as usize).unwrap()
    })
    .ok()
}

pub fn format(shorthand: &str) -> VideoFormat {
    use st2110::format::{Depth, Packing, Sampling};
    ormatrix_source::shorthand::Shorthand::parse(shorthand).unwrap().with(
        Sampling::YCbCr422,
        Depth::D10,
        Packing::Gpm,
    )
}
