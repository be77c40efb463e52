//! The calls, as the description tells them.

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::{Map, Value};

use super::{Unfit, names, unknown, words};

/// One call.
pub struct Call {
    /// Its `operationId`.
    pub id: String,
    /// `GET` and the like.
    pub method: String,
    /// As `/api/v1/inputs/{id}`.
    pub path: String,
    /// For people.
    pub doc: String,
    /// What it is asked with beside its body.
    pub parameters: Vec<Parameter>,
    /// Its body, once for each media type; none if it has none.
    pub bodies: Vec<Body>,
    /// What it answers when it is done, by status.
    pub answers: Vec<(u16, Payload)>,
}

/// What a call is asked with.
pub struct Parameter {
    /// As the API calls it.
    pub name: String,
    /// For people.
    pub doc: String,
    /// Where it is given.
    pub place: Place,
    /// Whether it must be.
    pub required: bool,
    /// Its type in Rust.
    pub kind: Kind,
}

/// Where a parameter is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// Behind the question mark.
    Query,
    /// As a header.
    Header,
}

/// What a parameter is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number, 0 or more.
    Number,
    /// Yes or no.
    Truth,
}

/// What is sent.
pub struct Body {
    /// As `application/json`.
    pub media_type: String,
    /// Whether it must be.
    pub required: bool,
    /// What it is.
    pub payload: Payload,
}

/// What is sent or answered.
pub enum Payload {
    /// Of that type.
    Json(TokenStream),
    /// As it is.
    Text,
    /// As they are.
    Octets,
    /// Without end.
    Events,
    /// No body.
    Nothing,
}

/// Every call, in the order of their paths.
pub fn calls(description: &Value) -> Result<Vec<Call>, Unfit> {
    let mut calls = Vec::new();
    for (path, methods) in object(&description["paths"], "paths")? {
        for (method, call) in object(methods, path)? {
            if !["get", "put", "post", "delete"].contains(&method.as_str()) {
                return Err(unknown(path, format!("'{method}' is not known")));
            }
            calls.push(read(path, method, call)?);
        }
    }
    Ok(calls)
}

fn read(path: &str, method: &str, call: &Value) -> Result<Call, Unfit> {
    let at = format!("{} {path}", method.to_ascii_uppercase());
    let known = [
        "tags",
        "summary",
        "description",
        "operationId",
        "parameters",
        "requestBody",
        "responses",
        "deprecated",
    ];
    only(call, &known, &at)?;
    let id = call["operationId"].as_str().ok_or_else(|| unknown(&*at, "no operationId"))?;
    let said = ["summary", "description"].map(|key| call[key].as_str().unwrap_or_default());
    let doc = said.iter().filter(|said| !said.is_empty()).copied().collect::<Vec<_>>();
    let parameters = call["parameters"].as_array().into_iter().flatten();
    let parameters: Vec<_> =
        parameters.map(|given| parameter(given, &at)).collect::<Result<_, _>>()?;
    for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
        let name = part.trim_end_matches('}');
        if !parameters.iter().any(|known| known.place == Place::Path && known.name == name) {
            return Err(unknown(at, format!("'{name}' in the path is not described")));
        }
    }
    Ok(Call {
        id: id.to_owned(),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        doc: doc.join("\n\n"),
        parameters,
        bodies: bodies(call, &at)?,
        answers: answers(call, &at)?,
    })
}

fn parameter(given: &Value, at: &str) -> Result<Parameter, Unfit> {
    only(given, &["name", "in", "description", "required", "schema", "example"], at)?;
    let name = given["name"].as_str().ok_or_else(|| unknown(at, "a parameter has no name"))?;
    let at = format!("{at}, parameter '{name}'");
    let place = match given["in"].as_str() {
        Some("path") => Place::Path,
        Some("query") => Place::Query,
        Some("header") => Place::Header,
        _ => return Err(unknown(at, format!("it is in {}", given["in"]))),
    };
    let schema = &given["schema"];
    let kinds = match &schema["type"] {
        // Null is to leave it out.
        Value::Array(kinds) => kinds.iter().filter(|kind| **kind != "null").collect(),
        kind => vec![kind],
    };
    let kind = match kinds.as_slice() {
        [kind] if **kind == "string" => Kind::Text,
        [kind] if **kind == "boolean" => Kind::Truth,
        [kind] if **kind == "integer" && schema["minimum"].as_i64() >= Some(0) => Kind::Number,
        _ => return Err(unknown(at, format!("the type {schema} is not known"))),
    };
    let doc = given["description"].as_str().unwrap_or(name).to_owned();
    let required = given["required"] == true;
    Ok(Parameter { name: name.to_owned(), doc, place, required, kind })
}

fn bodies(call: &Value, at: &str) -> Result<Vec<Body>, Unfit> {
    let Some(body) = call.get("requestBody") else { return Ok(Vec::new()) };
    only(body, &["content", "description", "required"], at)?;
    let mut bodies = Vec::new();
    for (media_type, content) in object(&body["content"], at)? {
        let payload = payload(media_type, &content["schema"], &format!("{at}, its body"))?;
        let required = body["required"] == true;
        bodies.push(Body { media_type: media_type.clone(), required, payload });
    }
    Ok(bodies)
}

fn answers(call: &Value, at: &str) -> Result<Vec<(u16, Payload)>, Unfit> {
    let mut answers = Vec::new();
    for (status, answer) in object(&call["responses"], at)? {
        let at = format!("{at}, its answer {status}");
        only(answer, &["description", "headers", "content"], &at)?;
        let none = Map::new();
        let content = match answer.get("content") {
            Some(content) => object(content, &at)?,
            None => &none,
        };
        if content.contains_key("application/problem+json") {
            continue;
        }
        let code: u16 = status.parse().map_err(|_| unknown(&*at, "no number, and no problem"))?;
        // Only who has an older answer is told that it still holds; this client keeps none.
        if code == 304 {
            continue;
        }
        let mut payloads = content.iter().map(|(kind, it)| payload(kind, &it["schema"], &at));
        let first = payloads.next().unwrap_or(Ok(Payload::Nothing))?;
        // One thing in several ways is the first, if all are text.
        for other in payloads {
            if !matches!((&first, other?), (Payload::Text, Payload::Text)) {
                return Err(unknown(at, "it has more than one media type"));
            }
        }
        answers.push((code, first));
    }
    if answers.is_empty() {
        return Err(unknown(at, "it has no good answer"));
    }
    Ok(answers)
}

fn payload(media_type: &str, schema: &Value, at: &str) -> Result<Payload, Unfit> {
    match media_type {
        "application/json" => Ok(Payload::Json(json(schema, at)?)),
        "application/sdp" | "application/toml" | "application/openmetrics-text" | "text/plain" => {
            Ok(Payload::Text)
        }
        "image/jpeg" | "application/vnd.sqlite3" => Ok(Payload::Octets),
        "text/event-stream" => Ok(Payload::Events),
        _ => Err(unknown(at, format!("the media type {media_type} is not known"))),
    }
}

/// The type of some JSON, which has a name or is any, or is a list of such.
fn json(schema: &Value, at: &str) -> Result<TokenStream, Unfit> {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        let name = names::of_type(name, at)?;
        return Ok(quote!(types::#name));
    }
    if let Some([some, null]) = schema["oneOf"].as_array().map(Vec::as_slice)
        && null["type"] == "null"
    {
        return json(some, at);
    }
    let known = schema.as_object().is_some_and(|it| it.keys().all(|key| key != "properties"));
    match schema["type"].as_str() {
        Some("array") => {
            let of = json(&schema["items"], at)?;
            Ok(quote!(Vec<#of>))
        }
        Some("object") if known => Ok(quote!(Value)),
        Some("string") if words::of(schema).is_none() => Ok(quote!(String)),
        _ if words::of(schema).is_some() => Err(unknown(at, "a list of words has no name")),
        _ => Err(unknown(at, format!("{schema} has no name: describe it as a component"))),
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, Unfit> {
    value.as_object().ok_or_else(|| unknown(at, "it is no object"))
}

/// Refuses what is not known: it may mean that a call is another than it seems.
fn only(value: &Value, known: &[&str], at: &str) -> Result<(), Unfit> {
    match object(value, at)?.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(unknown(at, format!("'{key}' is not known"))),
        None => Ok(()),
    }
}
