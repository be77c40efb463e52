//! The inventory's database: SQLite, one file.
//!
//! WAL with `synchronous=FULL`: what was answered as done survives a power cut. Migrations
//! go forward only, numbered files under `store/migrations/`, each in its own transaction;
//! `user_version` counts those applied. Before the first of them a copy is kept beside the
//! database. Where it cannot be used, it stays untouched and changes are refused
//! ([`Health`]).

mod alarms;
mod backups;
mod copy;
pub(crate) mod file;
mod health;
mod migrate;
mod open;
mod restore;
mod rows;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

pub use copy::{MAGIC, Unfit};
pub use health::{Health, Why};
use ormatrix_protocol::{InputId, OutputId};
pub use restore::{BACKUP_MAX, BackupError, read_backup};
use rusqlite::Connection;

use crate::{
    inventory::{Input, Inventory, Lock, Output, Preset, PresetId, Zone},
    metrics::DatabaseMetrics,
};

/// Every migration, in order; a place in this list never changes its content.
const MIGRATIONS: &[&str] = &[
    include_str!("store/migrations/0001_inventory.sql"),
    include_str!("store/migrations/0002_interfaces.sql"),
    include_str!("store/migrations/0003_merge.sql"),
    include_str!("store/migrations/0004_levels.sql"),
    include_str!("store/migrations/0005_operations.sql"),
    include_str!("store/migrations/0006_alarms.sql"),
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
        reason: io::Error,
    },
    /// SQLite refused.
    #[error("{}: {reason}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        reason: rusqlite::Error,
    },
    /// It may not be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// It may be read only.
    #[error("{} may be read, but not written", path.display())]
    Unwritable {
        /// The database.
        path: PathBuf,
    },
    /// A new one cannot be made.
    #[error("cannot make the database {}: {reason}", path.display())]
    Create {
        /// The database.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// It holds something else, or something else as well.
    #[error("{} cannot be used: {what}", path.display())]
    Unfit {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        what: Unfit,
    },
    /// No copy could be kept, so it was not migrated.
    #[error(
        "{} has the older schema {schema} and was not migrated, because no copy of it could be \
         kept beside it: {reason}",
        path.display()
    )]
    Backup {
        /// The database.
        path: PathBuf,
        /// Its schema.
        schema: usize,
        /// What the system said.
        reason: io::Error,
    },
    /// No change can be kept.
    #[error("{0}")]
    ReadOnly(Why),
    /// A value in the database that this program would not have written.
    #[error("{} holds {what} '{id}' that cannot be read: {reason}", path.display())]
    Row {
        /// The database.
        path: PathBuf,
        /// `input`, `output` or `alarm`.
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
    state: Arc<Mutex<health::State>>,
    metrics: Arc<DatabaseMetrics>,
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
    /// How it fares.
    pub fn metrics(&self) -> &DatabaseMetrics {
        &self.metrics
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads everything.
    pub fn load(&self) -> Result<Inventory, StoreError> {
        rows::load(&self.lock(), &self.path)
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
        self.commit(|transaction| rows::write(transaction, write))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connection> {
        // A panic while holding it leaves no open transaction: rusqlite rolls back on drop.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
