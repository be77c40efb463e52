//! Ancillary data (SMPTE ST 2110-40, RFC 8331) in packets of SMPTE ST 291-1.
//!
//! ```text
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   Extended Sequence Number    |            Length             |
//! |   ANC_Count   | F |                 reserved                  |
//! |C|     Line_Number     |   Horizontal_Offset   |S|  StreamNum  |
//! |        DID        |       SDID        |    Data_Count     | UDW
//!            User_Data_Words ...    |   Checksum_Word   |word_align |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! The lower two lines repeat ANC_Count times; the words of 10 bits follow each other
//! without a gap, and zeros fill the last 32 bits. The extended sequence number lies where
//! RFC 4175 has it, so that [`rewrite_extended_sequence`] serves both.
//!
//! Reading is in two steps: [`AncPayload::parse`] and its [`packets`](AncPayload::packets)
//! borrow what is there and refuse only what cannot be framed; [`AncPayload::violations`]
//! names everything that breaks a clause, for those who judge senders. Writing is exact:
//! [`AncFrame`] spreads a frame's packets over RTP packets, marks the last, and sends one
//! empty packet where there is nothing to say. Nothing allocates but the format.

mod format;
mod frame;
mod read;
mod word;
mod write;

pub use format::{AncillaryFormat, DataId, TransmissionModel};
pub use frame::AncFrame;
pub use read::{AncError, AncPacket, AncPayload, AncWords};
pub use word::{WordKind, checksum, data_word, is_protected, parity_holds};
pub use write::{AncData, AncWriteError, AncWriter};

pub use crate::rfc4175::rewrite_extended_sequence;

/// Octets of the payload header before the first ANC data packet.
pub const PAYLOAD_HEADER_LEN: usize = 8;

/// Most user data words in an ANC data packet (ST 291-1 §6.1).
pub const MAX_WORDS: usize = 255;

/// Most ANC data packets in a payload (RFC 8331 §2.1).
pub const MAX_PACKETS: usize = 255;

/// Which picture the timestamp refers to: the F bits (RFC 8331 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AncField {
    /// `0b00`: a progressive frame, or no field is specified.
    Frame,
    /// `0b10`: the first field.
    First,
    /// `0b11`: the second field.
    Second,
}

impl AncField {
    /// Every value.
    pub const ALL: &[Self] = &[Self::Frame, Self::First, Self::Second];

    /// The two bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Frame => 0b00,
            Self::First => 0b10,
            Self::Second => 0b11,
        }
    }

    /// The field of two bits; `None` for `0b01`, which is not valid.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 0b11 {
            0b00 => Some(Self::Frame),
            0b10 => Some(Self::First),
            0b11 => Some(Self::Second),
            _ => None,
        }
    }
}

/// Where in an SDI raster an ANC data packet comes from or belongs (RFC 8331 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// In the colour-difference channel rather than luma (C).
    pub color_difference: bool,
    /// Interface line number, 11 bits, or one of the `LINE_` values.
    pub line: u16,
    /// Words from the start of active video, 12 bits, or one of the `OFFSET_` values.
    pub offset: u16,
    /// Number of the data stream less one, 7 bits, where it is specified (S, StreamNum).
    pub stream: Option<u8>,
}

impl Location {
    /// No particular line.
    pub const LINE_ANY: u16 = 0x7ff;
    /// Any line from the second after the switching line (RP 168) to the last before video.
    pub const LINE_VERTICAL: u16 = 0x7fe;
    /// A line number that needs more than 11 bits.
    pub const LINE_BEYOND: u16 = 0x7fd;
    /// No particular offset.
    pub const OFFSET_ANY: u16 = 0xfff;
    /// Within horizontal ancillary data space.
    pub const OFFSET_HORIZONTAL: u16 = 0xffe;
    /// Between the start and the end of active video.
    pub const OFFSET_ACTIVE: u16 = 0xffd;
    /// An offset that needs more than 12 bits.
    pub const OFFSET_BEYOND: u16 = 0xffc;

    /// Anywhere in the frame or field, in luma.
    pub const ANYWHERE: Self = Self {
        color_difference: false,
        line: Self::LINE_ANY,
        offset: Self::OFFSET_ANY,
        stream: None,
    };
}
