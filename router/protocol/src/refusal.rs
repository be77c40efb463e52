//! Why the router does not do what it was asked. A refused command changed nothing.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use st2110::level::Level;

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
    /// An output without the level to be taken.
    #[error(
        "output '{output}' has no {level}: give it a place to send it to, or leave the level out"
    )]
    NoOutputLevel {
        /// The output.
        output: OutputId,
        /// The level asked for.
        level: Level,
    },
    /// An input without the level to be taken.
    #[error("input '{input}' has no {level}: take another input's, or leave the level out")]
    NoInputLevel {
        /// The input.
        input: InputId,
        /// The level asked for.
        level: Level,
    },
    /// No salvo of that number waits for its time.
    #[error("no salvo {take} waits for its time: it has been taken, or was called off")]
    NotScheduled {
        /// The number asked for.
        take: u64,
    },
    /// An output, or a level of it, named twice in one salvo.
    #[error("output '{output}' stands twice in the salvo: name each level of an output once")]
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
    /// A network interface would be given more than it can carry.
    #[error(
        "interface '{interface}' can {direction} {}: {} are given to it, and this would add {}; \
         use another interface, or less on this one (`link_mbps` in the router's settings says \
         what it can, where the system does not know)",
        gigabits(*capacity),
        gigabits(*present),
        gigabits(*added)
    )]
    LinkFull {
        /// Its name.
        interface: String,
        /// Which way.
        direction: Direction,
        /// Bits a second it can carry.
        capacity: u64,
        /// Bits a second given to it now.
        present: u64,
        /// Bits a second more that were asked for.
        added: u64,
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

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the network.
    Receive,
    /// To the network.
    Send,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Receive => "receive",
            Self::Send => "send",
        })
    }
}

fn gigabits(bits: u64) -> String {
    format!("{}.{:03} Gb/s", bits / 1_000_000_000, bits / 1_000_000 % 1000)
}

fn list(outputs: &[OutputId]) -> String {
    outputs.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}
