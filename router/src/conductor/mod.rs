//! The conductor: the one thread that knows inputs, outputs and routes.
//!
//! It takes commands from clients, opens and closes sockets, tells lanes what to do and
//! clients what happened, and keeps the snapshot. It never touches a packet; lanes never
//! wait for it.

mod budget;
pub mod clients;
mod failover;
mod inputs;
mod inventory;
mod journal;
pub mod keeper;
mod monitors;
pub mod opener;
mod outputs;
mod renewal;
mod requests;
mod schedule;
mod slates;
pub mod slots;
pub mod snapshot;
mod stand_in;
mod takes;

use std::{collections::BTreeMap, time::Duration};

use crossbeam_channel::{Receiver, Sender, after, never, select, tick};
use ormatrix_io::Clock;
use ormatrix_protocol::{
    Event, Findings, InputId, Level, MonitorStatus, OutputId, Refusal, RouterStatus, Scheduled,
    Signal, SignalState, status::Telemetry,
};

use self::{
    clients::{Clients, FromClient},
    failover::Failover,
    inventory::{Holder, Input, Monitor, Output},
    journal::Journal,
    keeper::Keeper,
    opener::Opener,
    requests::Answer,
    slates::Slates,
    slots::Slots,
    snapshot::Snapshot,
};
use crate::{
    lane::{
        Capacity,
        messages::{FromLane, Order, ToLane},
    },
    packet_io::PacketIo,
    tuning::Tuning,
};

/// The lanes as the conductor sees them.
pub struct Lanes<I: PacketIo> {
    /// Their mailboxes.
    pub mailboxes: Vec<Sender<ToLane<I>>>,
    /// What they tell.
    pub reports: Receiver<FromLane<I>>,
}

/// What the conductor is told about itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Version of the program.
    pub version: String,
    /// Differs for every start.
    pub instance: u64,
    /// When it started, UTC ns.
    pub started_at: u64,
}

/// Inventory, routes and everyone who asks about them.
pub struct Conductor<I: PacketIo, O: Opener<I>, C> {
    opener: O,
    clock: C,
    identity: Identity,
    capacity: Capacity,
    lanes: Lanes<I>,
    /// Packets a second that each lane's inputs declare.
    loads: Vec<u64>,
    clients: Clients,
    inputs: BTreeMap<InputId, Input<O::Membership>>,
    outputs: BTreeMap<OutputId, Output<I::Tx>>,
    monitors: BTreeMap<InputId, Monitor<I::Tx>>,
    input_slots: Slots<(InputId, Level)>,
    output_slots: Slots<Holder>,
    failover: Failover,
    slates: Slates,
    take: u64,
    /// Salvos that wait for their time, by take.
    scheduled: BTreeMap<u64, Scheduled>,
    keeper: Keeper,
    journal: Journal,
    /// Answers that wait until the snapshot has what they say.
    answers: Vec<Answer>,
}

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// A conductor of idle lanes.
    pub fn new(
        opener: O,
        clock: C,
        identity: Identity,
        capacity: Capacity,
        lanes: Lanes<I>,
        keeper: Keeper,
    ) -> Self {
        Self {
            opener,
            clock,
            identity,
            capacity,
            loads: vec![0; lanes.mailboxes.len()],
            lanes,
            clients: Clients::default(),
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            monitors: BTreeMap::new(),
            input_slots: Slots::new(capacity.input_slots()),
            output_slots: Slots::new(capacity.outputs),
            failover: Failover::default(),
            slates: Slates::default(),
            take: 0,
            scheduled: BTreeMap::new(),
            keeper,
            journal: Journal::default(),
            answers: Vec::new(),
        }
    }

    /// Puts a snapshot's inventory and routes to work.
    ///
    /// What cannot be opened now (an interface that is not up yet, a port in use) is kept
    /// and tried again every second; the reason is logged.
    pub fn restore(&mut self, snapshot: Snapshot) {
        self.take = snapshot.take;
        for spec in snapshot.inputs {
            let id = spec.id.clone();
            if let Err(refusal) = self.restore_input(spec) {
                tracing::warn!(input = %id, "cannot receive yet: {refusal}");
            }
        }
        for spec in snapshot.outputs {
            let id = spec.id.clone();
            let mut inputs = snapshot.levels.get(&id).cloned().unwrap_or_default();
            inputs.extend(snapshot.routes.get(&id).map(|input| (Level::Video, input.clone())));
            if let Err(refusal) = self.restore_output(spec, &inputs) {
                tracing::warn!(output = %id, "cannot send yet: {refusal}");
            }
        }
        for spec in snapshot.monitors {
            let input = spec.input.clone();
            if let Err(refusal) = self.put_monitor(spec) {
                tracing::warn!(%input, "cannot monitor: {refusal}");
            }
        }
        let now = self.clock.tai();
        for (take, salvo) in snapshot.scheduled {
            if salvo.at < now {
                tracing::warn!(take, "the time of this salvo passed while the router was away");
            } else {
                self.scheduled.insert(take, salvo);
            }
        }
    }

    /// Serves clients and lanes until every client channel is gone or `stop` says so.
    pub fn run(
        &mut self,
        requests: &Receiver<FromClient>,
        stop: &Receiver<()>,
        tunings: &Receiver<Tuning>,
    ) {
        let mut tunings = tunings.clone();
        let every_second = tick(Duration::from_secs(1));
        let reports = self.lanes.reports.clone();
        loop {
            let due = [self.due_in(), self.stand_in_due_in()].into_iter().flatten().min();
            let timer = due.map_or_else(never, |ns| after(Duration::from_nanos(ns)));
            select! {
                recv(timer) -> _ => {
                    self.start_due();
                    self.stand_in();
                },
                recv(requests) -> message => match message {
                    Ok(message) => self.hear(message, requests),
                    Err(_) => break,
                },
                recv(reports) -> report => match report {
                    Ok(report) => self.note(report),
                    Err(_) => break,
                },
                recv(every_second) -> _ => self.every_second(),
                recv(tunings) -> tuning => match tuning {
                    Ok(tuning) => self.tune(tuning),
                    // Nobody can have anything to say any more.
                    Err(_) => tunings = never(),
                },
                recv(stop) -> _ => break,
            }
        }
        for mailbox in &self.lanes.mailboxes {
            // A lane that has ended needs no telling.
            let _ = mailbox.send(ToLane::Stop);
        }
    }

    /// Works by other settings from now on. What flows goes on flowing: lanes are told as of
    /// everything else, and budgets hold for what is asked from now on.
    pub fn tune(&mut self, tuning: Tuning) {
        let ns = u64::from(tuning.coalesce_us) * 1000;
        for mailbox in &self.lanes.mailboxes {
            let _ = mailbox.send(ToLane::Coalesce { ns });
        }
        self.opener.limit(tuning.link_mbps);
    }

    /// Notes what a lane tells.
    pub fn note(&mut self, report: FromLane<I>) {
        match report {
            FromLane::Route { output, take, state, at } => self.note_route(output, take, state, at),
            FromLane::Signal { input, state, at } => self.note_signal(input, state, at),
            FromLane::FreedInput { slot, legs, flow } => {
                drop((legs, flow));
                if let Some(slot) = slot {
                    self.input_slots.free(slot);
                }
            }
            FromLane::Heard(orders) => drop(orders),
            FromLane::FreedSender(tx) => drop(tx),
            FromLane::FreedOutput(token) => self.note_freed(*token),
        }
    }

    fn note_signal(&mut self, slot: u16, state: SignalState, at: u64) {
        let Some((id, level)) = self.input_slots.holder(slot) else { return };
        // The slot of a removed stream is its own until the lane gives it back.
        let stream = self.inputs.get_mut(id).and_then(|input| input.streams.get_mut(level));
        let Some(stream) = stream.filter(|stream| stream.slot == slot) else { return };
        if stream.signal.state != state {
            stream.signal = Signal { state, since: at };
            let signal = stream.signal;
            self.clients.tell(Event::Signal { input: id.clone(), level: *level, signal });
            if *level == Level::Video {
                self.failover.heard(id, state);
                self.stand_in();
            }
        }
    }

    /// Somebody has looked at an input's picture.
    fn report(&mut self, id: &InputId, findings: Findings) -> Result<(), Refusal> {
        let Some(input) = self.inputs.get_mut(id) else {
            return Err(Refusal::UnknownInput { input: id.clone() });
        };
        if input.findings != findings {
            input.findings.clone_from(&findings);
            self.failover.found(id, &findings, self.clock.now(), self.clock.unix());
            self.clients.tell(Event::Findings { input: id.clone(), findings });
            self.stand_in();
        }
        Ok(())
    }

    /// What is done once a second: what could not be opened is tried again, what an
    /// interface's change has left dead is opened anew, and counters are told.
    pub fn every_second(&mut self) {
        self.retry_inputs();
        self.retry_outputs();
        self.renew();
        let mut telemetry = Telemetry {
            at: self.clock.unix(),
            monitors: self.monitors.iter().map(|(id, m)| (id.clone(), m.cells.read())).collect(),
            ..Telemetry::default()
        };
        for (id, input) in &self.inputs {
            for (level, stream) in &input.streams {
                let counters = stream.cells.read();
                if *level == Level::Video {
                    telemetry.inputs.insert(id.clone(), counters);
                } else {
                    let levels = telemetry.input_levels.entry(id.clone()).or_default();
                    levels.insert(*level, counters);
                }
            }
        }
        for (id, output) in &self.outputs {
            for (level, port) in &output.ports {
                let counters = port.cells.read();
                if *level == Level::Video {
                    telemetry.outputs.insert(id.clone(), counters);
                } else {
                    let levels = telemetry.output_levels.entry(id.clone()).or_default();
                    levels.insert(*level, counters);
                }
            }
        }
        self.clients.tell(Event::Telemetry(telemetry));
    }

    /// Everything, as it is now.
    pub fn status(&self) -> RouterStatus {
        RouterStatus {
            version: self.identity.version.clone(),
            instance: self.identity.instance,
            started_at: self.identity.started_at,
            lanes: self.lanes.mailboxes.len() as u16,
            inputs: self.inputs.values().map(Input::status).collect(),
            outputs: self.outputs.values().map(Output::status).collect(),
            monitors: self
                .monitors
                .values()
                .map(|monitor| MonitorStatus {
                    spec: monitor.spec.clone(),
                    counters: monitor.cells.read(),
                })
                .collect(),
            scheduled: self.scheduled.clone(),
        }
    }

    /// What the router would start from.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.inputs = self.inputs.values().map(|input| input.spec.clone()).collect();
        snapshot.outputs = self.outputs.values().map(|output| output.spec.clone()).collect();
        snapshot.monitors = self.monitors.values().map(|monitor| monitor.spec.clone()).collect();
        for (id, output) in &self.outputs {
            for (level, port) in &output.ports {
                let Some(input) = port.route.input.clone() else { continue };
                if *level == Level::Video {
                    snapshot.routes.insert(id.clone(), input);
                } else {
                    snapshot.levels.entry(id.clone()).or_default().insert(*level, input);
                }
            }
        }
        snapshot.scheduled.clone_from(&self.scheduled);
        snapshot.take = self.take;
        snapshot
    }

    /// Tells one lane. Mailboxes hold far more than lanes leave unread; waiting here is
    /// waiting for a lane's next poll.
    fn tell_lane(&self, lane: u16, message: ToLane<I>) {
        if let Some(mailbox) = self.lanes.mailboxes.get(usize::from(lane)) {
            let _ = mailbox.send(message);
        }
    }

    fn order(&self, output: u16, order: Order) {
        for mailbox in &self.lanes.mailboxes {
            let _ = mailbox.send(ToLane::Order { output, order });
        }
    }

    fn next_take(&mut self) -> u64 {
        self.take += 1;
        self.take
    }
}
