//! The whole database, to be kept elsewhere and put back.

use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{DryRunQuery, media_type, octets, unsupported};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    change::whole,
    http::query::Query,
    inventory::Inventory,
    problem::{Error, Problem},
    reconcile,
    site::{
        apply::{apply, preview},
        diff::{SiteChange, diff},
    },
    store::{BACKUP_MAX, read_backup},
    time::rfc3339,
};

/// What a backup is (registered with IANA).
pub const MEDIA_TYPE: &str = "application/vnd.sqlite3";

/// What a backup holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupView {
    /// Whether it has been restored.
    pub restored: bool,
    /// Inputs in it.
    pub inputs: usize,
    /// Outputs in it.
    pub outputs: usize,
    /// Presets in it.
    pub presets: usize,
    /// What is, or would be, other than before; empty when nothing is.
    pub changes: Vec<SiteChange>,
}

/// A copy of the whole database, of one moment, while everything goes on.
#[utoipa::path(get, path = "/backup", tag = "backup", operation_id = "get_backup",
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.sqlite3"),
        (status = "default", body = Problem)))]
pub async fn show(State(app): State<Shared>, actor: Actor) -> Result<Response, Error> {
    actor.may(Action::Backup)?;
    let octets = app.store.backup().await?;
    let stamp = rfc3339(app.clock.unix()).replace(['-', ':'], "");
    let name = format!("attachment; filename=\"ormatrix-{stamp}.sqlite3\"");
    let about = [(header::CONTENT_TYPE, MEDIA_TYPE), (header::CONTENT_DISPOSITION, &name)];
    Ok((about, octets).into_response())
}

/// Makes everything that is configured what a backup says, all or nothing: what does not stand
/// there is removed. Routes stay, locks too. A database that cannot be read is set aside, and
/// the backup takes its place; then what displays show stays on them, whatever the backup says.
#[utoipa::path(post, path = "/restore", tag = "backup", operation_id = "restore_backup",
    params(DryRunQuery),
    request_body(content = Vec<u8>, content_type = "application/vnd.sqlite3"),
    responses((status = 200, body = BackupView), (status = "default", body = Problem)))]
pub async fn restore(
    State(app): State<Shared>,
    actor: Actor,
    Query(query): Query<DryRunQuery>,
    request: Request,
) -> Result<Json<BackupView>, Error> {
    actor.may(Action::Restore)?;
    match media_type(request.headers()).as_str() {
        MEDIA_TYPE => {}
        found => return Err(unsupported(found, MEDIA_TYPE)),
    }
    let backup = octets(&app, request, BACKUP_MAX).await?;
    let looked_at = backup.clone();
    let read = tokio::task::spawn_blocking(move || read_backup(&looked_at));
    let inventory = read.await.map_err(|_| Error::Internal)??;
    let to = inventory.clone();
    let changes = if app.store.is_unreadable() {
        let changes = diff(&app.inventory(), &to).changes;
        if !query.dry_run {
            let (name, app) = (actor.name, app.clone());
            whole(async move { replace(&app, &backup, to).await }).await?;
            tracing::info!(actor = name, "a backup took the place of the database");
        }
        changes
    } else if query.dry_run {
        preview(&app, &actor, &to)?
    } else {
        apply(app.clone(), actor, move |_, _| Ok(to)).await?
    };
    Ok(Json(BackupView {
        restored: !query.dry_run,
        inputs: inventory.inputs.len(),
        outputs: inventory.outputs.len(),
        presets: inventory.presets.len(),
        changes,
    }))
}

/// Puts the backup in place and brings the router to it.
async fn replace(app: &Shared, backup: &[u8], inventory: Inventory) -> Result<(), Error> {
    let turn = app.changes.lock().await;
    let no_takes = app.unconfirmed.write().await;
    app.store.replace(backup.to_vec(), app.clock.unix()).await?;
    *app.inventory_mut() = inventory;
    drop((no_takes, turn));
    if let Err(error) = reconcile::reconcile(app).await {
        tracing::warn!(%error, "the next connection brings the router to what was restored");
    }
    Ok(())
}
