//! What lanes are told and what they tell.

use std::sync::Arc;

use ormatrix_protocol::{RouteState, SignalState};

use super::token::Token;
use crate::{
    counters::InputCells,
    flow::{Flow, LEGS_MAX},
    gate::Gate,
    packet_io::PacketIo,
};

/// What an input receives from, leg by leg; `None` where that could not be opened yet.
pub type Legs<T> = [Option<T>; LEGS_MAX];

/// Where an input is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The lane.
    pub lane: u16,
    /// The input's slot.
    pub input: u16,
}

/// Where an output shall go. Every lane hears every order; the one that holds the output's
/// token follows the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Number of the take; a higher one is newer.
    pub take: u64,
    /// The source, or none.
    pub target: Option<Place>,
    /// How many outputs of the same take go to this source: they join on the same frame.
    pub party: u16,
    /// Give the token back instead.
    pub retire: bool,
    /// The output's picture, if this is its sound or data and is on the source that the
    /// picture leaves by the same take: it leaves where the picture does.
    pub leaves_with: Option<u16>,
    /// The output's picture, if it goes to the same source: this joins where it does.
    pub joins_with: Option<u16>,
    /// When: the old source until this moment, the new one from it on.
    pub at: Option<At>,
}

/// A moment on both time lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// RTP timestamp at 90 kHz of a source that follows TAI.
    pub timestamp: u32,
    /// The lanes' clock.
    pub clock: u64,
}

/// What a lane is told.
pub enum ToLane<I: PacketIo, G = Gate> {
    /// Receive a new input.
    AddInput {
        /// Its slot, free until now.
        slot: u16,
        /// Where from.
        legs: Legs<I::Rx>,
        /// What is expected.
        flow: Box<Flow>,
        /// Where to count.
        cells: Arc<InputCells>,
    },
    /// Expect something else of an input, and receive it elsewhere if `legs` is given.
    ChangeInput {
        /// Its slot.
        slot: u16,
        /// Where from, if that changes.
        legs: Option<Legs<I::Rx>>,
        /// What is expected.
        flow: Box<Flow>,
        /// Where to count.
        cells: Arc<InputCells>,
    },
    /// Receive one leg of an input from here; the stream stays what it is.
    ChangeLeg {
        /// The input's slot.
        slot: u16,
        /// The leg.
        leg: u8,
        /// Where from.
        rx: I::Rx,
    },
    /// Give an input's receiver back.
    RemoveInput {
        /// Its slot.
        slot: u16,
    },
    /// Hold this output.
    Hold(Box<Token<I::Tx, G>>),
    /// An output shall go somewhere.
    Order {
        /// The output's slot.
        output: u16,
        /// Where.
        order: Order,
    },
    /// Several outputs shall go somewhere, from the same moment on.
    Orders(Box<[(u16, Order)]>),
    /// Poll so often from now on.
    Coalesce {
        /// From one poll to the next.
        ns: u64,
    },
    /// End.
    Stop,
}

/// What a lane tells.
pub enum FromLane<I: PacketIo, G = Gate> {
    /// An output's state has changed.
    Route {
        /// The output's slot.
        output: u16,
        /// The take it follows.
        take: u64,
        /// Its state.
        state: RouteState,
        /// When, UTC ns.
        at: u64,
    },
    /// An input's signal has changed.
    Signal {
        /// The input's slot.
        input: u16,
        /// Its state.
        state: SignalState,
        /// When, UTC ns.
        at: u64,
    },
    /// Receivers that are not used any more, to be closed off the packet path.
    FreedInput {
        /// The slot, when it is free now.
        slot: Option<u16>,
        /// What to close.
        legs: Legs<I::Rx>,
        /// What was expected, if that ends too: freeing its store takes a while.
        flow: Option<Box<Flow>>,
    },
    /// A sender that is not used any more.
    FreedSender(I::Tx),
    /// Orders that have been heard, to be freed off the packet path.
    Heard(Box<[(u16, Order)]>),
    /// An output that was told to retire.
    FreedOutput(Box<Token<I::Tx, G>>),
}
