//! The file that keeps what a program writes. It never grows without end: when it is full, it
//! becomes the older one of two, and a new one is begun.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Octets of a log before a new one is begun.
const FULL: u64 = 16 << 20;

/// A log that several threads write to, line by line.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    full: u64,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    octets: u64,
}

impl Log {
    /// Opens a log, to write behind what is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(path, FULL)
    }

    fn of(path: &Path, full: u64) -> io::Result<Self> {
        let open = Mutex::new(open(path)?);
        Ok(Self { path: path.to_owned(), full, open })
    }

    /// Adds a line, or leaves it out where the disk does not take it: a full disk must not
    /// stop the pictures.
    pub fn add(&self, line: &[u8]) {
        let mut now = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if now.octets + line.len() as u64 > self.full {
            let mut older = OsString::from(&self.path);
            older.push(".1");
            // Where a new one cannot be begun, the old one shall not grow either.
            let renewed = fs::rename(&self.path, older).and_then(|()| open(&self.path));
            let Ok(renewed) = renewed else { return };
            *now = renewed;
        }
        if now.file.write_all(line).is_ok() {
            now.octets += line.len() as u64;
        }
    }
}

fn open(path: &Path) -> io::Result<Open> {
    let file = File::options().create(true).append(true).open(path)?;
    let octets = file.metadata()?.len();
    Ok(Open { file, octets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_becomes_the_older_of_two() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "before\n").unwrap();
        let log = Log::of(&path, 20).unwrap();
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "six\n", "seven\n"] {
            log.add(line.as_bytes());
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("log.1"), "three\nfour\nfive\nsix\n");
        assert_eq!(read("log"), "seven\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
