//! Takes: asked of the router, answered when it confirms.

use std::{collections::HashSet, time::Duration};

use ormatrix_protocol::{
    Command, InputId, OutputId, Refusal, Reply, Route, RouteState, SignalState, Take,
};

use crate::{
    app::Shared,
    change::{accepted, known},
    problem::Error,
    store::Write,
    validate,
};

/// How long a take waits for its confirmation unless told otherwise.
pub const WAIT_MS: u32 = 1000;
/// The longest it can be told to.
pub const WAIT_MS_MAX: u32 = 10_000;

/// One or more takes, all or none.
#[derive(Clone, Debug)]
pub struct Salvo {
    /// Each output once.
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
    /// Every route, in the order of the takes.
    pub routes: Vec<(OutputId, Route)>,
}

/// Makes the takes and waits for their confirmation.
pub async fn salvo(app: &Shared, salvo: Salvo) -> Result<Taken, Error> {
    if salvo.takes.is_empty() {
        return Err(validate::invalid("routes", "at least one {\"output\": …, \"input\": …}"));
    }
    if salvo.wait_ms > WAIT_MS_MAX {
        let reason = format!("{}: use 0 to {WAIT_MS_MAX}", salvo.wait_ms);
        return Err(validate::invalid("wait_ms", reason));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = salvo.takes.iter().find(|take| !seen.insert(&take.output)) {
        return Err(Error::Refused(Refusal::TwiceInSalvo { output: twice.output.clone() }));
    }
    let mut revisions = app.router.revisions();
    let unconfirmed = app.unconfirmed.read().await;
    for take in &salvo.takes {
        check(app, unconfirmed.as_ref(), take, salvo.force)?;
    }
    // From here on the router decides; a client that hangs up does not change that.
    let reply = app.router.ask(Command::Salvo { takes: salvo.takes.clone(), at: None }).await?;
    drop(unconfirmed);
    let Reply::Taking { take } = reply else {
        tracing::error!(?reply, "not the reply to a salvo");
        return Err(Error::Internal);
    };
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
    .await;
    let confirmed = match confirmed {
        Ok(done) => done.map(|()| true)?,
        Err(_) => false,
    };
    let routes = known(app, |mirror| {
        let routes = salvo.takes.iter().map(|wanted| {
            let now = mirror.outputs.get(&wanted.output).map(|now| now.route.clone());
            // Until the router has told of it, a take is known to be under way and no more.
            let route = now.filter(|route| route.take >= take).unwrap_or_else(|| Route {
                input: wanted.input.clone(),
                state: RouteState::Switching,
                since: app.clock.unix(),
                confirmed_at: None,
                take,
                stand_in: None,
            });
            (wanted.output.clone(), route)
        });
        routes.collect()
    })
    .map_err(|_| Error::RouterLost)?;
    Ok(Taken { take, confirmed, routes })
}

/// Checks one take against the inventory, the change of it under way, and the signals.
fn check(app: &Shared, unconfirmed: Option<&Write>, take: &Take, force: bool) -> Result<(), Error> {
    let inventory = app.inventory();
    let Some(output) = inventory.outputs.get(&take.output) else {
        return Err(Error::UnknownOutput(take.output.to_string()));
    };
    let Some(id) = &take.input else {
        return known(app, |_| ());
    };
    let Some(input) = inventory.inputs.get(id) else {
        return Err(Error::UnknownInput(id.to_string()));
    };
    accepted(output, input)?;
    // The disk may yet refuse what the router has already: the take must be right either way.
    match unconfirmed {
        Some(Write::PutInput(input)) if input.id == *id => accepted(output, input)?,
        Some(Write::PutOutput(output)) if output.id == take.output => accepted(output, input)?,
        _ => {}
    }
    let state = known(app, |mirror| mirror.inputs.get(id).map(|now| now.signal.state))?;
    match state {
        Some(SignalState::Lost) if !force => {
            Err(Error::NoSignal { input: id.clone(), output: take.output.clone(), state: "lost" })
        }
        _ => Ok(()),
    }
}

fn all_confirmed(app: &Shared, takes: &[Take], number: u64) -> Result<bool, Error> {
    let mut all = true;
    for wanted in takes {
        let route = app
            .router
            .read(|mirror| mirror.map(|m| m.outputs.get(&wanted.output).map(|o| o.route.clone())))
            .ok_or(Error::RouterLost)?
            .ok_or_else(|| Error::UnknownOutput(wanted.output.to_string()))?;
        if route.take > number {
            return Err(Error::TakeOvertaken { output: wanted.output.clone() });
        }
        all &= route.take == number && is_confirmed(&route, wanted.input.as_ref());
    }
    Ok(all)
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
