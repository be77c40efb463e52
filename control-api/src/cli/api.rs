//! `ormatrix api`: any call, for what has no command of its own.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};

use super::{CliError, Context, stream, table};

/// One call of the API.
#[derive(Args)]
pub struct Api {
    /// What to do.
    #[arg(value_enum, ignore_case = true)]
    method: Method,
    /// Where, as in the reference: /api/v1/monitors. `/api/v1` may be left out.
    path: String,
    /// The body; - reads standard input.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The body's media type.
    #[arg(long, default_value = "application/json", requires = "body")]
    media_type: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Method {
    Get,
    Put,
    Post,
    Delete,
}

/// Calls, and prints the answer as it came.
pub fn run(context: &Context, api: &Api) -> Result<ExitCode, CliError> {
    let whole = ["/api/", "/openapi.json", "/metrics", "/livez", "/readyz"];
    let path = if whole.iter().any(|known| api.path.starts_with(known)) {
        api.path.clone()
    } else {
        format!("/api/v1/{}", api.path.trim_start_matches('/'))
    };
    let body = api.body.as_ref().map(|file| stream::read(file)).transpose()?;
    let refused = |method: &str| {
        let said = format!("{method} has no body: leave --body out");
        if body.is_some() { Err(CliError::Arguments(said)) } else { Ok(()) }
    };
    let answer = match api.method {
        Method::Get => {
            refused("GET")?;
            table::raw(&context.client.call("GET", &path, None)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Method::Delete => {
            refused("DELETE")?;
            context.client.call("DELETE", &path, None)?
        }
        Method::Put | Method::Post => {
            let method = if matches!(api.method, Method::Put) { "PUT" } else { "POST" };
            let body = body.unwrap_or_else(|| "{}".to_owned());
            context.client.call(method, &path, Some((&api.media_type, body.as_bytes())))?
        }
    };
    if !answer.is_empty() {
        let json = serde_json::from_slice(&answer).map_err(|_| context.client.not_ours(200))?;
        table::json(&json)?;
    }
    Ok(ExitCode::SUCCESS)
}
