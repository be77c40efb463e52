//! A router and a control plane of the test's own, and the API as users call it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, at, own, program};

/// The router's settings, in the matrix's folder.
const ROUTER_SETTINGS: &str = "router.toml";

/// A running matrix; everything ends and is removed when dropped.
pub struct Matrix {
    folder: TempDir,
    lanes: u16,
    /// The router.
    pub router: Process,
    /// The control plane.
    pub control: Process,
    url: String,
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub kind: String,
    /// Body, as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, or null.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body, if the call succeeded.
    ///
    /// # Panics
    /// When it did not.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self.json()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Matrix {
    /// Starts a router of so many lanes and a control plane on free ports.
    pub fn start(lanes: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let router = start_router(folder.path(), lanes);
        let (control, url) =
            start_control(&program("ormatrix-control"), folder.path(), "127.0.0.1:0");
        let matrix = Self { folder, lanes, router, control, url };
        matrix.until("the router is connected", || {
            (matrix.get_at("/readyz").status == 200).then_some(())
        });
        matrix
    }

    /// Where the API is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The router's settings file, which is empty at first.
    pub fn router_settings(&self) -> PathBuf {
        self.folder.path().join(ROUTER_SETTINGS)
    }

    /// Kills the router as a fault would.
    pub fn kill_router(&mut self) {
        self.router.kill();
    }

    /// Starts the router again.
    pub fn restart_router(&mut self) {
        self.router = start_router(self.folder.path(), self.lanes);
    }

    /// Kills the control plane as a fault would.
    pub fn kill_control(&mut self) {
        self.control.kill();
    }

    /// Starts the control plane again, where it was.
    pub fn restart_control(&mut self) {
        self.start_control_of(&program("ormatrix-control"));
    }

    /// Stops the control plane as an upgrade does, and starts another program in its place.
    ///
    /// # Panics
    /// When it does not end as it should.
    pub fn replace_control(&mut self, program: &Path) {
        let ended = self.control.stop();
        assert!(ended.success(), "control ended with {ended}");
        self.start_control_of(program);
    }

    fn start_control_of(&mut self, program: &Path) {
        let address = self.url.trim_start_matches("http://").to_owned();
        (self.control, self.url) = start_control(program, self.folder.path(), &address);
        self.until("the router is connected", || {
            (self.get_at("/readyz").status == 200).then_some(())
        });
    }

    /// Calls the API; `path` begins behind `/api/v1`.
    pub fn call(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        request(method, &format!("{}/api/v1{path}", self.url), kind, body)
    }

    /// `GET` behind `/api/v1`.
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", b"")
    }

    /// `GET` of any path.
    pub fn get_at(&self, path: &str) -> Answer {
        request("GET", &format!("{}{path}", self.url), "", b"")
    }

    /// `PUT` of JSON.
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.call("PUT", path, "application/json", body.to_string().as_bytes())
    }

    /// `POST` of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, "application/json", body.to_string().as_bytes())
    }

    /// Adds an input at 127.0.0.1 and returns its port.
    pub fn add_input(&self, id: &str, video: &Value) -> u16 {
        let port = free_port();
        let leg = json!({"address": "127.0.0.1", "port": port});
        let body = json!({"label": id, "video": video, "legs": [leg]});
        self.put(&format!("/inputs/{id}"), &body).ok();
        port
    }

    /// Adds an output to a free port of an address of this host, or of a group that does not
    /// leave it; returns the port.
    pub fn add_output(&self, id: &str, address: &str) -> u16 {
        let port = free_port();
        // A group would leave by the default route unless told otherwise.
        let leg = json!({"address": address, "port": port, "interface": "lo"});
        self.put(&format!("/outputs/{id}"), &json!({"label": id, "legs": [leg]})).ok();
        port
    }

    /// Takes and waits for the confirmation.
    ///
    /// # Panics
    /// When the take is refused or not confirmed.
    pub fn take(&self, output: &str, input: &str) {
        let answer = self
            .put(&format!("/outputs/{output}/route"), &json!({"input": input, "wait_ms": 10000}));
        let route = answer.ok();
        assert_eq!((&route["state"], &route["input"]), (&json!("live"), &json!(input)), "{route}");
    }

    /// Waits until an input's signal has a state.
    pub fn wait_signal(&self, input: &str, state: &str) {
        self.until(&format!("{input} is {state}"), || {
            let seen = self.get(&format!("/inputs/{input}")).json();
            (seen["signal"]["state"] == state).then_some(())
        });
    }

    /// Frames whose sender paused for two frame periods in the middle, because the machine
    /// did not let it run: the router then rightly gives the frame up.
    pub fn cut_frames(&self) -> u64 {
        let inputs = self.get("/inputs").ok();
        let counts = inputs.as_array().into_iter().flatten();
        counts.filter_map(|input| input["signal"]["cut_frames"].as_u64()).sum()
    }

    /// Asks again and again until there is an answer. The API has no call that waits for
    /// everything a test may want to know.
    ///
    /// # Panics
    /// When there is none for a minute.
    pub fn until<T>(&self, what: &str, ask: impl Fn() -> Option<T>) -> T {
        for _ in 0..3000 {
            if let Some(answer) = ask() {
                return answer;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        panic!("never came true: {what}; inputs {}", self.get("/inputs").text());
    }
}

fn start_router(folder: &Path, lanes: u16) -> Process {
    let settings = folder.join(ROUTER_SETTINGS);
    File::options().create(true).append(true).open(&settings).expect("a folder to write to");
    let mut command = own("ormatrix-router");
    command
        .arg("--config")
        .arg(settings)
        .arg("--socket")
        .arg(folder.join("router.sock"))
        .arg("--snapshot")
        .arg(folder.join("router.json"))
        .env("ORMATRIX_ROUTER_LANES", lanes.to_string());
    let mut router = Process::start(command);
    router.wait_for("routing");
    router
}

fn start_control(program: &Path, folder: &Path, listen: &str) -> (Process, String) {
    let mut command = at(program);
    command.args(["--listen", listen]).arg("--state-dir").arg(folder);
    command.arg("--router-socket").arg(folder.join("router.sock"));
    let mut control = Process::start(command);
    let line = control.wait_for("listening");
    let address = line.rsplit("address=").next().unwrap_or_default().trim();
    (control, format!("http://{address}"))
}

/// A port that nobody uses now, over UDP or TCP, and that nobody is given by chance before
/// it is used: the kernel gives clients ports from 32768 on, and keeps those of closed
/// connections for a minute.
///
/// # Panics
/// When none is left.
pub fn free_port() -> u16 {
    const PORTS: Range<u16> = 20_000..32_000;
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // Tests in other processes begin elsewhere.
    let first = std::process::id().wrapping_mul(97);
    let mut asked = PORTS.map(|_| first.wrapping_add(ASKED.fetch_add(1, Relaxed)));
    let port = asked.find_map(|number| {
        let port = PORTS.start + (number % u32::from(PORTS.end - PORTS.start)) as u16;
        let at = (Ipv4Addr::LOCALHOST, port);
        (UdpSocket::bind(at).is_ok() && TcpListener::bind(at).is_ok()).then_some(port)
    });
    port.expect("a free port")
}

/// One HTTP request.
///
/// # Panics
/// When nobody answers.
pub fn request(method: &str, url: &str, kind: &str, body: &[u8]) -> Answer {
    try_request(method, url, kind, body).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// One HTTP request to somebody who may be away.
pub fn try_request(
    method: &str,
    url: &str,
    kind: &str,
    body: &[u8],
) -> Result<Answer, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    let request = request.body(body.to_vec())?;
    let mut response = agent.run(request)?;
    let kind = response.headers().get("content-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 26).read_to_vec()?;
    Ok(Answer { status, kind, body })
}

/// Follows the API's events line by line.
///
/// # Panics
/// When nobody answers.
pub fn events(url: &str) -> impl Iterator<Item = String> + use<> {
    let response = ureq::get(format!("{url}/api/v1/events")).call().expect("events are served");
    BufReader::new(response.into_body().into_reader()).lines().map_while(Result::ok)
}
