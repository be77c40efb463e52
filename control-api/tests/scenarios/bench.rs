//! A control plane under test: a fake router, a database, and calls.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ormatrix_control::{
    app::SharedClock,
    http::serve::Limits,
    server::{self, Running},
    settings::Settings,
};
use ormatrix_io::{Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::fake_router::{FakeRouter, Model};

/// Long enough to mean never.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Bench {
    pub directory: TempDir,
    pub model: Arc<Mutex<Model>>,
    pub router: Option<FakeRouter>,
    /// The clock of the control plane, unless the test gives another.
    pub clock: Arc<Turned>,
    timed: SharedClock,
    limits: Limits,
    settings: Settings,
    runtime: Runtime,
    running: Option<Running>,
    agent: ureq::Agent,
}

/// The host's clocks, turned forward as far as a test wants, or stopped.
#[derive(Debug, Default)]
pub struct Turned {
    by: AtomicU64,
    /// What the host's clocks showed when this one was stopped.
    stopped: OnceLock<(u64, u64)>,
}

impl Turned {
    /// Lets so many milliseconds pass at once.
    pub fn turn(&self, ms: u64) {
        self.by.fetch_add(ms * 1_000_000, Ordering::SeqCst);
    }

    /// From now on time passes only when it is turned.
    pub fn stop(&self) {
        self.stopped.get_or_init(|| (SystemClock.now(), SystemClock.unix()));
    }

    fn by(&self) -> u64 {
        self.by.load(Ordering::SeqCst)
    }
}

impl Clock for Turned {
    fn now(&self) -> u64 {
        self.stopped.get().map_or_else(|| SystemClock.now(), |(now, _)| *now) + self.by()
    }

    fn tai(&self) -> u64 {
        SystemClock.tai() + self.by()
    }

    fn unix(&self) -> u64 {
        self.stopped.get().map_or_else(|| SystemClock.unix(), |(_, unix)| *unix) + self.by()
    }

    fn sleep_until(&self, at: u64) {
        SystemClock.sleep_until(at.saturating_sub(self.by()));
    }
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub octets: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.octets)
            .unwrap_or_else(|_| panic!("not JSON: {:?}", String::from_utf8_lossy(&self.octets)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts a status and gives the JSON.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.octets));
        if self.octets.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts a problem and gives it.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["type"], format!("/problems/{kind}"), "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert!(body["title"].as_str().is_some_and(|t| !t.is_empty()), "{body}");
        assert!(body["detail"].as_str().is_some_and(|d| d.len() > 10), "{body}");
        body
    }
}

impl Bench {
    /// A control plane with a router, reconciled.
    pub fn new() -> Self {
        Self::with(Model::default())
    }

    pub fn with(model: Model) -> Self {
        Self::without_router(model).begun()
    }

    /// With clients that may take no more than this.
    pub fn limited(limits: Limits) -> Self {
        let mut bench = Self::without_router(Model::default());
        bench.limits = limits;
        bench.begun()
    }

    /// With a clock that the test turns.
    pub fn timed(clock: SharedClock) -> Self {
        let mut bench = Self::without_router(Model::default());
        bench.timed = clock;
        bench.begun()
    }

    /// With other settings.
    pub fn set(change: impl FnOnce(&mut Settings)) -> Self {
        let mut bench = Self::without_router(Model::default());
        change(&mut bench.settings);
        bench.begun()
    }

    fn begun(self) -> Self {
        let mut bench = self;
        bench.start_router();
        bench.start_control();
        bench.until_reconciled();
        bench
    }

    pub fn without_router(model: Model) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        let directory = tempfile::tempdir().unwrap();
        let clock: Arc<Turned> = Arc::default();
        Self {
            settings: Self::settings(directory.path()),
            directory,
            model: Arc::new(Mutex::new(model)),
            router: None,
            timed: clock.clone(),
            clock,
            limits: Limits::default(),
            runtime: Runtime::new().unwrap(),
            running: None,
            agent: config.into(),
        }
    }

    pub fn start_router(&mut self) {
        let socket = self.directory.path().join("router.sock");
        self.router = Some(FakeRouter::start(&socket, self.model.clone()));
    }

    /// The router goes away and leaves its model behind.
    pub fn stop_router(&mut self) {
        self.router = None;
        let router = self.running().app.router.clone();
        self.until(|| !router.connected());
    }

    fn settings(directory: &Path) -> Settings {
        Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            router_socket: directory.join("router.sock"),
            state_dir: directory.to_owned(),
            ..Settings::default()
        }
    }

    pub fn start_control(&mut self) {
        let started = server::start(self.settings.clone(), self.limits, self.timed.clone());
        self.running = Some(self.runtime.block_on(started).unwrap());
    }

    pub fn stop_control(&mut self) {
        let running = self.running.take().unwrap();
        self.runtime.block_on(running.stop());
    }

    pub fn until_reconciled(&self) {
        let app = &self.running().app;
        let (mut reconciled, connections) = (app.reconciled.subscribe(), app.router.connections());
        // On the connection there is now: the one before may have left its mark.
        let now = |on: &Option<u64>| on.is_some() && *on == *connections.borrow();
        let wait = async { tokio::time::timeout(PATIENCE, reconciled.wait_for(now)).await.is_ok() };
        assert!(self.runtime.block_on(wait), "never reconciled");
    }

    /// Waits until the control plane's view of the router is so.
    pub fn until(&self, so: impl Fn() -> bool) {
        let mut revisions = self.running().app.router.revisions();
        let wait = async {
            loop {
                revisions.borrow_and_update();
                if so() {
                    return;
                }
                revisions.changed().await.unwrap();
            }
        };
        let wait = async { tokio::time::timeout(PATIENCE, wait).await.is_ok() };
        assert!(self.runtime.block_on(wait), "it never became so");
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        self.running().address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(
            "POST",
            path,
            &[("content-type", "application/json")],
            Some(body.to_string().as_bytes()),
        )
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(
            "PUT",
            path,
            &[("content-type", "application/json")],
            Some(body.to_string().as_bytes()),
        )
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[], None)
    }

    pub fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut answer = answer.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            octets: answer.body_mut().read_to_vec().unwrap(),
        }
    }

    /// Listens to events.
    pub fn listen(&self, last: Option<&str>) -> Listener {
        let mut request = self.agent.get(self.url("/api/v1/events"));
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        let answer = request.call().unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Listener { lines: Box::new(BufReader::new(answer.into_body().into_reader())) }
    }

    /// Adds an input at a port of the loopback address.
    pub fn add_input(&self, id: &str, port: u16) {
        self.put(&format!("/api/v1/inputs/{id}"), &input(id, port)).expect(201);
    }

    pub fn add_output(&self, id: &str, port: u16) {
        self.put(&format!("/api/v1/outputs/{id}"), &output(id, port)).expect(201);
    }

    /// What there is, as the API, the database and the router have it; but for counters.
    pub fn everything(&self) -> (Value, Value, ormatrix_control::inventory::Inventory, Value) {
        let status = serde_json::to_value(self.model().status()).unwrap();
        (
            self.get("/api/v1/inputs").expect(200),
            self.get("/api/v1/outputs").expect(200),
            self.running().app.store.load().unwrap(),
            status,
        )
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Before the directory that its socket is in.
        self.router = None;
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

pub fn video() -> Value {
    json!({
        "width": 1920, "height": 1080, "rate": "60000/1001", "sampling": "YCbCr-4:2:2",
        "depth": 10, "scan": "progressive", "packing": "GPM"
    })
}

pub fn input(id: &str, port: u16) -> Value {
    json!({
        "id": id, "label": id.to_uppercase(), "zone": "OR 3", "video": video(),
        "legs": [{ "address": "127.0.0.1", "port": port }], "payload_type": 112
    })
}

pub fn output(id: &str, port: u16) -> Value {
    json!({
        "id": id, "label": id.to_uppercase(), "zone": "OR 3",
        "legs": [{ "address": "127.0.0.1", "port": port }], "ssrc": 7
    })
}

/// One event.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    pub id: String,
    pub name: String,
    pub data: Value,
}

pub struct Listener {
    lines: Box<BufReader<dyn Read + Send>>,
}

impl Listener {
    /// The next event; `None` at the end of the stream.
    pub fn next(&mut self) -> Option<Heard> {
        let mut heard = Heard::default();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                if !heard.name.is_empty() {
                    return Some(heard);
                }
            } else if let Some((field, value)) = line.split_once(": ") {
                match field {
                    "id" => value.clone_into(&mut heard.id),
                    "event" => value.clone_into(&mut heard.name),
                    "data" => heard.data = serde_json::from_str(value).unwrap(),
                    _ => {}
                }
            }
        }
    }

    /// The next event of a name, past others.
    pub fn next_named(&mut self, name: &str) -> Heard {
        loop {
            let heard = self.next().expect("the stream ended");
            if heard.name == name {
                return heard;
            }
        }
    }
}
