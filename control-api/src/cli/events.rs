//! `ormatrix events`: follows what happens, and returns after a broken connection.

use std::{io::BufRead, process::ExitCode, thread, time::Duration};

use serde_json::{Value, json};

use super::{CliError, Context, table};

/// How long to wait before looking for a control process that went away.
const AGAIN: Duration = Duration::from_secs(1);

/// Prints events until interrupted. Fails when the first connection does.
pub fn run(context: &Context) -> Result<ExitCode, CliError> {
    let mut last: Option<String> = None;
    let mut connected = false;
    loop {
        match context.client.stream("/api/v1/events", last.as_deref()) {
            Ok(stream) => {
                connected = true;
                follow(stream, &mut last, &mut |id, name, data| print(context, id, name, &data))?;
                eprintln!("ormatrix: the connection ended; looking for it again");
            }
            Err(error @ CliError::Unreachable { .. }) if connected => {
                tracing::debug!(%error, "not back yet");
            }
            Err(error) => return Err(error),
        }
        thread::sleep(AGAIN);
    }
}

/// Who is told of each event: its id, its name, its data.
type Told<'a> = dyn FnMut(Option<&str>, &str, Value) -> Result<(), CliError> + 'a;

/// Tells of a stream's events to its end; `last` is the id of the last one.
pub fn follow(
    stream: impl BufRead,
    last: &mut Option<String>,
    tell: &mut Told<'_>,
) -> Result<(), CliError> {
    let (mut id, mut name, mut data) = (None, String::new(), String::new());
    for line in stream.lines() {
        // The end of the connection, however it comes.
        let Ok(line) = line else { return Ok(()) };
        if line.is_empty() {
            if !name.is_empty() {
                let data = serde_json::from_str(&data).unwrap_or_else(|_| Value::from(&*data));
                tell(id.as_deref(), &name, data)?;
                last.clone_from(&id);
            }
            name.clear();
            data.clear();
        } else if let Some((field, value)) = line.split_once(':') {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => id = Some(value.to_owned()),
                "event" => value.clone_into(&mut name),
                "data" => data.push_str(value),
                _ => {}
            }
        }
    }
    Ok(())
}

fn print(context: &Context, id: Option<&str>, name: &str, data: &Value) -> Result<(), CliError> {
    if context.json {
        return table::line(&json!({ "id": id, "event": name, "data": data }).to_string());
    }
    match said(name, data) {
        Some(said) => table::line(&format!("{name:9}  {said}")),
        None => Ok(()),
    }
}

/// An event in words; `None` for one that nobody wants to read.
pub fn said(name: &str, data: &Value) -> Option<String> {
    let said = match name {
        "route" => format!(
            "{}{}: {} {}",
            table::text(data, "output"),
            level(data),
            table::shows(data),
            table::text(data, "route/state")
        ),
        "signal" => {
            format!("{}{}: {}", table::text(data, "input"), level(data), table::signal(data))
        }
        "scheduled" => {
            format!("take {} {}", table::text(data, "take"), table::text(data, "state"))
        }
        "lock" if data["lock"].is_null() => format!("{}: released", table::text(data, "output")),
        "lock" => format!(
            "{}: {} by {}",
            table::text(data, "output"),
            table::text(data, "lock/kind"),
            table::text(data, "lock/owner")
        ),
        "inventory" => format!(
            "{} {} {}",
            table::text(data, "kind"),
            table::text(data, "id"),
            table::text(data, "change")
        ),
        "alarm" => format!(
            "{} {} {}: {}",
            table::text(data, "change"),
            table::text(data, "alarm/severity"),
            table::text(data, "alarm/id"),
            table::text(data, "alarm/text")
        ),
        "router" if data["connected"] == true => "connected".to_owned(),
        "router" => "not connected".to_owned(),
        // Many a second, and nothing to read in them.
        "still" => return None,
        "reset" => "listening".to_owned(),
        _ => data.to_string(),
    };
    Some(said)
}

/// The level that an event is about, unless it is the picture.
fn level(data: &Value) -> String {
    match data["level"].as_str() {
        None | Some("video") => String::new(),
        Some(level) => format!(" {level}"),
    }
}
