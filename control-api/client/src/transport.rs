//! How calls go through the network.
//!
//! A connection is waited for 5 s, a whole answer 20 s (a take waits up to 10 s) unless another
//! time is given; events without end. An answer is at most 10 MiB of JSON, or 16 MiB of
//! anything else.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use ureq::{
    Agent, Body,
    http::{self, Response},
};

use crate::{Answer, Error, Events, request::Request, types::Problem};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Longer than any call may take but those on whole sites.
const WITHIN: Duration = Duration::from_secs(20);
/// Most octets of an answer that is no JSON: a backup is the longest.
const OCTETS_MAX: u64 = 16 << 20;
/// Header in which a client says for whom it asks.
const ACTOR: &str = "ormatrix-actor";

/// The API at one address.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    /// In whose name it asks; the API's own word for nobody where not given.
    actor: Option<String>,
    within: Duration,
}

impl Client {
    /// The API at an address such as `http://127.0.0.1:8080`. Nothing is asked yet.
    pub fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .build();
        let base = url.trim_end_matches('/').to_owned();
        Self { agent: config.into(), base, actor: None, within: WITHIN }
    }

    /// The same in somebody's name (`Ormatrix-Actor`), 1 to 80 characters.
    #[must_use]
    pub fn named(self, actor: impl Into<String>) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    /// The same with another time for a whole answer.
    #[must_use]
    pub fn within(&self, within: Duration) -> Self {
        Self { within, ..self.clone() }
    }

    /// Where this client looks.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// An answer that is not one of ours.
    pub fn not_ours(&self, status: u16) -> Error {
        Error::NotOurs { url: self.base.clone(), status }
    }

    /// A call by its path, for what has no method: its answer is whatever it is.
    ///
    /// # Errors
    /// As any call.
    pub fn call(
        &self,
        method: &'static str,
        target: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Vec<u8>, Error> {
        let mut request = Request::new("a call by its path", method);
        target.clone_into(&mut request.target);
        if let Some((media_type, octets)) = body {
            request.body(media_type, octets);
        }
        self.octets(request)
    }

    /// JSON of one of these statuses.
    pub(crate) fn json<T>(&self, request: Request, good: &[u16]) -> Result<Answer<T>, Error> {
        let call = request.call;
        let mut answer = self.sent(request, Some(self.within))?;
        let status = answer.status().as_u16();
        if !good.contains(&status) {
            return Err(self.refused(answer));
        }
        let body = answer.body_mut().read_json().map_err(|_| self.not_ours(status))?;
        Ok(Answer::new(call, status, body))
    }

    pub(crate) fn text(&self, request: Request) -> Result<String, Error> {
        String::from_utf8(self.octets(request)?).map_err(|_| self.not_ours(200))
    }

    pub(crate) fn octets(&self, request: Request) -> Result<Vec<u8>, Error> {
        let mut answer = self.good(request, Some(self.within))?;
        let body = answer.body_mut().with_config().limit(OCTETS_MAX);
        body.read_to_vec().map_err(|error| self.unreachable(&error))
    }

    pub(crate) fn nothing(&self, request: Request) -> Result<(), Error> {
        self.good(request, Some(self.within)).map(drop)
    }

    pub(crate) fn listen_to(&self, request: Request) -> Result<Events, Error> {
        let answer = self.good(request, None)?;
        Ok(Events::new(answer.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    /// The answer, if it is a good one.
    fn good(&self, request: Request, within: Option<Duration>) -> Result<Response<Body>, Error> {
        let answer = self.sent(request, within)?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(answer)) }
    }

    fn sent(&self, request: Request, within: Option<Duration>) -> Result<Response<Body>, Error> {
        let wrong = |error: http::Error| self.unreachable(&error.into());
        let mut building = http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.base, request.target));
        // Names of people are UTF-8.
        if let Some(actor) = &self.actor {
            building = building.header(ACTOR, actor.as_bytes());
        }
        for (name, value) in request.headers {
            building = building.header(name, value.as_bytes());
        }
        let sent = if let Some((media_type, octets)) = request.body {
            let built = building.header("content-type", media_type).body(octets);
            let built = self.agent.configure_request(built.map_err(wrong)?);
            self.agent.run(built.timeout_global(within).build())
        } else {
            let built = self.agent.configure_request(building.body(()).map_err(wrong)?);
            self.agent.run(built.timeout_global(within).build())
        };
        sent.map_err(|error| self.unreachable(&error))
    }

    /// What an answer that is no good one says.
    fn refused(&self, mut answer: Response<Body>) -> Error {
        let status = answer.status().as_u16();
        let body: Value = answer.body_mut().read_json().unwrap_or(Value::Null);
        let mut whole = body.clone();
        // It may be left to the answer itself (RFC 9457 §3.1.2).
        if let Some(members) = whole.as_object_mut() {
            members.entry("status").or_insert_with(|| status.into());
        }
        match Problem::deserialize(&whole) {
            Ok(problem) => Error::Problem(Box::new(problem), body),
            Err(_) => self.not_ours(status),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Error {
        Error::Unreachable { url: self.base.clone(), reason: error.to_string() }
    }
}
