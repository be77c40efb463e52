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
        let request = Request { id: 7, command: Command::Status };
        let mut wire = Vec::new();
        write(&mut wire, &request).unwrap();
        write(&mut wire, &request).unwrap();
        let (mut from, mut line) = (wire.as_slice(), Vec::new());
        for _ in 0..2 {
            assert_eq!(read::<_, Request>(&mut from, &mut line).unwrap(), Some(request.clone()));
        }
        assert_eq!(read::<_, Request>(&mut from, &mut line).unwrap(), None);
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
