//! Presets, rooms and locks.

use std::path::Path;

use ormatrix_protocol::OutputId;
use rusqlite::{Connection, Row, Transaction, params};

use super::{StoreError, json, labels, said, text, value};
use crate::inventory::{
    Inventory, Lock, Place, Plan, Preset, PresetId, PresetRoute, PresetSource, Zone,
};

pub(super) fn put_preset(transaction: &Transaction<'_>, preset: &Preset) -> rusqlite::Result<()> {
    let id = preset.id.as_str();
    transaction.execute(
        "INSERT INTO presets (id, label, labels, zone) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (id) DO UPDATE SET label = ?2, labels = ?3, zone = ?4",
        params![id, preset.label, json(&preset.labels)?, preset.zone],
    )?;
    transaction.execute("DELETE FROM preset_routes WHERE preset = ?1", [id])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO preset_routes (preset, position, output, source, input, levels) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, route) in preset.routes.iter().enumerate() {
        let (source, input) = match &route.source {
            PresetSource::Input(input) => ("input", Some(input.as_str())),
            PresetSource::Nothing => ("nothing", None),
            PresetSource::Open => ("open", None),
        };
        statement.execute(params![
            id,
            position as u32,
            route.output.as_str(),
            source,
            input,
            json(&route.levels)?
        ])?;
    }
    Ok(())
}

pub(super) fn put_zone(transaction: &Transaction<'_>, zone: &Zone) -> rusqlite::Result<()> {
    let (width, height) = zone.plan.as_ref().map(|plan| (plan.width, plan.height)).unzip();
    transaction.execute(
        "INSERT INTO zones (name, labels, width, height) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET labels = ?2, width = ?3, height = ?4",
        params![zone.name, json(&zone.labels)?, width, height],
    )?;
    transaction.execute("DELETE FROM zone_displays WHERE zone = ?1", [&zone.name])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO zone_displays (zone, position, output, x, y, width, height) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (position, place) in zone.plan.iter().flat_map(|plan| &plan.displays).enumerate() {
        let Place { output, x, y, width, height } = place;
        let position = position as u32;
        statement.execute(params![zone.name, position, output.as_str(), x, y, width, height])?;
    }
    Ok(())
}

pub(super) fn put_lock(
    transaction: &Transaction<'_>,
    output: &OutputId,
    lock: &Lock,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT OR REPLACE INTO locks (output, kind, owner, note, since, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            output.as_str(),
            lock.kind.as_str(),
            lock.owner,
            lock.note,
            lock.since as i64,
            lock.expires_at.map(|at| at as i64),
        ],
    )?;
    Ok(())
}

/// Reads all of them.
pub(super) fn load(
    connection: &Connection,
    path: &Path,
    inventory: &mut Inventory,
) -> Result<(), StoreError> {
    for preset in every(connection, path, "preset", "id", "presets", preset)? {
        inventory.presets.insert(preset.id.clone(), preset);
    }
    for zone in every(connection, path, "zone", "name", "zones", zone)? {
        inventory.zones.insert(zone.name.clone(), zone);
    }
    inventory.locks.extend(every(connection, path, "lock", "output", "locks", lock)?);
    Ok(())
}

/// Every row of a table, read; `key` is the column that names a row.
fn every<T>(
    connection: &Connection,
    path: &Path,
    what: &'static str,
    key: &str,
    table: &str,
    read: fn(&Connection, &Row<'_>) -> Result<T, String>,
) -> Result<Vec<T>, StoreError> {
    let sqlite = |reason| StoreError::Sqlite { path: path.to_owned(), reason };
    let sql = format!("SELECT * FROM {table} ORDER BY {key}");
    let mut statement = connection.prepare(&sql).map_err(sqlite)?;
    let mut rows = statement.query([]).map_err(sqlite)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(sqlite)? {
        let id: String = row.get(key).map_err(sqlite)?;
        let one = read(connection, row);
        let refused = |reason| StoreError::Row { path: path.to_owned(), what, id, reason };
        all.push(one.map_err(refused)?);
    }
    Ok(all)
}

fn preset(connection: &Connection, row: &Row<'_>) -> Result<Preset, String> {
    let id: PresetId = text(row, "id")?;
    let sql = "SELECT * FROM preset_routes WHERE preset = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql).map_err(said)?;
    let mut rows = statement.query([id.as_str()]).map_err(said)?;
    let mut routes = Vec::new();
    while let Some(row) = rows.next().map_err(said)? {
        let source: String = value(row, "source")?;
        let levels: String = value(row, "levels")?;
        routes.push(PresetRoute {
            output: text(row, "output")?,
            source: match source.as_str() {
                "input" => PresetSource::Input(text(row, "input")?),
                "nothing" => PresetSource::Nothing,
                _ => PresetSource::Open,
            },
            levels: serde_json::from_str(&levels).map_err(said)?,
        });
    }
    let (label, labels, zone) = (value(row, "label")?, labels(row)?, value(row, "zone")?);
    Ok(Preset { id, label, labels, zone, routes })
}

fn zone(connection: &Connection, row: &Row<'_>) -> Result<Zone, String> {
    let name: String = value(row, "name")?;
    let sql = "SELECT * FROM zone_displays WHERE zone = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql).map_err(said)?;
    let mut rows = statement.query([&name]).map_err(said)?;
    let mut displays = Vec::new();
    while let Some(row) = rows.next().map_err(said)? {
        displays.push(Place {
            output: text(row, "output")?,
            x: value(row, "x")?,
            y: value(row, "y")?,
            width: value(row, "width")?,
            height: value(row, "height")?,
        });
    }
    let size: (Option<u16>, Option<u16>) = (value(row, "width")?, value(row, "height")?);
    let plan = match size {
        (Some(width), Some(height)) => Some(Plan { width, height, displays }),
        _ => None,
    };
    Ok(Zone { name, labels: labels(row)?, plan })
}

fn lock(_: &Connection, row: &Row<'_>) -> Result<(OutputId, Lock), String> {
    let lock = Lock {
        kind: value::<String>(row, "kind")?.parse()?,
        owner: value(row, "owner")?,
        note: value(row, "note")?,
        since: value::<i64>(row, "since")? as u64,
        expires_at: value::<Option<i64>>(row, "expires_at")?.map(|at| at as u64),
    };
    Ok((text(row, "output")?, lock))
}
