//! The rules of alarms, without I/O: conditions and time in, notices out.
//!
//! The rules, so that what flaps is one alarm with a count and not a hundred:
//!
//! 1. A condition is raised once it has lasted for the `raise_ms` of its kind, or, where
//!    coming and going is a fault too, at the third time ([`BEGINNINGS`]) that it begins within
//!    a minute ([`FLAPPING`]).
//! 2. An alarm is cleared once its condition has been gone for the `clear_ms` of its kind. Each
//!    time that the condition begins again before, `times` counts on, and it must stay away
//!    twice as long, up to [`FLAPPING`].
//! 3. An alarm that is raised again within [`FLAPPING`] after it was cleared is the same alarm.
//! 4. An acknowledgement holds until the alarm is cleared or becomes worse.
//! 5. Repeats are told at the 2nd, 4th, 8th, … time. Better, worse and other words are told at
//!    once.
//! 6. What cannot be seen (the router is away) neither raises nor clears.
//!
//! Conditions are as many as what they are about, so everything here is bounded by that, and
//! what is remembered of cleared alarms by a number.

use std::collections::BTreeMap;

use super::{
    alarm::{Acknowledged, Alarm, Change, Condition, Notice},
    kind::Kind,
};

const MS: u64 = 1_000_000;

/// What is gone and back within this time flaps, nanoseconds.
pub const FLAPPING: u64 = 60_000 * MS;
/// How often a condition may begin within that time without lasting.
pub const BEGINNINGS: usize = 3;

/// Most alarms that are remembered after they were cleared, so that they may be raised again.
const RECENT_MAX: usize = 1000;

/// One moment on both clocks, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Never goes back; what is measured.
    pub now: u64,
    /// Since the Unix epoch; what is told.
    pub unix: u64,
}

impl Moment {
    fn since(self, earlier: Self) -> u64 {
        self.now.saturating_sub(earlier.now)
    }
}

/// Why an alarm cannot be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// None of that id is active.
    Unknown,
    /// It has just been cleared, at this time.
    Cleared(u64),
    /// Somebody has.
    Already(Acknowledged),
}

/// A condition that is not yet an alarm.
#[derive(Clone, Debug)]
struct Pending {
    kind: Kind,
    /// The last times that it began, the latest at the end.
    began: Vec<Moment>,
    holds: bool,
}

/// An alarm that is active.
#[derive(Clone, Debug)]
struct Active {
    alarm: Alarm,
    /// Since when its condition is gone, if it is.
    gone: Option<Moment>,
}

impl Active {
    /// How long its condition must be gone.
    fn clear_after(&self) -> u64 {
        let once = self.alarm.condition.kind.hold().clear_ms * MS;
        let doublings = self.alarm.times.saturating_sub(1).min(16);
        (once << doublings).min(FLAPPING.max(once))
    }
}

/// Every alarm there is.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pending: BTreeMap<String, Pending>,
    active: BTreeMap<String, Active>,
    /// Cleared a moment ago.
    recent: BTreeMap<String, (Alarm, Moment)>,
    last_episode: u64,
}

impl Engine {
    /// Takes up the alarms that were active when the process last ended.
    pub fn restore(&mut self, alarms: Vec<Alarm>) {
        for alarm in alarms {
            self.last_episode = self.last_episode.max(alarm.episode);
            let id = alarm.condition.id.clone();
            self.active.insert(id, Active { alarm, gone: None });
        }
    }

    /// Every active alarm, by id.
    pub fn active(&self) -> impl Iterator<Item = &Alarm> + Clone {
        self.active.values().map(|active| &active.alarm)
    }

    /// Takes everything that is wrong now. `unseen` says of which kinds nothing is known.
    pub fn step(
        &mut self,
        now: Moment,
        present: Vec<Condition>,
        unseen: impl Fn(Kind) -> bool,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut worst: BTreeMap<String, Condition> = BTreeMap::new();
        for condition in present {
            let known = worst.get(&condition.id).map(|known| known.severity);
            if known.is_none_or(|known| condition.severity < known) {
                worst.insert(condition.id.clone(), condition);
            }
        }
        self.recent.retain(|_, (_, cleared)| now.since(*cleared) <= FLAPPING);
        self.pending.retain(|id, pending| {
            let present = worst.contains_key(id);
            pending.holds &= present;
            present || !unseen(pending.kind)
        });
        let absent = |active: &&mut Active| !worst.contains_key(&active.alarm.condition.id);
        for active in self.active.values_mut().filter(absent) {
            if unseen(active.alarm.condition.kind) {
                active.gone = None;
            } else {
                active.gone.get_or_insert(now);
            }
        }
        for condition in worst.into_values() {
            if let Some(active) = self.active.get_mut(&condition.id) {
                notices.extend(again(active, condition, now));
            } else if let Some(times) = self.lasts(&condition, now) {
                notices.push(self.raise(condition, times, now));
            }
        }
        self.pending.retain(|_, pending| {
            pending.holds || pending.began.last().is_some_and(|at| now.since(*at) <= FLAPPING)
        });
        let over =
            |active: &Active| active.gone.filter(|at| now.since(*at) >= active.clear_after());
        let cleared: Vec<_> = self
            .active
            .iter()
            .filter_map(|(id, active)| Some((id.clone(), over(active)?)))
            .collect();
        for (id, gone) in cleared {
            let Some(Active { mut alarm, .. }) = self.active.remove(&id) else { continue };
            alarm.cleared_at = Some(gone.unix);
            notices.push(Notice { change: Change::Cleared, at: now.unix, alarm: alarm.clone() });
            self.recent.insert(id, (alarm, now));
        }
        while self.recent.len() > RECENT_MAX {
            let oldest = self.recent.iter().min_by_key(|(_, (_, cleared))| cleared.now);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else { break };
            self.recent.remove(&id);
        }
        notices
    }

    /// When something will change although nothing happens, on the clock that never goes back.
    pub fn due(&self) -> Option<u64> {
        // What has lasted is no longer pending.
        let raised = self.pending.values().filter(|pending| pending.holds);
        let raised = raised.filter_map(|pending| {
            Some(pending.began.last()?.now + pending.kind.hold().raise_ms * MS)
        });
        let cleared = self.active.values();
        let cleared = cleared.filter_map(|active| Some(active.gone?.now + active.clear_after()));
        raised.chain(cleared).min()
    }

    /// Somebody has seen it.
    ///
    /// # Errors
    /// [`Refused`] when there is nothing to acknowledge.
    pub fn acknowledge(
        &mut self,
        id: &str,
        by: &str,
        note: Option<String>,
        now: Moment,
    ) -> Result<Notice, Refused> {
        let Some(active) = self.active.get_mut(id) else {
            let cleared = self.recent.get(id).and_then(|(alarm, _)| alarm.cleared_at);
            return Err(cleared.map_or(Refused::Unknown, Refused::Cleared));
        };
        if let Some(by) = &active.alarm.acknowledged {
            return Err(Refused::Already(by.clone()));
        }
        active.alarm.acknowledged = Some(Acknowledged { by: by.to_owned(), at: now.unix, note });
        let alarm = active.alarm.clone();
        Ok(Notice { change: Change::Acknowledged, at: now.unix, alarm })
    }

    /// How often a condition has begun, once it has lasted or flapped enough to be an alarm.
    fn lasts(&mut self, condition: &Condition, now: Moment) -> Option<u32> {
        let new = || Pending { kind: condition.kind, began: Vec::new(), holds: false };
        let pending = self.pending.entry(condition.id.clone()).or_insert_with(new);
        if !pending.holds {
            pending.holds = true;
            pending.began.retain(|at| now.since(*at) <= FLAPPING);
            pending.began.push(now);
        }
        let began = *pending.began.last()?;
        let lasted = now.since(began) >= condition.kind.hold().raise_ms * MS;
        if lasted {
            return Some(1);
        }
        let times = pending.began.len();
        (condition.kind.flaps() && times >= BEGINNINGS).then_some(times as u32)
    }

    fn raise(&mut self, condition: Condition, times: u32, now: Moment) -> Notice {
        let pending = self.pending.remove(&condition.id);
        let began = pending.and_then(|pending| pending.began.last().copied()).unwrap_or(now);
        let id = condition.id.clone();
        let alarm = if let Some((before, _)) = self.recent.remove(&id) {
            let times = before.times.saturating_add(times);
            Alarm { condition, cleared_at: None, acknowledged: None, times, ..before }
        } else {
            // Microseconds, so that numbers grow from run to run whatever became of the database.
            self.last_episode = (self.last_episode + 1).max(now.unix / 1000);
            Alarm {
                episode: self.last_episode,
                condition,
                raised_at: began.unix,
                cleared_at: None,
                acknowledged: None,
                times,
            }
        };
        self.active.insert(id, Active { alarm: alarm.clone(), gone: None });
        Notice { change: Change::Raised, at: now.unix, alarm }
    }
}

/// The condition of an active alarm is there, still or again.
fn again(active: &mut Active, condition: Condition, now: Moment) -> Option<Notice> {
    let mut told = false;
    let alarm = &mut active.alarm;
    if active.gone.take().is_some() {
        alarm.times = alarm.times.saturating_add(1);
        told = alarm.times.is_power_of_two();
    }
    if alarm.condition != condition {
        if condition.severity < alarm.condition.severity {
            alarm.acknowledged = None;
        }
        alarm.condition = condition;
        told = true;
    }
    told.then(|| Notice { change: Change::Changed, at: now.unix, alarm: alarm.clone() })
}

#[cfg(test)]
mod tests;
