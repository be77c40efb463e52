//! The control socket: one thread that accepts, two for each client.

use std::{
    fs,
    io::{self, BufReader, Write},
    net::Shutdown,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    thread,
};

use crossbeam_channel::{Sender, bounded};
use ormatrix_protocol::{Request, codec};

use crate::conductor::clients::{FromClient, Line};

/// Lines a client may leave unread before it is cut off.
const UNREAD_MAX: usize = 4096;

/// Why the control socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A router answers there.
    #[error("another router is running: it answers at {}; stop it, or give another `socket`", .0.display())]
    Running(PathBuf),
    /// Something else is there.
    #[error("{} is in the way and is not a socket: remove it, or give another `socket`", .0.display())]
    InTheWay(PathBuf),
    /// The system said no.
    #[error("control socket {}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// Opens the socket for its owner and group, replacing one that nobody answers at.
pub fn listen(path: &Path) -> Result<UnixListener, ControlError> {
    let io = |error| ControlError::Io { path: path.to_owned(), error };
    if let Ok(present) = fs::symlink_metadata(path) {
        if !present.file_type().is_socket() {
            return Err(ControlError::InTheWay(path.to_owned()));
        }
        if UnixStream::connect(path).is_ok() {
            return Err(ControlError::Running(path.to_owned()));
        }
        fs::remove_file(path).map_err(io)?;
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let listener = UnixListener::bind(path).map_err(io)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(io)?;
    Ok(listener)
}

/// Accepts clients until the process ends.
pub fn serve(listener: &UnixListener, conductor: &Sender<FromClient>) {
    for (client, stream) in (1..).zip(listener.incoming()) {
        let welcome = stream.and_then(|stream| welcome(client, stream, conductor.clone()));
        if let Err(error) = welcome {
            tracing::warn!("a client could not be served: {error}");
        }
    }
}

fn welcome(client: u64, stream: UnixStream, conductor: Sender<FromClient>) -> io::Result<()> {
    let (link, lines) = bounded::<Line>(UNREAD_MAX);
    let mut writing = stream.try_clone()?;
    thread::Builder::new().name(format!("client-{client}-out")).spawn(move || {
        // Ends when the conductor drops the link or the client stops reading.
        for line in lines {
            if writing.write_all(&line).is_err() {
                break;
            }
        }
        let _ = writing.shutdown(Shutdown::Both);
    })?;
    if conductor.send(FromClient::Connected { client, link }).is_err() {
        return Ok(());
    }
    thread::Builder::new().name(format!("client-{client}-in")).spawn(move || {
        read(client, &stream, &conductor);
        let _ = conductor.send(FromClient::Gone { client });
    })?;
    Ok(())
}

fn read(client: u64, stream: &UnixStream, conductor: &Sender<FromClient>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while let Ok(Some(())) = codec::read_line(&mut reader, &mut line) {
        let message = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => FromClient::Request { client, request },
            Err(error) => {
                let value: Option<serde_json::Value> = serde_json::from_slice(&line).ok();
                let id = value.and_then(|value| value.get("id")?.as_u64()).unwrap_or(0);
                FromClient::Malformed { client, id, reason: error.to_string() }
            }
        };
        if conductor.send(message).is_err() {
            break;
        }
    }
}
