//! `ormatrix alarm`: what is wrong, who has seen it, what to do.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{CliError, Context, table};
use crate::http::query::segment;

/// What can be done with alarms.
#[derive(Subcommand)]
pub enum Command {
    /// What is wrong now, the worst first.
    List,
    /// What was wrong, the latest first.
    History {
        /// How many, up to 1000.
        #[arg(long, default_value_t = 50)]
        limit: usize,
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
            let alarms = context.client.get("/api/v1/alarms")?;
            if context.json {
                table::json(&alarms)?;
            } else if table::list(&alarms).is_empty() {
                table::line("No alarms.")?;
            } else {
                list(table::list(&alarms))?;
            }
        }
        Command::History { limit, before } => {
            let before = before.map_or_else(String::new, |before| format!("&before={before}"));
            let path = format!("/api/v1/alarms/history?limit={limit}{before}");
            let history = context.client.get(&path)?;
            if context.json {
                table::json(&history)?;
            } else {
                print_history(&history)?;
            }
        }
        Command::Ack { id, note } => {
            let path = format!("/api/v1/alarms/{}/acknowledge", segment(&id));
            let answer = context.client.send("POST", &path, &json!({ "note": note }))?;
            if context.json {
                table::json(&answer.body)?;
            } else {
                table::line(&format!("acknowledged {id}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The alarms that nobody has acknowledged and that somebody should, in a line.
pub fn unseen(alarms: &[Value]) -> Option<String> {
    let unseen: Vec<&Value> =
        alarms.iter().filter(|alarm| alarm.get("acknowledged").is_none()).collect();
    let bad = |alarm: &&Value| matches!(alarm["severity"].as_str(), Some("critical" | "major"));
    let worst = unseen.iter().copied().find(bad)?;
    let number = match unseen.len() {
        1 => "1 alarm that nobody has acknowledged".to_owned(),
        number => format!("{number} alarms that nobody has acknowledged, the worst"),
    };
    Some(format!(
        "{number}: {} {}: `ormatrix alarm list` says what to do",
        table::text(worst, "severity"),
        table::text(worst, "id")
    ))
}

fn list(alarms: &[Value]) -> Result<(), CliError> {
    let row = |alarm: &Value| {
        [
            table::text(alarm, "severity").to_uppercase(),
            table::text(alarm, "id"),
            table::text(alarm, "raised_at"),
            table::text(alarm, "times"),
            seen(alarm),
        ]
    };
    let rows: Vec<_> = alarms.iter().map(row).collect();
    table::print(["SEVERITY", "ALARM", "SINCE", "TIMES", "SEEN"], &rows)?;
    for alarm in alarms {
        table::line(&format!("\n{}: {}", table::text(alarm, "id"), table::text(alarm, "text")))?;
        if let Some(action) = alarm["action"].as_str().filter(|action| !action.is_empty()) {
            table::line(&format!("  {action}"))?;
        }
        if let Some(note) = alarm.pointer("/acknowledged/note").and_then(Value::as_str) {
            table::line(&format!("  noted by {}: {note}", table::text(alarm, "acknowledged/by")))?;
        }
    }
    Ok(())
}

fn print_history(history: &Value) -> Result<(), CliError> {
    let row = |alarm: &Value| {
        let cleared = table::text(alarm, "cleared_at");
        [
            table::text(alarm, "raised_at"),
            if cleared == "-" { "active".to_owned() } else { cleared },
            table::text(alarm, "severity"),
            table::text(alarm, "id"),
            table::text(alarm, "times"),
            seen(alarm),
            table::text(alarm, "text"),
        ]
    };
    let alarms = history.get("alarms").map_or(&[][..], table::list);
    let rows: Vec<_> = alarms.iter().map(row).collect();
    table::print(["RAISED", "CLEARED", "SEVERITY", "ALARM", "TIMES", "SEEN", "TEXT"], &rows)?;
    if history["complete"] != true {
        table::line("\nThe database could not be read whole: there may be more.")?;
    }
    if let Some(before) = history["before"].as_u64() {
        table::line(&format!("\nThere may be more: --before {before}"))?;
    }
    Ok(())
}

/// Who has seen it.
fn seen(alarm: &Value) -> String {
    match alarm.get("acknowledged") {
        Some(_) => format!(
            "{} {}",
            table::text(alarm, "acknowledged/by"),
            table::text(alarm, "acknowledged/at")
        ),
        None => "-".to_owned(),
    }
}
