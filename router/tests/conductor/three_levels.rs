//! Sources of picture, sound and ancillary data on one time line, and a judge of what
//! leaves an output.

use std::collections::BTreeMap;

use ormatrix_io::Clock;
use ormatrix_protocol::{Command, InputSpec, OutputSpec, OutputStream};
use st2110::{
    ancillary::{AncData, AncField, AncPayload, AncWriter, DataId, Location},
    rfc4175::FramePlan,
    rtp::{HEADER_LEN, RtpHeader},
    timing::tai_to_rtp,
};

use super::bench::{Bench, MS, input, output, parcel};

pub const FRAME_NS: u64 = 20 * MS;
/// How far the packets of a picture are behind its timestamps.
const LAG_NS: u64 = 2 * MS;
/// Loudest sample of a tone.
const AMPLITUDE: f64 = 800_000.0;

/// A source whose frames begin `phase_ns` behind the beat.
pub struct Source {
    pub number: u16,
    pub phase_ns: u64,
    video: u32,
    audio: u64,
    data: u64,
    started: bool,
    pub alive: bool,
}

/// The specification of source `number`, whose ports are `number`, +3 and +6.
pub fn spec(number: u16) -> InputSpec {
    let stream = |format: serde_json::Value, port: u16| {
        serde_json::json!({
            "format": format, "legs": [{ "address": "127.0.0.1", "port": port }], "payload_type": 97
        })
    };
    let sound = serde_json::json!({
        "depth": "L24", "rate_hz": 48000, "channels": 2, "packet_time": "1ms"
    });
    InputSpec {
        audio: serde_json::from_value(stream(sound, number + 3)).unwrap(),
        ancillary: serde_json::from_value(stream(serde_json::json!({"rate": "50"}), number + 6))
            .unwrap(),
        ..input(&format!("source-{number}"), number)
    }
}

/// An output `n` of all levels, to ports 101 + 3n and the two behind it.
pub fn sink(n: u16, ramp_ms: u16) -> OutputSpec {
    let port = 101 + 3 * n;
    let stream = |port: u16| {
        let legs = output("any", port).legs;
        Some(OutputStream { legs, payload_type: 98, ssrc: u32::from(port), ramp_ms })
    };
    OutputSpec {
        audio: stream(port + 1),
        ancillary: stream(port + 2),
        ..output(&format!("sink-{n}"), port)
    }
}

/// Left, what source `number` sounds like at a sampling period; right, its number.
pub fn sound(number: u16, period: u64) -> [i32; 2] {
    let hz = 370.0 + 60.0 * f64::from(number);
    let angle = std::f64::consts::TAU * hz * (period % 48_000) as f64 / 48_000.0;
    [(AMPLITUDE * angle.sin()) as i32, i32::from(number) * 200_000]
}

impl Source {
    pub fn new(number: u16, phase_ns: u64) -> Self {
        Self { number, phase_ns, video: 0, audio: 0, data: 0, started: false, alive: true }
    }

    /// Sends what is due.
    pub fn send(&mut self, bench: &Bench) {
        let now = bench.clock.now();
        let port = self.number;
        let plan = FramePlan::new(&input("any", port).video, 1460).unwrap();
        let packets = plan.packets() as u64;
        let step = FRAME_NS / packets;
        let since = now - self.phase_ns;
        if !self.started {
            let frame = since / FRAME_NS + 1;
            (self.video, self.data) = ((frame * packets) as u32, frame);
            self.audio = now / MS;
            self.started = true;
        }
        // Data come with the start of a frame, before the last packets of the one before.
        while self.data * FRAME_NS <= since {
            let octets = self.data_packet();
            self.data += 1;
            self.deliver(bench, port + 6, octets);
        }
        while u64::from(self.video) * step + LAG_NS <= since {
            let frame = u64::from(self.video) / packets;
            let planned = plan.packet((u64::from(self.video) % packets) as usize).unwrap();
            let mut octets = vec![0; planned.packet_len()];
            let timestamp = self.timestamp(frame);
            planned.write_header(self.video, timestamp, u32::from(port), 96, &mut octets);
            octets[20] = port as u8;
            self.video += 1;
            self.deliver(bench, port, octets);
        }
        while (self.audio + 1) * MS <= now {
            let octets = self.sound_packet();
            self.audio += 1;
            self.deliver(bench, port + 3, octets);
        }
    }

    fn deliver(&self, bench: &Bench, port: u16, octets: Vec<u8>) {
        if self.alive {
            bench
                .network
                .deliver(bench.ports.rx[&port], parcel(octets, port, u32::from(self.number)));
        }
    }

    fn timestamp(&self, frame: u64) -> u32 {
        tai_to_rtp(frame * FRAME_NS + self.phase_ns, 90_000)
    }

    fn header(&self, sequence: u64, timestamp: u32, marker: bool) -> Vec<u8> {
        let mut octets = vec![0x80, if marker { 0xe1 } else { 0x61 }];
        octets.extend((sequence as u16).to_be_bytes());
        octets.extend(timestamp.to_be_bytes());
        octets.extend(u32::from(self.number).to_be_bytes());
        octets
    }

    fn data_packet(&self) -> Vec<u8> {
        let mut octets = self.header(self.data, self.timestamp(self.data), true);
        let mut payload = [0; 200];
        let mut writer =
            AncWriter::new(&mut payload, (self.data >> 16) as u16, AncField::Frame).unwrap();
        let words = [st2110::ancillary::data_word(self.number as u8)];
        let id = DataId { did: 0x51, sdid: 1 };
        writer.push(&AncData { location: Location::ANYWHERE, id, words: &words }).unwrap();
        let length = writer.octets();
        octets.extend(&payload[..length]);
        octets
    }

    fn sound_packet(&self) -> Vec<u8> {
        let first = self.audio * 48;
        let mut octets = self.header(self.audio, first as u32, false);
        for period in first..first + 48 {
            for sample in sound(self.number, period) {
                octets.extend(&sample.to_be_bytes()[1..]);
            }
        }
        octets
    }
}

/// What left one output, by level.
#[derive(Default)]
pub struct Heard {
    /// Source of each frame of the picture, by timestamp, in sending order.
    pub pictures: Vec<(u32, u16)>,
    /// Source of each ancillary packet, by timestamp, in sending order.
    pub data: Vec<(u32, u16)>,
    /// Sound: sequence number, timestamp, samples.
    pub sound: Vec<(u16, u32, Vec<[i32; 2]>)>,
}

impl Heard {
    /// Takes what output `n` has sent since the last time.
    pub fn hear(&mut self, bench: &Bench, n: u16) {
        let port = 101 + 3 * n;
        for (_, packet) in bench.sent(port) {
            let rtp = RtpHeader::parse(&packet).unwrap();
            let source = u16::from(packet[20]);
            if self.pictures.last() != Some(&(rtp.timestamp, source)) {
                self.pictures.push((rtp.timestamp, source));
            }
        }
        for (_, packet) in bench.sent(port + 1) {
            let rtp = RtpHeader::parse(&packet).unwrap();
            let read =
                |octets: &[u8]| i32::from_be_bytes([octets[0], octets[1], octets[2], 0]) >> 8;
            let periods = packet[HEADER_LEN..].chunks_exact(6);
            let samples = periods.map(|period| [read(period), read(&period[3..])]).collect();
            self.sound.push((rtp.sequence, rtp.timestamp, samples));
        }
        for (_, packet) in bench.sent(port + 2) {
            let rtp = RtpHeader::parse(&packet).unwrap();
            let payload = AncPayload::parse(rtp.payload(&packet)).unwrap();
            let found = payload.packets().next().unwrap().unwrap();
            let mut words = [0; 255];
            found.words().copy_to(&mut words);
            self.data.push((rtp.timestamp, words[0] & 0xff));
        }
    }

    /// The source of the picture at each timestamp.
    pub fn shown(&self) -> BTreeMap<u32, u16> {
        self.pictures.iter().copied().collect()
    }
}

/// A bench of three sources and some outputs of all levels.
pub fn bench(outputs: u16, ramp_ms: u16) -> (Bench, Vec<Source>) {
    let mut bench = Bench::new();
    // Two in step, one in between.
    let sources = vec![Source::new(1, 0), Source::new(2, 7 * MS), Source::new(3, 0)];
    for source in &sources {
        bench.ask(Command::PutInput(spec(source.number))).unwrap();
    }
    for n in 0..outputs {
        bench.ask(Command::PutOutput(sink(n, ramp_ms))).unwrap();
    }
    (bench, sources)
}

/// Lets time pass while sources send.
pub fn run(bench: &mut Bench, sources: &mut [Source], ms: u64) {
    for _ in 0..ms * 5 {
        bench.step();
        for source in sources.iter_mut() {
            source.send(bench);
        }
    }
}
