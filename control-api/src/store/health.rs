//! Whether changes can be kept, and if not, why and what to do.
//!
//! | health | what happened | what is refused | how it ends |
//! |---|---|---|---|
//! | writable | | nothing | |
//! | refusing | the disk is full, broken or read-only | changes | by itself: a write is tried before every change and by `/readyz` |
//! | unopened | at the start the database could be read, and not written | changes | by itself, likewise |
//! | unreadable | at the start it could not even be read | changes | a backup is restored |
//! | broken | it was damaged or taken away while in use | changes | a restart |
//!
//! Reading, takes and everything else go on in each of them.

use std::{
    fmt, fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{MutexGuard, PoisonError},
};

use ormatrix_io::{Clock, SystemClock};
use rusqlite::{ErrorCode, Transaction};

use super::{Store, StoreError, backups, copy::Unfit, file, open, rows};

/// What a store can do.
#[derive(Clone, Debug)]
pub enum Health {
    /// Everything.
    Writable,
    /// The last write failed, and the next may not.
    Refusing(Why),
    /// The inventory was read from the file, which cannot be written.
    Unopened(Why),
    /// The file cannot be used at all.
    Unreadable(Why),
    /// What this process knows and what the file holds may no longer be the same.
    Broken(Why),
}

impl Health {
    /// Why no change can be kept, if none can.
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::Writable => None,
            Self::Refusing(why)
            | Self::Unopened(why)
            | Self::Unreadable(why)
            | Self::Broken(why) => Some(why),
        }
    }
}

/// Why no change can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What happened.
    pub reason: String,
    /// What a person can do.
    pub action: String,
    /// The latest backup beside the database, where that would help.
    pub backup: Option<PathBuf>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.action)
    }
}

impl Why {
    /// The database was read and cannot be written.
    pub(super) fn unopened(path: &Path, error: &StoreError) -> Self {
        let directory = file::directory(path).display();
        let action = match error {
            StoreError::Sqlite { reason, .. } if is_busy(reason) => {
                "end the other program that uses it (`fuser` names it)".to_owned()
            }
            _ => format!(
                "make {directory} and all in it writable for the user that ormatrix-control \
                 runs as, with some room left (`df {directory}`)"
            ),
        };
        let action = format!("{action}; it is then tried again by itself");
        Self { reason: error.to_string(), action, backup: None }
    }

    /// The database cannot be read.
    pub(super) fn unreadable(path: &Path, error: &StoreError) -> Self {
        let directory = file::directory(path).display();
        let newer = matches!(error, StoreError::Unfit { what: Unfit::Newer { .. }, .. });
        let backup = backups::newest(path);
        let restore = match &backup {
            Some(backup) => format!("restore a backup (the latest here is {})", backup.display()),
            None => "restore a backup (there is none beside it)".to_owned(),
        };
        let action = match error {
            StoreError::Unfit { .. } | StoreError::Row { .. } => format!(
                "{}{restore}: `ormatrix restore FILE`; or move it away with its -wal and -shm and \
                 restart ormatrix-control, to begin with an empty one",
                if newer { "use the newer program, or " } else { "" }
            ),
            _ => format!(
                "make {directory} and all in it readable and writable for the user that \
                 ormatrix-control runs as, and restart it"
            ),
        };
        Self { reason: error.to_string(), action, backup }
    }

    /// The disk refused a write.
    fn refusing(path: &Path, error: &rusqlite::Error) -> Self {
        let directory = file::directory(path).display();
        let action = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => format!("make room in {directory} (`df {directory}`)"),
            _ => format!("look after the disk of {directory} (`dmesg` tells what is wrong)"),
        };
        let reason = format!("cannot write to {}: {error}", path.display());
        Self { reason, action: format!("{action}; it is then tried again by itself"), backup: None }
    }

    fn broken(path: &Path, what: impl fmt::Display) -> Self {
        let reason = format!("{} {what}", path.display());
        let action = "bring it back, or keep what is configured now with `ormatrix backup FILE`; \
                      then restart ormatrix-control, which harms no picture"
            .to_owned();
        Self { reason, action, backup: backups::newest(path) }
    }
}

/// Which file a path means: another one may come to stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        Some(Self { device: about.dev(), inode: about.ino() })
    }
}

/// What is known of the database beside its content.
#[derive(Debug)]
pub(super) struct State {
    pub health: Health,
    /// The file that is open; `None` where it is not known.
    pub identity: Option<Identity>,
}

impl Store {
    /// What can be done at the moment.
    pub fn health(&self) -> Health {
        self.state().health.clone()
    }

    /// Whether the inventory could not be read: what there is only the router knows then.
    pub fn is_unreadable(&self) -> bool {
        matches!(self.state().health, Health::Unreadable(_))
    }

    /// Whether a change could be kept, for as long as nothing else happens; tried, where that
    /// was in doubt. `now` is ns since the Unix epoch.
    pub async fn writable(&self, now: u64) -> Result<(), StoreError> {
        if matches!(self.state().health, Health::Writable) {
            return Ok(());
        }
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.mend(now))
            .await
            .map_err(|_| StoreError::Thread)?
    }

    /// Whether the database answers, and keeps what it is given as far as is known.
    pub fn answers(&self, now: u64) -> Result<(), StoreError> {
        self.mend(now)?;
        // Whoever writes holds it: then it answers soon, or the write says why not.
        let Ok(connection) = self.connection.try_lock() else { return Ok(()) };
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(|reason| StoreError::Sqlite { path: self.path.to_path_buf(), reason })
    }

    /// Tries again what failed before; an error is why changes are refused.
    fn mend(&self, now: u64) -> Result<(), StoreError> {
        if matches!(self.state().health, Health::Writable) {
            return Ok(());
        }
        let mut connection = self.lock();
        match self.health() {
            Health::Writable => Ok(()),
            Health::Refusing(_) => {
                self.judged(open::try_write(&connection))?;
                match self.health() {
                    Health::Writable => Ok(()),
                    health => {
                        Err(health.why().cloned().map_or(StoreError::Thread, StoreError::ReadOnly))
                    }
                }
            }
            Health::Unopened(_) => {
                let refused = |error| StoreError::ReadOnly(Why::unopened(&self.path, &error));
                let opened = open::connection(&self.path, now).map_err(refused)?;
                if rows::load(&opened, &self.path).ok() != rows::load(&connection, &self.path).ok()
                {
                    let why = Why::broken(&self.path, "is not what was read at the start");
                    self.set(Health::Broken(why.clone()));
                    return Err(StoreError::ReadOnly(why));
                }
                *connection = opened;
                self.opened();
                Ok(())
            }
            Health::Unreadable(why) | Health::Broken(why) => Err(StoreError::ReadOnly(why)),
        }
    }

    /// The file at the path has been opened for writing.
    pub(super) fn opened(&self) {
        self.state().identity = Identity::of(&self.path);
        self.set(Health::Writable);
    }

    /// One transaction, if changes can be kept at all. What the disk refuses is remembered.
    pub(super) fn commit(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let mut connection = self.lock();
        match self.health() {
            Health::Writable | Health::Refusing(_) => {}
            Health::Unopened(why) | Health::Unreadable(why) | Health::Broken(why) => {
                return Err(StoreError::ReadOnly(why));
            }
        }
        self.in_place()?;
        let begun = SystemClock.now();
        let done = connection.transaction().and_then(|transaction| {
            work(&transaction)?;
            transaction.commit()
        });
        self.metrics.wrote(SystemClock.now().saturating_sub(begun), done.is_ok());
        self.judged(done)
    }

    /// Whether the file that is open is the one that the next start will open: what is written
    /// to another would be lost.
    fn in_place(&self) -> Result<(), StoreError> {
        let opened = self.state().identity;
        let what = match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => "was taken away while in use",
            Ok(_) if opened.is_some() && Identity::of(&self.path) != opened => {
                "was replaced while in use"
            }
            // A disk that does not even say so fails the write itself.
            _ => return Ok(()),
        };
        let why = Why::broken(&self.path, what);
        self.set(Health::Broken(why.clone()));
        Err(StoreError::ReadOnly(why))
    }

    /// Remembers what a write says about the disk.
    fn judged(&self, done: rusqlite::Result<()>) -> Result<(), StoreError> {
        use ErrorCode as E;
        let Err(error) = done else {
            // What was allotted to a write that failed lets smaller ones pass.
            if matches!(self.health(), Health::Writable) || file::room(&self.path).is_ok() {
                self.set(Health::Writable);
            }
            return Ok(());
        };
        let health = match error.sqlite_error_code() {
            Some(E::DiskFull | E::SystemIoFailure | E::ReadOnly | E::CannotOpen) => {
                Health::Refusing(Why::refusing(&self.path, &error))
            }
            Some(E::DatabaseCorrupt | E::NotADatabase) => {
                Health::Broken(Why::broken(&self.path, format_args!("was damaged in use: {error}")))
            }
            // The disk has no part in it.
            _ => return Err(StoreError::Sqlite { path: self.path.to_path_buf(), reason: error }),
        };
        let why = health.why().cloned();
        self.set(health);
        Err(why.map_or(StoreError::Thread, StoreError::ReadOnly))
    }

    /// Changes the health; the log says it once.
    fn set(&self, health: Health) {
        let mut state = self.state();
        match (state.health.why(), health.why()) {
            (None, None) => return,
            (Some(_), None) => tracing::info!("changes can be kept again"),
            (before, Some(why)) => {
                if before != Some(why) {
                    let Why { reason, action, .. } = why;
                    tracing::error!(reason, action, "no change can be kept");
                }
            }
        }
        state.health = health;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
