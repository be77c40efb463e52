//! What is different between two inventories, for people and for the database.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    api::{
        config::{InputConfig, OutputConfig},
        presets::PresetConfig,
        zones::ZoneConfig,
    },
    inventory::Inventory,
    store::Write,
};

/// One thing that is added, changed or removed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SiteChange {
    /// `zone`, `input`, `output` or `preset`.
    pub kind: &'static str,
    /// Which.
    pub id: String,
    /// What happens to it.
    pub change: Difference,
    /// The fields that change; of what is added or removed none are listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub fields: Vec<FieldChange>,
    /// What it shows at this moment and will not show any more; of outputs that are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
}

/// What happens to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// It is new.
    Added,
    /// It has other values.
    Changed,
    /// It goes.
    Removed,
}

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// Its value now; null where it has none.
    pub from: Value,
    /// Its value then; null where it has none.
    pub to: Value,
}

/// What is to be done to come from one inventory to another.
#[derive(Debug, Default)]
pub struct Diff {
    /// For people.
    pub changes: Vec<SiteChange>,
    /// For the database: what is put first, what goes last, so that nothing is without what it
    /// names.
    pub writes: Vec<Write>,
}

/// Compares.
pub fn diff(from: &Inventory, to: &Inventory) -> Diff {
    let mut diff = Diff::default();
    let zones = diff.compare("zone", &from.zones, &to.zones, ZoneConfig::of);
    let inputs = diff.compare("input", &from.inputs, &to.inputs, InputConfig::of);
    let outputs = diff.compare("output", &from.outputs, &to.outputs, OutputConfig::of);
    let presets = diff.compare("preset", &from.presets, &to.presets, PresetConfig::of);
    let writes = &mut diff.writes;
    writes.extend(inputs.put.into_iter().map(Write::PutInput));
    writes.extend(outputs.put.into_iter().map(Write::PutOutput));
    // Plans name outputs that go by themselves; presets must let go of them first.
    writes.extend(presets.gone.into_iter().map(Write::RemovePreset));
    writes.extend(presets.put.into_iter().map(Write::PutPreset));
    writes.extend(zones.gone.into_iter().map(Write::RemoveZone));
    writes.extend(zones.put.into_iter().map(Write::PutZone));
    writes.extend(outputs.gone.into_iter().map(Write::RemoveOutput));
    writes.extend(inputs.gone.into_iter().map(Write::RemoveInput));
    diff
}

/// What is to be put of one kind, and what is to go.
struct Lists<K, T> {
    put: Vec<T>,
    gone: Vec<K>,
}

impl Diff {
    fn compare<K, T, C>(
        &mut self,
        kind: &'static str,
        from: &BTreeMap<K, T>,
        to: &BTreeMap<K, T>,
        config: impl Fn(&T) -> C,
    ) -> Lists<K, T>
    where
        K: Ord + Clone + ToString,
        T: Clone + PartialEq,
        C: Serialize,
    {
        let mut lists = Lists { put: Vec::new(), gone: Vec::new() };
        let mut note = |id: &K, change, fields| {
            self.changes.push(SiteChange { kind, id: id.to_string(), change, fields, shows: None });
        };
        for (id, one) in to {
            match from.get(id) {
                Some(before) if before == one => continue,
                Some(before) => {
                    let fields = fields(&config(before), &config(one));
                    note(id, Difference::Changed, fields);
                }
                None => note(id, Difference::Added, Vec::new()),
            }
            lists.put.push(one.clone());
        }
        for id in from.keys().filter(|id| !to.contains_key(id)) {
            note(id, Difference::Removed, Vec::new());
            lists.gone.push(id.clone());
        }
        lists
    }
}

/// The fields that differ.
fn fields(from: &impl Serialize, to: &impl Serialize) -> Vec<FieldChange> {
    let (from, to) = (object(from), object(to));
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    let value = |of: &Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
    let change = |name: &String| FieldChange {
        field: name.clone(),
        from: value(&from, name),
        to: value(&to, name),
    };
    names.into_iter().map(change).filter(|change| change.from != change.to).collect()
}

fn object(config: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
