//! Times in the API: RFC 3339, UTC, milliseconds; where a frame is meant, TAI nanoseconds.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// Nanoseconds of International Atomic Time since 1970. In JSON a whole number, or a decimal
/// string for writers that know 53 bits only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaiNs(pub u64);

impl<'de> Deserialize<'de> for TaiNs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = TaiNs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("TAI nanoseconds since 1970, as a whole number or a decimal string")
            }

            fn visit_u64<E: de::Error>(self, ns: u64) -> Result<TaiNs, E> {
                Ok(TaiNs(ns))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TaiNs, E> {
                let digits = text.bytes().all(|octet| octet.is_ascii_digit());
                let ns = text.parse().ok().filter(|_| digits);
                let wrong = || E::invalid_value(de::Unexpected::Str(text), &self);
                ns.map(TaiNs).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Nanoseconds since the Unix epoch as `2026-01-31T09:30:00.000Z`.
pub fn rfc3339(unix_ns: u64) -> String {
    // 2^64 ns end in the year 2554, within what a timestamp holds.
    let time = Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// The nanoseconds since the Unix epoch that an RFC 3339 time means; `None` for another
/// text and for times before 1970.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let time: Timestamp = text.trim().parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tai_is_a_number_or_its_digits() {
        for good in ["1769851837500000001", "\"1769851837500000001\""] {
            let read: TaiNs = serde_json::from_str(good).unwrap();
            assert_eq!(read, TaiNs(1_769_851_837_500_000_001));
        }
        for bad in ["-1", "1.5", "\"+1\"", "\"\"", "\"soon\"", "\"18446744073709551616\"", "[]"] {
            let error = serde_json::from_str::<TaiNs>(bad).unwrap_err().to_string();
            assert!(error.contains("TAI nanoseconds"), "{bad}: {error}");
        }
    }

    #[test]
    fn times_read_as_they_are_written() {
        assert_eq!(rfc3339(1_769_851_800_123_999_999), "2026-01-31T09:30:00.123Z");
        assert_eq!(parse_rfc3339("2026-01-31T09:30:00.123Z"), Some(1_769_851_800_123_000_000));
        assert_eq!(parse_rfc3339("2026-01-31T10:30:00+01:00"), Some(1_769_851_800_000_000_000));
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        for bad in ["", "yesterday", "1960-01-01T00:00:00Z"] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }
}
