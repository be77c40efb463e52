//! `ormatrix undo` and `park`: back to what was, and to what is safe.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CliError, Context, table, take::finish};
use crate::http::query::segment;

/// Undoes a take.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Undo {
    #[command(subcommand)]
    command: Option<Command>,
    /// Its number, as `undo list` or the take itself said it.
    #[arg(required = true)]
    take: Option<String>,
    /// Also when an input has no signal.
    #[arg(long)]
    force: bool,
}

/// What can be asked about takes.
#[derive(Subcommand)]
enum Command {
    /// The last takes and whether they can be undone, the latest first.
    List,
}

/// Parks an output.
#[derive(Args)]
pub struct Park {
    /// Which.
    output: String,
    /// Also when its safe source has no signal.
    #[arg(long)]
    force: bool,
}

/// Undoes, or lists.
pub fn undo(context: &Context, undo: &Undo) -> Result<ExitCode, CliError> {
    let Some(take) = undo.take.as_ref().filter(|_| undo.command.is_none()) else {
        return list(context);
    };
    let path = format!("/api/v1/takes/{}/undo", segment(take));
    let answer = context.client.send("POST", &path, &json!({ "force": undo.force }))?;
    let routes = answer.body.get("routes").map_or(&[][..], table::list);
    let whole = Vec::new();
    let routes: Vec<_> = routes.iter().map(|route| (route, &whole)).collect();
    finish(context, &answer, &routes)
}

/// Puts an output's safe source on it.
pub fn park(context: &Context, park: &Park) -> Result<ExitCode, CliError> {
    let path = format!("/api/v1/outputs/{}/park", segment(&park.output));
    let answer = context.client.send("POST", &path, &json!({ "force": park.force }))?;
    finish(context, &answer, &[(&answer.body, &Vec::new())])
}

fn list(context: &Context) -> Result<ExitCode, CliError> {
    let takes = context.client.get("/api/v1/takes")?;
    if context.json {
        table::json(&takes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let change = |change: &Value| {
        let (output, level) = (table::text(change, "output"), table::text(change, "level"));
        let level = if level == "video" { String::new() } else { format!(":{level}") };
        format!("{output}{level}: {} > {}", table::text(change, "from"), table::text(change, "to"))
    };
    let row = |take: &Value| {
        let changes = take.get("changes").map_or(&[][..], table::list);
        let can = if take["last"] == true { "yes" } else { "no, taken again since" };
        [
            table::text(take, "take"),
            table::text(take, "at"),
            can.to_owned(),
            changes.iter().map(change).collect::<Vec<_>>().join(", "),
        ]
    };
    let rows: Vec<_> = table::list(&takes).iter().map(row).collect();
    table::print(["TAKE", "AT", "CAN BE UNDONE", "CHANGED"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
