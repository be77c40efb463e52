//! Ancillary data from a text file, for those who want known data in a stream.
//!
//! A line is a frame; behind the last comes the first again. Its packets are separated by
//! blanks, each `DID/SDID:DATA` in hexadecimal digits, two an octet: `61/02:8094ae`. A line of
//! `-` is a frame without data. `#` begins a remark; empty lines do not count.

use std::{fs, path::Path};

use st2110::ancillary::{DataId, MAX_WORDS, data_word};

/// Most packets a frame, so that it goes into few datagrams.
const MOST_PACKETS: usize = 64;

/// A packet: what kind it is, and its words with their parity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptPacket {
    /// What kind it is.
    pub id: DataId,
    /// User data words.
    pub words: Vec<u16>,
}

/// Packets frame by frame, over and over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(Vec<Vec<ScriptPacket>>);

impl Script {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, ScriptError> {
        let text = fs::read_to_string(path)
            .map_err(|error| ScriptError::Open { path: path.display().to_string(), error })?;
        Self::parse(&text)
    }

    /// Reads its text.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut frames = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let words = if text == "-" { "" } else { text };
            let frame = words
                .split_whitespace()
                .map(|packet| {
                    read(packet)
                        .ok_or_else(|| ScriptError::Packet { line, packet: packet.to_owned() })
                })
                .collect::<Result<Vec<_>, _>>()?;
            if frame.len() > MOST_PACKETS {
                return Err(ScriptError::Packets { line, packets: frame.len() });
            }
            frames.push(frame);
        }
        if frames.is_empty() { Err(ScriptError::Empty) } else { Ok(Self(frames)) }
    }

    /// The packets of a source's frame.
    pub fn frame(&self, number: u32) -> &[ScriptPacket] {
        // A script has a line at least.
        self.0.get(number as usize % self.0.len().max(1)).map_or(&[], Vec::as_slice)
    }

    /// Every kind of packet there is, each once.
    pub fn ids(&self) -> Vec<DataId> {
        let mut ids: Vec<DataId> = self.0.iter().flatten().map(|packet| packet.id).collect();
        ids.sort_unstable_by_key(|id| (id.did, id.sdid));
        ids.dedup();
        ids
    }
}

/// One packet; `None` if it is not written as one.
fn read(text: &str) -> Option<ScriptPacket> {
    let (id, data) = text.split_once(':')?;
    let (did, sdid) = id.split_once('/')?;
    let octet = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        digits.then(|| u8::from_str_radix(text, 16).ok())?
    };
    let id = DataId { did: octet(did)?, sdid: octet(sdid)? };
    if data.len() % 2 != 0 || data.len() / 2 > MAX_WORDS {
        return None;
    }
    let words = (0..data.len() / 2)
        .map(|at| Some(data_word(octet(data.get(2 * at..2 * at + 2)?)?)))
        .collect::<Option<Vec<u16>>>()?;
    Some(ScriptPacket { id, words })
}

/// Why a file is no script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Open {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Something that is no packet.
    #[error(
        "line {line}: '{packet}' is no packet: write DID/SDID:DATA in hexadecimal, such as \
         61/02:8094ae, with up to 255 octets of data"
    )]
    Packet {
        /// Line of the file, from 1.
        line: usize,
        /// What stands there.
        packet: String,
    },
    /// Too many packets in a frame.
    #[error("line {line}: {packets} packets in a frame, at most {MOST_PACKETS} go")]
    Packets {
        /// Line of the file, from 1.
        line: usize,
        /// How many.
        packets: usize,
    },
    /// No frames.
    #[error("there is no frame in the file: write a line a frame, '-' for one without data")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_frames_over_and_over() {
        let script =
            Script::parse("# markers\n61/02:8094ae 41/05:\n\n-\n 5F/01:ff # the end\n").unwrap();
        let first = script.frame(0);
        assert_eq!(first[0].id, DataId { did: 0x61, sdid: 0x02 });
        assert_eq!(first[0].words, [data_word(0x80), data_word(0x94), data_word(0xae)]);
        assert!(first[1].words.is_empty() && script.frame(1).is_empty());
        assert_eq!(script.frame(2)[0].words, [data_word(0xff)]);
        assert_eq!(script.frame(3), first);
        assert_eq!(script.ids().len(), 3);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for bad in ["61:00", "61/2:00", "61/02:0", "61/02:0g", "6é/02:00", "61/02", "61/02:é"] {
            let error = Script::parse(&format!("-\n{bad}")).unwrap_err();
            assert!(matches!(error, ScriptError::Packet { line: 2, .. }), "{bad}: {error}");
        }
        let long = format!("61/02:{}", "00".repeat(256));
        assert!(Script::parse(&long).is_err() && Script::parse(&long[..long.len() - 2]).is_ok());
        assert!(matches!(Script::parse("# nothing\n"), Err(ScriptError::Empty)));
        let many = "61/02:00 ".repeat(65);
        assert!(matches!(Script::parse(&many), Err(ScriptError::Packets { line: 1, .. })));
        let error = Script::open(Path::new("/nonexistent.anc")).unwrap_err().to_string();
        assert!(error.contains("/nonexistent.anc"), "{error}");
    }
}
