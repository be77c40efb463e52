//! What can go wrong with a call.

use serde_json::Value;

use crate::types::Problem;

/// Why a call has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API said no; the second is that as it came, with the ids concerned beside.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Box<Problem>, Value),
    /// No answer.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// An answer that is not of this API.
    #[error("{url} answered {status}, but not as an ormatrix does")]
    NotOurs {
        /// Who answered.
        url: String,
        /// What.
        status: u16,
    },
    /// An answer of this API that this client cannot read.
    #[error(
        "{call} was answered, but with something else than this client knows: {at}: {reason}; is \
         one of them older than the other?"
    )]
    Unreadable {
        /// The call.
        call: &'static str,
        /// Where in the answer, as `[2].signal.state`.
        at: String,
        /// What is there.
        reason: String,
    },
    /// A body that cannot be written as JSON.
    #[error("the body of {call} cannot be written as JSON: {reason}")]
    Body {
        /// The call.
        call: &'static str,
        /// Why.
        reason: serde_json::Error,
    },
}
