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

use ormatrix_client::{
    Client, Error, PutInputOptions, PutOutputOptions,
    types::{Input, InputBody, OnLoss, Output, OutputBody, Ready, RouteBody},
};
use ormatrix_io::{Clock, SystemClock};

use super::{
    super::supervise::crew::{Crew, Role, What},
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
            client: Client::new(""),
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
        stage.client = Client::new(&stage.url);
        stage.wait(START, "the router to connect", |stage| {
            let ready = stage.client.readyz().and_then(|ready| ready.value());
            match ready.map_err(|error| error.to_string())? {
                Ready { ready: true, .. } => Ok(()),
                Ready { detail, .. } => Err(detail.unwrap_or_default()),
            }
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
                let options = PutOutputOptions::default();
                self.client.put_output(&output.id, &output.body(), &options)?;
            }
        }
        for input in &plan.inputs {
            let launch = self.programs.source(&self.state, &self.url, input, format);
            self.crew.start(&format!("source {}", input.id), Role::Source, launch)?;
        }
        let (inputs, outputs) = (plan.inputs.len(), plan.outputs.len());
        self.wait(UP, "every input to have signal", |stage| {
            let said = |error: Error| error.to_string();
            all(&stage.inputs().map_err(said)?, inputs, of_input, "ok")?;
            let known = stage.outputs().map_err(said)?.len();
            if known == outputs {
                Ok(())
            } else {
                Err(format!("{known} of {outputs} outputs are known"))
            }
        })?;
        self.protect(plan)?;
        for (output, input) in plan.routes() {
            // On a machine that is too slow a signal may be lost just now; it comes back.
            let take = RouteBody {
                wait_ms: Some(0),
                force: Some(true),
                ..RouteBody::new(input.id.clone())
            };
            self.client.put_route(&output.id, &take)?;
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
            let list = stage.outputs().map_err(|error| error.to_string())?;
            all(&list, outputs, of_output, "live")
        })
    }

    /// Gives one input another to fall back on, and windows a slate.
    fn protect(&self, plan: &Plan) -> Result<(), DemoError> {
        // What is answered beyond a body is not put into it.
        if let Some((input, backup)) = plan.backup() {
            let mut body: InputBody = self.client.get_input(&input.id)?.typed().value()?;
            body.backups = Some(vec![backup.id.clone()]);
            self.client.put_input(&input.id, &body, &PutInputOptions::default())?;
        }
        for output in plan.outputs.iter().filter(|_| self.windows) {
            let mut body: OutputBody = self.client.get_output(&output.id)?.typed().value()?;
            body.on_loss = Some(OnLoss::Slate);
            self.client.put_output(&output.id, &body, &PutOutputOptions::default())?;
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

    fn inputs(&self) -> Result<Vec<Input>, Error> {
        self.client.list_inputs()?.value()
    }

    fn outputs(&self) -> Result<Vec<Output>, Error> {
        self.client.list_outputs()?.value()
    }

    /// Frames a second of the first input.
    fn rate(&self) -> Result<f64, DemoError> {
        let inputs = self.inputs()?;
        let text = inputs.first().map(|input| &*input.video.rate).unwrap_or_default();
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
        reading.count_inputs(&self.inputs()?);
        reading.count_outputs(&self.outputs()?);
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

/// How one of a list stands.
struct Standing<'a> {
    id: &'a str,
    is: &'a str,
    fault: Option<&'a str>,
}

fn of_input(input: &Input) -> Standing<'_> {
    Standing { id: &input.id, is: input.signal.state.as_str(), fault: input.fault.as_deref() }
}

fn of_output(output: &Output) -> Standing<'_> {
    Standing { id: &output.id, is: output.route.state.as_str(), fault: output.fault.as_deref() }
}

/// Whether all of a list are in a state; if not, who is in which.
fn all<T>(list: &[T], count: usize, of: fn(&T) -> Standing<'_>, state: &str) -> Result<(), String> {
    let mut others: Vec<String> = list
        .iter()
        .map(of)
        .filter(|one| one.is != state)
        .map(|Standing { id, is, fault }| {
            let fault = fault.map(|fault| format!(" ({fault})")).unwrap_or_default();
            format!("{id} is {is}{fault}")
        })
        .collect();
    if list.len() != count {
        others.push(format!("{} of {count} are known", list.len()));
    }
    if others.is_empty() { Ok(()) } else { Err(others.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::samples, *};

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
        let list = [
            json!({"id": "endoscope", "signal": {"state": "ok"}}),
            json!({"id": "robot", "signal": {"state": "lost"}, "fault": "port in use"}),
        ];
        let list = list.each_ref().map(samples::input);
        assert_eq!(
            all(&list, 3, of_input, "ok").unwrap_err(),
            "robot is lost (port in use), 2 of 3 are known"
        );
        let list = [samples::output(&json!({"id": "main", "route": {"state": "live"}}))];
        assert_eq!(all(&list, 1, of_output, "live"), Ok(()));
    }
}
