//! One input or output being measured, window after window.

use std::net::SocketAddr;

use st2110::{
    analysis::{Arrival, LegPair, NetworkFacts, Recogniser},
    level::Level,
};

use super::{
    plan::{Declared, LevelPlan, StudyPlan},
    report::{LevelPair, LevelStream, LiveAnalysis, Previous, TapReport, Window},
};
use crate::analyse::{
    AnalyseOptions,
    measure::{Ends, FEWEST_PACKETS, Measurement},
    report::PairAnalysis,
};

/// Senders told apart on one address; there should be one.
const MOST_SENDERS: usize = 4;

/// A stream that nobody declared is looked at for so long before it is measured.
const RECOGNISE_NS: u64 = 500_000_000;

/// A packet as a tap saw it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// What its headers say.
    pub facts: &'a NetworkFacts,
    /// What is in it, and when it came, TAI.
    pub arrival: Arrival<'a>,
}

/// How packets lay in what the tap handed over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runs {
    /// Frames, of one packet or several.
    pub frames: u64,
    /// Packets in them.
    pub packets: u64,
    /// Packets in the longest.
    pub longest: u64,
}

impl Runs {
    /// Takes a frame in.
    pub fn record(&mut self, packets: u64) {
        self.frames += 1;
        self.packets += packets;
        self.longest = self.longest.max(packets);
    }
}

/// Measures every stream of an input or output.
pub struct Study {
    plan: StudyPlan,
    window: Window,
    previous: Option<Previous>,
    levels: Vec<LevelStudy>,
    runs: Runs,
    dropped: u64,
}

struct LevelStudy {
    level: Level,
    declared: Declared,
    legs: Vec<LegStudy>,
    pair: Option<LegPair>,
}

struct LegStudy {
    address: SocketAddr,
    senders: Vec<Sender>,
}

struct Sender {
    source: SocketAddr,
    stage: Stage,
    packets: u64,
}

enum Stage {
    Recognising { recogniser: Box<Recogniser>, since_ns: u64 },
    Measuring(Box<Measurement>),
}

impl Study {
    /// Begins a window at a Unix time.
    pub fn new(plan: StudyPlan, from_ns: u64) -> Self {
        let levels = plan.levels.iter().map(LevelStudy::new).collect();
        let window = Window { from_ns, until_ns: from_ns };
        Self { plan, window, previous: None, levels, runs: Runs::default(), dropped: 0 }
    }

    /// What it was made for.
    pub const fn plan(&self) -> &StudyPlan {
        &self.plan
    }

    /// When the window began, Unix time.
    pub const fn began_ns(&self) -> u64 {
        self.window.from_ns
    }

    /// Takes a packet of a leg of a level in, both counted from 0.
    pub fn record(&mut self, level: usize, leg: usize, seen: &Seen<'_>) {
        if let Some(level) = self.levels.get_mut(level) {
            level.record(leg, seen);
        }
    }

    /// Notes how many packets came at once.
    pub fn came_at_once(&mut self, packets: u64) {
        self.runs.record(packets);
    }

    /// Notes that the tap lost packets: what is missing in this window may be its fault.
    pub const fn lost(&mut self, packets: u64) {
        self.dropped += packets;
    }

    /// What was measured in this window so far.
    pub fn report(&mut self, until_ns: u64) -> LiveAnalysis {
        self.window.until_ns = until_ns;
        let mut streams = Vec::new();
        let mut pairs = Vec::new();
        for level in &self.levels {
            let mut of_leg = [None; 2];
            for (leg, study) in level.legs.iter().enumerate() {
                for sender in study.senders.iter().filter(|sender| sender.packets >= FEWEST_PACKETS)
                {
                    let Stage::Measuring(measurement) = &sender.stage else { continue };
                    let number = streams.len() + 1;
                    if let Some(of_leg) = of_leg.get_mut(leg) {
                        of_leg.get_or_insert(number);
                    }
                    let analysis = measurement.report(number);
                    streams.push(LevelStream { level: level.level, leg, analysis });
                }
            }
            if let (Some(pair), [Some(one), Some(other)]) = (&level.pair, of_leg) {
                let pair = PairAnalysis { streams: [one, other], report: pair.report() };
                pairs.push(LevelPair { level: level.level, pair });
            }
        }
        let missing = self.levels.iter().flat_map(|level| {
            let silent = |leg: &&LegStudy| leg.senders.is_empty();
            level.legs.iter().filter(silent).map(|leg| (level.level, leg.address))
        });
        let tap = TapReport::new(self.runs, self.dropped);
        LiveAnalysis::new(
            &self.plan.target,
            self.window,
            self.previous.clone(),
            tap,
            missing.collect(),
            streams,
            pairs,
        )
    }

    /// Ends the window and begins the next, with nothing in it.
    pub fn begin_anew(&mut self, now_ns: u64) -> LiveAnalysis {
        let report = self.report(now_ns);
        let next = Self::new(self.plan.clone(), now_ns);
        *self = Self { previous: Some(report.summary()), ..next };
        report
    }
}

impl LevelStudy {
    fn new(plan: &LevelPlan) -> Self {
        let leg = |address| LegStudy { address, senders: Vec::new() };
        Self {
            level: plan.level,
            declared: plan.declared,
            legs: plan.legs.iter().map(|place| leg(place.address)).collect(),
            pair: (plan.legs.len() == 2).then(LegPair::default),
        }
    }

    fn record(&mut self, leg: usize, seen: &Seen<'_>) {
        let Some(study) = self.legs.get_mut(leg) else { return };
        let known = study.senders.iter().position(|sender| sender.source == seen.source);
        let index = match known {
            Some(index) => index,
            None if study.senders.len() < MOST_SENDERS => {
                let ends = Ends { source: seen.source, destination: study.address };
                let stage = match self.declared.expected() {
                    Some(expected) => Stage::Measuring(Box::new(Measurement::new(ends, expected))),
                    None => Stage::Recognising {
                        recogniser: Box::default(),
                        since_ns: seen.arrival.time_ns,
                    },
                };
                study.senders.push(Sender { source: seen.source, stage, packets: 0 });
                study.senders.len() - 1
            }
            None => return,
        };
        let Some(sender) = study.senders.get_mut(index) else { return };
        sender.packets += 1;
        match &mut sender.stage {
            Stage::Measuring(measurement) => measurement.record(seen.facts, &seen.arrival),
            Stage::Recognising { recogniser, since_ns } => {
                recogniser.record(&seen.arrival);
                if seen.arrival.time_ns.saturating_sub(*since_ns) >= RECOGNISE_NS {
                    let ends = Ends { source: seen.source, destination: study.address };
                    let recognition = recogniser.recognise();
                    let options = AnalyseOptions::default();
                    let measurement = Measurement::recognised(ends, &recognition, None, &options);
                    sender.stage = Stage::Measuring(Box::new(measurement));
                }
            }
        }
        if let Some(pair) = &mut self.pair
            && index == 0
        {
            pair.record(leg, &seen.arrival);
        }
    }
}
