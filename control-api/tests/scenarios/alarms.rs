//! Alarms: raised, acknowledged, cleared, kept, and told.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use ormatrix_control::alarms::kind::Kind;
use ormatrix_protocol::{
    Command, DropReason, Event, Findings, InputCounters, LegCounters, OutputCounters, Refusal,
    RouteState, SignalState, StandIn, WithheldReason, status::Telemetry,
};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    alarm_delivery::until,
    bench::{Answer, Bench, Listener, input},
    fake_router::Model,
};

/// Has the control plane look at everything, and waits until it has.
fn look(bench: &Bench) {
    bench.delete("/api/v1/alarms/reported/nothing").problem(404, "unknown-alarm");
}

/// Lets time pass and has the control plane look.
fn pass(bench: &Bench, ms: u64) {
    bench.clock.turn(ms);
    look(bench);
}

fn active(bench: &Bench) -> BTreeMap<String, Value> {
    let alarms = bench.get("/api/v1/alarms").expect(200);
    let alarms = alarms.as_array().unwrap().iter();
    alarms.map(|alarm| (alarm["id"].as_str().unwrap().to_owned(), alarm.clone())).collect()
}

fn ids(bench: &Bench) -> BTreeSet<String> {
    active(bench).into_keys().collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn acknowledge(bench: &Bench, id: &str, body: &Value) -> Answer {
    bench.post(&format!("/api/v1/alarms/{id}/acknowledge"), body)
}

/// Changes a signal, and returns once the control plane knows.
fn signal(bench: &Bench, id: &str, state: SignalState) {
    bench.model().set_signal(id, state);
    let (router, id) = (bench.running().app.router.clone(), id.parse().unwrap());
    bench.until(|| router.read(|mirror| mirror.unwrap().inputs[&id].signal.state == state));
}

fn told(events: &mut Listener, change: &str) -> Value {
    let told = events.next_named("alarm").data;
    assert_eq!(told["change"], change, "{told}");
    told["alarm"].clone()
}

/// An input on a display.
fn shown() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench
}

#[test]
fn from_raised_over_seen_to_cleared() {
    let bench = shown();
    let mut events = bench.listen(None);
    assert_eq!(bench.get("/api/v1/alarms").expect(200), json!([]));
    signal(&bench, "a", SignalState::Lost);
    // Without a word from anybody, once it has lasted.
    let raised = told(&mut events, "raised");
    bench.clock.stop();
    assert_eq!(
        (&raised["id"], &raised["kind"], &raised["severity"], &raised["times"]),
        (&json!("signal-lost:a"), &json!("signal-lost"), &json!("critical"), &json!(1))
    );
    assert_eq!(raised["subject"], json!({ "kind": "input", "id": "a", "label": "A" }));
    let (text, action) = (raised["text"].as_str().unwrap(), raised["action"].as_str().unwrap());
    assert!(text.contains("'A'") && text.contains("on 'M'") && action.len() > 20, "{raised}");
    assert_eq!(bench.get("/api/v1/alarms").expect(200), json!([raised]));

    let seen = acknowledge(&bench, "signal-lost:a", &json!({ "note": "unplugged" })).expect(200);
    let by = &seen["acknowledged"];
    assert_eq!((&by["by"], &by["note"]), (&json!("technician"), &json!("unplugged")));
    assert_eq!(told(&mut events, "acknowledged"), seen);
    let problem =
        acknowledge(&bench, "signal-lost:a", &json!({})).problem(409, "alarm-acknowledged");
    assert_eq!((&problem["by"], &problem["at"]), (&by["by"], &by["at"]));
    acknowledge(&bench, "signal-lost:b", &json!({})).problem(404, "unknown-alarm");

    signal(&bench, "a", SignalState::Ok);
    look(&bench);
    assert_eq!(ids(&bench), set(&["signal-lost:a"]), "not yet");
    bench.clock.turn(3000);
    let cleared = told(&mut events, "cleared");
    assert!(cleared["cleared_at"].as_str() > raised["raised_at"].as_str(), "{cleared}");
    assert_eq!(bench.get("/api/v1/alarms").expect(200), json!([]));
    let problem = acknowledge(&bench, "signal-lost:a", &json!({})).problem(409, "alarm-cleared");
    assert_eq!(problem["cleared_at"], cleared["cleared_at"]);
    let history = bench.get("/api/v1/alarms/history").expect(200);
    assert_eq!(history, json!({ "alarms": [cleared], "complete": true }));
}

#[test]
fn a_body_is_not_needed_and_a_bad_one_is_refused() {
    let bench = shown();
    signal(&bench, "a", SignalState::Lost);
    look(&bench);
    pass(&bench, 500);
    let path = "/api/v1/alarms/signal-lost:a/acknowledge";
    for (body, field) in [
        (json!({ "note": "x".repeat(501) }), "note"),
        (json!({ "note": "two\nlines" }), "note"),
        (json!({ "by": "me" }), "by"),
    ] {
        assert_eq!(bench.post(path, &body).problem(422, "invalid-value")["field"], field);
    }
    bench
        .call("POST", path, &[("content-type", "text/plain")], Some(b"x"))
        .problem(415, "unsupported-media-type");
    let seen = bench.call("POST", path, &[], None).expect(200);
    assert_eq!(seen["acknowledged"].get("note"), None);
}

#[test]
fn severity_follows_what_is_shown() {
    let bench = shown();
    bench.add_input("b", 5002);
    signal(&bench, "b", SignalState::Lost);
    look(&bench);
    pass(&bench, 500);
    assert_eq!(active(&bench)["signal-lost:b"]["severity"], "warning");
    acknowledge(&bench, "signal-lost:b", &json!({})).expect(200);
    let mut events = bench.listen(None);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "b", "force": true })).expect(200);
    let worse = told(&mut events, "changed");
    assert_eq!((&worse["severity"], worse.get("acknowledged")), (&json!("critical"), None));
    // Whoever must stand in for it is missed before that is needed.
    bench.put("/api/v1/inputs/c", &input("c", 5004)).expect(201);
    let mut backed = input("b", 5002);
    backed["backups"] = json!(["c"]);
    bench.put("/api/v1/inputs/b", &backed).expect(200);
    signal(&bench, "c", SignalState::Lost);
    look(&bench);
    bench.clock.turn(500);
    let backup = told(&mut events, "raised");
    assert_eq!((&backup["id"], &backup["severity"]), (&json!("signal-lost:c"), &json!("minor")));
    assert!(backup["text"].as_str().unwrap().contains("a backup of 'B'"), "{backup}");
    // A backup in its place is less than a picture that is missing.
    bench.model().set_stand_in("m", Some(StandIn::Backup("a".parse().unwrap())));
    assert_eq!(told(&mut events, "raised")["id"], "backup-shown:m");
    look(&bench);
    assert_eq!(active(&bench)["signal-lost:b"]["severity"], "major");
    // The worst comes first, then the latest.
    let order: Vec<_> = bench.get("/api/v1/alarms").expect(200).as_array().unwrap().clone();
    assert_eq!(order[0]["id"], "backup-shown:m");
    assert_eq!(order[1]["id"], "signal-lost:b");
}

#[test]
fn what_flaps_is_one_alarm() {
    let bench = shown();
    bench.clock.stop();
    let mut events = bench.listen(None);
    for _ in 0..10 {
        signal(&bench, "a", SignalState::Lost);
        look(&bench);
        pass(&bench, 700);
        signal(&bench, "a", SignalState::Ok);
        look(&bench);
        pass(&bench, 2000);
    }
    assert_eq!(active(&bench)["signal-lost:a"]["times"], 10);
    bench.clock.turn(60_000);
    let mut changes = Vec::new();
    loop {
        let data = events.next_named("alarm").data;
        changes.push((data["change"].clone(), data["alarm"]["times"].clone()));
        if data["change"] == "cleared" {
            break;
        }
    }
    let expected = [("raised", 1), ("changed", 2), ("changed", 4), ("changed", 8), ("cleared", 10)];
    assert_eq!(changes, expected.map(|(change, times)| (json!(change), json!(times))));
    let history = bench.get("/api/v1/alarms/history").expect(200);
    assert_eq!(history["alarms"].as_array().unwrap().len(), 1, "{history}");
}

#[test]
fn a_restart_forgets_nothing() {
    let mut bench = shown();
    bench.add_input("b", 5002);
    signal(&bench, "a", SignalState::Lost);
    signal(&bench, "b", SignalState::Lost);
    let report = json!({ "severity": "minor", "text": "It is hot", "clears_after_s": 60,
        "subject": { "kind": "room", "id": "or3" } });
    bench.put("/api/v1/alarms/reported/hot", &report).expect(201);
    look(&bench);
    pass(&bench, 500);
    acknowledge(&bench, "signal-lost:a", &json!({ "note": "I know" })).expect(200);
    let before = active(&bench);
    assert_eq!(before.len(), 3);

    bench.stop_control();
    // One of them is over by the time that somebody looks again.
    bench.model().set_signal("b", SignalState::Ok);
    bench.start_control();
    assert_eq!(active(&bench), before);
    bench.until_reconciled();
    look(&bench);
    pass(&bench, 3000);
    let after = active(&bench);
    assert_eq!(ids(&bench), set(&["signal-lost:a", "reported:hot"]));
    assert_eq!(after["signal-lost:a"], before["signal-lost:a"]);
    // Nobody repeats the report.
    pass(&bench, 60_000);
    pass(&bench, 2000);
    assert_eq!(ids(&bench), set(&["signal-lost:a"]));
    let history = bench.get("/api/v1/alarms/history").expect(200);
    assert_eq!(history["alarms"].as_array().unwrap().len(), 3);
}

#[test]
fn without_the_router_what_it_told_stays_as_it_was() {
    let mut bench = shown();
    signal(&bench, "a", SignalState::Lost);
    look(&bench);
    pass(&bench, 500);
    bench.stop_router();
    look(&bench);
    pass(&bench, 2000);
    assert_eq!(ids(&bench), set(&["router-away:router", "signal-lost:a"]));
    pass(&bench, 600_000);
    assert_eq!(ids(&bench), set(&["router-away:router", "signal-lost:a"]));
    bench.model().set_signal("a", SignalState::Ok);
    bench.start_router();
    bench.until_reconciled();
    look(&bench);
    pass(&bench, 3000);
    assert_eq!(ids(&bench), BTreeSet::new());
}

/// A telemetry message; counters of `a` and `m` are made from a number that grows.
fn telemetry(n: u64, alive: [bool; 2]) -> Telemetry {
    let leg = |alive, lost_packets| LegCounters { alive, lost_packets, ..LegCounters::default() };
    let counters = |id: &str, lost: u64| {
        let counters = InputCounters {
            lost_packets: lost,
            dropped: BTreeMap::from([(DropReason::Format, n), (DropReason::SecondCopy, n)]),
            legs: vec![leg(alive[0], n), leg(alive[1], 0)],
            ..InputCounters::default()
        };
        (id.parse().unwrap(), counters)
    };
    let sent = OutputCounters {
        withheld: BTreeMap::from([
            (WithheldReason::SendFailed, n),
            (WithheldReason::BeforeJoin, n),
        ]),
        send_error: Some("No buffer space available".to_owned()),
        ..OutputCounters::default()
    };
    Telemetry {
        at: n,
        inputs: BTreeMap::from([counters("a", n), counters("b", 0)]),
        outputs: BTreeMap::from([("m".parse().unwrap(), sent)]),
        ..Telemetry::default()
    }
}

#[test]
fn counters_that_rise_and_legs_that_fall_silent() {
    let bench = shown();
    bench.clock.stop();
    bench.add_input("b", 5002);
    let router = bench.running().app.router.clone();
    let ok = Cell::new(true);
    let tell = |n: u64, alive| {
        bench.model().tell(Event::Telemetry(telemetry(n, alive)));
        let (b, leg) = ("b".parse().unwrap(), "m".parse().unwrap());
        // Telemetry is told to nobody: something behind it is.
        ok.set(!ok.get());
        signal(&bench, "b", if ok.get() { SignalState::Ok } else { SignalState::Unstable });
        router.read(|mirror| {
            let mirror = mirror.unwrap();
            assert_eq!(mirror.inputs[&b].counters.legs[0].lost_packets, n);
            assert_eq!(mirror.outputs[&leg].counters.withheld[&WithheldReason::SendFailed], n);
        });
    };
    // What was counted before is no news.
    tell(100, [true, true]);
    look(&bench);
    for second in 1..=6 {
        tell(100 + second, [true, false]);
        pass(&bench, 1000);
    }
    let expected = set(&[
        "packets-lost:a",
        "leg-losing:b:video:1",
        "packets-refused:a:video:format",
        "packets-refused:b:video:format",
        "send-failed:m",
        "leg-down:a:video:2",
        "leg-down:b:video:2",
    ]);
    assert_eq!(ids(&bench), expected);
    let alarms = active(&bench);
    let severities: Vec<_> = expected.iter().map(|id| alarms[id]["severity"].clone()).collect();
    assert_eq!(severities, ["major", "minor", "warning", "major", "minor", "warning", "major"]);
    let text = alarms["send-failed:m"]["text"].as_str().unwrap();
    assert!(text.contains("No buffer space available"), "{text}");
    // Both legs are there again, and nothing is counted any more.
    tell(106, [true, true]);
    look(&bench);
    pass(&bench, 5000);
    assert!(!ids(&bench).contains("leg-down:a:video:2"));
    pass(&bench, 30_000);
    pass(&bench, 30_000);
    assert_eq!(ids(&bench), BTreeSet::new());
}

#[test]
fn what_is_found_in_pictures_and_on_outputs() {
    let bench = Bench::with(Model { confirms: false, ..Model::default() });
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.add_output("n", 6002);
    let wanted = json!({ "input": "b", "wait_ms": 0 });
    bench.put("/api/v1/outputs/n/route", &wanted).expect(202);
    {
        let mut model = bench.model();
        model.set_route("m", Some("a"), RouteState::Live, 9);
        let input = "a".parse().unwrap();
        let findings = Findings {
            frozen_since: Some(1),
            black_since: Some(1),
            found_format: Some("720p50".to_owned()),
        };
        model.inputs.get_mut(&input).unwrap().findings = findings.clone();
        model.tell(Event::Findings { input, findings });
        model.set_stand_in("m", Some(StandIn::Slate));
    }
    let router = bench.running().app.router.clone();
    let m = "m".parse().unwrap();
    bench.until(|| router.read(|mirror| mirror.unwrap().outputs[&m].route.stand_in.is_some()));
    look(&bench);
    pass(&bench, 5000);
    let expected = [
        ("picture-black:a", "major"),
        ("picture-frozen:a", "critical"),
        ("slate-shown:m", "critical"),
        ("take-unconfirmed:n", "major"),
        ("wrong-format:a", "major"),
    ];
    let alarms = active(&bench);
    let found: Vec<_> = alarms
        .iter()
        .map(|(id, alarm)| (id.as_str(), alarm["severity"].as_str().unwrap()))
        .collect();
    assert_eq!(found, expected);
    assert!(alarms["wrong-format:a"]["text"].as_str().unwrap().contains("720p50"));
}

#[test]
fn what_the_router_refuses() {
    let mut bench = shown();
    bench.stop_router();
    *bench.model() = Model { instance: 2, ..Model::default() };
    let busy = || Refusal::PortInUse { address: "10.0.0.1".parse().unwrap(), port: 5000 };
    bench.model().refuse =
        Box::new(move |command| (!matches!(command, Command::Status)).then(busy));
    bench.start_router();
    bench.until_reconciled();
    look(&bench);
    pass(&bench, 2000);
    assert_eq!(ids(&bench), set(&["input-refused:a", "output-refused:m"]));
    let text = active(&bench)["input-refused:a"]["text"].clone();
    assert!(text.as_str().unwrap().contains(&busy().to_string()), "{text}");
}

#[test]
fn alarms_need_no_database() {
    let bench = shown();
    signal(&bench, "a", SignalState::Lost);
    look(&bench);
    pass(&bench, 500);
    acknowledge(&bench, "signal-lost:a", &json!({})).expect(200);
    let other = Connection::open(bench.directory.path().join("control.sqlite3")).unwrap();
    other.execute_batch("ALTER TABLE alarms RENAME TO elsewhere").unwrap();
    let mut events = bench.listen(None);
    signal(&bench, "a", SignalState::Ok);
    look(&bench);
    bench.clock.turn(3000);
    assert_eq!(told(&mut events, "cleared")["id"], "signal-lost:a");
    let failing = told(&mut events, "raised");
    assert_eq!(
        (&failing["kind"], &failing["severity"]),
        (&json!("database-failing"), &json!("major"))
    );
    assert!(failing["text"].as_str().unwrap().contains("no such table"), "{failing}");
    // They go on, and are remembered.
    acknowledge(&bench, "database-failing:database", &json!({})).expect(200);
    assert_eq!(told(&mut events, "acknowledged")["kind"], "database-failing");
    let history = bench.get("/api/v1/alarms/history").expect(200);
    assert_eq!(
        (history["alarms"].as_array().unwrap().len(), &history["complete"]),
        (2, &json!(false))
    );

    other.execute_batch("ALTER TABLE elsewhere RENAME TO alarms").unwrap();
    // It is found to work again, and what waited is there.
    let app = &bench.running().app;
    until(|| app.alarms.journal.failing().is_none());
    look(&bench);
    bench.clock.turn(1000);
    assert_eq!(told(&mut events, "cleared")["kind"], "database-failing");
    let history = bench.get("/api/v1/alarms/history").expect(200);
    assert_eq!(
        (history["alarms"].as_array().unwrap().len(), &history["complete"]),
        (2, &json!(true))
    );
    let written: u32 =
        other.query_row("SELECT count(*) FROM alarms", [], |row| row.get(0)).unwrap();
    assert_eq!(written, 2);
}

#[test]
fn other_programs_report() {
    let bench = Bench::new();
    let mut events = bench.listen(None);
    let path = "/api/v1/alarms/reported/rack-hot";
    let mut body = json!({ "severity": "major", "text": "31 degrees", "action": "Cool it",
        "subject": { "kind": "room", "id": "or3-rack", "label": "Rack of OR 3" } });
    let made = bench.put(path, &body).expect(201);
    assert_eq!((&made["id"], &made["kind"]), (&json!("reported:rack-hot"), &json!("reported")));
    assert_eq!(made["subject"]["label"], "Rack of OR 3");
    assert_eq!(told(&mut events, "raised"), made);
    assert_eq!(bench.put(path, &body).expect(200), made, "said again it is no news");
    body["severity"] = "critical".into();
    bench.put(path, &body).expect(200);
    assert_eq!(told(&mut events, "changed")["severity"], "critical");
    bench.delete(path).expect(204);
    bench.delete(path).problem(404, "unknown-alarm");
    pass(&bench, 2000);
    assert_eq!(told(&mut events, "cleared")["id"], "reported:rack-hot");
}

#[test]
fn reports_are_bounded_and_checked() {
    let bench = Bench::new();
    let body = json!({ "severity": "minor", "text": "x", "subject": { "kind": "k", "id": "i" } });
    let wrong = |id: &str, change: &dyn Fn(&mut Value), field: &str| {
        let mut body = body.clone();
        change(&mut body);
        let path = format!("/api/v1/alarms/reported/{id}");
        let problem = bench.put(&path, &body).problem(422, "invalid-value");
        assert!(problem["field"].as_str().unwrap().starts_with(field), "{problem}");
    };
    wrong("Hot", &|_| {}, "id");
    wrong(&"x".repeat(65), &|_| {}, "id");
    wrong("a:b", &|_| {}, "id");
    wrong("x", &|b| b["severity"] = "bad".into(), "severity");
    wrong("x", &|b| b["text"] = "".into(), "text");
    wrong("x", &|b| b["text"] = "ß".repeat(501).into(), "text");
    wrong("x", &|b| b["text"] = "two\nlines".into(), "text");
    wrong("x", &|b| b["action"] = "x".repeat(501).into(), "action");
    wrong("x", &|b| b["subject"]["kind"] = "".into(), "subject.kind");
    wrong("x", &|b| b["subject"]["id"] = "x".repeat(65).into(), "subject.id");
    wrong("x", &|b| b["subject"]["label"] = "x".repeat(81).into(), "subject.label");
    wrong("x", &|b| b["clears_after_s"] = 0.into(), "clears_after_s");
    wrong("x", &|b| b["clears_after_s"] = 604_801.into(), "clears_after_s");
    wrong("x", &|b| b["since"] = 1.into(), "since");
    assert_eq!(bench.get("/api/v1/alarms").expect(200), json!([]));
    for n in 0..100 {
        bench.put(&format!("/api/v1/alarms/reported/r{n}"), &body).expect(201);
    }
    let full = bench.put("/api/v1/alarms/reported/r100", &body).problem(409, "too-many-reports");
    assert_eq!(full["limit"], 100);
    bench.put("/api/v1/alarms/reported/r7", &body).expect(200);
    bench.delete("/api/v1/alarms/reported/r7").expect(204);
    bench.put("/api/v1/alarms/reported/r100", &body).expect(201);

    bench.clock.stop();
    // Taken back as fast as they come, they are not cleared as fast.
    let fast = (101..300).map(|n| {
        bench.delete(&format!("/api/v1/alarms/reported/r{}", n - 1));
        bench.put(&format!("/api/v1/alarms/reported/r{n}"), &body).status
    });
    let statuses: BTreeSet<u16> = fast.collect();
    assert_eq!(statuses, BTreeSet::from([201, 409]));

    // Page by page, every alarm once, the latest first.
    let (mut pages, mut before, mut seen) = (0, String::new(), Vec::new());
    loop {
        let page = bench.get(&format!("/api/v1/alarms/history?limit=90{before}")).expect(200);
        pages += 1;
        for alarm in page["alarms"].as_array().unwrap() {
            seen.push(alarm["episode"].as_u64().unwrap());
        }
        let Some(next) = page.get("before") else { break };
        before = format!("&before={next}");
    }
    assert_eq!((pages, seen.len()), (3, 200));
    assert!(seen.is_sorted_by(|a, b| a > b));
    for bad in ["limit=0", "limit=1001", "limit=x", "before=-1", "page=2"] {
        bench.get(&format!("/api/v1/alarms/history?{bad}")).problem(422, "invalid-value");
    }
}

#[test]
fn a_report_ends_with_its_reporter() {
    let bench = Bench::new();
    bench.clock.stop();
    let mut events = bench.listen(None);
    let body = json!({ "severity": "warning", "text": "x", "clears_after_s": 30,
        "subject": { "kind": "k", "id": "i" } });
    bench.put("/api/v1/alarms/reported/alive", &body).expect(201);
    told(&mut events, "raised");
    pass(&bench, 29_000);
    bench.put("/api/v1/alarms/reported/alive", &body).expect(200);
    pass(&bench, 29_000);
    pass(&bench, 2000);
    assert_eq!(ids(&bench), set(&["reported:alive"]), "not yet");
    bench.clock.turn(2000);
    told(&mut events, "cleared");
}

#[test]
fn numbers_for_prometheus() {
    let bench = shown();
    signal(&bench, "a", SignalState::Lost);
    look(&bench);
    pass(&bench, 500);
    let text = String::from_utf8(bench.get("/metrics").octets).unwrap();
    for line in [
        "ormatrix_alarms_active{severity=\"critical\"} 1",
        "ormatrix_alarms_active{severity=\"warning\"} 0",
        "ormatrix_alarm_notices_delivered_total{receiver=\"mqtt\"} 0",
        "ormatrix_alarm_notices_dropped_total{receiver=\"webhook\"} 0",
        "ormatrix_alarm_notices_waiting{receiver=\"syslog\"} 0",
        "ormatrix_alarm_delivery_failures_total{receiver=\"webhook\"} 0",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
}

#[test]
fn on_the_command_line() {
    let bench = shown();
    let run = |arguments: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ormatrix"));
        command.env("ORMATRIX_URL", bench.url("")).args(arguments.split_whitespace());
        let output = command.output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(run("alarm list"), (Some(0), "No alarms.\n".to_owned(), String::new()));
    assert!(run("status").1.ends_with("All is well.\n"));
    signal(&bench, "a", SignalState::Lost);
    look(&bench);
    pass(&bench, 500);
    let (status, said, _) = run("status");
    let line =
        "1 alarm that nobody has acknowledged: critical signal-lost:a: `ormatrix alarm list`";
    assert!(status == Some(1) && said.contains(line), "{said}");
    let said = run("alarm list").1;
    assert!(
        said.contains("CRITICAL  signal-lost:a") && said.contains("Check the source's"),
        "{said}"
    );
    let json: Value = serde_json::from_str(&run("--json alarm list").1).unwrap();
    assert_eq!(json[0]["id"], "signal-lost:a");
    let said = run("alarm ack signal-lost:a --note unplugged").1;
    assert_eq!(said, "acknowledged signal-lost:a\n");
    let said = run("alarm list").1;
    assert!(
        said.contains("technician 2") && said.contains("noted by technician: unplugged"),
        "{said}"
    );
    let (status, _, said) = run("alarm ack signal-lost:a");
    assert!(status == Some(1) && said.contains("was acknowledged by technician"), "{said}");
    assert!(!run("status").1.contains("nobody has acknowledged"));
    let said = run("alarm history --limit 5").1;
    assert!(
        said.starts_with("RAISED") && said.contains("active   critical  signal-lost:a"),
        "{said}"
    );
    let json: Value = serde_json::from_str(&run("--json alarm history").1).unwrap();
    assert_eq!(json["complete"], true);
    assert_eq!(run("alarm history --limit 0").0, Some(1));
}

/// A kind that nothing here raises would be one that nobody has seen work.
#[test]
fn every_kind_is_raised_in_some_scenario() {
    let here = include_str!("alarms.rs").to_owned() + include_str!("alarm_delivery.rs");
    for kind in Kind::ALL {
        assert!(here.contains(&format!("{kind}")), "no scenario raises {kind}");
    }
}
