//! `ormatrix preset`.

use std::{collections::BTreeMap, process::ExitCode};

use clap::{Args, Subcommand};
use ormatrix_client::{
    DeletePresetOptions, PutPresetOptions,
    types::{Level, Preset, PresetBody, PresetChange, PresetRoute, RecallBody, RecallView},
};

use super::{
    CliError, Context,
    stream::{in_languages, removed},
    table,
    take::{finish, levels},
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
        Command::Show { id } => table::json(context.client.get_preset(&id)?.body())?,
        Command::Add(add) => put(context, &add)?,
        Command::Remove { id } => {
            context.client.delete_preset(&id, &DeletePresetOptions::default())?;
            removed(context, &id)?;
        }
        Command::Preview(wanted) => preview(context, &wanted)?,
        Command::Recall(wanted) => return recall(context, &wanted),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<(), CliError> {
    let answer = context.client.list_presets()?;
    if context.json {
        return table::json(answer.body());
    }
    let row = |preset: &Preset| {
        [
            table::text(&preset.id),
            table::text(&preset.label),
            table::text(&preset.zone),
            preset.routes.iter().map(route).collect::<Vec<_>>().join(" "),
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(["PRESET", "LABEL", "ZONE", "ROUTES"], &rows)
}

/// A route as it is written on the command line.
fn route(route: &PresetRoute) -> String {
    let source = match &route.input {
        Some(input) => input,
        None if route.open == Some(true) => "?",
        None => "",
    };
    format!("{}{}={source}", route.output, table::behind(&route.levels))
}

fn put(context: &Context, add: &Add) -> Result<(), CliError> {
    let mut routes = Vec::new();
    for given in &add.routes {
        let Some((output, input)) = given.split_once('=') else {
            let said = format!("'{given}' is not OUTPUT=INPUT, OUTPUT= or OUTPUT=?");
            return Err(CliError::Arguments(said));
        };
        let (output, named) = output.split_once(':').map_or((output, None), |(o, l)| (o, Some(l)));
        let mut route = PresetRoute::new(output.to_owned());
        match input {
            "" => route.clear = Some(true),
            "?" => route.open = Some(true),
            input => route.input = Some(input.to_owned()),
        }
        route.levels = levels(named.into_iter().flat_map(|named| named.split(',')));
        routes.push(route);
    }
    let body = PresetBody {
        id: add.id.clone(),
        label: Some(add.label.clone()),
        labels: in_languages(&add.labels)?,
        zone: add.zone.clone(),
        routes,
        capture: add.capture.clone(),
    };
    let answer = match &add.id {
        Some(id) if add.replace => {
            context.client.put_preset(id, &body, &PutPresetOptions::default())?
        }
        _ => context.client.create_preset(&body)?,
    };
    if context.json {
        return table::json(answer.body());
    }
    let done = if answer.is_created() { "added" } else { "replaced" };
    let Preset { id, routes, .. } = answer.value()?;
    let routes: Vec<String> = routes.iter().map(route).collect();
    table::line(&format!("{done} {id}: {}", routes.join(" ")))
}

/// The body of a recall or its preview.
fn body(wanted: &Recall, waits: bool) -> Result<RecallBody, CliError> {
    let mut fill = BTreeMap::new();
    for given in &wanted.fill {
        let Some((output, input)) = given.split_once('=') else {
            return Err(CliError::Arguments(format!("'{given}' is not OUTPUT=INPUT")));
        };
        fill.insert(output.to_owned(), input.to_owned());
    }
    let wait_ms = waits.then_some(wanted.wait_ms);
    Ok(RecallBody { fill, force: Some(wanted.force), wait_ms })
}

fn preview(context: &Context, wanted: &Recall) -> Result<(), CliError> {
    let answer = context.client.preview_preset(&wanted.id, &body(wanted, false)?)?;
    if context.json {
        return table::json(answer.body());
    }
    let row = |change: &PresetChange| {
        let levels: Vec<&str> = change.levels.iter().map(Level::as_str).collect();
        [
            table::text(&change.output),
            if levels.is_empty() { "all".to_owned() } else { levels.join(",") },
            table::maybe(change.from.as_ref()),
            table::maybe(change.to.as_ref()),
            table::text(&change.change),
            table::maybe(change.problem.as_ref().map(|problem| &problem.detail)),
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(["OUTPUT", "LEVELS", "SHOWS", "WOULD SHOW", "CHANGE", "BECAUSE"], &rows)
}

fn recall(context: &Context, wanted: &Recall) -> Result<ExitCode, CliError> {
    let answer = context.client.recall_preset(&wanted.id, &body(wanted, true)?)?;
    if !context.json {
        let RecallView { open, take, .. } = answer.value()?;
        if !open.is_empty() {
            table::line(&format!("left open: {}", open.join(", ")))?;
        }
        if take.is_none() {
            table::line("nothing to change")?;
        }
    }
    let whole = |recall: RecallView| recall.routes.into_iter().map(|route| (route, Vec::new()));
    finish(context, &answer, |recall| whole(recall).collect())
}
