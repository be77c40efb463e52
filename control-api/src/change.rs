//! Changes of the inventory, each whole or not at all.
//!
//! The order: check, ask the router, commit to the database; if the commit fails, undo at
//! the router. Changes take turns from check to commit, so that two cannot both pass a check
//! that only one of them may. Each runs as a task of its own: a client that hangs up
//! half-way does not stop it half-way.
//!
//! A take waits while a change is checked and asked of the router, which answers within
//! microseconds, and never for the disk. While the disk decides, `App::unconfirmed` says
//! what it decides about, and a take must be right whichever way that ends: it sees the
//! inventory as committed, and keeps to formats that both states accept.

mod expect;
pub mod operations;

use std::future::Future;

pub use expect::Expect;

use ormatrix_protocol::{Command, InputId, Level, MonitorSpec, OutputId, RouteState, Take};
use serde_json::json;

use crate::{
    actor::Actor,
    api::config::Revised,
    app::{App, Shared},
    http::request_id,
    inventory::{Accepts, Input, Output, Stream},
    mirror::Mirror,
    problem::Error,
    store::Write,
    validate,
};

/// What a put did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Created,
    /// It was there and has these values now.
    Replaced,
}

/// Runs to the end, whether or not anyone still waits for it.
pub(crate) async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(request_id::carried(work)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change ended unexpectedly");
        Err(Error::Internal)
    })
}

/// One change, checked.
struct Plan {
    /// What to ask of the router; nothing when it has it so already.
    ask: Option<Command>,
    /// What puts the router back.
    undo: Vec<Command>,
    /// What the database shall keep.
    write: Write,
}

/// Checks with `plan`, asks the router, commits; what the database refuses is undone. True
/// when the router was asked. The caller holds `App::changes`.
async fn carry_out(app: &App, plan: impl FnOnce() -> Result<Plan, Error>) -> Result<bool, Error> {
    // What the database will refuse, the router need not be asked for.
    app.store.writable(app.clock.unix()).await?;
    let mut unconfirmed = app.unconfirmed.write().await;
    let Plan { ask, undo, write } = plan()?;
    let asked = ask.is_some();
    if let Some(command) = ask {
        app.router.ask(command).await?;
    }
    *unconfirmed = Some(write.clone());
    // Takes go on while the disk works.
    drop(unconfirmed);
    let written = app.store.write(write.clone()).await;
    let mut unconfirmed = app.unconfirmed.write().await;
    *unconfirmed = None;
    if let Err(error) = written {
        if asked {
            for command in undo {
                take_back(app, command).await;
            }
            drop(unconfirmed);
            app.router.refresh().await;
        }
        return Err(error.into());
    }
    write.apply(&mut app.inventory_mut());
    Ok(asked)
}

/// What the stream would replace, if it may be put.
fn replaced<T: Stream + Revised>(
    app: &App,
    stream: &T,
    expect: &Expect,
) -> Result<Option<T>, Error> {
    let (inventory, kind) = (app.inventory(), T::KIND);
    let before = T::all(&inventory).get(stream.id()).cloned();
    let revision = before.as_ref().map(Revised::revision);
    expect.check(kind, &stream.id().to_string(), revision.as_deref())?;
    if let Some((holder, leg)) = inventory.rival(stream) {
        let holder = holder.id().to_string();
        return Err(Error::AddressTaken { address: leg.address, port: leg.port, kind, holder });
    }
    Ok(before)
}

/// What is to be removed, if it is there.
fn present<T: Stream + Revised>(app: &App, id: &T::Id, expect: &Expect) -> Result<T, Error> {
    let present = T::all(&app.inventory()).get(id).cloned();
    let present = present.ok_or_else(|| T::unknown(id.to_string()))?;
    expect.check(T::KIND, &id.to_string(), Some(&present.revision()))?;
    Ok(present)
}

/// Adds or replaces an input.
pub async fn put_input(app: Shared, input: Input, expect: Expect) -> Result<Put, Error> {
    validate::input(&input)?;
    whole(async move {
        let _turn = app.changes.lock().await;
        let before = replaced(&app, &input, &expect)?;
        let (id, video) = (input.id.clone(), input.video);
        let asked = carry_out(&app, || {
            displayable(&app, &input)?;
            let spec = input.spec();
            let has = known(&app, |m| m.inputs.get(&id).is_some_and(|now| now.spec == spec))?;
            let undo = match &before {
                Some(before) => Command::PutInput(before.spec()),
                None => Command::RemoveInput { input: id.clone() },
            };
            let ask = (!has).then_some(Command::PutInput(spec));
            Ok(Plan { ask, undo: vec![undo], write: Write::PutInput(input) })
        })
        .await?;
        if before.as_ref().is_some_and(|before| before.video != video) {
            app.stills.remove(&id);
        }
        app.faults().inputs.remove(id.as_str());
        Ok(finish(&app, "input", id.as_str(), before.is_some(), asked).await)
    })
    .await
}

/// Adds or replaces an output.
pub async fn put_output(app: Shared, output: Output, expect: Expect) -> Result<Put, Error> {
    validate::output(&output)?;
    whole(async move {
        let _turn = app.changes.lock().await;
        let before = replaced(&app, &output, &expect)?;
        let id = output.id.clone();
        let asked = carry_out(&app, || {
            validate::park(&app.inventory(), &output)?;
            let shown = known(&app, |mirror| shown(mirror, &id))?;
            let inventory = app.inventory();
            if let Some(input) = shown.and_then(|id| inventory.inputs.get(&id)) {
                accepted(|id| inventory.inputs.get(id), &output, input)?;
            }
            drop(inventory);
            let spec = output.spec();
            let has = known(&app, |m| m.outputs.get(&id).is_some_and(|now| now.spec == spec))?;
            let undo = match &before {
                Some(before) => Command::PutOutput(before.spec()),
                None => Command::RemoveOutput { output: id.clone() },
            };
            let ask = (!has).then_some(Command::PutOutput(spec));
            Ok(Plan { ask, undo: vec![undo], write: Write::PutOutput(output) })
        })
        .await?;
        app.faults().outputs.remove(id.as_str());
        Ok(finish(&app, "output", id.as_str(), before.is_some(), asked).await)
    })
    .await
}

/// Removes an input that nothing shows.
pub async fn remove_input(app: Shared, id: InputId, expect: Expect) -> Result<(), Error> {
    whole(async move {
        let _turn = app.changes.lock().await;
        let before: Input = present(&app, &id, &expect)?;
        let asked = carry_out(&app, || {
            // Silently taking it out of others would leave them without anything to fall back
            // on, and nobody would have decided that.
            let inputs: Vec<InputId> =
                app.inventory().backed_by(&id).map(|input| input.id.clone()).collect();
            if !inputs.is_empty() {
                return Err(Error::InputIsBackup { input: id.clone(), inputs });
            }
            let users = app.inventory().users_of_input(&id);
            if !users.is_empty() {
                return Err(Error::InUse { kind: Input::KIND, id: id.to_string(), users });
            }
            let has = known(&app, |mirror| mirror.inputs.contains_key(&id))?;
            Ok(Plan {
                ask: has.then(|| Command::RemoveInput { input: id.clone() }),
                undo: vec![Command::PutInput(before.spec())],
                write: Write::RemoveInput(id.clone()),
            })
        })
        .await?;
        app.faults().inputs.remove(id.as_str());
        app.stills.remove(&id);
        app.analyses.remove(&(Input::KIND, id.to_string()));
        removed(&app, "input", id.as_str(), asked).await;
        Ok(())
    })
    .await
}

/// Removes an output, whatever it shows, unless somebody keeps it or a preset needs it.
pub async fn remove_output(
    app: Shared,
    actor: Actor,
    id: OutputId,
    expect: Expect,
) -> Result<(), Error> {
    whole(async move {
        let _turn = app.changes.lock().await;
        let before: Output = present(&app, &id, &expect)?;
        let asked = carry_out(&app, || {
            let inventory = app.inventory();
            inventory.unlocked(&id, &actor, app.clock.unix())?;
            let users = inventory.users_of_output(&id);
            if !users.is_empty() {
                return Err(Error::InUse { kind: Output::KIND, id: id.to_string(), users });
            }
            drop(inventory);
            let (has, takes) = known(&app, |mirror| {
                let has = mirror.outputs.contains_key(&id);
                (
                    has,
                    Level::ALL.into_iter().filter_map(|level| again(mirror, &id, level)).collect(),
                )
            })?;
            let takes: Vec<Take> = takes;
            let mut undo = vec![Command::PutOutput(before.spec())];
            if !takes.is_empty() {
                undo.push(Command::Salvo { takes, at: None });
            }
            Ok(Plan {
                ask: has.then(|| Command::RemoveOutput { output: id.clone() }),
                undo,
                write: Write::RemoveOutput(id.clone()),
            })
        })
        .await?;
        app.faults().outputs.remove(id.as_str());
        app.analyses.remove(&(Output::KIND, id.to_string()));
        removed(&app, "output", id.as_str(), asked).await;
        Ok(())
    })
    .await
}

/// Watches an input. Not kept: whoever watches asks again after a start.
pub async fn put_monitor(app: Shared, spec: MonitorSpec) -> Result<Put, Error> {
    validate::leg("leg", &spec.leg)?;
    if !(10..=60_000).contains(&spec.interval_ms) {
        let reason = format!("{}: use 10 to 60000", spec.interval_ms);
        return Err(validate::invalid("interval_ms", reason));
    }
    whole(async move {
        let _turn = app.changes.lock().await;
        if !app.inventory().inputs.contains_key(&spec.input) {
            return Err(Error::UnknownInput(spec.input.to_string()));
        }
        let input = spec.input.clone();
        let existed = known(&app, |mirror| mirror.monitors.contains_key(&input))?;
        app.router.ask(Command::PutMonitor(spec)).await?;
        Ok(finish(&app, "monitor", input.as_str(), existed, true).await)
    })
    .await
}

/// Stops watching an input.
pub async fn remove_monitor(app: Shared, input: InputId) -> Result<(), Error> {
    whole(async move {
        let _turn = app.changes.lock().await;
        if !app.inventory().inputs.contains_key(&input) {
            return Err(Error::UnknownInput(input.to_string()));
        }
        if !known(&app, |mirror| mirror.monitors.contains_key(&input))? {
            return Err(Error::UnknownMonitor(input));
        }
        app.router.ask(Command::RemoveMonitor { input: input.clone() }).await?;
        removed(&app, "monitor", input.as_str(), true).await;
        Ok(())
    })
    .await
}

/// Whether backups exist, and whatever shows the input, or shows another that it may stand in
/// for, can show what it and its backups become.
fn displayable(app: &App, input: &Input) -> Result<(), Error> {
    let inventory = app.inventory();
    validate::backups(&inventory, input)?;
    let primaries = inventory.backed_by(&input.id).map(|primary| &primary.id);
    for shown in std::iter::once(&input.id).chain(primaries) {
        let tally = known(app, |mirror| mirror.tally(shown))?;
        for output in tally.iter().filter_map(|id| inventory.outputs.get(id)) {
            if *shown == input.id {
                accepted(|id| inventory.inputs.get(id), output, input)?;
            } else {
                fits(output, input, Some(shown))?;
            }
        }
    }
    Ok(())
}

/// Whether the output takes the format of an input and of whatever may stand in for it, as an
/// error if not.
pub fn accepted<'a>(
    find: impl Fn(&InputId) -> Option<&'a Input>,
    output: &Output,
    input: &Input,
) -> Result<(), Error> {
    fits(output, input, None)?;
    let mut backups = input.failover.backups.iter().filter_map(find);
    backups.try_for_each(|backup| fits(output, backup, Some(&input.id)))
}

/// Whether the output takes the input's format, in place of `stand_in` if that is given.
pub fn fits(output: &Output, input: &Input, stand_in: Option<&InputId>) -> Result<(), Error> {
    if output.accepts.takes(&input.video) {
        return Ok(());
    }
    let accepts = match &output.accepts {
        Accepts::Any => "any".to_owned(),
        Accepts::Formats(formats) => {
            formats.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
    };
    Err(Error::FormatNotAccepted {
        output: output.id.clone(),
        input: input.id.clone(),
        format: input.video.to_string(),
        accepts,
        stand_in: stand_in.cloned(),
    })
}

/// Looks at the router's state, or says that it is away.
pub fn known<T>(app: &App, look: impl FnOnce(&Mirror) -> T) -> Result<T, Error> {
    app.router.read(|mirror| mirror.map(look)).ok_or_else(|| app.router.away().into())
}

/// The input that an output shows or shall show.
fn shown(mirror: &Mirror, output: &OutputId) -> Option<InputId> {
    let route = &mirror.outputs.get(output)?.route;
    if route.state == RouteState::None { None } else { route.input.clone() }
}

/// The take that puts back what a level of an output shows or shall show.
fn again(mirror: &Mirror, output: &OutputId, level: Level) -> Option<Take> {
    let route = mirror.outputs.get(output)?.route(level)?;
    let input = route.input.clone().filter(|_| route.state != RouteState::None)?;
    Some(Take { output: output.clone(), input: Some(input), levels: vec![level] })
}

/// Takes back something that the router did.
async fn take_back(app: &App, command: Command) {
    if let Err(error) = app.router.ask(command).await {
        tracing::error!(%error, "could not undo at the router; the next connection reconciles");
    }
}

pub(crate) async fn finish(app: &App, kind: &str, id: &str, existed: bool, asked: bool) -> Put {
    if asked {
        app.router.refresh().await;
    }
    let (put, change) = if existed { (Put::Replaced, "changed") } else { (Put::Created, "added") };
    tracing::info!(kind, id, change, "inventory");
    app.events.publish("inventory", &json!({ "kind": kind, "id": id, "change": change }));
    put
}

pub(crate) async fn removed(app: &App, kind: &str, id: &str, asked: bool) {
    if asked {
        app.router.refresh().await;
    }
    tracing::info!(kind, id, change = "removed", "inventory");
    app.events.publish("inventory", &json!({ "kind": kind, "id": id, "change": "removed" }));
}
