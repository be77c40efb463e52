//! Writing payloads, packet by packet.

use super::{
    AncField, AncPacket, DataId, Location, MAX_PACKETS, MAX_WORDS, PAYLOAD_HEADER_LEN,
    read::PACKET_HEADER_LEN,
    word::{checksum, data_word, is_protected, packed_octets, put_word},
};

/// An ANC data packet to write: what it says, without what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AncData<'a> {
    /// Where it belongs.
    pub location: Location,
    /// What kind it is.
    pub id: DataId,
    /// User data words of 10 bits, at most [`MAX_WORDS`]. [`data_word`] gives 8 bits their
    /// parity.
    pub words: &'a [u16],
}

impl AncData<'_> {
    /// Octets the packet takes in a payload, alignment included: a multiple of 4.
    pub const fn octets(&self) -> usize {
        PACKET_HEADER_LEN + packed_octets(self.words.len() + 4)
    }

    /// Whether everything fits its field.
    pub fn check(&self) -> Result<(), AncWriteError> {
        let Location { line, offset, stream, .. } = self.location;
        for (name, value, most) in [
            ("Line_Number", line, 0x7ff),
            ("Horizontal_Offset", offset, 0xfff),
            ("StreamNum", u16::from(stream.unwrap_or(0)), 0x7f),
        ] {
            if value > most {
                return Err(AncWriteError::Location { name, value, most });
            }
        }
        if self.words.len() > MAX_WORDS {
            return Err(AncWriteError::Words { words: self.words.len() });
        }
        match self.words.iter().position(|word| is_protected(*word)) {
            Some(index) => Err(AncWriteError::Word {
                index,
                word: self.words.get(index).copied().unwrap_or(0),
            }),
            None => Ok(()),
        }
    }

    /// Writes a packet that was checked into exactly its octets.
    fn write(&self, out: &mut [u8]) {
        out.fill(0);
        let Location { color_difference, line, offset, stream } = self.location;
        let bits = u32::from(color_difference) << 31
            | u32::from(line) << 20
            | u32::from(offset) << 8
            | stream.map_or(0, |stream| 0x80 | u32::from(stream));
        let Some((header, words)) = out.split_first_chunk_mut::<PACKET_HEADER_LEN>() else {
            return;
        };
        *header = bits.to_be_bytes();
        let count = self.words.len() as u8;
        let leading = [self.id.did, self.id.sdid, count].map(data_word);
        let all = || leading.iter().chain(self.words).copied();
        for (index, word) in all().chain([checksum(all())]).enumerate() {
            put_word(words, index, word);
        }
    }
}

/// Writes one payload.
#[derive(Debug)]
pub struct AncWriter<'a> {
    out: &'a mut [u8],
    octets: usize,
    count: u8,
}

impl<'a> AncWriter<'a> {
    /// A payload without packets, which is one that keeps a stream alive.
    pub fn new(
        out: &'a mut [u8],
        extended_sequence: u16,
        field: AncField,
    ) -> Result<Self, AncWriteError> {
        let available = out.len();
        let Some(header) = out.first_chunk_mut::<PAYLOAD_HEADER_LEN>() else {
            return Err(AncWriteError::Room { needed: PAYLOAD_HEADER_LEN, available });
        };
        *header = [0; PAYLOAD_HEADER_LEN];
        header[..2].copy_from_slice(&extended_sequence.to_be_bytes());
        header[5] = field.bits() << 6;
        Ok(Self { out, octets: PAYLOAD_HEADER_LEN, count: 0 })
    }

    /// Adds a packet, with parity, checksum and alignment.
    pub fn push(&mut self, data: &AncData<'_>) -> Result<(), AncWriteError> {
        data.check()?;
        data.write(self.reserve(data.octets())?);
        Ok(())
    }

    /// Adds a packet as it was read, bit by bit, right or wrong.
    pub fn push_read(&mut self, packet: &AncPacket<'_>) -> Result<(), AncWriteError> {
        self.reserve(packet.octets().len())?.copy_from_slice(packet.octets());
        Ok(())
    }

    /// Counts one more packet of so many octets, and gives its place.
    fn reserve(&mut self, octets: usize) -> Result<&mut [u8], AncWriteError> {
        if usize::from(self.count) == MAX_PACKETS {
            return Err(AncWriteError::Packets);
        }
        let (end, available) = (self.octets + octets, self.out.len());
        let length = end - PAYLOAD_HEADER_LEN;
        // Length has 16 bits; no datagram is longer either.
        let (Ok(length), true) = (u16::try_from(length), end <= available) else {
            return Err(AncWriteError::Room { needed: end, available });
        };
        let start = std::mem::replace(&mut self.octets, end);
        self.count += 1;
        if let Some(header) = self.out.first_chunk_mut::<PAYLOAD_HEADER_LEN>() {
            header[2..4].copy_from_slice(&length.to_be_bytes());
            header[4] = self.count;
        }
        self.out.get_mut(start..end).ok_or(AncWriteError::Room { needed: end, available })
    }

    /// Packets written.
    pub const fn packets(&self) -> u8 {
        self.count
    }

    /// Octets written, header included.
    pub const fn octets(&self) -> usize {
        self.octets
    }
}

/// Why ancillary data cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AncWriteError {
    /// The buffer is too short; an octet of it may have been written, nothing of use.
    #[error("room for {available} octets where {needed} are to be written")]
    Room {
        /// Octets to write.
        needed: usize,
        /// Octets the buffer holds.
        available: usize,
    },
    /// 255 packets are in the payload already.
    #[error("255 ANC data packets are the most a payload carries (RFC 8331 §2.1)")]
    Packets,
    /// More user data words than a packet counts.
    #[error("{words} user data words: an ANC data packet has at most 255 (ST 291-1 §6.1)")]
    Words {
        /// How many.
        words: usize,
    },
    /// A user data word of more than 10 bits, or reserved to timing reference signals.
    #[error("user data word {index} is 0x{word:03x}: 0x004 to 0x3fb are possible (ST 291-1 §6.2)")]
    Word {
        /// Which, from 0.
        index: usize,
        /// The word.
        word: u16,
    },
    /// A location that does not fit its field.
    #[error("{name} {value} does not fit: at most {most} (RFC 8331 §2.1)")]
    Location {
        /// The field.
        name: &'static str,
        /// What it should hold.
        value: u16,
        /// What it can.
        most: u16,
    },
    /// A datagram that holds no packet, or is longer than allowed.
    #[error(
        "datagrams of {max_udp} octets cannot carry these packets: {needed} to 1460 are needed (ST 2110-40 §5.2.1)"
    )]
    Datagram {
        /// Octets with UDP header.
        max_udp: u16,
        /// Octets the longest packet needs.
        needed: usize,
    },
}
