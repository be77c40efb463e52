//! Every call of the description, called with what it allows and with what it does not, by a
//! program that knows nothing but the description.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::{aside, bench::Bench};

#[test]
fn schemathesis_finds_nothing() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let preset = json!({ "label": "p", "routes": [{ "output": "m", "input": "a" }] });
    bench.post("/api/v1/presets", &preset).expect(201);
    // It keeps notes where it runs.
    let folder = tempfile::tempdir().unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");
    for file in ["schemathesis.toml", "hooks.py"] {
        std::fs::copy(ours.join(file), folder.path().join(file)).unwrap();
    }
    let examples = std::env::var("ORMATRIX_SCHEMATHESIS_EXAMPLES");
    let ended = Command::new(aside::program("schemathesis"))
        .current_dir(folder.path())
        .args(["--config-file", "schemathesis.toml", "run"])
        .args([&bench.url("/openapi.json"), "--url", &bench.url("")])
        // A stream has no end.
        .args(["--exclude-path", "/api/v1/events", "--phases", "examples,coverage,fuzzing"])
        .args(["--seed", "1", "--max-examples", examples.as_deref().unwrap_or("10")])
        .args(["--generation-database", ":memory:"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    // It must have looked at every call but the stream, and the description, which it has read.
    let described = bench.get("/openapi.json").expect(200);
    let calls: usize = described["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().keys().filter(|key| *key != "parameters").count())
        .sum();
    assert!(said.contains(&format!("Tested: {}\n", calls - 2)), "{calls} calls: {said}");
}
