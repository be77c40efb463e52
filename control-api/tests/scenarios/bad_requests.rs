//! Bad input: the right status, what to do, and nothing changed.

use serde_json::{Value, json};

use crate::bench::{Bench, input, output, video};

fn set_up() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench
}

/// Sends a body as it is, and checks that nothing changed.
#[track_caller]
fn refused(
    bench: &Bench,
    (method, path): (&str, &str),
    media_type: &str,
    body: &str,
    (status, kind): (u16, &str),
) -> Value {
    let before = bench.everything();
    let headers = [("content-type", media_type)];
    let problem = bench.call(method, path, &headers, Some(body.as_bytes())).problem(status, kind);
    assert_eq!(bench.everything(), before, "something changed by {body}");
    problem
}

const JSON: &str = "application/json";

#[test]
fn malformed_bodies() {
    let bench = set_up();
    let to = ("POST", "/api/v1/inputs");
    let problem = refused(&bench, to, JSON, "{\"label\":\n \"A\",,}", (400, "malformed-body"));
    assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(6)));
    for body in ["", "{", "nonsense"] {
        refused(&bench, to, JSON, body, (400, "malformed-body"));
    }
    let problem = refused(&bench, to, JSON, "[]", (422, "invalid-value"));
    assert!(problem["detail"].as_str().unwrap().contains("line 1"), "{problem}");
    let whole = format!("{} trailing", input("b", 5002));
    refused(&bench, to, JSON, &whole, (400, "malformed-body"));
}

#[test]
fn wrong_media_types_and_lengths() {
    let bench = set_up();
    let body = input("b", 5002).to_string();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let to = ("POST", "/api/v1/inputs");
        refused(&bench, to, media_type, &body, (415, "unsupported-media-type"));
    }
    let to = ("PUT", "/api/v1/outputs/m/route");
    refused(&bench, to, "application/sdp", "v=0", (415, "unsupported-media-type"));
    let long = format!("{}{}", " ".repeat(300 * 1024), body);
    let problem = refused(&bench, ("POST", "/api/v1/inputs"), JSON, &long, (413, "too-large"));
    assert_eq!(problem["limit"], 262_144);
}

#[test]
fn values_out_of_range_name_their_field() {
    let bench = set_up();
    let wrong = |change: &dyn Fn(&mut Value), field: &str| {
        let mut body = input("b", 5002);
        change(&mut body);
        let body = body.to_string();
        let to = ("POST", "/api/v1/inputs");
        let problem = refused(&bench, to, JSON, &body, (422, "invalid-value"));
        assert_eq!(problem["field"], field, "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    };
    wrong(&|b| b["label"] = "".into(), "label");
    wrong(&|b| b["label"] = "x".repeat(81).into(), "label");
    wrong(&|b| b["label"] = "a\nb".into(), "label");
    wrong(&|b| b["zone"] = "x".repeat(81).into(), "zone");
    wrong(&|b| b["id"] = "../etc".into(), "id");
    wrong(&|b| b["video"]["width"] = 0.into(), "video.width");
    wrong(&|b| b["video"]["width"] = 1921.into(), "video.width");
    wrong(&|b| b["video"]["width"] = 65536.into(), "video.width");
    wrong(&|b| b["video"]["height"] = 40000.into(), "video.height");
    wrong(
        &|b| {
            b["video"]["scan"] = "interlaced".into();
            b["video"]["height"] = 1081.into();
        },
        "video.height",
    );
    wrong(&|b| b["video"]["depth"] = 9.into(), "video.depth");
    wrong(&|b| b["video"]["rate"] = "0".into(), "video.rate");
    wrong(&|b| b["video"]["sampling"] = "YCbCr-4:1:1".into(), "video.sampling");
    wrong(&|b| b["payload_type"] = 95.into(), "payload_type");
    wrong(&|b| b["payload_type"] = 128.into(), "payload_type");
    wrong(&|b| b["max_udp"] = 9000.into(), "max_udp");
    wrong(&|b| b["tcs"] = "HDR".into(), "tcs");
    wrong(&|b| b["legs"] = json!([]), "legs");
    wrong(&|b| b["legs"][0]["port"] = 0.into(), "legs[0].port");
    wrong(&|b| b["legs"][0]["address"] = "somewhere".into(), "legs[0].address");
    wrong(&|b| b["legs"][0]["source"] = "::1".into(), "legs[0].source");
    wrong(&|b| b["legs"][0]["interface"] = "an endless name".repeat(2).into(), "legs[0].interface");
    let said = wrong(&|b| b["colour"] = "red".into(), "colour");
    assert!(said.contains("unknown field"), "{said}");
    let more = |b: &mut Value, leg: Value| b["legs"].as_array_mut().unwrap().push(leg);
    let said = wrong(&|b| more(b, b["legs"][0].clone()), "legs");
    assert!(said.contains("the same address"), "{said}");
    let other = |port: u16| json!({ "address": "127.0.0.1", "port": port });
    wrong(
        &|b| {
            more(b, other(5004));
            more(b, other(5006));
        },
        "legs",
    );
    wrong(&|b| b["merge"] = json!({ "skew_us": 0 }), "merge.skew_us");
    wrong(&|b| b["merge"] = json!({ "skew_us": 450_001 }), "merge.skew_us");
    wrong(&|b| b["merge"] = json!({ "skew_us": 5, "class": "A" }), "merge.skew_us");
    wrong(&|b| b["merge"] = json!({ "class": "E" }), "merge.class");
    wrong(&|b| b["merge"] = json!({ "order": "sorted" }), "merge.order");

    let wrong = |change: &dyn Fn(&mut Value), field: &str| {
        let mut body = output("n", 6002);
        change(&mut body);
        let body = body.to_string();
        let to = ("PUT", "/api/v1/outputs/n");
        let problem = refused(&bench, to, JSON, &body, (422, "invalid-value"));
        assert_eq!(problem["field"], field, "{problem}");
    };
    wrong(&|b| b["id"] = "other".into(), "id");
    wrong(&|b| b["ttl"] = 0.into(), "ttl");
    wrong(&|b| b["dscp"] = 64.into(), "dscp");
    wrong(&|b| b["ssrc"] = (-1).into(), "ssrc");
    wrong(&|b| b["accepts"] = json!([]), "accepts");
    wrong(&|b| b["accepts"] = "all".into(), "accepts");
    wrong(&|b| b["legs"][0]["address"] = "0.0.0.0".into(), "legs[0].address");
    wrong(
        &|b| {
            b["accepts"] = json!([video()]);
            b["accepts"][0]["width"] = 1.into();
        },
        "accepts[0].width",
    );
}

#[test]
fn ids_unknown_and_ids_twice() {
    let bench = set_up();
    let body = input("a", 5002).to_string();
    let problem = refused(&bench, ("POST", "/api/v1/inputs"), JSON, &body, (409, "duplicate-id"));
    assert_eq!(problem["input"], "a");
    assert!(problem["detail"].as_str().unwrap().contains("PUT /api/v1/inputs/a"), "{problem}");
    let body = output("m", 6002).to_string();
    refused(&bench, ("POST", "/api/v1/outputs"), JSON, &body, (409, "duplicate-id"));

    for path in [
        "/api/v1/inputs/x",
        "/api/v1/inputs/x/sdp",
        "/api/v1/inputs/x/thumbnail.jpg",
        "/api/v1/inputs/%2e%2e",
    ] {
        bench.get(path).problem(404, "unknown-input");
    }
    for path in ["/api/v1/outputs/x", "/api/v1/outputs/x/sdp"] {
        bench.get(path).problem(404, "unknown-output");
    }
    bench.delete("/api/v1/inputs/x").problem(404, "unknown-input");
    bench.delete("/api/v1/outputs/x/route").problem(404, "unknown-output");
    let route = json!({ "input": "x" }).to_string();
    refused(&bench, ("PUT", "/api/v1/outputs/m/route"), JSON, &route, (404, "unknown-input"));
    let route = json!({ "input": "a" }).to_string();
    refused(&bench, ("PUT", "/api/v1/outputs/x/route"), JSON, &route, (404, "unknown-output"));
    let route = json!({ "input": "A!" }).to_string();
    refused(&bench, ("PUT", "/api/v1/outputs/m/route"), JSON, &route, (422, "invalid-value"));
}

#[test]
fn two_streams_on_one_address() {
    let bench = set_up();
    let body = input("b", 5000).to_string();
    let problem = refused(&bench, ("POST", "/api/v1/inputs"), JSON, &body, (409, "address-taken"));
    assert_eq!((&problem["input"], &problem["port"]), (&json!("a"), &json!(5000)));
    let body = output("n", 6000).to_string();
    refused(&bench, ("PUT", "/api/v1/outputs/n"), JSON, &body, (409, "address-taken"));
}

#[test]
fn paths_and_methods_that_do_not_exist() {
    let bench = set_up();
    for path in ["/api/v1/nothing", "/api/v2/inputs", "/nothing.html", "/api/v1/inputs/"] {
        bench.get(path).problem(404, "no-such-path");
    }
    bench.delete("/api/v1/inputs").problem(405, "method-not-allowed");
    bench.post("/api/v1/outputs/m", &json!({})).problem(405, "method-not-allowed");
    bench.post("/", &json!({})).problem(405, "method-not-allowed");
    let problem = bench.post("/api/v1/inputs?tolerant=maybe", &input("b", 5002));
    problem.problem(422, "invalid-value");
    bench.post("/api/v1/inputs?nonsense=1", &input("b", 5002)).problem(422, "invalid-value");
}

#[test]
fn bad_takes() {
    let bench = set_up();
    let to = ("POST", "/api/v1/salvos");
    for (body, status, kind) in [
        (json!({ "routes": [] }), 422, "invalid-value"),
        (json!({ "routes": [{ "output": "m" }] }), 422, "invalid-value"),
        (
            json!({ "routes": [{ "output": "m", "input": "a" }], "wait_ms": 10_001 }),
            422,
            "invalid-value",
        ),
        (
            json!({ "routes": [{ "output": "m", "input": "a" }, { "output": "m", "input": null }] }),
            422,
            "twice-in-salvo",
        ),
        (
            json!({ "routes": [{ "output": "m", "input": null }, { "output": "x", "input": "a" }] }),
            404,
            "unknown-output",
        ),
    ] {
        refused(&bench, to, JSON, &body.to_string(), (status, kind));
    }
}
