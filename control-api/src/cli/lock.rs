//! `ormatrix lock` and `unlock`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CliError, Context, table};
use crate::http::query::segment;

/// Locks an output.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Lock {
    #[command(subcommand)]
    command: Option<Command>,
    /// Which.
    #[arg(required = true)]
    output: Option<String>,
    /// Only against others; without it nobody changes the output, not even who locks it.
    #[arg(long)]
    protect: bool,
    /// Why.
    #[arg(long)]
    note: Option<String>,
    /// For so many minutes; until it is unlocked unless given.
    #[arg(long, value_name = "1-10080")]
    minutes: Option<u32>,
}

/// What can be asked about locks.
#[derive(Subcommand)]
enum Command {
    /// Every output that somebody keeps as it is.
    List,
}

/// Unlocks an output.
#[derive(Args)]
pub struct Unlock {
    /// Which.
    output: String,
    /// Also when somebody else locked it.
    #[arg(long)]
    force: bool,
}

/// Locks, or lists.
pub fn lock(context: &Context, lock: &Lock) -> Result<ExitCode, CliError> {
    let Some(output) = lock.output.as_ref().filter(|_| lock.command.is_none()) else {
        return list(context);
    };
    let mut body = json!({ "kind": if lock.protect { "protect" } else { "lock" } });
    if let Some(note) = &lock.note {
        body["note"] = note.as_str().into();
    }
    if let Some(minutes) = lock.minutes {
        body["expires_in_s"] = minutes.saturating_mul(60).into();
    }
    let path = format!("/api/v1/outputs/{}/lock", segment(output));
    let answer = context.client.send("PUT", &path, &body)?.body;
    if context.json {
        table::json(&answer)?;
    } else {
        let word = if lock.protect { "protected" } else { "locked" };
        let until = answer.get("expires_at").and_then(Value::as_str);
        let until =
            until.map_or_else(|| "until it is unlocked".to_owned(), |at| format!("until {at}"));
        table::line(&format!("{output}: {word} by {}, {until}", table::text(&answer, "owner")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Unlocks.
pub fn unlock(context: &Context, unlock: &Unlock) -> Result<ExitCode, CliError> {
    let force = if unlock.force { "?force=true" } else { "" };
    let path = format!("/api/v1/outputs/{}/lock{force}", segment(&unlock.output));
    context.client.delete(&path)?;
    if context.json {
        table::json(&Value::Null)?;
    } else {
        table::line(&format!("{}: unlocked", unlock.output))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<ExitCode, CliError> {
    let locks = context.client.get("/api/v1/locks")?;
    if context.json {
        table::json(&locks)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |lock: &Value| {
        ["output", "kind", "owner", "since", "expires_at", "note"].map(|key| table::text(lock, key))
    };
    let rows: Vec<_> = table::list(&locks).iter().map(row).collect();
    table::print(["OUTPUT", "KIND", "BY", "SINCE", "UNTIL", "NOTE"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
