//! Calls of the HTTP API.

use std::{
    io::{BufReader, Read},
    time::Duration,
};

use serde_json::Value;
use ureq::{Agent, Body, RequestBuilder, http::Response};

use super::CliError;
use crate::{actor, store::BACKUP_MAX};

/// Longer than any call may take: a take waits up to 10 s.
const WITHIN: Duration = Duration::from_secs(20);

/// A whole hospital takes seconds.
const APPLIED_WITHIN: Duration = Duration::from_mins(2);
/// Most octets of an answer that is no JSON: a backup is the longest.
const BYTES_MAX: u64 = BACKUP_MAX as u64;

/// The API at one address.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    /// In whose name it asks; the API's own word for nobody where not given.
    actor: Option<String>,
}

/// An answer that is not a problem.
pub struct Answer {
    /// 200, 201, 202 or 204.
    pub status: u16,
    /// Its JSON; null when it has none.
    pub body: Value,
}

impl Client {
    pub fn new(url: &str, actor: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(5)))
            .build();
        Self { agent: config.into(), base: url.trim_end_matches('/').to_owned(), actor }
    }

    /// The request, in the name of whoever asks.
    fn named<T>(&self, request: RequestBuilder<T>) -> RequestBuilder<T> {
        match &self.actor {
            Some(name) => request.header(actor::HEADER, name),
            None => request,
        }
    }

    pub fn get(&self, path: &str) -> Result<Value, CliError> {
        self.fetch(path).map(|answer| answer.body)
    }

    /// As `get`, with the status, for calls that have more than one good one.
    pub fn fetch(&self, path: &str) -> Result<Answer, CliError> {
        let sent = self.agent.get(self.at(path)).config().timeout_global(Some(WITHIN)).build();
        self.json(sent.call())
    }

    /// The answer whatever its status, such as that of a probe.
    pub fn probe(&self, path: &str) -> Result<Value, CliError> {
        let sent = self.agent.get(self.at(path)).config().timeout_global(Some(WITHIN)).build();
        let mut answer = sent.call().map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        answer.body_mut().read_json().map_err(|_| self.not_ours(status))
    }

    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, CliError> {
        let sent = self.agent.get(self.at(path)).config().timeout_global(Some(WITHIN)).build();
        let mut answer = self.checked(sent.call())?;
        let body = answer.body_mut().with_config().limit(BYTES_MAX);
        body.read_to_vec().map_err(|error| self.unreachable(&error))
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Result<Answer, CliError> {
        self.send_as(method, path, "application/json", body.to_string().as_bytes())
    }

    /// Puts JSON, if what is there is of that revision.
    pub fn put_if(
        &self,
        path: &str,
        body: &[u8],
        revision: Option<&str>,
    ) -> Result<Answer, CliError> {
        self.put(path, "application/json", body, revision, WITHIN)
    }

    /// Puts a whole site, if what is there is of that revision.
    pub fn apply(
        &self,
        path: &str,
        text: &str,
        revision: Option<&str>,
    ) -> Result<Answer, CliError> {
        self.put(path, "application/toml", text.as_bytes(), revision, APPLIED_WITHIN)
    }

    fn put(
        &self,
        path: &str,
        media_type: &str,
        body: &[u8],
        revision: Option<&str>,
        within: Duration,
    ) -> Result<Answer, CliError> {
        let mut request = self.named(self.agent.put(self.at(path)));
        if let Some(revision) = revision {
            request = request.header("if-match", format!("\"{revision}\""));
        }
        let request = request.config().timeout_global(Some(within)).build();
        self.json(request.header("content-type", media_type).send(body))
    }

    pub fn send_as(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> Result<Answer, CliError> {
        let url = self.at(path);
        let request = if method == "POST" { self.agent.post(url) } else { self.agent.put(url) };
        let request = self.named(request).config().timeout_global(Some(WITHIN)).build();
        self.json(request.header("content-type", media_type).send(body))
    }

    pub fn delete(&self, path: &str) -> Result<Answer, CliError> {
        let request = self.named(self.agent.delete(self.at(path)));
        let sent = request.config().timeout_global(Some(WITHIN)).build();
        self.json(sent.call())
    }

    /// A stream without end.
    pub fn stream(
        &self,
        path: &str,
        last_event: Option<&str>,
    ) -> Result<BufReader<impl Read + use<>>, CliError> {
        let mut request = self.agent.get(self.at(path));
        if let Some(id) = last_event {
            request = request.header("last-event-id", id);
        }
        let answer = self.checked(request.call())?;
        Ok(BufReader::new(answer.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    /// Where this client looks.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn json(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Answer, CliError> {
        let mut answer = self.checked(sent)?;
        let status = answer.status().as_u16();
        let body = if status == 204 {
            Value::Null
        } else {
            answer.body_mut().read_json().map_err(|_| self.not_ours(status))?
        };
        Ok(Answer { status, body })
    }

    /// The answer, if it is a good one.
    fn checked(
        &self,
        sent: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, CliError> {
        let mut answer = sent.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let problem: Value = answer.body_mut().read_json().map_err(|_| self.not_ours(status))?;
        let text = |key: &str| problem.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("type"), text("title"), text("detail")) {
            (Some(kind), Some(title), Some(detail)) => {
                Err(CliError::Problem { kind, title, detail })
            }
            _ => Err(self.not_ours(status)),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> CliError {
        CliError::Unreachable { url: self.base.clone(), reason: error.to_string() }
    }

    /// An answer that is not one of ours.
    pub fn not_ours(&self, status: u16) -> CliError {
        CliError::NotOurs { url: self.base.clone(), status }
    }
}
