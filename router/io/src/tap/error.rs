//! Why a tap could not be opened.

use std::io;

/// A tap that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// The process may not look at packets.
    #[error(
        "looking at packets needs the capability CAP_NET_RAW: give it to the program with \
         'setcap cap_net_raw+ep /path/to/ormatrix-sink', or to its systemd unit with \
         'AmbientCapabilities=CAP_NET_RAW', or run it as root"
    )]
    NotPermitted,
    /// More addresses than a filter holds.
    #[error("{flows} addresses at once are more than a filter of the kernel holds")]
    TooManyFlows {
        /// How many were asked for.
        flows: usize,
    },
    /// Anything else the kernel said.
    #[error("cannot look at packets: {what}: {error}")]
    Kernel {
        /// The step that failed.
        what: &'static str,
        /// What it said.
        error: io::Error,
    },
}

impl TapError {
    pub(super) fn of(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::PermissionDenied => Self::NotPermitted,
            _ => Self::Kernel { what, error },
        }
    }
}
