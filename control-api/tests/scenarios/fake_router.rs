//! A router without packets: a Unix socket, a model, and a will to refuse, wait or go away.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use ormatrix_protocol::{
    Command, Event, FromRouter, InputCounters, InputId, InputStatus, Level, MonitorStatus,
    OutputCounters, OutputId, OutputStatus, PROTOCOL_VERSION, Refusal, Reply, Request, Route,
    RouteState, RouterStatus, Signal, SignalState, codec,
};

/// Why a command is refused, if it is.
pub type Will = Box<dyn Fn(&Command) -> Option<Refusal> + Send>;

/// What a fake router has and how it behaves.
pub struct Model {
    pub inputs: BTreeMap<InputId, InputStatus>,
    pub outputs: BTreeMap<OutputId, OutputStatus>,
    pub monitors: BTreeMap<InputId, MonitorStatus>,
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
            signal: SignalState::Ok,
            confirms: true,
            mute: false,
            refuse: Box::new(|_| None),
            commands: Vec::new(),
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
            scheduled: Default::default(),
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
        let input: InputId = input.parse().unwrap();
        let signal = Signal { state, since: NOW };
        self.inputs.get_mut(&input).unwrap().signal = signal;
        self.tell(Event::Signal { input, level: Level::Video, signal });
    }

    pub fn set_route(&mut self, output: &str, input: Option<&str>, state: RouteState, take: u64) {
        let output: OutputId = output.parse().unwrap();
        let route = Route {
            input: input.map(|id| id.parse().unwrap()),
            state,
            since: NOW,
            confirmed_at: (state == RouteState::Live).then_some(NOW),
            take,
            stand_in: None,
        };
        self.outputs.get_mut(&output).unwrap().route = route.clone();
        self.tell(Event::Route { output, level: Level::Video, route });
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
                let signal = Signal { state: self.signal, since: NOW };
                let before = self.inputs.get(&spec.id);
                let signal = before.map_or(signal, |before| before.signal);
                let counters = InputCounters::default();
                let id = spec.id.clone();
                self.inputs.insert(
                    id,
                    InputStatus {
                        spec,
                        signal,
                        counters,
                        lane: 0,
                        levels: Default::default(),
                        findings: Default::default(),
                    },
                );
            }
            Command::RemoveInput { input } => {
                let shown = |o: &&OutputStatus| o.route.input.as_ref() == Some(&input);
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
                let route = self.outputs.get(&spec.id).map_or(nothing, |o| o.route.clone());
                let id = spec.id.clone();
                let counters = OutputCounters::default();
                self.outputs
                    .insert(id, OutputStatus { spec, route, counters, levels: Default::default() });
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
            Command::CancelSalvo { take } => return Err(Refusal::NotScheduled { take }),
            Command::Report { .. } => {}
            Command::Salvo { takes, .. } => {
                for take in &takes {
                    if !self.outputs.contains_key(&take.output) {
                        return Err(Refusal::UnknownOutput { output: take.output.clone() });
                    }
                    if let Some(input) = take.input.clone().filter(|i| !self.inputs.contains_key(i))
                    {
                        return Err(Refusal::UnknownInput { input });
                    }
                }
                self.take += 1;
                for wanted in takes {
                    let (output, input) = (wanted.output.as_str(), wanted.input.as_ref());
                    let input = input.map(InputId::as_str);
                    if input.is_none() {
                        self.set_route(output, None, RouteState::None, self.take);
                        continue;
                    }
                    self.set_route(output, input, RouteState::Switching, self.take);
                    if self.confirms {
                        self.set_route(output, input, RouteState::Live, self.take);
                    }
                }
                return Ok(Reply::Taking { take: self.take });
            }
        }
        self.tell(Event::Inventory);
        Ok(Reply::Done)
    }
}

/// A fake router at work. Ends when dropped; the model may outlive it.
pub struct FakeRouter {
    model: Arc<Mutex<Model>>,
    socket: PathBuf,
    ending: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl FakeRouter {
    pub fn start(socket: &Path, model: Arc<Mutex<Model>>) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let ending = Arc::new(AtomicBool::new(false));
        let (shared, end) = (model.clone(), ending.clone());
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let model = shared.clone();
                thread::spawn(move || serve(stream, &model));
            }
        });
        Self { model, socket: socket.to_owned(), ending, accepting: Some(accepting) }
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
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
        let mut to = stream;
        if codec::write(&mut to, &hello).is_err() {
            return;
        }
        model.clients.push(to);
    }
    let mut line = Vec::new();
    while let Ok(Some(Request { id, command })) = codec::read(&mut from, &mut line) {
        let mut model = model.lock().unwrap();
        if model.mute {
            model.unanswered += 1;
            continue;
        }
        let result = model.does(command);
        // There is one client: the control plane under test.
        model.send(&FromRouter::Reply { id, result });
    }
}
