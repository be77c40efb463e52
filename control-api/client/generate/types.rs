//! The shapes under `components/schemas`.
//!
//! OpenAPI 3.1's schemas are JSON Schema; `typify` reads an older draft of it and has its own
//! mind of some things. What is changed for it, and why:
//!
//! | in the description | here | why |
//! |---|---|---|
//! | `#/components/schemas/X` | `#/definitions/X` | where that draft keeps them |
//! | a component that is only a map | the map itself | a type of its own would only be in the way |
//! | a named list of words | a type from `words` | new words must not make answers unreadable |
//! | any other `oneOf` | one more way, `Unlisted`, that is any JSON | the same |
//! | `additionalProperties: false` | left out | a newer server's new members are ignored |
//! | `default` | left out | it is the server's to apply; what is not given is not sent |
//! | whole numbers with a `minimum` of 0 or more | `uint32`, `uint64` | the description has no words for these |
//! | `minimum`, `maximum` | left out | the server decides, with a problem that says so |
//! | `example`, `propertyNames` | left out | they change no shape |
//! | a `description` beside a `$ref`, also in `oneOf` with null | one up, the `$ref` in `allOf` | that draft ignores what stands beside a `$ref` |
//!
//! Any other keyword fails the build.

use proc_macro2::TokenStream;
use quote::quote;
use schemars::schema::Schema;
use serde_json::{Map, Value, json};
use typify::{TypeDetails, TypeSpace, TypeSpaceSettings};

use super::{Unfit, names, unknown, words};

const REF: &str = "#/components/schemas/";

/// Every type.
pub fn all(description: &Value) -> Result<TokenStream, Unfit> {
    let Some(schemas) = description["components"]["schemas"].as_object() else {
        return Err(unknown("components/schemas", "there are none"));
    };
    let mut settings = TypeSpaceSettings::default();
    settings.with_map_type("::std::collections::BTreeMap").with_derive("PartialEq".to_owned());
    let mut lists = Vec::new();
    let mut definitions = Map::new();
    for (name, schema) in schemas {
        if let Some(list) = words::of(schema) {
            lists.push(words::make(name, schema, &list)?);
            settings.with_replacement(name, name, std::iter::empty());
        }
        if map(schema).is_none() {
            let at = format!("components/schemas/{name}");
            let made = readable(schema, schemas, &at)?;
            serde_json::from_value::<Schema>(made.clone())
                .map_err(|error| unknown(at, format!("{error}: {made}")))?;
            definitions.insert(name.clone(), made);
        }
    }
    let mut space = TypeSpace::new(&settings);
    space.add_root_schema(serde_json::from_value(json!({ "definitions": definitions }))?)?;
    let (shapes, made) = (space.to_stream(), made(&space)?);
    Ok(quote! { #shapes #(#lists)* #(#made)* })
}

/// Most arguments of a function.
const ARGUMENTS: usize = 7;

/// A `new` for each shape of which some members must be given and others need not. Such are
/// what is sent; what has more than `ARGUMENTS` that must be given is only ever answered.
fn made(space: &TypeSpace) -> Result<Vec<TokenStream>, Unfit> {
    let mut all = Vec::new();
    for shape in space.iter_types() {
        let TypeDetails::Struct(details) = shape.details() else { continue };
        let members: Vec<_> = details.properties_info().collect();
        let (must, may): (Vec<_>, Vec<_>) = members.into_iter().partition(|one| one.required);
        if must.is_empty() || may.is_empty() || must.len() > ARGUMENTS {
            continue;
        }
        let ident = shape.ident();
        let (mut names, mut kinds) = (Vec::new(), Vec::new());
        for member in must {
            names.push(names::of_value(member.name, &shape.name())?);
            kinds.push(space.get_type(&member.type_id)?.ident());
        }
        let may: Result<Vec<_>, _> =
            may.iter().map(|member| names::of_value(member.name, &shape.name())).collect();
        let may = may?;
        all.push(quote! {
            impl #ident {
                /// With what must be given.
                pub fn new(#(#names: #kinds),*) -> Self {
                    Self { #(#names,)* #(#may: Default::default(),)* }
                }
            }
        });
    }
    Ok(all)
}

/// The schema of a map's values, if a schema is of a map and nothing else.
fn map(schema: &Value) -> Option<&Value> {
    let object = schema.as_object()?;
    let only = ["type", "additionalProperties", "propertyNames"];
    let is = schema["type"] == "object" && object.keys().all(|key| only.contains(&key.as_str()));
    object.get("additionalProperties").filter(|values| is && values.is_object())
}

/// A schema that `typify` reads as it is meant.
fn readable(schema: &Value, all: &Map<String, Value>, at: &str) -> Result<Value, Unfit> {
    let Some(keywords) = schema.as_object() else {
        return Err(unknown(at, format!("{schema} is no schema")));
    };
    let within = |key: &str| format!("{at}/{key}");
    let mut made = Map::new();
    for (key, value) in keywords {
        let value = match key.as_str() {
            "type" | "enum" | "required" | "description" | "title" | "deprecated" => value.clone(),
            "format" => format(keywords, value, &within(key))?,
            "minimum" | "maximum" | "example" | "propertyNames" | "default" => continue,
            "additionalProperties" if *value == json!(false) => continue,
            "additionalProperties" | "items" => readable(value, all, &within(key))?,
            "properties" => each(value, all, &within(key))?,
            "allOf" => list(value, all, &within(key))?,
            "oneOf" => one_of(value, all, &mut made, &within(key))?,
            "$ref" => {
                let name = value.as_str().and_then(|to| to.strip_prefix(REF));
                let Some((name, to)) = name.and_then(|name| Some((name, all.get(name)?))) else {
                    return Err(unknown(within(key), format!("{value} is not there")));
                };
                if map(to).is_some() {
                    let Value::Object(inlined) = readable(to, all, at)? else { continue };
                    made.extend(inlined);
                } else {
                    let to = json!({ "$ref": format!("#/definitions/{name}") });
                    made.insert("allOf".to_owned(), json!([to]));
                }
                continue;
            }
            _ => return Err(unknown(within(key), "this keyword is not known")),
        };
        made.insert(key.clone(), value);
    }
    if !keywords.contains_key("format") && keywords.get("type").is_some_and(is_integer) {
        made.insert(
            "format".to_owned(),
            json!(if positive(keywords) { "uint64" } else { "int64" }),
        );
    }
    // Alone it is as every draft knows it.
    if made.len() == 1
        && let Some([alone]) = made.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
        && alone.get("$ref").is_some()
    {
        return Ok(alone.clone());
    }
    Ok(Value::Object(made))
}

fn each(members: &Value, all: &Map<String, Value>, at: &str) -> Result<Value, Unfit> {
    let members = members.as_object().ok_or_else(|| unknown(at, "it is no object"))?;
    let mut made = Map::new();
    for (name, schema) in members {
        made.insert(name.clone(), readable(schema, all, &format!("{at}/{name}"))?);
    }
    Ok(Value::Object(made))
}

fn list(schemas: &Value, all: &Map<String, Value>, at: &str) -> Result<Value, Unfit> {
    let schemas = schemas.as_array().ok_or_else(|| unknown(at, "it is no list"))?;
    let schemas = schemas.iter().enumerate();
    schemas.map(|(index, schema)| readable(schema, all, &format!("{at}/{index}"))).collect()
}

/// Either something that may be null, whose description is moved to `around`, or several ways.
fn one_of(
    ways: &Value,
    all: &Map<String, Value>,
    around: &mut Map<String, Value>,
    at: &str,
) -> Result<Value, Unfit> {
    let null = json!({ "type": "null" });
    if let Some([some, nothing]) = ways.as_array().map(Vec::as_slice)
        && *nothing == null
    {
        let mut some = some.clone();
        let description = some.as_object_mut().and_then(|some| some.remove("description"));
        around.extend(description.map(|text| ("description".to_owned(), text)));
        return Ok(Value::Array(vec![readable(&some, all, at)?, null]));
    }
    let mut made = list(ways, all, at)?;
    let ways = ways.as_array().into_iter().flatten();
    if let Some(made) = made.as_array_mut() {
        for (schema, way) in made.iter_mut().zip(ways) {
            schema["title"] = called(way, at)?.into();
        }
        let description = "What this client does not know, as it was said.";
        made.push(json!({ "title": "Unlisted", "description": description }));
    }
    Ok(made)
}

/// What one of several ways is called: by the component, member or word that it consists of,
/// else by its kind.
fn called(way: &Value, at: &str) -> Result<String, Unfit> {
    let members: Vec<_> = way["properties"].as_object().into_iter().flatten().collect();
    let name = match (way["$ref"].as_str(), words::of(way).as_deref(), members.as_slice()) {
        (Some(name), _, _) => name.trim_start_matches(REF),
        (None, Some([word]), _) => word,
        (None, _, [(member, _)]) => member,
        _ => match way["type"].as_str() {
            Some("array") => "list",
            Some("string") => "text",
            _ => return Err(unknown(at, format!("there is no name for {way}"))),
        },
    };
    Ok(names::of_type(name, at)?.to_string())
}

/// The width of a number, with its sign.
fn format(schema: &Map<String, Value>, format: &Value, at: &str) -> Result<Value, Unfit> {
    match format.as_str() {
        Some("int32") if positive(schema) => Ok(json!("uint32")),
        Some("int64") if positive(schema) => Ok(json!("uint64")),
        Some("int32" | "int64" | "double" | "float") => Ok(format.clone()),
        _ => Err(unknown(at, format!("the format {format} is not known"))),
    }
}

fn positive(schema: &Map<String, Value>) -> bool {
    schema.get("minimum").and_then(Value::as_i64).is_some_and(|least| least >= 0)
}

/// Whether that `type` is of whole numbers, or null.
fn is_integer(kind: &Value) -> bool {
    *kind == "integer" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("integer")))
}
