//! The folder in which a demo keeps what it needs while it runs.

use std::{
    env, fs,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
};

/// Longest path of a Unix socket, one octet kept for its end (`sun_path`, unix(7)).
const SOCKET_PATH_MAX: usize = 107;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another demo has it.
    #[error(
        "another demo keeps its state in {}: end that one, or give this one its own folder \
         with --state", .0.display()
    )]
    InUse(PathBuf),
    /// The file system says no.
    #[error("cannot use {}: {reason}; choose another folder with --state", path.display())]
    Refused {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

/// A folder that belongs to one demo. Dropped, it leaves only the programs' logs behind.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    socket: PathBuf,
    /// A folder of its own for the socket, where the folder's path is too long for one.
    elsewhere: Option<PathBuf>,
    /// Held as long as this demo runs.
    _lock: File,
}

impl State {
    /// Makes the folder, or takes over one that an earlier demo left.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            |reason| StateError::Refused { path, reason }
        };
        fs::create_dir_all(folder).map_err(refused(folder))?;
        let folder = folder.canonicalize().map_err(refused(folder))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(refused(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(folder)),
            Err(TryLockError::Error(reason)) => return Err(StateError::Refused { path, reason }),
        }
        let mut socket = folder.join("router.sock");
        let mut elsewhere = None;
        if socket.as_os_str().len() > SOCKET_PATH_MAX {
            let short = env::temp_dir().join(format!("ormatrix-demo-{}", process::id()));
            socket = short.join("router.sock");
            let _ = fs::remove_dir_all(&short);
            fs::DirBuilder::new().mode(0o700).create(&short).map_err(refused(&short))?;
            elsewhere = Some(short);
        }
        let state = Self { folder, socket, elsewhere, _lock: lock };
        state.clear();
        let logs = state.logs();
        // Only this demo's words; a folder that is not there is as good as an empty one.
        let _ = fs::remove_dir_all(&logs);
        for folder in [&logs, &state.router(), &state.control()] {
            fs::create_dir_all(folder).map_err(refused(folder))?;
        }
        Ok(state)
    }

    /// The router's control socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where the router keeps its snapshot.
    pub fn router(&self) -> PathBuf {
        self.folder.join("router")
    }

    /// Where the control process keeps its database.
    pub fn control(&self) -> PathBuf {
        self.folder.join("control")
    }

    /// Where the programs' words are kept.
    pub fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Writes how to reach this demo, for scripts: `NAME=value` lines, for this user only.
    pub fn write_environment(&self, url: &str) -> Result<(), StateError> {
        let path = self.folder.join("env");
        let _ = fs::remove_file(&path);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(format!("ORMATRIX_URL={url}\n").as_bytes()))
            .map_err(|reason| StateError::Refused { path, reason })
    }

    /// Removes everything but logs and lock.
    fn clear(&self) {
        for folder in [self.router(), self.control()] {
            let _ = fs::remove_dir_all(folder);
        }
        for file in [&self.folder.join("env"), &self.socket] {
            let _ = fs::remove_file(file);
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.clear();
        if let Some(elsewhere) = &self.elsewhere {
            let _ = fs::remove_dir_all(elsewhere);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_serves_one_demo_and_is_left_clean() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("target/demo");
        let state = State::open(&place).unwrap();
        assert!(matches!(State::open(&place), Err(StateError::InUse(_))));
        state.write_environment("http://127.0.0.1:8080").unwrap();
        let env = place.join("env");
        assert_eq!(fs::read_to_string(&env).unwrap(), "ORMATRIX_URL=http://127.0.0.1:8080\n");
        assert_eq!(fs::metadata(&env).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(state.router().join("snapshot"), "x").unwrap();
        fs::write(state.logs().join("router.log"), "x").unwrap();
        drop(state);
        assert!(!env.exists() && !place.join("router").exists());
        assert!(place.join("log/router.log").exists());
        drop(State::open(&place).unwrap());
        assert!(!place.join("log/router.log").exists());
    }

    #[test]
    fn a_long_path_gets_its_socket_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("x".repeat(120))).unwrap();
        assert!(state.socket().as_os_str().len() <= SOCKET_PATH_MAX);
        let elsewhere = state.socket().parent().unwrap().to_owned();
        assert!(elsewhere.is_dir());
        drop(state);
        assert!(!elsewhere.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_is_said() {
        let error = State::open(Path::new("/dev/null/demo")).unwrap_err().to_string();
        assert!(error.contains("/dev/null/demo") && error.contains("--state"), "{error}");
    }
}
