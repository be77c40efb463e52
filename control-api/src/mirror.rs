//! What the router last told: the truth about sockets, signals and routes.

use std::collections::{BTreeMap, VecDeque};

use ormatrix_protocol::{
    Findings, InputCounters, InputId, InputSpec, Level, MonitorStatus, OutputCounters, OutputId,
    OutputLevel, OutputSpec, Route, RouteState, RouterStatus, Scheduled, Signal, SignalState,
    StandIn, status::Telemetry,
};

/// Takes that are remembered, to be undone.
pub const TAKES: usize = 256;

/// What a take changed. What other clients of the router take is there too.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Its number.
    pub take: u64,
    /// When it was told of first, ns since the Unix epoch.
    pub at: u64,
    /// What it changed, in the order in which the router told it.
    pub changes: Vec<PastChange>,
}

/// What a take changed on one level of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastChange {
    /// The output.
    pub output: OutputId,
    /// The level.
    pub level: Level,
    /// What was on it.
    pub from: Option<InputId>,
    /// What is on it since.
    pub to: Option<InputId>,
}

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
    /// Salvos that wait for their time, by take.
    pub scheduled: BTreeMap<u64, Scheduled>,
    /// The last takes, the latest last; those before this program was connected are not there.
    pub past: VecDeque<Past>,
    telemetry_at: Option<u64>,
}

/// One input at the router.
#[derive(Clone, Debug)]
pub struct InputNow {
    /// What it was asked for.
    pub spec: InputSpec,
    /// Its picture's signal.
    pub signal: Signal,
    /// Its picture's counters.
    pub counters: InputCounters,
    /// Its picture's, from the last two telemetry messages; `None` until both have come.
    pub bits_per_second: Option<u64>,
    /// The levels beside its picture.
    pub levels: BTreeMap<Level, InputLevelNow>,
    /// What was found about its picture.
    pub findings: Findings,
}

/// A level of an input beside its picture.
#[derive(Clone, Debug)]
pub struct InputLevelNow {
    /// Its signal.
    pub signal: Signal,
    /// Its counters.
    pub counters: InputCounters,
    /// As the picture's.
    pub bits_per_second: Option<u64>,
}

/// What arrives on one level of an input.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// Whether it does.
    pub signal: Signal,
    /// How much.
    pub counters: &'a InputCounters,
    /// How fast, once that is known.
    pub bits_per_second: Option<u64>,
}

/// One output at the router.
#[derive(Clone, Debug)]
pub struct OutputNow {
    /// What it was asked for.
    pub spec: OutputSpec,
    /// What it shows.
    pub route: Route,
    /// Its picture's counters.
    pub counters: OutputCounters,
    /// The levels beside its picture.
    pub levels: BTreeMap<Level, OutputLevel>,
}

impl InputNow {
    /// What arrives on a level; `None` where the router has no such level of it.
    pub fn reception(&self, level: Level) -> Option<Reception<'_>> {
        if level == Level::Video {
            let Self { signal, counters, bits_per_second, .. } = self;
            return Some(Reception {
                signal: *signal,
                counters,
                bits_per_second: *bits_per_second,
            });
        }
        let InputLevelNow { signal, counters, bits_per_second } = self.levels.get(&level)?;
        Some(Reception { signal: *signal, counters, bits_per_second: *bits_per_second })
    }

    /// Whether the router receives such a level of it.
    pub fn has(&self, level: Level) -> bool {
        match level {
            Level::Video => true,
            Level::Audio => self.spec.audio.is_some(),
            Level::Ancillary => self.spec.ancillary.is_some(),
        }
    }
}

impl OutputNow {
    /// What is on each of its levels, the picture first.
    pub fn routes(&self) -> impl Iterator<Item = (Level, &Route)> {
        let beside = self.levels.iter().map(|(level, now)| (*level, &now.route));
        std::iter::once((Level::Video, &self.route)).chain(beside)
    }

    /// What is on a level.
    pub fn route(&self, level: Level) -> Option<&Route> {
        match level {
            Level::Video => Some(&self.route),
            beside => self.levels.get(&beside).map(|now| &now.route),
        }
    }
}

/// Whether a route shows or shall show an input, in its own right or as another's backup.
fn shows(route: &Route, input: &InputId) -> bool {
    let stands_in = matches!(&route.stand_in, Some(StandIn::Backup(backup)) if backup == input);
    stands_in || route.state != RouteState::None && route.input.as_ref() == Some(input)
}

/// What a route has or shall have.
fn on(route: &Route) -> Option<InputId> {
    route.input.clone().filter(|_| route.state != RouteState::None)
}

/// Notes what a take changed.
fn remember(past: &mut VecDeque<Past>, take: u64, at: u64, change: PastChange) {
    if let Some(known) = past.iter_mut().rev().find(|past| past.take == take) {
        known.changes.push(change);
        return;
    }
    if past.len() == TAKES {
        past.pop_front();
    }
    past.push_back(Past { take, at, changes: vec![change] });
}

impl Mirror {
    /// The state a status describes. Rates carry over from `before`, the mirror it replaces,
    /// when that is of the same run of the router.
    pub fn new(status: RouterStatus, before: Option<&Self>) -> Self {
        let before = before.filter(|mirror| mirror.instance == status.instance);
        let rate =
            |id: &InputId, level: Level| before?.inputs.get(id)?.reception(level)?.bits_per_second;
        let inputs = status.inputs.into_iter().map(|input| {
            let id = input.spec.id.clone();
            let levels = input.levels.into_iter().map(|(level, now)| {
                let now = InputLevelNow {
                    signal: now.signal,
                    counters: now.counters,
                    bits_per_second: rate(&id, level),
                };
                (level, now)
            });
            let now = InputNow {
                signal: input.signal,
                counters: input.counters,
                bits_per_second: rate(&id, Level::Video),
                levels: levels.collect(),
                findings: input.findings,
                spec: input.spec,
            };
            (id, now)
        });
        let outputs = status.outputs.into_iter().map(|output| {
            let now = OutputNow {
                route: output.route,
                counters: output.counters,
                levels: output.levels,
                spec: output.spec,
            };
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
            scheduled: status.scheduled,
            past: before.map(|before| before.past.clone()).unwrap_or_default(),
            // Counters of a status are as of no stated moment: the next rate needs two messages.
            telemetry_at: None,
        }
    }

    /// The outputs whose picture is or shall be an input's.
    pub fn tally(&self, input: &InputId) -> Vec<OutputId> {
        self.tally_of(input, Level::Video)
    }

    /// The outputs on a level of which an input is or shall be.
    pub fn tally_of(&self, input: &InputId, level: Level) -> Vec<OutputId> {
        let shown = |now: &&OutputNow| now.route(level).is_some_and(|route| shows(route, input));
        self.outputs.values().filter(shown).map(|now| now.spec.id.clone()).collect()
    }

    /// Whether any level of any output has an input.
    pub fn uses(&self, input: &InputId) -> bool {
        self.outputs.values().any(|now| now.routes().any(|(_, route)| shows(route, input)))
    }

    /// A route changed.
    pub fn set_route(&mut self, output: &OutputId, level: Level, route: Route) {
        let Some(now) = self.outputs.get_mut(output) else { return };
        let before = now.route(level).map_or((0, None), |route| (route.take, on(route)));
        if route.take > before.0 {
            let (output, from, to) = (output.clone(), before.1, on(&route));
            let change = PastChange { output, level, from, to };
            remember(&mut self.past, route.take, route.since, change);
        }
        if level == Level::Video {
            now.route = route;
        } else if let Some(now) = now.levels.get_mut(&level) {
            now.route = route;
        } else {
            let counters = OutputCounters::default();
            now.levels.insert(level, OutputLevel { route, counters });
        }
    }

    /// A signal changed.
    pub fn set_signal(&mut self, input: &InputId, level: Level, signal: Signal) {
        let Some(now) = self.inputs.get_mut(input) else { return };
        let silent = (signal.state == SignalState::Lost).then_some(0);
        if level == Level::Video {
            now.signal = signal;
            now.bits_per_second = silent.or(now.bits_per_second);
        } else if let Some(now) = now.levels.get_mut(&level) {
            now.signal = signal;
            now.bits_per_second = silent.or(now.bits_per_second);
        } else {
            let counters = InputCounters::default();
            let now_level = InputLevelNow { signal, counters, bits_per_second: silent };
            now.levels.insert(level, now_level);
        }
    }

    /// Something was found about a picture, or is no longer so.
    pub fn set_findings(&mut self, input: &InputId, findings: Findings) {
        if let Some(now) = self.inputs.get_mut(input) {
            now.findings = findings;
        }
    }

    /// New counters; rates come from the difference to the last.
    pub fn set_telemetry(&mut self, telemetry: Telemetry) {
        let elapsed = self.telemetry_at.map(|at| telemetry.at.saturating_sub(at));
        let rate = |now: &InputCounters, before: &InputCounters| {
            let elapsed = elapsed.filter(|ns| *ns > 0)?;
            let bytes = now.bytes.saturating_sub(before.bytes);
            let bits = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(elapsed);
            Some(u64::try_from(bits).unwrap_or(u64::MAX))
        };
        for (id, counters) in telemetry.inputs {
            if let Some(now) = self.inputs.get_mut(&id) {
                now.bits_per_second = rate(&counters, &now.counters).or(now.bits_per_second);
                now.counters = counters;
            }
        }
        for (id, levels) in telemetry.input_levels {
            let Some(input) = self.inputs.get_mut(&id) else { continue };
            for (level, counters) in levels {
                if let Some(now) = input.levels.get_mut(&level) {
                    now.bits_per_second = rate(&counters, &now.counters).or(now.bits_per_second);
                    now.counters = counters;
                }
            }
        }
        for (id, counters) in telemetry.outputs {
            if let Some(now) = self.outputs.get_mut(&id) {
                now.counters = counters;
            }
        }
        for (id, levels) in telemetry.output_levels {
            let Some(output) = self.outputs.get_mut(&id) else { continue };
            for (level, counters) in levels {
                if let Some(now) = output.levels.get_mut(&level) {
                    now.counters = counters;
                }
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
