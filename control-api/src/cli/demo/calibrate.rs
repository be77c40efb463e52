//! Finds out whether this machine holds a format, by running it.
//!
//! What counts is the whole demo at work: every frame received and sent whole, at the rate
//! it should, nothing lost in any socket of it, and some processor time left for a browser.
//! The router's counters come once a second, so readings are taken when they change.

use std::collections::BTreeMap;

use ormatrix_client::types::{Input, Output};

/// A format to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Its name.
    pub format: &'static str,
    /// Thousands of pixels a frame, by which formats of other sizes compare.
    kilopixels: u32,
    /// Frames a second.
    rate: u32,
}

const fn rung(format: &'static str, kilopixels: u32, rate: u32) -> Rung {
    Rung { format, kilopixels, rate }
}

/// Full HD from the highest rate down, then less.
pub const LADDER: [Rung; 6] = [
    rung("1080p60", 2074, 60),
    rung("1080p50", 2074, 50),
    rung("1080p30", 2074, 30),
    rung("1080p25", 2074, 25),
    rung("720p50", 922, 50),
    rung("720p25", 922, 25),
];
/// Part of the expected frames that must have come; a reading is some hundredths of a second
/// off.
const ENOUGH: f64 = 0.985;
/// Per cent of processor time that must be left.
const IDLE_LEAST: f64 = 8.0;
/// Part of what a too high rate brought that a lower rate is trusted to reach.
const TRUST: f64 = 0.9;

/// Processor time since the machine started, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    idle: u64,
    all: u64,
}

impl Ticks {
    /// From the text of `/proc/stat`.
    pub fn parse(stat: &str) -> Option<Self> {
        let numbers: Vec<u64> = stat
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace()
            // Guests' time is in the first two already (proc(5)).
            .take(8)
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        Some(Self { idle: numbers.get(3)? + numbers.get(4)?, all: numbers.iter().sum() })
    }
}

/// Packets that the kernel dropped in sockets bound to these ports, from the text of
/// `/proc/net/udp`.
pub fn socket_drops(table: &str, ports: &[u16]) -> u64 {
    table
        .lines()
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let port = u16::from_str_radix(columns.get(1)?.split_once(':')?.1, 16).ok()?;
            ports.contains(&port).then(|| columns.last()?.parse::<u64>().ok())?
        })
        .sum()
}

/// What was counted up to one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// When, monotonic, in nanoseconds.
    pub at: u64,
    /// Processor time, where the host tells it.
    pub ticks: Option<Ticks>,
    /// Packets dropped in sockets.
    pub drops: u64,
    /// Whole frames of every input and output, by a name for people.
    pub frames: BTreeMap<String, u64>,
    /// Packets lost, frames cut, sends refused: everything that must not grow.
    pub faults: u64,
}

impl Reading {
    /// Whether everything has been counted again since an earlier reading. Inputs and outputs
    /// are asked for one after the other: the router may have counted in between.
    pub fn is_later(&self, earlier: &Self) -> bool {
        self.frames.iter().all(|(label, frames)| earlier.frames.get(label) != Some(frames))
    }

    /// Adds what the API tells of the inputs.
    pub fn count_inputs(&mut self, inputs: &[Input]) {
        for Input { label, signal, .. } in inputs {
            self.frames.insert(label.clone(), signal.whole_frames.unwrap_or_default());
            let faults = [signal.lost_packets, signal.cut_frames];
            self.faults += faults.into_iter().flatten().sum::<u64>();
        }
    }

    /// Adds what the API tells of the outputs.
    pub fn count_outputs(&mut self, outputs: &[Output]) {
        for Output { label, sent, .. } in outputs {
            let frames = sent.as_ref().map(|sent| sent.whole_frames);
            self.frames.insert(label.clone(), frames.unwrap_or_default());
            let withheld = sent.as_ref().and_then(|sent| sent.withheld.get("send_failed"));
            self.faults += withheld.copied().unwrap_or_default();
        }
    }
}

/// How a format went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It holds.
    Holds {
        /// In words.
        why: String,
    },
    /// It does not.
    Falls {
        /// In words.
        why: String,
        /// Frames a second of the slowest input or output.
        achieved: f64,
    },
}

/// Judges what happened between two readings at a rate of frames a second.
pub fn judge(before: &Reading, after: &Reading, rate: f64) -> Outcome {
    let seconds = after.at.saturating_sub(before.at).max(1) as f64 / 1e9;
    let slowest = after
        .frames
        .iter()
        .map(|(label, frames)| {
            let earlier = before.frames.get(label).copied().unwrap_or_default();
            (frames.saturating_sub(earlier) as f64 / seconds, label.as_str())
        })
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let (achieved, label) = slowest.unwrap_or((0.0, "nothing"));
    let lost =
        after.drops.saturating_sub(before.drops) + after.faults.saturating_sub(before.faults);
    let idle = match (before.ticks, after.ticks) {
        (Some(before), Some(after)) if after.all > before.all => {
            Some(100.0 * (after.idle - before.idle) as f64 / (after.all - before.all) as f64)
        }
        _ => None,
    };
    let why = if achieved < rate * ENOUGH {
        format!("{label} reached {achieved:.1} frames a second")
    } else if lost > 0 {
        format!("{lost} packets were lost in {seconds:.0} s")
    } else if let Some(idle) = idle.filter(|idle| *idle < IDLE_LEAST) {
        format!("only {idle:.0} % of the processor time was left")
    } else {
        let left = idle.map_or_else(String::new, |idle| {
            format!(" and {idle:.0} % of the processor time was left")
        });
        return Outcome::Holds { why: format!("in {seconds:.0} s no packet was lost{left}") };
    };
    Outcome::Falls { why, achieved: achieved.min(rate) }
}

/// The format to try after one that fell with so many frames a second, `None` below the
/// lowest.
pub fn next(fell: Rung, achieved: f64) -> Option<Rung> {
    let lower = || LADDER.into_iter().skip_while(move |rung| *rung != fell).skip(1);
    let brought = f64::from(fell.kilopixels) * achieved * TRUST;
    lower()
        .find(|next| f64::from(next.kilopixels * next.rate) <= brought)
        .or_else(|| lower().last())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::samples, *};

    #[test]
    fn processor_time() {
        let ticks = Ticks::parse("cpu  100 0 50 800 20 0 30 0 0 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!(ticks, Ticks { idle: 820, all: 1000 });
        assert_eq!(Ticks::parse("intr 5"), None);
    }

    #[test]
    fn drops_of_our_sockets_only() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            77: 0100007F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 41\n\
            78: 0100007F:9C41 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 7\n";
        assert_eq!(socket_drops(table, &[40000]), 41);
        assert_eq!(socket_drops(table, &[40000, 40001]), 48);
        assert_eq!(socket_drops(table, &[]), 0);
    }

    fn reading(second: u64, frames: u64, lost: u64, idle: u64) -> Reading {
        let mut reading = Reading {
            at: second * 1_000_000_000,
            ticks: Some(Ticks { idle, all: second * 200 }),
            drops: 0,
            frames: BTreeMap::new(),
            faults: 0,
        };
        let signal = |frames: u64, lost: u64| json!({"whole_frames": frames, "lost_packets": lost});
        reading.count_inputs(&[
            samples::input(&json!({"label": "Endoscope", "signal": signal(frames, lost)})),
            samples::input(&json!({"label": "Robot", "signal": signal(frames * 2, 0)})),
        ]);
        let main = json!({"label": "Main", "sent": {"whole_frames": frames}});
        reading.count_outputs(&[samples::output(&main)]);
        reading
    }

    #[test]
    fn half_a_reading_is_none() {
        let (old, new) = (reading(10, 100, 0, 0), reading(11, 150, 0, 0));
        let mut torn = old.clone();
        torn.frames.insert("Main".into(), 150);
        assert!(new.is_later(&old));
        assert!(!torn.is_later(&old) && !new.is_later(&torn));
    }

    #[test]
    fn a_format_holds_or_falls_for_a_reason() {
        let before = reading(10, 100, 5, 1000);
        let holds = judge(&before, &reading(13, 280, 5, 1150), 60.0);
        assert_eq!(
            holds,
            Outcome::Holds {
                why: "in 3 s no packet was lost and 25 % of the processor time was left".into()
            }
        );
        let falls = |after: &Reading| match judge(&before, after, 60.0) {
            Outcome::Falls { why, achieved } => (why, achieved.round()),
            Outcome::Holds { why } => panic!("{why}"),
        };
        assert_eq!(
            falls(&reading(13, 220, 5, 1150)),
            ("Endoscope reached 40.0 frames a second".into(), 40.0)
        );
        assert_eq!(falls(&reading(13, 280, 9, 1150)).0, "4 packets were lost in 3 s");
        assert_eq!(falls(&reading(13, 280, 5, 1012)).0, "only 2 % of the processor time was left");
    }

    #[test]
    fn nothing_at_all_does_not_hold() {
        let empty = |at| Reading { at, ticks: None, drops: 0, frames: BTreeMap::new(), faults: 0 };
        assert!(matches!(judge(&empty(0), &empty(1), 25.0), Outcome::Falls { .. }));
    }

    #[test]
    fn what_came_leads_to_the_next_try() {
        let next = |from: usize, achieved| next(LADDER[from], achieved).map(|rung| rung.format);
        assert_eq!(next(0, 60.0), Some("1080p50"));
        assert_eq!(next(0, 41.0), Some("1080p30"));
        assert_eq!(next(0, 12.0), Some("720p25"));
        assert_eq!(next(2, 30.0), Some("1080p25"));
        assert_eq!(next(3, 25.0), Some("720p50"));
        assert_eq!(next(3, 21.6), Some("720p25"));
        assert_eq!(next(5, 25.0), None);
    }
}
