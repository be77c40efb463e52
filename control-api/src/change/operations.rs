//! Changes that the router is not asked about: presets, rooms, locks.

use std::time::Duration;

use ormatrix_protocol::OutputId;
use serde_json::json;

use super::{Expect, Plan, Put, carry_out, finish, known, removed, whole};
use crate::{
    actor::{Action, Actor},
    api::{config::Revised, locks::LockView},
    app::{App, Shared},
    inventory::{Lock, Preset, PresetId, Zone},
    problem::Error,
    store::Write,
    validate,
};

/// How often locks are looked at. An expired one has no effect even before that.
const LOOK: Duration = Duration::from_secs(1);

/// Writes something that only the database needs.
async fn keep(app: &App, write: impl FnOnce() -> Result<Write, Error>) -> Result<(), Error> {
    let plan = || Ok(Plan { ask: None, undo: Vec::new(), write: write()? });
    carry_out(app, plan).await.map(|_| ())
}

/// Adds or replaces a preset.
pub async fn put_preset(app: Shared, preset: Preset, expect: Expect) -> Result<Put, Error> {
    validate::preset(&preset)?;
    whole(async move {
        let _turn = app.changes.lock().await;
        let (id, mut existed) = (preset.id.clone(), false);
        keep(&app, || {
            let inventory = app.inventory();
            let present = inventory.presets.get(&id).map(Revised::revision);
            expect.check("preset", id.as_str(), present.as_deref())?;
            existed = present.is_some();
            validate::references(&inventory, &preset)?;
            Ok(Write::PutPreset(preset))
        })
        .await?;
        Ok(finish(&app, "preset", id.as_str(), existed, false).await)
    })
    .await
}

/// Removes a preset.
pub async fn remove_preset(app: Shared, id: PresetId, expect: Expect) -> Result<(), Error> {
    whole(async move {
        let _turn = app.changes.lock().await;
        keep(&app, || {
            let inventory = app.inventory();
            let present = inventory.presets.get(&id);
            let present = present.ok_or_else(|| Error::UnknownPreset(id.to_string()))?;
            expect.check("preset", id.as_str(), Some(&present.revision()))?;
            Ok(Write::RemovePreset(id.clone()))
        })
        .await?;
        removed(&app, "preset", id.as_str(), false).await;
        Ok(())
    })
    .await
}

/// Adds or replaces a room.
pub async fn put_zone(app: Shared, zone: Zone, expect: Expect) -> Result<Put, Error> {
    validate::zone(&zone)?;
    whole(async move {
        let _turn = app.changes.lock().await;
        let (name, mut existed) = (zone.name.clone(), false);
        keep(&app, || {
            let inventory = app.inventory();
            let present = inventory.zones.get(&name).map(Revised::revision);
            expect.check("zone", &name, present.as_deref())?;
            existed = present.is_some();
            validate::displays(&inventory, &zone)?;
            Ok(Write::PutZone(zone))
        })
        .await?;
        Ok(finish(&app, "zone", &name, existed, false).await)
    })
    .await
}

/// Removes what is known of a room. What names it goes on naming it.
pub async fn remove_zone(app: Shared, name: String, expect: Expect) -> Result<(), Error> {
    whole(async move {
        let _turn = app.changes.lock().await;
        keep(&app, || {
            let inventory = app.inventory();
            let present = inventory.zones.get(&name);
            let present = present.ok_or_else(|| Error::UnknownZone(name.clone()))?;
            expect.check("zone", &name, Some(&present.revision()))?;
            Ok(Write::RemoveZone(name.clone()))
        })
        .await?;
        removed(&app, "zone", &name, false).await;
        Ok(())
    })
    .await
}

/// Locks or protects an output; its owner may change how and until when.
pub async fn put_lock(app: Shared, output: OutputId, lock: Lock) -> Result<Put, Error> {
    validate::lock(&lock)?;
    whole(async move {
        let _turn = app.changes.lock().await;
        let mut existed = false;
        let told = LockView::of(&lock);
        keep(&app, || {
            let inventory = app.inventory();
            if !inventory.outputs.contains_key(&output) {
                return Err(Error::UnknownOutput(output.to_string()));
            }
            if let Some(present) = inventory.lock(&output, app.clock.unix()) {
                existed = true;
                if present.owner != lock.owner {
                    return Err(Error::Locked { output: output.clone(), lock: present.clone() });
                }
            }
            // The salvo was accepted first, and the router carries it out whatever is locked.
            // That the router is away says that nothing waits there.
            let waits = known(&app, |mirror| {
                let mut waiting = mirror.scheduled.iter();
                let salvo = waiting.find(|(_, it)| it.takes.iter().any(|t| t.output == output));
                salvo.map(|(take, _)| *take)
            });
            if let Ok(Some(take)) = waits {
                return Err(Error::SalvoWaits { output: output.clone(), take });
            }
            Ok(Write::PutLock(output.clone(), lock))
        })
        .await?;
        publish(&app, &output, Some(&told));
        Ok(if existed { Put::Replaced } else { Put::Created })
    })
    .await
}

/// Releases an output; of somebody else's lock only with `force`.
pub async fn remove_lock(
    app: Shared,
    actor: Actor,
    output: OutputId,
    force: bool,
) -> Result<(), Error> {
    whole(async move {
        let _turn = app.changes.lock().await;
        keep(&app, || {
            let inventory = app.inventory();
            if !inventory.outputs.contains_key(&output) {
                return Err(Error::UnknownOutput(output.to_string()));
            }
            let lock = inventory.lock(&output, app.clock.unix());
            let lock = lock.ok_or_else(|| Error::NotLocked(output.clone()))?;
            if lock.owner != actor.name {
                if !force {
                    let owner = lock.owner.clone();
                    return Err(Error::NotYourLock { output: output.clone(), owner });
                }
                actor.may(Action::BreakLock)?;
                tracing::warn!(%output, owner = lock.owner, by = actor.name, "lock broken");
            }
            Ok(Write::RemoveLock(output.clone()))
        })
        .await?;
        publish(&app, &output, None);
        Ok(())
    })
    .await
}

/// Lets go of locks when their time is over, until the process ends.
pub async fn watch_locks(app: Shared) {
    let mut ending = app.ending.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = ending.wait_for(|end| *end) => return,
        }
        release_expired(&app).await;
    }
}

/// Forgets locks whose time is over, and says so.
pub async fn release_expired(app: &App) {
    let expired: Vec<OutputId> = {
        let (inventory, now) = (app.inventory(), app.clock.unix());
        let expired = inventory.locks.iter().filter(|(_, lock)| lock.expired(now));
        expired.map(|(output, _)| output.clone()).collect()
    };
    for output in expired {
        let _turn = app.changes.lock().await;
        let still = || {
            let now = app.clock.unix();
            app.inventory().locks.get(&output).is_some_and(|lock| lock.expired(now))
        };
        if !still() {
            continue;
        }
        // It has no effect any more, whether or not the disk forgets it today.
        if let Err(error) = keep(app, || Ok(Write::RemoveLock(output.clone()))).await {
            tracing::warn!(%output, %error, "an expired lock could not be removed");
            app.inventory_mut().locks.remove(&output);
        }
        publish(app, &output, None);
    }
}

fn publish(app: &App, output: &OutputId, lock: Option<&LockView>) {
    tracing::info!(%output, locked = lock.is_some(), "lock");
    app.events.publish("lock", &json!({ "output": output, "lock": lock }));
}
