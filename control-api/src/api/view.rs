//! Shapes of the answers.
//!
//! What only the router knows is `unknown` or null while it is away: a last known value
//! would be a claim that nobody can vouch for.

use std::collections::BTreeMap;

use ormatrix_protocol::{
    AncillaryInput, AudioInput, Back, DropReason, Failover, InputId, Leg, LegCounters, Level,
    MergeOrder, MonitorStatus, OnLoss, OutputCounters, OutputId, Route, RouteState, SignalState,
    StandIn, WithheldReason,
};
use serde::Serialize;
use st2110::{
    format::VideoFormat,
    sdp::{Range, TransferCharacteristic},
};
use utoipa::ToSchema;

use super::{
    findings::FindingsView,
    levels::{ByLevel, InputLevelView, OutputLevelView, OutputStreamView},
    schema,
};
use crate::{
    app::App,
    inventory::{Accepts, Input, Output, Stream},
    mirror::{Mirror, Reception},
    time::rfc3339,
};

/// An input and what it does now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Input)]
pub struct InputView {
    /// Its name for programs.
    #[schema(value_type = String, example = "endoscope")]
    pub id: InputId,
    /// Its name for people.
    pub label: String,
    /// Where it stands.
    pub zone: String,
    /// What it sends.
    #[schema(value_type = schema::Video)]
    pub video: VideoFormat,
    /// Where it arrives.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// How two legs become one stream.
    pub merge: MergeView,
    /// RTP payload type.
    pub payload_type: u8,
    /// Longest UDP datagram with its header.
    pub max_udp: u16,
    /// As ST 2110-20 §7.5 names it.
    pub colorimetry: &'static str,
    /// As ST 2110-20 §7.6 names it; SDR where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcs: Option<&'static str>,
    /// As ST 2110-20 §7.3 names it; narrow where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<&'static str>,
    /// Its sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::AudioInput>)]
    pub audio: Option<AudioInput>,
    /// Its ancillary data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::AncillaryInput>)]
    pub ancillary: Option<AncillaryInput>,
    /// Inputs that may stand in for it when it fails.
    #[schema(value_type = Vec<String>)]
    pub backups: Vec<InputId>,
    /// What counts as failure, and when it is shown again.
    pub failover: FailoverView,
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

/// What counts as failure of an input, and when it is shown again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failover)]
#[allow(clippy::struct_field_names, reason = "the names are those of the answer")]
pub struct FailoverView {
    /// `automatic`: as soon as its signal has been good long enough; `manual`: when somebody
    /// takes it again.
    #[schema(value_type = schema::Back)]
    pub back: Back,
    /// Milliseconds of good signal before it is shown again.
    pub steady_ms: u32,
    /// A picture that does not change for so many milliseconds has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_ms: Option<u32>,
    /// A picture that is black for so many milliseconds has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_ms: Option<u32>,
}

/// How two legs become one stream (ST 2022-7).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Merge)]
pub struct MergeView {
    /// How far one leg may be behind the other, microseconds.
    pub skew_us: u32,
    /// Whether packets leave in order.
    #[schema(value_type = schema::MergeOrder)]
    pub order: MergeOrder,
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
    /// Its name for programs.
    #[schema(value_type = String, example = "main-monitor")]
    pub id: OutputId,
    /// Its name for people.
    pub label: String,
    /// Where it stands.
    pub zone: String,
    /// Where it goes.
    #[schema(value_type = Vec<schema::Leg>)]
    pub legs: Vec<Leg>,
    /// RTP payload type.
    pub payload_type: u8,
    /// The synchronisation source it keeps through every take.
    pub ssrc: u32,
    /// IP time to live or hop limit.
    pub ttl: u8,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Formats it takes, or `"any"`.
    #[schema(value_type = schema::Accepts)]
    pub accepts: Accepts,
    /// Where its sound goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<OutputStreamView>,
    /// Where its ancillary data go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ancillary: Option<OutputStreamView>,
    /// What it sends when its input is lost and nothing stands in.
    #[schema(value_type = schema::OnLoss)]
    pub on_loss: OnLoss,
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
        Self {
            id: input.id.clone(),
            label: input.label.clone(),
            zone: input.zone.clone(),
            video: input.video,
            legs: input.legs.clone(),
            merge: MergeView { skew_us: input.merge.skew_us, order: input.merge.order },
            payload_type: input.payload_type,
            max_udp: input.max_udp,
            colorimetry: input.colour.colorimetry.as_str(),
            tcs: input.colour.tcs.map(TransferCharacteristic::as_str),
            range: input.colour.range.map(Range::as_str),
            audio: input.audio.clone(),
            ancillary: input.ancillary.clone(),
            backups: input.failover.backups.clone(),
            failover: FailoverView::of(&input.failover),
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

impl FailoverView {
    fn of(failover: &Failover) -> Self {
        Self {
            back: failover.back,
            steady_ms: failover.steady_ms.0,
            frozen_ms: failover.frozen_ms,
            black_ms: failover.black_ms,
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
        let stream = |level, stream: &Option<_>| {
            stream.as_ref().map(|stream| OutputStreamView::of(level, stream))
        };
        Self {
            id: output.id.clone(),
            label: output.label.clone(),
            zone: output.zone.clone(),
            legs: output.legs.clone(),
            payload_type: output.payload_type,
            ssrc: output.ssrc,
            ttl: output.ttl,
            dscp: output.dscp,
            accepts: output.accepts.clone(),
            audio: stream(Level::Audio, &output.audio),
            ancillary: stream(Level::Ancillary, &output.ancillary),
            on_loss: output.on_loss,
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
