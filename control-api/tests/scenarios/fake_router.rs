//! A router without packets: a Unix socket, a model, and a will to refuse, wait or go away.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufReader, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use ormatrix_protocol::{
    Command, Event, FromRouter, InputCounters, InputId, InputLevel, InputSpec, InputStatus, Level,
    MonitorStatus, OutputCounters, OutputId, OutputLevel, OutputSpec, OutputStatus,
    PROTOCOL_VERSION, Refusal, Reply, Request, RequestId, Route, RouteState, RouterStatus,
    Scheduled, Signal, SignalState, StandIn, Take, codec,
};

/// Why a command is refused, if it is.
pub type Will = Box<dyn Fn(&Command) -> Option<Refusal> + Send>;

/// What a fake router has and how it behaves.
pub struct Model {
    pub inputs: BTreeMap<InputId, InputStatus>,
    pub outputs: BTreeMap<OutputId, OutputStatus>,
    pub monitors: BTreeMap<InputId, MonitorStatus>,
    pub scheduled: BTreeMap<u64, Scheduled>,
    /// The state of signals of new inputs.
    pub signal: SignalState,
    /// Whether takes are confirmed by themselves.
    pub confirms: bool,
    /// Whether it answers at all.
    pub mute: bool,
    /// Refuses the next commands that it gives a reason for.
    pub refuse: Will,
    /// Every command but `Status`, in order.
    pub commands: Vec<Command>,
    /// Whose request each of them was for.
    pub requests: Vec<Option<RequestId>>,
    /// Requests that it heard while mute.
    pub unanswered: usize,
    pub take: u64,
    pub instance: u64,
    pub clients: Vec<UnixStream>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            monitors: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            signal: SignalState::Ok,
            confirms: true,
            mute: false,
            refuse: Box::new(|_| None),
            commands: Vec::new(),
            requests: Vec::new(),
            unanswered: 0,
            take: 0,
            instance: 1,
            clients: Vec::new(),
        }
    }
}

/// 2026-01-31T09:30:00Z.
const NOW: u64 = 1_769_851_800_000_000_000;

impl Model {
    pub fn status(&self) -> RouterStatus {
        RouterStatus {
            version: "0.0.0-fake".to_owned(),
            instance: self.instance,
            started_at: NOW,
            lanes: 1,
            inputs: self.inputs.values().cloned().collect(),
            outputs: self.outputs.values().cloned().collect(),
            monitors: self.monitors.values().cloned().collect(),
            scheduled: self.scheduled.clone(),
        }
    }

    /// Tells every client.
    pub fn tell(&mut self, event: Event) {
        self.send(&FromRouter::Event(event));
    }

    fn send(&mut self, message: &FromRouter) {
        self.clients.retain_mut(|client| codec::write(client, message).is_ok());
    }

    /// Says something that is no message.
    pub fn babble(&mut self) {
        self.clients.retain_mut(|client| client.write_all(b"{\"message\":\n").is_ok());
    }

    pub fn set_signal(&mut self, input: &str, state: SignalState) {
        self.set_level_signal(input, Level::Video, state);
    }

    pub fn set_level_signal(&mut self, input: &str, level: Level, state: SignalState) {
        let input: InputId = input.parse().unwrap();
        let signal = Signal { state, since: NOW };
        let now = self.inputs.get_mut(&input).unwrap();
        if level == Level::Video {
            now.signal = signal;
        } else {
            now.levels.get_mut(&level).unwrap().signal = signal;
        }
        self.tell(Event::Signal { input, level, signal });
    }

    /// Something stands in on an output, or no longer does.
    pub fn set_stand_in(&mut self, output: &str, stand_in: Option<StandIn>) {
        let output: OutputId = output.parse().unwrap();
        let route = &mut self.outputs.get_mut(&output).unwrap().route;
        route.state = match &stand_in {
            Some(StandIn::Slate) => RouteState::NoSignal,
            _ => RouteState::Live,
        };
        route.stand_in = stand_in;
        let route = route.clone();
        self.tell(Event::Route { output, level: Level::Video, route });
    }

    pub fn set_route(&mut self, output: &str, input: Option<&str>, state: RouteState, take: u64) {
        self.set_level_route(output, Level::Video, input, state, take);
    }

    pub fn set_level_route(
        &mut self,
        output: &str,
        level: Level,
        input: Option<&str>,
        state: RouteState,
        take: u64,
    ) {
        let output: OutputId = output.parse().unwrap();
        let route = Route {
            input: input.map(|id| id.parse().unwrap()),
            state,
            since: NOW,
            confirmed_at: (state == RouteState::Live).then_some(NOW),
            take,
            stand_in: None,
        };
        let now = self.outputs.get_mut(&output).unwrap();
        if level == Level::Video {
            now.route = route.clone();
        } else {
            now.levels.get_mut(&level).unwrap().route = route.clone();
        }
        self.tell(Event::Route { output, level, route });
    }

    /// The time of a salvo has come.
    pub fn due(&mut self, take: u64) {
        let scheduled = self.scheduled.remove(&take).unwrap();
        self.tell(Event::Scheduled { take, started: true });
        self.make(scheduled.takes, take);
    }

    fn does(&mut self, command: Command) -> Result<Reply, Refusal> {
        if command != Command::Status {
            self.commands.push(command.clone());
        }
        if let Some(refusal) = (self.refuse)(&command) {
            return Err(refusal);
        }
        match command {
            Command::Status => return Ok(Reply::Status(Box::new(self.status()))),
            Command::PutInput(spec) => {
                let mut backups = spec.failover.backups.iter();
                if let Some(input) = backups.find(|b| !self.inputs.contains_key(b)).cloned() {
                    return Err(Refusal::UnknownInput { input });
                }
                let before = self.inputs.get(&spec.id);
                let signal = Signal { state: self.signal, since: NOW };
                let level = |level| {
                    let before = before.and_then(|b| Some(b.levels.get(&level)?.signal));
                    let counters = InputCounters::default();
                    (level, InputLevel { signal: before.unwrap_or(signal), counters })
                };
                let now = InputStatus {
                    signal: before.map_or(signal, |before| before.signal),
                    counters: InputCounters::default(),
                    lane: 0,
                    levels: input_levels(&spec).map(level).collect(),
                    findings: before.map(|b| b.findings.clone()).unwrap_or_default(),
                    spec,
                };
                self.inputs.insert(now.spec.id.clone(), now);
            }
            Command::RemoveInput { input } => {
                let on = |route: &Route| route.input.as_ref() == Some(&input);
                let shown = |o: &&OutputStatus| {
                    on(&o.route) || o.levels.values().any(|level| on(&level.route))
                };
                let outputs: Vec<OutputId> =
                    self.outputs.values().filter(shown).map(|o| o.spec.id.clone()).collect();
                if !outputs.is_empty() {
                    return Err(Refusal::InputRouted { input, outputs });
                }
                self.inputs.remove(&input).ok_or(Refusal::UnknownInput { input })?;
            }
            Command::PutOutput(spec) => {
                let nothing = Route {
                    input: None,
                    state: RouteState::None,
                    since: NOW,
                    confirmed_at: None,
                    take: 0,
                    stand_in: None,
                };
                let before = self.outputs.get(&spec.id);
                let level = |level| {
                    let before = before.and_then(|b| Some(b.levels.get(&level)?.route.clone()));
                    let route = before.unwrap_or_else(|| nothing.clone());
                    (level, OutputLevel { route, counters: OutputCounters::default() })
                };
                let now = OutputStatus {
                    route: before.map_or(nothing.clone(), |o| o.route.clone()),
                    counters: OutputCounters::default(),
                    levels: output_levels(&spec).map(level).collect(),
                    spec,
                };
                self.outputs.insert(now.spec.id.clone(), now);
            }
            Command::RemoveOutput { output } => {
                self.outputs.remove(&output).ok_or(Refusal::UnknownOutput { output })?;
            }
            Command::PutMonitor(spec) => {
                let counters = OutputCounters::default();
                self.monitors.insert(spec.input.clone(), MonitorStatus { spec, counters });
            }
            Command::RemoveMonitor { input } => {
                self.monitors.remove(&input).ok_or(Refusal::UnknownInput { input })?;
            }
            Command::CancelSalvo { take } => {
                self.scheduled.remove(&take).ok_or(Refusal::NotScheduled { take })?;
                self.tell(Event::Scheduled { take, started: false });
                return Ok(Reply::Done);
            }
            Command::Report { input, findings } => {
                let Some(now) = self.inputs.get_mut(&input) else {
                    return Err(Refusal::UnknownInput { input });
                };
                now.findings = findings.clone();
                self.tell(Event::Findings { input, findings });
                return Ok(Reply::Done);
            }
            Command::Salvo { takes, at } => {
                self.check(&takes)?;
                self.take += 1;
                match at {
                    Some(at) => {
                        self.scheduled.insert(self.take, Scheduled { at, takes });
                    }
                    None => self.make(takes, self.take),
                }
                return Ok(Reply::Taking { take: self.take });
            }
        }
        self.tell(Event::Inventory);
        Ok(Reply::Done)
    }
}

impl Model {
    fn check(&self, takes: &[Take]) -> Result<(), Refusal> {
        let mut seen = BTreeSet::new();
        for take in takes {
            let Some(output) = self.outputs.get(&take.output) else {
                return Err(Refusal::UnknownOutput { output: take.output.clone() });
            };
            let input = match &take.input {
                None => None,
                Some(id) => Some(
                    self.inputs
                        .get(id)
                        .ok_or_else(|| Refusal::UnknownInput { input: id.clone() })?,
                ),
            };
            for level in take.levels.iter().copied().filter(|level| *level != Level::Video) {
                if !output.levels.contains_key(&level) {
                    let output = take.output.clone();
                    return Err(Refusal::NoOutputLevel { output, level });
                }
                if let Some(input) = input.filter(|input| !input.levels.contains_key(&level)) {
                    return Err(Refusal::NoInputLevel { input: input.spec.id.clone(), level });
                }
            }
            for level in self.levels(take) {
                if !seen.insert((take.output.clone(), level)) {
                    return Err(Refusal::TwiceInSalvo { output: take.output.clone() });
                }
            }
        }
        Ok(())
    }

    /// The levels that a take concerns.
    fn levels(&self, take: &Take) -> Vec<Level> {
        let beside = self.outputs[&take.output].levels.keys().copied();
        let all = std::iter::once(Level::Video).chain(beside);
        all.filter(|level| take.concerns(*level)).collect()
    }

    fn make(&mut self, takes: Vec<Take>, number: u64) {
        for wanted in takes {
            for level in self.levels(&wanted) {
                let output = wanted.output.as_str();
                let has = |id: &&InputId| {
                    level == Level::Video || self.inputs[*id].levels.contains_key(&level)
                };
                let input = wanted.input.as_ref().filter(has).map(InputId::as_str);
                if input.is_none() {
                    self.set_level_route(output, level, None, RouteState::None, number);
                    continue;
                }
                self.set_level_route(output, level, input, RouteState::Switching, number);
                if self.confirms {
                    self.set_level_route(output, level, input, RouteState::Live, number);
                }
            }
        }
    }
}

fn input_levels(spec: &InputSpec) -> impl Iterator<Item = Level> + use<> {
    let has = [spec.audio.is_some(), spec.ancillary.is_some()];
    Level::BESIDE.into_iter().zip(has).filter_map(|(level, has)| has.then_some(level))
}

fn output_levels(spec: &OutputSpec) -> impl Iterator<Item = Level> + use<> {
    let has = [spec.audio.is_some(), spec.ancillary.is_some()];
    Level::BESIDE.into_iter().zip(has).filter_map(|(level, has)| has.then_some(level))
}

/// A fake router at work. Ends when dropped; the model may outlive it.
pub struct FakeRouter {
    model: Arc<Mutex<Model>>,
    socket: PathBuf,
    ending: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
    serving: Arc<AtomicUsize>,
}

impl FakeRouter {
    pub fn start(socket: &Path, model: Arc<Mutex<Model>>) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let ending = Arc::new(AtomicBool::new(false));
        let (shared, end) = (model.clone(), ending.clone());
        let serving = Arc::new(AtomicUsize::new(0));
        let count = serving.clone();
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (model, count) = (shared.clone(), count.clone());
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(stream, &model);
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { model, socket: socket.to_owned(), ending, accepting: Some(accepting), serving }
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// Connections whose requests are still read, those that their clients left included.
    pub fn serving(&self) -> usize {
        self.serving.load(Ordering::SeqCst)
    }
}

impl Drop for FakeRouter {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.socket);
        self.accepting.take().unwrap().join().unwrap();
        std::fs::remove_file(&self.socket).unwrap();
        for client in self.model().clients.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn serve(stream: UnixStream, model: &Mutex<Model>) {
    let mut from = BufReader::new(stream.try_clone().unwrap());
    {
        // Under one lock, so that no event comes before the greeting.
        let mut model = model.lock().unwrap();
        let status = Box::new(model.status());
        let hello = FromRouter::Hello { protocol: PROTOCOL_VERSION, status };
        let mut to = stream.try_clone().unwrap();
        if codec::write(&mut to, &hello).is_err() {
            return;
        }
        model.clients.push(to);
    }
    let mut own = stream;
    let mut line = Vec::new();
    while let Ok(Some(Request { id, request_id, command })) = codec::read(&mut from, &mut line) {
        let mut model = model.lock().unwrap();
        if command != Command::Status {
            model.requests.push(request_id);
        }
        if model.mute {
            model.unanswered += 1;
            continue;
        }
        let result = model.does(command);
        // A client that is gone has no use for it.
        let _ = codec::write(&mut own, &FromRouter::Reply { id, result });
    }
}
