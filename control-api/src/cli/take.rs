//! `ormatrix take`, `clear` and `salvo`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    CliError, Context, UNCONFIRMED,
    client::{Answer, segment},
    table,
};

/// One take.
#[derive(Args)]
pub struct Take {
    /// Where to.
    output: String,
    /// What.
    input: String,
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
}

/// Several takes.
#[derive(Args)]
pub struct Salvo {
    /// As monitor=endoscope; `monitor=` clears the output.
    #[arg(required = true, value_name = "OUTPUT=INPUT")]
    routes: Vec<String>,
    /// How long to wait for the confirmation, up to 10000.
    #[arg(long, default_value_t = 1000)]
    wait_ms: u32,
    /// Also when an input has no signal.
    #[arg(long)]
    force: bool,
}

/// Takes an input to an output.
pub fn take(context: &Context, take: &Take) -> Result<ExitCode, CliError> {
    let body = json!({ "input": take.input, "wait_ms": take.wait_ms, "force": take.force });
    let path = format!("/api/v1/outputs/{}/route", segment(&take.output));
    let answer = context.client.send("PUT", &path, &body)?;
    let routes = std::slice::from_ref(&answer.body);
    finish(context, &answer, routes)
}

/// Clears an output.
pub fn clear(context: &Context, clear: &Clear) -> Result<ExitCode, CliError> {
    let path = format!("/api/v1/outputs/{}/route", segment(&clear.output));
    let answer = context.client.delete(&path)?;
    let routes = std::slice::from_ref(&answer.body);
    finish(context, &answer, routes)
}

/// Takes several, all or none.
pub fn salvo(context: &Context, salvo: &Salvo) -> Result<ExitCode, CliError> {
    let mut routes = Vec::new();
    for route in &salvo.routes {
        let Some((output, input)) = route.split_once('=') else {
            let said = format!("'{route}' is not OUTPUT=INPUT");
            return Err(CliError::Arguments(said));
        };
        let input = if input.is_empty() { Value::Null } else { Value::from(input) };
        routes.push(json!({ "output": output, "input": input }));
    }
    let body = json!({ "routes": routes, "wait_ms": salvo.wait_ms, "force": salvo.force });
    let answer = context.client.send("POST", "/api/v1/salvos", &body)?;
    let routes = answer.body.get("routes").map_or(&[][..], table::list);
    finish(context, &answer, routes)
}

fn finish(context: &Context, answer: &Answer, routes: &[Value]) -> Result<ExitCode, CliError> {
    let confirmed = answer.status != 202;
    if context.json {
        table::json(&answer.body)?;
    } else {
        for route in routes {
            let output = table::text(route, "output");
            let input = table::text(route, "input");
            let state = table::text(route, "state");
            let said = match state.as_str() {
                "none" => format!("{output}: cleared"),
                "live" => {
                    format!("{output}: {input}, live since {}", table::text(route, "since"))
                }
                _ => format!("{output}: {input}, {state}"),
            };
            table::line(&said)?;
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
