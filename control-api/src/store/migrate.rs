//! Migrations: forward only, each whole or not at all.

use rusqlite::{Connection, Transaction};

use super::MIGRATIONS;

/// Brings a schema up to date, one transaction a step: a crash in between leaves a database
/// of one of the schemas, which the next start takes further.
pub fn up(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let apply = |transaction: Transaction<'_>, number: usize, sql: &str| {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", number as u32)?;
        transaction.commit()
    };
    for (place, sql) in migrations.iter().enumerate().skip(found as usize) {
        apply(connection.transaction()?, place + 1, sql)?;
    }
    Ok(())
}

/// A database of a schema, in memory, with nothing in it.
pub fn empty(schema: usize) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", true)?;
    up(&mut connection, MIGRATIONS.get(..schema).unwrap_or(MIGRATIONS))?;
    Ok(connection)
}
