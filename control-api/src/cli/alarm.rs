//! `ormatrix alarm`: what is wrong, who has seen it, what to do.

use std::process::ExitCode;

use clap::Subcommand;
use ormatrix_client::{
    ListAlarmHistoryOptions,
    types::{AcknowledgeBody, Alarm, AlarmHistory, Severity},
};

use super::{CliError, Context, table};

/// What can be done with alarms.
#[derive(Subcommand)]
pub enum Command {
    /// What is wrong now, the worst first.
    List,
    /// What was wrong, the latest first.
    History {
        /// How many, up to 1000.
        #[arg(long, default_value_t = 50)]
        limit: u64,
        /// Only those before this episode: what the answer before ended with.
        #[arg(long, value_name = "EPISODE")]
        before: Option<u64>,
    },
    /// Say that an alarm has been seen.
    Ack {
        /// Its id.
        id: String,
        /// What others should know.
        #[arg(long)]
        note: Option<String>,
    },
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => {
            let answer = context.client.list_alarms()?;
            if context.json {
                table::json(answer.body())?;
            } else {
                match answer.value()?.as_slice() {
                    [] => table::line("No alarms.")?,
                    alarms => list(alarms)?,
                }
            }
        }
        Command::History { limit, before } => {
            let options = ListAlarmHistoryOptions { limit: Some(limit), before };
            let history = context.client.list_alarm_history(&options)?;
            if context.json {
                table::json(history.body())?;
            } else {
                print_history(&history.value()?)?;
            }
        }
        Command::Ack { id, note } => {
            let answer = context.client.acknowledge_alarm(&id, Some(&AcknowledgeBody { note }))?;
            if context.json {
                table::json(answer.body())?;
            } else {
                table::line(&format!("acknowledged {id}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The alarms that nobody has acknowledged and that somebody should, in a line.
pub fn unseen(alarms: &[Alarm]) -> Option<String> {
    let unseen: Vec<&Alarm> = alarms.iter().filter(|one| one.acknowledged.is_none()).collect();
    let bad = |one: &&Alarm| matches!(one.severity, Severity::Critical | Severity::Major);
    let worst = unseen.iter().copied().find(bad)?;
    let number = match unseen.len() {
        1 => "1 alarm that nobody has acknowledged".to_owned(),
        number => format!("{number} alarms that nobody has acknowledged, the worst"),
    };
    Some(format!(
        "{number}: {} {}: `ormatrix alarm list` says what to do",
        worst.severity, worst.id
    ))
}

fn list(alarms: &[Alarm]) -> Result<(), CliError> {
    let row = |alarm: &Alarm| {
        [
            table::text(&alarm.severity).to_uppercase(),
            table::text(&alarm.id),
            table::text(&alarm.raised_at),
            table::text(alarm.times),
            seen(alarm),
        ]
    };
    let rows: Vec<_> = alarms.iter().map(row).collect();
    table::print(["SEVERITY", "ALARM", "SINCE", "TIMES", "SEEN"], &rows)?;
    for alarm in alarms {
        table::line(&format!("\n{}: {}", table::text(&alarm.id), table::text(&alarm.text)))?;
        if !alarm.action.is_empty() {
            table::line(&format!("  {}", alarm.action))?;
        }
        if let Some(seen) = &alarm.acknowledged
            && let Some(note) = &seen.note
        {
            table::line(&format!("  noted by {}: {note}", table::text(&seen.by)))?;
        }
    }
    Ok(())
}

fn print_history(history: &AlarmHistory) -> Result<(), CliError> {
    let row = |alarm: &Alarm| {
        [
            table::text(&alarm.raised_at),
            alarm.cleared_at.clone().unwrap_or_else(|| "active".to_owned()),
            table::text(&alarm.severity),
            table::text(&alarm.id),
            table::text(alarm.times),
            seen(alarm),
            table::text(&alarm.text),
        ]
    };
    let rows: Vec<_> = history.alarms.iter().map(row).collect();
    table::print(["RAISED", "CLEARED", "SEVERITY", "ALARM", "TIMES", "SEEN", "TEXT"], &rows)?;
    if !history.complete {
        table::line("\nThe database could not be read whole: there may be more.")?;
    }
    if let Some(before) = history.before {
        table::line(&format!("\nThere may be more: --before {before}"))?;
    }
    Ok(())
}

/// Who has seen it.
fn seen(alarm: &Alarm) -> String {
    let seen = alarm.acknowledged.as_ref();
    table::maybe(seen.map(|seen| format!("{} {}", seen.by, seen.at)).as_ref())
}
