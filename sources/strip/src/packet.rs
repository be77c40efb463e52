//! The mark as ancillary data: an ANC data packet for user applications that says of its
//! frame what the strip says of its picture, bit by bit.
//!
//! DID 0x5a, SDID 0x4d (8-bit user application, ST 291-1 §6; RP 291). Its 34 user data words
//! carry an octet each, with parity:
//!
//! ```text
//!  0..4    "ORMX"
//!  4..34   the strip's 240 bits: sync and version 0xa1, name (16 octets, zeros behind it),
//!          TAI in microseconds (7), frame number (4), CRC-16 over the 28 before it (2)
//! ```

use crate::{
    bits::{Bits, OCTETS, encode},
    decode::StripError,
    mark::Mark,
};

/// Data identification of the mark's ANC data packet.
pub const MARK_DID: u8 = 0x5a;

/// Its secondary data identification.
pub const MARK_SDID: u8 = 0x4d;

/// Its user data words.
pub const MARK_WORDS: usize = MAGIC.len() + OCTETS;

const MAGIC: [u8; 4] = *b"ORMX";

/// The user data of a mark's packet, an octet a word.
pub fn encode_packet(mark: &Mark) -> [u8; MARK_WORDS] {
    let mut octets = [0; MARK_WORDS];
    let (magic, strip) = octets.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    strip.copy_from_slice(encode(mark).octets());
    octets
}

/// The mark of user data words, of which the lower eight bits count: parity and checksum are
/// for who reads the packet to judge.
pub fn decode_packet(words: impl IntoIterator<Item = u16>) -> Result<Mark, PacketError> {
    let mut octets = [0; MARK_WORDS];
    let mut found = 0;
    for word in words {
        if let Some(octet) = octets.get_mut(found) {
            *octet = word as u8;
        }
        found += 1;
    }
    if found != MARK_WORDS {
        return Err(PacketError::Length { found });
    }
    let (magic, strip) = octets.split_at(MAGIC.len());
    let Some(strip) = strip.first_chunk().filter(|_| magic == MAGIC) else {
        return Err(PacketError::Foreign);
    };
    Ok(Bits::from_octets(*strip).mark()?)
}

/// Why an ANC data packet has no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Not as many words as a mark has.
    #[error("no mark: {found} user data words where a mark has {MARK_WORDS}")]
    Length {
        /// Words there are.
        found: usize,
    },
    /// Somebody else's packet with the same DID and SDID.
    #[error("no mark: its user data do not begin with 'ORMX'")]
    Foreign,
    /// A mark that is broken.
    #[error("in an ancillary packet, {0}")]
    Strip(#[from] StripError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_the_one_documented() {
        let mark = Mark::new("Endo 1", 0x0001_0203_0405_0607, 0x0809_0a0b).unwrap();
        let octets = encode_packet(&mark);
        assert_eq!(octets[..11], *b"ORMX\xa1Endo 1");
        assert_eq!(octets[11..21], [0; 10]);
        assert_eq!(octets[21..32], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(decode_packet(octets.map(u16::from)), Ok(mark));
    }

    #[test]
    fn what_is_no_mark_says_so() {
        let octets = encode_packet(&Mark::new("A", 5, 6).unwrap()).map(u16::from);
        assert_eq!(decode_packet(octets[1..].to_vec()), Err(PacketError::Length { found: 33 }));
        let long = octets.into_iter().chain([0; 3]);
        assert_eq!(decode_packet(long), Err(PacketError::Length { found: 37 }));
        let mut foreign = octets;
        foreign[0] = 0x50;
        assert_eq!(decode_packet(foreign), Err(PacketError::Foreign));
        for bit in 0..30 * 8 {
            let mut broken = octets;
            broken[4 + bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode_packet(broken), Err(PacketError::Strip(_))), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn every_mark_comes_back(
            name in "[a-zäöü ]{0,8}", tai_us in 0_u64..1 << 56, frame in any::<u32>(),
        ) {
            let mark = Mark::new(&name, tai_us, frame).unwrap();
            // With the parity bits of ST 291-1 above.
            let words = encode_packet(&mark).map(|octet| u16::from(octet) | 0x200);
            prop_assert_eq!(decode_packet(words), Ok(mark));
        }
    }
}
