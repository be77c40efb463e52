//! `ormatrix take` and `clear`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{CliError, Context, UNCONFIRMED, client::Answer, table};
use crate::http::query::segment;

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
    let mut body = json!({ "input": take.input, "wait_ms": take.wait_ms, "force": take.force });
    if !take.levels.is_empty() {
        body["levels"] = json!(take.levels);
    }
    let path = format!("/api/v1/outputs/{}/route", segment(&take.output));
    let answer = context.client.send("PUT", &path, &body)?;
    finish(context, &answer, &[(&answer.body, &take.levels)])
}

/// Clears an output.
pub fn clear(context: &Context, clear: &Clear) -> Result<ExitCode, CliError> {
    let mut path = format!("/api/v1/outputs/{}/route", segment(&clear.output));
    if !clear.levels.is_empty() {
        path = format!("{path}?levels={}", segment(&clear.levels.join(",")));
    }
    let answer = context.client.delete(&path)?;
    finish(context, &answer, &[(&answer.body, &clear.levels)])
}

/// Says what became of takes: of each its route and the levels that were named.
pub fn finish(
    context: &Context,
    answer: &Answer,
    routes: &[(&Value, &Vec<String>)],
) -> Result<ExitCode, CliError> {
    let confirmed = answer.status != 202;
    if context.json {
        table::json(&answer.body)?;
    } else {
        for (route, levels) in routes {
            let output = table::text(route, "output");
            if levels.is_empty() || levels.iter().any(|level| level == "video") {
                table::line(&said(&output, route))?;
            }
            for level in ["audio", "ancillary"] {
                if let Some(beside) = route.pointer(&format!("/levels/{level}/route")) {
                    table::line(&said(&format!("{output} {level}"), beside))?;
                }
            }
        }
    }
    if confirmed {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "ormatrix: accepted, but not confirmed in time: `ormatrix events` tells when it is, or \
         wait longer with --wait-ms"
    );
    Ok(ExitCode::from(UNCONFIRMED))
}

fn said(place: &str, route: &Value) -> String {
    let input = table::text(route, "input");
    match table::text(route, "state").as_str() {
        "none" => format!("{place}: cleared"),
        "live" => format!("{place}: {input}, live since {}", table::text(route, "since")),
        state => format!("{place}: {input}, {state}"),
    }
}
