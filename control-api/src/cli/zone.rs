//! `ormatrix zone`.

use std::{fs, io, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use ormatrix_client::{
    DeleteZoneOptions, PutZoneOptions,
    types::{Plan, Zone, ZoneBody},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    CliError, Context,
    stream::{etag, in_languages, removed},
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
        Command::Show { name } => table::json(context.client.get_zone(&name)?.body())?,
        Command::Set(set) => put(context, &set)?,
        Command::Remove { name } => {
            context.client.delete_zone(&name, &DeleteZoneOptions::default())?;
            removed(context, &name)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<(), CliError> {
    let answer = context.client.list_zones()?;
    if context.json {
        return table::json(answer.body());
    }
    let row = |zone: &Zone| {
        let displays = zone.plan.as_ref().map_or_else(
            || "no plan".to_owned(),
            |plan| format!("{} on the plan", plan.displays.len()),
        );
        [
            table::text(&zone.name),
            zone.inputs.len().to_string(),
            zone.outputs.len().to_string(),
            zone.presets.len().to_string(),
            displays,
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(["ZONE", "INPUTS", "OUTPUTS", "PRESETS", "DISPLAYS"], &rows)
}

fn put(context: &Context, set: &Set) -> Result<(), CliError> {
    let zones = context.client.list_zones()?.value()?;
    let known = zones.into_iter().find(|zone| zone.name == set.name);
    let (mut body, mut revision) = (ZoneBody::default(), None);
    if let Some(Zone { labels, plan, revision: read, .. }) = known {
        (body.labels, body.plan, revision) = (labels, plan, read);
    }
    body.labels.extend(in_languages(&set.labels)?);
    if let Some(file) = &set.plan {
        let refused = |reason| CliError::File { path: file.clone(), reason };
        let text = fs::read(file).map_err(refused)?;
        let read = serde_json::from_slice(&text);
        let value: Value = read.map_err(|error| refused(error.into()))?;
        let plan = Plan::deserialize(&value).map_err(|error| refused(error.into()))?;
        if let Some(member) = unread(&value, &json!(plan)) {
            let said = format!("'{member}' means nothing in a plan");
            return Err(refused(io::Error::new(io::ErrorKind::InvalidData, said)));
        }
        body.plan = Some(plan);
    }
    // What somebody else changed between reading and writing is not overwritten.
    let if_match = revision.as_deref().map(etag);
    let options = PutZoneOptions { if_match, ..PutZoneOptions::default() };
    let answer = context.client.put_zone(&set.name, &body, &options)?;
    if context.json {
        return table::json(answer.body());
    }
    let done = if answer.is_created() { "added" } else { "changed" };
    table::line(&format!("{done} {}", set.name))
}

/// A member that was given and not read: what somebody has written is not left out silently.
fn unread<'a>(given: &'a Value, read: &Value) -> Option<&'a str> {
    match (given, read) {
        (Value::Object(given), read) => given.iter().find_map(|(member, value)| {
            match read.get(member) {
                Some(read) => unread(value, read),
                // Nothing at all may be given as such, or be left out.
                None if value.is_null() || value.as_array().is_some_and(Vec::is_empty) => None,
                None => Some(member.as_str()),
            }
        }),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).find_map(|(given, read)| unread(given, read))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_of_a_plan_is_named() {
        let display = json!({ "output": "main", "x": 1, "y": 1, "width": 2, "height": 2 });
        let mut plan = json!({ "width": 10, "height": 10, "displays": [display] });
        let read = |plan: &Value| json!(Plan::deserialize(plan).unwrap());
        assert_eq!(unread(&plan, &read(&plan)), None);
        plan["displays"][0]["colour"] = json!("red");
        assert_eq!(unread(&plan, &read(&plan)), Some("colour"));
    }
}
