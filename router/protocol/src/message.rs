//! The messages themselves.

use serde::{Deserialize, Serialize};
use st2110::level::Level;

use crate::{
    refusal::Refusal,
    request_id::RequestId,
    spec::{InputId, InputSpec, MonitorSpec, OutputId, OutputSpec, Take},
    status::{Findings, Route, RouterStatus, Signal, Telemetry},
};

/// A command and the number that its reply will carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the client.
    pub id: u64,
    /// What the client's own log calls that which led to this; the router's log repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// What to do.
    pub command: Command,
}

/// What the router can be asked to do. Each is done whole or refused whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "read, done and dropped one at a time")]
pub enum Command {
    /// Adds an input, or changes the one of that id; routes to it stay.
    PutInput(InputSpec),
    /// Removes an input that is on no output.
    RemoveInput {
        /// Which.
        input: InputId,
    },
    /// Adds an output, or changes the one of that id; its route stays.
    PutOutput(OutputSpec),
    /// Removes an output.
    RemoveOutput {
        /// Which.
        output: OutputId,
    },
    /// Watches an input, or changes how it is watched.
    PutMonitor(MonitorSpec),
    /// Stops watching an input.
    RemoveMonitor {
        /// Which.
        input: InputId,
    },
    /// One or more takes, all or none; outputs that take the same input join it on the
    /// same frame. The reply tells that they were accepted; [`Event::Route`] when done.
    Salvo {
        /// At least one, each level of an output once.
        takes: Vec<Take>,
        /// When, TAI ns since 1970: every output leaves its source after the last frame whose
        /// RTP timestamp is older, and joins the other with the first that is not older and
        /// begins when the last one has ended. Outputs that come to a source together join it
        /// on the same frame. At once if not given; up to an hour ahead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<u64>,
    },
    /// Calls off takes that wait for their time.
    CancelSalvo {
        /// The number that [`Reply::Taking`] gave.
        take: u64,
    },
    /// Tells what somebody who looks at an input's picture has found; a fault that the input
    /// counts as failure ([`crate::Failover`]) is one from now on, until reported otherwise.
    Report {
        /// Which input.
        input: InputId,
        /// What was found.
        findings: Findings,
    },
    /// Asks for the whole status.
    Status,
}

impl Command {
    /// Its kind, as logs and traces name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PutInput(_) => "put-input",
            Self::RemoveInput { .. } => "remove-input",
            Self::PutOutput(_) => "put-output",
            Self::RemoveOutput { .. } => "remove-output",
            Self::PutMonitor(_) => "put-monitor",
            Self::RemoveMonitor { .. } => "remove-monitor",
            Self::Salvo { at: None, .. } => "salvo",
            Self::Salvo { at: Some(_), .. } => "salvo-at",
            Self::CancelSalvo { .. } => "cancel-salvo",
            Self::Report { .. } => "report",
            Self::Status => "status",
        }
    }
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub enum Reply {
    /// It is done.
    Done,
    /// The takes are under way under this number (see [`Route::take`]).
    Taking {
        /// The number shared by the takes of one salvo.
        take: u64,
    },
    /// The whole status.
    Status(Box<RouterStatus>),
}

/// What the router tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum FromRouter {
    /// First, before anything else.
    Hello {
        /// [`crate::PROTOCOL_VERSION`].
        protocol: u32,
        /// The whole truth to start from.
        status: Box<RouterStatus>,
    },
    /// The answer to a request.
    Reply {
        /// The request's number.
        id: u64,
        /// Done or refused.
        result: Result<Reply, Refusal>,
    },
    /// Something happened.
    Event(Event),
}

/// What happens by itself or by anyone's command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An output's route changed state.
    Route {
        /// Which output.
        output: OutputId,
        /// Which level of it.
        #[serde(default)]
        level: Level,
        /// What it is now.
        route: Route,
    },
    /// An input's signal changed state.
    Signal {
        /// Which input.
        input: InputId,
        /// Which level of it.
        #[serde(default)]
        level: Level,
        /// What it is now.
        signal: Signal,
    },
    /// Something was found about an input's picture.
    Findings {
        /// Which input.
        input: InputId,
        /// What holds now.
        findings: Findings,
    },
    /// Takes that waited for their time were called off, or it has come: then they are under
    /// way under a number of their own, newer than any take of the meantime.
    Scheduled {
        /// Their number.
        take: u64,
        /// Whether they are under way now.
        started: bool,
    },
    /// Inputs, outputs or monitors were added, changed or removed, by whichever client.
    Inventory,
    /// All counters, once a second.
    Telemetry(Telemetry),
}
