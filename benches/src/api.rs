//! Takes over HTTP, from a number of clients at a fixed rate.
//!
//! An open loop: each request has a time at which it is due, and its latency counts from there,
//! so that an answer that comes late makes all those late that had to wait behind it, as it
//! does for people. Inputs have no signal; takes are forced, and nobody waits for a picture.

use std::{
    fmt,
    sync::Barrier,
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use hdrhistogram::Histogram;
use ormatrix_io::{Clock, SystemClock};
use ormatrix_tests::matrix::Matrix;
use serde_json::{Value, json};

/// Inputs that the takes go through in turn.
const INPUTS: u32 = 8;
/// From here on an answer has failed to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that can be told, µs: as long as a bench may fall behind.
const LONGEST_US: u64 = 7_200_000_000;

/// What is asked of the control plane.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How long.
    pub seconds: u32,
    /// Clients, each with a connection and an output of its own.
    pub clients: u32,
    /// Takes a second of all together.
    pub rate: u32,
}

impl Load {
    fn takes(&self) -> u64 {
        u64::from(self.seconds) * u64::from(self.rate)
    }

    /// When a take is due, in ns from the start.
    fn due(&self, take: u64) -> u64 {
        take * 1_000_000_000 / u64::from(self.rate)
    }
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    /// What was asked.
    pub load: Load,
    /// From when a request was due to its answer, µs, of those that succeeded.
    pub latency: Histogram<u64>,
    /// How much later than due requests were sent, µs. That of a client which still waited for
    /// the answer before is in it; much of it with fast answers means a busy machine.
    pub late: Histogram<u64>,
    /// Requests that failed.
    pub errors: u64,
    /// What the first of them said.
    pub first_error: Option<String>,
}

impl Outcome {
    fn new(load: Load) -> Self {
        // Three digits: a ms is told to the µs.
        let empty = || {
            Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds that a histogram can have")
        };
        Self { load, latency: empty(), late: empty(), errors: 0, first_error: None }
    }

    fn add(&mut self, other: &Self) {
        self.latency += &other.latency;
        self.late += &other.late;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or_else(|| other.first_error.clone());
    }

    /// Within how many ms 99 of 100 takes were accepted.
    pub fn p99_ms(&self) -> f64 {
        ms(self.latency.value_at_quantile(0.99))
    }

    /// The same for programs. Times in ms.
    pub fn json(&self) -> Value {
        let of = |histogram: &Histogram<u64>| {
            let mut times = serde_json::Map::new();
            for (name, us) in quantiles(histogram) {
                times.insert(format!("{name}_ms"), ms(us).into());
            }
            Value::from(times)
        };
        json!({
            "seconds": self.load.seconds,
            "clients": self.load.clients,
            "takes_per_second": self.load.rate,
            "accepted": self.latency.len(),
            "errors": self.errors,
            "first_error": self.first_error,
            "due_to_accepted": of(&self.latency),
            "due_to_sent": of(&self.late),
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { seconds, clients, rate } = self.load;
        writeln!(f, "{clients} clients, together {rate} takes a second for {seconds} s")?;
        write!(f, "{:<24}", "ms")?;
        for (name, _) in quantiles(&self.latency) {
            write!(f, "{name:>10}")?;
        }
        writeln!(f)?;
        for (what, times) in [("due to accepted", &self.latency), ("due to sent", &self.late)] {
            write!(f, "{what:<24}")?;
            for (_, us) in quantiles(times) {
                write!(f, "{:>10.3}", ms(us))?;
            }
            writeln!(f)?;
        }
        write!(f, "{} accepted, {} failed", self.latency.len(), self.errors)
    }
}

fn quantiles(times: &Histogram<u64>) -> [(&'static str, u64); 4] {
    let at = |quantile| times.value_at_quantile(quantile);
    [("p50", at(0.5)), ("p95", at(0.95)), ("p99", at(0.99)), ("max", times.max())]
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// Starts a router and a control plane, and puts the load on them.
///
/// # Panics
/// When they cannot be started, or take no inputs and outputs.
pub fn run(load: Load) -> Outcome {
    let mut matrix = Matrix::start(1);
    let video = json!({
        "width": 1920, "height": 1080, "rate": "60", "sampling": "YCbCr-4:2:2", "depth": 10,
        "scan": "progressive", "packing": "GPM"
    });
    for n in 0..INPUTS {
        matrix.add_input(&format!("in{n}"), &video);
    }
    for n in 0..load.clients {
        matrix.add_output(&format!("out{n}"), "127.0.0.1");
    }
    let mut outcome = Outcome::new(load);
    let ready = Barrier::new(load.clients as usize + 1);
    let (begin, begun) = crossbeam_channel::bounded(load.clients as usize);
    thread::scope(|scope| {
        let clients: Vec<ScopedJoinHandle<'_, Outcome>> = (0..load.clients)
            .map(|n| {
                let (url, ready, begun) = (matrix.url(), &ready, begun.clone());
                scope.spawn(move || client(load, n, url, ready, &begun))
            })
            .collect();
        ready.wait();
        let start = SystemClock.now();
        for _ in &clients {
            begin.send(start).expect("as much room as clients");
        }
        for client in clients {
            outcome.add(&client.join().expect("a client does not panic"));
        }
    });
    // Before the router, whose end it would complain of.
    matrix.kill_control();
    outcome
}

/// Every take that is this client's.
fn client(
    load: Load,
    number: u32,
    url: &str,
    ready: &Barrier,
    begun: &crossbeam_channel::Receiver<u64>,
) -> Outcome {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    let agent: ureq::Agent = config.build().into();
    let mut outcome = Outcome::new(load);
    // The connection is there before the first take.
    if let Err(error) = call(agent.get(format!("{url}/livez")).call()) {
        outcome.errors += 1;
        outcome.first_error = Some(format!("before the first take: {error}"));
    }
    ready.wait();
    let Ok(start) = begun.recv() else { return outcome };
    let url = format!("{url}/api/v1/outputs/out{number}/route");
    for take in (u64::from(number)..load.takes()).step_by(load.clients as usize) {
        let due = start + load.due(take);
        SystemClock.sleep_until(due);
        let sent = SystemClock.now();
        let round = take / u64::from(load.clients);
        let input = format!("in{}", round % u64::from(INPUTS));
        let body = json!({ "input": input, "force": true, "wait_ms": 0 });
        let answer = agent.put(&url).header("content-type", "application/json");
        match call(answer.send(body.to_string())) {
            Ok(()) => {
                outcome.latency.saturating_record((SystemClock.now() - due) / 1000);
                outcome.late.saturating_record((sent - due) / 1000);
            }
            Err(error) => {
                outcome.errors += 1;
                outcome.first_error.get_or_insert(error);
            }
        }
    }
    outcome
}

/// The answer, read to its end so that the connection can be used again.
fn call(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<(), String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let body = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    if answer.status().is_success() { Ok(()) } else { Err(format!("{}: {body}", answer.status())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_take_is_due_once_at_the_rate() {
        let load = Load { seconds: 3, clients: 7, rate: 200 };
        let mut due: Vec<u64> = (0..load.clients)
            .flat_map(|n| (u64::from(n)..load.takes()).step_by(load.clients as usize))
            .map(|take| load.due(take))
            .collect();
        due.sort_unstable();
        assert_eq!(due.len(), 600);
        assert!(due.windows(2).all(|two| two[1] - two[0] == 5_000_000));
        assert_eq!(due[599], 2_995_000_000);
    }

    #[test]
    fn what_is_told_is_what_was_measured() {
        let load = Load { seconds: 1, clients: 1, rate: 100 };
        let (mut one, mut other) = (Outcome::new(load), Outcome::new(load));
        for n in 1..=99 {
            one.latency.saturating_record(n * 10);
        }
        other.latency.saturating_record(1_000_000);
        other.errors = 1;
        other.first_error = Some("503".to_owned());
        one.add(&other);
        let told = one.json();
        assert_eq!((&told["accepted"], &told["errors"]), (&json!(100), &json!(1)));
        assert_eq!(told["first_error"], "503");
        let times = &told["due_to_accepted"];
        assert_eq!((&times["p50_ms"], &times["p99_ms"]), (&json!(0.5), &json!(0.99)));
        assert!((times["max_ms"].as_f64().unwrap() - 1000.0).abs() < 1.0, "{times}");
        let text = one.to_string();
        assert!(text.contains("100 accepted, 1 failed") && text.contains("0.990"), "{text}");
    }
}
