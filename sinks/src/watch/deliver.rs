//! The thread that delivers what was seen: a call may take seconds, looking may not.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender},
    },
    time::Duration,
};

use serde_json::Value;

use super::eyes::Told;
use crate::stream::Control;

/// Delivers until nobody looks any more. Each kind of failure is noted once, until a delivery
/// to the same place works again; until `stop`.
pub fn run(control: &Control, told: &Receiver<Told>, notes: &Sender<String>, stop: &AtomicBool) {
    let mut failing = BTreeMap::new();
    for told in told {
        // What waits is not worth waiting for.
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (path, body) = match told {
            Told::Note(note) => {
                let _ = notes.send(note);
                continue;
            }
            Told::Findings { input, findings } => {
                // Two flags and a text always have a JSON.
                let body = serde_json::to_value(&findings).unwrap_or(Value::Null);
                (format!("/api/v1/inputs/{input}/findings"), body)
            }
            Told::Analysis { target, analysis } => {
                (format!("/api/v1/{}/analysis", target.path()), analysis.json())
            }
        };
        match control.put_json(&path, &body) {
            Ok(()) => {
                failing.remove(&path);
            }
            Err(error) => {
                let error = error.to_string();
                if failing.insert(path, error.clone()).as_ref() != Some(&error) {
                    let _ = notes.send(error);
                }
            }
        }
    }
}

/// CPU time of the calling thread; zero where /proc does not say.
pub fn thread_cpu() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    Duration::from_nanos(ns.unwrap_or(0))
}
