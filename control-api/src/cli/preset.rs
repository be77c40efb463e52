//! `ormatrix preset`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    CliError, Context,
    stream::{at, in_languages},
    table,
    take::finish,
};

/// What can be done with presets.
#[derive(Subcommand)]
pub enum Command {
    /// Every preset.
    List,
    /// One preset, whole.
    Show {
        /// The preset.
        id: String,
    },
    /// Add a preset, from routes or from what outputs show now.
    Add(Add),
    /// Remove a preset; what it has put on outputs stays there.
    Remove {
        /// The preset.
        id: String,
    },
    /// What a recall would change.
    Preview(Recall),
    /// Recall a preset, all or nothing, and wait until it is confirmed.
    Recall(Recall),
}

/// A preset to add.
#[derive(Args)]
pub struct Add {
    /// Name for people.
    label: String,
    /// As monitor=endoscope; `monitor=` clears the output, `monitor=?` leaves it open until the
    /// recall, `monitor:audio=room` is for the sound alone.
    #[arg(value_name = "OUTPUT[:LEVELS]=INPUT")]
    routes: Vec<String>,
    /// Name for programs; made from the label unless given.
    #[arg(long)]
    id: Option<String>,
    /// The label in another language, as de=Endoskopie; may be repeated.
    #[arg(long = "label-in", value_name = "LANGUAGE=LABEL")]
    labels: Vec<String>,
    /// The room it is for; every room unless given.
    #[arg(long)]
    zone: Option<String>,
    /// An output whose present route is added; may be repeated.
    #[arg(long, value_name = "OUTPUT")]
    capture: Vec<String>,
    /// Replace the preset of that id.
    #[arg(long, requires = "id")]
    replace: bool,
}

/// A preset to recall.
#[derive(Args)]
pub struct Recall {
    /// The preset.
    id: String,
    /// What an open output shall show, as monitor=endoscope.
    #[arg(value_name = "OUTPUT=INPUT")]
    fill: Vec<String>,
    /// How long to wait for the confirmation, up to 10000.
    #[arg(long, default_value_t = 1000)]
    wait_ms: u32,
    /// Also when an input has no signal.
    #[arg(long)]
    force: bool,
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => list(context)?,
        Command::Show { id } => table::json(&context.client.get(&at("presets", &id))?)?,
        Command::Add(add) => put(context, &add)?,
        Command::Remove { id } => super::stream::remove(context, "presets", &id)?,
        Command::Preview(wanted) => preview(context, &wanted)?,
        Command::Recall(wanted) => return recall(context, &wanted),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<(), CliError> {
    let presets = context.client.get("/api/v1/presets")?;
    if context.json {
        return table::json(&presets);
    }
    let row = |preset: &Value| {
        let routes = preset.get("routes").map_or(&[][..], table::list);
        [
            table::text(preset, "id"),
            table::text(preset, "label"),
            table::text(preset, "zone"),
            routes.iter().map(route).collect::<Vec<_>>().join(" "),
        ]
    };
    let rows: Vec<_> = table::list(&presets).iter().map(row).collect();
    table::print(["PRESET", "LABEL", "ZONE", "ROUTES"], &rows)
}

/// A route as it is written on the command line.
fn route(route: &Value) -> String {
    let levels = route.get("levels").map_or(&[][..], table::list);
    let levels: Vec<&str> = levels.iter().filter_map(Value::as_str).collect();
    let levels = if levels.is_empty() { String::new() } else { format!(":{}", levels.join(",")) };
    let source = match route.get("input").and_then(Value::as_str) {
        Some(input) => input,
        None if route["open"] == true => "?",
        None => "",
    };
    format!("{}{levels}={source}", table::text(route, "output"))
}

fn put(context: &Context, add: &Add) -> Result<(), CliError> {
    let mut routes = Vec::new();
    for given in &add.routes {
        let Some((output, input)) = given.split_once('=') else {
            let said = format!("'{given}' is not OUTPUT=INPUT, OUTPUT= or OUTPUT=?");
            return Err(CliError::Arguments(said));
        };
        let (output, levels) = output.split_once(':').map_or((output, None), |(o, l)| (o, Some(l)));
        let mut route = match input {
            "" => json!({ "output": output, "clear": true }),
            "?" => json!({ "output": output, "open": true }),
            input => json!({ "output": output, "input": input }),
        };
        if let Some(levels) = levels {
            route["levels"] = json!(levels.split(',').collect::<Vec<_>>());
        }
        routes.push(route);
    }
    let mut body = json!({
        "label": add.label, "routes": routes, "capture": add.capture,
        "labels": in_languages(&add.labels)?,
    });
    for (key, value) in [("id", &add.id), ("zone", &add.zone)] {
        if let Some(value) = value {
            body[key] = value.as_str().into();
        }
    }
    let (method, path) = match &add.id {
        Some(id) if add.replace => ("PUT", at("presets", id)),
        _ => ("POST", "/api/v1/presets".to_owned()),
    };
    let answer = context.client.send(method, &path, &body)?;
    if context.json {
        return table::json(&answer.body);
    }
    let done = if answer.status == 201 { "added" } else { "replaced" };
    let routes = answer.body.get("routes").map_or(&[][..], table::list);
    let routes: Vec<String> = routes.iter().map(route).collect();
    table::line(&format!("{done} {}: {}", table::text(&answer.body, "id"), routes.join(" ")))
}

/// The body of a recall or its preview.
fn body(wanted: &Recall, waits: bool) -> Result<Value, CliError> {
    let mut fill = Map::new();
    for given in &wanted.fill {
        let Some((output, input)) = given.split_once('=') else {
            return Err(CliError::Arguments(format!("'{given}' is not OUTPUT=INPUT")));
        };
        fill.insert(output.to_owned(), input.into());
    }
    let mut body = json!({ "fill": fill, "force": wanted.force });
    if waits {
        body["wait_ms"] = wanted.wait_ms.into();
    }
    Ok(body)
}

fn preview(context: &Context, wanted: &Recall) -> Result<(), CliError> {
    let path = format!("{}/preview", at("presets", &wanted.id));
    let changes = context.client.send("POST", &path, &body(wanted, false)?)?.body;
    if context.json {
        return table::json(&changes);
    }
    let row = |change: &Value| {
        let levels = change.get("levels").map_or(&[][..], table::list);
        let levels: Vec<&str> = levels.iter().filter_map(Value::as_str).collect();
        [
            table::text(change, "output"),
            if levels.is_empty() { "all".to_owned() } else { levels.join(",") },
            table::text(change, "from"),
            table::text(change, "to"),
            table::text(change, "change"),
            table::text(change, "problem/detail"),
        ]
    };
    let rows: Vec<_> = table::list(&changes).iter().map(row).collect();
    table::print(["OUTPUT", "LEVELS", "SHOWS", "WOULD SHOW", "CHANGE", "BECAUSE"], &rows)
}

fn recall(context: &Context, wanted: &Recall) -> Result<ExitCode, CliError> {
    let path = format!("{}/recall", at("presets", &wanted.id));
    let answer = context.client.send("POST", &path, &body(wanted, true)?)?;
    let open = answer.body.get("open").map_or(&[][..], table::list);
    let open: Vec<&str> = open.iter().filter_map(Value::as_str).collect();
    if !context.json {
        if !open.is_empty() {
            table::line(&format!("left open: {}", open.join(", ")))?;
        }
        if answer.body["take"].is_null() {
            table::line("nothing to change")?;
        }
    }
    let routes = answer.body.get("routes").map_or(&[][..], table::list);
    let whole = Vec::new();
    let routes: Vec<_> = routes.iter().map(|route| (route, &whole)).collect();
    finish(context, &answer, &routes)
}
