//! Answers for tests: whole ones, of which a test says only what it is about.

use ormatrix_client::types::{Input, Output, Router};
use serde_json::{Value, json};

/// An input; what is not said is as of one that nobody has changed.
pub fn input(said: &Value) -> Input {
    let whole = json!({
        "id": "input", "label": "", "zone": "", "type": "other", "legs": [], "tally": [],
        "payload_type": 96, "max_udp": 1460, "colorimetry": "BT709", "backups": [],
        "revision": "1", "merge": { "skew_us": 10000, "order": "restored" },
        "failover": { "back": "automatic", "steady_ms": 3000 },
        "video": {
            "width": 1920, "height": 1080, "rate": "60000/1001", "sampling": "YCbCr-4:2:2",
            "depth": 10, "scan": "progressive", "packing": "GPM"
        },
        "signal": { "state": "unknown", "dropped": {}, "legs": [] },
    });
    let mut whole = over(whole, said);
    for leg in whole["signal"]["legs"].as_array_mut().into_iter().flatten() {
        let counted = json!({ "packets": 0, "lost_packets": 0, "behind_us": 0, "dropped": {} });
        *leg = over(counted, leg);
    }
    serde_json::from_value(whole).unwrap()
}

/// An output, likewise.
pub fn output(said: &Value) -> Output {
    let mut whole = over(
        json!({
            "id": "output", "label": "", "zone": "", "legs": [], "payload_type": 96, "ssrc": 1,
            "ttl": 64, "dscp": 34, "accepts": "any", "on_loss": "nothing", "revision": "1",
            "route": { "state": "none" },
        }),
        said,
    );
    let levels = whole.get_mut("levels").and_then(Value::as_object_mut);
    for level in levels.into_iter().flat_map(|all| all.values_mut()) {
        *level = over(json!({ "route": { "state": "live" } }), level);
    }
    for (part, rest) in [
        ("lock", json!({ "kind": "lock", "owner": "", "since": "" })),
        (
            "sent",
            json!({
                "packets": 0, "bytes": 0, "whole_frames": 0, "takes": 0, "withheld": {}, "legs": []
            }),
        ),
    ] {
        if let Some(said) = whole.get_mut(part).filter(|said| said.is_object()) {
            *said = over(rest, said);
        }
    }
    serde_json::from_value(whole).unwrap()
}

/// A connection to the router, likewise.
pub fn router(said: &Value) -> Router {
    let whole = json!({ "connected": true, "reconciled": true });
    serde_json::from_value(over(whole, said)).unwrap()
}

/// What is said, over what is not.
fn over(mut whole: Value, said: &Value) -> Value {
    for (key, value) in said.as_object().into_iter().flatten() {
        whole[key] = match whole.get(key) {
            Some(part @ Value::Object(_)) => over(part.clone(), value),
            _ => value.clone(),
        };
    }
    whole
}
