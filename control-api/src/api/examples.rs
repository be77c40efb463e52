//! Examples of what is sent and answered: one operating room, told through all calls.
//!
//! They are put into the description beside the shapes, so that a whole body can be copied from
//! it. A scenario test sends each of them, in order, and a client made of the description reads
//! each answer.

use serde_json::{Value, json};
use utoipa::openapi::{Content, OpenApi, PathItem, RefOr, path::Operation};

/// A device's own description, as it comes.
const SDP: &str = "v=0\r\n\
    o=- 1 1 IN IP4 10.0.3.2\r\n\
    s=Room camera\r\n\
    t=0 0\r\n\
    m=video 5004 RTP/AVP 112\r\n\
    c=IN IP4 239.10.3.2/64\r\n\
    a=source-filter: incl IN IP4 239.10.3.2 10.0.3.2\r\n\
    a=rtpmap:112 raw/90000\r\n\
    a=fmtp:112 sampling=YCbCr-4:2:2; width=1920; height=1080; exactframerate=60; depth=10; \
    TCS=SDR; colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPN; \r\n\
    a=ts-refclk:localmac=40-A3-6B-A0-2B-D2\r\n\
    a=mediaclk:direct=0\r\n";

/// A whole site, small.
const SITE: &str = "[[zone]]\nname = \"OR 3\"\n\n[[input]]\nid = \"endoscope\"\n\
    zone = \"OR 3\"\nvideo = { width = 1920, height = 1080, rate = \"60\", \
    sampling = \"YCbCr-4:2:2\", depth = 10 }\n\
    legs = [{ address = \"239.10.3.1\", port = 5004 }]\n\n[[output]]\nid = \"main-monitor\"\n\
    zone = \"OR 3\"\nlegs = [{ address = \"239.20.3.1\", port = 5004 }]\n";

/// Puts every example where it belongs.
pub fn add(openapi: &mut OpenApi) {
    for item in openapi.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, .. } = item;
        for call in [get, put, post, delete].into_iter().flatten() {
            complete(call);
        }
    }
}

fn complete(call: &mut Operation) {
    let id = call.operation_id.clone().unwrap_or_default();
    if let Some(RefOr::T(body)) = &mut call.request_body {
        for (media_type, content) in &mut body.content {
            let RefOr::T(content) = content else { continue };
            content.example = sent(&id, media_type);
        }
    }
    for (status, answer) in &mut call.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        if let Some(RefOr::T(content)) = answer.content.get_mut("application/json") {
            content.example = answered(content, status);
        }
    }
}

/// What a call may be sent.
fn sent(call: &str, media_type: &str) -> Option<Value> {
    match media_type {
        "application/json" => {}
        "application/sdp" => return Some(SDP.into()),
        "application/toml" => return Some(SITE.into()),
        // Octets are not written by hand.
        _ => return None,
    }
    Some(match call {
        "create_input" | "put_input" => input_body(),
        "create_output" | "put_output" => output_body(),
        "put_route" => json!({ "input": "endoscope", "wait_ms": 2000 }),
        "create_salvo" => json!({
            "routes": [
                { "output": "main-monitor", "input": "endoscope" },
                { "output": "wall", "input": "room-camera", "levels": ["video"] }
            ],
            "wait_ms": 2000
        }),
        "undo_take" | "park_output" => json!({ "wait_ms": 2000 }),
        "create_preset" | "put_preset" => json!({
            "label": "Team time-out", "labels": { "de": "Team-Time-out" }, "zone": "OR 3",
            "routes": preset_routes()
        }),
        "preview_preset" => json!({ "fill": { "wall": "endoscope" } }),
        "recall_preset" => json!({ "fill": { "wall": "endoscope" }, "wait_ms": 2000 }),
        "put_zone" => json!({ "labels": { "de": "Saal 3" }, "plan": plan() }),
        "put_lock" => {
            json!({ "kind": "protect", "note": "team time-out", "expires_in_s": 3600 })
        }
        "put_monitor" => json!({
            "leg": { "address": "127.0.0.1", "port": 7004 }, "interval_ms": 250
        }),
        "put_findings" => json!({ "frozen": true, "black": false }),
        "put_input_analysis" | "put_output_analysis" => {
            json!({ "good": true, "seconds": 1.0, "until": "2026-01-31T09:30:00.000Z" })
        }
        "report_alarm" => json!({
            "severity": "minor", "subject": { "kind": "host", "id": "recorder-2" },
            "text": "The recorder's disk is nearly full.",
            "action": "Move old recordings to the archive.", "clears_after_s": 3600
        }),
        "acknowledge_alarm" => json!({ "note": "Service comes at 14:00." }),
        _ => return None,
    })
}

/// What is answered, by the shape it has.
fn answered(content: &Content, status: &str) -> Option<Value> {
    let schema = serde_json::to_value(content.schema.as_ref()?).ok()?;
    let name = |schema: &Value| Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned());
    if let Some(name) = name(&schema) {
        return answer(&name, status);
    }
    let one = answer(&name(&schema["items"])?, status)?;
    Some(json!([one]))
}

fn answer(name: &str, status: &str) -> Option<Value> {
    Some(match name {
        "Input" => {
            let now = json!({
                "type": "endoscope", "payload_type": 96, "max_udp": 1460, "colorimetry": "BT709",
                "merge": { "skew_us": 10000, "order": "restored" }, "backups": [],
                "failover": { "back": "automatic", "steady_ms": 3000, "frozen_ms": 2000 },
                "revision": "5f2a9c01d4e7b380", "findings": {}, "tally": ["main-monitor"],
                "signal": signal(), "levels": { "audio": { "signal": signal(), "tally": [] } }
            });
            let audio = json!({
                "format": { "depth": "L24", "rate_hz": 48000, "channels": 2, "packet_time": "1ms" },
                "legs": [{ "address": "239.10.3.11", "port": 5004 }], "payload_type": 97,
                "merge": { "skew_us": 10000, "order": "restored" }
            });
            with(with(input_body(), &now), &json!({ "audio": audio }))
        }
        "Output" => {
            let now = json!({
                "payload_type": 96, "ssrc": 3_405_691_582_u32, "ttl": 64, "dscp": 34,
                "revision": "0c81e4a7b2d95f36", "route": route(), "sent": {
                    "packets": 11_059_200, "bytes": 14_929_920_000_u64, "whole_frames": 3600,
                    "takes": 1, "withheld": {},
                    "legs": [{ "packets": 11_059_200, "failed_packets": 0 }]
                }
            });
            with(output_body(), &now)
        }
        "OutputRoute" => output_route(status),
        "SalvoView" | "SalvoAnswer" => {
            json!({ "take": 17, "routes": [output_route(status)] })
        }
        "ScheduledSalvo" => json!({
            "take": 18, "at": "1769851837500000000",
            "routes": [{ "output": "main-monitor", "input": "endoscope" }]
        }),
        "RecallView" => json!({ "take": 17, "routes": [output_route(status)], "open": ["wall"] }),
        "Preset" => json!({
            "id": "team-time-out", "label": "Team time-out", "labels": { "de": "Team-Time-out" },
            "zone": "OR 3", "routes": preset_routes(), "revision": "91d0b3c5a7e8f264"
        }),
        "PresetChange" => json!({
            "output": "wall", "change": "take", "from": "room-camera", "to": "endoscope"
        }),
        "Zone" => json!({
            "name": "OR 3", "labels": { "de": "Saal 3" }, "plan": plan(),
            "inputs": ["endoscope", "room-camera"], "outputs": ["main-monitor", "wall"],
            "presets": ["team-time-out"], "revision": "b7e2d94f01c6a853"
        }),
        "OutputLock" => json!({
            "output": "main-monitor", "kind": "protect", "owner": "Dr. Weber",
            "since": "2026-01-31T09:30:00.000Z", "expires_at": "2026-01-31T10:30:00.000Z",
            "note": "team time-out"
        }),
        "Take" => json!({
            "take": 17, "at": "2026-01-31T09:30:00.000Z", "last": true,
            "changes": [{
                "output": "main-monitor", "level": "video", "from": "room-camera",
                "to": "endoscope"
            }]
        }),
        "Alarm" => alarm(),
        "AlarmHistory" => json!({ "alarms": [alarm()], "complete": true }),
        "Monitor" => json!({
            "input": "endoscope", "leg": { "address": "127.0.0.1", "port": 7004 },
            "interval_ms": 250, "sent": {
                "packets": 12288, "bytes": 16_588_800, "whole_frames": 4, "takes": 0,
                "withheld": {}, "legs": [{ "packets": 12288, "failed_packets": 0 }]
            }
        }),
        "Findings" => json!({ "frozen_since": "2026-01-31T09:30:00.000Z" }),
        "SiteView" => {
            json!({ "applied": true, "changes": changes(), "revision": "2f7c1b9e5d8a4063" })
        }
        "BackupView" => json!({
            "restored": true, "inputs": 2, "outputs": 2, "presets": 1, "changes": changes()
        }),
        "Router" => json!({
            "connected": true, "reconciled": true, "version": "0.1.0", "lanes": 2,
            "started_at": "2026-01-31T06:00:00.000Z"
        }),
        "Ready" if status == "503" => json!({
            "ready": false, "router": false, "database": true,
            "detail": "The router is not connected: see `systemctl status ormatrix-router`."
        }),
        "Ready" => json!({ "ready": true, "router": true, "database": true }),
        "Wanted" => json!({ "inputs": ["endoscope"], "outputs": [] }),
        "Starting" => json!({ "state": "starting" }),
        _ => return None,
    })
}

fn video() -> Value {
    json!({
        "width": 1920, "height": 1080, "rate": "60", "sampling": "YCbCr-4:2:2", "depth": 10,
        "scan": "progressive", "packing": "GPM"
    })
}

fn input_body() -> Value {
    json!({
        "id": "endoscope", "label": "Endoscope 1", "labels": { "de": "Endoskop 1" },
        "zone": "OR 3", "type": "endoscope", "video": video(),
        "legs": [{ "address": "239.10.3.1", "port": 5004, "source": "10.0.3.1" }],
        "audio": { "legs": [{ "address": "239.10.3.11", "port": 5004 }] },
        "failover": { "frozen_ms": 2000 }
    })
}

fn output_body() -> Value {
    json!({
        "id": "main-monitor", "label": "Main monitor", "zone": "OR 3",
        "legs": [{ "address": "239.20.3.1", "port": 5004 }], "accepts": [video()],
        "on_loss": "slate"
    })
}

fn signal() -> Value {
    json!({
        "state": "ok", "since": "2026-01-31T09:29:00.000Z", "bits_per_second": 2_667_000_000_u64,
        "packets": 11_059_200, "lost_packets": 0, "whole_frames": 3600, "cut_frames": 0,
        "dropped": {}, "legs": [{
            "alive": true, "packets": 11_059_200, "lost_packets": 0, "behind_us": 0, "dropped": {}
        }]
    })
}

fn route() -> Value {
    json!({
        "input": "endoscope", "state": "live", "since": "2026-01-31T09:30:00.000Z",
        "confirmed_at": "2026-01-31T09:30:00.034Z", "take": 17
    })
}

/// 200 once it is confirmed, 202 before.
fn output_route(status: &str) -> Value {
    let mut route = with(route(), &json!({ "output": "main-monitor" }));
    if status == "202" {
        route["state"] = "waiting".into();
        if let Some(members) = route.as_object_mut() {
            members.remove("confirmed_at");
        }
    }
    route
}

fn preset_routes() -> Value {
    json!([
        { "output": "main-monitor", "input": "room-camera" },
        { "output": "wall", "open": true }
    ])
}

fn plan() -> Value {
    let display = json!({
        "output": "main-monitor", "x": 400, "y": 100, "width": 800, "height": 450
    });
    json!({ "width": 1600, "height": 900, "displays": [display] })
}

fn changes() -> Value {
    let label = json!({ "field": "label", "from": "Endoscope", "to": "Endoscope 1" });
    json!([{ "kind": "input", "id": "endoscope", "change": "changed", "fields": [label] }])
}

fn alarm() -> Value {
    json!({
        "id": "signal-lost:endoscope", "episode": 42, "kind": "signal-lost",
        "severity": "critical",
        "subject": { "kind": "input", "id": "endoscope", "label": "Endoscope 1" },
        "text": "Endoscope 1 is on a display and has no signal.",
        "action": "Check the source and its cable.", "times": 1,
        "raised_at": "2026-01-31T09:30:00.000Z",
        "acknowledged": {
            "by": "Dr. Weber", "at": "2026-01-31T09:30:20.000Z", "note": "Service comes at 14:00."
        }
    })
}

/// Members beside others.
fn with(mut whole: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    whole
}
