//! `ormatrix undo` and `park`: back to what was, and to what is safe.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ormatrix_client::types::{Level, SalvoView, Take, TakeChange, WaitBody};

use super::{
    CliError, Context, table,
    take::{finish, number},
};

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
    let body = WaitBody { force: Some(undo.force), wait_ms: None };
    let answer = context.client.undo_take(number(take)?, &body)?;
    let whole = |salvo: SalvoView| salvo.routes.into_iter().map(|route| (route, Vec::new()));
    finish(context, &answer, |salvo| whole(salvo).collect())
}

/// Puts an output's safe source on it.
pub fn park(context: &Context, park: &Park) -> Result<ExitCode, CliError> {
    let body = WaitBody { force: Some(park.force), wait_ms: None };
    let answer = context.client.park_output(&park.output, &body)?;
    finish(context, &answer, |route| vec![(route, Vec::new())])
}

fn list(context: &Context) -> Result<ExitCode, CliError> {
    let answer = context.client.list_takes()?;
    if context.json {
        table::json(answer.body())?;
        return Ok(ExitCode::SUCCESS);
    }
    let change = |change: &TakeChange| {
        let level = match &change.level {
            Level::Video => String::new(),
            level => format!(":{level}"),
        };
        let [from, to] = [&change.from, &change.to].map(|input| table::maybe(input.as_ref()));
        format!("{}{level}: {from} > {to}", change.output)
    };
    let row = |take: &Take| {
        let can = if take.last { "yes" } else { "no, taken again since" };
        [
            table::text(take.take),
            table::text(&take.at),
            can.to_owned(),
            take.changes.iter().map(change).collect::<Vec<_>>().join(", "),
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(["TAKE", "AT", "CAN BE UNDONE", "CHANGED"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
