//! Server-sent events (HTML Living Standard §9.2).

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id; `Last-Event-ID` takes it.
    pub id: Option<String>,
    /// What happened; a newer server may know more than `docs/api.md` of this version tells.
    pub name: String,
    /// Its data; text where it is no JSON.
    pub data: Value,
}

/// Events as they happen, to the end of the connection.
pub struct Events {
    lines: Box<dyn BufRead + Send>,
    id: Option<String>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn new(stream: impl Read + Send + 'static) -> Self {
        Self { lines: Box::new(BufReader::new(stream)), id: None }
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            // The end of the connection, however it comes; what was not ended was not said.
            if !self.lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                return None;
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                if !name.is_empty() {
                    let data = serde_json::from_str(&data).unwrap_or_else(|_| data.into());
                    return Some(Event { id: self.id.clone(), name, data });
                }
                data.clear();
            } else if let Some((field, value)) = line.split_once(':') {
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "id" => self.id = Some(value.to_owned()),
                    "event" => value.clone_into(&mut name),
                    "data" => data.push_str(value),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_to_the_end_of_the_connection() {
        let text = ": hello\n\nid: 7\nevent: route\ndata: {\"output\":\"main\"}\n\n\
                    event: note\r\ndata:plain\r\n\r\nid: 9\nevent: route\ndata: {\"cut";
        let told: Vec<Event> = Events::new(text.as_bytes()).collect();
        let id = Some("7".to_owned());
        let first = json!({ "output": "main" });
        assert_eq!(
            told,
            [
                Event { id: id.clone(), name: "route".to_owned(), data: first },
                Event { id, name: "note".to_owned(), data: json!("plain") },
            ]
        );
    }
}
