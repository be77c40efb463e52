//! Inputs, outputs and monitors as the conductor keeps them.

use std::{collections::BTreeMap, sync::Arc};

use crossbeam_channel::Sender;
use ormatrix_protocol::{
    Findings, InputCounters, InputId, InputLevel, InputSpec, InputStatus, Leg, Level, Levelled,
    MonitorSpec, OutputId, OutputLevel, OutputSpec, OutputStatus, RAMP_MS_MAX, Refusal, Route,
    RouteState, Signal, SignalState,
};

use super::{budget::Load, renewal::Watch};
use crate::{
    counters::{InputCells, OutputCells},
    lane::messages::{Order, Place},
};

/// An input.
pub(super) struct Input<M> {
    pub spec: InputSpec,
    /// The lane that receives all its levels, so that they are switched together.
    pub lane: u16,
    /// Its levels; a picture there always is.
    pub streams: BTreeMap<Level, Stream<M>>,
    pub findings: Findings,
}

/// A level of an input.
pub(super) struct Stream<M> {
    pub slot: u16,
    pub cells: Arc<InputCells>,
    /// What it takes of links and lanes.
    pub load: Load,
    pub signal: Signal,
    /// Its legs; `None` where one could not be opened yet.
    pub legs: Vec<Option<Reception<M>>>,
}

impl<M> Stream<M> {
    pub fn is_open(&self) -> bool {
        self.legs.iter().all(Option::is_some)
    }
}

/// What there is to know about a receiver that a lane has.
pub(super) struct Reception<M> {
    /// Its group; left before it is joined anew.
    pub membership: Option<M>,
    pub watch: Watch,
}

impl<M> Input<M> {
    pub fn status(&self) -> InputStatus {
        let beside = self.streams.iter().filter(|(level, _)| **level != Level::Video);
        let level = |(level, stream): (&Level, &Stream<M>)| {
            (*level, InputLevel { signal: stream.signal, counters: stream.cells.read() })
        };
        InputStatus {
            spec: self.spec.clone(),
            signal: self.signal(),
            counters: self.counters(Level::Video).unwrap_or_default(),
            lane: self.lane,
            levels: beside.map(level).collect(),
            findings: self.findings.clone(),
        }
    }

    /// How its picture's signal is.
    pub fn signal(&self) -> Signal {
        let none = Signal { state: SignalState::Lost, since: 0 };
        self.streams.get(&Level::Video).map_or(none, |stream| stream.signal)
    }

    /// What a level has counted.
    pub fn counters(&self, level: Level) -> Option<InputCounters> {
        Some(self.streams.get(&level)?.cells.read())
    }

    /// Where a level is received.
    pub fn place(&self, level: Level) -> Option<Place> {
        Some(Place { lane: self.lane, input: self.streams.get(&level)?.slot })
    }

    pub fn is_open(&self) -> bool {
        self.streams.values().all(Stream::is_open)
    }
}

/// Where an output's token is.
pub(super) enum Custody<T> {
    /// With the lanes.
    Lanes,
    /// On its way back, to be sent out again with other senders.
    Recalled(Vec<Option<T>>),
}

/// An output.
pub(super) struct Output<T> {
    pub spec: OutputSpec,
    /// Its levels; a picture there always is.
    pub ports: BTreeMap<Level, Port<T>>,
}

/// A level of an output.
pub(super) struct Port<T> {
    pub slot: u16,
    pub cells: Arc<OutputCells>,
    pub route: Route,
    pub order: Order,
    pub custody: Custody<T>,
    /// Its legs; `None` where one could not be opened yet.
    pub legs: Vec<Option<Watch>>,
    /// Brings its token senders in place of others.
    pub mail: Sender<(u8, T)>,
}

impl<T> Output<T> {
    pub fn status(&self) -> OutputStatus {
        let beside = self.ports.iter().filter(|(level, _)| **level != Level::Video);
        let level = |(level, port): (&Level, &Port<T>)| {
            (*level, OutputLevel { route: port.route.clone(), counters: port.cells.read() })
        };
        let picture = self.ports.get(&Level::Video);
        OutputStatus {
            spec: self.spec.clone(),
            route: picture.map_or_else(|| no_route(0), |port| port.route.clone()),
            counters: picture.map(|port| port.cells.read()).unwrap_or_default(),
            levels: beside.map(level).collect(),
        }
    }

    /// What a level shows or shall show.
    pub fn input(&self, level: Level) -> Option<&InputId> {
        self.ports.get(&level)?.route.input.as_ref()
    }

    pub fn is_open(&self) -> bool {
        self.ports.values().flat_map(|port| &port.legs).all(Option::is_some)
    }
}

/// A monitor.
pub(super) struct Monitor<T> {
    pub spec: MonitorSpec,
    pub slot: u16,
    pub cells: Arc<OutputCells>,
    pub order: Order,
    pub custody: Custody<T>,
    pub watch: Watch,
}

/// Who has an output slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Output(OutputId, Level),
    Monitor(InputId),
    /// Removed; free when its token is back.
    Removed,
}

/// A route that shows nothing.
pub(super) fn no_route(since: u64) -> Route {
    Route {
        input: None,
        state: RouteState::None,
        since,
        confirmed_at: None,
        take: 0,
        stand_in: None,
    }
}

/// A field of a level, as the specification spells it.
pub(super) fn field(level: Level, name: &str) -> String {
    match level {
        Level::Video => name.to_owned(),
        Level::Audio | Level::Ancillary => format!("{level}.{name}"),
    }
}

/// The legs of a level, checked: one, or two (ST 2022-7).
pub(super) fn check_legs(level: Level, legs: &[Leg]) -> Result<(), Refusal> {
    let name = field(level, "legs");
    match legs {
        [] => return Err(invalid(&name, "one leg is needed: an address and a port")),
        [one, two] if same_address(one, two) => {
            return Err(invalid(&name, "both legs have the same address: give two paths"));
        }
        [_] | [_, _] => {}
        _ => return Err(invalid(&name, "more than two legs: ST 2022-7 knows two")),
    }
    for (index, leg) in legs.iter().enumerate() {
        check_leg(leg, &format!("{name}[{index}]"))?;
    }
    Ok(())
}

/// Streams of one input or output must not meet.
pub(super) fn check_apart<'a>(legs: impl Iterator<Item = &'a Leg>) -> Result<(), Refusal> {
    let legs: Vec<&Leg> = legs.collect();
    for (index, leg) in legs.iter().enumerate() {
        if let Some(other) = legs[..index].iter().find(|other| same_address(leg, other)) {
            let reason = format!("{} has two streams: give each its own", other.socket_address());
            return Err(invalid("legs", reason));
        }
    }
    Ok(())
}

/// One leg, checked.
pub(super) fn check_leg(leg: &Leg, field: &str) -> Result<(), Refusal> {
    if leg.port == 0 {
        return Err(invalid(field, "a port from 1 to 65535 is needed"));
    }
    if leg.address.is_unspecified() {
        return Err(invalid(
            field,
            "an address is needed: one of this host's, or a multicast group",
        ));
    }
    Ok(())
}

/// Whether two legs meet: the same address and port on the same interface.
pub(super) fn same_address(one: &Leg, other: &Leg) -> bool {
    one.socket_address() == other.socket_address() && one.interface == other.interface
}

/// The leg of one stream that another holds already.
pub(super) fn rival<'a>(
    mut legs: impl Iterator<Item = &'a Leg>,
    others: &[&Leg],
) -> Option<&'a Leg> {
    legs.find(|leg| others.iter().any(|other| same_address(leg, other)))
}

pub(super) fn check_payload_type(level: Level, payload_type: u8) -> Result<(), Refusal> {
    if (96..=127).contains(&payload_type) {
        return Ok(());
    }
    let reason = format!("{payload_type} is not a dynamic payload type: use 96 to 127");
    Err(invalid(&field(level, "payload_type"), reason))
}

pub(super) fn check_output(spec: &OutputSpec) -> Result<(), Refusal> {
    for level in spec.levels() {
        let Some(stream) = spec.stream(level) else { continue };
        check_legs(level, &stream.legs)?;
        check_payload_type(level, stream.payload_type)?;
        if stream.ramp_ms > RAMP_MS_MAX {
            let reason = format!("{} is too long: use 0 to {RAMP_MS_MAX}", stream.ramp_ms);
            return Err(invalid(&field(level, "ramp_ms"), reason));
        }
    }
    check_apart(spec.all_legs())?;
    if spec.dscp > 63 {
        return Err(invalid("dscp", format!("{} is not a code point: use 0 to 63", spec.dscp)));
    }
    if spec.ttl == 0 {
        return Err(invalid("ttl", "0 would not leave this host: use 1 to 255"));
    }
    Ok(())
}

pub(super) fn invalid(field: &str, reason: impl Into<String>) -> Refusal {
    Refusal::Invalid { field: field.to_owned(), reason: reason.into() }
}

pub(super) fn taken(leg: &Leg, holder: &str) -> Refusal {
    Refusal::AddressTaken { address: leg.address, port: leg.port, holder: holder.to_owned() }
}

pub(super) fn full(what: &str, limit: u16, setting: &str) -> Refusal {
    Refusal::Full { what: what.into(), limit: u32::from(limit), setting: setting.into() }
}
