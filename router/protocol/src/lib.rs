//! The messages between the control plane and the router.
//!
//! One Unix stream socket; each message is one line of JSON (see [`codec`]). The router
//! greets with [`message::FromRouter::Hello`] and its whole [`status::RouterStatus`], so
//! that a client starts from the truth; afterwards commands go down, and replies and
//! events come up. Any number of clients may be connected; all hear every event.
//!
//! Times are nanoseconds since the Unix epoch, UTC, of the router's host.

#![forbid(unsafe_code)]

pub mod codec;
pub mod levels;
pub mod message;
pub mod refusal;
pub mod request_id;
pub mod spec;
pub mod status;

pub use levels::{AncillaryInput, AudioInput, InputStream, Levelled, OutputStream, RAMP_MS_MAX};
pub use message::{Command, Event, FromRouter, Reply, Request};
pub use refusal::{Direction, Refusal};
pub use request_id::{REQUEST_ID_MAX, RequestId};
pub use spec::{
    Back, Failover, InputId, InputSpec, Leg, Merge, MergeOrder, MonitorSpec, OnLoss, OutputId,
    OutputSpec, SKEW_US_MAX, SteadyMs, Take,
};
pub use st2110::level::Level;
pub use status::{
    DropReason, Findings, InputCounters, InputLevel, InputStatus, LegCounters, MonitorStatus,
    OutputCounters, OutputLevel, OutputStatus, Route, RouteState, RouterStatus, Scheduled,
    SentLegCounters, Signal, SignalState, StandIn, WithheldReason,
};

/// Raised with every change that an older peer would misread.
pub const PROTOCOL_VERSION: u32 = 2;
