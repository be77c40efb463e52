//! What the router starts from: its inventory and routes, kept across any end.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use ormatrix_protocol::{InputId, InputSpec, Level, MonitorSpec, OutputId, OutputSpec, Scheduled};
use serde::{Deserialize, Serialize};

/// Version of the file's shape.
const VERSION: u32 = 1;

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    /// Every input.
    pub inputs: Vec<InputSpec>,
    /// Every output.
    pub outputs: Vec<OutputSpec>,
    /// Every monitor.
    pub monitors: Vec<MonitorSpec>,
    /// What picture is on which output.
    pub routes: BTreeMap<OutputId, InputId>,
    /// What is on which output beside the picture.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<OutputId, BTreeMap<Level, InputId>>,
    /// Salvos that wait for their time, by take.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scheduled: BTreeMap<u64, Scheduled>,
    /// The number of the last take.
    pub take: u64,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            version: VERSION,
            inputs: Vec::new(),
            outputs: Vec::new(),
            monitors: Vec::new(),
            routes: BTreeMap::new(),
            levels: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            take: 0,
        }
    }
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be read or written.
    #[error("snapshot {}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not a snapshot.
    #[error(
        "snapshot {} cannot be understood ({error}): restore it from a backup, or move it \
         away to start without inputs and outputs; the control plane then puts them back",
        path.display()
    )]
    Parse {
        /// Which file.
        path: PathBuf,
        /// What the parser said.
        error: serde_json::Error,
    },
    /// Written by another version.
    #[error("snapshot {} has version {found}, this router reads {VERSION}", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
}

/// The file, replaced as a whole by renaming: it holds the old state or the new one,
/// never half of either.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    path: PathBuf,
}

impl SnapshotFile {
    /// A file that may not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// What was kept; an empty snapshot when there is no file.
    pub fn load(&self) -> Result<Snapshot, SnapshotError> {
        let octets = match fs::read(&self.path) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Snapshot::default()),
            Err(error) => return Err(self.io(error)),
        };
        let parse = |error| SnapshotError::Parse { path: self.path.clone(), error };
        let value: serde_json::Value = serde_json::from_slice(&octets).map_err(parse)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version != u64::from(VERSION) => Err(SnapshotError::Version {
                path: self.path.clone(),
                found: u32::try_from(version).unwrap_or(u32::MAX),
            }),
            _ => serde_json::from_value(value).map_err(parse),
        }
    }

    /// Replaces the file. On return the new state survives the end of this process; a loss
    /// of power it survives after [`SnapshotFile::settle`].
    pub fn store(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let replace = || {
            let beside = self.path.with_extension("new");
            let mut file = File::create(&beside)?;
            file.write_all(&serde_json::to_vec_pretty(snapshot)?)?;
            fs::rename(&beside, &self.path)
        };
        replace().map_err(|error| self.io(error))
    }

    /// Waits until the disk has what was stored last.
    pub fn settle(&self) -> Result<(), SnapshotError> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let settle = || {
            File::open(&self.path)?.sync_all()?;
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        };
        settle().map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> SnapshotError {
        SnapshotError::Io { path: self.path.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = SnapshotFile::new(folder.path().join("router.json"));
        assert_eq!(file.load().unwrap(), Snapshot::default());
        let snapshot = Snapshot {
            routes: BTreeMap::from([("main".parse().unwrap(), "endoscope".parse().unwrap())]),
            take: 7,
            ..Snapshot::default()
        };
        file.store(&snapshot).unwrap();
        file.settle().unwrap();
        assert_eq!(file.load().unwrap(), snapshot);
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("router.json");
        for (text, words) in
            [("{\"version\":1,", "cannot be understood"), ("{\"version\":9}", "version 9")]
        {
            fs::write(&path, text).unwrap();
            let error = SnapshotFile::new(&path).load().unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("router.json"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
