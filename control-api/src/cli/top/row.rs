//! An input or output as it stands in a table: what the API said of it, in words.

use std::cmp::Reverse;

use ormatrix_client::types::{Input, Output};

use super::super::{format, table};

/// A line of the table of inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputRow {
    /// Its id.
    pub id: String,
    /// Its name for people, and where it stands; only to find it by.
    pub called: String,
    /// `ok`, `unstable`, `lost`, `unknown`.
    pub signal: String,
    /// As `1080p59.94 YCbCr-4:2:2 10-bit`.
    pub format: String,
    /// Bits a second.
    pub bits: Option<u64>,
    /// Packets since the router started.
    pub packets: Option<u64>,
    /// Of those, missing.
    pub lost: Option<u64>,
    /// Missing now, packets a second.
    pub losing: Option<f64>,
    /// What was found about it: `frozen`, `black`, `other format`, a fault, a dead leg.
    pub findings: String,
    /// Outputs that show it.
    pub tally: String,
}

/// A line of the table of outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputRow {
    /// Its id.
    pub id: String,
    /// Its name for people, and where it stands; only to find it by.
    pub called: String,
    /// What it shows or shall show, and what stands in for that.
    pub shows: String,
    /// `live`, `switching`, `waiting`, `no-signal`, `none`, `unknown`.
    pub state: String,
    /// Whether a backup or a slate is shown.
    pub stood_in: bool,
    /// Since when, UTC ns.
    pub since: Option<u64>,
    /// Octets since the router started.
    pub octets: Option<u64>,
    /// Bits a second, as they leave.
    pub bits: Option<u64>,
    /// What else is to be known: levels apart, a lock, a fault.
    pub notes: String,
}

/// What tables are sorted by; the worst and the most come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By name.
    #[default]
    Id,
    /// By state.
    State,
    /// By bits a second.
    Rate,
    /// Inputs by packets lost; outputs by how long they have been as they are.
    Loss,
}

impl Sort {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Id => Self::State,
            Self::State => Self::Rate,
            Self::Rate => Self::Loss,
            Self::Loss => Self::Id,
        }
    }
}

/// Something that stands in a table.
pub trait Row {
    /// Whether these words, in lower case, are in it.
    fn holds(&self, words: &str) -> bool;
    /// Compares as [`Sort`] says.
    fn compare(&self, other: &Self, by: Sort) -> std::cmp::Ordering;
}

impl Row for InputRow {
    fn holds(&self, words: &str) -> bool {
        let texts = [&self.id, &self.called, &self.signal, &self.format, &self.findings];
        texts.into_iter().any(|text| text.to_lowercase().contains(words))
    }

    fn compare(&self, other: &Self, by: Sort) -> std::cmp::Ordering {
        let key = |row: &Self| match by {
            Sort::Id => 0,
            Sort::State => urgency(&row.signal) + u64::from(!row.findings.is_empty()),
            Sort::Rate => row.bits.unwrap_or(0),
            Sort::Loss => row.lost.unwrap_or(0),
        };
        (Reverse(key(self)), &self.id).cmp(&(Reverse(key(other)), &other.id))
    }
}

impl Row for OutputRow {
    fn holds(&self, words: &str) -> bool {
        let texts = [&self.id, &self.called, &self.shows, &self.state, &self.notes];
        texts.into_iter().any(|text| text.to_lowercase().contains(words))
    }

    fn compare(&self, other: &Self, by: Sort) -> std::cmp::Ordering {
        let key = |row: &Self| match by {
            Sort::Id => 0,
            Sort::State => urgency(&row.state) + u64::from(row.stood_in),
            Sort::Rate => row.bits.unwrap_or(0),
            Sort::Loss => row.since.map_or(0, |since| u64::MAX - since),
        };
        (Reverse(key(self)), &self.id).cmp(&(Reverse(key(other)), &other.id))
    }
}

/// How much somebody should look at a state; more is worse.
fn urgency(state: &str) -> u64 {
    match state {
        "lost" | "no-signal" => 10,
        "unstable" | "waiting" => 8,
        "switching" => 6,
        "unknown" => 4,
        "none" => 0,
        _ => 2,
    }
}

impl InputRow {
    /// An input as the API tells it.
    pub fn of(input: &Input) -> Self {
        let (signal, legs) = (&input.signal, &input.signal.legs);
        let found = input.findings.as_ref().map(table::found).unwrap_or_default();
        let mut findings: Vec<String> = found.into_iter().map(str::to_owned).collect();
        let dead = legs.iter().filter(|leg| !leg.alive).count();
        if legs.len() > 1 && dead > 0 {
            findings.push(format!("{dead} of {} legs dead", legs.len()));
        }
        findings.extend(input.fault.clone());
        Self {
            id: input.id.clone(),
            called: called(&input.label, &input.zone),
            signal: table::text(&signal.state),
            format: format::short(&input.video),
            bits: signal.bits_per_second,
            packets: signal.packets,
            lost: signal.lost_packets,
            losing: None,
            findings: findings.join(", "),
            tally: input.tally.join(", "),
        }
    }

    /// The same while nobody knows how it is.
    pub fn unknown(&self) -> Self {
        Self {
            id: self.id.clone(),
            called: self.called.clone(),
            signal: "unknown".to_owned(),
            format: self.format.clone(),
            ..Self::default()
        }
    }
}

impl OutputRow {
    /// An output as the API tells it.
    pub fn of(output: &Output) -> Self {
        let (route, sent) = (&output.route, output.sent.as_ref());
        let mut notes = Vec::new();
        let apart = table::apart(output);
        if apart != "-" {
            notes.push(format!("with {apart}"));
        }
        notes.extend(output.lock.as_ref().map(|lock| format!("locked by {}", lock.owner)));
        notes.extend(output.fault.clone());
        notes.extend(sent.and_then(|sent| sent.send_error.clone()));
        Self {
            id: output.id.clone(),
            called: called(&output.label, &output.zone),
            shows: table::shows(route),
            state: table::text(&route.state),
            stood_in: route.stand_in.is_some(),
            since: route.since.as_deref().and_then(unix_ns),
            octets: sent.map(|sent| sent.bytes),
            bits: None,
            notes: notes.join(", "),
        }
    }

    /// The same while nobody knows how it is.
    pub fn unknown(&self) -> Self {
        Self {
            id: self.id.clone(),
            called: self.called.clone(),
            shows: "-".to_owned(),
            state: "unknown".to_owned(),
            ..Self::default()
        }
    }
}

fn called(label: &str, zone: &str) -> String {
    format!("{} {}", table::text(label), table::text(zone))
}

/// A time of the API in nanoseconds since the Unix epoch.
pub fn unix_ns(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::samples, *};

    #[test]
    fn the_worst_come_first_and_equals_stand_by_name() {
        let row = |id: &str, signal: &str, findings: &str| InputRow {
            id: id.into(),
            signal: signal.into(),
            findings: findings.into(),
            ..InputRow::default()
        };
        let mut rows = [
            row("b", "ok", ""),
            row("a", "ok", ""),
            row("d", "unstable", ""),
            row("f", "ok", "frozen"),
            row("e", "lost", ""),
        ];
        rows.sort_by(|one, other| one.compare(other, Sort::State));
        assert_eq!(rows.each_ref().map(|row| row.id.as_str()), ["e", "d", "f", "a", "b"]);
        rows.sort_by(|one, other| one.compare(other, Sort::Id));
        assert_eq!(rows.each_ref().map(|row| row.id.as_str()), ["a", "b", "d", "e", "f"]);
        assert!(rows[1].holds("ok") && rows[4].holds("froz") && !rows[1].holds("froz"));
    }

    #[test]
    fn an_answer_becomes_a_row() {
        let output = OutputRow::of(&samples::output(&json!({
            "id": "main", "label": "Surgeon's display", "zone": "OR 3",
            "route": {
                "input": "endoscope", "state": "live", "since": "1970-01-01T00:00:01.500Z",
                "stand_in": { "backup": "room" },
            },
            "levels": { "audio": { "route": { "input": "room" } } },
            "lock": { "owner": "nurse" },
            "sent": { "bytes": 7, "send_error": "no route" },
        })));
        assert_eq!((output.shows.as_str(), output.stood_in), ("endoscope (BACKUP: room)", true));
        assert_eq!((output.since, output.octets), (Some(1_500_000_000), Some(7)));
        assert_eq!(output.notes, "with audio: room, locked by nurse, no route");
        assert!(output.holds("or 3"));
        // A router that is away leaves nothing to say.
        let away = OutputRow::of(&samples::output(&json!({
            "id": "main", "route": { "input": null, "state": "unknown", "since": null },
            "sent": null,
        })));
        assert_eq!(away, OutputRow { called: "- -".into(), ..away.unknown() });
        let input = InputRow::of(&samples::input(&json!({
            "id": "a", "signal": { "state": "ok", "legs": [{ "alive": true }, { "alive": false }] },
            "findings": { "frozen_since": "1970-01-01T00:00:00Z" }, "fault": "port in use",
            "tally": ["main", "wall"],
        })));
        assert_eq!(input.findings, "frozen, 1 of 2 legs dead, port in use");
        assert_eq!((input.tally.as_str(), input.bits), ("main, wall", None));
    }
}
