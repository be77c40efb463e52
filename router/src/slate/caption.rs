//! The words of a slate.

use jiff::{Timestamp, tz::TimeZone};
use ormatrix_typeface::Typeface;

use super::Card;

/// What stands on a slate, from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    pub heading: &'static str,
    /// The input's label, or its id where that cannot be written.
    pub name: String,
    /// Since what time of day.
    pub since: String,
    /// Of which day; says so when the time is not the host's local one but UTC.
    pub date: String,
}

impl Caption {
    /// What a card says on a host in this time zone.
    pub fn new(card: &Card, face: &Typeface, zone: &TimeZone) -> Self {
        // Nanoseconds in 64 bits end in 2554, within what a timestamp holds.
        let at =
            Timestamp::from_nanosecond(i128::from(card.since)).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = zone.to_datetime(at);
        let (date, time) = (local.date(), local.time());
        let utc = zone.is_unknown() || zone.to_offset_info(at).abbreviation() == "UTC";
        Self {
            heading: "SIGNAL LOST",
            name: name(card, face),
            since: format!("since {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()),
            date: format!("{date}{}", if utc { " UTC" } else { "" }),
        }
    }
}

fn name(card: &Card, face: &Typeface) -> String {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let label = card.label.as_deref().map(words);
    // A row of empty boxes would say nothing.
    let legible = |text: &String| !text.is_empty() && text.chars().all(|letter| face.has(letter));
    label.filter(legible).unwrap_or_else(|| card.id.clone())
}

/// Breaks a text into lines of at most `width` letters and at most `most` lines, between
/// words where that is possible; what has no room ends in an ellipsis.
pub fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for (index, piece) in letters.chunks(width.max(1)).enumerate() {
            let piece: String = piece.iter().collect();
            match lines.last_mut() {
                Some(line)
                    if index == 0 && line.chars().count() + 1 + piece.chars().count() <= width =>
                {
                    line.push(' ');
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = last.chars().take(width.saturating_sub(1)).collect();
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use jiff::tz;

    use super::*;

    fn card(label: Option<&str>) -> Card {
        Card {
            format: serde_json::from_value(serde_json::json!({
                "width": 1920, "height": 1080, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10
            }))
            .unwrap(),
            max_udp: 1460,
            payload_type: 96,
            id: "tower-2".into(),
            label: label.map(str::to_owned),
            // 2026-01-31 23:59:58.9 UTC
            since: 1_769_903_998_900_000_000,
        }
    }

    #[test]
    fn times_are_local_or_say_that_they_are_not() {
        let face = Typeface::built_in().unwrap();
        let utc = Caption::new(&card(None), &face, &TimeZone::UTC);
        assert_eq!((utc.since.as_str(), utc.date.as_str()), ("since 23:59:58", "2026-01-31 UTC"));
        assert_eq!(utc.name, "tower-2");
        let zone = TimeZone::fixed(tz::offset(2));
        let local = Caption::new(&card(Some("Endoskop  Süd\n")), &face, &zone);
        assert_eq!((local.since.as_str(), local.date.as_str()), ("since 01:59:58", "2026-02-01"));
        assert_eq!(local.name, "Endoskop Süd");
    }

    #[test]
    fn a_label_that_cannot_be_written_gives_way_to_the_id() {
        let face = Typeface::built_in().unwrap();
        for label in ["手术室", "  ", ""] {
            assert_eq!(Caption::new(&card(Some(label)), &face, &TimeZone::UTC).name, "tower-2");
        }
    }

    #[test]
    fn long_names_are_broken_between_words_or_cut() {
        assert_eq!(wrap("Endoscope tower 2", 10, 2), ["Endoscope", "tower 2"]);
        assert_eq!(wrap("Endoscope tower 2", 17, 2), ["Endoscope tower 2"]);
        assert_eq!(wrap("abcdefghij", 4, 3), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("abcdefghij klm", 4, 2), ["abcd", "efg…"]);
        assert_eq!(wrap("ab", 0, 1), ["…"]);
    }
}
