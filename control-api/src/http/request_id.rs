//! The id that follows a request: through this process's log, the router's, and back to
//! whoever asked.
//!
//! A client may give its own in `X-Request-Id`, so that its log and ours go together; one
//! that could harm a log is replaced. Every answer carries the id, problems also in their
//! body. What is done for a request logs within its span, also when it goes on in a task of
//! its own: see [`carried`].

use std::{
    future::Future,
    hash::{BuildHasher, Hasher, RandomState},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use ormatrix_protocol::RequestId;
use ormatrix_settings::log::TRACED;
use tracing::{Instrument, Span, field};

use crate::{app::Shared, problem::Kind, traces};

/// Where a client and we name a request.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Calls that processes make all the time; what people do would drown in them.
const ROUTINE: [&str; 3] = ["/analysis", "/findings", "/thumbnail.jpg"];

tokio::task_local! {
    static PRESENT: Present;
}

/// The request that is being answered.
#[derive(Clone, Debug)]
struct Present {
    id: RequestId,
    /// When it came, monotonic ns.
    began: u64,
}

/// Names a request, answers it under that name, and logs what people changed.
pub async fn follow(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(drawn);
    let method = request.method().clone();
    let call = request.extensions().get::<MatchedPath>().cloned();
    let call = call.as_ref().map_or("other", MatchedPath::as_str);
    // A span of errors: no filter that lets a line through may take its id away.
    let span = tracing::error_span!("request", request_id = %id, %method, call);
    let traced = traced(&span, &request, &id, call);
    let began = app.clock.now();
    let present = Present { id: id.clone(), began };
    let answering = PRESENT.scope(present, next.run(request));
    let mut response = answering.instrument(traced.clone()).instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    let status = response.status().as_u16();
    let took_us = app.clock.now().saturating_sub(began) / 1000;
    let problem = response.extensions().get::<Kind>().map(|kind| kind.0);
    let routine = method.is_safe() || ROUTINE.iter().any(|end| call.ends_with(end));
    traced.record("http.response.status_code", status);
    if response.status().is_server_error() {
        traced.record("otel.status_code", "ERROR");
    }
    let _request = span.entered();
    let _traced = traced.entered();
    if routine {
        tracing::debug!(status, problem, took_us, "answered");
    } else {
        tracing::info!(status, problem, took_us, "answered");
    }
    response
}

/// The request as traces show it, named as OpenTelemetry's conventions for HTTP want it.
fn traced(within: &Span, request: &Request, id: &RequestId, call: &str) -> Span {
    let method = request.method();
    let span = within.in_scope(|| {
        tracing::info_span!(
            target: TRACED, "request", otel.kind = "server", request_id = %id,
            otel.name = format!("{method} {call}"), http.request.method = %method, http.route = call,
            http.response.status_code = field::Empty, otel.status_code = field::Empty,
        )
    });
    traces::continue_from(&span, request.headers());
    span
}

/// The id that the client gave, if it can be used.
fn given(headers: &HeaderMap) -> Option<RequestId> {
    headers.get(HEADER)?.to_str().ok()?.parse().ok()
}

/// One that nobody else has: the hasher's keys are random.
fn drawn() -> RequestId {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    RequestId::of(half() << 64 | half())
}

/// The id of the request that is being answered, if one is.
pub fn present() -> Option<RequestId> {
    PRESENT.try_with(|present| present.id.clone()).ok()
}

/// When the request that is being answered came, monotonic ns, if one is.
pub fn began() -> Option<u64> {
    PRESENT.try_with(|present| present.began).ok()
}

/// Work for the present request that goes on in another task.
pub fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let present = PRESENT.try_with(Clone::clone).ok();
    let work = async move {
        match present {
            Some(present) => PRESENT.scope(present, work).await,
            None => work.await,
        }
    };
    work.in_current_span()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_clients_id_is_kept_unless_it_could_harm_a_log() {
        let of = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            given(&HeaderMap::from_iter([(HEADER, value)])).map(String::from)
        };
        assert_eq!(of(b"Panel-3.17_a").as_deref(), Some("Panel-3.17_a"));
        for bad in [&b""[..], b"a b", b"a\"", b"a\xff", b"\tx=y", &[b'x'; 65]] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
        assert_eq!(given(&HeaderMap::new()), None);
    }

    #[test]
    fn no_two_drawn_are_the_same() {
        let drawn: HashSet<RequestId> = (0..1000).map(|_| drawn()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(drawn.iter().all(|id| id.as_str().len() == 32));
    }

    #[tokio::test]
    async fn work_in_another_task_knows_its_request() {
        let id: RequestId = "a".parse().unwrap();
        let present = Present { id: id.clone(), began: 5 };
        let seen = PRESENT.scope(present, async {
            let without = tokio::spawn(async { super::present() }).await.unwrap();
            let with = tokio::spawn(carried(async { (super::present(), began()) })).await.unwrap();
            (without, with)
        });
        assert_eq!(seen.await, (None, (Some(id), Some(5))));
        assert_eq!(carried(async { super::present() }).await, None);
    }
}
