//! What is wrong now, read from the inventory and from what the router last told.
//!
//! No I/O: the same state gives the same conditions. Texts hold no numbers that change by
//! themselves, or every one of them would be news.

use std::collections::BTreeMap;

use ormatrix_protocol::{
    DropReason, Findings, InputId, Level, OutputId, RouteState, SignalState, StandIn,
    WithheldReason,
};

use super::{
    alarm::{Condition, Subject},
    kind::{Kind, Severity},
    rising::{Counted, Rising},
};
use crate::{
    app::Faults,
    inventory::Inventory,
    mirror::{InputNow, Mirror, OutputNow},
};

/// Reasons not to accept a packet that are somebody's fault. Not among them: what the other
/// leg brought first, what came late or twice (it is lost, or not), RTCP.
const FAULTS: [DropReason; 10] = [
    DropReason::Garbage,
    DropReason::Truncated,
    DropReason::Oversize,
    DropReason::Fragmented,
    DropReason::PayloadType,
    DropReason::PayloadHeader,
    DropReason::WrongSsrc,
    DropReason::ForeignSender,
    DropReason::Format,
    DropReason::Stray,
];

/// Most displays that a text names.
const NAMED: usize = 3;

/// Whether an input is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// On no display.
    Nowhere,
    /// On displays, all of which show a backup instead.
    Covered,
    /// On a display.
    Shown,
}

impl Seen {
    /// The severity of these for shown, covered and nowhere.
    fn choose(self, shown: Severity, covered: Severity, nowhere: Severity) -> Severity {
        match self {
            Self::Shown => shown,
            Self::Covered => covered,
            Self::Nowhere => nowhere,
        }
    }
}

/// What people call inputs and outputs.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    inputs: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Labels {
    /// As the inventory has them.
    pub fn of(inventory: &Inventory) -> Self {
        let inputs = inventory.inputs.values();
        let outputs = inventory.outputs.values();
        Self {
            inputs: inputs.map(|input| (input.id.to_string(), input.label.clone())).collect(),
            outputs: outputs.map(|output| (output.id.to_string(), output.label.clone())).collect(),
        }
    }

    fn input<'a>(&'a self, id: &'a str) -> &'a str {
        self.inputs.get(id).map_or(id, String::as_str)
    }

    fn output<'a>(&'a self, id: &'a str) -> &'a str {
        self.outputs.get(id).map_or(id, String::as_str)
    }
}

/// Collects what is wrong with one thing.
struct Wrong<'a> {
    found: &'a mut Vec<Condition>,
    subject: Subject,
}

impl Wrong<'_> {
    /// `what` tells alarms of one kind and subject apart; empty when there is but one.
    fn add(&mut self, kind: Kind, what: &str, severity: Severity, text: String, action: &str) {
        let id = match what {
            "" => format!("{kind}:{}", self.subject.id),
            what => format!("{kind}:{}:{what}", self.subject.id),
        };
        self.found.push(Condition {
            id,
            kind,
            severity,
            subject: self.subject.clone(),
            text,
            action: action.to_owned(),
            clears_after_s: None,
        });
    }
}

/// The router is not there.
pub fn router_away(socket: &str) -> Condition {
    Condition {
        id: format!("{}:router", Kind::RouterAway),
        kind: Kind::RouterAway,
        severity: Severity::Critical,
        subject: Subject::new("router", "router", "Router"),
        text: format!(
            "The router is not connected at {socket}: nothing can be switched, and nobody knows \
             whether pictures flow"
        ),
        action: "Look at the displays. On the router's host: `systemctl status ormatrix-router`; \
                 start it, or look into `journalctl -u ormatrix-router`"
            .to_owned(),
        clears_after_s: None,
    }
}

/// The database does not take what is written.
pub fn database_failing(database: &str, reason: &str) -> Condition {
    Condition {
        id: format!("{}:database", Kind::DatabaseFailing),
        kind: Kind::DatabaseFailing,
        severity: Severity::Major,
        subject: Subject::new("database", "database", "Database"),
        text: format!(
            "The database {database} takes nothing: {reason}. Takes work; changes of inputs and \
             outputs do not, and alarms are kept in memory only"
        ),
        action: "Look for a full or read-only disk (`df`, `mount`, `dmesg`), the owner of the \
                 file and its directory, and other programs that hold it"
            .to_owned(),
        clears_after_s: None,
    }
}

/// Alarms do not reach a receiver.
pub fn delivery_failing(receiver: &str, target: &str, reason: &str) -> Condition {
    Condition {
        id: format!("{}:{receiver}", Kind::DeliveryFailing),
        kind: Kind::DeliveryFailing,
        severity: Severity::Minor,
        subject: Subject::new("delivery", receiver, receiver),
        text: format!("Alarms do not reach {receiver} at {target}: {reason}"),
        action: format!(
            "Look at that receiver and the network to it, or correct [alarms.{receiver}] in the \
             settings of ormatrix-control"
        ),
        clears_after_s: None,
    }
}

/// What the router did not take over.
pub fn refused(labels: &Labels, faults: &Faults) -> Vec<Condition> {
    let mut found = Vec::new();
    let action = "Correct it as the reason says; it is tried again every few seconds";
    for (id, reason) in &faults.inputs {
        let label = labels.input(id);
        let text = format!("Input '{label}' is not received, the router refuses it: {reason}");
        let subject = Subject::new("input", id, label);
        let wrong = &mut Wrong { found: &mut found, subject };
        wrong.add(Kind::InputRefused, "", Severity::Major, text, action);
    }
    for (id, reason) in &faults.outputs {
        let label = labels.output(id);
        let text = format!("Output '{label}' is not sent, the router refuses it: {reason}");
        let subject = Subject::new("output", id, label);
        let wrong = &mut Wrong { found: &mut found, subject };
        wrong.add(Kind::OutputRefused, "", Severity::Major, text, action);
    }
    found
}

/// What is wrong with what the router receives and sends, at `now` of the clock that never
/// goes back.
pub fn of_router(
    labels: &Labels,
    mirror: &Mirror,
    rising: &mut Rising,
    now: u64,
) -> Vec<Condition> {
    let mut found = Vec::new();
    rising.begin();
    let look = Look { labels, mirror };
    for (id, input) in &mirror.inputs {
        let subject = Subject::new("input", id.as_str(), labels.input(id.as_str()));
        let wrong = &mut Wrong { found: &mut found, subject };
        for level in Level::ALL {
            look.signal(wrong, input, level);
            look.packets(wrong, input, level, rising, now);
        }
        look.findings(wrong, input);
    }
    for (id, output) in &mirror.outputs {
        let subject = Subject::new("output", id.as_str(), labels.output(id.as_str()));
        let wrong = &mut Wrong { found: &mut found, subject };
        look.routes(wrong, output);
        Look::sending(wrong, output, rising, now);
    }
    found
}

struct Look<'a> {
    labels: &'a Labels,
    mirror: &'a Mirror,
}

impl Look<'_> {
    /// The label of an input on a display that this one may have to stand in for.
    fn needed_by(&self, backup: &InputId) -> Option<&str> {
        let mut inputs = self.mirror.inputs.iter();
        let (id, _) = inputs.find(|(id, input)| {
            input.spec.failover.backups.contains(backup) && !self.mirror.tally(id).is_empty()
        })?;
        Some(self.labels.input(id.as_str()))
    }

    /// Whether a level of an input is seen, and where.
    fn seen(&self, input: &InputId, level: Level) -> (Seen, String) {
        let outputs = self.mirror.tally_of(input, level);
        let covered = |id: &OutputId| {
            let route = self.mirror.outputs.get(id).and_then(|output| output.route(level));
            let stand_in = route.and_then(|route| route.stand_in.as_ref());
            matches!(stand_in, Some(StandIn::Backup(backup)) if backup != input)
        };
        let seen = match &outputs[..] {
            [] => Seen::Nowhere,
            outputs if outputs.iter().all(covered) => Seen::Covered,
            _ => Seen::Shown,
        };
        let names: Vec<String> = outputs
            .iter()
            .take(NAMED)
            .map(|id| format!("'{}'", self.labels.output(id.as_str())))
            .collect();
        let more = match outputs.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let place = match seen {
            Seen::Nowhere => "it is on no display".to_owned(),
            Seen::Covered => format!("on {}{more} a backup is shown instead", names.join(", ")),
            Seen::Shown => format!("it is on {}{more}", names.join(", ")),
        };
        (seen, place)
    }

    fn signal(&self, wrong: &mut Wrong<'_>, input: &InputNow, level: Level) {
        let Some(now) = input.reception(level) else { return };
        let id = &input.spec.id;
        let label = wrong.subject.label.clone();
        if now.signal.state == SignalState::Lost {
            let (seen, place) = self.seen(id, level);
            let (shown, covered) = match level {
                Level::Video => (Severity::Critical, Severity::Major),
                Level::Audio => (Severity::Major, Severity::Minor),
                Level::Ancillary => (Severity::Minor, Severity::Warning),
            };
            let severity = seen.choose(shown, covered, Severity::Warning);
            let needed = self.needed_by(id).filter(|_| level == Level::Video);
            // Who finds out when it should stand in finds out too late.
            let severity = if needed.is_some() { severity.min(Severity::Minor) } else { severity };
            let text = match level {
                Level::Video => {
                    let backup =
                        needed.map_or(String::new(), |of| format!(", a backup of '{of}',"));
                    format!("Input '{label}'{backup} has no signal; {place}")
                }
                beside => format!("The {beside} of input '{label}' does not arrive; {place}"),
            };
            let action = "Check the source's power and cable, then its address, the switch and \
                          the VLAN (`ormatrix input show` has the input's counters)";
            wrong.add(Kind::SignalLost, beside(level), severity, text, action);
            return;
        }
        let legs = &now.counters.legs;
        let alive = legs.iter().filter(|leg| leg.alive).count();
        if legs.len() < 2 || alive == 0 {
            return;
        }
        for (n, _) in legs.iter().enumerate().filter(|(_, leg)| !leg.alive) {
            let (seen, place) = self.seen(id, level);
            let severity = seen.choose(Severity::Major, Severity::Minor, Severity::Minor);
            let text = format!(
                "Leg {} of input '{label}' ({level}) is silent; the picture goes on over the \
                 other, with nothing to fall back on; {place}",
                n + 1
            );
            let action = "Check the cable, the switch and the network interface of that leg, and \
                          the device's second port";
            wrong.add(Kind::LegDown, &leg(level, n), severity, text, action);
        }
    }

    fn packets(
        &self,
        wrong: &mut Wrong<'_>,
        input: &InputNow,
        level: Level,
        rising: &mut Rising,
        now: u64,
    ) {
        let Some(reception) = input.reception(level) else { return };
        let (id, counters) = (&input.spec.id, reception.counters);
        let label = wrong.subject.label.clone();
        let mut rises = |what, value| rising.rises(now, id.as_str(), level, what, value);
        let lost = rises(Counted::Lost, counters.lost_packets);
        let losing = counters.legs.iter().enumerate();
        let losing = losing.filter(|(n, leg)| rises(Counted::LegLost(*n), leg.lost_packets));
        let losing: Vec<usize> = losing.map(|(n, _)| n).collect();
        let refused = FAULTS.into_iter().filter(|reason| {
            let packets = counters.dropped.get(reason).copied().unwrap_or_default();
            rises(Counted::Refused(*reason), packets)
        });
        let refused: Vec<DropReason> = refused.collect();
        let (seen, place) = self.seen(id, level);
        if lost {
            let severity = seen.choose(Severity::Major, Severity::Minor, Severity::Minor);
            let text = format!("Input '{label}' ({level}) loses packets for good; {place}");
            let action = "Check its cable and the switch's error counters, then this host \
                          (`ormatrix doctor`: socket buffers, the interface's own drops)";
            wrong.add(Kind::PacketsLost, beside(level), severity, text, action);
        } else if counters.legs.len() > 1 {
            for n in losing {
                let severity = seen.choose(Severity::Minor, Severity::Warning, Severity::Warning);
                let text = format!(
                    "Leg {} of input '{label}' ({level}) loses packets; the other leg has them; \
                     {place}",
                    n + 1
                );
                let action = "Check the cable and the switch of that leg before the other one \
                              fails too";
                wrong.add(Kind::LegLosing, &leg(level, n), severity, text, action);
            }
        }
        for reason in refused {
            let severity = seen.choose(Severity::Minor, Severity::Warning, Severity::Warning);
            let text = format!(
                "Packets to input '{label}' ({level}) are not accepted: {}; {place}",
                reason.as_str()
            );
            let action = "docs/technician.md, \"When a picture is missing\", says what each \
                          reason means and what to do";
            let what = format!("{level}:{}", reason.as_str());
            wrong.add(Kind::PacketsRefused, &what, severity, text, action);
        }
    }

    fn findings(&self, wrong: &mut Wrong<'_>, input: &InputNow) {
        let findings = &input.findings;
        // Nobody looks at what does not arrive.
        if input.signal.state == SignalState::Lost || *findings == Findings::default() {
            return;
        }
        let (seen, place) = self.seen(&input.spec.id, Level::Video);
        let label = wrong.subject.label.clone();
        if findings.frozen_since.is_some() {
            let severity = seen.choose(Severity::Critical, Severity::Major, Severity::Minor);
            let text = format!("The picture of input '{label}' does not change; {place}");
            let action = "Look at the device itself: packets arrive, the picture in them is old";
            wrong.add(Kind::PictureFrozen, "", severity, text, action);
        }
        if findings.black_since.is_some() {
            let severity = seen.choose(Severity::Major, Severity::Minor, Severity::Warning);
            let text = format!("The picture of input '{label}' is black; {place}");
            let action = "Look at the device itself: its lamp, lens cap, its own input";
            wrong.add(Kind::PictureBlack, "", severity, text, action);
        }
        if let Some(format) = &findings.found_format {
            let severity = seen.choose(Severity::Major, Severity::Minor, Severity::Minor);
            let text =
                format!("Input '{label}' is not sent what it declares, but {format}; {place}");
            let action = "Set the device to the declared format, or take over the device's own \
                          SDP (`ormatrix input add --sdp`)";
            wrong.add(Kind::WrongFormat, "", severity, text, action);
        }
    }

    fn routes(&self, wrong: &mut Wrong<'_>, output: &OutputNow) {
        let label = wrong.subject.label.clone();
        for (level, route) in output.routes() {
            let of = route.input.as_ref().map_or("", |id| self.labels.input(id.as_str()));
            // What happens to the picture is told once, not for each level that goes with it.
            let first = level == Level::Video || output.route.stand_in.is_none();
            match &route.stand_in {
                Some(StandIn::Backup(backup)) if first => {
                    let text = format!(
                        "Output '{label}' ({level}) shows the backup '{}', because '{of}' has \
                         failed",
                        self.labels.input(backup.as_str())
                    );
                    let action = "Tell whoever watches it. Mend the input that has failed";
                    wrong.add(Kind::BackupShown, beside(level), Severity::Major, text, action);
                }
                Some(StandIn::Slate) if first => {
                    let text = format!(
                        "Output '{label}' ({level}) shows a slate, because '{of}' is lost and \
                         nothing stands in"
                    );
                    let action = "Take another input to it, or mend the one that is lost";
                    wrong.add(Kind::SlateShown, beside(level), Severity::Critical, text, action);
                }
                _ => {}
            }
            if matches!(route.state, RouteState::Switching | RouteState::Waiting) {
                let severity =
                    if level == Level::Video { Severity::Major } else { Severity::Minor };
                let text = format!(
                    "Output '{label}' ({level}) was told to show '{of}', and not one whole frame \
                     of it has left"
                );
                let action = "Check the source of that input, or take another input";
                wrong.add(Kind::TakeUnconfirmed, beside(level), severity, text, action);
            }
        }
    }

    fn sending(wrong: &mut Wrong<'_>, output: &OutputNow, rising: &mut Rising, now: u64) {
        let label = wrong.subject.label.clone();
        let id = output.spec.id.as_str();
        let beside_picture = output.levels.iter().map(|(level, now)| (*level, &now.counters));
        for (level, counters) in
            std::iter::once((Level::Video, &output.counters)).chain(beside_picture)
        {
            let failed = counters.withheld.get(&WithheldReason::SendFailed).copied();
            if !rising.rises(now, id, level, Counted::NotSent, failed.unwrap_or_default()) {
                continue;
            }
            let said = counters.send_error.as_deref().unwrap_or("the system gives no reason");
            let text = format!("This host does not send all of output '{label}' ({level}): {said}");
            let action = "Check the network interface, its route and its link (`ip link`, \
                          `ormatrix doctor`)";
            wrong.add(Kind::SendFailed, beside(level), Severity::Major, text, action);
        }
    }
}

/// How ids tell a level beside the picture.
fn beside(level: Level) -> &'static str {
    match level {
        Level::Video => "",
        beside => beside.as_str(),
    }
}

/// How ids tell a leg, from 1.
fn leg(level: Level, n: usize) -> String {
    format!("{level}:{}", n + 1)
}
