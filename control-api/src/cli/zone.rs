//! `ormatrix zone`.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    CliError, Context,
    stream::{at, in_languages},
    table,
};

/// What can be done with rooms.
#[derive(Subcommand)]
pub enum Command {
    /// Every room that is known or named.
    List,
    /// One room, whole.
    Show {
        /// The room.
        name: String,
    },
    /// Say what a room is called in other languages and where its displays hang. What is not
    /// given stays.
    Set(Set),
    /// Forget what is known of a room; what names it goes on naming it.
    Remove {
        /// The room.
        name: String,
    },
}

/// What is known of a room.
#[derive(Args)]
pub struct Set {
    /// The room, as inputs and outputs name it.
    name: String,
    /// The name in another language, as de=Saal; may be repeated.
    #[arg(long = "label-in", value_name = "LANGUAGE=NAME")]
    labels: Vec<String>,
    /// The plan as JSON: {"width", "height", "displays": [{"output", "x", "y", "width",
    /// "height"}]}.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => list(context)?,
        Command::Show { name } => table::json(&context.client.get(&at("zones", &name))?)?,
        Command::Set(set) => put(context, &set)?,
        Command::Remove { name } => super::stream::remove(context, "zones", &name)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<(), CliError> {
    let zones = context.client.get("/api/v1/zones")?;
    if context.json {
        return table::json(&zones);
    }
    let count =
        |zone: &Value, key: &str| zone.get(key).map_or(0, |all| table::list(all).len()).to_string();
    let row = |zone: &Value| {
        let displays = zone.pointer("/plan/displays").map_or_else(
            || "no plan".to_owned(),
            |displays| format!("{} on the plan", table::list(displays).len()),
        );
        [
            table::text(zone, "name"),
            count(zone, "inputs"),
            count(zone, "outputs"),
            count(zone, "presets"),
            displays,
        ]
    };
    let rows: Vec<_> = table::list(&zones).iter().map(row).collect();
    table::print(["ZONE", "INPUTS", "OUTPUTS", "PRESETS", "DISPLAYS"], &rows)
}

fn put(context: &Context, set: &Set) -> Result<(), CliError> {
    let path = at("zones", &set.name);
    let zones = context.client.get("/api/v1/zones")?;
    let known = table::list(&zones).iter().find(|zone| zone["name"] == set.name.as_str());
    let known = known.cloned().unwrap_or_else(|| json!({}));
    let mut body = json!({ "labels": known.get("labels").cloned().unwrap_or_else(|| json!({})) });
    if let Some(plan) = known.get("plan") {
        body["plan"] = plan.clone();
    }
    for (language, label) in in_languages(&set.labels)? {
        body["labels"][language] = label;
    }
    if let Some(file) = &set.plan {
        let refused = |reason| CliError::File { path: file.clone(), reason };
        let text = fs::read(file).map_err(refused)?;
        let plan = serde_json::from_slice(&text).map_err(|error| refused(error.into()))?;
        body["plan"] = plan;
    }
    // What somebody else changed between reading and writing is not overwritten.
    let revision = known.get("revision").and_then(Value::as_str);
    let octets = body.to_string();
    let answer = context.client.put_if(&path, octets.as_bytes(), revision)?;
    if context.json {
        return table::json(&answer.body);
    }
    let done = if answer.status == 201 { "added" } else { "changed" };
    table::line(&format!("{done} {}", set.name))
}
