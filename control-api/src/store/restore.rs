//! Backups: made while everything goes on, and read as what came from anywhere.

use std::{fs, path::Path};

use super::{
    Health, MIGRATIONS, Store, StoreError,
    copy::{self, Look, Unfit},
    file, migrate, open, rows,
};
use crate::{
    inventory::{Input, Inventory, Output, Stream},
    problem::Error,
    time::rfc3339,
    validate,
};

/// Longest backup in octets that is read; a thousand inputs and outputs take less than two
/// million.
pub const BACKUP_MAX: usize = 16 * 1024 * 1024;

/// Why a backup cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Too long to be looked at.
    #[error("the backup has {length} octets, the most that is read is {BACKUP_MAX}")]
    TooLong {
        /// Its octets.
        length: usize,
    },
    /// Not a whole database of this program.
    #[error("the backup cannot be used: {0}")]
    Unfit(#[from] Unfit),
    /// It could not be brought to the present schema.
    #[error("the backup has the older schema {schema} and cannot be migrated: {reason}")]
    Migration {
        /// Its schema.
        schema: usize,
        /// What the database said.
        reason: rusqlite::Error,
    },
    /// A row that this program would not have written.
    #[error("{0}")]
    Row(StoreError),
    /// Two streams with one address.
    #[error("in the backup {0}")]
    Clash(String),
    /// A value that the API would refuse.
    #[error("{kind} '{id}' in the backup: {reason}")]
    Invalid {
        /// `input`, `output`, `preset`, `zone` or `lock`.
        kind: &'static str,
        /// Which.
        id: String,
        /// What is wrong.
        reason: String,
    },
}

/// What a backup holds, if it is whole and every part of it could have been written through
/// the API. Everything is done on a copy in memory.
pub fn read_backup(octets: &[u8]) -> Result<Inventory, BackupError> {
    if octets.len() > BACKUP_MAX {
        return Err(BackupError::TooLong { length: octets.len() });
    }
    let (mut copy, schema) = copy::examined(octets, Look::Whole)?;
    migrate::up(&mut copy, MIGRATIONS)
        .map_err(|reason| BackupError::Migration { schema, reason })?;
    let inventory = rows::load(&copy, Path::new("the backup")).map_err(BackupError::Row)?;
    valid(&inventory)?;
    Ok(inventory)
}

/// Checks what the API checks of each part, whatever the router has.
fn valid(inventory: &Inventory) -> Result<(), BackupError> {
    for input in inventory.inputs.values() {
        let backups = validate::backups(inventory, input);
        sound(Input::KIND, &input.id, validate::input(input).and(backups))?;
    }
    for output in inventory.outputs.values() {
        let park = validate::park(inventory, output);
        sound(Output::KIND, &output.id, validate::output(output).and(park))?;
    }
    let clash = |error: Error| BackupError::Clash(error.to_string());
    validate::addresses(&inventory.inputs).map_err(clash)?;
    validate::addresses(&inventory.outputs).map_err(clash)?;
    for preset in inventory.presets.values() {
        let names = validate::references(inventory, preset);
        sound("preset", &preset.id, validate::preset(preset).and(names))?;
    }
    for zone in inventory.zones.values() {
        sound("zone", &zone.name, validate::zone(zone))?;
    }
    for (output, lock) in &inventory.locks {
        sound("lock", output, validate::lock(lock))?;
    }
    Ok(())
}

fn sound(
    kind: &'static str,
    id: &impl ToString,
    found: Result<(), Error>,
) -> Result<(), BackupError> {
    let id = id.to_string();
    found.map_err(|error| BackupError::Invalid { kind, id, reason: error.to_string() })
}

impl Store {
    /// A copy of the whole database, of one moment and found whole. Stops no write.
    pub async fn backup(&self) -> Result<Vec<u8>, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.backup_now())
            .await
            .map_err(|_| StoreError::Thread)?
    }

    /// Puts a backup that [`read_backup`] has read in the place of a database that cannot be
    /// read; that one stays beside it under another name. The caller holds off changes.
    pub async fn replace(&self, backup: Vec<u8>, now: u64) -> Result<(), StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.replace_now(backup, now))
            .await
            .map_err(|_| StoreError::Thread)?
    }

    /// The same, on this thread.
    pub fn replace_now(&self, backup: Vec<u8>, now: u64) -> Result<(), StoreError> {
        let path = &*self.path;
        let refused = |reason| StoreError::Create { path: path.to_path_buf(), reason };
        let mut connection = self.lock();
        if !self.is_unreadable() {
            // Somebody else was first.
            return Ok(());
        }
        let new = file::beside(path, ".restored");
        file::put(&new, &copy::logged(backup)).map_err(refused)?;
        let stamp = rfc3339(now).replace(['-', ':'], "");
        let aside = |tail: &str| file::beside(path, &format!("{tail}.{stamp}.set-aside"));
        // The log of the old one would be replayed into the new one.
        for tail in ["-wal", "-shm", "-journal"] {
            let old = file::beside(path, tail);
            if old.exists() {
                fs::rename(&old, aside(tail)).map_err(refused)?;
            }
        }
        // At no moment is there none: a start would begin with an empty one.
        if path.exists() {
            fs::hard_link(path, aside("")).map_err(refused)?;
        }
        fs::rename(&new, path).map_err(refused)?;
        *connection = open::connection(path, now)?;
        self.opened();
        Ok(())
    }

    /// The same, on this thread.
    pub fn backup_now(&self) -> Result<Vec<u8>, StoreError> {
        let refused = |reason| StoreError::Sqlite { path: self.path.to_path_buf(), reason };
        let own = |store: &Self| copy::octets(&mut store.lock()).map_err(refused);
        let octets = match self.health() {
            Health::Writable | Health::Refusing(_) => match copy::of_file(&self.path)? {
                Some(octets) => octets,
                // What was taken away is still open here.
                None => own(self)?,
            },
            Health::Unopened(_) | Health::Broken(_) => own(self)?,
            Health::Unreadable(why) => return Err(StoreError::ReadOnly(why)),
        };
        copy::examined(&octets, Look::Quick)
            .map_err(|what| StoreError::Unfit { path: self.path.to_path_buf(), what })?;
        Ok(octets)
    }
}
