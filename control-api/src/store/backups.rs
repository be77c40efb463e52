//! Copies of the database that are made before its schema changes.
//!
//! They lie beside it, as `control.sqlite3.schema-3.20260131T093000.123Z.backup`: the schema
//! that they have, and when they were made (UTC). The latest few are kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{MIGRATIONS, file};
use crate::time::rfc3339;

/// How many are kept.
pub const KEPT: usize = 5;

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// Its schema.
    pub schema: usize,
    /// When it was made, as in its name.
    stamp: String,
}

/// Keeps a copy of a database of this schema, unless the latest such copy says the same: a
/// migration that fails at every start must not push the others out.
pub fn keep(database: &Path, schema: usize, octets: &[u8], now: u64) -> io::Result<PathBuf> {
    let there = all(database)?;
    if let Some(same) = there.iter().rfind(|backup| backup.schema == schema)
        && fs::read(&same.path)? == octets
    {
        return Ok(same.path.clone());
    }
    let path = (0..1000)
        .map(|later| {
            let stamp = rfc3339(now.saturating_add(later * 1_000_000)).replace(['-', ':'], "");
            file::beside(database, &format!(".schema-{schema}.{stamp}.backup"))
        })
        // A clock that stands still, or was put back, must not cost a copy.
        .find(|path| !path.exists());
    let path = path.ok_or(io::ErrorKind::AlreadyExists)?;
    file::put(&path, octets)?;
    Ok(path)
}

/// Removes all but the latest few; never the one named, whatever the clock was when it was
/// made.
pub fn prune(database: &Path, but: &Path) -> io::Result<()> {
    let others: Vec<_> = all(database)?.into_iter().filter(|backup| backup.path != but).collect();
    let too_many = (others.len() + 1).saturating_sub(KEPT);
    others.iter().take(too_many).try_for_each(|backup| fs::remove_file(&backup.path))
}

/// The latest that this program can read.
pub fn newest(database: &Path) -> Option<PathBuf> {
    let all = all(database).unwrap_or_default();
    all.into_iter().rfind(|backup| backup.schema <= MIGRATIONS.len()).map(|backup| backup.path)
}

/// Every copy of a database, in the order of their times.
fn all(database: &Path) -> io::Result<Vec<Backup>> {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    let mut all = Vec::new();
    for entry in fs::read_dir(file::directory(database))? {
        let path = entry?.path();
        let parsed = path.file_name().and_then(|backup| parsed(&name, backup.to_str()?));
        if let Some((schema, stamp)) = parsed {
            all.push(Backup { path, schema, stamp });
        }
    }
    all.sort_by(|one, other| one.stamp.cmp(&other.stamp));
    Ok(all)
}

/// Schema and time of a file that is called as one of ours.
fn parsed(database: &str, name: &str) -> Option<(usize, String)> {
    let rest = name.strip_prefix(database)?.strip_prefix(".schema-")?.strip_suffix(".backup")?;
    let (schema, stamp) = rest.split_once('.')?;
    Some((schema.parse().ok()?, stamp.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_769_851_800_123_000_000;

    fn names(database: &Path) -> Vec<String> {
        let all = all(database).unwrap();
        let name = |backup: &Backup| backup.path.file_name().unwrap().to_str().unwrap().to_owned();
        all.iter().map(name).collect()
    }

    #[test]
    fn copies_are_named_by_schema_and_time() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("c.sqlite3");
        keep(&database, 3, b"one", NOW).unwrap();
        assert_eq!(names(&database), ["c.sqlite3.schema-3.20260131T093000.123Z.backup"]);
        // The same again is the same copy; something else at the same time is another.
        keep(&database, 3, b"one", NOW + 5_000_000_000).unwrap();
        assert_eq!(names(&database).len(), 1);
        keep(&database, 3, b"two", NOW).unwrap();
        assert_eq!(names(&database)[1], "c.sqlite3.schema-3.20260131T093000.124Z.backup");
        assert_eq!(fs::read(newest(&database).unwrap()).unwrap(), b"two");
    }

    #[test]
    fn only_the_latest_are_kept_and_always_the_one_just_made() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("c.sqlite3");
        for other in ["c.sqlite3", "d.sqlite3.schema-1.x.backup", "c.sqlite3.schema-x.y.backup"] {
            fs::write(directory.path().join(other), b"not ours").unwrap();
        }
        for n in 0..9u8 {
            let made = keep(&database, 1, &[n], NOW + u64::from(n) * 1_000_000_000).unwrap();
            prune(&database, &made).unwrap();
            assert_eq!(names(&database).len(), KEPT.min(usize::from(n) + 1));
        }
        // The clock has been put back by years.
        let made = keep(&database, 1, b"back", 0).unwrap();
        prune(&database, &made).unwrap();
        assert_eq!(fs::read(&made).unwrap(), b"back");
        assert_eq!(names(&database).len(), KEPT);
        assert_eq!(fs::read(newest(&database).unwrap()).unwrap(), [8]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), KEPT + 3);
    }
}
