//! Output for people.

use std::{
    fmt::Display,
    io::{self, Write},
};

use ormatrix_client::types::{Findings, Leg, Level, Output, Route, Signal, StandIn};
use serde_json::Value;

use super::CliError;

/// The levels beside the picture, as they are told.
pub const BESIDE: [&str; 2] = ["audio", "ancillary"];

/// Prints text and a line end.
pub fn line(text: &str) -> Result<(), CliError> {
    raw(format!("{text}\n").as_bytes())
}

/// Prints octets as they are.
pub fn raw(octets: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(octets).and_then(|()| out.flush()).map_err(|_| CliError::OutputClosed)
}

/// Prints JSON, indented.
pub fn json(value: &Value) -> Result<(), CliError> {
    line(&format!("{value:#}"))
}

/// Prints columns as wide as their widest cell, below a heading.
pub fn print<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> Result<(), CliError> {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let render = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    line(&render(&heading.map(str::to_owned)))?;
    rows.iter().try_for_each(|row| line(&render(row)))
}

/// Something to read; `-` for nothing.
pub fn text(value: impl Display) -> String {
    let said = value.to_string();
    if said.is_empty() { "-".to_owned() } else { said }
}

/// Something to read, if it is there; `-` for nothing.
pub fn maybe(value: Option<&impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

/// The legs of a stream, as `239.1.1.1:5004 on eth0`.
pub fn legs(legs: &[Leg]) -> String {
    let leg = |leg: &Leg| {
        let address = &leg.address;
        let address = if address.contains(':') { &format!("[{address}]") } else { address };
        let mut said = format!("{address}:{}", leg.port);
        for (value, word) in [(&leg.source, "from"), (&leg.interface, "on")] {
            if let Some(value) = value {
                said.extend([" ", word, " ", value]);
            }
        }
        said
    };
    legs.iter().map(leg).collect::<Vec<_>>().join(" + ")
}

/// Bits a second for people.
pub fn bits(value: Option<u64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(0) => "0".to_owned(),
        Some(bits) if bits < 1_000_000_000 => format!("{:.1} Mb/s", bits as f64 / 1e6),
        Some(bits) => format!("{:.2} Gb/s", bits as f64 / 1e9),
    }
}

/// Several things in a line; `-` for none.
pub fn listed<T: AsRef<str>>(things: &[T]) -> String {
    let things: Vec<&str> = things.iter().map(AsRef::as_ref).collect();
    text(things.join(", "))
}

/// Levels as they are written on the command line behind what they are of: `:audio,ancillary`,
/// and nothing for all.
pub fn behind(levels: &[Level]) -> String {
    let levels: Vec<&str> = levels.iter().map(Level::as_str).collect();
    if levels.is_empty() { String::new() } else { format!(":{}", levels.join(",")) }
}

/// The state of an input's picture, and what was found about it: `ok, frozen`.
pub fn signal(signal: &Signal, findings: Option<&Findings>) -> String {
    let mut said = text(&signal.state);
    for finding in findings.into_iter().flat_map(found) {
        said.extend([", ", finding]);
    }
    said
}

/// What was found about a picture, in words.
pub fn found(findings: &Findings) -> Vec<&'static str> {
    let Findings { frozen_since, black_since, found_format } = findings;
    let found = [(frozen_since, "frozen"), (black_since, "black"), (found_format, "other format")];
    found.into_iter().filter(|(found, _)| found.is_some()).map(|(_, word)| word).collect()
}

/// What an output shows, and what stands in for that: `endoscope (BACKUP: room)`.
pub fn shows(route: &Route) -> String {
    let input = maybe(route.input.as_ref());
    match &route.stand_in {
        None => input,
        Some(StandIn::Backup { backup }) => format!("{input} (BACKUP: {backup})"),
        Some(StandIn::Slate(slate)) => format!("{input} ({})", slate.to_string().to_uppercase()),
        Some(StandIn::Unlisted(other)) => {
            let other = other.as_str().map_or_else(|| other.to_string(), str::to_uppercase);
            format!("{input} ({other})")
        }
    }
}

/// What is on the levels beside an output's picture: `audio`, or `audio: room` where it is of
/// another input than the picture.
pub fn apart(output: &Output) -> String {
    let picture = &output.route.input;
    let said = BESIDE.into_iter().filter_map(|level| {
        let on = &output.levels.get(level)?.route.input;
        Some(match on {
            on if on == picture => level.to_owned(),
            Some(other) => format!("{level}: {other}"),
            None => format!("{level}: none"),
        })
    });
    listed(&said.collect::<Vec<_>>())
}
