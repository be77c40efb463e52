//! Rooms, and what things are called in them.

use serde_json::{Value, json};

use crate::bench::{Bench, input, output};

const PATH: &str = "/api/v1/zones/OR%203";

fn plan(displays: &Value) -> Value {
    json!({ "plan": { "width": 1600, "height": 900, "displays": displays } })
}

fn place(output: &str) -> Value {
    json!({ "output": output, "x": 100, "y": 50, "width": 400, "height": 225 })
}

#[test]
fn a_room_is_what_names_it_and_where_its_displays_hang() {
    let mut bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let named = bench.get(PATH).expect(200);
    assert_eq!((&named["inputs"], &named["outputs"]), (&json!(["a"]), &json!(["m"])));
    assert!(named["revision"].is_null() && named.get("plan").is_none(), "{named}");

    let mut body = plan(&json!([place("m")]));
    body["labels"] = json!({ "de": "OP 3" });
    let made = bench.put(PATH, &body);
    assert_eq!(made.header("location"), "/api/v1/zones/OR%203");
    let made = made.expect(201);
    assert_eq!(made["plan"], body["plan"]);
    // What GET shows may be sent back.
    assert_eq!(bench.put(PATH, &bench.get(PATH).expect(200)).expect(200), made);
    bench.put("/api/v1/zones/Recovery", &json!({})).expect(201);
    bench.stop_control();
    bench.start_control();
    bench.until_reconciled();
    let zones = bench.get("/api/v1/zones").expect(200);
    assert_eq!((&zones[0], &zones[1]["name"]), (&made, &json!("Recovery")));

    bench.delete("/api/v1/outputs/m").expect(204);
    assert_eq!(bench.get(PATH).expect(200)["plan"]["displays"], json!([]));
    bench.delete(PATH).expect(204);
    assert_eq!(bench.get(PATH).expect(200)["inputs"], json!(["a"]));
    bench.delete(PATH).problem(404, "unknown-zone");
    bench.get("/api/v1/zones/Attic").problem(404, "unknown-zone");
}

#[test]
fn what_is_wrong_with_a_plan_is_said() {
    let bench = Bench::new();
    bench.add_output("m", 6000);
    let mut wide = place("m");
    wide["width"] = json!(1501);
    let mut flat = place("m");
    flat["height"] = json!(0);
    for (displays, field) in [
        (json!([place("x")]), "plan.displays[0].output"),
        (json!([place("m"), place("m")]), "plan.displays[1].output"),
        (json!([wide]), "plan.displays[0].width"),
        (json!([flat]), "plan.displays[0].height"),
    ] {
        let problem = bench.put(PATH, &plan(&displays)).problem(422, "invalid-value");
        assert_eq!(problem["field"], field);
    }
    let other = json!({ "name": "OR 4" });
    assert_eq!(bench.put(PATH, &other).problem(422, "invalid-value")["field"], "name");
    let path = format!("/api/v1/zones/{}", "x".repeat(81));
    assert_eq!(bench.put(&path, &json!({})).problem(422, "invalid-value")["field"], "name");
}

#[test]
fn things_have_types_and_names_in_other_languages() {
    let bench = Bench::new();
    let mut body = input("a", 5000);
    body["type"] = json!("x-ray");
    body["labels"] = json!({ "de": "C-Bogen", "fr-CH": "Arceau" });
    let made = bench.put("/api/v1/inputs/a", &body).expect(201);
    assert_eq!((&made["type"], &made["labels"]), (&body["type"], &body["labels"]));
    // A source that registers itself anew, and knows nothing of them, does not lose them.
    assert_eq!(bench.put("/api/v1/inputs/a", &input("a", 5000)).expect(200), made);
    body["type"] = json!("toaster");
    let problem = bench.put("/api/v1/inputs/a", &body).problem(422, "invalid-value");
    assert!(problem["detail"].as_str().unwrap().contains("room-camera"), "{problem}");
    let mut body = output("m", 6000);
    body["labels"] = json!({ "de": "x".repeat(81) });
    let problem = bench.put("/api/v1/outputs/m", &body).problem(422, "invalid-value");
    assert_eq!(problem["field"], "labels.de");
}
