//! What the router last told: the truth about sockets, signals and routes.

use std::collections::BTreeMap;

use ormatrix_protocol::{
    InputCounters, InputId, InputSpec, MonitorStatus, OutputCounters, OutputId, OutputSpec, Route,
    RouteState, RouterStatus, Signal, SignalState, status::Telemetry,
};

/// The router's state, kept up to date by its events.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// Version of the router's program.
    pub version: String,
    /// Differs for every start of the router.
    pub instance: u64,
    /// When it started, ns since the Unix epoch.
    pub started_at: u64,
    /// Lanes at work.
    pub lanes: u16,
    /// Every input it has.
    pub inputs: BTreeMap<InputId, InputNow>,
    /// Every output it has.
    pub outputs: BTreeMap<OutputId, OutputNow>,
    /// Every monitor, by input.
    pub monitors: BTreeMap<InputId, MonitorStatus>,
    telemetry_at: Option<u64>,
}

/// One input at the router.
#[derive(Clone, Debug)]
pub struct InputNow {
    /// What it was asked for.
    pub spec: InputSpec,
    /// Its signal.
    pub signal: Signal,
    /// Its counters.
    pub counters: InputCounters,
    /// From the last two telemetry messages; `None` until both have come.
    pub bits_per_second: Option<u64>,
}

/// One output at the router.
#[derive(Clone, Debug)]
pub struct OutputNow {
    /// What it was asked for.
    pub spec: OutputSpec,
    /// What it shows.
    pub route: Route,
    /// Its counters.
    pub counters: OutputCounters,
}

impl Mirror {
    /// The state a status describes. Rates carry over from `before`, the mirror it replaces,
    /// when that is of the same run of the router.
    pub fn new(status: RouterStatus, before: Option<&Self>) -> Self {
        let before = before.filter(|mirror| mirror.instance == status.instance);
        let rate = |id: &InputId| before?.inputs.get(id)?.bits_per_second;
        let inputs = status.inputs.into_iter().map(|input| {
            let bits_per_second = rate(&input.spec.id);
            let now = InputNow {
                signal: input.signal,
                counters: input.counters,
                bits_per_second,
                spec: input.spec,
            };
            (now.spec.id.clone(), now)
        });
        let outputs = status.outputs.into_iter().map(|output| {
            let now =
                OutputNow { route: output.route, counters: output.counters, spec: output.spec };
            (now.spec.id.clone(), now)
        });
        Self {
            version: status.version,
            instance: status.instance,
            started_at: status.started_at,
            lanes: status.lanes,
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            monitors: status.monitors.into_iter().map(|m| (m.spec.input.clone(), m)).collect(),
            // Counters of a status are as of no stated moment: the next rate needs two messages.
            telemetry_at: None,
        }
    }

    /// The outputs that show or shall show an input.
    pub fn tally(&self, input: &InputId) -> Vec<OutputId> {
        let routed = |now: &&OutputNow| {
            now.route.state != RouteState::None && now.route.input.as_ref() == Some(input)
        };
        self.outputs.values().filter(routed).map(|now| now.spec.id.clone()).collect()
    }

    /// A route changed.
    pub fn set_route(&mut self, output: &OutputId, route: Route) {
        if let Some(now) = self.outputs.get_mut(output) {
            now.route = route;
        }
    }

    /// A signal changed.
    pub fn set_signal(&mut self, input: &InputId, signal: Signal) {
        if let Some(now) = self.inputs.get_mut(input) {
            now.signal = signal;
            if signal.state == SignalState::Lost {
                now.bits_per_second = Some(0);
            }
        }
    }

    /// New counters; rates come from the difference to the last.
    pub fn set_telemetry(&mut self, telemetry: Telemetry) {
        let elapsed = self.telemetry_at.map(|at| telemetry.at.saturating_sub(at));
        for (id, counters) in telemetry.inputs {
            if let Some(now) = self.inputs.get_mut(&id) {
                if let Some(elapsed) = elapsed.filter(|ns| *ns > 0) {
                    let bytes = counters.bytes.saturating_sub(now.counters.bytes);
                    let bits = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(elapsed);
                    now.bits_per_second = Some(u64::try_from(bits).unwrap_or(u64::MAX));
                }
                now.counters = counters;
            }
        }
        for (id, counters) in telemetry.outputs {
            if let Some(now) = self.outputs.get_mut(&id) {
                now.counters = counters;
            }
        }
        for (id, counters) in telemetry.monitors {
            if let Some(now) = self.monitors.get_mut(&id) {
                now.counters = counters;
            }
        }
        self.telemetry_at = Some(telemetry.at);
    }
}
