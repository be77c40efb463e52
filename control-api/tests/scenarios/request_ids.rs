//! Every request has an id: in its answer, in its problem, and in what is asked of the router.

use std::collections::HashSet;

use serde_json::json;

use crate::bench::{Bench, input};

#[test]
fn every_answer_carries_an_id_and_problems_repeat_it() {
    let bench = Bench::new();
    let paths = ["/livez", "/api/v1/inputs", "/api/v1/inputs/x", "/nothing", "/", "/index.html"];
    let ids: HashSet<String> =
        paths.iter().map(|path| bench.get(path).header("x-request-id").to_owned()).collect();
    assert_eq!(ids.len(), paths.len(), "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");

    for path in ["/api/v1/inputs/x", "/nothing"] {
        let answer = bench.call("GET", path, &[("x-request-id", "Panel-3.17")], None);
        assert_eq!(answer.header("x-request-id"), "Panel-3.17");
        assert_eq!(answer.expect(404)["request_id"], "Panel-3.17");
    }
    // Also where a call is turned away before it is looked at.
    let foreign = [("x-request-id", "a"), ("host", "evil.example")];
    assert_eq!(bench.call("GET", "/livez", &foreign, None).expect(403)["request_id"], "a");
    let longest = "x".repeat(64);
    let kept = bench.call("GET", "/livez", &[("x-request-id", &longest)], None);
    assert_eq!(kept.header("x-request-id"), longest);
    for bad in ["", "a b", "a;b", &"x".repeat(65)] {
        let answer = bench.call("GET", "/api/v1/inputs/x", &[("x-request-id", bad)], None);
        let id = answer.header("x-request-id").to_owned();
        assert_eq!((id.len(), &answer.expect(404)["request_id"]), (32, &json!(id)), "{bad:?}");
    }
}

#[test]
fn the_router_is_told_whose_request_it_is() {
    let bench = Bench::new();
    let json = [("content-type", "application/json"), ("x-request-id", "set-up")];
    let body = input("a", 5000).to_string();
    bench.call("PUT", "/api/v1/inputs/a", &json, Some(body.as_bytes())).expect(201);
    bench.add_output("m", 6000);
    let json = [("content-type", "application/json"), ("x-request-id", "panel-3")];
    let path = "/api/v1/outputs/m/route";
    bench.call("PUT", path, &json, Some(br#"{"input":"a"}"#)).expect(200);
    let told: Vec<_> =
        bench.model().requests.iter().map(|id| id.as_ref().map(ToString::to_string)).collect();
    assert_eq!((told[0].as_deref(), told[2].as_deref()), (Some("set-up"), Some("panel-3")));
    assert_eq!(told[1].as_ref().map(String::len), Some(32));

    // What control does by itself is nobody's request.
    let before = bench.model().requests.len();
    let mut bench = bench;
    bench.stop_router();
    bench.model().inputs.clear();
    bench.start_router();
    bench.until_reconciled();
    let model = bench.model();
    assert!(model.requests.len() > before);
    assert!(model.requests[before..].iter().all(Option::is_none), "{:?}", model.requests);
}
