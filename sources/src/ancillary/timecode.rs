//! Time of day as an ancillary time code (ST 12-2, labels of ST 12-1).
//!
//! Labels count at most 30 frames a second. At higher rates two frames (above 60, more) share
//! a label, and the field mark flag is set in all but the first of them; such codes are sent
//! as vertical interval time code (ATC_VITC1), which has that flag, all others as ATC_LTC.
//!
//! At 29.97 and 59.94 frames a second the code drops frame labels and counts from midnight
//! UTC: at the end of a day it is 0.1 s off. All other rates show the second that it is, and
//! the number of the frame within it; at 23.98 and 47.95 a second now and then lacks its last
//! label.

use st2110::format::Rate;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;

/// Most labels in a second.
const MOST_LABELS: u64 = 30;

/// The label of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeCode {
    /// 0 to 23.
    pub hours: u8,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// 0 to 29.
    pub frames: u8,
    /// Whether labels are dropped to keep up with the day.
    pub drop_frame: bool,
    /// Whether another frame had the label before.
    pub field_mark: bool,
    /// Labels a second.
    base: u8,
    /// Frames that share a label.
    sharing: u8,
}

impl TimeCode {
    /// The label of the frame that starts at a moment of UTC, in nanoseconds since 1970.
    pub fn at(rate: Rate, unix_ns: u64) -> Self {
        let ratio = rate.ratio();
        let (numerator, denominator) = (u128::from(*ratio.numer()), u128::from(*ratio.denom()));
        let nominal = numerator.div_ceil(denominator.max(1)) as u64;
        let sharing = nominal.div_ceil(MOST_LABELS).max(1);
        let base = (nominal / sharing).max(1);
        let drop_frame = denominator == 1001 && base == MOST_LABELS;
        let count = |ns: u64| {
            (u128::from(ns) * numerator / (denominator * u128::from(SECOND_NS)).max(1)) as u64
        };
        let of_day = unix_ns % DAY_NS;
        let (label, frame) = if drop_frame {
            let frame = count(of_day);
            (with_drops(frame / sharing), frame)
        } else {
            let frame = count(of_day % SECOND_NS);
            (of_day / SECOND_NS * base + (frame / sharing).min(base - 1), frame)
        };
        let seconds = label / base;
        Self {
            hours: (seconds / 3600 % 24) as u8,
            minutes: (seconds / 60 % 60) as u8,
            seconds: (seconds % 60) as u8,
            frames: (label % base) as u8,
            drop_frame,
            field_mark: frame % sharing != 0,
            base: base as u8,
            sharing: sharing as u8,
        }
    }

    /// The 16 user data words: in bits 4 to 7 of each a group of four bits of the code, the
    /// first first, and in bit 3 one of the payload type (0 for LTC, 1 for VITC1) and of the
    /// flags, which are all clear (ST 12-2 §6).
    pub fn words(&self) -> [u8; 16] {
        let mut code = 0_u64;
        let mut put = |at: u32, value: u8| code |= u64::from(value) << at;
        // Binary groups, between these, stay 0 (ST 12-1 §9.2).
        put(0, self.frames % 10);
        put(8, self.frames / 10 | u8::from(self.drop_frame) << 2);
        put(16, self.seconds % 10);
        put(24, self.seconds / 10);
        put(32, self.minutes % 10);
        put(40, self.minutes / 10);
        put(48, self.hours % 10);
        put(56, self.hours / 10);
        // The field mark of systems of 25 frames is elsewhere.
        put(if self.base == 25 { 59 } else { 27 }, u8::from(self.field_mark));
        let payload_type = u8::from(self.sharing > 1);
        std::array::from_fn(|word| {
            let group = (code >> (4 * word) & 0xf) as u8;
            let bit = if word < 8 { payload_type >> word & 1 } else { 0 };
            group << 4 | bit << 3
        })
    }
}

/// The label of a frame counted at 29.97 frames a second: two labels are left out each
/// minute but the tenth (ST 12-1 §5.2.2).
fn with_drops(frame: u64) -> u64 {
    const MINUTE: u64 = 30 * 60 - 2;
    const TEN_MINUTES: u64 = 10 * MINUTE + 2;
    let (tens, rest) = (frame / TEN_MINUTES, frame % TEN_MINUTES);
    frame + 18 * tens + 2 * (rest.saturating_sub(2) / MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(rate: &str, unix_ns: u64) -> TimeCode {
        TimeCode::at(rate.parse().unwrap(), unix_ns)
    }

    fn text(code: TimeCode) -> String {
        let TimeCode { hours, minutes, seconds, frames, .. } = code;
        format!("{hours:02}:{minutes:02}:{seconds:02}:{frames:02}")
    }

    #[test]
    fn whole_rates_show_the_time_of_day() {
        let noon = 20_000 * DAY_NS + (12 * 3600 + 34 * 60 + 56) * SECOND_NS;
        assert_eq!(text(code("25", noon)), "12:34:56:00");
        assert_eq!(text(code("25", noon + 7 * 40_000_000)), "12:34:56:07");
        assert_eq!(text(code("25", noon + SECOND_NS - 1)), "12:34:56:24");
        let second = code("60", noon + 16_666_667);
        assert_eq!((text(second), second.field_mark), ("12:34:56:00".to_owned(), true));
        let third = code("60", noon + 33_333_334);
        assert_eq!((text(third), third.field_mark), ("12:34:56:01".to_owned(), false));
        assert_eq!(text(code("24000/1001", noon + SECOND_NS - 1)), "12:34:56:23");
        assert_eq!(text(code("120", noon + SECOND_NS - 1)), "12:34:56:29");
    }

    #[test]
    fn drop_frame_labels_by_the_standard() {
        assert_eq!(with_drops(1799), 1799);
        // 00:00:59:29 is followed by 00:01:00:02, and 00:09:59:29 by 00:10:00:00.
        assert_eq!(with_drops(1800), 1802);
        assert_eq!(with_drops(17_981), 17_999);
        assert_eq!(with_drops(17_982), 18_000);
        let frame = |n: u64| (u128::from(n) * 1001 * 1_000_000_000).div_ceil(30_000) as u64;
        let code = |n| code("30000/1001", frame(n));
        assert!(code(0).drop_frame);
        assert_eq!(text(code(1799)), "00:00:59:29");
        assert_eq!(text(code(1800)), "00:01:00:02");
        assert_eq!(text(code(107_892)), "01:00:00:00");
        // A tenth of a second at most is off at the end of a day.
        assert_eq!(text(code(2_589_407)), "23:59:59:29");
        assert!(DAY_NS - frame(2_589_408) < SECOND_NS / 10);
        let mut last = None;
        for n in 0..40_000_u64 {
            let start = (u128::from(n) * 1001 * 1_000_000_000).div_ceil(60_000) as u64;
            let label = TimeCode::at("60000/1001".parse().unwrap(), start);
            let now = (text(label), label.field_mark);
            assert!(last.as_ref().is_none_or(|last| *last != now), "{now:?}");
            last = Some(now);
        }
    }

    #[test]
    fn words_by_hand() {
        let noon = (12 * 3600 + 34 * 60 + 56) * SECOND_NS;
        let words = code("25", noon + 17 * 40_000_000).words();
        assert_eq!(words, [0x70, 0, 0x10, 0, 0x60, 0, 0x50, 0, 0x40, 0, 0x30, 0, 0x20, 0, 0x10, 0]);
        // VITC1: bit 3 of the first word; the field mark of 30 is bit 27, of 25 bit 59.
        let words = code("60", noon + 16_666_667).words();
        assert_eq!((words[0], words[6]), (0x08, 0x50 | 0x80));
        let words = code("50", noon + 20_000_000).words();
        assert_eq!((words[6], words[14]), (0x50, 0x10 | 0x80));
        // The drop frame flag is bit 10.
        assert_eq!(code("30000/1001", 0).words()[2], 0x40);
    }
}
