//! Inputs, outputs and monitors as the conductor keeps them.

use std::sync::Arc;

use ormatrix_protocol::{
    InputId, InputSpec, InputStatus, Leg, MonitorSpec, OutputId, OutputSpec, Refusal, Route,
    RouteState, Signal,
};

use super::renewal::Watch;
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
    pub signal: Signal,
    /// A lane receives it. Not so after a restart whose socket could not be opened yet.
    pub open: bool,
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
        }
    }

    pub fn place(&self) -> Option<Place> {
        self.open.then_some(Place { lane: self.lane, input: self.slot })
    }
}

/// Where an output's token is.
pub(super) enum Custody<T> {
    /// With the lanes.
    Lanes,
    /// On its way back, to be sent out again with another sender.
    Recalled(T),
    /// Nowhere: its sender could not be opened yet.
    Unopened,
}

/// An output.
pub(super) struct Output<T> {
    pub spec: OutputSpec,
    pub slot: u16,
    pub cells: Arc<OutputCells>,
    pub route: Route,
    pub order: Order,
    pub custody: Custody<T>,
    pub watch: Watch,
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
    Route { input: None, state: RouteState::None, since, confirmed_at: None, take: 0 }
}

/// The only leg of a stream, checked.
pub(super) fn single_leg<'a>(legs: &'a [Leg], field: &str) -> Result<&'a Leg, Refusal> {
    let invalid = |reason: &str| Refusal::Invalid { field: field.into(), reason: reason.into() };
    match legs {
        [leg] if leg.port == 0 => Err(invalid("a port from 1 to 65535 is needed")),
        [leg] if leg.address.is_unspecified() => {
            Err(invalid("an address is needed: one of this host's, or a multicast group"))
        }
        [leg] => Ok(leg),
        [] => Err(invalid("one leg is needed: an address and a port")),
        _ => Err(invalid("two legs (ST 2022-7) are not supported yet: give one")),
    }
}

pub(super) fn check_payload_type(payload_type: u8) -> Result<(), Refusal> {
    if (96..=127).contains(&payload_type) {
        return Ok(());
    }
    Err(Refusal::Invalid {
        field: "payload_type".into(),
        reason: format!("{payload_type} is not a dynamic payload type: use 96 to 127"),
    })
}

pub(super) fn check_output(spec: &OutputSpec) -> Result<(), Refusal> {
    check_payload_type(spec.payload_type)?;
    let invalid = |field: &str, reason: String| Refusal::Invalid { field: field.into(), reason };
    if spec.dscp > 63 {
        return Err(invalid("dscp", format!("{} is not a code point: use 0 to 63", spec.dscp)));
    }
    if spec.ttl == 0 {
        return Err(invalid("ttl", "0 would not leave this host: use 1 to 255".into()));
    }
    Ok(())
}
