//! `ormatrix completions` and `ormatrix man`: made of the command line itself, so that they
//! never lag behind it.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use clap_complete::Shell;

use super::{CliError, table};

/// Print what a shell needs to complete these commands.
#[derive(Args)]
pub struct Completions {
    /// Whose
    shell: Shell,
}

/// Write the manual pages, one a command.
#[derive(Args)]
pub struct Man {
    /// The folder to write them to, such as /usr/local/share/man/man1
    folder: PathBuf,
}

/// Prints the completions of a command line.
pub fn completions(mut command: clap::Command, wanted: &Completions) -> Result<ExitCode, CliError> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut command, name, &mut script);
    table::raw(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the manual pages of a command line.
pub fn man(command: clap::Command, wanted: &Man) -> Result<ExitCode, CliError> {
    let folder = &wanted.folder;
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command.disable_help_subcommand(true), folder));
    written.map_err(|reason| CliError::File { path: folder.clone(), reason })?;
    Ok(ExitCode::SUCCESS)
}
