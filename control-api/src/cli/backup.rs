//! `ormatrix backup` and `restore`: everything that is configured, in one file.

use std::{fs, io, path::PathBuf, process::ExitCode};

use clap::Args;
use ormatrix_client::{RestoreBackupOptions, types::BackupView};
use serde_json::json;

use super::{CliError, Context, site, table};
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
    let octets = context.client.get_backup()?;
    if !octets.starts_with(MAGIC) {
        return Err(context.client.not_ours(200).into());
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

/// Make everything that is configured what a backup says, all or nothing.
///
/// What would change is shown first. Routes and locks stay. A database that cannot be read
/// (`ormatrix status` says so) is kept beside the new one, and nothing that is shown goes dark.
#[derive(Args)]
pub struct Restore {
    /// The backup
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Sends a backup, to be checked or restored.
pub fn restore(context: &Context, wanted: &Restore) -> Result<ExitCode, CliError> {
    let path = &wanted.file;
    let octets = fs::read(path).map_err(|reason| CliError::File { path: path.clone(), reason })?;
    let send = |dry_run: bool| {
        let options = RestoreBackupOptions { dry_run: Some(dry_run) };
        context.client.restore_backup(&octets, &options)
    };
    let looked = send(true)?;
    if !context.json {
        let BackupView { inputs, outputs, presets, changes, .. } = looked.value()?;
        let held = format!("{inputs} inputs, {outputs} outputs, {presets} presets");
        table::line(&format!("{}: {held}", path.display()))?;
        site::print(&changes, if wanted.dry_run { "would change" } else { "changes" })?;
    }
    let answer = if wanted.dry_run {
        looked
    } else if wanted.yes || site::agreed()? {
        send(false)?
    } else {
        return Ok(ExitCode::FAILURE);
    };
    if context.json {
        table::json(answer.body())?;
    } else if !wanted.dry_run {
        table::line("Restored.")?;
    }
    Ok(ExitCode::SUCCESS)
}
