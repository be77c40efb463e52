//! Where frames and fields begin and end.

use super::follow::Place;

/// A frame, or a field (segment) of one: packets of one timestamp and field bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unit {
    timestamp: u32,
    field: bool,
    /// Number of the packet with the marker.
    ended: Option<u64>,
}

/// What a packet is to its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Of the unit at hand.
    Within,
    /// The first that came of a new unit. `first` is the number of the unit's first packet,
    /// where that is known; `step` what its timestamp is ahead of the last unit's, if that
    /// ended right before.
    Starts { first: Option<u64>, step: Option<u32> },
    /// Of a unit that has passed, or of one whose start was not seen.
    Stray,
}

/// Follows a stream's markers and timestamps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Units {
    unit: Option<Unit>,
    /// A marker was seen before the first whole unit, with this number and timestamp.
    boundary: Option<(u64, u32)>,
    /// Units that ended without a marker though nothing was lost there.
    pub missing_markers: u64,
    /// Markers that packets of the same unit followed.
    pub early_markers: u64,
}

impl Units {
    pub fn step(
        &mut self,
        number: u64,
        place: Place,
        marker: bool,
        timestamp: u32,
        field: bool,
    ) -> Step {
        if place == Place::First {
            (self.unit, self.boundary) = (None, None);
        }
        if !place.is_forward() {
            let current = self.unit.filter(|unit| unit.timestamp == timestamp);
            return match current {
                Some(unit) if unit.field == field && place == Place::Late => Step::Within,
                _ => Step::Stray,
            };
        }
        let ended = marker.then_some(number);
        let fresh = Unit { timestamp, field, ended };
        let Some(unit) = &mut self.unit else {
            let Some((before, last)) = self.boundary else {
                self.boundary = ended.map(|number| (number, timestamp));
                return Step::Stray;
            };
            self.unit = Some(fresh);
            return Step::Starts {
                first: Some(before + 1),
                step: Some(timestamp.wrapping_sub(last)),
            };
        };
        if unit.timestamp == timestamp && unit.field == field {
            if unit.ended.take().is_some() {
                self.early_markers += 1;
            }
            unit.ended = ended;
            return Step::Within;
        }
        let step = Some(timestamp.wrapping_sub(unit.timestamp));
        let (first, step) = match unit.ended {
            Some(last) => (Some(last + 1), step),
            None if place == Place::Next => {
                self.missing_markers += 1;
                (Some(number), step)
            }
            None => (None, None),
        };
        self.unit = Some(fresh);
        Step::Starts { first, step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_start_behind_markers_and_at_new_timestamps() {
        let mut units = Units::default();
        let mut step =
            |number, place, marker, timestamp| units.step(number, place, marker, timestamp, false);
        assert_eq!(step(1, Place::First, false, 10), Step::Stray);
        assert_eq!(step(2, Place::Next, true, 10), Step::Stray);
        assert_eq!(
            step(3, Place::Next, false, 20),
            Step::Starts { first: Some(3), step: Some(10) }
        );
        assert_eq!(step(5, Place::Ahead, true, 20), Step::Within);
        // The first packet of the next is lost, and yet its number is known.
        assert_eq!(
            step(7, Place::Ahead, false, 31),
            Step::Starts { first: Some(6), step: Some(11) }
        );
        assert_eq!(step(6, Place::Late, false, 31), Step::Within);
        assert_eq!(step(4, Place::Late, false, 20), Step::Stray);
        // No marker, nothing lost.
        assert_eq!(
            step(8, Place::Next, false, 41),
            Step::Starts { first: Some(8), step: Some(10) }
        );
        // No marker, something lost.
        assert_eq!(step(10, Place::Ahead, true, 51), Step::Starts { first: None, step: None });
        assert_eq!(step(11, Place::Next, false, 51), Step::Within);
        assert_eq!((units.missing_markers, units.early_markers), (1, 1));
    }
}
