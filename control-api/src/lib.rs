//! The control plane: HTTP API, inventory, panel.
//!
//! It may crash, be stopped or upgraded while every picture keeps flowing: what is received,
//! sent and routed lives in the router, a process of its own behind a Unix socket. Here live
//! the things people name (labels, zones, what a display accepts), in SQLite, and the calls
//! of the HTTP API.
//!
//! - [`settings`], [`server`], [`reload`], [`notify`]: how the process starts, changes
//!   and ends, and whom it tells;
//! - [`inventory`], [`store`]: inputs and outputs, and their database;
//! - [`router`], [`mirror`], [`reconcile`]: the one connection to the router, what it last
//!   told, and how inventory and router are brought together;
//! - [`change`], [`take`], [`recall`]: what can be done, each whole or not at all;
//! - [`alarms`]: what is wrong, who has seen it, who is told;
//! - [`events`], [`stills`], [`analysis`], [`metrics`]: what is told about it;
//! - [`traces`]: the same for a collector of traces;
//! - [`problem`]: every error and its HTTP answer, in one place;
//! - [`api`], [`http`]: handlers, and what surrounds them;
//! - [`cli`]: the `ormatrix` command line, which uses the HTTP API only.

#![forbid(unsafe_code)]

pub mod actor;
pub mod alarms;
pub mod analysis;
pub mod api;
pub mod app;
pub mod change;
pub mod cli;
pub mod events;
pub mod http;
pub mod inventory;
pub mod metrics;
pub mod mirror;
pub mod notify;
pub mod problem;
pub mod recall;
pub mod reconcile;
pub mod reload;
pub mod router;
pub mod sdp;
pub mod server;
pub mod settings;
pub mod site;
pub mod stills;
pub mod store;
pub mod take;
pub mod time;
pub mod traces;
pub mod validate;
