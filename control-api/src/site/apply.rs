//! Makes an inventory the one there is, all or nothing.
//!
//! The order: check, ask the router for what is new or other, commit, then have the router
//! let go of what displays show no more. What fails before the commit is undone by bringing
//! the router back to the inventory that stays. Takes go on meanwhile: each is held to what
//! is right in both inventories ([`crate::take`]).

use ormatrix_protocol::{Command, InputId, OutputId, Refusal, RouteState};
use serde_json::json;

use super::{
    diff::{Diff, Difference, SiteChange, diff},
    document,
};
use crate::{
    actor::Actor,
    api::config::revision,
    app::{App, Shared},
    change::{accepted, known, whole},
    inventory::Inventory,
    problem::Error,
    reconcile::bring,
    store::Write,
};

/// The revision of a whole site.
///
/// # Errors
/// As [`document::write`].
pub fn revision_of(inventory: &Inventory) -> Result<String, Error> {
    Ok(revision(&document::write(inventory)?))
}

/// What would change, and what displays would lose by it.
///
/// # Errors
/// What [`apply`] would be refused with, as far as that can be known without asking.
pub fn preview(app: &App, actor: &Actor, to: &Inventory) -> Result<Vec<SiteChange>, Error> {
    let from = app.inventory().clone();
    compare(app, actor, &from, to).map(|diff| diff.changes)
}

/// What is different, with what displays would lose by it.
fn compare(app: &App, actor: &Actor, from: &Inventory, to: &Inventory) -> Result<Diff, Error> {
    displayable(app, actor, from, to)?;
    let mut diff = diff(from, to);
    for change in &mut diff.changes {
        if change.kind == "output" && change.change == Difference::Removed {
            change.shows = known(app, |mirror| {
                let now = mirror.outputs.values().find(|now| now.spec.id.as_str() == change.id)?;
                let input = now.route.input.as_ref();
                input.filter(|_| now.route.state != RouteState::None).map(InputId::to_string)
            })?;
        }
    }
    Ok(diff)
}

/// Applies what `read` makes of the present: it is called when no other change can come
/// between, with the revision of what there is.
///
/// # Errors
/// As `read`, and what the router or the database refuse; then nothing has changed.
pub async fn apply(
    app: Shared,
    actor: Actor,
    read: impl FnOnce(&App, &str) -> Result<Inventory, Error> + Send + 'static,
) -> Result<Vec<SiteChange>, Error> {
    whole(async move {
        let _turn = app.changes.lock().await;
        let from = app.inventory().clone();
        let to = read(&app, &revision_of(&from)?)?;
        let Diff { changes, writes } = compare(&app, &actor, &from, &to)?;
        if writes.is_empty() {
            return Ok(changes);
        }
        let write = Write::All(writes);
        {
            let mut unconfirmed = app.unconfirmed.write().await;
            // A take may have come in between.
            displayable(&app, &actor, &from, &to)?;
            *unconfirmed = Some(write.clone());
        }
        let done = carry_out(&app, &from, &to, &write).await;
        let mut unconfirmed = app.unconfirmed.write().await;
        *unconfirmed = None;
        if let Err(error) = done {
            drop(unconfirmed);
            if let Err(error) = bring(&app, &from).await {
                tracing::error!(%error, "could not undo at the router; the next connection will");
            }
            return Err(error);
        }
        write.apply(&mut app.inventory_mut());
        drop(unconfirmed);
        let_go(&app, &from, &to).await;
        forget(&app, &from, &to);
        tracing::info!(actor = actor.name, changes = changes.len(), "a site was applied");
        app.events.publish("inventory", &json!({ "change": "applied" }));
        Ok(changes)
    })
    .await
}

/// Asks the router and commits.
async fn carry_out(
    app: &App,
    from: &Inventory,
    to: &Inventory,
    write: &Write,
) -> Result<(), Error> {
    // What cannot be kept is not asked of the router in vain.
    app.store.writable(app.clock.unix()).await?;
    // What nothing shows is removed here too: its address may be needed.
    for (put, refusal) in bring(app, to).await? {
        // What was refused before and is wanted unchanged is no worse than it was.
        let as_before = match &put {
            Command::PutInput(spec) => {
                from.inputs.get(&spec.id).is_some_and(|before| before.spec() == *spec)
            }
            Command::PutOutput(spec) => {
                from.outputs.get(&spec.id).is_some_and(|before| before.spec() == *spec)
            }
            _ => false,
        };
        if !as_before {
            return Err(Error::Refused(refusal));
        }
    }
    app.store.write(write.clone()).await?;
    Ok(())
}

/// Has the router let go of what is no more: outputs that show something, and what they show.
async fn let_go(app: &App, from: &Inventory, to: &Inventory) {
    let hushed = app.router.hush();
    let outputs = from.outputs.keys().filter(|id| !to.outputs.contains_key(id));
    let outputs = outputs.map(|id| Command::RemoveOutput { output: id.clone() });
    let inputs = from.inputs.keys().filter(|id| !to.inputs.contains_key(id));
    let inputs = inputs.map(|id| Command::RemoveInput { input: id.clone() });
    let there = |command: &Command| {
        app.router.read(|mirror| match command {
            Command::RemoveOutput { output } => {
                mirror.is_some_and(|mirror| mirror.outputs.contains_key(output))
            }
            Command::RemoveInput { input } => {
                mirror.is_some_and(|mirror| mirror.inputs.contains_key(input))
            }
            _ => false,
        })
    };
    match app.router.ask_all(outputs.chain(inputs).filter(there).collect()).await {
        Ok(refused) => {
            for (_, refusal) in refused {
                tracing::warn!(%refusal, "the router keeps what the inventory does not have");
            }
        }
        Err(error) => tracing::warn!(%error, "the next connection to the router lets it go"),
    }
    drop(hushed);
    app.router.refresh().await;
}

/// Forgets what was known of things that are gone or other.
fn forget(app: &App, from: &Inventory, to: &Inventory) {
    for (id, before) in &from.inputs {
        let now = to.inputs.get(id);
        if now.is_none_or(|now| now.video != before.video) {
            app.stills.remove(id);
        }
        if now != Some(before) {
            app.faults().inputs.remove(id.as_str());
        }
    }
    for (id, before) in &from.outputs {
        if to.outputs.get(id) != Some(before) {
            app.faults().outputs.remove(id.as_str());
        }
    }
}

/// Whether what displays show, they can still show then, and nobody keeps what goes.
fn displayable(app: &App, actor: &Actor, from: &Inventory, to: &Inventory) -> Result<(), Error> {
    let now = app.clock.unix();
    for id in from.outputs.keys().filter(|id| !to.outputs.contains_key(id)) {
        from.unlocked(id, actor, now)?;
    }
    let mut routed: Vec<(OutputId, Vec<InputId>, Option<InputId>)> = Vec::new();
    known(app, |mirror| {
        for (id, output) in &mirror.outputs {
            let on = output.routes().filter(|(_, route)| route.state != RouteState::None);
            let on: Vec<InputId> = on.filter_map(|(_, route)| route.input.clone()).collect();
            let picture = output.route.input.clone();
            routed.push((
                id.clone(),
                on,
                picture.filter(|_| output.route.state != RouteState::None),
            ));
        }
    })?;
    for (id, on, picture) in routed {
        let Some(output) = to.outputs.get(&id) else { continue };
        for input in on {
            // What the inventory never had is not this change's to judge.
            if from.inputs.contains_key(&input) && !to.inputs.contains_key(&input) {
                let outputs = vec![id.clone()];
                return Err(Error::Refused(Refusal::InputRouted { input, outputs }));
            }
        }
        if let Some(input) = picture.and_then(|id| to.inputs.get(&id)) {
            accepted(|id| to.inputs.get(id), output, input)?;
        }
    }
    Ok(())
}
