//! Traces for a collector, by OTLP over HTTP with JSON, where the settings name one.
//!
//! What is timed: each request, what the router is asked for it, and the wait for a take's
//! confirmation; what was logged meanwhile goes along. A trace that somebody began elsewhere
//! (`traceparent`, W3C Trace Context) is continued. Spans wait in a bounded queue and are sent
//! by a thread of its own; when the collector is away they are lost, and the log says so once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use axum::http::HeaderMap;
use opentelemetry::{
    Context, KeyValue,
    trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
    },
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use ormatrix_settings::log::TRACED;
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// How long a collector may take for one delivery, and the process at its end for the last.
const WITHIN: Duration = Duration::from_secs(2);

/// Delivers traces; dropping it delivers what is left.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

/// Begins to deliver to the collector at `endpoint`, as `http://127.0.0.1:4318`. The layer
/// is where spans are to be told.
///
/// # Errors
/// The endpoint is no URL.
pub fn start<S>(
    endpoint: &str,
) -> Result<(Traces, impl Layer<S> + Send + Sync + use<S>), ExporterBuildError>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(WITHIN))
        .build()
        .into();
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender { agent, url: url.clone(), away: AtomicBool::new(false) })
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(url)
        .with_timeout(WITHIN)
        .build()?;
    let about = Resource::builder()
        .with_service_name("ormatrix-control")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider =
        SdkTracerProvider::builder().with_resource(about).with_batch_exporter(exporter).build();
    let tracer = provider.tracer("ormatrix-control");
    let ours = filter_fn(|about| {
        if about.is_span() {
            about.target() == TRACED
        } else {
            about.target().starts_with("ormatrix") && *about.level() <= Level::INFO
        }
    });
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours);
    Ok((Traces(provider), layer))
}

impl Drop for Traces {
    fn drop(&mut self) {
        // The collector may be away; the sender has said so.
        let _ = self.0.shutdown_with_timeout(WITHIN);
    }
}

/// Lets a request's span continue the trace that the client began, if it did.
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    if let Some(parent) = parent(headers) {
        // Without traces in the settings there is nothing to continue.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// `traceparent` of W3C Trace Context, version 00, as `00-TRACE-SPAN-FLAGS`; what is not as it
/// says begins no trace.
fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = value.split('-');
    let mut hex = |length: usize| {
        let digits = |part: &&str| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        parts.next().filter(digits)
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    // Later versions may say more behind this; 00 may not.
    let whole = version != "ff" && (version != "00" || parts.next().is_none());
    (whole && context.is_valid()).then_some(context)
}

/// Delivers over HTTP, on the exporter's own thread, and logs when that begins to fail.
#[derive(Debug)]
struct Sender {
    agent: ureq::Agent,
    url: String,
    away: AtomicBool,
}

impl Sender {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(head, body.to_vec()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("it answered {status}").into());
        }
        let (head, mut body) = answer.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request);
        let was_away = self.away.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !was_away => {
                tracing::warn!(collector = self.url, %error, "traces are lost: they cannot be delivered");
            }
            Ok(_) if was_away => tracing::info!(collector = self.url, "traces are delivered again"),
            _ => {}
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_trace_is_continued_only_where_one_was_begun() {
        let of = |value: &str| {
            let name = HeaderName::from_static("traceparent");
            parent(&HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]))
        };
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = of(good).unwrap();
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled() && context.is_remote());
        assert!(of(&format!("{}-later", good.replacen("00", "01", 1))).is_some());
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            &format!("{good}-more"),
            &good.replacen("00", "ff", 1),
            &good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &good.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &good.replace("4bf", "4BF"),
            &good.replace("4bf", "+bf"),
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(parent(&HeaderMap::new()), None);
    }
}
