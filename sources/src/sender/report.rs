//! What a sender has done, for people and for programs.

use std::{fmt, fs, io};

use serde::Serialize;

/// Counters of a sender; they only grow.
#[derive(Debug, Default)]
pub struct Counts {
    /// Frames sent.
    pub frames: u64,
    /// Packets sent, on each leg.
    pub packets: u64,
    /// Frames left out because the sender was more than a frame late.
    pub skipped_frames: u64,
    /// Frames for which there was no picture.
    pub empty_frames: u64,
    /// Bursts that found the send buffer full and were tried again.
    pub full_buffers: u64,
    /// Times that packets were due and had to wait, so that CINST stays within CMAX.
    pub held_bursts: u64,
    /// Packets that were too late for that and left at once, above CMAX.
    pub rushed_packets: u64,
    /// Bursts the network did not take.
    pub failed_sends: u64,
    /// Why the last of them failed.
    pub last_error: Option<io::Error>,
    /// The latest that a burst left behind its schedule, in nanoseconds.
    pub worst_late_ns: u64,
    /// Time spent drawing strips and text.
    pub draw_ns: u64,
    /// Time spent sending.
    pub send_ns: u64,
    /// Time spent waiting for the schedule.
    pub sleep_ns: u64,
}

/// Counters of a level beside the picture; they only grow.
#[derive(Debug, Default)]
pub struct LevelCounts {
    /// Packets sent, on each leg.
    pub packets: u64,
    /// Packets left out for being late.
    pub skipped_packets: u64,
    /// Packets without anything in them: silence where there was no sound, signs of life.
    pub empty_packets: u64,
    /// Sends the network did not take.
    pub failed_sends: u64,
    /// Why the last of them failed.
    pub last_error: Option<io::Error>,
    /// The latest that a packet left behind its schedule, in nanoseconds.
    pub worst_late_ns: u64,
}

impl LevelCounts {
    /// Notes what came of a send.
    pub fn sent(&mut self, outcome: io::Result<usize>) {
        if let Err(error) = outcome {
            self.failed_sends += 1;
            self.last_error = Some(error);
        }
    }

    /// Everything so far.
    pub fn report(&self) -> LevelReport {
        LevelReport {
            packets: self.packets,
            skipped_packets: self.skipped_packets,
            empty_packets: self.empty_packets,
            failed_sends: self.failed_sends,
            worst_late_us: self.worst_late_ns / 1000,
        }
    }
}

/// The state of a level beside the picture at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LevelReport {
    /// Packets sent, on each leg.
    pub packets: u64,
    /// Packets left out for being late.
    pub skipped_packets: u64,
    /// Packets of silence for want of sound, or without data.
    pub empty_packets: u64,
    /// Sends that did not leave.
    pub failed_sends: u64,
    /// Worst lateness in microseconds.
    pub worst_late_us: u64,
}

impl fmt::Display for LevelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets", self.packets)?;
        for (count, what) in [
            (self.skipped_packets, "skipped"),
            (self.empty_packets, "empty"),
            (self.failed_sends, "did not leave"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// The state of a sender at a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Frames sent.
    pub frames: u64,
    /// Packets sent, on each leg.
    pub packets: u64,
    /// Frames left out for being late.
    pub skipped_frames: u64,
    /// Frames without a picture.
    pub empty_frames: u64,
    /// Bursts that met a full buffer.
    pub full_buffers: u64,
    /// Times that late packets waited, so that CINST stays within CMAX.
    pub held_bursts: u64,
    /// Packets that were too late for that and left at once, above CMAX.
    pub rushed_packets: u64,
    /// Bursts that did not leave.
    pub failed_sends: u64,
    /// Worst lateness in microseconds.
    pub worst_late_us: u64,
    /// Microseconds a frame spent drawing.
    pub draw_us_per_frame: f64,
    /// Microseconds a frame spent in sends.
    pub send_us_per_frame: f64,
    /// Microseconds a frame spent waiting for the schedule.
    pub sleep_us_per_frame: f64,
    /// Processor time of the sending thread in microseconds a frame, where the kernel tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us_per_frame: Option<f64>,
    /// Its sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<LevelReport>,
    /// Its ancillary data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ancillary: Option<LevelReport>,
}

impl Counts {
    /// Everything so far; `cpu_ns` is the sending thread's processor time.
    pub fn report(&self, cpu_ns: Option<u64>) -> Report {
        let each = |ns: u64| (ns as f64 / 100.0 / self.frames.max(1) as f64).round() / 10.0;
        Report {
            frames: self.frames,
            packets: self.packets,
            skipped_frames: self.skipped_frames,
            empty_frames: self.empty_frames,
            full_buffers: self.full_buffers,
            held_bursts: self.held_bursts,
            rushed_packets: self.rushed_packets,
            failed_sends: self.failed_sends,
            worst_late_us: self.worst_late_ns / 1000,
            draw_us_per_frame: each(self.draw_ns),
            send_us_per_frame: each(self.send_ns),
            sleep_us_per_frame: each(self.sleep_ns),
            cpu_us_per_frame: cpu_ns.map(each),
            audio: None,
            ancillary: None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} frames, {} packets, {} frames skipped, worst lateness {} us; a frame: \
             drawing {} us, sending {} us, waiting {} us",
            self.frames,
            self.packets,
            self.skipped_frames,
            self.worst_late_us,
            self.draw_us_per_frame,
            self.send_us_per_frame,
            self.sleep_us_per_frame
        )?;
        if let Some(cpu) = self.cpu_us_per_frame {
            write!(f, ", processor {cpu} us")?;
        }
        for (count, what) in [
            (self.empty_frames, "frames had no picture"),
            (self.rushed_packets, "packets left above CMAX, being late"),
            (self.full_buffers, "bursts met a full send buffer"),
            (self.failed_sends, "bursts did not leave"),
        ] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        for (level, report) in [("audio", &self.audio), ("ancillary", &self.ancillary)] {
            if let Some(report) = report {
                write!(f, "; {level}: {report}")?;
            }
        }
        Ok(())
    }
}

/// Processor time of the calling thread in nanoseconds, where the kernel keeps it.
pub fn thread_cpu_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().filter(|time| *time > 0)
}
