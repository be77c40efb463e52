//! `ormatrix-sink grab`: the next whole frames as PNG files, at full size.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};

use crate::{
    picture::{Encoder, Encoding, PictureError, PictureReceiver, Received},
    stream::Stream,
};

/// How long to wait for packets before looking at limits and signals.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Why a frame could not be grabbed.
#[derive(Debug, thiserror::Error)]
pub enum GrabError {
    /// Receiving or encoding.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The file.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too few frames came in time.
    #[error(
        "{got} of {wanted} whole frames came within {seconds} s ({incomplete} incomplete, {refused} packets of something else)"
    )]
    TooFew {
        /// Frames written.
        got: u32,
        /// Frames asked for.
        wanted: u32,
        /// The limit.
        seconds: u64,
        /// Frames of which packets were missing.
        incomplete: u64,
        /// Datagrams that were not of the stream.
        refused: u64,
    },
}

/// Writes the next `frames` whole frames and returns the files' names: `out` itself for one
/// frame, `name-0001.png` and so on for more.
pub fn run(
    stream: Stream,
    out: &Path,
    frames: u32,
    limit: Duration,
    coalesce: Duration,
    stop: &Arc<AtomicBool>,
    listening: impl FnOnce(&[std::net::SocketAddr]),
) -> Result<Vec<PathBuf>, GrabError> {
    let clock = SystemClock;
    let mut receiver = PictureReceiver::open(stream, coalesce)?;
    let encoder = Encoder::new(Encoding::Png)?;
    let addresses = receiver.input().addresses().map_err(crate::receive::InputError::from);
    listening(&addresses.map_err(PictureError::from)?);
    let end = clock.now() + limit.as_nanos() as u64;
    let mut taken = Vec::new();
    // Buffers are kept and encoded afterwards: encoding takes longer than a frame.
    while taken.len() < frames as usize && clock.now() < end && !stop.load(Ordering::Relaxed) {
        let mut caps = receiver.caps().cloned();
        receiver.receive(LOOK_UP, |received| match received {
            Received::Format(new) => caps = Some(new),
            Received::Frame(buffer, _) => {
                if let Some(caps) = &caps
                    && taken.len() < frames as usize
                {
                    taken.push((buffer, caps.clone()));
                }
            }
        })?;
    }
    let got = taken.len() as u32;
    let mut written = Vec::new();
    for (index, (buffer, caps)) in taken.into_iter().enumerate() {
        let path = if frames == 1 { out.to_owned() } else { numbered(out, index + 1) };
        let png = encoder.encode(buffer, &caps)?;
        fs::write(&path, png).map_err(|source| GrabError::Write { path: path.clone(), source })?;
        written.push(path);
    }
    if got < frames {
        let counts = receiver.counts();
        return Err(GrabError::TooFew {
            got,
            wanted: frames,
            seconds: limit.as_secs(),
            incomplete: counts.incomplete,
            refused: counts.refused,
        });
    }
    Ok(written)
}

/// `dir/name-0001.png` of `dir/name.png`.
fn numbered(out: &Path, number: usize) -> PathBuf {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let extension = out.extension().map_or_else(|| "png".into(), |e| e.to_string_lossy());
    out.with_file_name(format!("{stem}-{number:04}.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_frames_are_numbered() {
        assert_eq!(numbered(Path::new("a/b.png"), 3), Path::new("a/b-0003.png"));
        assert_eq!(numbered(Path::new("b"), 12), Path::new("b-0012.png"));
    }
}
