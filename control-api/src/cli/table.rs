//! Output for people.

use std::io::{self, Write};

use serde_json::Value;

use super::CliError;

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

/// The text at a path of keys such as `signal/state`; `-` where there is none.
pub fn text(value: &Value, path: &str) -> String {
    match value.pointer(&format!("/{path}")) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The elements of a list; none when it is no list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The legs of a stream, as `239.1.1.1:5004 on eth0`.
pub fn legs(stream: &Value) -> String {
    let leg = |leg: &Value| {
        let address = text(leg, "address");
        let address = if address.contains(':') { format!("[{address}]") } else { address };
        let mut said = format!("{address}:{}", text(leg, "port"));
        for (key, word) in [("source", "from"), ("interface", "on")] {
            if leg.get(key).is_some_and(|value| !value.is_null()) {
                said.extend([" ", word, " ", &text(leg, key)]);
            }
        }
        said
    };
    let legs = stream.get("legs").map_or(&[][..], list);
    legs.iter().map(leg).collect::<Vec<_>>().join(" + ")
}

/// Bits a second for people.
pub fn bits(value: Option<&Value>) -> String {
    match value.and_then(Value::as_u64) {
        None => "-".to_owned(),
        Some(0) => "0".to_owned(),
        Some(bits) if bits < 1_000_000_000 => format!("{:.1} Mb/s", bits as f64 / 1e6),
        Some(bits) => format!("{:.2} Gb/s", bits as f64 / 1e9),
    }
}

/// The levels that something has beside its picture, as `audio, ancillary`.
pub fn levels(stream: &Value) -> String {
    let has = ["audio", "ancillary"].into_iter().filter(|level| stream.get(level).is_some());
    let has: Vec<&str> = has.collect();
    if has.is_empty() { "-".to_owned() } else { has.join(", ") }
}

/// The state of an input's picture, and what was found about it: `ok, frozen`.
pub fn signal(input: &Value) -> String {
    let mut said = text(input, "signal/state");
    for (finding, word) in
        [("frozen_since", "frozen"), ("black_since", "black"), ("found_format", "other format")]
    {
        if input["findings"].get(finding).is_some() {
            said.extend([", ", word]);
        }
    }
    said
}

/// What an output shows, and what stands in for that: `endoscope (BACKUP: room)`.
pub fn shows(output: &Value) -> String {
    let input = text(output, "route/input");
    match &output["route"]["stand_in"] {
        Value::String(slate) => format!("{input} ({})", slate.to_uppercase()),
        Value::Object(_) => format!("{input} (BACKUP: {})", text(output, "route/stand_in/backup")),
        _ => input,
    }
}

/// What is on the levels beside an output's picture: `audio`, or `audio: room` where it is of
/// another input than the picture.
pub fn apart(output: &Value) -> String {
    let picture = &output["route"]["input"];
    let on = |level: &&str| output.pointer(&format!("/levels/{level}/route/input"));
    let levels = ["audio", "ancillary"].into_iter().filter(|level| on(level).is_some());
    let said = levels.map(|level| match on(&level) {
        Some(input) if input == picture => level.to_owned(),
        Some(Value::String(other)) => format!("{level}: {other}"),
        _ => format!("{level}: none"),
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { "-".to_owned() } else { said.join(", ") }
}
