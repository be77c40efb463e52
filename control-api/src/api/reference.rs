//! The description of every call as a page to read, made of `/openapi.json`.
//!
//! One page without scripts, styled by the panel's colours; nothing of it is fetched from
//! elsewhere. Every call with what it takes and answers, every schema once, with links between.

use std::fmt::Write;

use axum::response::Html;
use serde_json::Value;

/// The page.
pub async fn page() -> Html<String> {
    let openapi = super::openapi();
    // A description is a plain structure, which always has a value.
    Html(render(&serde_json::to_value(&openapi).unwrap_or_default()))
}

/// The description as HTML.
fn render(openapi: &Value) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>ormatrix: the API</title><link rel=\"stylesheet\" href=\"/reference.css\">\n",
    );
    let info = &openapi["info"];
    let _ = write!(
        html,
        "<h1>{}</h1><p>{} Version {}. For programs: <a href=\"/openapi.json\">/openapi.json</a>.</p>",
        text(&info["title"]),
        text(&info["description"]),
        text(&info["version"]),
    );
    let calls = calls(openapi);
    let tags = openapi["tags"].as_array().map_or(&[][..], Vec::as_slice);
    html.push_str("<nav><ul>");
    for tag in tags {
        let name = text(&tag["name"]);
        let about = text(&tag["description"]);
        let _ = write!(html, "<li><a href=\"#tag-{name}\">{name}</a>: {about}</li>");
    }
    html.push_str("<li><a href=\"#schemas\">schemas</a>: what requests and answers are made of</li></ul></nav>");
    for tag in tags {
        let name = text(&tag["name"]);
        let _ = write!(html, "<section id=\"tag-{name}\"><h2>{name}</h2>");
        for (method, path, call) in &calls {
            if call["tags"][0] == tag["name"] {
                operation(&mut html, method, path, call);
            }
        }
        html.push_str("</section>");
    }
    html.push_str("<section id=\"schemas\"><h2>Schemas</h2>");
    for (name, schema) in openapi["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(html, "<h3 id=\"{0}\">{0}</h3>", escaped(name));
        fields(&mut html, schema);
    }
    html.push_str("</section></html>\n");
    html
}

/// Every call: its method, its path, its description.
fn calls(openapi: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = openapi["paths"].as_object().into_iter().flatten();
    let methods = paths.flat_map(|(path, item)| {
        let calls = item.as_object().into_iter().flatten();
        calls.map(move |(method, call)| (method.as_str(), path.as_str(), call))
    });
    methods.filter(|(_, _, call)| call["operationId"].is_string()).collect()
}

fn operation(html: &mut String, method: &str, path: &str, call: &Value) {
    let id = text(&call["operationId"]);
    let _ = write!(
        html,
        "<article id=\"{id}\"><h3><code>{} {}</code></h3><p>{} {}</p>",
        method.to_uppercase(),
        escaped(path),
        text(&call["summary"]),
        text(&call["description"]),
    );
    let parameters = call["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        html.push_str("<table><tr><th>parameter<th>in<th>type<th>meaning");
        for parameter in parameters {
            let _ = write!(
                html,
                "<tr><td><code>{}</code><td>{}<td>{}<td>{}",
                text(&parameter["name"]),
                text(&parameter["in"]),
                kind(&parameter["schema"]),
                text(&parameter["description"]),
            );
        }
        html.push_str("</table>");
    }
    for (media, body) in call["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ =
            write!(html, "<p>Takes <code>{}</code>: {}</p>", escaped(media), kind(&body["schema"]));
    }
    for (status, answer) in call["responses"].as_object().into_iter().flatten() {
        let content = answer["content"].as_object();
        let kinds: Vec<String> = content
            .into_iter()
            .flatten()
            .map(|(media, body)| {
                format!("<code>{}</code>: {}", escaped(media), kind(&body["schema"]))
            })
            .collect();
        let kinds = if kinds.is_empty() { "no body".to_owned() } else { kinds.join(" or ") };
        let _ = write!(html, "<p>Answers <b>{}</b>: {kinds}</p>", escaped(status));
    }
    html.push_str("</article>");
}

/// What a schema is made of.
fn fields(html: &mut String, schema: &Value) {
    let _ = write!(html, "<p>{}</p>", text(&schema["description"]));
    let parts = schema["allOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
    for part in parts {
        let Some(properties) = part["properties"].as_object() else {
            let _ = write!(html, "<p>{}</p>", kind(part));
            continue;
        };
        let required = part["required"].as_array().map_or(&[][..], Vec::as_slice);
        html.push_str("<table><tr><th>member<th>type<th>meaning");
        for (name, member) in properties {
            let must = if required.iter().any(|one| one == name) { "" } else { " (optional)" };
            let _ = write!(
                html,
                "<tr><td><code>{}</code>{must}<td>{}<td>{}{}",
                escaped(name),
                kind(member),
                text(&member["description"]),
                example(member),
            );
        }
        html.push_str("</table>");
    }
}

/// An example of a value, if there is one.
fn example(schema: &Value) -> String {
    match &schema["example"] {
        Value::Null => String::new(),
        example => {
            format!(" <small>such as <code>{}</code></small>", escaped(&example.to_string()))
        }
    }
}

/// What a schema is, in a few words, with links.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escaped(name));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(|word| format!("<code>{}</code>", escaped(&word.to_string())));
        return words.collect::<Vec<_>>().join(" | ");
    }
    for (key, between) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " + ")] {
        if let Some(kinds) = schema[key].as_array() {
            return kinds.iter().map(kind).collect::<Vec<_>>().join(between);
        }
    }
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" | "),
        name => text(name),
    };
    if let Some(of) = schema.get("items") {
        return format!("{names} of {}", kind(of));
    }
    let mut said = match schema.get("additionalProperties") {
        Some(of @ Value::Object(_)) => format!("{names} of {}", kind(of)),
        _ => names,
    };
    for (key, word) in [("minimum", "from"), ("maximum", "to"), ("format", "as")] {
        match schema.get(key) {
            Some(Value::String(value)) => {
                let _ = write!(said, " {word} {}", escaped(value));
            }
            Some(value) => {
                let _ = write!(said, " {word} {value}");
            }
            None => {}
        }
    }
    said
}

/// A text of the description, safe in HTML; empty where there is none.
fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_and_every_schema_is_there_and_nothing_is_fetched_from_elsewhere() {
        let openapi = serde_json::to_value(super::super::openapi()).unwrap();
        let html = render(&openapi);
        let calls = calls(&openapi);
        assert!(calls.len() > 50, "{}", calls.len());
        for (_, _, call) in calls {
            let id = call["operationId"].as_str().unwrap();
            assert!(html.contains(&format!("<article id=\"{id}\">")), "{id}");
        }
        let schemas = openapi["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            assert!(html.contains(&format!("<h3 id=\"{name}\">")), "{name}");
        }
        // Every link leads to something on the page, or to this host.
        for link in html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let there =
                link.strip_prefix('#').is_none_or(|id| html.contains(&format!("id=\"{id}\"")));
            assert!(there && (link.starts_with('#') || link.starts_with('/')), "{link}");
        }
        assert!(!html.contains("<script") && !html.contains("style="));
    }

    #[test]
    fn what_a_description_says_is_text() {
        let wild = serde_json::json!({ "type": "string", "enum": ["<b>"] });
        assert_eq!(kind(&wild), "<code>&quot;&lt;b&gt;&quot;</code>");
    }
}
