//! Shapes of the answers.
//!
//! What only the router knows is `unknown` or null while it is away: a last known value
//! would be a claim that nobody can vouch for.

use std::collections::BTreeMap;

use ormatrix_protocol::{
    DropReason, InputId, Leg, LegCounters, Level, MonitorStatus, OutputCounters, OutputId, Route,
    RouteState, SignalState, StandIn, WithheldReason,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    config::{InputConfig, OutputConfig},
    findings::FindingsView,
    levels::{ByLevel, InputLevelView, OutputLevelView},
    locks::LockView,
    schema,
};
use crate::{
    app::App,
    inventory::{Input, Output, Stream},
    mirror::{Mirror, Reception},
    time::rfc3339,
};

/// An input and what it does now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Input)]
pub struct InputView {
    /// As it was configured.
    #[serde(flatten)]
    pub config: InputConfig,
    /// Changes with the configuration; `If-Match` takes it.
    #[schema(example = "5f2a9c01d4e7b380")]
    pub revision: String,
    /// Whether pictures arrive.
    pub signal: SignalView,
    /// What was found by looking at them; null while the router is away.
    pub findings: Option<FindingsView>,
    /// The levels beside its picture.
    #[serde(skip_serializing_if = "ByLevel::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, InputLevelView>, required = false)]
    pub levels: ByLevel<InputLevelView>,
    /// Outputs that show or shall show it; empty while the router is away.
    #[schema(value_type = Vec<String>)]
    pub tally: Vec<OutputId>,
    /// When the latest still was taken.
    pub still_at: Option<String>,
    /// Why the router does not receive it, when it refused to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What of an SDP was not taken over; only in the answer to that SDP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub warnings: Vec<String>,
}

/// What one leg of an input has brought since the router started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LegSignal)]
pub struct LegSignalView {
    /// Whether the stream arrives on it now.
    pub alive: bool,
    /// Packets that arrived.
    pub packets: u64,
    /// Packets missing between others of this leg.
    pub lost_packets: u64,
    /// How much later than on the other leg packets arrive, microseconds.
    pub behind_us: u32,
    /// Packets not accepted, by reason.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub dropped: BTreeMap<DropReason, u64>,
}

/// What one leg of an output has sent since the router started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LegSent)]
pub struct LegSentView {
    /// Packets.
    pub packets: u64,
    /// Packets that the kernel would not send.
    pub failed_packets: u64,
    /// What the kernel said when it last refused to send, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_error: Option<String>,
}

/// An input's signal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Signal)]
pub struct SignalView {
    /// `ok`, `unstable`, `lost`; `unknown` while the router is away.
    #[schema(value_type = schema::SignalState)]
    pub state: &'static str,
    /// Since when (RFC 3339).
    pub since: Option<String>,
    /// Over the last second; null until two readings have come.
    pub bits_per_second: Option<u64>,
    /// Packets that arrived since the router started.
    pub packets: Option<u64>,
    /// Packets missing in the sequence.
    pub lost_packets: Option<u64>,
    /// Frames that arrived complete.
    pub whole_frames: Option<u64>,
    /// Frames whose end never came.
    pub cut_frames: Option<u64>,
    /// Packets not accepted, by reason.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub dropped: BTreeMap<DropReason, u64>,
    /// What each leg brings, in the order of the legs; empty while the router is away.
    pub legs: Vec<LegSignalView>,
}

/// An output and what it shows now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Output)]
pub struct OutputView {
    /// As it was configured.
    #[serde(flatten)]
    pub config: OutputConfig,
    /// Changes with the configuration; `If-Match` takes it.
    #[schema(example = "5f2a9c01d4e7b380")]
    pub revision: String,
    /// Who keeps it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockView>,
    /// What it shows.
    pub route: RouteView,
    /// The levels beside its picture.
    #[serde(skip_serializing_if = "ByLevel::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, OutputLevelView>, required = false)]
    pub levels: ByLevel<OutputLevelView>,
    /// What left; null while the router is away.
    pub sent: Option<SentView>,
    /// Why the router does not send it, when it refused to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What of an SDP was not taken over; only in the answer to that SDP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub warnings: Vec<String>,
}

/// What is on an output.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Route)]
pub struct RouteView {
    /// What it shows or shall show.
    #[schema(value_type = Option<String>)]
    pub input: Option<InputId>,
    /// `none`, `switching`, `waiting`, `live`, `no-signal`; `unknown` while the router is
    /// away.
    #[schema(value_type = schema::RouteState)]
    pub state: &'static str,
    /// Since when (RFC 3339).
    pub since: Option<String>,
    /// When the first whole frame had left.
    pub confirmed_at: Option<String>,
    /// Number of the take that asked for it.
    pub take: Option<u64>,
    /// What is shown in its place, because it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::StandIn>)]
    pub stand_in: Option<StandIn>,
}

/// What an output or monitor has sent since the router started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sent)]
pub struct SentView {
    /// Packets.
    pub packets: u64,
    /// Their octets, UDP payload.
    pub bytes: u64,
    /// Whole frames.
    pub whole_frames: u64,
    /// Completed takes.
    pub takes: u64,
    /// Packets not sent, by reason.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub withheld: BTreeMap<WithheldReason, u64>,
    /// What the kernel said when it last refused to send, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_error: Option<String>,
    /// What left on each leg, in the order of the legs.
    pub legs: Vec<LegSentView>,
}

/// A watched input.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Monitor)]
pub struct MonitorView {
    /// The input.
    #[schema(value_type = String)]
    pub input: InputId,
    /// Where the frames go.
    #[schema(value_type = schema::Leg)]
    pub leg: Leg,
    /// Least time between two frames.
    pub interval_ms: u32,
    /// What left.
    pub sent: SentView,
}

/// The connection to the router.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Router)]
pub struct RouterView {
    /// Whether it is there.
    pub connected: bool,
    /// Whether it has been brought together with the inventory.
    pub reconciled: bool,
    /// Version of its program.
    pub version: Option<String>,
    /// When it started (RFC 3339).
    pub started_at: Option<String>,
    /// Lanes at work.
    pub lanes: Option<u16>,
}

/// The word for a signal's state.
pub fn signal_word(state: SignalState) -> &'static str {
    match state {
        SignalState::Ok => "ok",
        SignalState::Unstable => "unstable",
        SignalState::Lost => "lost",
    }
}

/// The word for a route's state.
pub fn route_word(state: RouteState) -> &'static str {
    match state {
        RouteState::None => "none",
        RouteState::Switching => "switching",
        RouteState::Waiting => "waiting",
        RouteState::Live => "live",
        RouteState::NoSignal => "no-signal",
    }
}

impl SignalView {
    /// A signal as the router tells it; unknown when it does not.
    pub fn of(now: Option<Reception<'_>>) -> Self {
        let counter = |of: fn(Reception<'_>) -> u64| now.map(of);
        Self {
            state: now.map_or("unknown", |now| signal_word(now.signal.state)),
            since: now.map(|now| rfc3339(now.signal.since)),
            bits_per_second: now.and_then(|now| now.bits_per_second),
            packets: counter(|now| now.counters.packets),
            lost_packets: counter(|now| now.counters.lost_packets),
            whole_frames: counter(|now| now.counters.whole_frames),
            cut_frames: counter(|now| now.counters.cut_frames),
            dropped: now.map(|now| now.counters.dropped.clone()).unwrap_or_default(),
            legs: now.map_or_else(Vec::new, |now| {
                now.counters.legs.iter().map(LegSignalView::of).collect()
            }),
        }
    }
}

impl LegSignalView {
    fn of(counters: &LegCounters) -> Self {
        Self {
            alive: counters.alive,
            packets: counters.packets,
            lost_packets: counters.lost_packets,
            behind_us: counters.behind_us,
            dropped: counters.dropped.clone(),
        }
    }
}

impl RouteView {
    /// A route as the router tells it.
    pub fn of(route: &Route) -> Self {
        Self {
            input: route.input.clone(),
            state: route_word(route.state),
            since: Some(rfc3339(route.since)),
            confirmed_at: route.confirmed_at.map(rfc3339),
            take: Some(route.take),
            stand_in: route.stand_in.clone(),
        }
    }

    /// While the router does not tell.
    pub fn unknown() -> Self {
        Self {
            input: None,
            state: "unknown",
            since: None,
            confirmed_at: None,
            take: None,
            stand_in: None,
        }
    }
}

impl SentView {
    /// As the router counts.
    pub fn of(counters: &OutputCounters) -> Self {
        Self {
            packets: counters.packets,
            bytes: counters.bytes,
            whole_frames: counters.whole_frames,
            takes: counters.takes,
            withheld: counters.withheld.clone(),
            send_error: counters.send_error.clone(),
            legs: counters
                .legs
                .iter()
                .map(|leg| LegSentView {
                    packets: leg.packets,
                    failed_packets: leg.failed_packets,
                    send_error: leg.send_error.clone(),
                })
                .collect(),
        }
    }
}

impl InputView {
    /// An input with what is known of it now.
    pub fn of(app: &App, input: &Input) -> Self {
        let beside = || input.levels().into_iter().map(|(level, _)| level).skip(1);
        let (signal, findings, levels, tally) = app.router.read(|mirror| {
            let now = mirror.and_then(|mirror| mirror.inputs.get(&input.id));
            let signal = |level| SignalView::of(now.and_then(|now| now.reception(level)));
            let tally =
                |level| mirror.map(|mirror| mirror.tally_of(&input.id, level)).unwrap_or_default();
            let level =
                |level| (level, InputLevelView { signal: signal(level), tally: tally(level) });
            let findings = now.map(|now| FindingsView::of(&now.findings));
            (signal(Level::Video), findings, beside().map(level).collect(), tally(Level::Video))
        });
        let config = InputConfig::of(input);
        Self {
            revision: config.revision(),
            config,
            signal,
            findings,
            levels,
            tally,
            still_at: app.stills.latest(&input.id).map(|still| rfc3339(still.at)),
            fault: app.faults().inputs.get(input.id.as_str()).cloned(),
            warnings: Vec::new(),
        }
    }
}

impl OutputView {
    /// An output with what is known of it now.
    pub fn of(app: &App, output: &Output) -> Self {
        let beside = || output.levels().into_iter().map(|(level, _)| level).skip(1);
        let ((route, sent), levels) = app.router.read(|mirror| {
            let picture = Self::now(mirror, &output.id, Level::Video);
            let level = |level| {
                let (route, sent) = Self::now(mirror, &output.id, level);
                (level, OutputLevelView { route, sent })
            };
            (picture, beside().map(level).collect())
        });
        let config = OutputConfig::of(output);
        let now = app.clock.unix();
        Self {
            revision: config.revision(),
            config,
            lock: app.inventory().lock(&output.id, now).map(LockView::of),
            route,
            levels,
            sent,
            fault: app.faults().outputs.get(output.id.as_str()).cloned(),
            warnings: Vec::new(),
        }
    }

    /// What is on a level, and what left; unknown where the router does not tell.
    fn now(mirror: Option<&Mirror>, id: &OutputId, level: Level) -> (RouteView, Option<SentView>) {
        let now = mirror.and_then(|mirror| mirror.outputs.get(id));
        let route = now.and_then(|now| now.route(level));
        let counters = now.and_then(|now| match level {
            Level::Video => Some(&now.counters),
            beside => now.levels.get(&beside).map(|now| &now.counters),
        });
        (route.map_or_else(RouteView::unknown, RouteView::of), counters.map(SentView::of))
    }
}

impl MonitorView {
    /// A monitor as the router tells it.
    pub fn of(status: &MonitorStatus) -> Self {
        Self {
            input: status.spec.input.clone(),
            leg: status.spec.leg.clone(),
            interval_ms: status.spec.interval_ms,
            sent: SentView::of(&status.counters),
        }
    }
}
