//! Messages as lines of JSON.

use std::io::{self, BufRead, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Longest line in octets: a status of thousands of flows fits, a runaway peer does not.
pub const LINE_MAX: usize = 16 * 1024 * 1024;

/// Writes one message and its line end.
pub fn write<W: Write, M: Serialize>(mut to: W, message: &M) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads one line, or `None` at the end of the stream.
///
/// # Errors
/// `InvalidData` when the line is longer than [`LINE_MAX`] or ends without a line end.
pub fn read_line<R: BufRead>(from: R, line: &mut Vec<u8>) -> io::Result<Option<()>> {
    line.clear();
    let read = from.take(LINE_MAX as u64 + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        let reason = if read > LINE_MAX { "longer than 16 MiB" } else { "cut short" };
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("message {reason}")));
    }
    Ok(Some(()))
}

/// Reads one message, or `None` at the end of the stream.
pub fn read<R: BufRead, M: DeserializeOwned>(from: R, line: &mut Vec<u8>) -> io::Result<Option<M>> {
    match read_line(from, line)? {
        None => Ok(None),
        Some(()) => Ok(Some(serde_json::from_slice(line)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Request};

    #[test]
    fn a_message_survives_the_wire() {
        let request = Request { id: 7, request_id: None, command: Command::Status };
        let mut wire = Vec::new();
        write(&mut wire, &request).unwrap();
        write(&mut wire, &request).unwrap();
        let (mut from, mut line) = (wire.as_slice(), Vec::new());
        for _ in 0..2 {
            assert_eq!(read::<_, Request>(&mut from, &mut line).unwrap(), Some(request.clone()));
        }
        assert_eq!(read::<_, Request>(&mut from, &mut line).unwrap(), None);
    }

    /// A request as a router of before knew it.
    #[derive(serde::Deserialize)]
    struct Before {
        id: u64,
        command: Command,
    }

    #[test]
    fn peers_of_before_and_after_request_ids_understand_each_other() {
        let old = r#"{"id":7,"command":{"do":"status"}}"#;
        let request: Request = serde_json::from_str(old).unwrap();
        assert_eq!(request, Request { id: 7, request_id: None, command: Command::Status });
        assert_eq!(serde_json::to_string(&request).unwrap(), old);
        let new = r#"{"id":7,"request_id":"panel-3","command":{"do":"status"}}"#;
        let request: Request = serde_json::from_str(new).unwrap();
        assert_eq!(request.request_id, Some("panel-3".parse().unwrap()));
        assert_eq!(serde_json::to_string(&request).unwrap(), new);
        let before: Before = serde_json::from_str(new).unwrap();
        assert_eq!((before.id, before.command), (7, Command::Status));
        let wrong = r#"{"id":7,"request_id":"a b","command":{"do":"status"}}"#;
        let error = serde_json::from_str::<Request>(wrong).unwrap_err().to_string();
        assert!(error.contains("1 to 64 letters"), "{error}");
    }

    #[test]
    fn a_cut_or_endless_line_is_an_error() {
        let mut line = Vec::new();
        assert!(read_line(&b"{\"id\":1"[..], &mut line).is_err());
        let endless = io::BufReader::new(io::repeat(b'x'));
        assert!(read_line(endless, &mut line).is_err());
        assert!(line.len() <= LINE_MAX + 1);
    }
}
