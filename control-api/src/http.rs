//! What surrounds every call: its id, checks of origin, headers, counting, panics, the panel.

pub mod expect;
pub mod guard;
pub mod idempotency;
pub mod panel;
pub mod query;
pub mod request_id;
pub mod serve;

use std::any::Any;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{api, app::Shared, problem::Error};

/// The whole service. The last layer is the outermost.
pub fn service(app: Shared) -> Router {
    api::router()
        .fallback(other)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), idempotency::once))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::map_response(add_headers))
        .layer(middleware::from_fn_with_state(app.clone(), count))
        .layer(middleware::from_fn_with_state(app.clone(), request_id::follow))
        .with_state(app)
}

/// The panel's files, or nothing.
async fn other(method: Method, uri: Uri, request: Request) -> Response {
    match panel::file(uri.path()) {
        Some(_) if method != Method::GET && method != Method::HEAD => {
            wrong_method(method, uri).await.into_response()
        }
        Some(file) => panel::answer(file, request.headers()),
        None => Error::NoSuchPath { path: uri.path().to_owned() }.into_response(),
    }
}

async fn wrong_method(method: Method, uri: Uri) -> Error {
    Error::MethodNotAllowed { method: method.to_string(), path: uri.path().to_owned() }
}

#[allow(clippy::needless_pass_by_value, reason = "the layer gives it away")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = said.unwrap_or("without words"), "a request ended in a panic");
    Error::Internal.into_response()
}

/// Everything the panel needs is local, so a browser may refuse all else.
async fn add_headers(mut response: Response) -> Response {
    const CSP: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
                       form-action 'self'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Counts and times answers by method, call and status.
async fn count(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let call = request.extensions().get::<MatchedPath>().cloned();
    let (begun, _in_flight) = (app.clock.now(), app.http_metrics.begin());
    let response = next.run(request).await;
    let call = call.as_ref().map_or("other", MatchedPath::as_str);
    let seconds = app.clock.now().saturating_sub(begun) as f64 / 1e9;
    app.http_metrics.count(&method, call, response.status(), seconds);
    response
}
