//! The generator, on descriptions that are not ours.

#![allow(dead_code, reason = "a build script's module")]

#[path = "../generate/mod.rs"]
mod generate;

use serde_json::{Value, json};

/// A description with one call and one shape.
fn small() -> Value {
    json!({
        "openapi": "3.1.0",
        "paths": { "/things/{id}": { "put": {
            "operationId": "put_thing",
            "parameters": [
                { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
                { "name": "dry", "in": "query", "schema": { "type": ["boolean", "null"] } },
            ],
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": thing() } },
            },
            "responses": {
                "200": { "content": { "application/json": { "schema": thing() } } },
                "202": { "content": { "application/json": { "schema": { "type": "object" } } } },
                "default": { "content": { "application/problem+json": {} } },
            },
        } } },
        "components": { "schemas": {
            "Thing": {
                "type": "object", "required": ["size"], "additionalProperties": false,
                "properties": {
                    "size": { "type": "integer", "format": "int32", "minimum": 1, "default": 7 },
                    "state": { "$ref": "#/components/schemas/State", "description": "How it is." },
                },
            },
            "State": { "type": "string", "enum": ["ok", "no-signal", "4ms"] },
        } },
    })
}

fn thing() -> Value {
    json!({ "$ref": "#/components/schemas/Thing" })
}

/// All that is made of it.
fn made(description: &Value) -> Result<String, String> {
    let made = || {
        let read = generate::read(description.to_string().as_bytes())?;
        let types = generate::types::all(&read)?;
        let calls = generate::calls::all(&read)?;
        Ok::<_, generate::Unfit>(format!("{types} {calls}"))
    };
    // Only names and signs matter here, not how they are set apart.
    made().map(|code| code.replace(' ', "")).map_err(|unfit| unfit.to_string())
}

#[test]
fn a_description_becomes_types_and_methods() {
    let code = made(&small()).unwrap();
    for part in [
        "pubsize:u32",
        "pubstate:::std::option::Option<State>",
        "NoSignal",
        "X4ms",
        "Unlisted(String)",
        "pubfnput_thing(&self,id:&str,body:&types::Thing,options:&PutThingOptions)",
        "Result<PutThingAnswer,Error>",
        "Accepted(Answer<Value>)",
        "pubdry:Option<bool>",
    ] {
        assert!(code.contains(part), "{part}: {code}");
    }
    assert!(!code.contains("deny_unknown_fields"));
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let call = "/paths/~1things~1{id}/put";
    let cases = [
        ("/openapi".to_owned(), json!("3.0.3"), "3.0.3"),
        (format!("{call}/operationId"), Value::Null, "no operationId"),
        (format!("{call}/callbacks"), json!({}), "'callbacks' is not known"),
        (format!("{call}/parameters/0/name"), json!("key"), "'id' in the path"),
        (format!("{call}/parameters/1/in"), json!("cookie"), "parameter 'dry'"),
        (format!("{call}/parameters/1/schema"), json!({ "type": "array" }), "parameter 'dry'"),
        (
            format!("{call}/requestBody/content"),
            json!({ "application/xml": { "schema": { "type": "string" } } }),
            "the media type application/xml",
        ),
        (format!("{call}/responses/201"), json!({ "$ref": "#/x" }), "its answer 201: '$ref'"),
        (
            format!("{call}/responses/206"),
            json!({ "content": { "application/json": { "schema": thing() } } }),
            "the status 206",
        ),
        ("/paths/~1things~1{id}/patch".to_owned(), json!({}), "'patch' is not known"),
        (
            "/components/schemas/Thing/patternProperties".to_owned(),
            json!({}),
            "components/schemas/Thing/patternProperties: this keyword",
        ),
        (
            "/components/schemas/Thing/properties/size/format".to_owned(),
            json!("decimal"),
            "components/schemas/Thing/properties/size/format: the format \"decimal\"",
        ),
        (
            "/components/schemas/Thing/properties/state/$ref".to_owned(),
            json!("#/components/schemas/Gone"),
            "Gone",
        ),
        (
            "/components/schemas/State/enum".to_owned(),
            json!(["no-signal", "no signal"]),
            "two words are called NoSignal",
        ),
        ("/components/schemas/State/enum".to_owned(), json!(["unlisted"]), "Unlisted"),
    ];
    for (place, value, said) in cases {
        let mut description = small();
        let (parent, key) = place.rsplit_once('/').unwrap();
        description.pointer_mut(parent).unwrap()[key] = value;
        let refused = made(&description).expect_err(&place);
        assert!(refused.contains(said), "{place}: {refused}");
    }
}
