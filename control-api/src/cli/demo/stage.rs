//! The running demo: programs, what the API tells of them, and waiting for both.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{
    super::{
        client::Client,
        supervise::crew::{Crew, Role, What},
    },
    DemoError,
    calibrate::{self, Outcome, Reading, Ticks},
    plan::{Plan, Programs},
    state::State,
};

const SECOND: u64 = 1_000_000_000;
/// How long control and router may take to answer.
const START: u64 = 15 * SECOND;
/// How long sources may take to draw their pictures and everything to be live.
const UP: u64 = 90 * SECOND;
/// Between two looks at programs and signals.
const TURN: Duration = Duration::from_millis(20);
/// How long each group of programs has to end.
const GRACE: Duration = Duration::from_millis(800);
/// What a source says when it has drawn its pictures.
const DRAWN: &str = "all frames are drawn";
/// How long that is waited for.
const DRAWING: u64 = 15 * SECOND;
/// How often a format is measured before it is given up: machines have their moments.
const LOOKS: usize = 3;
/// Part of the frames that must have come for another look to be worth it.
const HOPEFUL: f64 = 0.9;
/// Sources and sinks settle this long before they are measured, and are measured this long.
const SETTLE: u64 = SECOND;
const MEASURE: u64 = 3 * SECOND;

/// Everything that runs.
pub struct Stage {
    /// Where the API is.
    pub url: String,
    crew: Crew,
    client: Client,
    programs: Programs,
    state: State,
    stop: Arc<AtomicBool>,
    /// Whether outputs are shown in windows; otherwise they are judged.
    pub windows: bool,
    /// Whether frozen and black pictures are looked for, and streams measured.
    watcher: bool,
}

impl Stage {
    /// Starts the router and the control plane, and waits until they know each other.
    pub fn open(
        programs: Programs,
        state: State,
        listen: SocketAddr,
        windows: bool,
        watcher: bool,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, DemoError> {
        let mut crew = Crew::default();
        crew.start("router", Role::Router, programs.router(&state))?;
        crew.start("control", Role::Control, programs.control(&state, listen))?;
        let mut stage = Self {
            url: String::new(),
            crew,
            client: Client::new("", None),
            programs,
            state,
            stop,
            windows,
            watcher,
        };
        stage.wait(START, "the control plane to listen", |stage| {
            let said = stage.crew.output("control");
            stage.url = said.iter().find_map(|line| reachable(line)).unwrap_or_default();
            if stage.url.is_empty() { Err(String::new()) } else { Ok(()) }
        })?;
        stage.client = Client::new(&stage.url, None);
        stage.wait(START, "the router to connect", |stage| match stage.client.get("/readyz") {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        })?;
        stage.watch()?;
        Ok(stage)
    }

    /// Starts sources and sinks, waits until each input has signal, makes the first routes,
    /// and waits until each output is live.
    ///
    /// Windows come first, as they may fail; they register themselves, with a picture only.
    /// Judges receive what an output's description says, once it shows something.
    pub fn play(&mut self, plan: &Plan, format: &str) -> Result<(), DemoError> {
        for output in &plan.outputs {
            if self.windows {
                let launch = self.programs.window(&self.state, &self.url, output);
                self.crew.start(&sink_name(&output.id), Role::Sink, launch)?;
            } else {
                let path = format!("/api/v1/outputs/{}", output.id);
                self.client.send("PUT", &path, &output.body())?;
            }
        }
        for input in &plan.inputs {
            let launch = self.programs.source(&self.state, &self.url, input, format);
            self.crew.start(&format!("source {}", input.id), Role::Source, launch)?;
        }
        let (inputs, outputs) = (plan.inputs.len(), plan.outputs.len());
        self.wait(UP, "every input to have signal", |stage| {
            let list = stage.list("inputs")?;
            all(&list, inputs, "/signal/state", "ok")?;
            stage.list("outputs").and_then(|list| {
                let known = list.as_array().map_or(0, Vec::len);
                if known == outputs {
                    Ok(())
                } else {
                    Err(format!("{known} of {outputs} outputs are known"))
                }
            })
        })?;
        self.protect(plan)?;
        for (output, input) in plan.routes() {
            let path = format!("/api/v1/outputs/{}/route", output.id);
            // On a machine that is too slow a signal may be lost just now; it comes back.
            let take = json!({"input": input.id, "wait_ms": 0, "force": true});
            self.client.send("PUT", &path, &take)?;
        }
        if !self.windows {
            for output in &plan.outputs {
                let launch = self.programs.judge(&self.state, &self.url, output);
                self.crew.start(&sink_name(&output.id), Role::Sink, launch)?;
            }
            // One whose port was taken meanwhile ends at once, and is seen below.
            self.rest(SECOND / 2)?;
        }
        self.wait(UP, "every output to be live", |stage| {
            all(&stage.list("outputs")?, outputs, "/route/state", "live")
        })
    }

    /// Gives one input another to fall back on, and windows a slate.
    fn protect(&self, plan: &Plan) -> Result<(), DemoError> {
        let change = |path: String, key: &str, value: Value| -> Result<(), DemoError> {
            let mut body = self.client.get(&path)?;
            body[key] = value;
            self.client.send("PUT", &path, &body)?;
            Ok(())
        };
        if let Some((input, backup)) = plan.backup() {
            change(format!("/api/v1/inputs/{}", input.id), "backups", json!([backup.id]))?;
        }
        for output in plan.outputs.iter().filter(|_| self.windows) {
            change(format!("/api/v1/outputs/{}", output.id), "on_loss", json!("slate"))?;
        }
        Ok(())
    }

    /// Watches what plays, once the sources have drawn their pictures, which takes all that
    /// the machine has left.
    pub fn measure(&mut self, plan: &Plan) -> Result<Outcome, DemoError> {
        let rate = self.rate()?;
        let until = SystemClock.now() + DRAWING;
        while !self.crew.has_said(Role::Source, DRAWN) && SystemClock.now() < until {
            self.rest(SETTLE / 10)?;
        }
        self.rest(SETTLE)?;
        let mut outcome = self.measure_once(plan, rate)?;
        for _ in 1..LOOKS {
            match &outcome {
                Outcome::Falls { achieved, .. } if *achieved > rate * HOPEFUL => {
                    outcome = self.measure_once(plan, rate)?;
                }
                _ => break,
            }
        }
        Ok(outcome)
    }

    /// Watches what plays for some seconds.
    fn measure_once(&mut self, plan: &Plan, rate: f64) -> Result<Outcome, DemoError> {
        let first = self.reading(plan)?;
        let before = self.reading_after(plan, &first)?;
        self.rest(MEASURE.saturating_sub(SECOND / 2))?;
        let middle = self.reading(plan)?;
        let after = self.reading_after(plan, &middle)?;
        Ok(calibrate::judge(&before, &after, rate))
    }

    /// Ends sources and sinks; the judges' reports by output's id.
    pub fn silence(&mut self) -> Vec<(String, Vec<String>)> {
        // Sinks first: what a source leaves unsent is no fault of what they judge.
        let said = self.crew.end(&[Role::Sink], GRACE);
        self.crew.end(&[Role::Source], GRACE);
        said.into_iter()
            .filter_map(|(name, said)| Some((name.strip_prefix("sink ")?.to_owned(), said)))
            .collect()
    }

    /// Starts who looks at the inputs; again after [`Stage::silence`].
    pub fn watch(&mut self) -> Result<(), DemoError> {
        let launch = self.programs.stills(&self.state, &self.url);
        self.crew.start("stills", Role::Sink, launch)?;
        if self.watcher {
            let launch = self.programs.watcher(&self.state, &self.url);
            self.crew.start("watch", Role::Sink, launch)?;
        }
        Ok(())
    }

    /// Says to scripts where this demo is.
    pub fn announce(&self) -> Result<(), DemoError> {
        Ok(self.state.write_environment(&self.url)?)
    }

    /// Keeps everything running until somebody asks to end, or for some seconds.
    pub fn run(&mut self, seconds: Option<u64>) -> Result<(), DemoError> {
        let until = seconds.map(|seconds| SystemClock.now().saturating_add(seconds * SECOND));
        loop {
            match self.turn() {
                Err(DemoError::Asked) => return Ok(()),
                Err(error) => return Err(error),
                Ok(()) if until.is_some_and(|until| SystemClock.now() >= until) => return Ok(()),
                Ok(()) => {}
            }
        }
    }

    /// Looks after the programs once and rests.
    fn turn(&mut self) -> Result<(), DemoError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(DemoError::Asked);
        }
        self.crew.tend(&mut |news| {
            // That it runs again is seen, and the demo says little.
            if !matches!(news.what, What::Started { .. }) {
                super::say(&news.to_string());
            }
        })?;
        thread::sleep(TURN);
        Ok(())
    }

    fn rest(&mut self, ns: u64) -> Result<(), DemoError> {
        let until = SystemClock.now() + ns;
        while SystemClock.now() < until {
            self.turn()?;
        }
        Ok(())
    }

    /// Waits until `done` answers well; its error is why not yet.
    fn wait(
        &mut self,
        longest: u64,
        what: &'static str,
        mut done: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), DemoError> {
        let until = SystemClock.now() + longest;
        loop {
            self.turn()?;
            // A sink that cannot start will not start by waiting.
            if let Some((name, words)) = self.crew.fallen(Role::Sink) {
                return Err(DemoError::Sink { name, words });
            }
            let Err(reason) = done(self) else { return Ok(()) };
            // A port that somebody else has will not come back by waiting.
            if SystemClock.now() >= until || reason.contains("in use") {
                return Err(DemoError::NotUp {
                    what,
                    seconds: longest / SECOND,
                    reason,
                    words: self.crew.last_words(),
                    logs: self.state.logs(),
                });
            }
        }
    }

    fn list(&self, noun: &str) -> Result<Value, String> {
        self.client.get(&format!("/api/v1/{noun}")).map_err(|error| error.to_string())
    }

    /// Frames a second of the first input.
    fn rate(&self) -> Result<f64, DemoError> {
        let list = self.client.get("/api/v1/inputs")?;
        let text = list.pointer("/0/video/rate").and_then(Value::as_str).unwrap_or_default();
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        match (numerator.parse::<f64>(), denominator.parse::<f64>()) {
            (Ok(numerator), Ok(denominator)) if denominator > 0.0 => Ok(numerator / denominator),
            _ => Ok(0.0),
        }
    }

    fn reading(&self, plan: &Plan) -> Result<Reading, DemoError> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut reading = Reading {
            at: SystemClock.now(),
            ticks: Ticks::parse(&read("/proc/stat")),
            drops: calibrate::socket_drops(&read("/proc/net/udp"), &plan.ports()),
            frames: std::collections::BTreeMap::new(),
            faults: 0,
        };
        for noun in ["inputs", "outputs"] {
            reading.count(&self.client.get(&format!("/api/v1/{noun}"))?);
        }
        Ok(reading)
    }

    /// The next reading in which the router has counted again.
    fn reading_after(&mut self, plan: &Plan, earlier: &Reading) -> Result<Reading, DemoError> {
        let until = SystemClock.now() + 3 * SECOND;
        loop {
            self.turn()?;
            let reading = self.reading(plan)?;
            if reading.is_later(earlier) || SystemClock.now() >= until {
                return Ok(reading);
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.silence();
        self.crew.end(&[Role::Control, Role::Router], GRACE);
    }
}

fn sink_name(id: &str) -> String {
    format!("sink {id}")
}

/// The address in the control plane's line `listening URL`, as programs of this machine call
/// it: what listens everywhere is also found on loopback.
fn reachable(line: &str) -> Option<String> {
    let address: SocketAddr = line.strip_prefix("listening http://")?.parse().ok()?;
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Some(format!("http://{}", SocketAddr::new(ip, address.port())))
}

/// Whether all of a list are in a state; if not, who is in which.
fn all(list: &Value, count: usize, path: &str, state: &str) -> Result<(), String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut others: Vec<String> = list
        .iter()
        .filter_map(|one| {
            let is = one.pointer(path).and_then(Value::as_str).unwrap_or("unknown");
            let fault =
                one["fault"].as_str().map(|fault| format!(" ({fault})")).unwrap_or_default();
            let id = one["id"].as_str().unwrap_or("?");
            (is != state).then(|| format!("{id} is {is}{fault}"))
        })
        .collect();
    if list.len() != count {
        others.push(format!("{} of {count} are known", list.len()));
    }
    if others.is_empty() { Ok(()) } else { Err(others.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_called_on_loopback() {
        for (said, url) in [
            ("listening http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("listening http://0.0.0.0:80", Some("http://127.0.0.1:80")),
            ("listening http://[::]:8080", Some("http://[::1]:8080")),
            ("listening http://10.1.2.3:8080", Some("http://10.1.2.3:8080")),
            ("something else", None),
        ] {
            assert_eq!(reachable(said).as_deref(), url);
        }
    }

    #[test]
    fn who_is_not_there_yet_is_named() {
        let list = json!([
            {"id": "endoscope", "signal": {"state": "ok"}},
            {"id": "robot", "signal": {"state": "lost"}, "fault": "port in use"},
        ]);
        assert_eq!(
            all(&list, 3, "/signal/state", "ok").unwrap_err(),
            "robot is lost (port in use), 2 of 3 are known"
        );
        let list = json!([{"id": "main", "route": {"state": "live"}}]);
        assert_eq!(all(&list, 1, "/route/state", "live"), Ok(()));
    }
}
