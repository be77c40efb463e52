//! The client that is made of the description, against the server that is described.

use std::collections::BTreeSet;

use ormatrix_client::{
    Client, CreateInputOptions, CreateSalvoAnswer, DeleteLockOptions, DeleteOutputOptions,
    DeleteRouteOptions, Error, GetInputAnalysisAnswer, ListenOptions, OPERATIONS, PutInputOptions,
    types::{
        InputBody, Leg, LockBody, RouteBody, RouteState, SalvoBody, SalvoRoute, SignalState, Video,
    },
};
use serde_json::{Value, json};

use crate::bench::{Bench, output};

fn client(bench: &Bench) -> Client {
    Client::new(&bench.url(""))
}

/// What the server describes now.
fn described() -> Value {
    serde_json::to_value(ormatrix_control::api::openapi()).unwrap()
}

#[test]
fn every_call_has_a_method() {
    let described = described();
    let mut calls = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            let id = call["operationId"].as_str().unwrap().to_owned();
            calls.insert((id, method.to_uppercase(), path.clone()));
        }
    }
    let known =
        OPERATIONS.iter().map(|call| (call.id.into(), call.method.into(), call.path.into()));
    assert_eq!(known.collect::<BTreeSet<_>>(), calls);
    assert!(calls.len() > 50, "{}", calls.len());
}

/// A body, an SDP, a take in two ways, several takes, events, octets and nothing at all.
#[test]
fn calls_of_every_kind_are_made() {
    let bench = Bench::new();
    let client = client(&bench).named("Schwester Jördis");
    assert!(client.readyz().unwrap().value().unwrap().ready);

    let video = Video {
        scan: None,
        packing: None,
        ..serde_json::from_value(crate::bench::video()).unwrap()
    };
    let legs = vec![Leg::new("127.0.0.1".to_owned(), 5000)];
    let body = InputBody { zone: Some("OR 3/ü".to_owned()), ..InputBody::new(legs, video) };
    let options = PutInputOptions { if_none_match: Some("*".to_owned()), ..Default::default() };
    let added = client.put_input("endoscope", &body, &options).unwrap();
    assert!(added.is_created());
    let added = added.value().unwrap();
    assert_eq!((added.zone.as_str(), &added.signal.state), ("OR 3/ü", &SignalState::Ok));

    // A revision that is not the latest.
    let if_match = Some("\"0\"".to_owned());
    let stale = PutInputOptions { if_match, ..PutInputOptions::default() };
    match client.put_input("endoscope", &body, &stale) {
        Err(Error::Problem(problem, body)) => {
            assert_eq!((problem.status, &*problem.type_), (412, "/problems/stale"));
            assert_eq!(body["request_id"], json!(problem.request_id));
        }
        other => panic!("{other:?}"),
    }

    let sdp = client.get_input_sdp("endoscope").unwrap().replace("m=video 5000", "m=video 5002");
    let options = CreateInputOptions {
        id: Some("again".to_owned()),
        label: Some("A & B = C?".to_owned()),
        ..CreateInputOptions::default()
    };
    let again = client.create_input_sdp(&sdp, &options).unwrap().value().unwrap();
    assert_eq!((&*again.id, &*again.label), ("again", "A & B = C?"));

    bench.add_output("main", 6000);
    let mut events = client.listen(&ListenOptions::default()).unwrap();
    assert_eq!(events.next().unwrap().name, "reset");
    let taken = client.put_route("main", &RouteBody::new("endoscope".to_owned())).unwrap();
    assert!(taken.is_done());
    assert_eq!(taken.value().unwrap().state, RouteState::Live);
    let told = events.by_ref().find(|event| event.name == "route").unwrap();
    assert_eq!((told.data["output"].as_str(), told.id.is_some()), (Some("main"), true));

    // What is not confirmed in time says so.
    bench.model().confirms = false;
    let wait_ms = Some(0);
    let body = RouteBody { wait_ms, ..RouteBody::new("again".to_owned()) };
    assert!(!client.put_route("main", &body).unwrap().is_done());
    bench.model().confirms = true;

    let routes = vec![SalvoRoute { output: "main".to_owned(), input: None, levels: None }];
    match client.create_salvo(&SalvoBody::new(routes)).unwrap() {
        CreateSalvoAnswer::Done(answer) => {
            assert_eq!(answer.value().unwrap().routes[0].state, RouteState::None);
        }
        other @ CreateSalvoAnswer::Accepted(_) => panic!("{other:?}"),
    }
    let levels = Some("video,audio".to_owned());
    let refused = client.delete_route("main", &DeleteRouteOptions { levels });
    assert!(matches!(refused, Err(Error::Problem(..))), "it has no sound: {refused:?}");

    // Whoever measures asks what is wanted.
    assert_eq!(client.get_wanted().unwrap().value().unwrap().inputs, [""; 0]);
    let answer = client.get_input_analysis("endoscope").unwrap();
    assert!(matches!(answer, GetInputAnalysisAnswer::Accepted(_)), "{answer:?}");
    client.put_input_analysis("endoscope", &json!({ "good": true })).unwrap();
    match client.get_input_analysis("endoscope").unwrap() {
        GetInputAnalysisAnswer::Done(report) => assert_eq!(report.body()["good"], true),
        other @ GetInputAnalysisAnswer::Accepted(_) => panic!("{other:?}"),
    }

    // Whoever asks has a name, in whatever language.
    let lock = client.put_lock("main", &LockBody::default()).unwrap().value().unwrap();
    assert_eq!(lock.owner, "Schwester Jördis");
    client.delete_lock("main", &DeleteLockOptions::default()).unwrap();

    assert!(client.get_backup().unwrap().starts_with(b"SQLite format 3\0"));
    assert!(client.metrics().unwrap().contains("ormatrix_build_info"));
    assert!(client.export_site().unwrap().contains("endoscope"));
    assert_eq!(client.openapi().unwrap().body()["info"]["title"], "ormatrix");
    client.delete_output("main", &DeleteOutputOptions::default()).unwrap();
    assert_eq!(client.list_outputs().unwrap().value().unwrap(), []);
}

/// What this client does not know, a newer server may say.
#[test]
fn what_a_newer_server_adds_does_not_disturb() {
    let bench = Bench::new();
    bench.add_input("endoscope", 5000);
    bench.add_output("main", 6000);
    let client = client(&bench);
    let mut inputs = client.list_inputs().unwrap().body().clone();
    inputs[0]["colour"] = json!({ "of": "the future" });
    inputs[0]["signal"]["state"] = json!("flickering");
    inputs[0]["type"] = json!("hologram");
    let read: Vec<ormatrix_client::types::Input> = serde_json::from_value(inputs).unwrap();
    assert_eq!(read[0].signal.state, SignalState::from("flickering"));
    assert_eq!(read[0].signal.state.as_str(), "flickering");
    assert_eq!(json!(read[0].type_), json!("hologram"), "it is said on as it was said");

    let mut output = client.get_output("main").unwrap().body().clone();
    output["route"]["stand_in"] = json!({ "recording": 7 });
    output["accepts"] = json!({ "at_most": "1080p60" });
    let read: ormatrix_client::types::Output = serde_json::from_value(output.clone()).unwrap();
    assert_eq!(json!(read.route.stand_in), output["route"]["stand_in"]);
    assert_eq!(json!(read.accepts), output["accepts"]);
}

#[test]
fn who_is_not_there_and_who_is_not_ours_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let nobody = Client::new(&format!("http://{address}"));
    assert!(matches!(nobody.list_inputs(), Err(Error::Unreachable { .. })));

    let bench = Bench::new();
    // A page is no API.
    let page = Client::new(&bench.url("/reference?"));
    assert!(matches!(page.list_inputs(), Err(Error::NotOurs { status: 200, .. })));
}

/// A name, and a type that must hold all that an example says.
macro_rules! readers {
    ($($name:ident),* $(,)?) => {
        fn read(name: &str, example: &Value) -> Option<Value> {
            match name {
                $(stringify!($name) => {
                    let read: ormatrix_client::types::$name =
                        serde_json::from_value(example.clone())
                            .unwrap_or_else(|error| panic!("{name}: {error}: {example}"));
                    Some(json!(read))
                })*
                _ => None,
            }
        }
    };
}

readers!(
    Alarm,
    AlarmHistory,
    BackupView,
    Findings,
    Input,
    Monitor,
    Output,
    OutputLock,
    OutputRoute,
    Preset,
    PresetChange,
    Ready,
    RecallView,
    Router,
    SalvoAnswer,
    SalvoView,
    ScheduledSalvo,
    SiteView,
    Starting,
    Take,
    Wanted,
    Zone,
);

#[test]
fn every_answer_has_an_example_that_the_client_reads_whole() {
    for (path, methods) in described()["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            for (status, answer) in call["responses"].as_object().unwrap() {
                let content = &answer["content"]["application/json"];
                let (schema, mut example) = (&content["schema"], &content["example"]);
                let of = match schema["items"]["$ref"].as_str() {
                    Some(of) => {
                        example = &example[0];
                        of
                    }
                    None => match schema["$ref"].as_str() {
                        Some(of) => of,
                        None => continue,
                    },
                };
                let name = of.rsplit('/').next().unwrap();
                assert!(!example.is_null(), "no example: {method} {path} {status}");
                let read = read(name, example);
                assert_eq!(read.as_ref(), Some(example), "{method} {path} {status}: {name}");
            }
        }
    }
}

/// In an order in which each has what it is about.
const STORY: [(&str, &str); 26] = [
    ("create_input", "application/json"),
    ("put_input", "application/json"),
    ("create_input", "application/sdp"),
    ("create_output", "application/json"),
    ("put_output", "application/json"),
    ("put_route", "application/json"),
    ("create_salvo", "application/json"),
    ("undo_take", "application/json"),
    ("park_output", "application/json"),
    ("create_preset", "application/json"),
    ("put_preset", "application/json"),
    ("preview_preset", "application/json"),
    ("recall_preset", "application/json"),
    ("put_zone", "application/json"),
    ("put_monitor", "application/json"),
    ("put_findings", "application/json"),
    ("put_input_analysis", "application/json"),
    ("put_output_analysis", "application/json"),
    ("report_alarm", "application/json"),
    ("acknowledge_alarm", "application/json"),
    ("put_input", "application/sdp"),
    ("create_output", "application/sdp"),
    ("put_output", "application/sdp"),
    ("put_route", "application/json"),
    ("apply_site", "application/toml"),
    ("put_lock", "application/json"),
];

#[test]
fn every_body_has_an_example_that_the_server_takes() {
    let described = described();
    let bench = Bench::new();
    bench.put("/api/v1/outputs/wall", &output("wall", 6001)).expect(201);
    let mut calls = BTreeSet::new();
    let mut ways = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            let id = call["operationId"].as_str().unwrap();
            let content = call["requestBody"]["content"].as_object().into_iter().flatten();
            for (media_type, content) in content {
                let octets = ["image/jpeg", "application/vnd.sqlite3"];
                if octets.contains(&media_type.as_str()) {
                    continue;
                }
                assert!(!content["example"].is_null(), "no example: {id} {media_type}");
                calls.insert((id.to_owned(), media_type.clone()));
                ways.push((id, media_type, method.to_uppercase(), path, &content["example"]));
            }
        }
    }
    let told = STORY.map(|(id, media_type)| (id.to_owned(), media_type.to_owned()));
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), calls, "the story tells of each");

    let mut take = Value::Null;
    for (id, media_type) in STORY {
        let (_, _, method, path, example) =
            ways.iter().find(|way| (way.0, &**way.1) == (id, media_type)).unwrap();
        if id == "acknowledge_alarm" {
            // It is raised a moment after it was reported.
            bench.until(|| bench.get("/api/v1/alarms").expect(200)[0]["id"].is_string());
        }
        let alarm = bench.get("/api/v1/alarms").expect(200)[0]["id"].clone();
        let named = match (id, path.as_str()) {
            // An SDP is of what came by SDP.
            ("put_input", _) if example.is_string() => "room-camera".to_owned(),
            ("put_output", _) if example.is_string() => "another".to_owned(),
            ("acknowledge_alarm", _) => alarm.as_str().unwrap_or_default().to_owned(),
            (_, path) if path.contains("/alarms/") => "recorder-2-disk".to_owned(),
            (_, path) if path.contains("/presets/") => "team-time-out".to_owned(),
            (_, path) if path.contains("/outputs/") => "main-monitor".to_owned(),
            _ => "endoscope".to_owned(),
        };
        let path = path
            .replace("{id}", &named)
            .replace("{take}", &take.to_string())
            .replace("{name}", "OR%203");
        let (path, octets) = match example.as_str() {
            // What an SDP has no word for is beside it.
            Some(text) if id == "create_output" => (format!("{path}?id=another"), text.to_owned()),
            Some(text) => (path, text.to_owned()),
            None => (path, example.to_string()),
        };
        let headers = [("content-type", media_type)];
        let answer = bench.call(method, &path, &headers, Some(octets.as_bytes()));
        let said = String::from_utf8_lossy(&answer.octets);
        assert!((200..300).contains(&answer.status), "{id} {media_type}: {} {said}", answer.status);
        if id == "create_salvo" {
            take = answer.json()["take"].clone();
        }
    }
}
