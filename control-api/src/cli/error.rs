//! What can go wrong on the command line.

use std::{io, path::PathBuf};

use ormatrix_client::Error;

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
    /// An answer that this program cannot read, or a body that it cannot write.
    #[error("{0}")]
    Unreadable(Error),
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

/// What the client says, with what can be done about it here.
impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem, _) => {
                Self::Problem { kind: problem.type_, title: problem.title, detail: problem.detail }
            }
            Error::Unreachable { url, reason } => Self::Unreachable { url, reason },
            Error::NotOurs { url, status } => Self::NotOurs { url, status },
            error @ (Error::Unreadable { .. } | Error::Body { .. }) => Self::Unreadable(error),
        }
    }
}
