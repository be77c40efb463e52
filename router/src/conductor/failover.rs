//! What feeds an output while the input asked for has failed: the policy alone.
//!
//! Plain code over (now, signals, findings, routes), without lanes and sockets. An output is
//! fed by the input asked for, by one of that input's backups, or by a slate. Rules:
//! - an input has failed when its video is lost, or when its own settings count a finding
//!   (frozen, black) that is old enough; backups of backups are not followed;
//! - the first backup that is fit stands in, and goes on standing in while it is fit;
//! - back to the input asked for: as soon as its signal has been good for `steady_ms`, or only
//!   by a take. From a slate, or when nothing fit stands in, at once;
//! - a take always wins: what it asks for is judged anew.
//!
//! What is decided on is the picture; sound and data go with it (see [`super::stand_in`]).
//!
//! Times are nanoseconds of a monotonic clock unless said otherwise.

use std::collections::BTreeMap;

use ormatrix_protocol::{
    Back, Failover as Policy, Findings, InputId, Level, OutputId, RouteState, SignalState, StandIn,
};

/// How long an input that was just opened may take to show its first whole frame before it
/// counts as lost: joining a group takes a while, and so does proving a format.
const SETTLE_NS: u64 = 500_000_000;
const MS: u64 = 1_000_000;

/// What feeds an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Feed {
    /// The input asked for.
    #[default]
    Asked,
    /// One of its backups.
    Backup(InputId),
    /// A picture that says that it is lost.
    Slate,
}

impl Feed {
    /// What users are told of a route fed so, when a lane says `state` of its output.
    pub fn told(&self, state: RouteState) -> (RouteState, Option<StandIn>) {
        match self {
            Self::Asked => (state, None),
            Self::Backup(backup) => (state, Some(StandIn::Backup(backup.clone()))),
            // However well a slate is shown: the signal is lost.
            Self::Slate => {
                (RouteState::NoSignal, (state == RouteState::Live).then_some(StandIn::Slate))
            }
        }
    }
}

/// An output with an input on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Routed<'a> {
    pub output: &'a OutputId,
    /// The input asked for.
    pub asked: &'a InputId,
    /// Whether a slate may be shown while that is lost.
    pub slate: bool,
}

/// What is known of an input.
#[derive(Clone, Debug)]
struct Health {
    signal: SignalState,
    /// A picture has come since it was opened.
    seen: bool,
    /// Without a picture until then it is lost.
    settles_at: u64,
    frozen_since: Option<u64>,
    black_since: Option<u64>,
    /// Since when it could be shown.
    fit_since: Option<u64>,
}

impl Health {
    fn new(now: u64) -> Self {
        Self {
            signal: SignalState::Lost,
            seen: false,
            settles_at: now + SETTLE_NS,
            frozen_since: None,
            black_since: None,
            fit_since: None,
        }
    }

    /// A finding that the input counts as failure has lasted long enough.
    fn is_faulty(&self, policy: &Policy, now: u64) -> bool {
        let faults = [(self.frozen_since, policy.frozen_ms), (self.black_since, policy.black_ms)];
        faults.into_iter().filter_map(fault_due).any(|due| now >= due)
    }

    /// Whether it may be shown in place of another.
    fn is_fit(&self, policy: &Policy, now: u64) -> bool {
        self.signal != SignalState::Lost && !self.is_faulty(policy, now)
    }

    /// Whether another shall be shown in its place.
    fn has_failed(&self, policy: &Policy, now: u64) -> bool {
        let lost = self.signal == SignalState::Lost && (self.seen || now >= self.settles_at);
        lost || self.is_faulty(policy, now)
    }

    /// Whether its signal has been good for long enough, and is without fault now.
    fn is_steady(&self, policy: &Policy, now: u64) -> bool {
        self.signal == SignalState::Ok
            && self.fit_since.is_some_and(|at| now >= steady_at(at, policy))
    }

    fn refresh(&mut self, policy: &Policy, now: u64) {
        self.fit_since = self.is_fit(policy, now).then(|| self.fit_since.unwrap_or(now));
    }

    /// When it changes by time alone; not all of these change anything.
    fn dues(&self, policy: &Policy) -> impl Iterator<Item = u64> {
        let unseen = self.signal == SignalState::Lost && !self.seen;
        [
            unseen.then_some(self.settles_at),
            fault_due((self.frozen_since, policy.frozen_ms)),
            fault_due((self.black_since, policy.black_ms)),
            self.fit_since.map(|at| steady_at(at, policy)),
        ]
        .into_iter()
        .flatten()
    }
}

fn steady_at(fit_since: u64, policy: &Policy) -> u64 {
    fit_since.saturating_add(u64::from(policy.steady_ms.0) * MS)
}

/// When a finding becomes a fault, if the input counts it as one.
fn fault_due((since, limit_ms): (Option<u64>, Option<u32>)) -> Option<u64> {
    Some(since?.saturating_add(u64::from(limit_ms?) * MS))
}

/// The state of the policy.
#[derive(Debug, Default)]
pub(super) struct Failover {
    inputs: BTreeMap<InputId, Health>,
    /// Levels of outputs not fed by what was asked for.
    feeds: BTreeMap<OutputId, BTreeMap<Level, Feed>>,
    /// What was due by then has been decided on.
    decided_at: u64,
}

impl Failover {
    /// An input is expected anew; what was found about it before no longer holds.
    pub fn opened(&mut self, input: &InputId, now: u64) {
        self.inputs.insert(input.clone(), Health::new(now));
    }

    /// An input is no more.
    pub fn closed(&mut self, input: &InputId) {
        self.inputs.remove(input);
    }

    /// An input's signal is so now.
    pub fn heard(&mut self, input: &InputId, signal: SignalState) {
        let Some(health) = self.inputs.get_mut(input) else { return };
        health.signal = signal;
        if signal == SignalState::Lost {
            health.fit_since = None;
        } else {
            health.seen = true;
        }
    }

    /// Somebody looked at an input; `unix` is now in UTC, as the findings' times are.
    pub fn found(&mut self, input: &InputId, findings: &Findings, now: u64, unix: u64) {
        let Some(health) = self.inputs.get_mut(input) else { return };
        // Kept as ages, so that a step of the wall clock makes nothing older or younger.
        let here = |since: u64| now.saturating_sub(unix.saturating_sub(since));
        health.frozen_since = findings.frozen_since.map(here);
        health.black_since = findings.black_since.map(here);
    }

    /// An output is no more.
    pub fn gone(&mut self, output: &OutputId) {
        self.feeds.remove(output);
    }

    /// What feeds a level of an output.
    pub fn feed(&self, output: &OutputId, level: Level) -> &Feed {
        self.feeds.get(output).and_then(|levels| levels.get(&level)).unwrap_or(&Feed::Asked)
    }

    /// The backup that feeds a level of an output.
    pub fn backup(&self, output: &OutputId, level: Level) -> Option<&InputId> {
        match self.feed(output, level) {
            Feed::Backup(backup) => Some(backup),
            Feed::Asked | Feed::Slate => None,
        }
    }

    /// Whether a backup feeds any level of an output.
    pub fn is_fed_by(&self, output: &OutputId, backup: &InputId) -> bool {
        Level::ALL.into_iter().any(|level| self.backup(output, level) == Some(backup))
    }

    /// From now on a level of an output is fed so.
    pub fn set(&mut self, output: &OutputId, level: Level, feed: Feed) {
        if feed != Feed::Asked {
            self.feeds.entry(output.clone()).or_default().insert(level, feed);
        } else if let Some(levels) = self.feeds.get_mut(output) {
            levels.remove(&level);
        }
    }

    /// The outputs whose picture shall be fed by something else now. They are fed so once
    /// [`Failover::set`]; until then the answer stays the same.
    pub fn decide<'a>(
        &mut self,
        now: u64,
        routes: impl Iterator<Item = Routed<'a>>,
        policies: impl Fn(&InputId) -> Option<&'a Policy>,
    ) -> Vec<(OutputId, Feed)> {
        self.decided_at = now;
        for (id, health) in &mut self.inputs {
            if let Some(policy) = policies(id) {
                health.refresh(policy, now);
            }
        }
        let changed = |routed: Routed<'_>| {
            let present = self.feed(routed.output, Level::Video);
            let wanted = self.wanted(now, routed, present, &policies)?;
            (wanted != *present).then(|| (routed.output.clone(), wanted))
        };
        routes.filter_map(changed).collect()
    }

    fn wanted<'a>(
        &self,
        now: u64,
        routed: Routed<'_>,
        present: &Feed,
        policies: &impl Fn(&InputId) -> Option<&'a Policy>,
    ) -> Option<Feed> {
        let known = |id: &InputId| Some((self.inputs.get(id)?, policies(id)?));
        let (asked, policy) = known(routed.asked)?;
        let is_fit = |id: &&InputId| {
            *id != routed.asked
                && known(id).is_some_and(|(health, policy)| health.is_fit(policy, now))
        };
        let backup = || policy.backups.iter().find(is_fit).cloned().map(Feed::Backup);
        let slate = routed.slate && asked.signal == SignalState::Lost;
        let last_resort = || if slate { Feed::Slate } else { Feed::Asked };
        let fit = asked.is_fit(policy, now);
        Some(match present {
            Feed::Asked if !asked.has_failed(policy, now) => Feed::Asked,
            Feed::Slate if fit => Feed::Asked,
            Feed::Asked | Feed::Slate => backup().unwrap_or_else(last_resort),
            Feed::Backup(_) if policy.back == Back::Automatic && asked.is_steady(policy, now) => {
                Feed::Asked
            }
            Feed::Backup(present) if policy.backups.contains(present) && is_fit(&present) => {
                Feed::Backup(present.clone())
            }
            Feed::Backup(_) => {
                let alone = || if fit { Feed::Asked } else { last_resort() };
                backup().unwrap_or_else(alone)
            }
        })
    }

    /// When time alone may next change a decision; possibly past already.
    pub fn due<'a>(&self, policies: impl Fn(&InputId) -> Option<&'a Policy>) -> Option<u64> {
        let inputs = self.inputs.iter();
        let known = inputs.filter_map(|(id, health)| Some((health, policies(id)?)));
        let dues = known.flat_map(|(health, policy)| health.dues(policy));
        dues.filter(|due| *due > self.decided_at).min()
    }
}

#[cfg(test)]
mod tests;
