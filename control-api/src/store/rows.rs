//! Between rows and inventory.

mod operations;

use std::{fmt::Display, net::IpAddr, path::Path, str::FromStr};

use ormatrix_protocol::{
    Back, Failover, InputId, InputStream, Leg, Level, Merge, OnLoss, OutputStream, SteadyMs,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};
use st2110::{
    format::{Depth, VideoFormat},
    sdp::{Colorimetry, Range, TransferCharacteristic},
};

use super::{StoreError, Write};
use crate::inventory::{Colour, Input, Inventory, Labels, Output, Stream};

/// Applies one change, or a list of them.
pub(super) fn write(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    let remove = |sql: &str, id: &str| transaction.execute(sql, [id]).map(|_| ());
    match write {
        Write::PutInput(input) => put_input(transaction, input),
        Write::PutOutput(output) => put_output(transaction, output),
        Write::PutPreset(preset) => operations::put_preset(transaction, preset),
        Write::PutZone(zone) => operations::put_zone(transaction, zone),
        Write::PutLock(output, lock) => operations::put_lock(transaction, output, lock),
        Write::RemoveInput(id) => remove("DELETE FROM inputs WHERE id = ?1", id.as_str()),
        Write::RemoveOutput(id) => remove("DELETE FROM outputs WHERE id = ?1", id.as_str()),
        Write::RemovePreset(id) => remove("DELETE FROM presets WHERE id = ?1", id.as_str()),
        Write::RemoveZone(name) => remove("DELETE FROM zones WHERE name = ?1", name),
        Write::RemoveLock(output) => remove("DELETE FROM locks WHERE output = ?1", output.as_str()),
        Write::All(writes) => {
            // Streams may swap their addresses, which are unique at every moment.
            for write in writes {
                match write {
                    Write::PutInput(input) => clear(transaction, "input", input.id.as_str())?,
                    Write::PutOutput(output) => clear(transaction, "output", output.id.as_str())?,
                    _ => {}
                }
            }
            writes.iter().try_for_each(|one| self::write(transaction, one))
        }
    }
}

/// Forgets the legs and levels of an input or output, which are written anew.
fn clear(transaction: &Transaction<'_>, kind: &str, id: &str) -> rusqlite::Result<()> {
    // `kind` is one of two words of this file.
    for what in ["legs", "levels"] {
        let sql = format!("DELETE FROM {kind}_{what} WHERE {kind} = ?1");
        transaction.prepare_cached(&sql)?.execute([id])?;
    }
    Ok(())
}

fn put_input(transaction: &Transaction<'_>, input: &Input) -> rusqlite::Result<()> {
    let id = input.id.as_str();
    clear(transaction, "input", id)?;
    transaction.execute("DELETE FROM input_backups WHERE input = ?1", [id])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO inputs (id, label, zone, width, height, rate, sampling, depth, scan, \
         packing, payload_type, max_udp, colorimetry, tcs, range, skew_us, merge_order, back, \
         steady_ms, frozen_ms, black_ms, labels, source_type) VALUES (?1, ?2, ?3, ?4, ?5, ?6, \
         ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23) \
         ON CONFLICT (id) DO UPDATE SET label = ?2, zone = ?3, width = ?4, height = ?5, \
         rate = ?6, sampling = ?7, depth = ?8, scan = ?9, packing = ?10, payload_type = ?11, \
         max_udp = ?12, colorimetry = ?13, tcs = ?14, range = ?15, skew_us = ?16, \
         merge_order = ?17, back = ?18, steady_ms = ?19, frozen_ms = ?20, black_ms = ?21, \
         labels = ?22, source_type = ?23",
    )?;
    statement.execute(params![
        id,
        input.label,
        input.zone,
        input.video.width,
        input.video.height,
        input.video.rate.to_string(),
        input.video.sampling.as_str(),
        input.video.depth.bits(),
        input.video.scan.as_str(),
        input.video.packing.as_str(),
        input.payload_type,
        input.max_udp,
        input.colour.colorimetry.as_str(),
        input.colour.tcs.map(TransferCharacteristic::as_str),
        input.colour.range.map(Range::as_str),
        input.merge.skew_us,
        input.merge.order.as_str(),
        input.failover.back.as_str(),
        input.failover.steady_ms.0,
        input.failover.frozen_ms,
        input.failover.black_ms,
        json(&input.labels)?,
        input.source_type.as_str(),
    ])?;
    if let Some(audio) = &input.audio {
        put_input_level(transaction, id, Level::Audio, audio)?;
    }
    if let Some(ancillary) = &input.ancillary {
        put_input_level(transaction, id, Level::Ancillary, ancillary)?;
    }
    for (position, backup) in input.failover.backups.iter().enumerate() {
        transaction.execute(
            "INSERT INTO input_backups (input, position, backup) VALUES (?1, ?2, ?3)",
            params![id, position as u32, backup.as_str()],
        )?;
    }
    put_legs(
        transaction,
        "INSERT INTO input_legs (input, level, position, address, port, source, interface) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        id,
        input,
    )
}

fn put_input_level<F: Serialize>(
    transaction: &Transaction<'_>,
    input: &str,
    level: Level,
    stream: &InputStream<F>,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO input_levels (input, level, format, payload_type, skew_us, merge_order) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let merge = stream.merge;
    transaction.execute(
        sql,
        params![
            input,
            level.as_str(),
            json(&stream.format)?,
            stream.payload_type,
            merge.skew_us,
            merge.order.as_str(),
        ],
    )?;
    Ok(())
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn put_output(transaction: &Transaction<'_>, output: &Output) -> rusqlite::Result<()> {
    let id = output.id.as_str();
    clear(transaction, "output", id)?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO outputs (id, label, zone, payload_type, ssrc, ttl, dscp, accepts, on_loss, \
         labels, park) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (id) DO UPDATE SET label = ?2, zone = ?3, payload_type = ?4, ssrc = ?5, \
         ttl = ?6, dscp = ?7, accepts = ?8, on_loss = ?9, labels = ?10, park = ?11",
    )?;
    statement.execute(params![
        id,
        output.label,
        output.zone,
        output.payload_type,
        output.ssrc,
        output.ttl,
        output.dscp,
        json(&output.accepts)?,
        output.on_loss.as_str(),
        json(&output.labels)?,
        output.park.as_ref().map(InputId::as_str),
    ])?;
    for (level, stream) in [(Level::Audio, &output.audio), (Level::Ancillary, &output.ancillary)] {
        if let Some(stream) = stream {
            transaction.execute(
                "INSERT INTO output_levels (output, level, payload_type, ssrc, ramp_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, level.as_str(), stream.payload_type, stream.ssrc, stream.ramp_ms],
            )?;
        }
    }
    put_legs(
        transaction,
        "INSERT INTO output_legs (output, level, position, address, port, source, interface) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        id,
        output,
    )
}

fn put_legs<T: Stream>(
    transaction: &Transaction<'_>,
    sql: &str,
    owner: &str,
    stream: &T,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(sql)?;
    for (level, legs) in stream.levels() {
        for (position, leg) in legs.iter().enumerate() {
            statement.execute(params![
                owner,
                level.as_str(),
                position as u32,
                leg.address.to_string(),
                leg.port,
                leg.source.map(|source| source.to_string()),
                leg.interface,
            ])?;
        }
    }
    Ok(())
}

/// Reads everything.
pub(super) fn load(connection: &Connection, path: &Path) -> Result<Inventory, StoreError> {
    let sqlite = |reason| StoreError::Sqlite { path: path.to_owned(), reason };
    let mut inventory = Inventory::default();

    let mut statement = connection.prepare("SELECT * FROM inputs").map_err(sqlite)?;
    let mut rows = statement.query([]).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        let id: String = row.get("id").map_err(sqlite)?;
        let input = input(connection, row, &id).map_err(|reason| StoreError::Row {
            path: path.to_owned(),
            what: "input",
            id,
            reason,
        })?;
        inventory.inputs.insert(input.id.clone(), input);
    }

    let mut statement = connection.prepare("SELECT * FROM outputs").map_err(sqlite)?;
    let mut rows = statement.query([]).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        let id: String = row.get("id").map_err(sqlite)?;
        let output = output(connection, row, &id).map_err(|reason| StoreError::Row {
            path: path.to_owned(),
            what: "output",
            id,
            reason,
        })?;
        inventory.outputs.insert(output.id.clone(), output);
    }
    operations::load(connection, path, &mut inventory)?;
    Ok(inventory)
}

fn input(connection: &Connection, row: &Row<'_>, id: &str) -> Result<Input, String> {
    let back: String = value(row, "back")?;
    Ok(Input {
        id: text(row, "id")?,
        label: value(row, "label")?,
        labels: labels(row)?,
        zone: value(row, "zone")?,
        source_type: text(row, "source_type")?,
        video: VideoFormat {
            width: value(row, "width")?,
            height: value(row, "height")?,
            rate: text(row, "rate")?,
            sampling: text(row, "sampling")?,
            depth: value::<u8>(row, "depth")?.to_string().parse::<Depth>().map_err(said)?,
            scan: text(row, "scan")?,
            packing: text(row, "packing")?,
        },
        legs: legs_of(connection, "input", id, Level::Video)?,
        merge: merge(row)?,
        payload_type: value(row, "payload_type")?,
        max_udp: value(row, "max_udp")?,
        colour: Colour {
            colorimetry: named(&value::<String>(row, "colorimetry")?, Colorimetry::from_name)?,
            tcs: value::<Option<String>>(row, "tcs")?
                .map(|name| named(&name, TransferCharacteristic::from_name))
                .transpose()?,
            range: value::<Option<String>>(row, "range")?
                .map(|name| named(&name, Range::from_name))
                .transpose()?,
        },
        audio: input_level(connection, id, Level::Audio)?,
        ancillary: input_level(connection, id, Level::Ancillary)?,
        failover: Failover {
            backups: backups_of(connection, id)?,
            back: [Back::Automatic, Back::Manual]
                .into_iter()
                .find(|known| known.as_str() == back)
                .ok_or_else(|| format!("back: '{back}' is neither automatic nor manual"))?,
            steady_ms: SteadyMs(value(row, "steady_ms")?),
            frozen_ms: value(row, "frozen_ms")?,
            black_ms: value(row, "black_ms")?,
        },
    })
}

fn merge(row: &Row<'_>) -> Result<Merge, String> {
    Ok(Merge { skew_us: value(row, "skew_us")?, order: text(row, "merge_order")? })
}

fn input_level<F: DeserializeOwned>(
    connection: &Connection,
    input: &str,
    level: Level,
) -> Result<Option<InputStream<F>>, String> {
    let sql = "SELECT * FROM input_levels WHERE input = ?1 AND level = ?2";
    let mut statement = connection.prepare_cached(sql).map_err(said)?;
    let mut rows = statement.query([input, level.as_str()]).map_err(said)?;
    let Some(row) = rows.next().map_err(said)? else { return Ok(None) };
    let format: String = value(row, "format")?;
    Ok(Some(InputStream {
        format: serde_json::from_str(&format).map_err(|error| format!("{level}: {error}"))?,
        legs: legs_of(connection, "input", input, level)?,
        merge: merge(row)?,
        payload_type: value(row, "payload_type")?,
    }))
}

fn backups_of(connection: &Connection, input: &str) -> Result<Vec<InputId>, String> {
    let sql = "SELECT backup FROM input_backups WHERE input = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql).map_err(said)?;
    let mut rows = statement.query([input]).map_err(said)?;
    let mut backups = Vec::new();
    while let Some(row) = rows.next().map_err(said)? {
        backups.push(text(row, "backup")?);
    }
    Ok(backups)
}

fn named<T>(name: &str, value: fn(&str) -> Option<T>) -> Result<T, String> {
    value(name).ok_or_else(|| format!("'{name}' is no name of ST 2110-20"))
}

fn output(connection: &Connection, row: &Row<'_>, id: &str) -> Result<Output, String> {
    let accepts: String = value(row, "accepts")?;
    let on_loss: String = value(row, "on_loss")?;
    Ok(Output {
        id: text(row, "id")?,
        label: value(row, "label")?,
        labels: labels(row)?,
        zone: value(row, "zone")?,
        park: value::<Option<String>>(row, "park")?
            .map(|id| id.parse().map_err(said))
            .transpose()?,
        legs: legs_of(connection, "output", id, Level::Video)?,
        payload_type: value(row, "payload_type")?,
        ssrc: value(row, "ssrc")?,
        ttl: value(row, "ttl")?,
        dscp: value(row, "dscp")?,
        accepts: serde_json::from_str(&accepts).map_err(said)?,
        audio: output_level(connection, id, Level::Audio)?,
        ancillary: output_level(connection, id, Level::Ancillary)?,
        on_loss: [OnLoss::Nothing, OnLoss::Slate]
            .into_iter()
            .find(|known| known.as_str() == on_loss)
            .ok_or_else(|| format!("on_loss: '{on_loss}' is neither nothing nor slate"))?,
    })
}

fn output_level(
    connection: &Connection,
    output: &str,
    level: Level,
) -> Result<Option<OutputStream>, String> {
    let sql = "SELECT payload_type, ssrc, ramp_ms FROM output_levels \
               WHERE output = ?1 AND level = ?2";
    let mut statement = connection.prepare_cached(sql).map_err(said)?;
    let row = statement
        .query_row([output, level.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(said)?;
    let Some((payload_type, ssrc, ramp_ms)) = row else { return Ok(None) };
    let legs = legs_of(connection, "output", output, level)?;
    Ok(Some(OutputStream { legs, payload_type, ssrc, ramp_ms }))
}

fn legs_of(
    connection: &Connection,
    kind: &str,
    owner: &str,
    level: Level,
) -> Result<Vec<Leg>, String> {
    // `kind` is one of two words of this file.
    let sql =
        format!("SELECT * FROM {kind}_legs WHERE {kind} = ?1 AND level = ?2 ORDER BY position");
    let mut statement = connection.prepare_cached(&sql).map_err(said)?;
    let mut rows = statement.query([owner, level.as_str()]).map_err(said)?;
    let mut legs = Vec::new();
    while let Some(row) = rows.next().map_err(said)? {
        let source: Option<String> = value(row, "source")?;
        legs.push(Leg {
            address: text(row, "address")?,
            port: value(row, "port")?,
            source: source.map(|s| s.parse::<IpAddr>()).transpose().map_err(said)?,
            interface: value(row, "interface")?,
        });
    }
    Ok(legs)
}

fn labels(row: &Row<'_>) -> Result<Labels, String> {
    let labels: String = value(row, "labels")?;
    serde_json::from_str(&labels).map_err(|error| format!("labels: {error}"))
}

fn value<T: rusqlite::types::FromSql>(row: &Row<'_>, column: &str) -> Result<T, String> {
    row.get(column).map_err(said)
}

fn text<T: FromStr<Err: Display>>(row: &Row<'_>, column: &str) -> Result<T, String> {
    value::<String>(row, column)?.parse().map_err(|error: T::Err| format!("{column}: {error}"))
}

fn said(error: impl Display) -> String {
    error.to_string()
}
