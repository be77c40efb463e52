//! The control socket's lines, both ways, and the snapshot.

use std::io::Cursor;

use ormatrix_protocol::{FromRouter, Request, codec};
use ormatrix_router::conductor::snapshot::Snapshot;
use serde::{Serialize, de::DeserializeOwned};

/// Octets as lines of each kind of message: whatever is understood means the same when
/// written and read again, and the reader ends.
///
/// # Panics
/// On a finding.
pub fn protocol(octets: &[u8]) {
    lines::<Request>(octets);
    lines::<FromRouter>(octets);
    if let Ok(snapshot) = serde_json::from_slice::<Snapshot>(octets) {
        let written = serde_json::to_vec(&snapshot).expect("a snapshot can be written");
        assert_eq!(serde_json::from_slice::<Snapshot>(&written).ok(), Some(snapshot));
    }
}

fn lines<M: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(octets: &[u8]) {
    let (mut from, mut line) = (Cursor::new(octets), Vec::new());
    // A line that is no message costs its connection; the next one must do no harm either.
    for _ in 0..=octets.len() {
        match codec::read::<_, M>(&mut from, &mut line) {
            Ok(None) => break,
            Ok(Some(message)) => {
                let mut wire = Vec::new();
                codec::write(&mut wire, &message).expect("what was read can be written");
                let again = codec::read::<_, M>(&mut wire.as_slice(), &mut Vec::new());
                assert_eq!(again.ok().flatten(), Some(message));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert_eq!(from.position(), octets.len() as u64, "everything was read");
}
