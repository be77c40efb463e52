//! The committed description is that of this program.

use std::{env, fs, path::Path};

use crate::bench::Bench;

#[test]
fn the_committed_openapi_json_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let mut now = ormatrix_control::api::openapi().to_pretty_json().unwrap();
    now.push('\n');
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == now,
        "control-api/openapi.json is not what the program answers; look at the difference that \
         `UPDATE_OPENAPI=1 cargo test -p ormatrix-control openapi` makes, and commit it"
    );
}

#[test]
fn it_describes_every_call_of_the_contract() {
    let bench = Bench::new();
    let described = bench.get("/openapi.json").expect(200);
    for (path, methods) in [
        ("/api/v1/inputs", vec!["get", "post"]),
        ("/api/v1/inputs/{id}", vec!["get", "put", "delete"]),
        ("/api/v1/inputs/{id}/sdp", vec!["get"]),
        ("/api/v1/inputs/{id}/thumbnail.jpg", vec!["get", "put"]),
        ("/api/v1/outputs", vec!["get", "post"]),
        ("/api/v1/outputs/{id}", vec!["get", "put", "delete"]),
        ("/api/v1/outputs/{id}/route", vec!["put", "delete"]),
        ("/api/v1/outputs/{id}/sdp", vec!["get"]),
        ("/api/v1/salvos", vec!["get", "post"]),
        ("/api/v1/salvos/{take}", vec!["delete"]),
        ("/api/v1/inputs/{id}/findings", vec!["put"]),
        ("/api/v1/inputs/{id}/analysis", vec!["get", "put"]),
        ("/api/v1/outputs/{id}/analysis", vec!["get", "put"]),
        ("/api/v1/analysis/wanted", vec!["get"]),
        ("/api/v1/alarms", vec!["get"]),
        ("/api/v1/alarms/history", vec!["get"]),
        ("/api/v1/alarms/{id}/acknowledge", vec!["post"]),
        ("/api/v1/alarms/reported/{id}", vec!["put", "delete"]),
        ("/api/v1/events", vec!["get"]),
        ("/metrics", vec!["get"]),
        ("/livez", vec!["get"]),
        ("/readyz", vec!["get"]),
    ] {
        for method in methods {
            assert!(described["paths"][path][method].is_object(), "{method} {path}");
        }
    }
}
