//! `Idempotency-Key`: a request that is sent again, because its answer got lost, is not done
//! again; its first answer is given again.
//!
//! Kept in memory, the last [`KEPT`] for [`KEPT_NS`] at most: a restart forgets them. Answers
//! that tell of a fault (5xx) are not kept, so that a retry tries again. A request under way
//! is waited for, and goes on when its client hangs up.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::OnceCell;

use crate::{
    actor::Actor, api::body::octets, app::Shared, problem::Error, site::document::SITE_MAX,
    validate::invalid,
};

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key in characters.
const KEY_MAX: usize = 128;
/// Answers that are kept.
pub const KEPT: usize = 1024;
/// How long an answer is kept.
pub const KEPT_NS: u64 = 24 * 3_600_000_000_000;
/// Longest answer that is kept, octets; no change is answered with more, but for whole sites.
const ANSWER_MAX: usize = 64 * 1024;

/// A client's key.
type Key = (String, String);

/// What was asked under a key, and what was answered.
#[derive(Clone, Debug)]
struct Kept {
    /// Of method, path, query and body.
    print: u64,
    /// When it came first, ns of the monotonic clock.
    since: u64,
    answer: Arc<OnceCell<Answer>>,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Every key that is remembered.
#[derive(Debug, Default)]
pub struct Keys {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: HashMap<Key, Kept>,
    order: VecDeque<Key>,
}

impl Keys {
    /// What is kept under a key, from now on at the latest.
    fn entry(&self, key: &Key, print: u64, now: u64) -> Kept {
        let mut inner = self.lock();
        while let Some(oldest) = inner.order.front() {
            let since = inner.kept.get(oldest).map(|kept| kept.since);
            let fresh = since.is_some_and(|since| now.saturating_sub(since) < KEPT_NS);
            if fresh && inner.order.len() < KEPT {
                break;
            }
            if let Some(oldest) = inner.order.pop_front() {
                inner.kept.remove(&oldest);
            }
        }
        if let Some(kept) = inner.kept.get(key) {
            return kept.clone();
        }
        let kept = Kept { print, since: now, answer: Arc::default() };
        inner.kept.insert(key.clone(), kept.clone());
        inner.order.push_back(key.clone());
        kept
    }

    /// Forgets a key, so that it may be tried again.
    fn forget(&self, key: &Key) {
        let mut inner = self.lock();
        inner.kept.remove(key);
        inner.order.retain(|known| known != key);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request that has been answered before with that answer.
pub async fn once(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::DELETE);
    if !changes || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    match answer(app, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer(app: Shared, request: Request, next: Next) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    let actor = Actor::from_request_parts(&mut parts, &app).await?;
    let key: Key = (actor.name, key(&parts)?);
    let body = octets(&app, Request::new(body), SITE_MAX).await?;
    let mut print = DefaultHasher::new();
    (parts.method.as_str(), parts.uri.path(), parts.uri.query(), &body).hash(&mut print);
    let print = print.finish();
    let kept = app.keys.entry(&key, print, app.clock.now());
    if kept.print != print {
        return Err(Error::KeyReused { key: key.1 });
    }
    let mut first = false;
    let answered = kept.answer.get_or_try_init(|| {
        first = true;
        let request = Request::from_parts(parts, Body::from(body));
        // A client that hangs up does not stop it half-way, nor leave its answer unknown.
        async { tokio::spawn(run(next, request)).await.map_err(|_| None)? }
    });
    match answered.await {
        Ok(answer) => Ok(answer.response(!first)),
        Err(refused) => {
            app.keys.forget(&key);
            refused.map_or(Err(Error::Internal), |response| Ok(*response))
        }
    }
}

/// Runs it; an answer that is not to be kept is an error.
async fn run(next: Next, request: Request) -> Result<Answer, Option<Box<Response>>> {
    let response = next.run(request).await;
    let unkept = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    if response.status().is_server_error() || unkept.contains(&response.status()) {
        return Err(Some(Box::new(response)));
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, SITE_MAX).await.map_err(|error| {
        tracing::error!(%error, "an answer could not be gathered");
        None
    })?;
    if body.len() > ANSWER_MAX {
        return Err(Some(Box::new(Response::from_parts(parts, Body::from(body)))));
    }
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

impl Answer {
    fn response(&self, again: bool) -> Response {
        let mut response = (self.status, self.headers.clone(), self.body.clone()).into_response();
        if again {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// The key of a request.
fn key(parts: &Parts) -> Result<String, Error> {
    let value = parts.headers.get(HEADER).and_then(|value| value.to_str().ok());
    let key = value.unwrap_or_default().trim().trim_matches('"');
    if (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Ok(key.to_owned());
    }
    let reason = format!("write 1 to {KEY_MAX} visible ASCII characters, such as a UUID");
    Err(invalid("Idempotency-Key", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_in_number_and_time() {
        let keys = Keys::default();
        let key = |n: usize| ("a".to_owned(), n.to_string());
        for n in 0..KEPT * 2 {
            assert_eq!(keys.entry(&key(n), 7, 0).print, 7);
        }
        let count = |keys: &Keys| {
            let inner = keys.lock();
            assert_eq!(inner.kept.len(), inner.order.len());
            inner.kept.len()
        };
        assert!(count(&keys) <= KEPT);
        // The latest is known, the first is not any more.
        assert_eq!(keys.entry(&key(KEPT * 2 - 1), 8, 1).print, 7);
        assert_eq!(keys.entry(&key(0), 8, 1).print, 8);
        assert_eq!(keys.entry(&key(0), 9, KEPT_NS + 1).print, 9);
    }
}
