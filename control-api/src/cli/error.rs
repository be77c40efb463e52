//! What can go wrong on the command line.

use std::{io, path::PathBuf};

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The API said no.
    #[error("{title}: {detail}")]
    Problem {
        /// Kind of problem, as `/problems/unknown-input`.
        kind: String,
        /// In words.
        title: String,
        /// This one, and what to do.
        detail: String,
    },
    /// No answer.
    #[error(
        "no answer from {url}: {reason}; is ormatrix-control running there? (--url, ORMATRIX_URL)"
    )]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// An answer that is not of this API.
    #[error("{url} answered {status}, but not as an ormatrix does: check --url or ORMATRIX_URL")]
    NotOurs {
        /// Who answered.
        url: String,
        /// What.
        status: u16,
    },
    /// A file that cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: io::Error,
    },
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(io::Error),
    /// Something to add in the arguments.
    #[error("{0}")]
    Arguments(String),
    /// Standard output was closed.
    #[error("standard output is closed")]
    OutputClosed,
}
