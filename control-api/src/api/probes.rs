//! Whether the processes are well, and the description of the API.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::RouterView;
use crate::{app::Shared, metrics, problem::Problem, store::StoreError, time::rfc3339};

/// Whether this process can do its work.
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_field_names, reason = "the names are those of the answer")]
pub struct Ready {
    /// All of the below.
    pub ready: bool,
    /// Whether the router is connected and reconciled.
    pub router: bool,
    /// Whether the database answers and keeps what it is given. Takes go on without it.
    pub database: bool,
    /// What to do, when not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Whether this process runs.
#[utoipa::path(get, path = "/livez", tag = "probes", operation_id = "livez",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn livez() -> &'static str {
    "ok\n"
}

/// Whether this process can do its work: router connected, database open.
#[utoipa::path(get, path = "/readyz", tag = "probes", operation_id = "readyz",
    responses((status = 200, body = Ready), (status = 503, body = Ready)))]
pub async fn readyz(State(app): State<Shared>) -> (StatusCode, Json<Ready>) {
    let (store, now) = (app.store.clone(), app.clock.unix());
    let answered = tokio::task::spawn_blocking(move || store.answers(now)).await;
    let fault = answered.map_err(|_| StoreError::Thread).and_then(|answer| answer).err();
    let database = fault.is_none();
    let router = app.router.connected() && app.reconciled.borrow().is_some();
    let detail = if let Some(fault) = fault {
        Some(format!("no change of the inventory can be kept: {fault}"))
    } else if !router {
        Some(format!(
            "the router is not connected at {}: start ormatrix-router",
            app.settings().router_socket.display()
        ))
    } else {
        None
    };
    let ready = router && database;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, router, database, detail }))
}

/// The connection to the router.
#[utoipa::path(get, path = "/router", tag = "probes", operation_id = "get_router",
    responses((status = 200, body = RouterView), (status = "default", body = Problem)))]
pub async fn router(State(app): State<Shared>) -> Json<RouterView> {
    let reconciled = app.reconciled.borrow().is_some();
    Json(app.router.read(|mirror| {
        mirror.map_or_else(RouterView::default, |mirror| RouterView {
            connected: true,
            reconciled,
            version: Some(mirror.version.clone()),
            started_at: Some(rfc3339(mirror.started_at)),
            lanes: Some(mirror.lanes),
        })
    }))
}

/// Counters for Prometheus: OpenMetrics for who accepts it, else the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "probes", operation_id = "metrics",
    responses((status = 200, content((String = "text/plain"),
        (String = "application/openmetrics-text")))))]
pub async fn metrics(State(app): State<Shared>, headers: HeaderMap) -> impl IntoResponse {
    let format = metrics::Format::wanted(&headers);
    ([(header::CONTENT_TYPE, format.content_type())], metrics::render(&app, format))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "probes", operation_id = "openapi",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(super::openapi())
}
