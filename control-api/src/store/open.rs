//! Opens the database whatever state it is in; the one place that decides what can be done
//! with it.
//!
//! 1. The file is copied into memory and examined there. No file: a new database is made,
//!    whole or not at all.
//! 2. The copy is brought to the present schema and loaded, in memory.
//! 3. Where that was a migration, the copy as it was is kept beside the database. Only then is
//!    the file opened for writing, and migrated.
//! 4. A write is tried.
//!
//! Where any of this fails the process serves all the same, and refuses changes
//! ([`Health`](super::Health)). If the copy in memory is good, the inventory is read from
//! that; if not, from the router (`reconcile`). A file that cannot be used is never written,
//! moved or removed.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::{
    MIGRATIONS, Store, StoreError, backups,
    copy::{self, Look},
    file,
    health::{Health, Identity, State, Why},
    migrate, rows,
};
use crate::{inventory::Inventory, time::rfc3339};

impl Store {
    /// Opens the database at `path`, or makes it; `now` is ns since the Unix epoch. What is
    /// wrong with it is the store's health, not an error.
    pub fn open_somehow(path: &Path, now: u64) -> Result<(Self, Inventory), StoreError> {
        let failed = match Self::open_at(path, now) {
            Ok(store) => match store.load() {
                Ok(inventory) => return Ok((store, inventory)),
                Err(error) => error,
            },
            Err(error) => error,
        };
        let refused = |reason| StoreError::Sqlite { path: path.to_owned(), reason };
        let (connection, inventory, health) = if let Ok((copy, inventory)) = rehearsed(path) {
            (copy, inventory, Health::Unopened(Why::unopened(path, &failed)))
        } else {
            let empty = migrate::empty(MIGRATIONS.len()).map_err(refused)?;
            let why = Why::unreadable(path, &failed);
            (empty, Inventory::default(), Health::Unreadable(why))
        };
        if let Some(why) = health.why() {
            tracing::error!(reason = why.reason, action = why.action, "no change can be kept");
        }
        let state = State { health, identity: None };
        Ok((Self::new(connection, path, state), inventory))
    }

    /// Opens the database, or makes it, and brings its schema up to date.
    pub fn open_at(path: &Path, now: u64) -> Result<Self, StoreError> {
        let connection = connection(path, now)?;
        let state = State { health: Health::Writable, identity: Identity::of(path) };
        Ok(Self::new(connection, path, state))
    }

    fn new(connection: Connection, path: &Path, state: State) -> Self {
        Self {
            connection: Arc::new(Mutex::new(connection)),
            path: path.into(),
            state: Arc::new(Mutex::new(state)),
            metrics: Arc::default(),
        }
    }
}

/// A connection that can write to a database of the present schema.
pub(super) fn connection(path: &Path, now: u64) -> Result<Connection, StoreError> {
    let directory = file::directory(path);
    fs::create_dir_all(directory)
        .map_err(|reason| StoreError::Directory { path: directory.to_owned(), reason })?;
    let unfit = |what| StoreError::Unfit { path: path.to_owned(), what };
    let kept = match copy::of_file(path)? {
        None => {
            create(path, now)?;
            None
        }
        Some(octets) => {
            let (copy, schema) = copy::examined(&octets, Look::Quick).map_err(unfit)?;
            migrated(copy, path)?;
            if schema < MIGRATIONS.len() {
                let kept = backups::keep(path, schema, &octets, now).map_err(|reason| {
                    StoreError::Backup { path: path.to_owned(), schema, reason }
                })?;
                tracing::info!(backup = %kept.display(), schema, "kept before migrating");
                Some(kept)
            } else {
                None
            }
        }
    };
    let refused = |reason| StoreError::Sqlite { path: path.to_owned(), reason };
    let mut connection = connect(path).map_err(refused)?;
    if connection.is_readonly(MAIN_DB).map_err(refused)? {
        return Err(StoreError::Unwritable { path: path.to_owned() });
    }
    migrate::up(&mut connection, MIGRATIONS)
        .and_then(|()| try_write(&connection))
        .map_err(refused)?;
    if let Some(kept) = kept
        && let Err(error) = backups::prune(path, &kept)
    {
        tracing::warn!(%error, "cannot remove older backups beside the database");
    }
    Ok(connection)
}

/// What the file holds, in memory, of the present schema.
fn rehearsed(path: &Path) -> Result<(Connection, Inventory), StoreError> {
    let unfit = |what| StoreError::Unfit { path: path.to_owned(), what };
    let octets = copy::of_file(path)?.ok_or(StoreError::Thread)?;
    migrated(copy::examined(&octets, Look::Quick).map_err(unfit)?.0, path)
}

/// A copy in memory, brought to the present schema and loaded.
fn migrated(mut copy: Connection, path: &Path) -> Result<(Connection, Inventory), StoreError> {
    migrate::up(&mut copy, MIGRATIONS)
        .map_err(|reason| StoreError::Sqlite { path: path.to_owned(), reason })?;
    let inventory = rows::load(&copy, path)?;
    Ok((copy, inventory))
}

/// Makes a new database.
fn create(path: &Path, now: u64) -> Result<(), StoreError> {
    let unwritable = |reason| StoreError::Create { path: path.to_owned(), reason };
    // The log or journal of another database would be replayed into this one.
    for tail in ["-wal", "-journal"] {
        let stale = file::beside(path, tail);
        let stamp = rfc3339(now).replace(['-', ':'], "");
        let aside = file::beside(&stale, &format!(".{stamp}.set-aside"));
        if stale.exists() {
            fs::rename(&stale, &aside).map_err(unwritable)?;
            tracing::warn!(kept = %aside.display(), "a log without its database was set aside");
        }
    }
    let refused = |reason| StoreError::Sqlite { path: path.to_owned(), reason };
    let mut new = migrate::empty(MIGRATIONS.len()).map_err(refused)?;
    let octets = copy::octets(&mut new).map_err(refused)?;
    file::put(path, &copy::logged(octets)).map_err(unwritable)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    if !connection.is_readonly(MAIN_DB)? {
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Writes what is there already, to the disk: whether that can be done nothing else tells.
pub(super) fn try_write(connection: &Connection) -> rusqlite::Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    connection.pragma_update(None, "user_version", version)
}
