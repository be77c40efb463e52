//! Brings inventory and router together, on every connection.
//!
//! The rule: **the inventory decides what there is; the router decides what is routed and
//! which sockets exist.** So, once connected:
//!
//! 1. What the router has and the inventory has not is removed, unless it is routed: an
//!    output that shows something and an input that is shown stay, with a warning in the
//!    log. A picture in use is never taken away by a start of this program.
//! 2. What the inventory has and the router lacks, or has with other values, is put.
//! 3. Routes are left as they are.
//!
//! Where the database cannot be read (`store::Health`), nobody knows what there should be, and
//! the rule is another: **the router decides what there is.** The inventory becomes what the
//! router has, nothing is asked of it, and no change is accepted until the database is
//! restored. A database that can be read but not written is a database: the rule above holds.
//!
//! What the router refuses in step 2 (a port that another program took, an interface that
//! is gone) stays in the inventory, is shown with its `fault`, and is tried again every few
//! seconds. Changes of the inventory, and takes, wait while this runs.

mod adopt;

use std::{collections::BTreeSet, time::Duration};

use ormatrix_protocol::{Command, InputId, InputSpec, OutputId, Refusal, RouteState};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    app::{App, Faults, Shared},
    inventory::{Input, Inventory},
    mirror::Mirror,
    router::AskError,
};

/// How often what was refused is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Reconciles on every connection, until the process ends.
pub async fn run(app: Shared) {
    let mut connections = app.router.connections();
    let mut ending = app.ending.clone();
    loop {
        // Marks this connection as seen: a later one wakes the waits below.
        let connection = *connections.borrow_and_update();
        let mut again = None;
        if connection.is_some() {
            match reconcile(&app).await {
                Ok(()) => {
                    app.reconciled.send_replace(connection);
                    if !app.faults().none() {
                        again = Some(RETRY);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "could not reconcile with the router");
                    again = Some(RETRY);
                }
            }
        } else {
            app.reconciled.send_replace(None);
        }
        let changed = async {
            match again {
                Some(pause) => timeout(pause, connections.changed()).await.unwrap_or(Ok(())),
                None => connections.changed().await,
            }
        };
        tokio::select! {
            alive = changed => if alive.is_err() { return },
            _ = ending.wait_for(|end| *end) => return,
        }
    }
}

/// One pass. Fails only when the connection does.
pub(crate) async fn reconcile(app: &App) -> Result<(), AskError> {
    let _turn = app.changes.lock().await;
    let _no_takes = app.unconfirmed.write().await;
    app.router.ask(Command::Status).await?;
    if app.store.is_unreadable() {
        let adopted = app
            .router
            .read(|mirror| mirror.map(|mirror| adopt::adopt(&mut app.inventory_mut(), mirror)));
        adopted.ok_or(AskError::Lost)?;
        app.events.publish("inventory", &json!({ "change": "reconciled" }));
        return Ok(());
    }
    let inventory = app.inventory().clone();
    let refused = bring(app, &inventory).await?;
    let mut faults = Faults::default();
    for (put, refusal) in refused {
        match &put {
            Command::PutInput(spec) => {
                faults.inputs.insert(spec.id.to_string(), refusal.to_string())
            }
            Command::PutOutput(spec) => {
                faults.outputs.insert(spec.id.to_string(), refusal.to_string())
            }
            _ => None,
        };
    }
    let changed = *app.faults() != faults;
    if changed {
        for (id, reason) in faults.inputs.iter().chain(&faults.outputs) {
            tracing::warn!(id, reason, "the router refuses what the inventory has");
        }
        *app.faults() = faults;
        app.events.publish("inventory", &json!({ "change": "reconciled" }));
    }
    Ok(())
}

/// Brings the router to an inventory, by the rule above, from what the mirror says it has; the
/// mirror is up to date afterwards. What of the inventory it refused, and why. Fails only when
/// the connection does.
pub async fn bring(app: &App, inventory: &Inventory) -> Result<Vec<(Command, Refusal)>, AskError> {
    let hushed = app.router.hush();
    let Plan { removals, alone, mut puts } = app
        .router
        .read(|mirror| mirror.map(|mirror| plan(inventory, mirror)))
        .ok_or(AskError::Lost)?;
    // An input may be the backup of one that is only now put without it.
    let kept = app.router.ask_all(removals).await?;
    // What is refused now is refused again below, and noted there.
    app.router.ask_all(alone).await?;
    // Streams may have swapped addresses: one put can make room for another.
    let refused = loop {
        let tried = puts.len();
        let refused = app.router.ask_all(puts).await?;
        if refused.is_empty() || refused.len() == tried {
            break refused;
        }
        puts = refused.into_iter().map(|(put, _)| put).collect();
    };
    let kept = kept.into_iter().map(|(removal, _)| removal).collect();
    for (_, refusal) in app.router.ask_all(kept).await? {
        tracing::warn!(%refusal, "the router keeps what the inventory does not have");
    }
    drop(hushed);
    app.router.ask(Command::Status).await?;
    Ok(refused)
}

/// What to ask of a router.
struct Plan {
    removals: Vec<Command>,
    /// Inputs without their backups: two inputs may each be the other's.
    alone: Vec<Command>,
    puts: Vec<Command>,
}

/// What to ask of a router in this state.
fn plan(inventory: &Inventory, mirror: &Mirror) -> Plan {
    let mut removals = Vec::new();
    let known_input = |id: &InputId| inventory.inputs.contains_key(id);
    let known_output = |id: &OutputId| inventory.outputs.contains_key(id);
    for (id, now) in mirror.outputs.iter().filter(|(id, _)| !known_output(id)) {
        if now.routes().all(|(_, route)| route.state == RouteState::None) {
            removals.push(Command::RemoveOutput { output: id.clone() });
        } else {
            tracing::warn!(output = %id, "not in the inventory, but routed: it stays");
        }
    }
    for id in mirror.inputs.keys().filter(|id| !known_input(id)) {
        if mirror.uses(id) {
            tracing::warn!(input = %id, "not in the inventory, but shown: it stays");
        } else {
            removals.push(Command::RemoveInput { input: id.clone() });
        }
    }
    let inputs = inventory.inputs.values().map(Input::spec);
    let changed =
        |spec: &InputSpec| mirror.inputs.get(&spec.id).is_none_or(|now| now.spec != *spec);
    let (inputs, around) = backups_first(inputs.filter(changed).collect(), mirror);
    let alone = around.iter().cloned().map(|mut spec| {
        spec.failover.backups.clear();
        Command::PutInput(spec)
    });
    let alone = alone.collect();
    let outputs =
        inventory.outputs.values().map(|output| (mirror.outputs.get(&output.id), output.spec()));
    let outputs = outputs
        .filter(|(now, spec)| now.is_none_or(|now| now.spec != *spec))
        .map(|(_, spec)| Command::PutOutput(spec));
    let inputs = inputs.into_iter().chain(around).map(Command::PutInput);
    Plan { removals, alone, puts: inputs.chain(outputs).collect() }
}

/// Inputs in an order in which each comes after those that may stand in for it, and those for
/// which there is no such order.
fn backups_first(specs: Vec<InputSpec>, mirror: &Mirror) -> (Vec<InputSpec>, Vec<InputSpec>) {
    let mut known: BTreeSet<InputId> = mirror.inputs.keys().cloned().collect();
    let (mut ordered, mut waiting) = (Vec::new(), specs);
    loop {
        let (ready, rest): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|spec| spec.failover.backups.iter().all(|backup| known.contains(backup)));
        if ready.is_empty() {
            return (ordered, rest);
        }
        known.extend(ready.iter().map(|spec| spec.id.clone()));
        ordered.extend(ready);
        waiting = rest;
    }
}
