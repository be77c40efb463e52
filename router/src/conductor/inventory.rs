//! Inputs, outputs and monitors as the conductor keeps them.

use std::sync::Arc;

use ormatrix_protocol::{
    InputId, InputSpec, InputStatus, Leg, MonitorSpec, OutputId, OutputSpec, Refusal, Route,
    RouteState, Signal,
};

use super::{budget::Load, renewal::Watch};
use crate::{
    counters::{InputCells, OutputCells},
    lane::messages::{Order, Place},
};

/// An input.
pub(super) struct Input<M> {
    pub spec: InputSpec,
    pub slot: u16,
    pub lane: u16,
    pub cells: Arc<InputCells>,
    /// What it takes of links and lanes.
    pub load: Load,
    pub signal: Signal,
    /// Its legs; `None` where one could not be opened yet.
    pub legs: Vec<Option<Reception<M>>>,
}

/// What there is to know about a receiver that a lane has.
pub(super) struct Reception<M> {
    /// Its group; left before it is joined anew.
    pub membership: Option<M>,
    pub watch: Watch,
}

impl<M> Input<M> {
    pub fn status(&self) -> InputStatus {
        InputStatus {
            spec: self.spec.clone(),
            signal: self.signal,
            counters: self.cells.read(),
            lane: self.lane,
            levels: Default::default(),
            findings: Default::default(),
        }
    }

    pub fn place(&self) -> Place {
        Place { lane: self.lane, input: self.slot }
    }

    pub fn is_open(&self) -> bool {
        self.legs.iter().all(Option::is_some)
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
    pub slot: u16,
    pub cells: Arc<OutputCells>,
    pub route: Route,
    pub order: Order,
    pub custody: Custody<T>,
    /// Its legs; `None` where one could not be opened yet.
    pub legs: Vec<Option<Watch>>,
}

impl<T> Output<T> {
    pub fn is_open(&self) -> bool {
        self.legs.iter().all(Option::is_some)
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
    Output(OutputId),
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

/// The legs of a stream, checked: one, or two (ST 2022-7).
pub(super) fn check_legs(legs: &[Leg]) -> Result<(), Refusal> {
    match legs {
        [] => return Err(invalid("legs", "one leg is needed: an address and a port")),
        [one, two] if same_address(one, two) => {
            return Err(invalid("legs", "both legs have the same address: give two paths"));
        }
        [_] | [_, _] => {}
        _ => return Err(invalid("legs", "more than two legs: ST 2022-7 knows two")),
    }
    for (index, leg) in legs.iter().enumerate() {
        check_leg(leg, &format!("legs[{index}]"))?;
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
pub(super) fn rival<'a>(legs: &'a [Leg], others: &[Leg]) -> Option<&'a Leg> {
    legs.iter().find(|leg| others.iter().any(|other| same_address(leg, other)))
}

pub(super) fn check_payload_type(payload_type: u8) -> Result<(), Refusal> {
    if (96..=127).contains(&payload_type) {
        return Ok(());
    }
    let reason = format!("{payload_type} is not a dynamic payload type: use 96 to 127");
    Err(invalid("payload_type", reason))
}

pub(super) fn check_output(spec: &OutputSpec) -> Result<(), Refusal> {
    check_payload_type(spec.payload_type)?;
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
