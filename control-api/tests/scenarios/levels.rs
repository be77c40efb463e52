//! Sound and ancillary data beside the picture: inventory, takes, SDP, metrics.

use std::collections::BTreeMap;

use ormatrix_protocol::{
    Event, InputCounters, InputId, Level, OutputCounters, RouteState, SignalState,
    status::Telemetry,
};
use serde_json::{Value, json};

use crate::bench::{Bench, input, output};

/// An input with every level, at `port` and the two after.
pub fn whole_input(id: &str, port: u16) -> Value {
    let leg = |port: u16| json!([{ "address": "127.0.0.1", "port": port }]);
    let mut body = input(id, port);
    body["audio"] = json!({ "legs": leg(port + 1) });
    body["ancillary"] = json!({ "legs": leg(port + 2) });
    body
}

/// An output with every level, at `port` and the two after.
pub fn whole_output(id: &str, port: u16) -> Value {
    let leg = |port: u16| json!([{ "address": "127.0.0.1", "port": port }]);
    let mut body = output(id, port);
    body["audio"] = json!({ "legs": leg(port + 1), "ssrc": 8 });
    body["ancillary"] = json!({ "legs": leg(port + 2) });
    body
}

/// `a` and `b` with every level, `v` with a picture only; `m` and `n` with every level.
pub fn set_up() -> Bench {
    let bench = Bench::new();
    for (id, port) in [("a", 5000), ("b", 5010)] {
        bench.post("/api/v1/inputs", &whole_input(id, port)).expect(201);
    }
    bench.add_input("v", 5020);
    for (id, port) in [("m", 6000), ("n", 6010)] {
        bench.post("/api/v1/outputs", &whole_output(id, port)).expect(201);
    }
    bench
}

/// What is on a level of an output, by its view.
fn on(view: &Value, level: &str) -> (Value, Value) {
    let route = if level == "video" { &view["route"] } else { &view["levels"][level]["route"] };
    (route["input"].clone(), route["state"].clone())
}

#[test]
fn levels_are_answered_with_what_was_left_out() {
    let bench = set_up();
    let made = bench.get("/api/v1/inputs/a").expect(200);
    let audio = json!({
        "format": { "depth": "L24", "rate_hz": 48000, "channels": 2, "packet_time": "1ms" },
        "legs": [{ "address": "127.0.0.1", "port": 5001 }],
        "merge": { "skew_us": 10_000, "order": "restored" }, "payload_type": 97
    });
    let ancillary = json!({
        "format": { "rate": "60000/1001", "interlace": false },
        "legs": [{ "address": "127.0.0.1", "port": 5002 }],
        "merge": { "skew_us": 10_000, "order": "restored" }, "payload_type": 100
    });
    assert_eq!((&made["audio"], &made["ancillary"]), (&audio, &ancillary));
    let signal = &made["levels"]["audio"]["signal"];
    assert_eq!((&signal["state"], &signal["packets"]), (&json!("ok"), &json!(0)));
    assert_eq!(made["levels"]["ancillary"]["tally"], json!([]));
    assert_eq!(bench.get("/api/v1/inputs/v").expect(200).get("levels"), None);

    let made = bench.get("/api/v1/outputs/m").expect(200);
    let audio = json!({
        "legs": [{ "address": "127.0.0.1", "port": 6001 }],
        "payload_type": 97, "ssrc": 8, "ramp_ms": 5
    });
    assert_eq!(made["audio"], audio);
    assert_eq!(
        (&made["ancillary"]["payload_type"], made["ancillary"].get("ramp_ms")),
        (&json!(100), None)
    );
    assert_eq!(on(&made, "ancillary"), (Value::Null, json!("none")));
    assert_eq!(made["levels"]["audio"]["sent"]["packets"], 0);

    // What GET shows can be sent back and changes nothing, nor is the router asked.
    let asked = bench.model().commands.len();
    for path in ["/api/v1/inputs/a", "/api/v1/outputs/m"] {
        let seen = bench.get(path).expect(200);
        assert_eq!(bench.put(path, &seen).expect(200), seen);
    }
    assert_eq!(bench.model().commands.len(), asked);
}

#[test]
fn a_partial_format_is_filled_up_and_interlaced_data_follow_the_picture() {
    let bench = Bench::new();
    let mut body = whole_input("a", 5000);
    body["video"]["scan"] = "interlaced".into();
    body["audio"]["format"] = json!({ "channels": 8, "packet_time": "125us" });
    body["audio"]["merge"] = json!({ "class": "C" });
    let made = bench.post("/api/v1/inputs", &body).expect(201);
    let format = &made["audio"]["format"];
    assert_eq!((&format["channels"], &format["depth"]), (&json!(8), &json!("L24")));
    // No sound is of high bit rate.
    assert_eq!(made["audio"]["merge"]["skew_us"], 450_000);
    assert_eq!(made["ancillary"]["format"]["interlace"], true);
}

#[test]
fn levels_outlive_a_restart_and_reach_a_router_that_forgot() {
    let mut bench = set_up();
    let before = bench.everything();
    bench.stop_control();
    bench.model().inputs.clear();
    bench.model().outputs.clear();
    bench.start_control();
    bench.until_reconciled();
    assert_eq!(bench.everything(), before);
}

#[test]
fn a_take_takes_every_level_and_waits_for_each() {
    let bench = set_up();
    let done = bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    for level in ["audio", "ancillary"] {
        assert_eq!(done["levels"][level]["route"]["state"], "live", "{done}");
        assert_eq!(done["levels"][level]["route"]["take"], done["take"]);
    }
    let seen = bench.get("/api/v1/inputs/a").expect(200);
    assert_eq!((&seen["tally"], &seen["levels"]["audio"]["tally"]), (&json!(["m"]), &json!(["m"])));

    // One that has no sound leaves none of another's behind.
    let done = bench.put("/api/v1/outputs/m/route", &json!({ "input": "v" })).expect(200);
    assert_eq!(on(&json!({ "route": done, "levels": done["levels"] }), "video").0, "v");
    assert_eq!(done["levels"]["audio"]["route"]["state"], "none");

    // The picture alone is not enough.
    bench.model().confirms = false;
    let mut events = bench.listen(None);
    let model = bench.model.clone();
    let confirm = std::thread::spawn(move || {
        while events.next_named("route").data["level"] != "ancillary" {}
        let mut model = model.lock().unwrap();
        let take = model.take;
        for level in Level::ALL {
            model.set_level_route("m", level, Some("b"), RouteState::Live, take);
        }
    });
    let body = json!({ "input": "b", "wait_ms": 10_000 });
    let done = bench.put("/api/v1/outputs/m/route", &body).expect(200);
    assert_eq!(done["levels"]["ancillary"]["route"]["state"], "live");
    confirm.join().unwrap();
    let body = json!({ "input": "a", "wait_ms": 0 });
    let done = bench.put("/api/v1/outputs/m/route", &body).expect(202);
    assert_eq!(done["levels"]["audio"]["route"]["state"], "switching");
    let take = bench.model().take;
    bench.model().set_route("m", Some("a"), RouteState::Live, take);
    let again = json!({ "input": "a", "wait_ms": 1 });
    bench.put("/api/v1/outputs/m/route", &again).expect(202);
}

#[test]
fn breakaway_takes_levels_apart() {
    let bench = set_up();
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let body = json!({ "input": "b", "levels": ["audio"] });
    let done = bench.put("/api/v1/outputs/m/route", &body).expect(200);
    // The picture is told as it is; of the others, what was taken.
    assert_eq!(
        (&done["input"], &done["levels"]["audio"]["route"]["input"]),
        (&json!("a"), &json!("b"))
    );
    assert_eq!(done["levels"].get("ancillary"), None);
    let seen = bench.get("/api/v1/outputs/m").expect(200);
    assert_eq!(on(&seen, "video"), (json!("a"), json!("live")));
    assert_eq!(on(&seen, "audio"), (json!("b"), json!("live")));
    assert_eq!(on(&seen, "ancillary"), (json!("a"), json!("live")));
    let b = bench.get("/api/v1/inputs/b").expect(200);
    assert_eq!((&b["tally"], &b["levels"]["audio"]["tally"]), (&json!([]), &json!(["m"])));
    // Heard is used, too.
    let problem = bench.delete("/api/v1/inputs/b").problem(409, "input-routed");
    assert_eq!(problem["outputs"], json!(["m"]));

    let done = bench.delete("/api/v1/outputs/m/route?levels=audio,ancillary").expect(200);
    assert_eq!(
        (&done["state"], &done["levels"]["audio"]["route"]["state"]),
        (&json!("live"), &json!("none"))
    );
    bench.delete("/api/v1/outputs/m/route").expect(200);
    assert_eq!(on(&bench.get("/api/v1/outputs/m").expect(200), "video").1, "none");

    // A salvo may take the levels of one output from different inputs.
    let routes = json!([
        { "output": "m", "input": "a", "levels": ["video", "ancillary"] },
        { "output": "m", "input": "b", "levels": ["audio"] },
        { "output": "n", "input": "b" },
    ]);
    bench.post("/api/v1/salvos", &json!({ "routes": routes })).expect(200);
    let seen = bench.get("/api/v1/outputs/m").expect(200);
    assert_eq!((on(&seen, "video").0, on(&seen, "audio").0), (json!("a"), json!("b")));
}

#[test]
fn sound_without_signal_is_no_reason_to_refuse_a_picture() {
    let bench = set_up();
    bench.model().set_level_signal("a", Level::Audio, SignalState::Lost);
    let router = bench.running().app.router.clone();
    let a: InputId = "a".parse().unwrap();
    let lost = || {
        let look = |m: &ormatrix_control::mirror::Mirror| {
            m.inputs[&a].reception(Level::Audio).unwrap().signal.state == SignalState::Lost
        };
        router.read(|m| look(m.unwrap()))
    };
    bench.until(lost);
    let seen = bench.get("/api/v1/inputs/a").expect(200);
    assert_eq!(
        (&seen["signal"]["state"], &seen["levels"]["audio"]["signal"]["state"]),
        (&json!("ok"), &json!("lost"))
    );
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    // Who asks for sound alone is told.
    let body = json!({ "input": "a", "levels": ["audio"] });
    let problem = bench.put("/api/v1/outputs/n/route", &body).problem(409, "no-signal");
    assert_eq!(problem["level"], "audio");
    assert!(problem["detail"].as_str().unwrap().contains("no audio signal"), "{problem}");
}

#[test]
fn bad_levels_are_refused_and_change_nothing() {
    let bench = set_up();
    bench.add_output("x", 6020);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let before = bench.everything();
    let route =
        |output: &str, body: Value| bench.put(&format!("/api/v1/outputs/{output}/route"), &body);
    for (problem, field) in [
        (route("m", json!({ "input": "a", "levels": [] })), "levels"),
        (route("m", json!({ "input": "a", "levels": ["sound"] })), "levels[0]"),
        (route("m", json!({ "input": "a", "levels": "audio" })), "levels"),
        (bench.delete("/api/v1/outputs/m/route?levels=sound"), "levels"),
        (bench.delete("/api/v1/outputs/m/route?levels="), "levels"),
        (bench.delete("/api/v1/outputs/m/route?level=audio"), "query"),
    ] {
        assert_eq!(problem.problem(422, "invalid-value")["field"], field);
    }
    let problem = route("x", json!({ "input": "a", "levels": ["audio"] }));
    let problem = problem.problem(409, "no-such-level");
    assert_eq!((&problem["output"], &problem["level"]), (&json!("x"), &json!("audio")));
    let problem = route("m", json!({ "input": "v", "levels": ["video", "ancillary"] }));
    let problem = problem.problem(409, "no-such-level");
    assert_eq!((&problem["input"], &problem["level"]), (&json!("v"), &json!("ancillary")));
    bench.delete("/api/v1/outputs/x/route?levels=audio").problem(409, "no-such-level");
    route("m", json!({ "input": "a", "levels": ["audio", "audio"] }))
        .problem(422, "twice-in-salvo");
    for routes in [
        json!([{ "output": "m", "input": "a" }, { "output": "m", "input": "b", "levels": ["audio"] }]),
        json!([
            { "output": "m", "input": "a", "levels": ["audio"] },
            { "output": "m", "input": null, "levels": ["ancillary", "audio"] }
        ]),
    ] {
        bench.post("/api/v1/salvos", &json!({ "routes": routes })).problem(422, "twice-in-salvo");
    }
    let routes = json!([{ "output": "m", "input": "a", "levels": [] }]);
    let problem = bench.post("/api/v1/salvos", &json!({ "routes": routes }));
    assert_eq!(problem.problem(422, "invalid-value")["field"], "routes[0].levels");
    assert_eq!(bench.everything(), before);
}

#[test]
fn bad_streams_name_their_field() {
    let bench = set_up();
    let before = bench.everything();
    let wrong = |change: &dyn Fn(&mut Value), field: &str| {
        let mut body = whole_input("c", 5030);
        change(&mut body);
        let problem = bench.post("/api/v1/inputs", &body).problem(422, "invalid-value");
        assert_eq!(problem["field"], field, "{problem}");
    };
    wrong(&|b| b["audio"]["format"] = json!({ "channels": 65 }), "audio.format");
    wrong(&|b| b["audio"]["format"] = json!({ "channels": 11 }), "audio.format");
    wrong(&|b| b["audio"]["format"] = json!({ "depth": "L20" }), "audio.format.depth");
    wrong(&|b| b["audio"]["format"] = json!({ "rate_hz": 8000 }), "audio.format.rate_hz");
    wrong(&|b| b["audio"]["format"] = json!({ "packet_time": "2ms" }), "audio.format.packet_time");
    wrong(&|b| b["audio"]["legs"] = json!([]), "audio.legs");
    wrong(&|b| b["audio"]["legs"][0]["port"] = 0.into(), "audio.legs[0].port");
    wrong(&|b| b["audio"]["legs"][0]["port"] = 5030.into(), "audio.legs");
    wrong(&|b| b["ancillary"]["legs"] = b["audio"]["legs"].clone(), "ancillary.legs");
    wrong(&|b| b["audio"]["payload_type"] = 95.into(), "audio.payload_type");
    wrong(&|b| b["audio"]["merge"] = json!({ "skew_us": 0 }), "audio.merge.skew_us");
    wrong(
        &|b| b["ancillary"]["merge"] = json!({ "class": "A", "skew_us": 1 }),
        "ancillary.merge.skew_us",
    );
    wrong(&|b| b["ancillary"]["format"] = json!({ "rate": "0" }), "ancillary.format.rate");
    wrong(&|b| b["ancillary"]["ramp_ms"] = 5.into(), "ancillary.ramp_ms");

    let wrong = |change: &dyn Fn(&mut Value), field: &str| {
        let mut body = whole_output("o", 6030);
        change(&mut body);
        let problem = bench.post("/api/v1/outputs", &body).problem(422, "invalid-value");
        assert_eq!(problem["field"], field, "{problem}");
    };
    wrong(&|b| b["audio"]["ramp_ms"] = 101.into(), "audio.ramp_ms");
    wrong(&|b| b["ancillary"]["ramp_ms"] = 5.into(), "ancillary.ramp_ms");
    wrong(&|b| b["audio"]["legs"][0]["address"] = "0.0.0.0".into(), "audio.legs[0].address");
    wrong(&|b| b["audio"]["format"] = json!({}), "audio.format");
    wrong(&|b| b["audio"]["legs"][0]["port"] = 6030.into(), "audio.legs");

    // An address belongs to one level of one input.
    let mut body = input("c", 5001);
    let problem = bench.post("/api/v1/inputs", &body).problem(409, "address-taken");
    assert_eq!((&problem["input"], &problem["port"]), (&json!("a"), &json!(5001)));
    body = whole_input("c", 5030);
    body["ancillary"]["legs"][0]["port"] = 5020.into();
    let problem = bench.post("/api/v1/inputs", &body).problem(409, "address-taken");
    assert_eq!(problem["input"], "v");
    assert_eq!(bench.everything(), before);
}

#[test]
fn levels_are_told_and_counted_apart() {
    let bench = set_up();
    let mut events = bench.listen(None);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let mut told = Vec::new();
    for _ in 0..6 {
        let data = events.next_named("route").data;
        told.push((data["level"].clone(), data["route"]["state"].clone()));
    }
    for level in ["video", "audio", "ancillary"] {
        assert!(told.contains(&(json!(level), json!("live"))), "{told:?}");
    }
    bench.model().set_level_signal("a", Level::Audio, SignalState::Unstable);
    let data = events.next_named("signal").data;
    assert_eq!((&data["level"], &data["signal"]["state"]), (&json!("audio"), &json!("unstable")));
    assert_eq!(data.get("findings"), None);

    let (a, m) = ("a".parse().unwrap(), "m".parse().unwrap());
    let telemetry = |at: u64, bytes: u64| Telemetry {
        at,
        input_levels: BTreeMap::from([(
            InputId::clone(&a),
            BTreeMap::from([(
                Level::Audio,
                InputCounters { packets: 9, bytes, ..InputCounters::default() },
            )]),
        )]),
        output_levels: BTreeMap::from([(
            ormatrix_protocol::OutputId::clone(&m),
            BTreeMap::from([(
                Level::Ancillary,
                OutputCounters { packets: 4, ..OutputCounters::default() },
            )]),
        )]),
        ..Telemetry::default()
    };
    bench.model().tell(Event::Telemetry(telemetry(1_000_000_000, 0)));
    bench.model().tell(Event::Telemetry(telemetry(2_000_000_000, 288_000)));
    bench.model().set_level_signal("a", Level::Audio, SignalState::Ok);
    events.next_named("signal");
    let seen = bench.get("/api/v1/inputs/a").expect(200);
    assert_eq!(seen["levels"]["audio"]["signal"]["bits_per_second"], 2_304_000);
    assert_eq!(seen["signal"]["bits_per_second"], Value::Null);
    let sent = bench.get("/api/v1/outputs/m").expect(200);
    assert_eq!(sent["levels"]["ancillary"]["sent"]["packets"], 4);

    let text = String::from_utf8(bench.get("/metrics").octets).unwrap();
    for line in [
        "ormatrix_input_packets_total{input=\"a\",level=\"audio\"} 9",
        "ormatrix_input_packets_total{input=\"a\",level=\"video\"} 0",
        "ormatrix_input_signal{input=\"a\",level=\"ancillary\",state=\"ok\"} 1",
        "ormatrix_output_packets_total{output=\"m\",level=\"ancillary\"} 4",
        "ormatrix_output_route{output=\"m\",level=\"audio\",state=\"live\"} 1",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    assert!(!text.contains("{input=\"v\",level=\"audio\""), "{text}");
}

#[test]
fn a_session_with_every_level_goes_in_and_out() {
    let bench = set_up();
    let text = String::from_utf8(bench.get("/api/v1/inputs/a/sdp").octets).unwrap();
    for line in [
        "m=video 5000 RTP/AVP 112\r\n",
        "m=audio 5001 RTP/AVP 97\r\n",
        "a=rtpmap:97 L24/48000/2\r\n",
        "a=ptime:1\r\n",
        "m=video 5002 RTP/AVP 100\r\n",
        "a=rtpmap:100 smpte291/90000\r\n",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    // What one matrix describes, another takes whole.
    let away = text.replace("127.0.0.1", "127.0.0.7");
    let sdp = [("content-type", "application/sdp")];
    let send = |path: &str, text: &str| bench.call("POST", path, &sdp, Some(text.as_bytes()));
    let made = send("/api/v1/inputs?id=copy", &away).expect(201);
    let mut expected = bench.get("/api/v1/inputs/a").expect(200);
    for level in ["audio", "ancillary"] {
        expected[level]["legs"][0]["address"] = "127.0.0.7".into();
        assert_eq!(made[level], expected[level]);
    }
    assert_eq!(made.get("warnings"), None);

    // Of several streams of a level, the first, and the others by name.
    let at = text.find("m=audio").unwrap();
    let end = at + text[at..].find("m=video").unwrap();
    let more = away.replace("5000", "5100").replace("5001", "5101").replace("5002", "5102");
    let second = text[at..end].replace("5001", "5109").replace("127.0.0.1", "127.0.0.7");
    let made = send("/api/v1/inputs?id=more", &format!("{more}{second}")).expect(201);
    assert_eq!(made["audio"]["legs"][0]["port"], 5101);
    let warning = made["warnings"][0].as_str().unwrap();
    assert!(warning.contains("audio") && warning.contains("127.0.0.7:5109"), "{warning}");
    assert_eq!(bench.get("/api/v1/inputs/more").expect(200).get("warnings"), None);

    // An output has the format of what is on each level.
    let mut eight = whole_input("eight", 5040);
    eight["audio"]["format"] = json!({ "channels": 8 });
    bench.post("/api/v1/inputs", &eight).expect(201);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let described = || String::from_utf8(bench.get("/api/v1/outputs/m/sdp").octets).unwrap();
    let whole = described();
    assert!(whole.contains("m=audio 6001 ") && whole.contains("L24/48000/2\r\n"), "{whole}");
    assert!(whole.contains("m=video 6002 RTP/AVP 100\r\n"), "{whole}");
    let body = json!({ "input": "eight", "levels": ["audio"] });
    bench.put("/api/v1/outputs/m/route", &body).expect(200);
    assert!(described().contains("L24/48000/8\r\n"));
    // Without sound there, there is none to describe.
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "v" })).expect(200);
    assert!(!described().contains("m=audio"));

    let made = send("/api/v1/outputs?id=from-sdp", &whole.replace("127.0.0.1", "127.0.0.9"));
    let made = made.expect(201);
    assert_eq!(
        (&made["audio"]["legs"][0]["port"], &made["audio"]["ramp_ms"]),
        (&json!(6001), &json!(5))
    );
    assert_ne!(made["ancillary"]["ssrc"], Value::Null);
}
