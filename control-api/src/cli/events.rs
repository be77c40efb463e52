//! `ormatrix events`: follows what happens, and returns after a broken connection.

use std::{process::ExitCode, thread, time::Duration};

use ormatrix_client::{
    Client, Error, Event, Events, ListenOptions,
    types::{Alarm, Findings, Lock, Route, Signal},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{CliError, Context, table};

/// How long to wait before looking for a control process that went away.
const AGAIN: Duration = Duration::from_secs(1);

/// Prints events until interrupted. Fails when the first connection does.
pub fn run(context: &Context) -> Result<ExitCode, CliError> {
    let mut last: Option<String> = None;
    let mut connected = false;
    loop {
        match listen(&context.client, last.clone()) {
            Ok(events) => {
                connected = true;
                for event in events {
                    print(context, &event)?;
                    last = event.id;
                }
                eprintln!("ormatrix: the connection ended; looking for it again");
            }
            Err(error @ Error::Unreachable { .. }) if connected => {
                tracing::debug!(%error, "not back yet");
            }
            Err(error) => return Err(error.into()),
        }
        thread::sleep(AGAIN);
    }
}

/// Events from now on, or from the one after `last`.
pub fn listen(client: &Client, last: Option<String>) -> Result<Events, Error> {
    client.listen(&ListenOptions { last_event_id: last })
}

fn print(context: &Context, event: &Event) -> Result<(), CliError> {
    let Event { id, name, data } = event;
    if context.json {
        return table::line(&json!({ "id": id, "event": name, "data": data }).to_string());
    }
    match said(name, data) {
        Some(said) => table::line(&format!("{name:9}  {said}")),
        None => Ok(()),
    }
}

/// An event in words; `None` for one that nobody wants to read. One that is not as it was when
/// this program was made is shown as it is.
pub fn said(name: &str, data: &Value) -> Option<String> {
    // Many a second, and nothing to read in them.
    if name == "still" {
        return None;
    }
    Some(in_words(name, data).unwrap_or_else(|| data.to_string()))
}

fn in_words(name: &str, data: &Value) -> Option<String> {
    let word = |key: &str| table::maybe(data[key].as_str().as_ref());
    let said = match name {
        "route" => {
            let (output, route): (_, Route) = (word("output"), part(data, "route")?);
            format!("{output}{}: {} {}", level(data), table::shows(&route), route.state)
        }
        "signal" => {
            let (input, signal): (_, Signal) = (word("input"), part(data, "signal")?);
            let findings: Option<Findings> = part(data, "findings");
            format!("{input}{}: {}", level(data), table::signal(&signal, findings.as_ref()))
        }
        "scheduled" => format!("take {} {}", data["take"].as_u64()?, word("state")),
        "lock" if data["lock"].is_null() => format!("{}: released", word("output")),
        "lock" => {
            let lock: Lock = part(data, "lock")?;
            format!("{}: {} by {}", word("output"), lock.kind, lock.owner)
        }
        "inventory" => format!("{} {} {}", word("kind"), word("id"), word("change")),
        "alarm" => {
            let alarm: Alarm = part(data, "alarm")?;
            format!("{} {} {}: {}", word("change"), alarm.severity, alarm.id, alarm.text)
        }
        "router" if data["connected"] == true => "connected".to_owned(),
        "router" => "not connected".to_owned(),
        "reset" => "listening".to_owned(),
        _ => return None,
    };
    Some(said)
}

/// A part of an event, if it is what it was when this program was made.
fn part<T: DeserializeOwned>(data: &Value, key: &str) -> Option<T> {
    T::deserialize(data.get(key)?).ok()
}

/// The level that an event is about, unless it is the picture.
fn level(data: &Value) -> String {
    match data["level"].as_str() {
        None | Some("video") => String::new(),
        Some(level) => format!(" {level}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_in_words_as_far_as_they_are_known() {
        let route = json!({ "input": "endoscope", "state": "live" });
        let data = json!({ "output": "main", "level": "audio", "route": route });
        assert_eq!(said("route", &data).unwrap(), "main audio: endoscope live");
        let data = json!({ "change": "applied" });
        assert_eq!(said("inventory", &data).unwrap(), "- - applied");
        let data = json!({ "output": "main", "lock": null });
        assert_eq!(said("lock", &data).unwrap(), "main: released");
        assert_eq!(said("still", &json!({ "input": "endoscope" })), None);
        // Of a server that is newer than this.
        for (name, data) in [("weather", json!({ "rain": 1 })), ("route", json!({ "route": 1 }))] {
            assert_eq!(said(name, &data).unwrap(), data.to_string());
        }
    }
}
