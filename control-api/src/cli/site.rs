//! `ormatrix apply` and `export`: the site as a file.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use ormatrix_client::{
    ApplySiteOptions,
    types::{Difference, SiteChange},
};

use super::{CliError, Context, stream, table};

/// A whole hospital takes seconds.
const WITHIN: Duration = Duration::from_mins(2);

/// Applies a file.
#[derive(Args)]
pub struct Apply {
    /// The site, as `ormatrix export` writes it; - reads standard input.
    file: PathBuf,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before changing it.
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
}

/// Exports the site.
#[derive(Args)]
pub struct Export {
    /// Where to; standard output unless given.
    file: Option<PathBuf>,
}

/// Shows what changes, asks, and makes it so.
pub fn apply(context: &Context, apply: &Apply) -> Result<ExitCode, CliError> {
    let text = stream::read(&apply.file)?;
    let client = context.client.within(WITHIN);
    let looking = ApplySiteOptions { dry_run: Some(true), ..ApplySiteOptions::default() };
    let answer = client.apply_site(&text, &looking)?;
    let preview = answer.value()?;
    let changes = preview.changes.as_slice();
    if apply.dry_run || changes.is_empty() {
        if context.json {
            table::json(answer.body())?;
        } else {
            print(changes, "would change")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !context.json {
        print(changes, "changes")?;
    }
    if !apply.yes && !agreed()? {
        return Err(CliError::Arguments("nothing was changed".to_owned()));
    }
    // Exactly what was shown: another revision is refused.
    let if_match = Some(stream::etag(&preview.revision));
    let applied = client.apply_site(&text, &ApplySiteOptions { if_match, ..Default::default() })?;
    if context.json {
        table::json(applied.body())?;
    } else {
        table::line("applied")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks at the terminal.
pub(super) fn agreed() -> Result<bool, CliError> {
    let (mut stderr, stdin) = (io::stderr(), io::stdin());
    if !stdin.is_terminal() {
        let said = "there is no terminal to ask at: say --yes, or only look with --dry-run";
        return Err(CliError::Arguments(said.to_owned()));
    }
    let _ = write!(stderr, "Apply this? [y/N] ");
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    read.map_err(|reason| CliError::File { path: "standard input".into(), reason })?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

pub(super) fn print(changes: &[SiteChange], word: &str) -> Result<(), CliError> {
    for change in changes {
        let sign = match change.change {
            Difference::Added => '+',
            Difference::Removed => '-',
            _ => '~',
        };
        let mut said = format!("{sign} {} {}", change.kind, change.id);
        if let Some(shows) = &change.shows {
            said.extend([", which shows ", shows, " now and goes dark"]);
        }
        table::line(&said)?;
        for field in &change.fields {
            table::line(&format!("    {}: {} -> {}", field.field, field.from, field.to))?;
        }
    }
    match changes.len() {
        0 => table::line(&format!("nothing {word}")),
        1 => table::line(&format!("1 thing {word}")),
        many => table::line(&format!("{many} things {word}")),
    }
}

/// Writes the site.
pub fn export(context: &Context, export: &Export) -> Result<ExitCode, CliError> {
    let text = context.client.export_site()?;
    match &export.file {
        None => table::raw(text.as_bytes())?,
        Some(path) => {
            let refused = |reason| CliError::File { path: path.clone(), reason };
            // Beside it first: half a file must not replace a whole one.
            let mut beside = path.clone().into_os_string();
            beside.push(".new");
            let beside = PathBuf::from(beside);
            fs::write(&beside, &text).and_then(|()| fs::rename(&beside, path)).map_err(refused)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
