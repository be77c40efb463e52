//! Takes: asked of the router, answered when it confirms.

use std::{collections::HashSet, time::Duration};

use ormatrix_protocol::{
    Command, InputId, Level, OutputId, Refusal, Reply, Route, RouteState, Scheduled, SignalState,
    Take,
};
use ormatrix_settings::log::TRACED;
use tracing::Instrument;

use crate::{
    actor::Actor,
    api::levels::ByLevel,
    app::Shared,
    change::{accepted, known},
    inventory::{Input, Inventory, Output, Stream},
    metrics::Watch,
    mirror::{Mirror, Past, PastChange},
    problem::Error,
    store::Write,
    validate::invalid,
};

/// How long a take waits for its confirmation unless told otherwise.
pub const WAIT_MS: u32 = 1000;
/// The longest it can be told to.
pub const WAIT_MS_MAX: u32 = 10_000;
/// How far ahead a salvo may be.
pub const AHEAD_NS_MAX: u64 = 3_600_000_000_000;

/// One or more takes, all or none.
#[derive(Clone, Debug)]
pub struct Salvo {
    /// Who wants them.
    pub actor: Actor,
    /// Each level of an output once.
    pub takes: Vec<Take>,
    /// How long to wait for the confirmation.
    pub wait_ms: u32,
    /// Also to inputs without signal.
    pub force: bool,
}

/// How a salvo ended, or where it stood when the wait was over.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The number that the router gave it.
    pub take: u64,
    /// Whether every route is confirmed.
    pub confirmed: bool,
    /// Every output, in the order of the takes.
    pub routes: Vec<TakenOutput>,
}

/// What an output shows after a take.
#[derive(Clone, Debug)]
pub struct TakenOutput {
    /// Which.
    pub output: OutputId,
    /// What its picture is, whether or not it was taken.
    pub video: Route,
    /// What is on the levels beside it that were taken.
    pub beside: ByLevel<Route>,
}

/// Whether a take may be waited for so long, as an error if not.
pub fn check_wait(ms: u32) -> Result<(), Error> {
    if ms > WAIT_MS_MAX {
        return Err(invalid("wait_ms", format!("{ms}: use 0 to {WAIT_MS_MAX}")));
    }
    Ok(())
}

/// Makes the takes and waits for their confirmation.
pub async fn salvo(app: &Shared, salvo: Salvo) -> Result<Taken, Error> {
    check_wait(salvo.wait_ms)?;
    let watch = Watch::begin(app, &salvo.takes);
    let taken = make(app, &salvo, &watch).await;
    match &taken {
        Ok(taken) if taken.confirmed => watch.confirmed(),
        // Who does not wait misses nothing.
        Ok(_) if salvo.wait_ms == 0 => {}
        Ok(_) => watch.unconfirmed(),
        Err(error) => watch.failed(error),
    }
    taken
}

async fn make(app: &Shared, salvo: &Salvo, watch: &Watch<'_>) -> Result<Taken, Error> {
    let mut revisions = app.router.revisions();
    let take = start(app, &salvo.actor, &salvo.takes, None, salvo.force).await?;
    watch.accepted();
    let confirmed = tokio::time::timeout(Duration::from_millis(salvo.wait_ms.into()), async {
        loop {
            // Seen before looked at: no change can slip between.
            revisions.borrow_and_update();
            if all_confirmed(app, &salvo.takes, take)? {
                return Ok::<(), Error>(());
            }
            revisions.changed().await.map_err(|_| Error::RouterLost)?;
        }
    })
    .instrument(tracing::info_span!(target: TRACED, "wait for the picture", take))
    .await;
    let confirmed = match confirmed {
        Ok(done) => done.map(|()| true)?,
        Err(_) => false,
    };
    let now = app.clock.unix();
    let routes = known(app, |mirror| {
        salvo.takes.iter().map(|wanted| outcome(mirror, wanted, take, now)).collect()
    })
    .map_err(|_| Error::RouterLost)?;
    let about: Vec<&str> = salvo.takes.iter().map(|take| take.output.as_str()).collect();
    tracing::info!(take, about = about.join(" "), confirmed, "taken");
    Ok(Taken { take, confirmed, routes })
}

/// Has the takes made at a time, TAI ns since 1970, and gives their number.
pub async fn schedule(
    app: &Shared,
    actor: &Actor,
    takes: Vec<Take>,
    at: u64,
    force: bool,
) -> Result<(u64, Scheduled), Error> {
    let now = app.clock.tai();
    if at <= now {
        let reason =
            format!("{at} is past, it is {now} (TAI ns since 1970): leave it out to take now");
        return Err(invalid("at", reason));
    }
    if at - now > AHEAD_NS_MAX {
        let reason = format!("{at} is more than an hour ahead, it is {now} (TAI ns since 1970)");
        return Err(invalid("at", reason));
    }
    let watch = Watch::begin(app, &takes);
    let take = start(app, actor, &takes, Some(at), force).await;
    let take = take.inspect_err(|error| watch.failed(error))?;
    watch.accepted();
    app.router.refresh().await;
    Ok((take, Scheduled { at, takes }))
}

/// Calls off takes that wait for their time.
pub async fn cancel(app: &Shared, number: String) -> Result<(), Error> {
    let Ok(take) = number.parse() else { return Err(Error::NotScheduled(number)) };
    app.router.ask(Command::CancelSalvo { take }).await?;
    app.router.refresh().await;
    Ok(())
}

/// Checks the takes and asks the router for them; its number for them.
async fn start(
    app: &Shared,
    actor: &Actor,
    takes: &[Take],
    at: Option<u64>,
    force: bool,
) -> Result<u64, Error> {
    if takes.is_empty() {
        return Err(invalid("routes", "at least one {\"output\": …, \"input\": …}"));
    }
    let unconfirmed = app.unconfirmed.read().await;
    twice(&app.inventory(), takes)?;
    for take in takes {
        check(app, actor, unconfirmed.as_ref(), take, force)?;
    }
    // From here on the router decides; a client that hangs up does not change that.
    let reply = app.router.ask(Command::Salvo { takes: takes.to_vec(), at }).await?;
    drop(unconfirmed);
    let Reply::Taking { take } = reply else {
        tracing::error!(?reply, "not the reply to a salvo");
        return Err(Error::Internal);
    };
    tracing::info!(actor = actor.name, take, takes = takes.len(), "accepted by the router");
    Ok(take)
}

/// Whether a level of an output is taken twice.
fn twice(inventory: &Inventory, takes: &[Take]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for take in takes {
        let levels = if take.levels.is_empty() {
            let output = inventory.outputs.get(&take.output);
            let has = output.map(|output| output.levels().into_iter().map(|(level, _)| level));
            has.map_or_else(|| vec![Level::Video], Iterator::collect)
        } else {
            take.levels.clone()
        };
        if !levels.into_iter().all(|level| seen.insert((&take.output, level))) {
            return Err(Error::Refused(Refusal::TwiceInSalvo { output: take.output.clone() }));
        }
    }
    Ok(())
}

/// Checks one take against the inventory, the change of it under way, locks, and the signals.
fn check(
    app: &Shared,
    actor: &Actor,
    unconfirmed: Option<&Write>,
    take: &Take,
    force: bool,
) -> Result<(), Error> {
    let inventory = app.inventory();
    let Some(output) = inventory.outputs.get(&take.output) else {
        return Err(Error::UnknownOutput(take.output.to_string()));
    };
    if let Some(level) = take.levels.iter().copied().find(|level| !output.has(*level)) {
        let output = take.output.clone();
        return Err(Error::Refused(Refusal::NoOutputLevel { output, level }));
    }
    inventory.unlocked(&take.output, actor, app.clock.unix())?;
    // The disk may yet refuse what the router has already: the take must be right either way.
    let pending = Pending { inventory: &inventory, writes: unconfirmed.map_or(&[], Write::each) };
    let new_output = pending.output(&take.output)?;
    let Some(id) = &take.input else {
        return known(app, |_| ());
    };
    let Some(input) = inventory.inputs.get(id) else {
        return Err(Error::UnknownInput(id.to_string()));
    };
    if let Some(level) = take.levels.iter().copied().find(|level| !input.has(*level)) {
        return Err(Error::Refused(Refusal::NoInputLevel { input: id.clone(), level }));
    }
    if take.concerns(Level::Video) {
        accepted(|id| inventory.inputs.get(id), output, input)?;
        accepted(|id| pending.find(id), new_output, pending.input(id)?)?;
    }
    // Where no level is named the picture decides: without its sound it is still a picture.
    let looked_at = if take.levels.is_empty() { &[Level::Video][..] } else { &take.levels };
    let lost = known(app, |mirror| {
        let now = mirror.inputs.get(id)?;
        let lost = |level: &&Level| {
            now.reception(**level).is_some_and(|it| it.signal.state == SignalState::Lost)
        };
        looked_at.iter().find(lost).copied()
    })?;
    match lost {
        Some(level) if !force => {
            let (input, output) = (id.clone(), take.output.clone());
            Err(Error::NoSignal { input, level, output, state: "lost" })
        }
        _ => Ok(()),
    }
}

/// The inventory as it will be if what is being changed at this moment is kept.
struct Pending<'a> {
    inventory: &'a Inventory,
    writes: &'a [Write],
}

impl<'a> Pending<'a> {
    fn find(&self, id: &InputId) -> Option<&'a Input> {
        let put = self.writes.iter().find_map(|write| match write {
            Write::PutInput(new) if new.id == *id => Some(new),
            _ => None,
        });
        put.or_else(|| self.inventory.inputs.get(id))
    }

    fn input(&self, id: &InputId) -> Result<&'a Input, Error> {
        let leaves = |write: &Write| matches!(write, Write::RemoveInput(gone) if gone == id);
        match self.find(id) {
            Some(input) if !self.writes.iter().any(leaves) => Ok(input),
            _ => Err(Error::Changing { kind: Input::KIND, id: id.to_string() }),
        }
    }

    fn output(&self, id: &OutputId) -> Result<&'a Output, Error> {
        let leaves = |write: &Write| matches!(write, Write::RemoveOutput(gone) if gone == id);
        let put = self.writes.iter().find_map(|write| match write {
            Write::PutOutput(new) if new.id == *id => Some(new),
            _ => None,
        });
        match put.or_else(|| self.inventory.outputs.get(id)) {
            Some(output) if !self.writes.iter().any(leaves) => Ok(output),
            _ => Err(Error::Changing { kind: Output::KIND, id: id.to_string() }),
        }
    }
}

/// Whether a take could be made now, as an error if not; nothing is asked of the router.
pub async fn allowed(app: &Shared, actor: &Actor, take: &Take, force: bool) -> Result<(), Error> {
    let unconfirmed = app.unconfirmed.read().await;
    check(app, actor, unconfirmed.as_ref(), take, force)
}

/// The takes that put back what a take changed.
///
/// # Errors
/// [`Error::UnknownTake`] when it is not remembered, [`Error::TakeOvertaken`] when an output
/// that it changed has been changed again since.
pub fn inverse(app: &Shared, number: &str) -> Result<Vec<Take>, Error> {
    let unknown = || Error::UnknownTake(number.to_owned());
    let take: u64 = number.parse().map_err(|_| unknown())?;
    known(app, |mirror| {
        let past = mirror.past.iter().find(|past| past.take == take).ok_or_else(unknown)?;
        if let Some(output) = overtaken(mirror, past) {
            return Err(Error::TakeOvertaken { output: output.clone() });
        }
        let back = past.changes.iter().map(|change| Take {
            output: change.output.clone(),
            input: change.from.clone(),
            levels: vec![change.level],
        });
        Ok(back.collect())
    })?
}

/// An output that has been changed again since a take changed it.
pub fn overtaken<'a>(mirror: &Mirror, past: &'a Past) -> Option<&'a OutputId> {
    let as_left = |change: &&PastChange| {
        let route = mirror.outputs.get(&change.output).and_then(|now| now.route(change.level));
        route.is_some_and(|route| route.take == past.take)
    };
    past.changes.iter().find(|change| !as_left(change)).map(|change| &change.output)
}

fn all_confirmed(app: &Shared, takes: &[Take], number: u64) -> Result<bool, Error> {
    app.router.read(|mirror| {
        let mirror = mirror.ok_or(Error::RouterLost)?;
        let mut all = true;
        for take in takes {
            all &= confirmed(mirror, take, number)?;
        }
        Ok(all)
    })
}

/// Whether the router has confirmed every level of a take.
fn confirmed(mirror: &Mirror, take: &Take, number: u64) -> Result<bool, Error> {
    let Some(output) = mirror.outputs.get(&take.output) else {
        return Err(Error::UnknownOutput(take.output.to_string()));
    };
    let mut all = true;
    for (level, route) in output.routes().filter(|(level, _)| take.concerns(*level)) {
        if route.take > number {
            return Err(Error::TakeOvertaken { output: take.output.clone() });
        }
        let wanted = wanted(mirror, take, level);
        // Where there is nothing to take, that nothing is there is all there is to confirm.
        let told = route.take == number || level != Level::Video && wanted.is_none();
        all &= told && is_confirmed(route, wanted);
    }
    Ok(all)
}

/// What a take puts on a level: nothing, where its input has no such level.
fn wanted<'a>(mirror: &Mirror, take: &'a Take, level: Level) -> Option<&'a InputId> {
    let input = take.input.as_ref()?;
    let has = mirror.inputs.get(input).is_none_or(|input| input.has(level));
    has.then_some(input)
}

/// Whether the router has confirmed that the output shows this, or has shown it: a signal
/// may be lost in the instant after.
fn is_confirmed(route: &Route, input: Option<&InputId>) -> bool {
    match input {
        None => route.state == RouteState::None,
        Some(_) => {
            route.input.as_ref() == input
                && (route.state == RouteState::Live
                    || route.state == RouteState::NoSignal && route.confirmed_at.is_some())
        }
    }
}

/// Where a take stands.
fn outcome(mirror: &Mirror, take: &Take, number: u64, now: u64) -> TakenOutput {
    // Until the router has told of it, a take is known to be under way and no more.
    let under_way = |level| Route {
        input: wanted(mirror, take, level).cloned(),
        state: RouteState::Switching,
        since: now,
        confirmed_at: None,
        take: number,
        stand_in: None,
    };
    let output = mirror.outputs.get(&take.output);
    let told = |level, route: Option<&Route>| {
        let of_it = route.filter(|route| {
            let nothing = level != Level::Video && wanted(mirror, take, level).is_none();
            !take.concerns(level) || route.take >= number || nothing
        });
        of_it.cloned().unwrap_or_else(|| under_way(level))
    };
    let video = told(Level::Video, output.map(|output| &output.route));
    let beside = output.into_iter().flat_map(|output| &output.levels);
    let beside = beside.filter(|(level, _)| take.concerns(**level));
    let beside = beside.map(|(level, now)| (*level, told(*level, Some(&now.route))));
    TakenOutput { output: take.output.clone(), video, beside: beside.collect() }
}
