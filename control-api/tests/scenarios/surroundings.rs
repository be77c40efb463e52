//! The panel, headers, and pages of other origins.

use serde_json::json;

use crate::bench::{Bench, input};

#[test]
fn the_panel_is_served_with_its_headers() {
    let bench = Bench::new();
    let page = bench.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let etag = page.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let again = bench.call("GET", "/index.html", &[("if-none-match", &etag)], None);
    assert_eq!((again.status, again.octets.len()), (304, 0));
    bench.get("/../Cargo.toml").problem(404, "no-such-path");
    bench.get("/package.json").problem(404, "no-such-path");
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let bench = Bench::new();
    let body = input("a", 5000).to_string();
    let send = |origin: &str| {
        let headers = [("content-type", "application/json"), ("origin", origin)];
        bench.call("POST", "/api/v1/inputs", &headers, Some(body.as_bytes()))
    };
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "nonsense"] {
        send(origin).problem(403, "foreign-origin");
    }
    assert_eq!(bench.get("/api/v1/inputs").expect(200), json!([]));
    let rebound = bench.call("GET", "/api/v1/inputs", &[("host", "evil.example")], None);
    rebound.problem(403, "foreign-host");
    send(&bench.url("")).expect(201);
}
