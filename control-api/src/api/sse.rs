//! What happens, as it happens: server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;

use crate::{app::Shared, problem::Problem};

/// How often a silent stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Events as they happen: `route {output, level, route}`, `signal {input, level, signal}` (of a
/// picture with `findings`), `scheduled {take, at, state}` with state `waiting`, `started` or
/// `called-off`, `lock {output, lock}` (null when it is released), `inventory {kind, id, change}`
/// (of many things at once only `change`), `router {connected}`, `still {input, at}`,
/// `alarm {change, at, alarm}` with change `raised`, `changed`, `acknowledged` or `cleared`.
/// After `reset` and `router`, read the state again. `Last-Event-ID` resumes.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "listen",
    params(("Last-Event-ID" = Option<String>, Header, description = "The last event seen")),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = "default", body = Problem)))]
pub async fn listen(State(app): State<Shared>, headers: HeaderMap) -> impl IntoResponse {
    let last = headers.get("last-event-id");
    // An id that is not one of ours is as good as too old.
    let last = last.map(|id| id.to_str().ok().and_then(|id| id.parse().ok()).unwrap_or(0));
    let subscription = app.events.subscribe(last);
    let ending = app.ending.clone();
    let events = stream::unfold((subscription, ending), |(mut subscription, mut ending)| async {
        let event = if let Some(event) = subscription.first.pop_front() {
            event
        } else {
            tokio::select! {
                event = subscription.rest.recv() => event?,
                _ = ending.wait_for(|end| *end) => return None,
            }
        };
        let sent = Event::default().id(event.id.to_string()).event(event.name).data(&*event.data);
        Some((Ok::<_, Infallible>(sent), (subscription, ending)))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("alive");
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that would gather events are asked not to.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Sse::new(events).keep_alive(keep_alive))
}
