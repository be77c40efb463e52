//! The judge of sound: takes packets and times, says what was wrong with the stream.

use st2110::audio::{AudioFormat, unpack};

use super::{
    AudioReport, HeardWindow,
    ear::{Ear, Jump},
    windows::Windows,
};
use crate::{
    check::{Arrival, intake::Intake, latency::Ages, media_time::unwrapped, report::Stream},
    receive::Numbered,
};

/// Judges one stream of sound.
#[derive(Debug)]
pub struct AudioJudge {
    format: AudioFormat,
    intake: Intake,
    wrong_length: u64,
    timestamp_breaks: u64,
    /// Number of the sample that follows the last packet in order.
    expected: Option<u64>,
    windows: Windows,
    ear: Ear,
    latency: Ages,
    /// A packet's samples.
    samples: Vec<i32>,
}

impl AudioJudge {
    /// A judge of streams of this format. `payload_type` refuses others; `ramp_ms` is how
    /// long the sound is faded at a switch, 0 where it is cut.
    pub fn new(format: &AudioFormat, payload_type: Option<u8>, ramp_ms: u16) -> Self {
        Self {
            format: format.clone(),
            intake: Intake::new(payload_type),
            wrong_length: 0,
            timestamp_breaks: 0,
            expected: None,
            windows: Windows::new(format),
            ear: Ear::new(format, ramp_ms),
            latency: Ages::default(),
            samples: Vec::new(),
        }
    }

    /// What the stream should be.
    pub const fn format(&self) -> &AudioFormat {
        &self.format
    }

    /// Takes one datagram, and tells what is heard of it and of those before.
    pub fn packet(&mut self, octets: &[u8], at: &Arrival, tell: &mut impl FnMut(HeardWindow)) {
        let Some(rtp) = self.intake.header(octets) else { return };
        let numbered = self.intake.number(&rtp, 0, at);
        if numbered == Numbered::Duplicate {
            return;
        }
        let payload = rtp.payload(octets);
        let first = unwrapped(rtp.timestamp, at.tai, self.format.rtp_clock_hz());
        self.follow_timestamps(first, numbered);
        let hz = u128::from(self.format.rtp_clock_hz());
        let taken_ns = u128::from(first) * 1_000_000_000 / hz;
        self.latency.record(taken_ns as u64, at.tai);
        if self.format.check_payload(payload.len()).is_err() {
            self.wrong_length += 1;
            return;
        }
        self.samples.resize(payload.len() / self.format.depth.octets(), 0);
        // The length was checked: there is room for every sample.
        if unpack(self.format.depth, payload, &mut self.samples).is_ok() {
            let ear = &mut self.ear;
            let each = &mut |window: &_| tell(ear.window(window));
            self.windows.put(first, &self.samples, at, each);
        }
    }

    fn follow_timestamps(&mut self, first: u64, numbered: Numbered) {
        let packet = u64::from(self.format.samples_per_packet());
        let skipped = match numbered {
            Numbered::Late | Numbered::Duplicate => return,
            Numbered::First => None,
            Numbered::Next => Some(0),
            Numbered::Ahead(skipped) => Some(skipped),
        };
        if let (Some(expected), Some(skipped)) = (self.expected, skipped) {
            let off = first.wrapping_sub(expected + skipped * packet).cast_signed();
            if off != 0 {
                self.timestamp_breaks += 1;
                self.ear.jump(Jump { number: first, samples: off });
            }
        }
        self.expected = Some(first + packet);
    }

    /// Hears what is left, when no packet is to come any more.
    pub fn end(&mut self, tell: &mut impl FnMut(HeardWindow)) {
        let ear = &mut self.ear;
        self.windows.flush(&mut |window| tell(ear.window(window)));
    }

    /// The verdict, once [`end`](Self::end) was called.
    pub fn finish(self) -> AudioReport {
        let mut report = AudioReport {
            packets: self.intake.counts(),
            wrong_length: self.wrong_length,
            timestamp_breaks: self.timestamp_breaks,
            latency_us: self.latency.report(),
            stream: Stream { ssrc: self.intake.ssrc(), format: self.format.to_string() },
            ..AudioReport::default()
        };
        self.ear.into_report(&mut report);
        report
    }
}
