//! Stills: delivered by a worker, shown while they are true.

use ormatrix_io::{Clock, SystemClock};
use ormatrix_protocol::SignalState;
use serde_json::json;

use crate::bench::{Answer, Bench};

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9];

fn ago(seconds: u64) -> String {
    ormatrix_control::time::rfc3339(SystemClock.unix() - seconds * 1_000_000_000)
}

fn deliver(bench: &Bench, at: &str, jpeg: &[u8]) -> Answer {
    let headers = [("content-type", "image/jpeg"), ("x-captured-at", at)];
    bench.call("PUT", "/api/v1/inputs/a/thumbnail.jpg", &headers, Some(jpeg))
}

const PATH: &str = "/api/v1/inputs/a/thumbnail.jpg";

#[test]
fn a_fresh_still_is_shown_with_its_age() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let mut events = bench.listen(None);
    bench.get(PATH).problem(404, "no-still");
    let at = ago(2);
    deliver(&bench, &at, JPEG).expect(204);
    assert_eq!(events.next_named("still").data, json!({ "input": "a", "at": at }));
    let shown = bench.get(PATH);
    assert_eq!((shown.status, shown.octets.as_slice()), (200, JPEG));
    assert_eq!(shown.header("content-type"), "image/jpeg");
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!(shown.header("x-captured-at"), at);
    assert!(shown.header("age").parse::<u64>().unwrap() >= 2);
    let etag = shown.header("etag").to_owned();
    let again = bench.call("GET", PATH, &[("if-none-match", &etag)], None);
    assert_eq!((again.status, again.octets.len()), (304, 0));
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["still_at"], at);
    // An older one that comes late is not taken.
    deliver(&bench, &ago(60), &[JPEG, JPEG].concat()).expect(204);
    assert_eq!(bench.get(PATH).octets, JPEG);
    bench.delete("/api/v1/inputs/a").expect(204);
    bench.add_input("a", 5000);
    bench.get(PATH).problem(404, "no-still");
}

#[test]
fn a_still_that_is_no_longer_true_is_not_shown() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    deliver(&bench, &ago(6), JPEG).expect(204);
    let problem = bench.get(PATH).problem(410, "still-too-old");
    assert!(problem["age_ms"].as_u64().unwrap() >= 6000);
    deliver(&bench, &ago(0), JPEG).expect(204);
    assert_eq!(bench.get(PATH).status, 200);
    bench.model().set_signal("a", SignalState::Lost);
    let router = bench.running().app.router.clone();
    let id = "a".parse().unwrap();
    bench.until(|| router.read(|m| m.unwrap().inputs[&id].signal.state == SignalState::Lost));
    let problem = bench.get(PATH).problem(410, "still-too-old");
    assert!(problem["detail"].as_str().unwrap().contains("signal is lost"));
}

#[test]
fn what_is_no_still_is_refused() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let now = ago(0);
    deliver(&bench, &now, b"GIF89a").problem(422, "invalid-value");
    deliver(&bench, &now, &JPEG[..8]).problem(422, "invalid-value");
    deliver(&bench, "just now", JPEG).problem(422, "invalid-value");
    deliver(&bench, "2999-01-01T00:00:00Z", JPEG).problem(422, "invalid-value");
    let long = [&JPEG[..4], &vec![0; 256 * 1024], &JPEG[7..]].concat();
    deliver(&bench, &now, &long).problem(413, "too-large");
    let text = [("content-type", "text/plain"), ("x-captured-at", now.as_str())];
    bench.call("PUT", PATH, &text, Some(JPEG)).problem(415, "unsupported-media-type");
    let headers = [("content-type", "image/jpeg"), ("x-captured-at", now.as_str())];
    bench
        .call("PUT", "/api/v1/inputs/x/thumbnail.jpg", &headers, Some(JPEG))
        .problem(404, "unknown-input");
    bench.get(PATH).problem(404, "no-still");
}
