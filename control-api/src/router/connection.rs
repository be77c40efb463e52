//! The task that owns the socket.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ormatrix_protocol::{
    Command, Event, FromRouter, InputId, Level, PROTOCOL_VERSION, Reply, Request, codec::LINE_MAX,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, mpsc, oneshot, watch},
    time::{sleep, timeout},
};

use super::{AskError, Job};
use crate::{
    api::{findings::FindingsView, view},
    events::Events,
    mirror::Mirror,
};

/// First and longest pause between attempts.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(1));
/// Telemetry comes every second: after this long without a word the connection is dead.
const SILENCE: Duration = Duration::from_secs(10);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("not understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the router speaks protocol {0}, this program {PROTOCOL_VERSION}: upgrade the older")]
    Protocol(u32),
    #[error("it did not begin with a greeting")]
    NoHello,
    #[error("it closed the connection")]
    Closed,
    #[error("no word for {SILENCE:?}")]
    Silent,
    #[error("it did not answer")]
    HungUp,
    #[error("nobody needs it any more")]
    Unneeded,
}

pub(super) struct Keeper {
    pub socket: Arc<Path>,
    pub hang_up: Arc<Notify>,
    pub hushed: Arc<AtomicUsize>,
    pub mirror: Arc<RwLock<Option<Mirror>>>,
    pub revise: watch::Sender<u64>,
    pub connect: watch::Sender<Option<u64>>,
    pub events: Arc<Events>,
}

/// The requests under way. `None` is the keeper's own.
type Pending = HashMap<u64, Option<oneshot::Sender<Result<Reply, AskError>>>>;

impl Keeper {
    pub async fn run(self, mut inbox: mpsc::Receiver<Job>) {
        let mut pause = BACK_OFF.0;
        let mut said = String::new();
        let mut number = 0;
        loop {
            let ended = match UnixStream::connect(&self.socket).await {
                Ok(stream) => {
                    number += 1;
                    let ended = self.serve(stream, number, &mut inbox).await;
                    if self.forget() {
                        pause = BACK_OFF.0;
                        said.clear();
                    }
                    ended
                }
                Err(error) => Ended::Io(error),
            };
            if matches!(ended, Ended::Unneeded) || inbox.is_closed() {
                return;
            }
            // Once for each reason: a router that stays away must not fill the log.
            let reason = ended.to_string();
            if reason != said {
                let socket = self.socket.display();
                tracing::warn!(%socket, reason, "the router is not connected; trying again");
                said = reason;
            }
            // Whoever asked in between learns at once that it is away.
            while let Ok(job) = inbox.try_recv() {
                let _ = job.answer.send(Err(AskError::Lost));
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACK_OFF.1);
        }
    }

    /// Serves one connection to its end.
    async fn serve(
        &self,
        stream: UnixStream,
        number: u64,
        inbox: &mut mpsc::Receiver<Job>,
    ) -> Ended {
        let (from, to) = stream.into_split();
        let (sender, mut messages) = mpsc::channel(64);
        // Reading is a task of its own, as a half-read line must not be forgotten.
        let reader = tokio::spawn(read(BufReader::new(from), sender));
        let ended = self.converse(to, number, &mut messages, inbox).await;
        reader.abort();
        ended.err().unwrap_or(Ended::Unneeded)
    }

    async fn converse(
        &self,
        mut to: OwnedWriteHalf,
        number: u64,
        messages: &mut mpsc::Receiver<Result<FromRouter, Ended>>,
        inbox: &mut mpsc::Receiver<Job>,
    ) -> Result<(), Ended> {
        match timeout(SILENCE, messages.recv()).await.map_err(|_| Ended::Silent)? {
            Some(Ok(FromRouter::Hello { protocol: PROTOCOL_VERSION, status })) => {
                self.replace(*status);
                tracing::info!(socket = %self.socket.display(), "connected to the router");
                self.events.publish("router", &json!({ "connected": true }));
                self.connect.send_replace(Some(number));
            }
            Some(Ok(FromRouter::Hello { protocol, .. })) => return Err(Ended::Protocol(protocol)),
            Some(Ok(_)) => return Err(Ended::NoHello),
            Some(Err(ended)) => return Err(ended),
            None => return Err(Ended::Closed),
        }
        let mut pending = Pending::new();
        let mut next_id = 0;
        loop {
            let (command, request_id, answer) = tokio::select! {
                biased;
                message = timeout(SILENCE, messages.recv()) => {
                    match message.map_err(|_| Ended::Silent)?.ok_or(Ended::Closed)?? {
                        FromRouter::Reply { id, result } => {
                            let result = result.map_err(AskError::Refused);
                            if let Ok(Reply::Status(status)) = &result {
                                self.replace((**status).clone());
                            }
                            if let Some(Some(answer)) = pending.remove(&id) {
                                // Whoever asked may be gone; the router has done it all the same.
                                let _ = answer.send(result);
                            }
                            continue;
                        }
                        FromRouter::Event(Event::Inventory) => {
                            if self.hushed.load(Ordering::Relaxed) > 0 {
                                continue;
                            }
                            (Command::Status, None, None)
                        }
                        FromRouter::Event(event) => {
                            self.apply(event);
                            continue;
                        }
                        FromRouter::Hello { .. } => return Err(Ended::NoHello),
                    }
                }
                () = self.hang_up.notified() => return Err(Ended::HungUp),
                job = inbox.recv() => match job {
                    Some(job) => (job.command, job.request_id, Some(job.answer)),
                    None => return Ok(()),
                },
            };
            next_id += 1;
            pending.insert(next_id, answer);
            let mut line = serde_json::to_vec(&Request { id: next_id, request_id, command })?;
            line.push(b'\n');
            timeout(SILENCE, to.write_all(&line)).await.map_err(|_| Ended::Silent)??;
        }
    }

    /// Takes a whole status as the truth, and tells of the salvos that wait since the last.
    fn replace(&self, status: ormatrix_protocol::RouterStatus) {
        let mut mirror = self.mirror.write().unwrap_or_else(PoisonError::into_inner);
        let now = Mirror::new(status, mirror.as_ref());
        // Whoever hears of a new connection reads everything anyway.
        let known = mirror.as_ref().map(|before| &before.scheduled);
        let new = now
            .scheduled
            .iter()
            .filter(|(take, _)| known.is_some_and(|known| !known.contains_key(take)));
        let new: Vec<_> = new.map(|(take, it)| scheduled(*take, "waiting", Some(it.at))).collect();
        *mirror = Some(now);
        drop(mirror);
        self.revise.send_modify(|revision| *revision += 1);
        for data in &new {
            self.events.publish("scheduled", data);
        }
    }

    /// The router is away: nothing is known any more. True when it had been connected.
    fn forget(&self) -> bool {
        let was = self.mirror.write().unwrap_or_else(PoisonError::into_inner).take();
        if was.is_some() {
            self.connect.send_replace(None);
            self.revise.send_modify(|revision| *revision += 1);
            self.events.publish("router", &json!({ "connected": false }));
        }
        was.is_some()
    }

    fn apply(&self, event: Event) {
        let mut guard = self.mirror.write().unwrap_or_else(PoisonError::into_inner);
        let Some(mirror) = guard.as_mut() else { return };
        let (name, data) = match event {
            Event::Route { output, level, route } => {
                let seen = view::RouteView::of(&route);
                let data = json!({ "output": output, "level": level, "route": seen });
                mirror.set_route(&output, level, route);
                ("route", data)
            }
            Event::Signal { input, level, signal } => {
                mirror.set_signal(&input, level, signal);
                ("signal", signalled(mirror, &input, level))
            }
            Event::Findings { input, findings } => {
                mirror.set_findings(&input, findings);
                ("signal", signalled(mirror, &input, Level::Video))
            }
            Event::Scheduled { take, started } => {
                let known = mirror.scheduled.remove(&take);
                let state = if started { "started" } else { "called-off" };
                ("scheduled", scheduled(take, state, known.map(|known| known.at)))
            }
            Event::Telemetry(telemetry) => {
                mirror.set_telemetry(telemetry);
                return;
            }
            Event::Inventory => return,
        };
        drop(guard);
        self.events.publish(name, &data);
        self.revise.send_modify(|revision| *revision += 1);
    }
}

/// What is told of a level's signal; of a picture's, what was found about it too.
fn signalled(mirror: &Mirror, input: &InputId, level: Level) -> Value {
    let now = mirror.inputs.get(input);
    let signal = view::SignalView::of(now.and_then(|now| now.reception(level)));
    let mut data = json!({ "input": input, "level": level, "signal": signal });
    if level == Level::Video
        && let (Value::Object(data), Some(now)) = (&mut data, now)
    {
        data.insert("findings".to_owned(), json!(FindingsView::of(&now.findings)));
    }
    data
}

/// What is told of takes at a time.
fn scheduled(take: u64, state: &str, at: Option<u64>) -> Value {
    json!({ "take": take, "state": state, "at": at.map(|at| at.to_string()) })
}

/// Reads messages until something is wrong.
async fn read(mut from: BufReader<OwnedReadHalf>, to: mpsc::Sender<Result<FromRouter, Ended>>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = LINE_MAX as u64 + 1;
        let message = match (&mut from).take(limit).read_until(b'\n', &mut line).await {
            Ok(0) => Err(Ended::Closed),
            Ok(_) if line.last() != Some(&b'\n') => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "a line cut short").into())
            }
            Ok(_) => serde_json::from_slice(&line).map_err(Ended::from),
            Err(error) => Err(error.into()),
        };
        let last = message.is_err();
        if to.send(message).await.is_err() || last {
            return;
        }
    }
}
