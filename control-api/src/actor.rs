//! Who asks.
//!
//! Every handler that changes something takes an [`Actor`] and asks [`Actor::may`] before
//! anything else. Nobody proves who they are today: whoever reaches the listening address,
//! which is the loopback address unless the settings say otherwise, may do everything, under
//! the name that the request's `Ormatrix-Actor` gives. That name tells those who work
//! together apart, in locks and in the log; it keeps nobody out.

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{problem::Error, validate::invalid};

/// The header in which a client says for whom it asks.
pub const HEADER: &str = "ormatrix-actor";
/// The name of who gives none.
pub const NAMELESS: &str = "technician";
/// Longest name in characters.
const NAME_MAX: usize = 80;

/// What an actor wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Add, change or remove inputs, outputs and monitors.
    ChangeInventory,
    /// Change what outputs show.
    Route,
    /// Keep outputs as they are, and let go of them.
    Lock,
    /// Let go of outputs that others keep.
    BreakLock,
    /// Deliver stills.
    DeliverStill,
    /// Deliver what was found or measured by looking at a stream.
    Report,
    /// Take a copy of everything that is configured away.
    Backup,
    /// Say that an alarm has been seen.
    Acknowledge,
    /// Raise and take back alarms of another program.
    ReportAlarm,
    /// Put such a copy in the place of everything that is configured.
    Restore,
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// As it stands in logs.
    pub name: String,
}

impl Actor {
    /// Decides whether this actor may do this; the one place where that is decided.
    ///
    /// # Errors
    /// None today: the local technician may do everything.
    pub fn may(&self, action: Action) -> Result<(), Error> {
        tracing::debug!(actor = self.name, ?action, "allowed");
        Ok(())
    }
}

impl<S: Sync> FromRequestParts<S> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Some(name) = parts.headers.get(HEADER) else {
            return Ok(Self { name: NAMELESS.to_owned() });
        };
        let name = std::str::from_utf8(name.as_bytes()).map(str::trim).unwrap_or_default();
        let length = name.chars().count();
        if !(1..=NAME_MAX).contains(&length) || name.chars().any(char::is_control) {
            let reason = format!("not a name: write 1 to {NAME_MAX} characters in UTF-8");
            return Err(invalid("Ormatrix-Actor", reason));
        }
        Ok(Self { name: name.to_owned() })
    }
}
