//! A database as octets, and octets as a database in memory.
//!
//! A copy is made in one read transaction: it is of one moment, and stops no write. All
//! judging of a database that may be damaged, foreign or hostile is done on such a copy; the
//! file itself is only read.

use std::{fs, io::ErrorKind, path::Path};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, config::DbConfig};

use super::{MIGRATIONS, StoreError, file, migrate};

/// What every SQLite database begins with.
pub const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where its header says how it is written to: write version, read version.
const VERSIONS: std::ops::Range<usize> = 18..20;
/// Written to with a rollback journal: such a file is a database alone.
const ROLLBACK: u8 = 1;
/// Written to with a write-ahead log.
const WAL: u8 = 2;

/// What is wrong with a database, whatever its file is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Other octets.
    #[error("it is no SQLite database")]
    NotADatabase,
    /// Pages that contradict each other.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A database, but of another program.
    #[error("it is not a database of this program: {0}")]
    Foreign(String),
    /// Written by a newer program.
    #[error("it has schema {found}, this program knows up to {known}")]
    Newer {
        /// Its schema.
        found: usize,
        /// The newest known here.
        known: usize,
    },
}

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Every page: at each start.
    Quick,
    /// Also every index and reference: before a database is put in place of another.
    Whole,
}

/// The database behind a connection. It opens anywhere, without a second file beside it.
pub fn octets(connection: &mut Connection) -> rusqlite::Result<Vec<u8>> {
    // Says what is wrong, where serialising only says that something is.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut octets = connection.serialize(MAIN_DB)?.to_vec();
    set_versions(&mut octets, ROLLBACK);
    Ok(octets)
}

/// Marks octets as written to with a log, as the file of a running database is: so there is
/// no moment at which a new one is changed from one to the other.
pub fn logged(mut octets: Vec<u8>) -> Vec<u8> {
    set_versions(&mut octets, WAL);
    octets
}

fn set_versions(octets: &mut [u8], version: u8) {
    if let Some(versions) = octets.get_mut(VERSIONS) {
        versions.fill(version);
    }
}

/// Octets as a database in memory, looked at; with its schema.
pub fn examined(octets: &[u8], look: Look) -> Result<(Connection, usize), Unfit> {
    if !octets.starts_with(MAGIC) {
        return Err(Unfit::NotADatabase);
    }
    let damaged = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Unfit::NotADatabase,
        _ => Unfit::Damaged(error.to_string()),
    };
    let connection = in_memory(octets).map_err(damaged)?;
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
    let (pages, size) = number("page_count")
        .and_then(|pages| Ok((pages, number("page_size")?)))
        .map_err(damaged)?;
    // SQLite reads what is missing of the last page as zeroes.
    if u64::from(pages) * u64::from(size) != octets.len() as u64 {
        let found = format!("{} octets, not {pages} pages of {size}", octets.len());
        return Err(Unfit::Damaged(found));
    }
    let pragma = match look {
        Look::Quick => "PRAGMA quick_check(1)",
        Look::Whole => "PRAGMA integrity_check(1)",
    };
    let found: String = connection.query_row(pragma, [], |row| row.get(0)).map_err(damaged)?;
    if found != "ok" {
        // Its first lines say where; a person reads them in one.
        return Err(Unfit::Damaged(found.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    let schema = schema_of(&connection, look)?;
    if look == Look::Whole {
        let broken = connection
            .query_row("PRAGMA foreign_key_check", [], |row| row.get::<_, String>(0))
            .map(Some)
            .or_else(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(None),
                error => Err(damaged(error)),
            })?;
        if let Some(table) = broken {
            let found = format!("{table} names what is not there");
            return Err(Unfit::Damaged(found));
        }
    }
    Ok((connection, schema))
}

fn in_memory(octets: &[u8]) -> rusqlite::Result<Connection> {
    let mut octets = octets.to_vec();
    // In memory there can be no log.
    set_versions(&mut octets, ROLLBACK);
    let mut connection = Connection::open_in_memory()?;
    connection.deserialize_read_exact(MAIN_DB, octets.as_slice(), octets.len(), false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// The schema of a database that is whole, if this program made it.
fn schema_of(connection: &Connection, look: Look) -> Result<usize, Unfit> {
    let damaged = |error: rusqlite::Error| Unfit::Damaged(error.to_string());
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(damaged)?;
    let known = MIGRATIONS.len();
    let Ok(found) = usize::try_from(version) else {
        return Err(Unfit::Foreign(format!("its user_version is {version}")));
    };
    if found > known {
        return Err(Unfit::Newer { found, known });
    }
    let there = names(connection).map_err(damaged)?;
    let expected = migrate::empty(found).and_then(|empty| names(&empty)).map_err(damaged)?;
    if let Some((kind, name)) = expected.iter().find(|name| !there.contains(name)) {
        return Err(Unfit::Foreign(format!("it has no {kind} '{name}'")));
    }
    // What somebody added to our own database is theirs. In one that came from elsewhere a view
    // or a trigger could do anything when it is read or written.
    let added = there.iter().find(|name| !expected.contains(name));
    if let Some((kind, name)) = added.filter(|_| found == 0 || look == Look::Whole) {
        return Err(Unfit::Foreign(format!("it has a {kind} '{name}'")));
    }
    Ok(found)
}

/// Kind and name of everything that a schema makes.
fn names(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The database in a file, `None` when there is no file.
pub fn of_file(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let unreadable = |reason| StoreError::Unreadable { path: path.to_owned(), reason };
    match fs::metadata(path) {
        Ok(about) if about.len() == 0 || about.is_dir() => {
            // SQLite would take an empty file for a new database.
            let what = Unfit::NotADatabase;
            return Err(StoreError::Unfit { path: path.to_owned(), what });
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    // Says more than SQLite does when it may not be read.
    fs::File::open(path).map_err(unreadable)?;
    let read = open(path, false).or_else(|error| {
        // Where no file may be made beside it, SQLite reads it only when told that nobody
        // writes; without a log, what it reads is whole.
        let log = fs::metadata(file::beside(path, "-wal")).is_ok_and(|about| about.len() > 0);
        if log { Err(error) } else { open(path, true) }
    });
    read.map(Some).map_err(|reason| match reason.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::Unfit { path: path.to_owned(), what: Unfit::NotADatabase }
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            let what = Unfit::Damaged(reason.to_string());
            StoreError::Unfit { path: path.to_owned(), what }
        }
        _ => StoreError::Sqlite { path: path.to_owned(), reason },
    })
}

fn open(path: &Path, alone: bool) -> rusqlite::Result<Vec<u8>> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = if alone {
        let uri = format!("file:{}?immutable=1", escaped(path));
        let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(uri, flags)?
    } else {
        // A journal that a crash left can only be rolled back by one who may write.
        let journal = fs::metadata(file::beside(path, "-journal")).is_ok();
        let may = if journal {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        } else {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        };
        Connection::open_with_flags(path, flags | may)?
    };
    octets(&mut connection)
}

/// A path as part of an SQLite URI.
fn escaped(path: &Path) -> String {
    let mut uri = String::new();
    for octet in path.as_os_str().as_encoded_bytes() {
        if octet.is_ascii_alphanumeric() || b"/-_.~".contains(octet) {
            uri.push(char::from(*octet));
        } else {
            uri.extend(["%".to_owned(), format!("{octet:02X}")]);
        }
    }
    uri
}
