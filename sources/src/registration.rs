//! Makes the source known to the control process, as any device would.
//!
//! A thread of its own says `PUT /api/v1/inputs/{id}` until it is accepted, then looks
//! every few seconds whether the input is still known, and registers again if not. The
//! sender never waits for it.

use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use serde::Serialize;
use st2110::{ancillary::AncillaryFormat, audio::AudioFormat, format::VideoFormat, leg::Leg};
use tracing::{info, warn};

/// First and longest pause between attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How often to look whether the input is still known.
const LOOK: Duration = Duration::from_secs(3);

/// How long one call may take.
const CALL: Duration = Duration::from_secs(5);

/// What the control process is told.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// What people call the input.
    pub label: String,
    /// Room or area.
    pub zone: String,
    /// Wire format.
    pub video: VideoFormat,
    /// Where the packets go.
    pub legs: Vec<Leg>,
    /// Its sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<LevelEntry<AudioFormat>>,
    /// Its ancillary data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ancillary: Option<LevelEntry<AncillaryFormat>>,
}

/// A stream beside the picture.
#[derive(Clone, Debug, Serialize)]
pub struct LevelEntry<F> {
    /// Wire format.
    pub format: F,
    /// Where the packets go.
    pub legs: Vec<Leg>,
    /// RTP payload type.
    pub payload_type: u8,
}

/// A running registration; ends when dropped.
#[derive(Debug)]
pub struct Registration {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Registration {
    /// Starts registering `entry` as input `id` with the control process at `url`.
    pub fn start(url: &str, id: &str, entry: Entry) -> std::io::Result<Self> {
        let address = format!("{}/api/v1/inputs/{}", url.trim_end_matches('/'), encode(id));
        let (stop, stopped) = channel();
        let run = move || {
            let config = ureq::Agent::config_builder()
                .timeout_global(Some(CALL))
                .http_status_as_error(false)
                .build();
            let agent: ureq::Agent = config.into();
            let mut known = false;
            let mut pause = PAUSES.0;
            let mut said = String::new();
            loop {
                let outcome =
                    if known { look(&agent, &address) } else { put(&agent, &address, &entry) };
                match outcome {
                    Ok(true) => {
                        if !known {
                            info!("registered at {address}");
                        }
                        (known, pause) = (true, PAUSES.0);
                        said.clear();
                    }
                    Ok(false) => {
                        info!("{address} is no longer known there: registering again");
                        known = false;
                        continue;
                    }
                    Err(reason) => {
                        // The same trouble is told once.
                        if said != reason {
                            warn!("{address}: {reason}; trying again until it works");
                            said = reason;
                        }
                        if !known {
                            pause = (pause * 2).min(PAUSES.1);
                        }
                    }
                }
                let wait = if known { LOOK } else { pause };
                if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("register".to_owned()).spawn(run)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop = None;
        // A call under way may take seconds: the process does not wait for it.
        if let Some(thread) = self.thread.take().filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

fn put(agent: &ureq::Agent, address: &str, entry: &Entry) -> Result<bool, String> {
    let mut answer = agent.put(address).send_json(entry).map_err(|error| error.to_string())?;
    if answer.status().is_success() {
        return Ok(true);
    }
    let status = answer.status();
    let body = answer.body_mut().read_to_string().unwrap_or_default();
    let detail = serde_json::from_str::<serde_json::Value>(&body)
        .ok()
        .and_then(|problem| {
            problem.get("detail").or(problem.get("title"))?.as_str().map(str::to_owned)
        })
        .unwrap_or_default();
    Err(format!("refused with {status} {detail}").trim_end().to_owned())
}

/// `Ok(false)` when the control process does not know the input.
fn look(agent: &ureq::Agent, address: &str) -> Result<bool, String> {
    let answer = agent.get(address).call().map_err(|error| error.to_string())?;
    match answer.status().as_u16() {
        404 => Ok(false),
        200..=299 => Ok(true),
        status => Err(format!("answered {status}")),
    }
}

/// An id as a path segment (RFC 3986 §3.3).
fn encode(id: &str) -> String {
    let mut out = String::new();
    for octet in id.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
            out.extend(['%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
    out
}
