//! When packets of a picture are looked at: for a frame period, a few times a second. In
//! between the kernel refuses them, so that looking costs little more than the samples.

use st2110::analysis::Arrival;

use super::{
    picture::{Picture, PictureFindings},
    plan::{PicturePlan, StrangerPlan},
    stranger::Stranger,
};

/// Between two reads while a sample is taken, at most.
const READ_NS: u64 = 4_000_000;

/// How long packets are collected to tell what they are: six frames of the slowest rate.
const STRANGER_NS: u64 = 250_000_000;
/// How long nothing is collected then.
const STRANGER_REST_NS: u64 = 1_500_000_000;

/// Samples one input's picture.
pub struct PictureGate {
    plan: PicturePlan,
    picture: Picture,
    period_ns: u64,
    opened_ns: Option<u64>,
    next_ns: u64,
    leg: usize,
    lost: bool,
    findings: PictureFindings,
}

impl PictureGate {
    /// Opens for the first time at `next_ns`.
    pub fn new(plan: PicturePlan, next_ns: u64) -> Self {
        Self {
            picture: Picture::new(plan.rules),
            period_ns: plan.rules.format.rate.period_ns(),
            opened_ns: None,
            next_ns,
            leg: 0,
            lost: false,
            findings: PictureFindings::default(),
            plan,
        }
    }

    /// What it was made for.
    pub const fn plan(&self) -> &PicturePlan {
        &self.plan
    }

    /// Whose picture.
    pub fn input(&self) -> &str {
        &self.plan.input
    }

    /// What was found last.
    pub const fn findings(&self) -> PictureFindings {
        self.findings
    }

    /// Whether it was looked at long enough to say that nothing is wrong.
    pub fn is_settled(&self) -> bool {
        self.picture.is_settled()
    }

    /// Whether packets of a leg are looked at now.
    pub fn is_open(&self, leg: usize) -> bool {
        self.opened_ns.is_some() && leg == self.leg
    }

    /// Looks at a packet.
    pub fn packet(&mut self, packet: &[u8]) {
        self.picture.packet(packet);
    }

    /// Notes that the tap lost packets.
    pub const fn lost(&mut self) {
        self.lost = true;
    }

    /// Opens or closes if it is time, `interval_ns` from one opening to the next; true when a
    /// sample has ended.
    pub fn act(&mut self, now: u64, interval_ns: u64) -> bool {
        let Some(opened) = self.opened_ns else {
            if now >= self.next_ns {
                self.opened_ns = Some(now);
                self.next_ns = now + interval_ns;
                self.lost = false;
                self.picture.begin(now);
            }
            return false;
        };
        // A sample that is not covered by then has lost packets, or the sender pauses.
        let patience = if self.picture.is_new() { 2 } else { 3 };
        if !self.picture.is_covered() && now - opened < patience * self.period_ns {
            return false;
        }
        self.opened_ns = None;
        // The same picture comes on every leg that is alive.
        if self.picture.is_empty() && !self.lost {
            self.leg = (self.leg + 1) % self.plan.legs.len().max(1);
        }
        self.findings = self.picture.end(self.lost);
        true
    }

    /// When it should be asked again.
    pub fn next_ns(&self, now: u64) -> u64 {
        match self.opened_ns {
            Some(_) => now + READ_NS.min(self.period_ns / 4),
            None => self.next_ns,
        }
    }
}

/// Collects packets of a lost input, now and then.
pub struct StrangerGate {
    plan: StrangerPlan,
    stranger: Stranger,
    opened_ns: Option<u64>,
    next_ns: u64,
    found: Option<String>,
    settled: bool,
}

impl StrangerGate {
    /// Opens for the first time at `next_ns`.
    pub fn new(plan: StrangerPlan, next_ns: u64) -> Self {
        let stranger = Stranger::default();
        Self { plan, stranger, opened_ns: None, next_ns, found: None, settled: false }
    }

    /// What it was made for.
    pub const fn plan(&self) -> &StrangerPlan {
        &self.plan
    }

    /// Whose packets.
    pub fn input(&self) -> &str {
        &self.plan.input
    }

    /// What was found last.
    pub fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// Whether it was looked at long enough to say that nothing comes.
    pub const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether packets are looked at now.
    pub const fn is_open(&self) -> bool {
        self.opened_ns.is_some()
    }

    /// Looks at a packet.
    pub fn record(&mut self, arrival: &Arrival<'_>) {
        self.stranger.record(arrival);
    }

    /// Opens or closes if it is time.
    pub fn act(&mut self, now: u64) {
        match self.opened_ns {
            None if now >= self.next_ns => self.opened_ns = Some(now),
            Some(opened) if now - opened >= STRANGER_NS => {
                self.opened_ns = None;
                self.settled = true;
                self.next_ns = now + STRANGER_REST_NS;
                self.found = self.stranger.found(&self.plan.format, self.plan.payload_type);
            }
            _ => {}
        }
    }

    /// When it should be asked again.
    pub fn next_ns(&self, now: u64) -> u64 {
        if self.is_open() { now + READ_NS } else { self.next_ns }
    }
}
