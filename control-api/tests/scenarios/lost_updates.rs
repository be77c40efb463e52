//! Two technicians at once: nobody overwrites what the other has changed.

use serde_json::{Value, json};

use crate::bench::{Answer, Bench, input};

fn put_if(bench: &Bench, path: &str, header: (&str, &str), body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), header];
    bench.call("PUT", path, &headers, Some(body.to_string().as_bytes()))
}

#[test]
fn the_second_of_two_is_told() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let path = "/api/v1/inputs/a";
    // Both read, both change.
    let read = bench.get(path);
    let (tag, revision) = (read.header("etag").to_owned(), read.json()["revision"].clone());
    assert_eq!(tag, format!("\"{}\"", revision.as_str().unwrap()));
    let labelled = |label: &str| {
        let mut body = input("a", 5000);
        body["label"] = json!(label);
        body
    };
    let first = put_if(&bench, path, ("if-match", &tag), &labelled("Left"));
    assert_ne!(first.header("etag"), tag);
    assert_eq!(first.expect(200)["label"], "Left");
    let stale = put_if(&bench, path, ("if-match", &tag), &labelled("Right"));
    let problem = stale.problem(412, "stale");
    assert_eq!(problem["revision"], bench.get(path).json()["revision"]);
    let delete = bench.call("DELETE", path, &[("if-match", &tag)], None);
    delete.problem(412, "stale");
    assert_eq!(bench.get(path).expect(200)["label"], "Left");
    // Having read it again, the second succeeds; who writes what is there has lost nothing.
    let tag = bench.get(path).header("etag").to_owned();
    put_if(&bench, path, ("if-match", &format!("\"x\", {tag}")), &labelled("Right")).expect(200);
    bench.put(path, &labelled("Left")).expect(200);
    put_if(&bench, path, ("if-match", &tag), &labelled("Right")).expect(200);
}

/// Many at once change one thing after having read it: every one that is told it succeeded
/// did, and all the others were told that they did not.
#[test]
fn no_update_of_many_is_lost() {
    let bench = Bench::new();
    bench.put("/api/v1/zones/OR%203", &json!({})).expect(201);
    let succeeded = std::thread::scope(|scope| {
        let write = |writer: usize| {
            let bench = &bench;
            move || {
                let mut succeeded = 0;
                while succeeded < 5 {
                    let read = bench.get("/api/v1/zones/OR%203");
                    let tag = read.header("etag").to_owned();
                    let mut labels = read.expect(200)["labels"].clone();
                    if labels.is_null() {
                        labels = json!({});
                    }
                    let mine = format!("de-x-{writer}");
                    let count = labels[&mine].as_str().map_or(0, |count| count.parse().unwrap());
                    assert_eq!(count, succeeded, "what was acknowledged is there");
                    labels[&mine] = json!((count + 1).to_string());
                    let body = json!({ "labels": labels });
                    let answer = put_if(bench, "/api/v1/zones/OR%203", ("if-match", &tag), &body);
                    match answer.status {
                        200 => succeeded += 1,
                        _ => drop(answer.problem(412, "stale")),
                    }
                }
                succeeded
            }
        };
        let writers: Vec<_> = (0..4).map(|writer| scope.spawn(write(writer))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u32>()
    });
    let labels = bench.get("/api/v1/zones/OR%203").expect(200)["labels"].clone();
    let counted = labels.as_object().unwrap().values();
    let counted: u32 = counted.map(|count| count.as_str().unwrap().parse::<u32>().unwrap()).sum();
    assert_eq!((succeeded, counted), (20, 20));
}

#[test]
fn what_must_be_new_replaces_nothing() {
    let bench = Bench::new();
    let path = "/api/v1/inputs/a";
    put_if(&bench, path, ("if-match", "*"), &input("a", 5000)).problem(412, "stale");
    put_if(&bench, path, ("if-none-match", "*"), &input("a", 5000)).expect(201);
    put_if(&bench, path, ("if-none-match", "*"), &input("a", 5002)).problem(409, "duplicate-id");
    put_if(&bench, path, ("if-match", "*"), &input("a", 5002)).expect(200);
    for header in [("if-match", "5f2a"), ("if-none-match", "\"5f2a\"")] {
        put_if(&bench, path, header, &input("a", 5004)).problem(422, "invalid-value");
    }
    assert_eq!(bench.get(path).expect(200)["legs"][0]["port"], 5002);
    let presets = "/api/v1/presets/p";
    bench.add_output("m", 6000);
    let body = json!({ "routes": [{ "output": "m", "input": "a" }] });
    let tag = put_if(&bench, presets, ("if-none-match", "*"), &body);
    let tag = (tag.header("etag").to_owned(), tag.expect(201)).0;
    let changed = json!({ "label": "P", "routes": [{ "output": "m", "clear": true }] });
    bench.put(presets, &changed).expect(200);
    put_if(&bench, presets, ("if-match", &tag), &body).problem(412, "stale");
}
