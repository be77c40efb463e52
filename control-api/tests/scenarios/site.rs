//! The whole site as one file.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_protocol::{Command, Refusal};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, input, output};

const TOML: (&str, &str) = ("content-type", "application/toml");

fn put(bench: &Bench, query: &str, text: &str) -> Answer {
    bench.call("PUT", &format!("/api/v1/site{query}"), &[TOML], Some(text.as_bytes()))
}

fn export(bench: &Bench) -> String {
    let answer = bench.get("/api/v1/site");
    assert_eq!((answer.status, answer.header("content-type")), (200, TOML.1));
    String::from_utf8(answer.octets).unwrap()
}

fn example() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("site.toml")).unwrap()
}

/// How many inputs and outputs the router has.
fn streams(bench: &Bench) -> (usize, usize) {
    let model = bench.model();
    (model.inputs.len(), model.outputs.len())
}

/// Rooms of so many inputs and outputs each, with a plan, a preset, and backups.
fn hospital(rooms: usize, inputs: usize, outputs: usize) -> String {
    let mut text = String::new();
    for room in 0..rooms {
        writeln!(text, "[[zone]]\nname = \"OR {room}\"").unwrap();
        let place =
            |n| format!("{{ output = \"m{room}-{n}\", x = {n}, y = 0, width = 1, height = 1 }}");
        let places: Vec<String> = (0..outputs).map(place).collect();
        let (width, places) = (outputs.max(1), places.join(", "));
        writeln!(text, "plan = {{ width = {width}, height = 1, displays = [{places}] }}").unwrap();
        for n in 0..inputs {
            let port = 5000 + 2 * n;
            writeln!(
                text,
                "[[input]]\nid = \"s{room}-{n}\"\nlabel = \"Source {n}\"\nzone = \"OR {room}\"\n\
                 video = {{ width = 1920, height = 1080, rate = \"60\", sampling = \
                 \"YCbCr-4:2:2\", depth = 10 }}\nlegs = [{{ address = \"239.1.{room}.1\", port = \
                 {port} }}, {{ address = \"239.2.{room}.1\", port = {port} }}]\nbackups = {:?}",
                if n == 0 { vec![] } else { vec![format!("s{room}-{}", n - 1)] }
            )
            .unwrap();
        }
        for n in 0..outputs {
            let port = 5000 + 2 * n;
            writeln!(
                text,
                "[[output]]\nid = \"m{room}-{n}\"\nzone = \"OR {room}\"\npark = \"s{room}-0\"\n\
                 legs = [{{ address = \"239.3.{room}.1\", port = {port} }}]"
            )
            .unwrap();
        }
        let route = |n| format!("{{ output = \"m{room}-{n}\", input = \"s{room}-0\" }}");
        let routes: Vec<String> = (0..outputs).map(route).collect();
        let routes = routes.join(", ");
        writeln!(text, "[[preset]]\nid = \"start-{room}\"\nroutes = [{routes}]").unwrap();
    }
    text
}

#[test]
fn a_hospital_is_applied_and_exported_octet_for_octet() {
    let bench = Bench::new();
    let text = hospital(40, 40, 20);
    let begun = SystemClock.now();
    let preview = put(&bench, "?dry_run=true", &text).expect(200);
    assert_eq!(preview["applied"], false);
    assert_eq!(bench.model().inputs.len(), 0, "asking changes nothing");
    let applied = put(&bench, "", &text).expect(200);
    let ms = (SystemClock.now() - begun) / 1_000_000;
    println!("{} octets, diff and apply: {ms} ms", text.len());
    assert_eq!(applied["changes"], preview["changes"]);
    assert_eq!(applied["changes"].as_array().unwrap().len(), 40 * (1 + 40 + 20 + 1));
    assert_eq!(streams(&bench), (1600, 800));
    let exported = export(&bench);
    assert_eq!(put(&bench, "", &exported).expect(200)["changes"], json!([]));

    // Another matrix, made of the file: the same file.
    let other = Bench::new();
    put(&other, "", &exported).expect(200);
    assert!(export(&other) == exported, "the second export is another file");
    let (mine, theirs) = (bench.everything().2, other.everything().2);
    assert!(mine == theirs, "what is stored is not the same");
    // One thing of many: only that is asked of the router.
    let before = other.model().commands.len();
    let changed = exported.replacen("label = \"Source 7\"", "label = \"Robot\"", 1);
    let changes = put(&other, "", &changed).expect(200)["changes"].clone();
    let field = json!([{ "field": "label", "from": "Source 7", "to": "Robot" }]);
    assert_eq!((changes.as_array().unwrap().len(), &changes[0]["fields"]), (1, &field));
    assert_eq!(other.model().commands.len(), before + 1);
}

/// Every field that a site has is explained in the example, and the example works.
#[test]
fn the_example_is_whole_and_works() {
    let bench = Bench::new();
    let text = example();
    put(&bench, "", &text).expect(200);
    assert_eq!(put(&bench, "", &text).expect(200)["changes"], json!([]));
    let exported = export(&bench);
    assert_eq!(put(&bench, "", &exported).expect(200)["changes"], json!([]));

    let described = bench.get("/openapi.json").expect(200)["components"]["schemas"].clone();
    for (schema, left_out) in [
        ("InputBody", &[][..]),
        ("OutputBody", &[]),
        // A file has nothing to capture.
        ("PresetBody", &["capture"]),
        ("ZoneBody", &[]),
    ] {
        for field in described[schema]["properties"].as_object().unwrap().keys() {
            let stands = text.lines().any(|line| line.starts_with(&format!("{field} = ")));
            assert!(stands || left_out.contains(&field.as_str()), "{schema}.{field} is missing");
        }
    }
    let fields = |text: &str| -> BTreeSet<String> {
        let field = |line: &str| line.split_once(" = ").map(|(field, _)| field.to_owned());
        text.lines().filter_map(field).filter(|field| !field.contains([' ', '#'])).collect()
    };
    assert_eq!(fields(&text), fields(&exported), "what is exported is what is explained");
}

/// A small matrix with something shown.
fn small() -> Bench {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_input("b", 5002);
    bench.add_output("m", 6000);
    bench.add_output("n", 6002);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    bench
}

#[test]
fn what_goes_and_what_it_shows_is_said_first() {
    let bench = small();
    let text = export(&bench);
    let entries: Vec<&str> = text.split("\n[[").collect();
    let without = |gone: &str| -> String {
        let id = format!("id = \"{gone}\"");
        let kept = entries.iter().filter(|entry| !entry.contains(&id));
        kept.copied().collect::<Vec<_>>().join("\n[[")
    };
    let preview = put(&bench, "?dry_run=true", &without("m")).expect(200);
    let gone = json!([{ "kind": "output", "id": "m", "change": "removed", "shows": "a" }]);
    assert_eq!(preview["changes"], gone);
    // A picture in use is not taken away by leaving out its source.
    let problem = put(&bench, "", &without("a")).problem(409, "input-routed");
    assert_eq!(problem["outputs"], json!(["m"]));
    bench.put("/api/v1/outputs/m/lock", &json!({})).expect(201);
    put(&bench, "?dry_run=true", &without("m")).problem(409, "locked");
    bench.delete("/api/v1/outputs/m/lock").expect(204);
    // What was shown to whoever asked is what is applied, or nothing.
    let revision = preview["revision"].as_str().unwrap();
    let apply = |revision: &str| {
        let tag = format!("\"{revision}\"");
        let headers = [TOML, ("if-match", tag.as_str())];
        bench.call("PUT", "/api/v1/site", &headers, Some(without("m").as_bytes()))
    };
    bench.add_output("o", 6004);
    apply(revision).problem(412, "stale");
    bench.delete("/api/v1/outputs/o").expect(204);
    let applied = apply(revision).expect(200);
    assert_eq!(applied["applied"], true);
    assert_eq!(bench.model().outputs.len(), 1);
    bench.get("/api/v1/outputs/m").problem(404, "unknown-output");
    // Now nothing shows it.
    let both = |text: &str| {
        text.split("\n[[").filter(|e| !e.contains("id = \"a\"")).collect::<Vec<_>>().join("\n[[")
    };
    put(&bench, "", &both(&without("m"))).expect(200);
    assert_eq!(bench.model().inputs.len(), 1);
}

#[test]
fn streams_swap_addresses_and_backups_go_round() {
    let bench = small();
    let text = export(&bench);
    let swapped = text
        .replace("port = 5000", "port = 1")
        .replace("port = 5002", "port = 5000")
        .replace("port = 1 ", "port = 5002 ");
    put(&bench, "", &swapped).expect(200);
    assert_eq!(bench.get("/api/v1/inputs/a").expect(200)["legs"][0]["port"], 5002);
    let mut round = export(&bench);
    for (id, backup) in [("a", "b"), ("b", "a")] {
        let (head, tail) = round.split_once(&format!("id = \"{id}\"")).unwrap();
        let tail = tail.replacen("backups = []", &format!("backups = [\"{backup}\"]"), 1);
        round = format!("{head}id = \"{id}\"{tail}");
    }
    put(&bench, "", &round).expect(200);
    assert_eq!(bench.get("/api/v1/inputs/b").expect(200)["backups"], json!(["a"]));
    // All new in one go, and all gone in one go.
    let other = Bench::new();
    put(&other, "", &round).expect(200);
    assert_eq!(put(&other, "", "").expect(200)["changes"].as_array().unwrap().len(), 4);
    assert_eq!(streams(&other), (0, 0));
}

#[test]
fn what_the_router_refuses_changes_nothing() {
    let bench = small();
    let before = bench.everything();
    let changed = export(&bench)
        .replace("label = \"A\"", "label = \"First\"")
        .replace("label = \"B\"", "label = \"Second\"");
    bench.model().refuse = Box::new(|command| match command {
        Command::PutInput(spec) if spec.label.as_deref() == Some("Second") => {
            Some(Refusal::UnknownInterface { interface: "eth9".to_owned() })
        }
        _ => None,
    });
    put(&bench, "", &changed).problem(422, "unknown-interface");
    assert_eq!(bench.everything(), before);
    bench.model().refuse = Box::new(|_| None);
    put(&bench, "", &changed).expect(200);
    assert_eq!(bench.get("/api/v1/inputs/b").expect(200)["label"], "Second");
}

#[test]
fn what_the_database_refuses_changes_nothing() {
    let bench = small();
    let before = bench.everything();
    let mut changed = export(&bench).replace("label = \"A\"", "label = \"First\"");
    changed.push_str("\n[[zone]]\nname = \"OR 9\"\n");
    let database = bench.directory.path().join("control.sqlite3");
    let connection = rusqlite::Connection::open(database).unwrap();
    connection
        .execute_batch(
            "CREATE TRIGGER no BEFORE INSERT ON zones BEGIN SELECT RAISE (ABORT, 'no'); END",
        )
        .unwrap();
    put(&bench, "", &changed).problem(500, "database");
    assert_eq!(bench.everything(), before);
    connection.execute_batch("DROP TRIGGER no").unwrap();
    put(&bench, "", &changed).expect(200);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let bench = small();
    let before = bench.everything();
    let problem =
        put(&bench, "", "[[input]]\nid = \"a\"\nvideo = 7\n").problem(400, "malformed-body");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(3), &json!(9)));
    let problem = put(&bench, "", "[[zone]]\nname = \"x\"\ncolour = 1\n");
    let problem = problem.problem(400, "malformed-body");
    assert!(problem["detail"].as_str().unwrap().contains("colour"), "{problem}");
    let zones = "[[zone]]\nname = \"x\"\n".repeat(2);
    for (text, field) in [
        (zones.as_str(), "zone 'x'"),
        ("[[zone]]\n", "zone[0].name"),
        ("[[preset]]\nlabel = \"x\"\n", "preset[0].id"),
        ("[[output]]\nid = \"o\"\nlegs = []\n", "output 'o': legs"),
        (
            "[[output]]\nid = \"o\"\npark = \"x\"\nlegs = [{ address = \"10.0.0.1\", port = 1 }]\n",
            "output 'o': park",
        ),
    ] {
        assert_eq!(put(&bench, "", text).problem(422, "invalid-value")["field"], field);
    }
    let one = "legs = [{ address = \"10.0.0.1\", port = 1 }]\n";
    let twice = format!("[[output]]\nid = \"o\"\n{one}[[output]]\nid = \"p\"\n{one}");
    put(&bench, "", &twice).problem(409, "address-taken");
    let wrong = bench.call("PUT", "/api/v1/site", &[("content-type", "text/plain")], Some(b""));
    wrong.problem(415, "unsupported-media-type");
    assert_eq!(bench.everything(), before);
}

/// While a hospital is applied, displays are switched as ever, and what comes of it is right.
#[test]
fn takes_go_on_while_a_site_is_applied() {
    let bench = small();
    let mut text = export(&bench);
    text.push_str(&hospital(10, 20, 10));
    std::thread::scope(|scope| {
        let applying = scope.spawn(|| put(&bench, "", &text).expect(200));
        let mut takes = 0;
        while !applying.is_finished() || takes < 10 {
            let input = if takes % 2 == 0 { "b" } else { "a" };
            let body = json!({ "input": input, "wait_ms": 10_000 });
            bench.put("/api/v1/outputs/m/route", &body).expect(200);
            takes += 1;
        }
        applying.join().unwrap();
        println!("{takes} takes meanwhile");
    });
    let shown: Value = bench.get("/api/v1/outputs/m").expect(200);
    assert_eq!(shown["route"]["state"], "live");
    assert_eq!(bench.model().inputs.len(), 202);
    bench.put("/api/v1/inputs/z", &input("z", 5100)).expect(201);
    bench.put("/api/v1/outputs/z", &output("z", 6100)).expect(201);
}
