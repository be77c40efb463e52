//! Backups: made while everything goes on, and read as what came from anywhere.

use std::path::Path;

use super::{
    Health, MIGRATIONS, Store, StoreError,
    copy::{self, Look, Unfit},
    migrate, rows,
};
use crate::{
    inventory::{Inventory, Stream},
    validate,
};

/// Longest backup in octets that is read; a thousand inputs and outputs take less than two
/// million.
pub const BACKUP_MAX: usize = 64 * 1024 * 1024;

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
    /// A value that the API would refuse.
    #[error("{kind} '{id}' in the backup: {reason}")]
    Invalid {
        /// `input` or `output`.
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

/// Checks what the API checks of each input and output, whatever the router has.
fn valid(inventory: &Inventory) -> Result<(), BackupError> {
    for input in inventory.inputs.values() {
        let found = validate::input(input).map_err(|error| error.to_string());
        let there = |backup| inventory.inputs.contains_key(backup);
        let missing = input.failover.backups.iter().find(|backup| !there(*backup));
        let missing = missing.map_or(Ok(()), |id| Err(format!("its backup '{id}' is missing")));
        sound(inventory, input, found.and(missing))?;
    }
    for output in inventory.outputs.values() {
        let found = validate::output(output).map_err(|error| error.to_string());
        sound(inventory, output, found)?;
    }
    Ok(())
}

fn sound<T: Stream>(
    inventory: &Inventory,
    stream: &T,
    found: Result<(), String>,
) -> Result<(), BackupError> {
    let rival = inventory.rival(stream).map_or(Ok(()), |(holder, leg)| {
        let kind = T::KIND;
        Err(format!("{} port {} belongs to {kind} '{}'", leg.address, leg.port, holder.id()))
    });
    found.and(rival).map_err(|reason| BackupError::Invalid {
        kind: T::KIND,
        id: stream.id().to_string(),
        reason,
    })
}

impl Store {
    /// A copy of the whole database, of one moment and found whole. Stops no write.
    pub async fn backup(&self) -> Result<Vec<u8>, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.backup_now())
            .await
            .map_err(|_| StoreError::Thread)?
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
