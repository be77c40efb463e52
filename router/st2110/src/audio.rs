//! PCM audio (SMPTE ST 2110-30, AES67, RFC 3190 and RFC 3551): format, levels, payload.
//!
//! A payload is nothing but samples: big-endian, signed, 16 or 24 bits, a sample of every
//! channel after the other, as many times as the packet time has sampling periods. There is
//! no payload header and no marker; where a packet belongs its RTP timestamp says, which
//! counts sampling periods.
//!
//! Nothing here allocates but the channel order, which is read once a stream.

mod channel_order;
mod format;
mod payload;
mod schedule;

pub use channel_order::{ChannelGroup, ChannelOrder, ChannelOrderError};
pub use format::{
    AudioDepth, AudioFormat, AudioFormatError, ConformanceLevel, MAX_CHANNELS, MAX_PAYLOAD,
    PacketTime, SampleRate,
};
pub use payload::{AudioPayloadError, pack, unpack};
