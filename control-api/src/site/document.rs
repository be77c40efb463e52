//! A site as a TOML document.
//!
//! Four lists: `[[zone]]`, `[[input]]`, `[[output]]`, `[[preset]]`, each entry with the fields
//! of the API's bodies. What is written names every value, defaults too, in one order and one
//! way of writing: the same site is the same file, octet for octet.

use std::{collections::BTreeMap, fmt::Display};

use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use crate::{
    api::{
        body::{FailoverBody, InputBody, OutputBody},
        config::{InputConfig, OutputConfig},
        presets::{PresetBody, PresetConfig},
        stream::{Name, Resource},
        zones::{PlanBody, ZoneBody, ZoneConfig},
    },
    app::App,
    inventory::{Input, Inventory, Output, Zone},
    problem::Error,
    validate::{self, invalid},
};

/// Longest file in octets: a hospital of 40 rooms takes about a tenth of it.
pub const SITE_MAX: usize = 16 * 1024 * 1024;

/// How every written file begins.
const HEADING: &str = "\
# An ormatrix site. `ormatrix apply FILE` shows what it would change, then makes the whole
# matrix so: what does not stand here is removed. control-api/site.toml explains every field.
";

/// A file as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Site {
    zone: Vec<ZoneBody>,
    input: Vec<InputBody>,
    output: Vec<OutputBody>,
    preset: Vec<PresetBody>,
}

/// Reads a file: what it makes of the inventory, checked as a whole. What it does not give has
/// its default; only synchronisation sources, and locks, which are no part of a site, stay as
/// they are.
///
/// # Errors
/// [`Error::Malformed`] with line and column for what is no such file; [`Error::Invalid`] with
/// entry and field for what cannot be.
pub fn read(app: &App, text: &str) -> Result<Inventory, Error> {
    let site: Site = toml_edit::de::from_str(text).map_err(|error| {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::Malformed { line, column, reason: error.message().trim_end().to_owned() }
    })?;
    let mut inventory = Inventory::default();
    for (n, body) in site.zone.into_iter().enumerate() {
        let name = body.name.ok_or_else(|| nameless("zone", n, "name"))?;
        let plan = body.plan.map(PlanBody::resolve);
        let zone = Zone { name: name.clone(), labels: body.labels, plan };
        put(&mut inventory.zones, "zone", &name, zone)?;
    }
    for (n, body) in site.input.into_iter().enumerate() {
        let input: Input = stream(app, n, body, |body: &mut InputBody| {
            body.labels.get_or_insert_default();
            body.source_type.get_or_insert_default();
            body.backups.get_or_insert_default();
            body.failover.get_or_insert(FailoverBody::default());
        })?;
        put(&mut inventory.inputs, "input", &input.id.clone(), input)?;
    }
    for (n, body) in site.output.into_iter().enumerate() {
        let output: Output = stream(app, n, body, |body: &mut OutputBody| {
            body.labels.get_or_insert_default();
            body.park.get_or_insert_default();
            body.on_loss.get_or_insert_default();
        })?;
        put(&mut inventory.outputs, "output", &output.id.clone(), output)?;
    }
    for (n, body) in site.preset.into_iter().enumerate() {
        let id = body.id.clone().ok_or_else(|| nameless("preset", n, "id"))?;
        if !body.capture.is_empty() {
            return Err(at("preset", &id, invalid("capture", "a file has nothing to capture")));
        }
        let preset = body.resolve(&inventory, None, Vec::new());
        let preset = preset.map_err(|error| at("preset", &id, error))?;
        put(&mut inventory.presets, "preset", &id, preset)?;
    }
    inventory.locks = app.inventory().locks.clone();
    inventory.locks.retain(|output, _| inventory.outputs.contains_key(output));
    check(&inventory)?;
    Ok(inventory)
}

/// One stream of a file, with `complete` for what a file means by leaving it out.
fn stream<T: Resource>(
    app: &App,
    n: usize,
    mut body: T::Body,
    complete: impl FnOnce(&mut T::Body),
) -> Result<T, Error> {
    let named = T::named(&mut body);
    let id = named.id.ok_or_else(|| nameless(T::KIND, n, "id"))?;
    let label = named.label.unwrap_or_else(|| id.to_string());
    let name = Name { id: id.clone(), label, zone: named.zone.unwrap_or_default() };
    complete(&mut body);
    T::from_json(app, name, body).map_err(|error| at(T::KIND, &id, error))
}

fn put<K: Ord + Clone + Display, T>(
    all: &mut BTreeMap<K, T>,
    kind: &str,
    key: &K,
    one: T,
) -> Result<(), Error> {
    match all.insert(key.clone(), one) {
        Some(_) => Err(invalid(format!("{kind} '{key}'"), "stands there twice: write it once")),
        None => Ok(()),
    }
}

/// An entry without its name, as an error.
fn nameless(kind: &str, n: usize, key: &str) -> Error {
    invalid(format!("{kind}[{n}].{key}"), "missing: every entry of a file has one")
}

/// An error about one entry.
fn at(kind: &str, id: &impl Display, error: Error) -> Error {
    match error {
        Error::Invalid { field, reason } => {
            Error::Invalid { field: format!("{kind} '{id}': {field}"), reason }
        }
        other => other,
    }
}

/// Checks everything of an inventory, each by itself and with what it names.
///
/// # Errors
/// The first thing that is wrong, by entry and field.
pub fn check(inventory: &Inventory) -> Result<(), Error> {
    for input in inventory.inputs.values() {
        validate::input(input)
            .and_then(|()| validate::backups(inventory, input))
            .map_err(|error| at("input", &input.id, error))?;
    }
    for output in inventory.outputs.values() {
        validate::output(output)
            .and_then(|()| validate::park(inventory, output))
            .map_err(|error| at("output", &output.id, error))?;
    }
    validate::addresses(&inventory.inputs)?;
    validate::addresses(&inventory.outputs)?;
    for preset in inventory.presets.values() {
        validate::preset(preset)
            .and_then(|()| validate::references(inventory, preset))
            .map_err(|error| at("preset", &preset.id, error))?;
    }
    for zone in inventory.zones.values() {
        validate::zone(zone)
            .and_then(|()| validate::displays(inventory, zone))
            .map_err(|error| at("zone", &zone.name, error))?;
    }
    Ok(())
}

/// The site as a file.
///
/// # Errors
/// [`Error::Internal`] when a value has no form in TOML, which none of ours is without.
pub fn write(inventory: &Inventory) -> Result<String, Error> {
    let mut text = HEADING.to_owned();
    for zone in inventory.zones.values() {
        entry(&mut text, "zone", &ZoneConfig::of(zone))?;
    }
    for input in inventory.inputs.values() {
        entry(&mut text, "input", &InputConfig::of(input))?;
    }
    for output in inventory.outputs.values() {
        entry(&mut text, "output", &OutputConfig::of(output))?;
    }
    for preset in inventory.presets.values() {
        entry(&mut text, "preset", &PresetConfig::of(preset))?;
    }
    Ok(text)
}

/// Writes one entry: a table of which every value is on a line of its own.
fn entry(text: &mut String, kind: &str, config: &impl Serialize) -> Result<(), Error> {
    let document: DocumentMut = toml_edit::ser::to_document(config).map_err(|error| {
        tracing::error!(kind, %error, "cannot be written as TOML");
        Error::Internal
    })?;
    let mut flat = Table::new();
    for (key, item) in document.iter() {
        let value = match item {
            Item::Value(value) => value.clone(),
            Item::Table(table) => Value::InlineTable(table.clone().into_inline_table()),
            Item::ArrayOfTables(tables) => Value::Array(tables.clone().into_array()),
            Item::None => continue,
        };
        flat.insert(key, Item::Value(inline(value)));
    }
    text.push_str("\n[[");
    text.push_str(kind);
    text.push_str("]]\n");
    text.push_str(&flat.to_string());
    Ok(())
}

/// A value without any line of its own inside.
fn inline(value: Value) -> Value {
    let mut value = match value {
        Value::Array(array) => Value::Array(array.into_iter().map(inline).collect()),
        Value::InlineTable(table) => {
            let inner = table.into_iter().map(|(key, value)| (key, inline(value)));
            Value::InlineTable(inner.collect::<InlineTable>())
        }
        plain => plain,
    };
    value.decor_mut().clear();
    value
}
