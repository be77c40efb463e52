//! The matrix's public API, as an ordinary device uses it.

use std::{
    env,
    io::{BufRead, BufReader},
    time::Duration,
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::{Agent, Body, http::Response};

/// Longest a call may take, but for the event stream.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most octets of an answer read.
const LONGEST_ANSWER: u64 = 4 << 20;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Not an address of the API.
    #[error(
        "'{url}' is not an address to call: write http://HOST:PORT (TLS is not supported here)"
    )]
    Url {
        /// As given.
        url: String,
    },
    /// No answer.
    #[error("{url} does not answer: {reason}")]
    Unreachable {
        /// What was called.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// An answer, but no.
    #[error("{url} answers {status}: {detail}")]
    Refused {
        /// What was called.
        url: String,
        /// HTTP status.
        status: u16,
        /// The problem's words, or the beginning of the body.
        detail: String,
    },
    /// An answer that cannot be read.
    #[error("{url} answers what cannot be read: {reason}")]
    Unreadable {
        /// What was called.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ControlError {
    /// The status of a refusal.
    pub const fn status(&self) -> Option<u16> {
        if let Self::Refused { status, .. } = self { Some(*status) } else { None }
    }
}

/// A connection to one control process. Calls block; each takes at most five seconds.
///
/// A token in the environment variable `ORMATRIX_TOKEN` is sent as bearer token.
#[derive(Clone, Debug)]
pub struct Control {
    base: String,
    authorization: Option<String>,
    agent: Agent,
    streaming: Agent,
}

impl Control {
    /// The API at a base address such as `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Result<Self, ControlError> {
        let base = base.trim_end_matches('/');
        if !base.starts_with("http://") || base.len() == "http://".len() {
            return Err(ControlError::Url { url: base.to_owned() });
        }
        let agent = |whole: Option<Duration>| -> Agent {
            Agent::config_builder()
                .timeout_connect(Some(PATIENCE))
                .timeout_recv_response(Some(PATIENCE))
                .timeout_global(whole)
                .http_status_as_error(false)
                .build()
                .into()
        };
        Ok(Self {
            base: base.to_owned(),
            authorization: env::var("ORMATRIX_TOKEN").ok().map(|token| format!("Bearer {token}")),
            agent: agent(Some(PATIENCE)),
            streaming: agent(None),
        })
    }

    /// The base address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads text, for instance SDP.
    pub fn text(&self, path: &str) -> Result<String, ControlError> {
        let url = self.url(path);
        let mut request = self.agent.get(&url);
        if let Some(value) = &self.authorization {
            request = request.header("Authorization", value);
        }
        let answer = request.call().map_err(|error| unreachable(&url, &error))?;
        body(&url, answer)
    }

    /// Reads JSON.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlError> {
        let text = self.text(path)?;
        serde_json::from_str(&text).map_err(|error| ControlError::Unreadable {
            url: self.url(path),
            reason: error.to_string(),
        })
    }

    /// Puts JSON.
    pub fn put_json(&self, path: &str, value: &Value) -> Result<(), ControlError> {
        let octets = value.to_string();
        self.put(path, &[("Content-Type", "application/json")], octets.as_bytes())
    }

    /// Puts octets with headers.
    pub fn put(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        octets: &[u8],
    ) -> Result<(), ControlError> {
        let url = self.url(path);
        let mut request = self.agent.put(&url);
        if let Some(value) = &self.authorization {
            request = request.header("Authorization", value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send(octets).map_err(|error| unreachable(&url, &error))?;
        body(&url, answer).map(drop)
    }

    /// Deletes.
    pub fn delete(&self, path: &str) -> Result<(), ControlError> {
        let url = self.url(path);
        let mut request = self.agent.delete(&url);
        if let Some(value) = &self.authorization {
            request = request.header("Authorization", value);
        }
        let answer = request.call().map_err(|error| unreachable(&url, &error))?;
        body(&url, answer).map(drop)
    }

    /// Opens the event stream; lines come as the API writes them.
    pub fn event_lines(&self, path: &str) -> Result<impl BufRead + use<>, ControlError> {
        let url = self.url(path);
        let mut request = self.streaming.get(&url).header("Accept", "text/event-stream");
        if let Some(value) = &self.authorization {
            request = request.header("Authorization", value);
        }
        let answer = request.call().map_err(|error| unreachable(&url, &error))?;
        if !answer.status().is_success() {
            return Err(body(&url, answer).err().unwrap_or(ControlError::Url { url }));
        }
        Ok(BufReader::new(answer.into_body().into_reader()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn unreachable(url: &str, error: &ureq::Error) -> ControlError {
    ControlError::Unreachable { url: url.to_owned(), reason: error.to_string() }
}

/// The body of a success; the problem of a refusal.
fn body(url: &str, mut answer: Response<Body>) -> Result<String, ControlError> {
    let status = answer.status();
    let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string();
    if !status.is_success() {
        let text = text.unwrap_or_default();
        let problem = serde_json::from_str::<Value>(&text).ok();
        let detail = problem
            .as_ref()
            .and_then(|problem| problem.get("detail").or_else(|| problem.get("title"))?.as_str())
            .map_or_else(|| text.chars().take(200).collect(), str::to_owned);
        return Err(ControlError::Refused { url: url.to_owned(), status: status.as_u16(), detail });
    }
    text.map_err(|error| ControlError::Unreadable {
        url: url.to_owned(),
        reason: error.to_string(),
    })
}
