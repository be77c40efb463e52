//! The slates that are on: hidden inputs, one for each lost input that outputs show so.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
};

use ormatrix_io::Clock;
use ormatrix_protocol::{InputId, InputSpec, Leg, Level, Merge, OutputId};

use super::{Conductor, failover::Feed, inventory::Input, opener::Opener};
use crate::{
    counters::InputCells,
    flow::Flow,
    lane::messages::{Place, ToLane},
    packet_io::PacketIo,
    slate::{Card, Playing, SlateError},
};

/// How long a slate goes on after the last output was told to leave it, beside the two frames
/// that leaving may take: no output may lose it within a frame, nor before a salvo's time.
const LINGER_NS: u64 = 250_000_000;

/// A slate that is being sent.
struct Slate {
    card: Card,
    place: Place,
    /// Ends it when dropped.
    _playing: Playing,
}

/// All of them.
#[derive(Default)]
pub(super) struct Slates {
    on: BTreeMap<InputId, Slate>,
    /// Those that nobody shall show any more, and when they end.
    leaving: Vec<(u64, Slate)>,
    /// What could not be shown; not tried again for the same loss.
    failed: BTreeMap<InputId, Card>,
}

impl Slates {
    /// Where a lost input's slate is received.
    pub fn place(&self, input: &InputId) -> Option<Place> {
        self.on.get(input).map(|slate| slate.place)
    }

    /// Whether there was no slate to be had for this loss of an input.
    pub fn has_failed<M>(&self, input: &Input<M>) -> bool {
        self.failed.get(&input.spec.id).is_some_and(|failed| *failed == card(input))
    }

    /// When the next one ends.
    pub fn due(&self) -> Option<u64> {
        self.leaving.iter().map(|(due, _)| *due).min()
    }

    fn is_idle(&self) -> bool {
        self.on.is_empty() && self.leaving.is_empty()
    }
}

/// What the slate of an input says now.
fn card<M>(input: &Input<M>) -> Card {
    let InputSpec { id, video, max_udp, payload_type, label, .. } = &input.spec;
    Card {
        format: *video,
        max_udp: *max_udp,
        payload_type: *payload_type,
        id: id.to_string(),
        label: label.clone(),
        since: input.signal().since,
    }
}

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// Starts the slates that the changes need. Where one cannot be had, nothing is shown
    /// instead; where one must be another now, its outputs are added to the changes.
    pub(super) fn stage_slates(&mut self, changes: &mut Vec<(OutputId, Feed)>) {
        if self.slates.is_idle() && !changes.iter().any(|(_, feed)| *feed == Feed::Slate) {
            return;
        }
        let mut wanted: BTreeMap<InputId, Vec<OutputId>> = BTreeMap::new();
        for (id, output) in &self.outputs {
            let change = changes.iter().find(|(changed, _)| changed == id);
            let present = || self.failover.feed(id, Level::Video);
            let feed = change.map_or_else(present, |(_, feed)| feed);
            if let (Feed::Slate, Some(input)) = (feed, output.input(Level::Video)) {
                wanted.entry(input.clone()).or_default().push(id.clone());
            }
        }
        for (id, outputs) in wanted {
            let Some(card) = self.inputs.get(&id).map(card) else { continue };
            if self.slates.on.get(&id).is_some_and(|slate| slate.card == card) {
                continue;
            }
            let feed = match self.start_slate(&id, &card) {
                Ok(()) => Feed::Slate,
                Err(error) => {
                    tracing::warn!(input = %id, "nothing is shown in place of a lost input: {error}");
                    self.slates.failed.insert(id, card);
                    Feed::Asked
                }
            };
            for output in outputs {
                changes.retain(|(changed, _)| *changed != output);
                if feed == Feed::Slate || *self.failover.feed(&output, Level::Video) != Feed::Asked
                {
                    changes.push((output, feed.clone()));
                }
            }
        }
    }

    fn start_slate(&mut self, id: &InputId, card: &Card) -> Result<(), SlateError> {
        let Some(input) = self.inputs.get(id) else { return Ok(()) };
        let leg = Leg::new(Ipv4Addr::LOCALHOST.into(), 0);
        let (legs, merge, lane) = (vec![leg], Merge::default(), input.lane);
        let flow = Flow::new(&InputSpec { legs, merge, ..input.spec.clone() })?;
        let (rx, playing) = self.opener.play(card)?;
        let slot =
            self.input_slots.take((id.clone(), Level::Video)).map_err(|_| SlateError::Full)?;
        let (legs, flow) = ([Some(rx), None], Box::new(flow));
        let cells = Arc::new(InputCells::new(1));
        // Where the lost input is received, which gives that lane nothing to do.
        self.tell_lane(lane, ToLane::AddInput { slot, legs, flow, cells });
        let place = Place { lane, input: slot };
        let slate = Slate { card: card.clone(), place, _playing: playing };
        if let Some(before) = self.slates.on.insert(id.clone(), slate) {
            self.leave_slate(before);
        }
        Ok(())
    }

    fn leave_slate(&mut self, slate: Slate) {
        let leaving = 2 * slate.card.format.rate.period_ns() + LINGER_NS;
        self.slates.leaving.push((self.clock.now() + leaving, slate));
    }

    /// Ends the slates that no output shows any more.
    pub(super) fn strike_slates(&mut self, now: u64) {
        if self.slates.is_idle() {
            return;
        }
        let shown: BTreeSet<&InputId> = self
            .outputs
            .iter()
            .filter(|(id, _)| *self.failover.feed(id, Level::Video) == Feed::Slate)
            .filter_map(|(_, output)| output.input(Level::Video))
            .collect();
        let over = self.slates.on.keys().filter(|id| !shown.contains(id));
        let over: Vec<InputId> = over.cloned().collect();
        for id in over {
            if let Some(slate) = self.slates.on.remove(&id) {
                self.leave_slate(slate);
            }
        }
        for (due, slate) in std::mem::take(&mut self.slates.leaving) {
            if due > now {
                self.slates.leaving.push((due, slate));
            } else {
                let Place { lane, input: slot } = slate.place;
                self.tell_lane(lane, ToLane::RemoveInput { slot });
            }
        }
    }
}
