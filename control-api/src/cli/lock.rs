//! `ormatrix lock` and `unlock`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ormatrix_client::{
    DeleteLockOptions,
    types::{LockBody, LockKind, OutputLock},
};
use serde_json::Value;

use super::{CliError, Context, table};

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
    let body = LockBody {
        kind: Some(if lock.protect { LockKind::Protect } else { LockKind::Lock }),
        note: lock.note.clone(),
        expires_in_s: lock.minutes.map(|minutes| minutes.saturating_mul(60)),
    };
    let answer = context.client.put_lock(output, &body)?;
    if context.json {
        table::json(answer.body())?;
    } else {
        let word = if lock.protect { "protected" } else { "locked" };
        let OutputLock { owner, expires_at, .. } = answer.value()?;
        let until = expires_at
            .map_or_else(|| "until it is unlocked".to_owned(), |at| format!("until {at}"));
        table::line(&format!("{output}: {word} by {owner}, {until}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Unlocks.
pub fn unlock(context: &Context, unlock: &Unlock) -> Result<ExitCode, CliError> {
    let options = DeleteLockOptions { force: unlock.force.then_some(true) };
    context.client.delete_lock(&unlock.output, &options)?;
    if context.json {
        table::json(&Value::Null)?;
    } else {
        table::line(&format!("{}: unlocked", unlock.output))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<ExitCode, CliError> {
    let answer = context.client.list_locks()?;
    if context.json {
        table::json(answer.body())?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |lock: &OutputLock| {
        [
            table::text(&lock.output),
            table::text(&lock.kind),
            table::text(&lock.owner),
            table::text(&lock.since),
            table::maybe(lock.expires_at.as_ref()),
            table::maybe(lock.note.as_ref()),
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(["OUTPUT", "KIND", "BY", "SINCE", "UNTIL", "NOTE"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
