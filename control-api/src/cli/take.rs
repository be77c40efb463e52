//! `ormatrix take` and `clear`.

use std::process::ExitCode;

use clap::Args;
use ormatrix_client::{
    Answer, DeleteRouteOptions,
    types::{Level, LevelRoute, OutputRoute, RouteBody, RouteState},
};
use serde::de::DeserializeOwned;

use super::{CliError, Context, UNCONFIRMED, table};

/// One take.
#[derive(Args)]
pub struct Take {
    /// Where to.
    output: String,
    /// What.
    input: String,
    /// Only these levels, as `audio,ancillary`; all that the output has unless given.
    #[arg(long, value_name = "LEVELS", value_delimiter = ',')]
    levels: Vec<String>,
    /// How long to wait for the confirmation, up to 10000.
    #[arg(long, default_value_t = 1000)]
    wait_ms: u32,
    /// Also when the input has no signal.
    #[arg(long)]
    force: bool,
}

/// An output to clear.
#[derive(Args)]
pub struct Clear {
    /// Which.
    output: String,
    /// Only these levels, as `audio,ancillary`; all that the output has unless given.
    #[arg(long, value_name = "LEVELS", value_delimiter = ',')]
    levels: Vec<String>,
}

/// Takes an input to an output.
pub fn take(context: &Context, take: &Take) -> Result<ExitCode, CliError> {
    let levels = levels(take.levels.iter().map(String::as_str));
    let body = RouteBody {
        input: take.input.clone(),
        wait_ms: Some(take.wait_ms),
        force: Some(take.force),
        levels: (!levels.is_empty()).then(|| levels.clone()),
    };
    let answer = context.client.put_route(&take.output, &body)?;
    finish(context, &answer, |route| vec![(route, levels)])
}

/// Clears an output.
pub fn clear(context: &Context, clear: &Clear) -> Result<ExitCode, CliError> {
    let named = (!clear.levels.is_empty()).then(|| clear.levels.join(","));
    let answer =
        context.client.delete_route(&clear.output, &DeleteRouteOptions { levels: named })?;
    let levels = levels(clear.levels.iter().map(String::as_str));
    finish(context, &answer, |route| vec![(route, levels)])
}

/// Levels by their names.
pub fn levels<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Level> {
    names.map(Level::from).collect()
}

/// The number of a take, as the API tells it.
pub fn number(text: &str) -> Result<u64, CliError> {
    let wrong = |_| CliError::Arguments(format!("'{text}' is not the number of a take"));
    text.parse().map_err(wrong)
}

/// Says what became of takes: of each its route and the levels that were named.
pub fn finish<T: DeserializeOwned>(
    context: &Context,
    answer: &Answer<T>,
    routes: impl FnOnce(T) -> Vec<(OutputRoute, Vec<Level>)>,
) -> Result<ExitCode, CliError> {
    if context.json {
        table::json(answer.body())?;
    } else {
        for (taken, levels) in routes(answer.value()?) {
            let OutputRoute { output, input, state, since, levels: beside, .. } = taken;
            if levels.is_empty() || levels.contains(&Level::Video) {
                table::line(&said(&output, input.as_ref(), &state, since.as_ref()))?;
            }
            for level in table::BESIDE {
                if let Some(LevelRoute { route }) = beside.get(level) {
                    let place = format!("{output} {level}");
                    let (input, since) = (route.input.as_ref(), route.since.as_ref());
                    table::line(&said(&place, input, &route.state, since))?;
                }
            }
        }
    }
    if answer.is_done() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "ormatrix: accepted, but not confirmed in time: `ormatrix events` tells when it is, or \
         wait longer with --wait-ms"
    );
    Ok(ExitCode::from(UNCONFIRMED))
}

fn said(place: &str, input: Option<&String>, state: &RouteState, since: Option<&String>) -> String {
    let input = table::maybe(input);
    match state {
        RouteState::None => format!("{place}: cleared"),
        RouteState::Live => format!("{place}: {input}, live since {}", table::maybe(since)),
        state => format!("{place}: {input}, {state}"),
    }
}
