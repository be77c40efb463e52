//! Everything that runs: sources, matrix, displays.

use std::fs;

use ormatrix_io::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{takes::Taker, watch::Watch};
use crate::{
    Matrix, Process,
    media::video,
    namespace::{Host, Network},
};

/// The inputs.
pub const INPUTS: [&str; 3] = ["endoscope", "robot", "xray"];
/// The outputs.
pub const OUTPUTS: [&str; 3] = ["main", "assistant", "gallery"];

const SHAPE: &str = "320x180p25";
const PORT: u16 = 5004;
const WATCHED: u16 = 6004;

/// How long to wait for anything to come true.
const PATIENCE_NS: u64 = 60_000_000_000;

/// What runs.
pub struct Stage {
    /// Its network.
    pub network: Network,
    /// Router and control.
    pub matrix: Matrix,
    /// Sources, in the order of [`INPUTS`].
    pub sources: Vec<Process>,
    /// Receivers beside the displays, in the order of [`OUTPUTS`].
    pub watches: Vec<Watch>,
    /// Whoever takes.
    pub taker: Option<Taker>,
    /// What was said by processes that are gone.
    complaints: Vec<String>,
    /// Processes that ended by themselves.
    pub ended: Vec<String>,
    /// How often each process was started again.
    pub restarts: u64,
}

/// What is left when all has ended.
#[derive(Debug, Default)]
pub struct Remains {
    /// What processes complained of.
    pub complaints: Vec<String>,
    /// Processes that ended by themselves.
    pub ended: Vec<String>,
    /// Processes that were started again.
    pub restarts: u64,
}

impl Stage {
    /// Starts it all, with a picture on every output.
    pub fn start(seed: u64) -> Self {
        let network = Network::of_parent();
        let matrix = Matrix::start(2);
        for (index, id) in (0..).zip(INPUTS) {
            let legs = json!([
                {"address": group(index), "port": PORT, "interface": "in1"},
                {"address": "192.0.2.2", "port": PORT + 2 * index, "interface": "in2"},
            ]);
            let body = json!({"label": id, "video": video(320, 180, "25"), "legs": legs});
            matrix.put(&format!("/inputs/{id}"), &body).ok();
        }
        for (index, id) in (0..).zip(OUTPUTS) {
            let legs = json!([
                {"address": "203.0.113.2", "port": PORT + 2 * index, "interface": "out"},
                {"address": "127.0.0.1", "port": WATCHED + 2 * index, "interface": "lo"},
            ]);
            matrix.put(&format!("/outputs/{id}"), &json!({"label": id, "legs": legs})).ok();
        }
        let watches = (0..OUTPUTS.len() as u16).map(|index| Watch::start(WATCHED + 2 * index));
        let watches = watches.collect();
        let sources = (0..INPUTS.len()).map(|index| source(&network, index)).collect();
        for id in INPUTS {
            matrix.wait_signal(id, "ok");
        }
        for (output, input) in OUTPUTS.iter().zip(INPUTS) {
            matrix.take(output, input);
        }
        let mut stage = Self {
            network,
            matrix,
            sources,
            watches,
            taker: None,
            complaints: Vec::new(),
            ended: Vec::new(),
            restarts: 0,
        };
        for leg in 0..2 {
            stage.until_leg(leg, true);
        }
        stage.taker = Some(Taker::start(stage.matrix.url(), seed));
        stage
    }

    /// Starts a source again that was killed.
    pub fn restart_source(&mut self, index: usize) {
        self.complaints.extend(self.sources[index].complaints());
        self.sources[index] = source(&self.network, index);
        self.restarts += 1;
    }

    /// Kills the router and starts it again.
    pub fn restart_router(&mut self) {
        self.matrix.kill_router();
        self.complaints.extend(self.matrix.router.complaints());
        self.matrix.restart_router();
        self.restarts += 1;
    }

    /// Kills the control plane and starts it again.
    pub fn restart_control(&mut self) {
        self.matrix.kill_control();
        self.complaints.extend(self.matrix.control.complaints());
        self.matrix.restart_control();
        self.restarts += 1;
    }

    /// Waits until a leg brings packets to every input, or to none.
    pub fn until_leg(&self, leg: usize, alive: bool) {
        self.until(&format!("leg {leg} is alive: {alive}"), |stage| {
            let inputs = stage.matrix.get("/inputs").json();
            let inputs = inputs.as_array()?;
            let is = |input: &Value| input["signal"]["legs"][leg]["alive"] == alive;
            (inputs.len() == INPUTS.len() && inputs.iter().all(is)).then_some(())
        });
    }

    /// Waits until every input is received without trouble.
    pub fn until_signals(&self) {
        for id in INPUTS {
            self.matrix.wait_signal(id, "ok");
        }
    }

    /// Waits until every output has shown so many more frames.
    pub fn until_frames(&self, more: u64) {
        let frames = || self.watches.iter().map(|watch| watch.seen().frames).collect::<Vec<_>>();
        let before = frames();
        self.until("every output shows frames", |_| {
            let now = frames();
            now.iter().zip(&before).all(|(now, before)| *now >= before + more).then_some(())
        });
    }

    /// Looks again and again until there is an answer.
    ///
    /// # Panics
    /// When there is none for a minute.
    pub fn until<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let clock = SystemClock;
        let end = clock.now() + PATIENCE_NS;
        loop {
            if let Some(answer) = look(self) {
                return answer;
            }
            let now = clock.now();
            assert!(now < end, "never came true: {what}; {}", self.matrix.get("/inputs").text());
            clock.sleep_until(now + 5_000_000);
        }
    }

    /// The sum of a counter over all inputs, since the router was started.
    pub fn count(&self, counter: &str) -> u64 {
        let inputs = self.matrix.get("/inputs").json();
        let counts = inputs.as_array().into_iter().flatten();
        counts.filter_map(|input| input["signal"][counter].as_u64()).sum()
    }

    /// A display on each output, once it listens.
    pub fn displays(&self) -> Vec<Process> {
        let start = |index: u16| {
            let mut command = self.network.urgent(Host::Dst, "ormatrix-sink");
            let at = format!("203.0.113.2:{}", PORT + 2 * index);
            command.args(["check", "--format", SHAPE, "--at", &at, "--interface", "in", "--json"]);
            Process::start(command)
        };
        let mut displays: Vec<_> = (0..OUTPUTS.len() as u16).map(start).collect();
        for display in &mut displays {
            display.wait_for("listening");
        }
        displays
    }

    /// Resident memory of router and control, KiB, with their process ids.
    pub fn memory(&self) -> [(&'static str, u32, u64); 2] {
        [("router", &self.matrix.router), ("control", &self.matrix.control)]
            .map(|(name, process)| (name, process.id(), resident(process.id())))
    }

    /// Notes whoever has ended without being told to.
    pub fn look_for_ended(&mut self) {
        let mut all = vec![("router", &mut self.matrix.router)];
        all.push(("control", &mut self.matrix.control));
        all.extend(INPUTS.into_iter().zip(&mut self.sources));
        let gone = all
            .into_iter()
            .filter_map(|(name, process)| (!process.is_running()).then(|| name.to_owned()));
        self.ended.extend(gone);
    }

    /// Ends it all.
    pub fn close(mut self) -> Remains {
        self.look_for_ended();
        self.taker = None;
        let mut complaints = std::mem::take(&mut self.complaints);
        complaints.extend(self.matrix.router.complaints());
        complaints.extend(self.matrix.control.complaints());
        complaints.extend(self.sources.iter().flat_map(Process::complaints));
        Remains { complaints, ended: std::mem::take(&mut self.ended), restarts: self.restarts }
    }
}

fn group(index: u16) -> String {
    format!("239.0.1.{}", index + 1)
}

fn source(network: &Network, index: usize) -> Process {
    let mut command = network.urgent(Host::Src, "ormatrix-source");
    command.args(["--pattern", "ball", "--name", INPUTS[index], "--format", SHAPE, "--json"]);
    let index = index as u16;
    command.args(["--to", &format!("{}:{PORT}", group(index)), "--interface", "out1"]);
    command.args(["--to", &format!("192.0.2.2:{}", PORT + 2 * index), "--interface", "out2"]);
    // Not genlocked.
    command.args(["--offset-us", &(u32::from(index) * 11_300).to_string()]);
    Process::start(command)
}

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|text| text.split_whitespace().next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}
