//! Keeps pages of other origins from driving the API through a visitor's browser.
//!
//! Two ways in are closed. A page elsewhere that posts here is refused because the `Origin`
//! it cannot hide is not this host. A page elsewhere whose name is made to point here (DNS
//! rebinding) is refused because that name is none of ours: an address, `localhost`, a name
//! without a dot (which nobody outside can register), this host's own name, or one in the
//! settings.

use std::{fs, net::IpAddr, sync::LazyLock};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{app::Shared, problem::Error};

/// This host's name, lower case; empty when it has none.
static OWN_NAME: LazyLock<String> = LazyLock::new(|| {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_ascii_lowercase()
});

/// Lets through what may pass.
pub async fn check(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let passes = examine(
        request.method(),
        request.uri(),
        request.headers(),
        &app.settings().host_names,
        &OWN_NAME,
    );
    match passes {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn examine(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    allowed: &[String],
    own: &str,
) -> Result<(), Error> {
    let host = host(uri, headers);
    let name = host.as_ref().map_or(String::new(), |host| host.host().to_ascii_lowercase());
    if host.is_some() && !is_ours(&name, allowed, own) {
        return Err(Error::ForeignHost { host: name });
    }
    if method.is_safe() {
        return Ok(());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("an unreadable origin");
    let page = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
    // Authorities compare without case; neither names a port that its scheme implies.
    if page.is_some() && page == host {
        return Ok(());
    }
    let host = host.map_or_else(String::new, |host| host.to_string());
    Err(Error::ForeignOrigin { origin: origin.to_owned(), host })
}

/// The host as the client names it.
pub fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    uri.authority()
        .cloned()
        .or_else(|| headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok())
}

fn is_ours(name: &str, allowed: &[String], own: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let same = |other: &str| !other.is_empty() && name == other;
    address.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || !name.contains('.')
        || same(own)
        || name.strip_suffix(".local").is_some_and(|bare| bare == own)
        || allowed.iter().any(|other| same(&other.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: &Method, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let allowed = ["matrix.clinic.example".to_owned()];
        examine(method, &Uri::from_static("/x"), &headers, &allowed, "or3.clinic.example").is_ok()
    }

    #[test]
    fn only_our_own_pages_change_anything() {
        assert!(passes(&Method::PUT, "127.0.0.1:8080", None));
        assert!(passes(&Method::PUT, "127.0.0.1:8080", Some("http://127.0.0.1:8080")));
        assert!(passes(&Method::GET, "127.0.0.1:8080", Some("http://evil.example")));
        for origin in
            ["http://evil.example", "http://127.0.0.1:9090", "null", "http://localhost:8080"]
        {
            assert!(!passes(&Method::PUT, "127.0.0.1:8080", Some(origin)), "{origin}");
            assert!(!passes(&Method::DELETE, "127.0.0.1:8080", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn a_rebound_name_is_refused() {
        for host in ["evil.example:8080", "127.0.0.1.evil.example", "clinic.example"] {
            assert!(!passes(&Method::GET, host, None), "{host}");
            assert!(!passes(&Method::PUT, host, Some(&format!("http://{host}"))), "{host}");
        }
        for host in [
            "[::1]:8080",
            "10.0.0.1",
            "localhost:1",
            "or3",
            "or3.clinic.example",
            "Matrix.Clinic.example:8080",
        ] {
            assert!(passes(&Method::GET, host, None), "{host}");
        }
    }
}
