//! The thread that looks: taps, and what is done with every packet they hand over.
//!
//! It sleeps between reads, for the kernel notes when each packet came: waking for every
//! packet would cost more than looking at it. A tap that nothing is looked for on at the
//! moment refuses every packet in the kernel; one that nothing needs is closed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    time::Duration,
};

use ormatrix_io::{
    Clock, SystemClock,
    tap::{Direction, Segments, Tap, TapBatch, TapFrame, TapOptions, rtp_segment},
};
use pcap_parser::Linktype;
use st2110::{analysis::Arrival, rfc4175::STANDARD_UDP_LIMIT};

use super::{
    WatchOptions,
    findings::{Findings, Ledger},
    gate::{PictureGate, StrangerGate},
    plan::{Plan, Target},
    report::LiveAnalysis,
    study::{Seen, Study},
};
use crate::analyse::{
    capture::Frame,
    datagram::{Content, Datagram, look},
};

/// Frames read at once: 2 MiB.
const BATCH: usize = 32;
/// Batches read of one tap before the others have their turn.
const MOST_BATCHES: usize = 64;
/// Between two reads while something is measured, and while a sample is taken.
const READ_NS: u64 = 4_000_000;
/// Between two looks for a new plan when there is nothing to read.
const IDLE_NS: u64 = 100_000_000;
/// Between two reports of an input or output.
const REPORT_NS: u64 = 1_000_000_000;
/// A tap that could not be opened is tried again after so long.
const TRY_AGAIN_NS: u64 = 2_000_000_000;
/// For so long after a tap is opened, the kernel may not take times of arrival yet.
const SETTLE_NS: u64 = 50_000_000;

/// What the looking thread tells.
#[derive(Debug)]
pub enum Told {
    /// An input's findings.
    Findings {
        /// Which.
        input: String,
        /// What was found.
        findings: Findings,
    },
    /// What was measured.
    Analysis {
        /// Of what.
        target: Target,
        /// So far.
        analysis: Box<LiveAnalysis>,
    },
    /// Something a technician may want to know.
    Note(String),
}

/// What the looking cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Packets looked at.
    pub packets: u64,
    /// Samples of pictures.
    pub samples: u64,
    /// Frames that taps lost.
    pub dropped: u64,
}

/// An interface and a direction.
type TapKey = (u32, Direction);

struct Open {
    tap: Tap,
    flows: BTreeSet<SocketAddr>,
    /// Times are those of arrival from then on, Unix nanoseconds.
    settled_ns: u64,
}

/// What a packet is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Study { study: usize, level: usize, leg: usize },
    Picture { picture: usize, leg: usize },
    Stranger(usize),
}

struct Running {
    study: Study,
    next_report_ns: u64,
}

/// Everything that is looked at.
pub struct Eyes {
    options: WatchOptions,
    told: SyncSender<Told>,
    clock: SystemClock,
    taps: BTreeMap<TapKey, Open>,
    refused: BTreeMap<TapKey, String>,
    try_again_ns: u64,
    uses: HashMap<(TapKey, SocketAddr), Vec<Use>>,
    studies: Vec<Running>,
    pictures: Vec<PictureGate>,
    strangers: Vec<StrangerGate>,
    ledger: Ledger,
    /// How far TAI is ahead of UTC.
    tai_ahead_ns: u64,
    summary: Summary,
}

impl Eyes {
    /// Nothing to look at yet.
    pub fn new(options: WatchOptions, told: SyncSender<Told>) -> Self {
        let clock = SystemClock;
        let seconds = (clock.tai().saturating_sub(clock.unix()) + 500_000_000) / 1_000_000_000;
        Self {
            options,
            told,
            clock,
            taps: BTreeMap::new(),
            refused: BTreeMap::new(),
            try_again_ns: 0,
            uses: HashMap::new(),
            studies: Vec::new(),
            pictures: Vec::new(),
            strangers: Vec::new(),
            ledger: Ledger::default(),
            tai_ahead_ns: seconds * 1_000_000_000,
            summary: Summary::default(),
        }
    }

    /// Looks until `stop`, or until nobody makes plans any more.
    pub fn run(mut self, plans: &Receiver<Plan>, stop: &AtomicBool) -> Summary {
        let mut batch = TapBatch::new(BATCH);
        let mut wait = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            match plans.recv_timeout(wait) {
                Ok(plan) => self.follow(plans.try_iter().last().unwrap_or(plan)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.read(&mut batch);
            wait = self.act();
        }
        self.summary
    }

    /// Takes a new plan; what is in both plans goes on undisturbed.
    fn follow(&mut self, plan: Plan) {
        let now = self.clock.now();
        let mut studies = std::mem::take(&mut self.studies);
        for plan in plan.studies {
            let running = studies.iter().position(|running| *running.study.plan() == plan);
            self.studies.push(match running {
                Some(index) => studies.swap_remove(index),
                None => Running {
                    study: Study::new(plan, self.clock.unix()),
                    next_report_ns: now + REPORT_NS,
                },
            });
        }
        let mut pictures = std::mem::take(&mut self.pictures);
        let interval = self.options.sample.as_nanos() as u64;
        let count = plan.pictures.len().max(1) as u64;
        for (number, plan) in plan.pictures.into_iter().enumerate() {
            let running = pictures.iter().position(|gate| *gate.plan() == plan);
            self.pictures.push(match running {
                Some(index) => pictures.swap_remove(index),
                // One after another, that their packets do not come all at once.
                None => PictureGate::new(plan, now + interval * number as u64 / count),
            });
        }
        let mut strangers = std::mem::take(&mut self.strangers);
        for plan in plan.strangers {
            let running = strangers.iter().position(|gate| *gate.plan() == plan);
            self.strangers.push(match running {
                Some(index) => strangers.swap_remove(index),
                None => StrangerGate::new(plan, now),
            });
        }
        self.note_uses();
        self.open_taps();
    }

    fn note_uses(&mut self) {
        let mut uses: HashMap<_, Vec<Use>> = HashMap::new();
        let mut note = |place: &super::places::Place, direction, what| {
            for interface in &place.interfaces {
                uses.entry(((*interface, direction), place.address)).or_default().push(what);
            }
        };
        for (study, running) in self.studies.iter().enumerate() {
            let plan = running.study.plan();
            for (level, levels) in plan.levels.iter().enumerate() {
                for (leg, place) in levels.legs.iter().enumerate() {
                    note(place, plan.target.direction(), Use::Study { study, level, leg });
                }
            }
        }
        for (picture, gate) in self.pictures.iter().enumerate() {
            for (leg, place) in gate.plan().legs.iter().enumerate() {
                note(place, Direction::Incoming, Use::Picture { picture, leg });
            }
        }
        for (stranger, gate) in self.strangers.iter().enumerate() {
            for place in &gate.plan().legs {
                note(place, Direction::Incoming, Use::Stranger(stranger));
            }
        }
        self.uses = uses;
    }

    /// Opens the taps that are needed, closes the others.
    fn open_taps(&mut self) {
        let needed: BTreeSet<TapKey> = self.uses.keys().map(|(key, _)| *key).collect();
        self.taps.retain(|key, _| needed.contains(key));
        self.refused.retain(|key, _| needed.contains(key));
        let options =
            TapOptions { receive_buffer: self.options.receive_buffer, ..TapOptions::default() };
        for key in needed {
            if self.taps.contains_key(&key) {
                continue;
            }
            match Tap::open(key.0, key.1, &[], &options) {
                Ok(tap) => {
                    self.refused.remove(&key);
                    let settled_ns = self.clock.unix() + SETTLE_NS;
                    self.taps.insert(key, Open { tap, flows: BTreeSet::new(), settled_ns });
                }
                Err(error) => {
                    let error = format!("interface {}: {error}", key.0);
                    if self.refused.insert(key, error.clone()).as_ref() != Some(&error) {
                        let _ = self.told.try_send(Told::Note(error));
                    }
                }
            }
        }
        self.try_again_ns = self.clock.now() + TRY_AGAIN_NS;
    }

    /// Reads what waits on every tap.
    fn read(&mut self, batch: &mut TapBatch) {
        let mut taps = std::mem::take(&mut self.taps);
        for (key, open) in &mut taps {
            for _ in 0..MOST_BATCHES {
                // An interface that is gone shows in the next plan.
                if open.tap.receive(batch).unwrap_or(0) == 0 {
                    break;
                }
                for frame in batch.frames() {
                    self.look(*key, open.settled_ns, &frame);
                }
                if !batch.is_full() {
                    break;
                }
            }
            let dropped = open.tap.dropped().unwrap_or(0);
            if dropped > 0 {
                self.lost(*key, dropped);
            }
        }
        self.taps = taps;
    }

    /// One frame: to whoever has a use for it.
    fn look(&mut self, key: TapKey, settled_ns: u64, frame: &TapFrame<'_>) {
        let captured = Frame {
            time_ns: frame.time_ns,
            link: match frame.link {
                ormatrix_io::tap::Link::Ethernet => Linktype::ETHERNET,
                ormatrix_io::tap::Link::Ip => Linktype::RAW,
            },
            interface: 0,
            octets: frame.octets,
            length: frame.octets.len() + usize::from(frame.cut),
        };
        let Content::Datagram(datagram) = look(&captured) else { return };
        let Some(uses) = self.uses.get(&(key, datagram.destination)) else { return };
        let each = packet_octets(frame, &datagram);
        let packets = datagram.payload.len().div_ceil(each).max(1);
        self.summary.packets += packets as u64;
        let time_ns = frame.time_ns + self.tai_ahead_ns;
        let mut facts = datagram.facts;
        if let Some(tag) = frame.vlan_tag {
            // Priority in the upper three bits, number in the lower twelve.
            facts.vlan = Some((tag & 0x0fff, (tag >> 13) as u8));
        }
        for what in uses {
            match *what {
                Use::Study { study, level, leg } => {
                    let Some(running) = self.studies.get_mut(study) else { continue };
                    if frame.time_ns < settled_ns {
                        continue;
                    }
                    running.study.came_at_once(packets as u64);
                    if packets == 1 {
                        let arrival = Arrival {
                            time_ns,
                            packet: datagram.payload,
                            wire_octets: datagram.payload_octets,
                        };
                        let seen = Seen { source: datagram.source, facts: &facts, arrival };
                        running.study.record(level, leg, &seen);
                        continue;
                    }
                    for packet in datagram.payload.chunks(each) {
                        facts.udp_octets = packet.len() + 8;
                        let arrival = Arrival::whole(time_ns, packet);
                        let seen = Seen { source: datagram.source, facts: &facts, arrival };
                        running.study.record(level, leg, &seen);
                    }
                }
                Use::Picture { picture, leg } => {
                    if let Some(gate) = self.pictures.get_mut(picture)
                        && gate.is_open(leg)
                    {
                        datagram.payload.chunks(each).for_each(|packet| gate.packet(packet));
                    }
                }
                Use::Stranger(stranger) => {
                    if let Some(gate) = self.strangers.get_mut(stranger)
                        && gate.is_open()
                    {
                        for packet in datagram.payload.chunks(each) {
                            gate.record(&Arrival::whole(time_ns, packet));
                        }
                    }
                }
            }
        }
    }

    /// A tap lost frames: everything on it may miss some.
    fn lost(&mut self, key: TapKey, dropped: u64) {
        self.summary.dropped += dropped;
        let mut studies = BTreeSet::new();
        for (_, uses) in self.uses.iter().filter(|((on, _), _)| *on == key) {
            for what in uses {
                match *what {
                    Use::Study { study, .. } => {
                        studies.insert(study);
                    }
                    Use::Picture { picture, .. } => {
                        if let Some(gate) = self.pictures.get_mut(picture) {
                            gate.lost();
                        }
                    }
                    Use::Stranger(_) => {}
                }
            }
        }
        for study in studies {
            if let Some(running) = self.studies.get_mut(study) {
                running.study.lost(dropped);
            }
        }
    }

    /// Does what is due; gives how long there is nothing to do.
    fn act(&mut self) -> Duration {
        let now = self.clock.now();
        let mut next = now + IDLE_NS;
        let interval = self.options.sample.as_nanos() as u64;
        for gate in &mut self.pictures {
            if gate.act(now, interval) {
                self.summary.samples += 1;
            }
            next = next.min(gate.next_ns(now));
            self.ledger.picture(gate.input(), gate.findings(), gate.is_settled());
        }
        for gate in &mut self.strangers {
            gate.act(now);
            next = next.min(gate.next_ns(now));
            self.ledger.stranger(gate.input(), gate.found(), gate.is_settled());
        }
        let told = &self.told;
        self.ledger.tell(now, |input, findings| {
            let (input, findings) = (input.to_owned(), findings.clone());
            told.try_send(Told::Findings { input, findings }).is_ok()
        });
        self.report(now);
        if !self.studies.is_empty() {
            next = next.min(now + READ_NS);
        }
        if now >= self.try_again_ns && !self.refused.is_empty() {
            self.open_taps();
        }
        self.set_flows();
        Duration::from_nanos(next.saturating_sub(self.clock.now()))
    }

    fn report(&mut self, now: u64) {
        let window = self.options.window.as_nanos() as u64;
        for running in &mut self.studies {
            if now < running.next_report_ns {
                continue;
            }
            running.next_report_ns = (running.next_report_ns + REPORT_NS).max(now);
            let unix = self.clock.unix();
            // Half a report's time of grace, that windows end with a report.
            let over = unix.saturating_sub(running.study.began_ns()) + REPORT_NS / 2 > window;
            let study = &mut running.study;
            let analysis = if over { study.begin_anew(unix) } else { study.report(unix) };
            let target = study.plan().target.clone();
            let told = Told::Analysis { target, analysis: Box::new(analysis) };
            // While deliveries are slow, the next report is as good.
            if let Err(TrySendError::Disconnected(_)) = self.told.try_send(told) {
                return;
            }
        }
    }

    /// Has every tap look at what is looked for now.
    fn set_flows(&mut self) {
        for (key, open) in &mut self.taps {
            let looked_for = |what: &Use| match *what {
                Use::Study { .. } => true,
                Use::Picture { picture, leg } => {
                    self.pictures.get(picture).is_some_and(|gate| gate.is_open(leg))
                }
                Use::Stranger(stranger) => {
                    self.strangers.get(stranger).is_some_and(StrangerGate::is_open)
                }
            };
            let here = self.uses.iter().filter(|((on, _), _)| on == key);
            let flows: BTreeSet<SocketAddr> = here
                .filter(|(_, uses)| uses.iter().any(looked_for))
                .map(|((_, address), _)| *address)
                .collect();
            if flows == open.flows {
                continue;
            }
            let list: Vec<_> = flows.iter().copied().collect();
            match open.tap.set_flows(&list) {
                Ok(()) => open.flows = flows,
                Err(error) => {
                    let error = format!("interface {}: {error}", key.0);
                    if self.refused.insert(*key, error.clone()).as_ref() != Some(&error) {
                        let _ = self.told.try_send(Told::Note(error));
                    }
                }
            }
        }
    }
}

/// Octets of payload of each packet of a frame.
fn packet_octets(frame: &TapFrame<'_>, datagram: &Datagram<'_>) -> usize {
    let all = datagram.payload.len().max(1);
    match frame.segments {
        Segments::One => all,
        Segments::Of(each) => each,
        // What fits a network is one packet; the longer may be one of a network of long ones.
        Segments::Untold if all <= usize::from(STANDARD_UDP_LIMIT) => all,
        Segments::Untold => rtp_segment(datagram.payload).unwrap_or(all),
    }
    .max(1)
}
