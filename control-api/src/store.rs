//! The inventory's database: SQLite, one file.
//!
//! WAL with `synchronous=FULL`: what was answered as done survives a power cut. Migrations
//! go forward only, numbered files under `store/migrations/`, each in its own transaction;
//! `user_version` counts those applied. A database of a newer program is refused untouched.

mod rows;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ormatrix_protocol::{InputId, OutputId};
use rusqlite::{Connection, Transaction};

use crate::inventory::{Input, Inventory, Lock, Output, Preset, PresetId, Zone};

/// Every migration, in order; a place in this list never changes its content.
const MIGRATIONS: &[&str] = &[
    include_str!("store/migrations/0001_inventory.sql"),
    include_str!("store/migrations/0002_interfaces.sql"),
    include_str!("store/migrations/0003_merge.sql"),
    include_str!("store/migrations/0004_levels.sql"),
    include_str!("store/migrations/0005_operations.sql"),
];

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made.
    #[error("cannot make the directory {}: {reason}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// SQLite refused.
    #[error("{}: {reason}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        reason: rusqlite::Error,
    },
    /// Written by a newer program.
    #[error(
        "{} has schema {found}, this program knows up to {known}: use the newer program, or \
         another database",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest known here.
        known: usize,
    },
    /// A value in the database that this program would not have written.
    #[error("{} holds {what} '{id}' that cannot be read: {reason}", path.display())]
    Row {
        /// The database.
        path: PathBuf,
        /// `input` or `output`.
        what: &'static str,
        /// Which.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// The worker thread ended.
    #[error("the database's thread ended unexpectedly")]
    Thread,
}

/// The open database. Cheap to clone; calls take turns.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    path: Arc<Path>,
}

/// What to write; each is one transaction.
#[derive(Clone, Debug)]
pub enum Write {
    /// Adds or replaces.
    PutInput(Input),
    /// Removes.
    RemoveInput(InputId),
    /// Adds or replaces.
    PutOutput(Output),
    /// Removes, with its lock and its places in plans.
    RemoveOutput(OutputId),
    /// Adds or replaces.
    PutPreset(Preset),
    /// Removes.
    RemovePreset(PresetId),
    /// Adds or replaces.
    PutZone(Zone),
    /// Removes; those that name it stay.
    RemoveZone(String),
    /// Adds or replaces.
    PutLock(OutputId, Lock),
    /// Releases.
    RemoveLock(OutputId),
    /// All of these or none.
    All(Vec<Write>),
}

impl Write {
    /// Does the same to the inventory in memory.
    pub fn apply(self, inventory: &mut Inventory) {
        match self {
            Self::PutInput(input) => {
                inventory.inputs.insert(input.id.clone(), input);
            }
            Self::RemoveInput(id) => {
                inventory.inputs.remove(&id);
            }
            Self::PutOutput(output) => {
                inventory.outputs.insert(output.id.clone(), output);
            }
            Self::RemoveOutput(id) => {
                inventory.outputs.remove(&id);
                inventory.locks.remove(&id);
                for plan in inventory.zones.values_mut().filter_map(|zone| zone.plan.as_mut()) {
                    plan.displays.retain(|place| place.output != id);
                }
            }
            Self::PutPreset(preset) => {
                inventory.presets.insert(preset.id.clone(), preset);
            }
            Self::RemovePreset(id) => {
                inventory.presets.remove(&id);
            }
            Self::PutZone(zone) => {
                inventory.zones.insert(zone.name.clone(), zone);
            }
            Self::RemoveZone(name) => {
                inventory.zones.remove(&name);
            }
            Self::PutLock(output, lock) => {
                inventory.locks.insert(output, lock);
            }
            Self::RemoveLock(output) => {
                inventory.locks.remove(&output);
            }
            Self::All(writes) => writes.into_iter().for_each(|write| write.apply(inventory)),
        }
    }

    /// Each of a list; itself, where it is none.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::All(writes) => writes,
            one => std::slice::from_ref(one),
        }
    }
}

impl Store {
    /// Opens or makes the database and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            fs::create_dir_all(directory)
                .map_err(|reason| StoreError::Directory { path: directory.to_owned(), reason })?;
        }
        let refused = |reason| StoreError::Sqlite { path: path.to_owned(), reason };
        let mut connection = Connection::open(path).map_err(refused)?;
        connection
            .pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
            .and_then(|()| connection.pragma_update(None, "synchronous", "full"))
            .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
            .map_err(refused)?;
        migrate(&mut connection, path)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), path: path.into() })
    }

    /// Reads everything.
    pub fn load(&self) -> Result<Inventory, StoreError> {
        rows::load(&self.lock(), &self.path)
    }

    /// Whether the database answers.
    pub fn answers(&self) -> bool {
        self.lock().query_row("SELECT 1", [], |_| Ok(())).is_ok()
    }

    /// Writes on a thread where waiting for the disk harms nobody.
    pub async fn write(&self, write: Write) -> Result<(), StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.write_now(&write))
            .await
            .map_err(|_| StoreError::Thread)?
    }

    /// Writes and waits for the disk.
    pub fn write_now(&self, write: &Write) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let done = connection.transaction().and_then(|transaction| {
            rows::write(&transaction, write)?;
            transaction.commit()
        });
        done.map_err(|reason| StoreError::Sqlite { path: self.path.to_path_buf(), reason })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connection> {
        // A panic while holding it leaves no open transaction: rusqlite rolls back on drop.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let refused = |reason| StoreError::Sqlite { path: path.to_owned(), reason };
    let found: usize = connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))
        .map_err(refused)? as usize;
    if found > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    let apply = |transaction: Transaction<'_>, number: usize, sql: &str| {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", number as u32)?;
        transaction.commit()
    };
    for (place, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction().map_err(refused)?;
        apply(transaction, place + 1, sql).map_err(refused)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
