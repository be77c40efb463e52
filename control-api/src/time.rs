//! Times in the API: RFC 3339, UTC, milliseconds.

use jiff::Timestamp;

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
