//! Changes of the inventory, each whole or not at all.
//!
//! The order: check, ask the router, commit to the database; if the commit fails, undo at
//! the router. Checks and commit happen under one lock, so that two changes cannot both pass
//! a check that only one of them may. Each change runs as a task of its own: a client that
//! hangs up half-way does not stop it half-way.

use std::future::Future;

use ormatrix_protocol::{Command, InputId, MonitorSpec, OutputId, RouteState};
use serde_json::json;

use crate::{
    app::{App, Shared},
    inventory::{Input, Output},
    mirror::Mirror,
    problem::Error,
    store::Write,
    validate,
};

/// Whether a put may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The id must be free.
    Create,
    /// An existing thing of that id is replaced.
    CreateOrReplace,
}

/// What a put did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Created,
    /// It was there and has these values now.
    Replaced,
}

/// Runs to the end, whether or not anyone still waits for it.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change ended unexpectedly");
        Err(Error::Internal)
    })
}

/// Adds or replaces an input.
pub async fn put_input(app: Shared, input: Input, mode: Mode) -> Result<Put, Error> {
    validate::input(&input)?;
    whole(async move {
        let _changes = app.changes.write().await;
        let before = app.inventory().inputs.get(&input.id).cloned();
        if before.is_some() && mode == Mode::Create {
            return Err(Error::DuplicateId { kind: "input", id: input.id.to_string() });
        }
        if let Some((holder, leg)) = app.inventory().input_at(&input.legs, &input.id) {
            let (kind, holder) = ("input", holder.id.to_string());
            return Err(Error::AddressTaken { address: leg.address, port: leg.port, kind, holder });
        }
        // What shows it now must be able to show what it becomes.
        for output in known(&app, |mirror| mirror.tally(&input.id))? {
            if let Some(output) = app.inventory().outputs.get(&output) {
                accepted(output, &input)?;
            }
        }
        let spec = input.spec();
        let has = known(&app, |m| m.inputs.get(&input.id).is_some_and(|now| now.spec == spec))?;
        if !has {
            app.router.ask(Command::PutInput(spec)).await?;
        }
        if let Err(error) = app.store.write(Write::PutInput(input.clone())).await {
            undo(
                &app,
                has,
                match &before {
                    Some(before) => Command::PutInput(before.spec()),
                    None => Command::RemoveInput { input: input.id.clone() },
                },
            )
            .await;
            return Err(error.into());
        }
        if before.as_ref().is_some_and(|before| before.video != input.video) {
            app.stills.remove(&input.id);
        }
        app.faults().inputs.remove(input.id.as_str());
        let id = input.id.clone();
        app.inventory_mut().inputs.insert(id.clone(), input);
        Ok(finish(&app, "input", id.as_str(), before.is_some(), !has).await)
    })
    .await
}

/// Adds or replaces an output.
pub async fn put_output(app: Shared, output: Output, mode: Mode) -> Result<Put, Error> {
    validate::output(&output)?;
    whole(async move {
        let _changes = app.changes.write().await;
        let before = app.inventory().outputs.get(&output.id).cloned();
        if before.is_some() && mode == Mode::Create {
            return Err(Error::DuplicateId { kind: "output", id: output.id.to_string() });
        }
        if let Some((holder, leg)) = app.inventory().output_at(&output.legs, &output.id) {
            let (kind, holder) = ("output", holder.id.to_string());
            return Err(Error::AddressTaken { address: leg.address, port: leg.port, kind, holder });
        }
        let shown = known(&app, |mirror| shown(mirror, &output.id))?;
        if let Some(input) = shown.and_then(|id| app.inventory().inputs.get(&id).cloned()) {
            accepted(&output, &input)?;
        }
        let spec = output.spec();
        let has = known(&app, |m| m.outputs.get(&output.id).is_some_and(|now| now.spec == spec))?;
        if !has {
            app.router.ask(Command::PutOutput(spec)).await?;
        }
        if let Err(error) = app.store.write(Write::PutOutput(output.clone())).await {
            undo(
                &app,
                has,
                match &before {
                    Some(before) => Command::PutOutput(before.spec()),
                    None => Command::RemoveOutput { output: output.id.clone() },
                },
            )
            .await;
            return Err(error.into());
        }
        app.faults().outputs.remove(output.id.as_str());
        let id = output.id.clone();
        app.inventory_mut().outputs.insert(id.clone(), output);
        Ok(finish(&app, "output", id.as_str(), before.is_some(), !has).await)
    })
    .await
}

/// Removes an input that nothing shows.
pub async fn remove_input(app: Shared, id: InputId) -> Result<(), Error> {
    whole(async move {
        let _changes = app.changes.write().await;
        let Some(before) = app.inventory().inputs.get(&id).cloned() else {
            return Err(Error::UnknownInput(id.to_string()));
        };
        let lacks = known(&app, |mirror| !mirror.inputs.contains_key(&id))?;
        if !lacks {
            app.router.ask(Command::RemoveInput { input: id.clone() }).await?;
        }
        if let Err(error) = app.store.write(Write::RemoveInput(id.clone())).await {
            undo(&app, lacks, Command::PutInput(before.spec())).await;
            return Err(error.into());
        }
        app.inventory_mut().inputs.remove(&id);
        app.faults().inputs.remove(id.as_str());
        app.stills.remove(&id);
        removed(&app, "input", id.as_str(), !lacks).await;
        Ok(())
    })
    .await
}

/// Removes an output, whatever it shows.
pub async fn remove_output(app: Shared, id: OutputId) -> Result<(), Error> {
    whole(async move {
        let _changes = app.changes.write().await;
        let Some(before) = app.inventory().outputs.get(&id).cloned() else {
            return Err(Error::UnknownOutput(id.to_string()));
        };
        let (lacks, input) =
            known(&app, |mirror| (!mirror.outputs.contains_key(&id), shown(mirror, &id)))?;
        if !lacks {
            app.router.ask(Command::RemoveOutput { output: id.clone() }).await?;
        }
        if let Err(error) = app.store.write(Write::RemoveOutput(id.clone())).await {
            undo(&app, lacks, Command::PutOutput(before.spec())).await;
            if let Some(input) = input {
                let take = ormatrix_protocol::Take { output: id, input: Some(input) };
                undo(&app, lacks, Command::Salvo { takes: vec![take] }).await;
            }
            return Err(error.into());
        }
        app.inventory_mut().outputs.remove(&id);
        app.faults().outputs.remove(id.as_str());
        removed(&app, "output", id.as_str(), !lacks).await;
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
        let _changes = app.changes.write().await;
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
        let _changes = app.changes.write().await;
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

/// Whether the output takes the input's format, as an error if not.
pub fn accepted(output: &Output, input: &Input) -> Result<(), Error> {
    if output.accepts.takes(&input.video) {
        return Ok(());
    }
    let accepts = match &output.accepts {
        crate::inventory::Accepts::Any => "any".to_owned(),
        crate::inventory::Accepts::Formats(formats) => {
            formats.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
    };
    Err(Error::FormatNotAccepted {
        output: output.id.clone(),
        input: input.id.clone(),
        format: input.video.to_string(),
        accepts,
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

/// Takes back what the router did, unless it did `nothing`.
async fn undo(app: &App, nothing: bool, command: Command) {
    if nothing {
        return;
    }
    if let Err(error) = app.router.ask(command).await {
        tracing::error!(%error, "could not undo at the router; the next connection reconciles");
    }
    app.router.refresh().await;
}

async fn finish(app: &App, kind: &str, id: &str, existed: bool, asked: bool) -> Put {
    if asked {
        app.router.refresh().await;
    }
    let (put, change) = if existed { (Put::Replaced, "changed") } else { (Put::Created, "added") };
    tracing::info!(kind, id, change, "inventory");
    app.events.publish("inventory", &json!({ "kind": kind, "id": id, "change": change }));
    put
}

async fn removed(app: &App, kind: &str, id: &str, asked: bool) {
    if asked {
        app.router.refresh().await;
    }
    tracing::info!(kind, id, change = "removed", "inventory");
    app.events.publish("inventory", &json!({ "kind": kind, "id": id, "change": "removed" }));
}
