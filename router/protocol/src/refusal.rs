//! Why the router does not do what it was asked. A refused command changed nothing.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::spec::{InputId, OutputId};

/// A refusal, with the ids and addresses concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// No input of that name.
    #[error("there is no input '{input}'")]
    UnknownInput {
        /// The name asked for.
        input: InputId,
    },
    /// No output of that name.
    #[error("there is no output '{output}'")]
    UnknownOutput {
        /// The name asked for.
        output: OutputId,
    },
    /// Two inputs cannot listen on one address.
    #[error(
        "{address} port {port} already belongs to '{holder}': give each stream its own address or port"
    )]
    AddressTaken {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// The input or output that has it.
        holder: String,
    },
    /// Another program on the host listens there.
    #[error(
        "{address} port {port} is in use by another program on this host: choose another port, or stop that program (`ss -ulpn` names it)"
    )]
    PortInUse {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// The address to bind is not on this host.
    #[error(
        "{address} is not an address of this host: use one that `ip addr` lists, or a multicast group"
    )]
    NotOurAddress {
        /// The address.
        address: IpAddr,
    },
    /// No network interface of that name.
    #[error("there is no network interface '{interface}' on this host: `ip link` lists them")]
    UnknownInterface {
        /// The name asked for.
        interface: String,
    },
    /// The kernel refused a socket for another reason.
    #[error("the kernel refused {address} port {port}: {reason}")]
    Socket {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// What it said.
        reason: String,
    },
    /// An input that displays show cannot be removed.
    #[error("input '{input}' is on {}: route something else there first", list(outputs))]
    InputRouted {
        /// The input.
        input: InputId,
        /// Where it is.
        outputs: Vec<OutputId>,
    },
    /// An output named twice in one salvo.
    #[error("output '{output}' stands twice in the salvo: name each output once")]
    TwiceInSalvo {
        /// The output.
        output: OutputId,
    },
    /// More than the router has room for.
    #[error(
        "the router has room for {limit} {what}: raise `{setting}` in its settings and restart it"
    )]
    Full {
        /// Inputs, outputs or monitors.
        what: String,
        /// How many.
        limit: u32,
        /// The setting that raises it.
        setting: String,
    },
    /// A value out of range.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// The message itself could not be read.
    #[error("message not understood: {reason}")]
    Malformed {
        /// What the parser said.
        reason: String,
    },
}

fn list(outputs: &[OutputId]) -> String {
    outputs.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}
