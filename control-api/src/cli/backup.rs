//! `ormatrix backup`: everything that is configured, in one file.

use std::{io, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::{CliError, Context, table};
use crate::store::{MAGIC, file, read_backup};

/// Write everything that is configured to a file, from which it can be restored.
///
/// The file is an SQLite database, in place only when it is whole.
#[derive(Args)]
pub struct Backup {
    /// The file to write
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

/// Asks, checks and writes.
pub fn run(context: &Context, wanted: &Backup) -> Result<ExitCode, CliError> {
    let path = &wanted.file;
    let failed = |reason| CliError::File { path: path.clone(), reason };
    if !wanted.force && path.exists() {
        let said = "there is such a file: choose another name, or replace it with --force";
        return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, said)));
    }
    let octets = context.client.bytes("/api/v1/backup")?;
    if !octets.starts_with(MAGIC) {
        return Err(context.client.not_ours(200));
    }
    file::put(path, &octets).map_err(failed)?;
    // Better a backup that another program may be able to read than none.
    let inventory = read_backup(&octets).map_err(|error| {
        let path = path.display();
        CliError::Arguments(format!(
            "{path} was written, but this program cannot restore it: {error}"
        ))
    })?;
    let (inputs, outputs) = (inventory.inputs.len(), inventory.outputs.len());
    if context.json {
        let size = octets.len();
        table::json(&json!({ "file": path, "bytes": size, "inputs": inputs, "outputs": outputs }))?;
    } else {
        table::line(&format!("{}: {inputs} inputs, {outputs} outputs", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
