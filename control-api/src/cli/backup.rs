//! `ormatrix backup` and `restore`: everything that is configured, in one file.

use std::{fs, io, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::{CliError, Context, table};
use crate::{
    api::backup::MEDIA_TYPE,
    store::{MAGIC, file, read_backup},
};

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

/// Put a backup in the place of a database that cannot be read.
///
/// `ormatrix status` says when that is so. The damaged database is kept beside the new one.
/// What displays show stays on them.
#[derive(Args)]
pub struct Restore {
    /// The backup
    file: PathBuf,
    /// Check the backup, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Sends a backup, to be checked or restored.
pub fn restore(context: &Context, wanted: &Restore) -> Result<ExitCode, CliError> {
    let path = &wanted.file;
    let failed = |reason| CliError::File { path: path.clone(), reason };
    let octets = fs::read(path).map_err(failed)?;
    let call = format!("/api/v1/restore?dry_run={}", wanted.dry_run);
    let answer = context.client.send_as("POST", &call, MEDIA_TYPE, &octets)?.body;
    if context.json {
        table::json(&answer)?;
    } else {
        let [inputs, outputs, presets] =
            ["inputs", "outputs", "presets"].map(|of| table::text(&answer, of));
        let held = format!("{inputs} inputs, {outputs} outputs, {presets} presets");
        let done = if wanted.dry_run { "can be restored" } else { "restored" };
        table::line(&format!("{}: {held}: {done}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
