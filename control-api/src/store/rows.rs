//! Between rows and inventory.

use std::{fmt::Display, net::IpAddr, path::Path, str::FromStr};

use ormatrix_protocol::{Leg, Merge};
use rusqlite::{Connection, Row, Transaction, params};
use st2110::{
    format::{Depth, VideoFormat},
    sdp::{Colorimetry, Range, TransferCharacteristic},
};

use super::{StoreError, Write};
use crate::inventory::{Colour, Input, Inventory, Output};

/// Applies one change.
pub(super) fn write(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::PutInput(input) => put_input(transaction, input),
        Write::PutOutput(output) => put_output(transaction, output),
        Write::RemoveInput(id) => {
            transaction.execute("DELETE FROM inputs WHERE id = ?1", [id.as_str()]).map(|_| ())
        }
        Write::RemoveOutput(id) => {
            transaction.execute("DELETE FROM outputs WHERE id = ?1", [id.as_str()]).map(|_| ())
        }
    }
}

fn put_input(transaction: &Transaction<'_>, input: &Input) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM inputs WHERE id = ?1", [input.id.as_str()])?;
    transaction.execute(
        "INSERT INTO inputs (id, label, zone, width, height, rate, sampling, depth, scan, \
         packing, payload_type, max_udp, colorimetry, tcs, range, skew_us, merge_order) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        params![
            input.id.as_str(),
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
        ],
    )?;
    put_legs(
        transaction,
        "INSERT INTO input_legs (input, position, address, port, source, interface) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        input.id.as_str(),
        &input.legs,
    )
}

fn put_output(transaction: &Transaction<'_>, output: &Output) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM outputs WHERE id = ?1", [output.id.as_str()])?;
    let accepts = serde_json::to_string(&output.accepts)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction.execute(
        "INSERT INTO outputs (id, label, zone, payload_type, ssrc, ttl, dscp, accepts) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            output.id.as_str(),
            output.label,
            output.zone,
            output.payload_type,
            output.ssrc,
            output.ttl,
            output.dscp,
            accepts,
        ],
    )?;
    put_legs(
        transaction,
        "INSERT INTO output_legs (output, position, address, port, source, interface) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        output.id.as_str(),
        &output.legs,
    )
}

fn put_legs(
    transaction: &Transaction<'_>,
    sql: &str,
    owner: &str,
    legs: &[Leg],
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(sql)?;
    for (position, leg) in legs.iter().enumerate() {
        statement.execute(params![
            owner,
            position as u32,
            leg.address.to_string(),
            leg.port,
            leg.source.map(|source| source.to_string()),
            leg.interface,
        ])?;
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
        let input = legs_of(connection, "input", &id).and_then(|legs| input(row, legs)).map_err(
            |reason| StoreError::Row { path: path.to_owned(), what: "input", id, reason },
        )?;
        inventory.inputs.insert(input.id.clone(), input);
    }

    let mut statement = connection.prepare("SELECT * FROM outputs").map_err(sqlite)?;
    let mut rows = statement.query([]).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        let id: String = row.get("id").map_err(sqlite)?;
        let output =
            legs_of(connection, "output", &id).and_then(|legs| output(row, legs)).map_err(
                |reason| StoreError::Row { path: path.to_owned(), what: "output", id, reason },
            )?;
        inventory.outputs.insert(output.id.clone(), output);
    }
    Ok(inventory)
}

fn input(row: &Row<'_>, legs: Vec<Leg>) -> Result<Input, String> {
    Ok(Input {
        id: text(row, "id")?,
        label: value(row, "label")?,
        zone: value(row, "zone")?,
        video: VideoFormat {
            width: value(row, "width")?,
            height: value(row, "height")?,
            rate: text(row, "rate")?,
            sampling: text(row, "sampling")?,
            depth: value::<u8>(row, "depth")?.to_string().parse::<Depth>().map_err(said)?,
            scan: text(row, "scan")?,
            packing: text(row, "packing")?,
        },
        legs,
        merge: Merge { skew_us: value(row, "skew_us")?, order: text(row, "merge_order")? },
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
    })
}

fn named<T>(name: &str, value: fn(&str) -> Option<T>) -> Result<T, String> {
    value(name).ok_or_else(|| format!("'{name}' is no name of ST 2110-20"))
}

fn output(row: &Row<'_>, legs: Vec<Leg>) -> Result<Output, String> {
    let accepts: String = value(row, "accepts")?;
    Ok(Output {
        id: text(row, "id")?,
        label: value(row, "label")?,
        zone: value(row, "zone")?,
        legs,
        payload_type: value(row, "payload_type")?,
        ssrc: value(row, "ssrc")?,
        ttl: value(row, "ttl")?,
        dscp: value(row, "dscp")?,
        accepts: serde_json::from_str(&accepts).map_err(said)?,
    })
}

fn legs_of(connection: &Connection, kind: &str, owner: &str) -> Result<Vec<Leg>, String> {
    // `kind` is one of two words of this file.
    let sql = format!("SELECT * FROM {kind}_legs WHERE {kind} = ?1 ORDER BY position");
    let mut statement = connection.prepare_cached(&sql).map_err(said)?;
    let mut rows = statement.query([owner]).map_err(said)?;
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

fn value<T: rusqlite::types::FromSql>(row: &Row<'_>, column: &str) -> Result<T, String> {
    row.get(column).map_err(said)
}

fn text<T: FromStr<Err: Display>>(row: &Row<'_>, column: &str) -> Result<T, String> {
    value::<String>(row, column)?.parse().map_err(|error: T::Err| format!("{column}: {error}"))
}

fn said(error: impl Display) -> String {
    error.to_string()
}
