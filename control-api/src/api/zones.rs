//! Rooms, and where displays hang in them.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{InputId, OutputId};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use utoipa::ToSchema;

use super::{
    body::JsonBody,
    config::{Revised, revision},
    stream::{stored, tagged},
};
use crate::{
    actor::{Action, Actor},
    app::{App, Shared},
    change::{Expect, operations},
    http::{expect::ExpectHeaders, query::segment},
    inventory::{Inventory, Labels, Place, Plan, PresetId, Zone},
    problem::{Error, Problem},
    validate::invalid,
};

/// A room to add or change. What `GET` shows beyond this is ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneBody {
    /// As the path says it.
    pub name: Option<String>,
    /// The name in other languages, by language tag (BCP 47), up to 16.
    #[serde(default)]
    #[schema(required = false)]
    pub labels: Labels,
    /// Where displays hang.
    pub plan: Option<PlanBody>,
    #[serde(default, rename = "inputs")]
    #[schema(ignore)]
    _inputs: IgnoredAny,
    #[serde(default, rename = "outputs")]
    #[schema(ignore)]
    _outputs: IgnoredAny,
    #[serde(default, rename = "presets")]
    #[schema(ignore)]
    _presets: IgnoredAny,
    #[serde(default, rename = "revision")]
    #[schema(ignore)]
    _revision: IgnoredAny,
}

/// A room seen from where its panel hangs. Lengths are in any unit, the same for all; the
/// origin is the upper left corner.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Plan)]
pub struct PlanBody {
    /// How wide it is.
    #[schema(minimum = 1, maximum = 10000, example = 1600)]
    pub width: u16,
    /// How high it is.
    #[schema(minimum = 1, maximum = 10000, example = 900)]
    pub height: u16,
    /// Where each display is; every output once, within the plan.
    #[serde(default)]
    #[schema(required = false)]
    pub displays: Vec<PlaceBody>,
}

/// Where a display is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Place)]
pub struct PlaceBody {
    /// The output that feeds it.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// Of its left edge.
    #[schema(maximum = 9999)]
    pub x: u16,
    /// Of its upper edge.
    #[schema(maximum = 9999)]
    pub y: u16,
    /// How wide it is.
    #[schema(minimum = 1, maximum = 10000)]
    pub width: u16,
    /// How high it is.
    #[schema(minimum = 1, maximum = 10000)]
    pub height: u16,
}

/// A room as it was configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneConfig {
    /// As inputs, outputs and presets name it.
    #[schema(example = "OR 3")]
    pub name: String,
    /// That name in other languages.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schema(required = false)]
    pub labels: Labels,
    /// Where displays hang, if somebody has drawn that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanBody>,
}

/// A room and what is in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Zone)]
pub struct ZoneView {
    /// As it was configured.
    #[serde(flatten)]
    pub config: ZoneConfig,
    /// Inputs that name it.
    #[schema(value_type = Vec<String>)]
    pub inputs: Vec<InputId>,
    /// Outputs that name it.
    #[schema(value_type = Vec<String>)]
    pub outputs: Vec<OutputId>,
    /// Presets that name it.
    #[schema(value_type = Vec<String>)]
    pub presets: Vec<PresetId>,
    /// Changes with the configuration; `If-Match` takes it. Null for a room that is only named.
    pub revision: Option<String>,
}

impl PlanBody {
    /// As it is written.
    pub fn of(plan: &Plan) -> Self {
        let place = |place: &Place| {
            let Place { output, x, y, width, height } = place.clone();
            PlaceBody { output, x, y, width, height }
        };
        let displays = plan.displays.iter().map(place).collect();
        Self { width: plan.width, height: plan.height, displays }
    }

    /// As it is meant.
    pub fn resolve(self) -> Plan {
        let place = |place: PlaceBody| {
            let PlaceBody { output, x, y, width, height } = place;
            Place { output, x, y, width, height }
        };
        let displays = self.displays.into_iter().map(place).collect();
        Plan { width: self.width, height: self.height, displays }
    }
}

impl ZoneConfig {
    /// The configuration of a room.
    pub fn of(zone: &Zone) -> Self {
        Self {
            name: zone.name.clone(),
            labels: zone.labels.clone(),
            plan: zone.plan.as_ref().map(PlanBody::of),
        }
    }
}

impl Revised for Zone {
    fn revision(&self) -> String {
        revision(&ZoneConfig::of(self))
    }
}

impl ZoneView {
    fn of(inventory: &Inventory, name: &str) -> Self {
        let named_so = |zone: &str| zone == name;
        let known = inventory.zones.get(name);
        let bare = || Zone { name: name.to_owned(), labels: Labels::new(), plan: None };
        let inputs = inventory.inputs.values().filter(|input| named_so(&input.zone));
        let outputs = inventory.outputs.values().filter(|output| named_so(&output.zone));
        let presets = inventory.presets.values().filter(|preset| named_so(&preset.zone));
        Self {
            inputs: inputs.map(|input| input.id.clone()).collect(),
            outputs: outputs.map(|output| output.id.clone()).collect(),
            presets: presets.map(|preset| preset.id.clone()).collect(),
            revision: known.map(Revised::revision),
            config: known.map_or_else(|| ZoneConfig::of(&bare()), ZoneConfig::of),
        }
    }
}

/// The names of all rooms that are known or named, in order.
fn names(inventory: &Inventory) -> Vec<String> {
    let named = inventory.inputs.values().map(|input| &input.zone);
    let named = named.chain(inventory.outputs.values().map(|output| &output.zone));
    let named = named.chain(inventory.presets.values().map(|preset| &preset.zone));
    let named = named.filter(|name| !name.is_empty()).chain(inventory.zones.keys());
    let names: std::collections::BTreeSet<&String> = named.collect();
    names.into_iter().cloned().collect()
}

/// The room of that name, or the problem that nothing names it.
fn known(app: &App, name: &str) -> Result<ZoneView, Error> {
    let inventory = app.inventory();
    if !names(&inventory).iter().any(|known| known == name) {
        return Err(Error::UnknownZone(name.to_owned()));
    }
    Ok(ZoneView::of(&inventory, name))
}

/// Every room that is known, or that an input, output or preset names.
#[utoipa::path(get, path = "/zones", tag = "zones", operation_id = "list_zones",
    responses((status = 200, body = Vec<ZoneView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<ZoneView>> {
    let inventory = app.inventory();
    Json(names(&inventory).iter().map(|name| ZoneView::of(&inventory, name)).collect())
}

/// One room.
#[utoipa::path(get, path = "/zones/{name}", tag = "zones", operation_id = "get_zone",
    params(("name" = String, Path)),
    responses((status = 200, body = ZoneView), (status = "default", body = Problem)))]
pub async fn show(State(app): State<Shared>, Path(name): Path<String>) -> Result<Response, Error> {
    let view = known(&app, &name)?;
    Ok(match view.revision.clone() {
        Some(revision) => tagged(&revision, Json(view)),
        None => Json(view).into_response(),
    })
}

/// Says what a room is called in other languages and where its displays hang.
#[utoipa::path(put, path = "/zones/{name}", tag = "zones", operation_id = "put_zone",
    params(("name" = String, Path), ExpectHeaders), request_body = ZoneBody,
    responses((status = 200, body = ZoneView), (status = 201, body = ZoneView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(name): Path<String>,
    expect: Expect,
    JsonBody(body): JsonBody<ZoneBody>,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    if let Some(given) = body.name.filter(|given| *given != name) {
        let reason = format!("'{given}' is not '{name}', the name in the path");
        return Err(invalid("name", reason));
    }
    let plan = body.plan.map(PlanBody::resolve);
    let zone = Zone { name: name.clone(), labels: body.labels, plan };
    let revision = zone.revision();
    let put = operations::put_zone(app.clone(), zone, expect).await?;
    let view = tagged(&revision, Json(ZoneView::of(&app.inventory(), &name)));
    Ok(stored(put, format!("/api/v1/zones/{}", segment(&name)), view))
}

/// Forgets what is known of a room. What names it goes on naming it.
#[utoipa::path(delete, path = "/zones/{name}", tag = "zones", operation_id = "delete_zone",
    params(("name" = String, Path), ExpectHeaders),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(name): Path<String>,
    expect: Expect,
) -> Result<StatusCode, Error> {
    actor.may(Action::ChangeInventory)?;
    operations::remove_zone(app, name, expect).await?;
    Ok(StatusCode::NO_CONTENT)
}
