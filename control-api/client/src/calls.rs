//! The calls, as the description has them.

use serde_json::Value;

use crate::{Answer, Client, Error, Events, request::Request, types};

/// A call, as the description names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// `operationId`; the method's name.
    pub id: &'static str,
    /// `GET` and the like.
    pub method: &'static str,
    /// As `/api/v1/inputs/{id}`.
    pub path: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/calls.rs"));
