//! Ancillary time code (ST 12-2), for people to read.

use std::fmt;

use st2110::{ancillary::DataId, format::Rate};

/// What its packets are.
pub(super) const ID: DataId = DataId { did: 0x60, sdid: 0x60 };

/// User data words of a packet.
const WORDS: usize = 16;

/// A time code, as one packet has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeCode {
    hours: u8,
    minutes: u8,
    seconds: u8,
    frames: u8,
    drop_frame: bool,
    second_of_pair: bool,
    payload_type: u8,
}

impl TimeCode {
    /// Reads user data words: four bits of the code in each, at bits 4 to 7, and one of the
    /// payload type and the flags at bit 3 (ST 12-2 §6). `None` if it is no time of day.
    ///
    /// `rate` tells where the flag is that tells two frames of one label apart.
    pub fn read(words: impl IntoIterator<Item = u16>, rate: Rate) -> Option<Self> {
        let (mut code, mut payload_type, mut count) = (0_u64, 0_u8, 0);
        for (index, word) in words.into_iter().enumerate() {
            count += 1;
            if index < WORDS {
                code |= u64::from(word >> 4 & 0xf) << (4 * index);
            }
            if index < 8 {
                payload_type |= ((word >> 3 & 1) as u8) << index;
            }
        }
        // Tens have less than four bits: flags lie above them (ST 12-1 §9).
        let number = |at: u32, bits_of_tens: u32| {
            let units = (code >> at & 0xf) as u8;
            let tens = (code >> (at + 8)) as u8 & ((1 << bits_of_tens) - 1);
            (units < 10).then_some(10 * tens + units)
        };
        let numbers = [number(0, 2)?, number(16, 3)?, number(32, 3)?, number(48, 2)?];
        let [frames, seconds, minutes, hours] = numbers;
        let base_25 = rate.ratio().numer().is_multiple_of(25) && *rate.ratio().denom() == 1;
        let mark = if base_25 { 59 } else { 27 };
        let valid = count == WORDS && frames < 30 && seconds < 60 && minutes < 60 && hours < 24;
        valid.then_some(Self {
            hours,
            minutes,
            seconds,
            frames,
            drop_frame: code >> 10 & 1 == 1,
            second_of_pair: code >> mark & 1 == 1,
            payload_type,
        })
    }

    /// What kind of time code it is.
    pub const fn kind(&self) -> &'static str {
        match self.payload_type {
            0 => "LTC",
            1 => "VITC1",
            2 => "VITC2",
            _ => "other",
        }
    }
}

impl fmt::Display for TimeCode {
    /// `12:34:56:07`; `12:34:56;07` with dropped labels; `12:34:56:07.1` for the second frame
    /// of a label.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hours, minutes, seconds, frames, drop_frame, second_of_pair, .. } = self;
        let drop = if *drop_frame { ';' } else { ':' };
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}{drop}{frames:02}")?;
        if *second_of_pair { f.write_str(".1") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: [u16; 16], rate: &str) -> Option<TimeCode> {
        TimeCode::read(words, rate.parse().unwrap())
    }

    #[test]
    fn codes_by_hand() {
        // 12:34:56:17, each digit above a binary group of 0, with the parity bits of ST 291-1.
        let mut words = [0x70, 0, 0x10, 0, 0x60, 0, 0x50, 0, 0x40, 0, 0x30, 0, 0x20, 0, 0x10, 0]
            .map(|word: u16| word | 0x200);
        let code = read(words, "25").unwrap();
        assert_eq!((code.to_string().as_str(), code.kind()), ("12:34:56:17", "LTC"));
        // Payload type 1, drop frame (bit 10), field mark (bit 27).
        words[0] |= 0x8;
        words[2] |= 0x40;
        words[6] |= 0x80;
        let code = read(words, "60000/1001").unwrap();
        assert_eq!((code.to_string().as_str(), code.kind()), ("12:34:56;17.1", "VITC1"));
        assert_eq!(read(words, "50").unwrap().to_string(), "12:34:56;17");
        words[14] |= 0x80;
        assert_eq!(read(words, "50").unwrap().to_string(), "12:34:56;17.1");
    }

    #[test]
    fn no_time_of_day_is_none() {
        for (word, value) in [(0, 0xa0), (2, 0x30), (6, 0x60), (10, 0x70), (14, 0x30)] {
            let mut words = [0; 16];
            assert!(read(words, "25").is_some());
            words[word] = value;
            assert_eq!(read(words, "25"), None, "{word}");
        }
        assert_eq!(TimeCode::read([0; 15], "25".parse().unwrap()), None);
    }
}
