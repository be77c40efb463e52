//! Words of 10 bits: parity, checksum, packing (ST 291-1 §6).

use std::fmt;

/// Bits of a word.
const WORD_BITS: usize = 10;

/// Words that carry parity over 8 bits of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordKind {
    /// Data identification.
    Did,
    /// Secondary data identification, or the data block number.
    Sdid,
    /// Number of user data words.
    DataCount,
}

impl fmt::Display for WordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Did => "DID",
            Self::Sdid => "SDID",
            Self::DataCount => "Data_Count",
        })
    }
}

/// A value with its parity: b8 makes the ones of b7 to b0 and itself even, b9 is b8's
/// inverse (ST 291-1 §6.1, RFC 8331 §2.1).
pub const fn data_word(value: u8) -> u16 {
    let parity = (value.count_ones() & 1) as u16;
    (parity ^ 1) << 9 | parity << 8 | value as u16
}

/// Whether a word's two upper bits are the parity of its value.
pub const fn parity_holds(word: u16) -> bool {
    data_word(word as u8) == word
}

/// Whether a word is reserved to timing reference signals, and so may stand nowhere in an
/// ANC data packet (ST 291-1 §6.2): 0x000 to 0x003, 0x3fc to 0x3ff.
pub const fn is_protected(word: u16) -> bool {
    matches!(word, 0..=3 | 0x3fc..)
}

/// The checksum word over the words from DID to the last user data word: the sum of their
/// nine lower bits, without carry, with b9 as b8's inverse (ST 291-1 §6.1, RFC 8331 §2.1).
pub fn checksum(words: impl IntoIterator<Item = u16>) -> u16 {
    let sum = words.into_iter().fold(0_u16, |sum, word| (sum + (word & 0x1ff)) & 0x1ff);
    sum | (!sum & 0x100) << 1
}

/// Octets that hold so many words, and the zeros behind them up to a multiple of 32 bits.
pub(super) const fn packed_octets(words: usize) -> usize {
    (words * WORD_BITS).div_ceil(32) * 4
}

/// Word `index` of a run; 0 behind its end.
#[inline]
pub(super) fn word_at(octets: &[u8], index: usize) -> u16 {
    let bit = index * WORD_BITS;
    let pair = octets.get(bit / 8..).and_then(<[u8]>::first_chunk::<2>).copied();
    pair.map_or(0, |pair| u16::from_be_bytes(pair) >> (6 - bit % 8) & 0x3ff)
}

/// Puts word `index` into a run of zeros; nothing behind its end.
#[inline]
pub(super) fn put_word(octets: &mut [u8], index: usize, word: u16) {
    let bit = index * WORD_BITS;
    if let Some(pair) = octets.get_mut(bit / 8..).and_then(<[u8]>::first_chunk_mut::<2>) {
        let there = u16::from_be_bytes(*pair);
        *pair = (there | (word & 0x3ff) << (6 - bit % 8)).to_be_bytes();
    }
}

/// Whether all bits behind so many words are 0.
pub(super) fn is_aligned_with_zeros(octets: &[u8], words: usize) -> bool {
    let bits = words * WORD_BITS;
    let rest = octets.get(bits / 8..).unwrap_or_default();
    let begun = 0xff >> (bits % 8) as u8;
    rest.iter().enumerate().all(|(at, octet)| octet & if at == 0 { begun } else { 0xff } == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_by_hand() {
        // Three ones: b8 set; two: b9 set.
        assert_eq!(data_word(0x61), 0x161);
        assert_eq!(data_word(0x02), 0x102);
        assert_eq!(data_word(0x41), 0x241);
        assert_eq!(data_word(0x00), 0x200);
        assert_eq!(data_word(0xff), 0x2ff);
        assert!((0..=0xff).all(|value| parity_holds(data_word(value))));
        assert!(!parity_holds(0x261) && !parity_holds(0x061) && !parity_holds(0x361));
        assert!(is_protected(3) && is_protected(0x3fc) && !is_protected(4) && !is_protected(0x3fb));
    }

    #[test]
    fn checksums_by_hand() {
        // 0x161 + 0x102 + 0x101 + 0x2ff & 0x1ff each: 0x161 + 0x102 + 0x101 + 0x0ff = 0x463.
        assert_eq!(checksum([0x161, 0x102, 0x101, 0x2ff]), 0x263);
        // A sum with b8: b9 is clear.
        assert_eq!(checksum([0x161]), 0x161);
        assert_eq!(checksum([]), 0x200);
    }

    #[test]
    fn words_keep_their_places() {
        let words = [0x3ff, 0, 0x155, 0x2aa, 0x001, 0x200, 0x12d];
        let mut octets = [0; 12];
        assert_eq!(packed_octets(words.len()), octets.len());
        for (index, word) in words.iter().enumerate() {
            put_word(&mut octets, index, *word);
        }
        assert_eq!(octets[..6], [0xff, 0xc0, 0x05, 0x56, 0xaa, 0x00]);
        assert!((0..7).all(|index| word_at(&octets, index) == words[index]));
        assert_eq!(word_at(&octets, 10), 0);
        put_word(&mut octets, 10, 0x3ff);
        assert!(is_aligned_with_zeros(&octets, words.len()));
        assert!(!is_aligned_with_zeros(&octets, 6));
        octets[11] = 1;
        assert!(!is_aligned_with_zeros(&octets, words.len()));
    }
}
