//! Files that are there whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Puts a file in its place by renaming, once all of it is on the disk; one that is there is
/// replaced. Only its owner may read it. What a crash leaves behind is one file whose name
/// ends in `.partial`, which the next attempt overwrites.
pub fn put(path: &Path, octets: &[u8]) -> io::Result<()> {
    let partial = beside(path, ".partial");
    let written = write(&partial, octets).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The reason is the first error, not what this one says.
        let _ = fs::remove_file(&partial);
    }
    written?;
    File::open(directory(path))?.sync_all()
}

/// Whether there is room beside a file for more than one change.
pub fn room(path: &Path) -> io::Result<()> {
    let trial = beside(path, ".partial");
    let written = write(&trial, &vec![0; 256 * 1024]);
    let removed = fs::remove_file(&trial);
    written.and(removed)
}

fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

/// The directory that a file is in.
pub fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path with more at its end, as SQLite names what belongs to a database.
pub fn beside(path: &Path, tail: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(tail);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        put(&path, b"one").unwrap();
        put(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        // A directory cannot be replaced by a file.
        let taken = directory.path().join("b");
        fs::create_dir(&taken).unwrap();
        assert!(put(&taken, b"three").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
