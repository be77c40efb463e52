//! Routes that are recalled together.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ormatrix_protocol::{InputId, Level, OutputId};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    body::JsonBody,
    config::{Revised, revision},
    routes::{OutputRoute, status, views},
    schema,
    stream::{stored, tagged},
};
use crate::{
    actor::{Action, Actor},
    app::Shared,
    change::{Expect, operations},
    http::expect::ExpectHeaders,
    inventory::{self, Inventory, Labels, Preset, PresetId, PresetRoute, PresetSource},
    problem::{Error, Problem},
    recall::{self, Change, Recall},
    take::{self, WAIT_MS},
    validate::invalid,
};

/// A preset to add or change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresetBody {
    /// Made from the label unless given.
    #[schema(value_type = Option<String>)]
    pub id: Option<PresetId>,
    /// 1 to 80 characters; the id unless given.
    #[schema(example = "Team time-out")]
    pub label: Option<String>,
    /// The label in other languages, by language tag (BCP 47), up to 16.
    #[serde(default)]
    #[schema(required = false)]
    pub labels: Labels,
    /// The room it is for, up to 80 characters; every room unless given.
    #[serde(default)]
    #[schema(required = false)]
    pub zone: String,
    /// What outputs shall show, each level of an output once.
    #[serde(default)]
    #[schema(required = false)]
    pub routes: Vec<PresetRouteBody>,
    /// Outputs whose present routes are added to those given.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false)]
    pub capture: Vec<OutputId>,
    #[serde(default, rename = "revision")]
    #[schema(ignore)]
    _revision: IgnoredAny,
}

/// What an output of a preset shall show: exactly one of `input`, `clear` and `open`.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PresetRoute)]
pub struct PresetRouteBody {
    /// The output.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// This input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub input: Option<InputId>,
    /// True: nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub clear: bool,
    /// True: what is named at the recall; without that the output stays as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub open: bool,
    /// The levels; all that the output has unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Level>, required = false)]
    pub levels: Vec<Level>,
}

/// A preset as it was configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresetConfig {
    /// Its name for programs.
    #[schema(value_type = String, example = "team-time-out")]
    pub id: PresetId,
    /// Its name for people.
    #[schema(example = "Team time-out")]
    pub label: String,
    /// That name in other languages.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schema(required = false)]
    pub labels: Labels,
    /// The room it is for; empty when it is for all.
    #[schema(example = "OR 3")]
    pub zone: String,
    /// What outputs shall show.
    pub routes: Vec<PresetRouteBody>,
}

/// A preset.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preset)]
pub struct PresetView {
    /// As it was configured.
    #[serde(flatten)]
    pub config: PresetConfig,
    /// Changes with the configuration; `If-Match` takes it.
    #[schema(example = "5f2a9c01d4e7b380")]
    pub revision: String,
}

/// How a preset is recalled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecallBody {
    /// What open outputs shall show, by output.
    #[schema(value_type = BTreeMap<String, String>, example = json!({ "main-monitor": "robot" }))]
    pub fill: BTreeMap<OutputId, InputId>,
    /// How long to wait for the confirmation, 0 to 10000; 1000 unless given.
    #[schema(maximum = 10000)]
    pub wait_ms: Option<u32>,
    /// Also when an input has no signal.
    pub force: bool,
}

/// How a recall ended, or where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecallView {
    /// The number its takes share; null when all was as it should be.
    pub take: Option<u64>,
    /// What was changed, in the order of the preset.
    pub routes: Vec<OutputRoute>,
    /// Outputs that were left as they are because they are open.
    #[schema(value_type = Vec<String>)]
    pub open: Vec<OutputId>,
}

/// What a recall would do to one output.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresetChange {
    /// The output.
    #[schema(value_type = String)]
    pub output: OutputId,
    /// The levels; all that the output has where not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Level>, required = false)]
    pub levels: Vec<Level>,
    /// What would happen.
    pub change: ChangeWord,
    /// What it shows now; null while nothing does.
    #[schema(value_type = Option<String>)]
    pub from: Option<InputId>,
    /// What it would show; null for nothing.
    #[schema(value_type = Option<String>)]
    pub to: Option<InputId>,
    /// Why it would be refused, and with it the whole recall.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Problem>)]
    pub problem: Option<Value>,
}

/// What would happen to an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeWord {
    /// It would show something else.
    Take,
    /// It shows that already.
    Keep,
    /// It is open and stays as it is.
    Open,
    /// The take would be refused.
    Refused,
}

impl PresetRouteBody {
    /// As it is written.
    pub fn of(route: &PresetRoute) -> Self {
        Self {
            output: route.output.clone(),
            input: route.source.input().cloned(),
            clear: route.source == PresetSource::Nothing,
            open: route.source == PresetSource::Open,
            levels: route.levels.clone(),
        }
    }

    /// As it is meant; `field` is where it stands.
    pub fn resolve(self, field: &str) -> Result<PresetRoute, Error> {
        let source = match (self.input, self.clear, self.open) {
            (Some(input), false, false) => PresetSource::Input(input),
            (None, true, false) => PresetSource::Nothing,
            (None, false, true) => PresetSource::Open,
            _ => {
                let reason = "give exactly one of \"input\": ID, \"clear\": true, \"open\": true";
                return Err(invalid(field, reason));
            }
        };
        Ok(PresetRoute { output: self.output, source, levels: self.levels })
    }
}

impl PresetConfig {
    /// The configuration of a preset.
    pub fn of(preset: &Preset) -> Self {
        Self {
            id: preset.id.clone(),
            label: preset.label.clone(),
            labels: preset.labels.clone(),
            zone: preset.zone.clone(),
            routes: preset.routes.iter().map(PresetRouteBody::of).collect(),
        }
    }
}

impl Revised for Preset {
    fn revision(&self) -> String {
        revision(&PresetConfig::of(self))
    }
}

impl PresetBody {
    /// The preset that it describes; `path` is the id in the path, `routes` are added.
    pub fn resolve(
        self,
        inventory: &Inventory,
        path: Option<PresetId>,
        captured: Vec<PresetRoute>,
    ) -> Result<Preset, Error> {
        let id = match (path, self.id) {
            (Some(path), Some(given)) if path != given => {
                let reason = format!("'{given}' is not '{path}', the id in the path");
                return Err(invalid("id", reason));
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => match &self.label {
                Some(label) => free_id(inventory, label)?,
                None => return Err(invalid("label", "give a label, an id, or both")),
            },
        };
        let routes = self.routes.into_iter().enumerate();
        let routes = routes.map(|(n, route)| route.resolve(&format!("routes[{n}]")));
        let mut routes: Vec<_> = routes.collect::<Result<_, _>>()?;
        routes.extend(captured);
        let label = self.label.unwrap_or_else(|| id.to_string());
        Ok(Preset { id, label, labels: self.labels, zone: self.zone, routes })
    }
}

/// An id after the label that no preset has, with a number where needed.
fn free_id(inventory: &Inventory, label: &str) -> Result<PresetId, Error> {
    inventory::free_id(label, "preset", |id| inventory.presets.contains_key(id))
        .ok_or(Error::Internal)
}

fn view(preset: &Preset) -> PresetView {
    let config = PresetConfig::of(preset);
    PresetView { revision: revision(&config), config }
}

fn parse(id: &str) -> Result<PresetId, Error> {
    id.parse().map_err(|_| Error::UnknownPreset(id.to_owned()))
}

/// The preset of that id, or the problem that there is none.
fn known(app: &Shared, id: &str) -> Result<Preset, Error> {
    let id = parse(id)?;
    let preset = app.inventory().presets.get(&id).cloned();
    preset.ok_or_else(|| Error::UnknownPreset(id.to_string()))
}

/// Every preset.
#[utoipa::path(get, path = "/presets", tag = "presets", operation_id = "list_presets",
    responses((status = 200, body = Vec<PresetView>), (status = "default", body = Problem)))]
pub async fn list(State(app): State<Shared>) -> Json<Vec<PresetView>> {
    Json(app.inventory().presets.values().map(view).collect())
}

/// One preset.
#[utoipa::path(get, path = "/presets/{id}", tag = "presets", operation_id = "get_preset",
    params(("id" = String, Path)),
    responses((status = 200, body = PresetView), (status = "default", body = Problem)))]
pub async fn show(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Error> {
    let view = view(&known(&app, &id)?);
    Ok(tagged(&view.revision.clone(), Json(view)))
}

/// Adds a preset, from routes or from what outputs show now (`capture`).
#[utoipa::path(post, path = "/presets", tag = "presets", operation_id = "create_preset",
    request_body = PresetBody,
    responses((status = 201, body = PresetView), (status = "default", body = Problem)))]
pub async fn create(
    State(app): State<Shared>,
    actor: Actor,
    JsonBody(body): JsonBody<PresetBody>,
) -> Result<Response, Error> {
    store(app, &actor, None, body, Expect::Absent).await
}

/// Adds a preset or changes it.
#[utoipa::path(put, path = "/presets/{id}", tag = "presets", operation_id = "put_preset",
    params(("id" = String, Path), ExpectHeaders), request_body = PresetBody,
    responses((status = 200, body = PresetView), (status = 201, body = PresetView),
        (status = "default", body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    expect: Expect,
    JsonBody(body): JsonBody<PresetBody>,
) -> Result<Response, Error> {
    let id = id.parse().map_err(|error| invalid("id", format!("{error}")))?;
    store(app, &actor, Some(id), body, expect).await
}

async fn store(
    app: Shared,
    actor: &Actor,
    id: Option<PresetId>,
    body: PresetBody,
    expect: Expect,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    let captured = recall::capture(&app, &body.capture)?;
    let preset = body.resolve(&app.inventory(), id, captured)?;
    let (location, view) = (format!("/api/v1/presets/{}", preset.id), view(&preset));
    let put = operations::put_preset(app, preset, expect).await?;
    let view = tagged(&view.revision.clone(), Json(view));
    Ok(stored(put, location, view))
}

/// Removes a preset; what it has put on outputs stays there.
#[utoipa::path(delete, path = "/presets/{id}", tag = "presets", operation_id = "delete_preset",
    params(("id" = String, Path), ExpectHeaders),
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    expect: Expect,
) -> Result<StatusCode, Error> {
    actor.may(Action::ChangeInventory)?;
    operations::remove_preset(app, parse(&id)?, expect).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a recall would change, without changing it.
#[utoipa::path(post, path = "/presets/{id}/preview", tag = "presets",
    operation_id = "preview_preset", params(("id" = String, Path)), request_body = RecallBody,
    responses((status = 200, body = Vec<PresetChange>), (status = "default", body = Problem)))]
pub async fn preview(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RecallBody>,
) -> Result<Json<Vec<PresetChange>>, Error> {
    take::check_wait(body.wait_ms.unwrap_or(WAIT_MS))?;
    let preset = known(&app, &id)?;
    let changes = recall::preview(&app, &actor, &preset, &body.fill, body.force).await?;
    let view = |Change { take, from, verdict }: Change| PresetChange {
        output: take.output,
        levels: take.levels,
        from,
        to: take.input,
        problem: verdict.problem().map(Error::body),
        change: verdict.word(),
    };
    Ok(Json(changes.into_iter().map(view).collect()))
}

/// Recalls a preset, all or nothing, as one salvo. Outputs that show what they shall already
/// are left alone.
#[utoipa::path(post, path = "/presets/{id}/recall", tag = "presets",
    operation_id = "recall_preset", params(("id" = String, Path)), request_body = RecallBody,
    responses((status = 200, body = RecallView), (status = 202, body = RecallView),
        (status = "default", body = Problem)))]
pub async fn recall(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RecallBody>,
) -> Result<Response, Error> {
    actor.may(Action::Route)?;
    let wait_ms = body.wait_ms.unwrap_or(WAIT_MS);
    take::check_wait(wait_ms)?;
    let preset = known(&app, &id)?;
    let Recall { taken, open } =
        recall::recall(&app, actor, &preset, &body.fill, wait_ms, body.force).await?;
    let answer = RecallView {
        take: taken.as_ref().map(|taken| taken.take),
        routes: taken.as_ref().map(views).unwrap_or_default(),
        open,
    };
    Ok((taken.as_ref().map_or(StatusCode::OK, status), Json(answer)).into_response())
}
