//! Who asks.
//!
//! Every handler that changes something takes an [`Actor`] and asks [`Actor::may`] before
//! anything else. There is one actor today: whoever can reach the listening address, which
//! is the loopback address unless the settings say otherwise.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::problem::Error;

/// What an actor wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Add, change or remove inputs, outputs and monitors.
    ChangeInventory,
    /// Change what outputs show.
    Route,
    /// Deliver stills.
    DeliverStill,
    /// Deliver what was found or measured by looking at a stream.
    Report,
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
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { name: "technician".to_owned() })
    }
}
