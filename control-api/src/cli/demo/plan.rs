//! What a demo consists of: names, addresses and command lines.

use std::{
    env,
    ffi::OsString,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use ormatrix_client::types::{Leg, OnLoss, OutputBody, OutputStreamBody};

use super::{
    super::supervise::process::Launch,
    ports::{self, LOOPBACK},
    state::State,
};
use crate::api::levels::RAMP_MS;

/// Pictures by pattern, with names as an operating room has them.
const SCENES: [(&str, &str, &str); 6] = [
    ("endoscope", "Endoscope", "Tower"),
    ("robot", "Surgical robot", "Robot"),
    ("xray", "C-arm X-ray", "Table"),
    ("ultrasound", "Ultrasound", "Cart"),
    ("room", "Room camera", "Ceiling"),
    ("monitor", "Patient monitor", "Anaesthesia"),
];

/// Places where pictures are seen.
const PLACES: [(&str, &str, &str); 4] = [
    ("main", "Surgeon's display", "Table"),
    ("assistant", "Assistant's display", "Table"),
    ("wall", "Wall display", "Wall"),
    ("teaching", "Lecture hall", "Outside"),
];

/// Every source begins its frames this much after the one before: nobody is genlocked, and
/// no two cut at the same moment (2.9 ms are far from any part of a frame period).
const OFFSET_US: u64 = 2900;

/// The router's setting for the priority of its lanes, and what the demo sets where this user
/// may. Else, on a machine that does other things too, the router waits for them, its buffers
/// overflow, and frames are cut that a busy machine could have passed on whole.
const ROUTER_PRIORITY: &str = "ORMATRIX_ROUTER_PRIORITY";
const PRIORITY: u8 = 20;
/// Everything of the demo shares one machine: polling less often than by default leaves more
/// of it, and a fifth of a millisecond nobody sees.
const ROUTER_COALESCE: (&str, &str) = ("ORMATRIX_ROUTER_COALESCE_US", "200");

/// A picture that enters the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its id.
    pub id: String,
    label: String,
    zone: &'static str,
    pattern: &'static str,
    offset_us: u64,
    ports: LevelPorts,
}

/// Where each level goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelPorts {
    /// The picture.
    pub video: u16,
    /// The sound.
    pub audio: u16,
    /// The ancillary data.
    pub ancillary: u16,
}

impl LevelPorts {
    fn all(self) -> [u16; 3] {
        [self.video, self.audio, self.ancillary]
    }
}

/// A place where a picture is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub label: String,
    zone: &'static str,
    ports: LevelPorts,
}

/// Inputs, outputs and their ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What enters.
    pub inputs: Vec<Input>,
    /// What leaves.
    pub outputs: Vec<Output>,
}

impl Plan {
    /// That many inputs and outputs on ports that are free now.
    pub fn new(inputs: usize, outputs: usize) -> io::Result<Self> {
        let mut free = ports::free(3 * (inputs + outputs))?.into_iter();
        let mut next = || free.next().unwrap_or_default();
        let mut ports = || LevelPorts { video: next(), audio: next(), ancillary: next() };
        let numbered = |text: &str, index: usize, of: usize, gap: &str| match index / of {
            0 => text.to_owned(),
            round => format!("{text}{gap}{}", round + 1),
        };
        let input = |index: usize| {
            let (pattern, label, zone) = SCENES[index % SCENES.len()];
            Input {
                id: numbered(pattern, index, SCENES.len(), "-"),
                label: numbered(label, index, SCENES.len(), " "),
                zone,
                pattern,
                offset_us: OFFSET_US * index as u64,
                ports: ports(),
            }
        };
        let inputs = (0..inputs).map(input).collect();
        let output = |index: usize| {
            let (id, label, zone) = PLACES[index % PLACES.len()];
            Output {
                id: numbered(id, index, PLACES.len(), "-"),
                label: numbered(label, index, PLACES.len(), " "),
                zone,
                ports: ports(),
            }
        };
        Ok(Self { inputs, outputs: (0..outputs).map(output).collect() })
    }

    /// Every port that something goes to.
    pub fn ports(&self) -> Vec<u16> {
        let inputs = self.inputs.iter().flat_map(|input| input.ports.all());
        inputs.chain(self.outputs.iter().flat_map(|output| output.ports.all())).collect()
    }

    /// The input that has another to fall back on, and that.
    pub fn backup(&self) -> Option<(&Input, &Input)> {
        Some((self.inputs.first()?, self.inputs.get(1)?))
    }

    /// What is shown at the start: output by output the inputs in turn.
    pub fn routes(&self) -> impl Iterator<Item = (&Output, &Input)> {
        self.outputs.iter().zip(self.inputs.iter().cycle())
    }
}

impl Output {
    /// What the API is told of it: every level, and a slate when its source is lost.
    pub fn body(&self) -> OutputBody {
        let legs = |port: u16| vec![Leg::new(LOOPBACK.to_string(), port.into())];
        OutputBody {
            label: Some(self.label.clone()),
            zone: Some(self.zone.to_owned()),
            audio: Some(OutputStreamBody::new(legs(self.ports.audio))),
            ancillary: Some(OutputStreamBody::new(legs(self.ports.ancillary))),
            on_loss: Some(OnLoss::Slate),
            ..OutputBody::new(legs(self.ports.video))
        }
    }
}

/// The programs, beside the one that runs now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

/// A program of the demo that is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} is not there: the demo needs it beside this program; build all with \
     `cargo build --release --workspace --bins`", .0.display()
)]
pub struct NoProgram(PathBuf);

/// A format that no source can send.
#[derive(Debug, thiserror::Error)]
#[error("--format: {0}")]
pub struct BadFormat(String);

impl Programs {
    /// Looks for them.
    pub fn find() -> Result<Self, NoProgram> {
        let own = env::current_exe().unwrap_or_default();
        let folder = own.parent().unwrap_or(Path::new("")).to_owned();
        for name in ["ormatrix-router", "ormatrix-control", "ormatrix-source", "ormatrix-sink"] {
            let program = folder.join(name);
            if !program.is_file() {
                return Err(NoProgram(program));
            }
        }
        Ok(Self { folder })
    }

    /// Has a source say whether it could send a format.
    pub fn check_format(&self, format: &str) -> Result<(), BadFormat> {
        let program = self.folder.join("ormatrix-source");
        let said = Command::new(&program)
            // It wants to know where to; nothing is sent.
            .args(["check-config", "--to", "127.0.0.1:9", "--format", format])
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| BadFormat(format!("cannot run {}: {error}", program.display())))?;
        if said.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&said.stderr);
        let line = text.trim().lines().last().unwrap_or_default();
        // It speaks as a log does: time and level first.
        let reason = line.split_once("ERROR ").map_or(line, |(_, reason)| reason);
        Err(BadFormat(reason.to_owned()))
    }

    fn launch(&self, state: &State, program: &str, log: &str, arguments: &[&str]) -> Launch {
        Launch {
            program: self.folder.join(program),
            arguments: arguments.iter().map(OsString::from).collect(),
            variables: Vec::new(),
            log: state.logs().join(format!("{log}.log")),
        }
    }

    /// The router.
    pub fn router(&self, state: &State) -> Launch {
        let mut launch = self.launch(state, "ormatrix-router", "router", &[]);
        launch.arguments.extend([
            OsString::from("--socket"),
            state.socket().into(),
            "--snapshot".into(),
            state.router().join("snapshot.json").into(),
        ]);
        let (coalesce, microseconds) = ROUTER_COALESCE;
        if env::var_os(coalesce).is_none() {
            launch.variables.push((coalesce, microseconds.to_owned()));
        }
        if env::var_os(ROUTER_PRIORITY).is_none() && real_time() {
            launch.variables.push((ROUTER_PRIORITY, PRIORITY.to_string()));
        }
        launch
    }

    /// The control plane.
    pub fn control(&self, state: &State, listen: SocketAddr) -> Launch {
        let listen = listen.to_string();
        let mut launch = self.launch(state, "ormatrix-control", "control", &["--listen", &listen]);
        launch.arguments.extend([
            OsString::from("--router-socket"),
            state.socket().into(),
            "--state-dir".into(),
            state.control().into(),
        ]);
        launch
    }

    /// A source that registers itself.
    pub fn source(&self, state: &State, url: &str, input: &Input, format: &str) -> Launch {
        let to = |port: u16| SocketAddr::new(LOOPBACK, port).to_string();
        let (audio, ancillary) = (to(input.ports.audio), to(input.ports.ancillary));
        let to = to(input.ports.video);
        let offset = input.offset_us.to_string();
        self.launch(
            state,
            "ormatrix-source",
            &format!("source-{}", input.id),
            &[
                "--register",
                url,
                "--id",
                &input.id,
                "--name",
                &input.id,
                "--label",
                &input.label,
                "--zone",
                input.zone,
                "--pattern",
                input.pattern,
                "--format",
                format,
                "--offset-us",
                &offset,
                "--to",
                &to,
                "--audio",
                "tone",
                "--audio-to",
                &audio,
                "--ancillary",
                "atc",
                "--ancillary-to",
                &ancillary,
            ],
        )
    }

    /// A window, which registers itself.
    pub fn window(&self, state: &State, url: &str, output: &Output) -> Launch {
        let at = SocketAddr::new(LOOPBACK, output.ports.video).to_string();
        let arguments = [
            "display",
            "--register",
            url,
            "--id",
            &output.id,
            "--label",
            &output.label,
            "--zone",
            output.zone,
            "--at",
            &at,
        ];
        self.launch(state, "ormatrix-sink", &format!("sink-{}", output.id), &arguments)
    }

    /// The judge of every level of an output that shows something.
    pub fn judge(&self, state: &State, url: &str, output: &Output) -> Launch {
        let sdp = format!("{url}/api/v1/outputs/{}/sdp", output.id);
        let ramp_ms = RAMP_MS.to_string();
        let arguments = ["check", "--json", "--breakaway", "--ramp-ms", &ramp_ms, "--sdp", &sdp];
        self.launch(state, "ormatrix-sink", &format!("sink-{}", output.id), &arguments)
    }

    /// Who finds frozen and black pictures, and measures what somebody asks about.
    pub fn watcher(&self, state: &State, url: &str) -> Launch {
        self.launch(state, "ormatrix-sink", "watch", &["watch", "--control", url])
    }

    /// The taker of stills.
    pub fn stills(&self, state: &State, url: &str) -> Launch {
        self.launch(state, "ormatrix-sink", "stills", &["stills", "--control", url])
    }
}

/// Whether this user may have real-time priority; tried in a thread that ends at once.
fn real_time() -> bool {
    let tried = thread::spawn(|| ormatrix_io::thread::prioritise(PRIORITY));
    tried.join().is_ok_and(|granted| granted.is_ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_ports_differ_however_many() {
        let plan = Plan::new(14, 9).unwrap();
        let ids = |list: Vec<&String>| list.into_iter().collect::<BTreeSet<_>>().len();
        assert_eq!(ids(plan.inputs.iter().map(|input| &input.id).collect()), 14);
        assert_eq!(ids(plan.inputs.iter().map(|input| &input.label).collect()), 14);
        assert_eq!(ids(plan.outputs.iter().map(|output| &output.id).collect()), 9);
        assert_eq!(plan.ports().into_iter().collect::<BTreeSet<_>>().len(), 3 * 23);
        assert_eq!(
            (plan.inputs[6].id.as_str(), plan.inputs[6].label.as_str()),
            ("endoscope-2", "Endoscope 2")
        );
    }

    #[test]
    fn outputs_show_different_inputs_while_there_are_some() {
        let plan = Plan::new(3, 4).unwrap();
        let shown: Vec<&str> = plan.routes().map(|(_, input)| input.id.as_str()).collect();
        assert_eq!(shown, ["endoscope", "robot", "xray", "endoscope"]);
    }

    #[test]
    fn no_two_sources_are_in_step() {
        let plan = Plan::new(6, 1).unwrap();
        for rate in [60, 50, 30, 25] {
            let period = 1_000_000 / rate;
            let phases: BTreeSet<u64> =
                plan.inputs.iter().map(|input| input.offset_us % period / 500).collect();
            assert_eq!(phases.len(), 6, "at {rate} frames a second");
        }
    }
}
