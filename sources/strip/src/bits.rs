//! The 240 bits of a strip: sync, name, time, frame number, CRC.

use crate::{
    decode::StripError,
    layout::{COLUMNS, ROWS},
    mark::{MAX_NAME_OCTETS, Mark, Name},
};

/// Octets of a strip.
pub(crate) const OCTETS: usize = (COLUMNS * ROWS / 8) as usize;

/// First octet: four bits that alternate, then version 1. It guarantees that a strip has
/// both black and white blocks.
const SYNC: u8 = 0b1010_0001;

/// The bits of a strip, in the order of its blocks: left to right, then top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bits([u8; OCTETS]);

/// The strip that says `mark`. A time beyond 56 bits loses its high bits; [`Mark::new`]
/// makes none.
pub fn encode(mark: &Mark) -> Bits {
    let mut octets = [0_u8; OCTETS];
    octets[0] = SYNC;
    octets[1..17].copy_from_slice(mark.name.octets());
    octets[17..24].copy_from_slice(&mark.tai_us.to_be_bytes()[1..]);
    octets[24..28].copy_from_slice(&mark.frame.to_be_bytes());
    let crc = crc16(&octets[..28]);
    octets[28..].copy_from_slice(&crc.to_be_bytes());
    Bits(octets)
}

impl Bits {
    /// The bit of a block; `false` outside the 80 by 3 grid.
    pub fn get(&self, column: u32, row: u32) -> bool {
        if column >= COLUMNS || row >= ROWS {
            return false;
        }
        let index = (row * COLUMNS + column) as usize;
        self.0[index / 8] & (0x80 >> (index % 8)) != 0
    }

    /// All of them, the first in the highest bit.
    pub(crate) const fn octets(&self) -> &[u8; OCTETS] {
        &self.0
    }

    pub(crate) const fn from_octets(octets: [u8; OCTETS]) -> Self {
        Self(octets)
    }

    pub(crate) fn from_blocks(mut white: impl FnMut(u32, u32) -> bool) -> Self {
        let mut octets = [0_u8; OCTETS];
        for index in 0..COLUMNS * ROWS {
            if white(index % COLUMNS, index / COLUMNS) {
                octets[(index / 8) as usize] |= 0x80 >> (index % 8);
            }
        }
        Self(octets)
    }

    pub(crate) fn mark(&self) -> Result<Mark, StripError> {
        let octets = &self.0;
        if octets[0] != SYNC {
            return Err(StripError::NoSync { found: octets[0] });
        }
        let expected = crc16(&octets[..28]);
        let found = u16::from_be_bytes([octets[28], octets[29]]);
        if found != expected {
            return Err(StripError::Checksum { found, expected });
        }
        let mut name = [0; MAX_NAME_OCTETS];
        name.copy_from_slice(&octets[1..17]);
        let name = Name::from_octets(name).ok_or(StripError::NameNotText { octets: name })?;
        let tai_us = octets[17..24].iter().fold(0, |time, &octet| time << 8 | u64::from(octet));
        let frame = u32::from_be_bytes([octets[24], octets[25], octets[26], octets[27]]);
        Ok(Mark { name, tai_us, frame })
    }
}

/// CRC-16/CCITT (polynomial 0x1021, initial value 0xffff, not reflected).
fn crc16(octets: &[u8]) -> u16 {
    octets.iter().fold(0xffff, |mut crc, &octet| {
        crc ^= u16::from(octet) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        // The check value of CRC-16/CCITT-FALSE.
        assert_eq!(crc16(b"123456789"), 0x29b1);
    }

    #[test]
    fn the_layout_in_the_documentation_is_the_one_encoded() {
        let mark = Mark::new("A", 1, 1 << 31).unwrap();
        let bits = encode(&mark);
        // 'A' is 0x41: bits 1 and 7 of the second octet.
        assert!(!bits.get(8, 0) && bits.get(9, 0) && bits.get(15, 0));
        // The lowest bit of the time ends the first 32 blocks of the last row, ...
        assert!(bits.get(31, 2) && !bits.get(30, 2));
        // ... behind it comes the frame number's highest.
        assert!(bits.get(32, 2) && !bits.get(33, 2));
        assert!(!bits.get(80, 0) && !bits.get(0, 3));
        assert_eq!(bits.mark(), Ok(mark));
    }

    #[test]
    fn any_one_wrong_bit_is_noticed() {
        let bits = encode(&Mark::new("Röntgen", 1_763_757_305_123_456, 4_000_000_000).unwrap());
        for index in 0..OCTETS * 8 {
            let mut broken = bits;
            broken.0[index / 8] ^= 0x80 >> (index % 8);
            assert!(broken.mark().is_err(), "bit {index}");
        }
    }
}
