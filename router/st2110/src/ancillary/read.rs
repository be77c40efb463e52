//! Reading payloads without copying.

use super::{
    AncField, Location, MAX_WORDS, PAYLOAD_HEADER_LEN,
    word::{
        WordKind, checksum, is_aligned_with_zeros, is_protected, packed_octets, parity_holds,
        word_at,
    },
};

/// Octets of an ANC data packet before its words.
pub(super) const PACKET_HEADER_LEN: usize = 4;

/// A parsed payload, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AncPayload<'a> {
    /// High 16 bits of the 32-bit sequence number.
    pub extended_sequence: u16,
    /// How many ANC data packets it announces; 0 keeps the stream alive (ST 2110-40 §5.5).
    pub count: u8,
    /// Which picture they belong to.
    pub field: AncField,
    /// The ANC data packets.
    data: &'a [u8],
    reserved: u32,
    surplus: usize,
}

impl<'a> AncPayload<'a> {
    /// Reads the header of a payload and checks that the octets it announces are there.
    ///
    /// Refuses the field value `0b01`, whose payload receivers are to ignore.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Result<Self, AncError> {
        let octets = payload.len();
        let Some((header, rest)) = payload.split_first_chunk::<PAYLOAD_HEADER_LEN>() else {
            return Err(AncError::Truncated { octets, needed: PAYLOAD_HEADER_LEN });
        };
        let length = u16::from_be_bytes([header[2], header[3]]);
        let Some((data, surplus)) = rest.split_at_checked(usize::from(length)) else {
            return Err(AncError::Length { length, octets: rest.len() });
        };
        let Some(field) = AncField::from_bits(header[5] >> 6) else {
            return Err(AncError::Field);
        };
        Ok(Self {
            extended_sequence: u16::from_be_bytes([header[0], header[1]]),
            count: header[4],
            field,
            data,
            reserved: u32::from_be_bytes([0, header[5] & 0x3f, header[6], header[7]]),
            surplus: surplus.len(),
        })
    }

    /// The ANC data packets in their order, up to the first that cannot be framed.
    #[inline]
    pub fn packets(&self) -> impl Iterator<Item = Result<AncPacket<'a>, AncError>> + use<'a> {
        let (data, count) = (self.data, self.count);
        let (mut index, mut at) = (0, 0);
        std::iter::from_fn(move || {
            if index == count {
                return None;
            }
            let packet = AncPacket::read(data, at);
            match &packet {
                Ok(packet) => {
                    index += 1;
                    at += packet.octets.len();
                }
                Err(_) => index = count,
            }
            Some(packet)
        })
    }

    /// The first thing that breaks a clause.
    pub fn check(&self) -> Result<(), AncError> {
        let mut first = None;
        self.violations(|error| first = first.or(Some(error)));
        first.map_or(Ok(()), Err)
    }

    /// Reports everything that breaks a clause, in the order of the octets.
    pub fn violations(&self, mut report: impl FnMut(AncError)) {
        let length = self.data.len();
        if self.reserved != 0 {
            report(AncError::Reserved { bits: self.reserved });
        }
        if !length.is_multiple_of(4) {
            report(AncError::LengthUnaligned { length });
        }
        let mut end = PAYLOAD_HEADER_LEN;
        let mut framed = true;
        for packet in self.packets() {
            match packet {
                Ok(packet) => {
                    end = packet.offset + packet.octets.len();
                    packet.violations(&mut report);
                }
                Err(error) => {
                    framed = false;
                    report(error);
                }
            }
        }
        if framed && end - PAYLOAD_HEADER_LEN < length {
            report(AncError::Unannounced {
                offset: end,
                octets: length + PAYLOAD_HEADER_LEN - end,
                count: self.count,
            });
        }
        if self.surplus > 0 {
            let offset = PAYLOAD_HEADER_LEN + length;
            report(AncError::Surplus { offset, octets: self.surplus });
        }
    }
}

/// An ANC data packet, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AncPacket<'a> {
    /// First octet, counted from the start of the payload.
    pub offset: usize,
    /// Where it comes from.
    pub location: Location,
    octets: &'a [u8],
    words: u8,
}

impl<'a> AncPacket<'a> {
    /// The packet `at` octets into the data of a payload.
    #[inline]
    fn read(data: &'a [u8], at: usize) -> Result<Self, AncError> {
        let offset = PAYLOAD_HEADER_LEN + at;
        let rest = data.get(at..).unwrap_or_default();
        let short = |needed| AncError::PacketTruncated { offset, octets: rest.len(), needed };
        // The header, and the three words that say how many there are.
        let Some((header, words)) = rest.split_first_chunk::<PACKET_HEADER_LEN>() else {
            return Err(short(PACKET_HEADER_LEN + packed_octets(4)));
        };
        if words.len() < 4 {
            return Err(short(PACKET_HEADER_LEN + packed_octets(4)));
        }
        let count = word_at(words, 2) as u8;
        let needed = PACKET_HEADER_LEN + packed_octets(usize::from(count) + 4);
        let octets = rest.get(..needed).ok_or_else(|| short(needed))?;
        let bits = u32::from_be_bytes(*header);
        let location = Location {
            color_difference: bits >> 31 != 0,
            line: (bits >> 20) as u16 & 0x7ff,
            offset: (bits >> 8) as u16 & 0xfff,
            stream: (bits & 0x80 != 0).then_some(bits as u8 & 0x7f),
        };
        Ok(Self { offset, location, octets, words: count })
    }

    /// The packet as it lies in the payload, with header and alignment.
    #[inline]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// All words from DID to checksum.
    #[inline]
    fn all_words(&self) -> &'a [u8] {
        self.octets.get(PACKET_HEADER_LEN..).unwrap_or_default()
    }

    /// Data identification, 10 bits.
    #[inline]
    pub fn did_word(&self) -> u16 {
        word_at(self.all_words(), 0)
    }

    /// Secondary data identification or data block number, 10 bits.
    #[inline]
    pub fn sdid_word(&self) -> u16 {
        word_at(self.all_words(), 1)
    }

    /// The number of user data words with its parity, 10 bits.
    #[inline]
    pub fn data_count_word(&self) -> u16 {
        word_at(self.all_words(), 2)
    }

    /// What kind of packet it is, without parity.
    #[inline]
    pub fn id(&self) -> super::DataId {
        super::DataId { did: self.did_word() as u8, sdid: self.sdid_word() as u8 }
    }

    /// The user data words.
    #[inline]
    pub const fn words(&self) -> AncWords<'a> {
        AncWords { octets: self.octets, next: 3, end: 3 + self.words as usize }
    }

    /// The checksum word as sent.
    #[inline]
    pub fn checksum_word(&self) -> u16 {
        word_at(self.all_words(), 3 + usize::from(self.words))
    }

    /// The checksum word as it should be.
    pub fn computed_checksum(&self) -> u16 {
        checksum((0..3 + usize::from(self.words)).map(|index| word_at(self.all_words(), index)))
    }

    /// The first thing that breaks a clause of ST 291-1 or RFC 8331.
    pub fn check(&self) -> Result<(), AncError> {
        let mut first = None;
        self.violations(&mut |error| first = first.or(Some(error)));
        first.map_or(Ok(()), Err)
    }

    /// Reports parity, protected words, checksum, alignment.
    fn violations(&self, report: &mut dyn FnMut(AncError)) {
        let offset = self.offset;
        for (word, kind) in [
            (self.did_word(), WordKind::Did),
            (self.sdid_word(), WordKind::Sdid),
            (self.data_count_word(), WordKind::DataCount),
        ] {
            if !parity_holds(word) {
                report(AncError::Parity { offset, kind, word });
            }
        }
        for (index, word) in self.words().enumerate() {
            if is_protected(word) {
                report(AncError::Protected { offset, index, word });
            }
        }
        let (found, expected) = (self.checksum_word(), self.computed_checksum());
        if found != expected {
            report(AncError::Checksum { offset, found, expected });
        }
        if !is_aligned_with_zeros(self.all_words(), 4 + usize::from(self.words)) {
            report(AncError::WordAlign { offset });
        }
    }
}

/// The user data words of a packet, 10 bits each.
#[derive(Clone, Debug)]
pub struct AncWords<'a> {
    octets: &'a [u8],
    next: usize,
    end: usize,
}

impl AncWords<'_> {
    /// Copies the words and returns how many there are; those that fit, if `out` is short.
    /// [`MAX_WORDS`] always suffice.
    pub fn copy_to(self, out: &mut [u16]) -> usize {
        let count = self.len().min(out.len()).min(MAX_WORDS);
        for (out, word) in out.iter_mut().zip(self) {
            *out = word;
        }
        count
    }
}

impl Iterator for AncWords<'_> {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        if self.next == self.end {
            return None;
        }
        let word = word_at(self.octets.get(PACKET_HEADER_LEN..)?, self.next);
        self.next += 1;
        Some(word)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for AncWords<'_> {}

/// What is wrong with a payload. Offsets count octets from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AncError {
    /// It ends within its header.
    #[error("{octets} octets, but the payload header needs {needed} (RFC 8331 §2.1)")]
    Truncated {
        /// Octets of payload.
        octets: usize,
        /// Octets of the header.
        needed: usize,
    },
    /// Fewer octets than `Length` announces.
    #[error("Length announces {length} octets, {octets} are there (RFC 8331 §2.1)")]
    Length {
        /// What the header says.
        length: u16,
        /// Octets behind the header.
        octets: usize,
    },
    /// The field bits are `0b01`.
    #[error("F is 0b01, which is not valid: 0b00, 0b10 or 0b11 (RFC 8331 §2.1)")]
    Field,
    /// Reserved bits that are not 0.
    #[error("the reserved bits behind F are 0x{bits:06x} and should be 0 (RFC 8331 §2.1)")]
    Reserved {
        /// The 22 bits.
        bits: u32,
    },
    /// `Length` is no whole number of 32-bit words, as word alignment makes it.
    #[error("Length {length} is no multiple of 4 (RFC 8331 §2.1, word_align)")]
    LengthUnaligned {
        /// What the header says.
        length: usize,
    },
    /// An ANC data packet ends behind the payload's `Length`.
    #[error(
        "the ANC data packet at octet {offset} needs {needed} octets, {octets} are left of Length (RFC 8331 §2.1)"
    )]
    PacketTruncated {
        /// Its first octet.
        offset: usize,
        /// Octets left.
        octets: usize,
        /// Octets its header and words need.
        needed: usize,
    },
    /// Octets within `Length` that no announced packet takes; also of an empty payload,
    /// whose `Length` is to be 0.
    #[error(
        "{octets} octets at {offset} lie within Length and behind the {count} packets of ANC_Count (RFC 8331 §2.1)"
    )]
    Unannounced {
        /// The first of them.
        offset: usize,
        /// How many.
        octets: usize,
        /// Packets announced.
        count: u8,
    },
    /// Octets behind `Length`.
    #[error("{octets} octets at {offset} lie behind Length (RFC 8331 §2.1)")]
    Surplus {
        /// The first of them.
        offset: usize,
        /// How many.
        octets: usize,
    },
    /// A word whose upper bits are not the parity of its value.
    #[error(
        "{kind} 0x{word:03x} of the ANC data packet at octet {offset} has wrong parity: 0x{:03x} would be right (ST 291-1 §6.1, RFC 8331 §2.1)",
        super::data_word(*word as u8)
    )]
    Parity {
        /// First octet of the packet.
        offset: usize,
        /// Which word.
        kind: WordKind,
        /// The word.
        word: u16,
    },
    /// A user data word that is reserved to timing reference signals.
    #[error(
        "user data word {index} of the ANC data packet at octet {offset} is 0x{word:03x}: 0x000 to 0x003 and 0x3fc to 0x3ff are reserved (ST 291-1 §6.2)"
    )]
    Protected {
        /// First octet of the packet.
        offset: usize,
        /// Which user data word, from 0.
        index: usize,
        /// The word.
        word: u16,
    },
    /// The checksum is not that of the words.
    #[error(
        "checksum 0x{found:03x} of the ANC data packet at octet {offset}, its words give 0x{expected:03x} (ST 291-1 §6.1, RFC 8331 §2.1)"
    )]
    Checksum {
        /// First octet of the packet.
        offset: usize,
        /// The word as sent.
        found: u16,
        /// The word as it should be.
        expected: u16,
    },
    /// Alignment bits that are not 0.
    #[error("word_align of the ANC data packet at octet {offset} is not 0 (RFC 8331 §2.1)")]
    WordAlign {
        /// First octet of the packet.
        offset: usize,
    },
}

#[cfg(test)]
mod tests;
