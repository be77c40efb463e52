//! Random takes without a pause, by somebody who knows nothing of the faults.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde::Serialize;
use serde_json::json;

use super::stage::{INPUTS, OUTPUTS};
use crate::matrix::try_request;

/// What became of takes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Takes {
    /// Confirmed: the new picture is on the output.
    pub confirmed: u64,
    /// Refused, or not confirmed within five seconds.
    pub refused: u64,
    /// Nobody answered.
    pub unanswered: u64,
    /// What was said to the first that were not confirmed.
    pub said: Vec<String>,
}

/// Somebody who takes.
pub struct Taker {
    takes: Arc<Mutex<Takes>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Taker {
    /// Begins.
    pub fn start(url: &str, seed: u64) -> Self {
        let takes = Arc::<Mutex<Takes>>::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped, url) = (Arc::clone(&takes), Arc::clone(&stop), url.to_owned());
        let thread = thread::spawn(move || {
            let mut dice = fastrand::Rng::with_seed(seed);
            while !stopped.load(Relaxed) {
                let output = OUTPUTS[dice.usize(0..OUTPUTS.len())];
                let input = INPUTS[dice.usize(0..INPUTS.len())];
                let body = json!({"input": input, "wait_ms": 5000}).to_string();
                let call = format!("{url}/api/v1/outputs/{output}/route");
                let answer = try_request("PUT", &call, "application/json", body.as_bytes());
                let mut takes = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let said = match answer {
                    Ok(answer) if answer.status == 200 => {
                        takes.confirmed += 1;
                        None
                    }
                    Ok(answer) => {
                        takes.refused += 1;
                        Some(format!("{output} from {input}: {} {}", answer.status, answer.text()))
                    }
                    Err(error) => {
                        takes.unanswered += 1;
                        Some(format!("{output} from {input}: {error}"))
                    }
                };
                let room = 4_usize.saturating_sub(takes.said.len());
                takes.said.extend(said.into_iter().take(room));
                drop(takes);
                thread::park_timeout(Duration::from_millis(dice.u64(20..300)));
            }
        });
        Self { takes, stop, thread: Some(thread) }
    }

    /// What became of the takes since the last call.
    pub fn report(&self) -> Takes {
        std::mem::take(&mut *self.takes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
