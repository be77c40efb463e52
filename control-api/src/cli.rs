//! The `ormatrix` command line: one file a noun.
//!
//! It speaks the HTTP API and nothing else. Exit status: 0 when what was asked is done, 1
//! when not, 2 when the command line itself is wrong, 3 when a take was accepted but not
//! confirmed in time.

mod alarm;
mod analysis;
mod api;
mod backup;
mod demo;
mod error;
mod events;
mod format;
mod input;
mod lock;
mod output;
mod preset;
mod reference;
mod salvo;
#[cfg(test)]
mod samples;
mod site;
mod status;
mod stream;
mod supervise;
mod table;
mod take;
mod top;
mod undo;
mod up;
mod zone;

use std::process::ExitCode;

use clap::{
    ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind,
    parser::ValueSource,
};
pub use error::CliError;
use ormatrix_client::Client;

/// Exit status of a take that was accepted but not confirmed in time.
const UNCONFIRMED: u8 = 3;

/// Commands to which an option of all others means nothing, and that option.
const MEANINGLESS: [(&str, &str); 15] = [
    ("demo", "url"),
    ("demo", "json"),
    ("doctor", "url"),
    ("top", "json"),
    ("up", "url"),
    ("up", "json"),
    ("completions", "url"),
    ("completions", "json"),
    ("man", "url"),
    ("man", "json"),
    ("demo", "actor"),
    ("doctor", "actor"),
    ("completions", "actor"),
    ("man", "actor"),
    ("up", "actor"),
];

/// Sees and changes what an ormatrix receives, sends and routes.
#[derive(Parser)]
#[command(name = "ormatrix", version)]
struct Arguments {
    /// The control process.
    #[arg(long, env = "ORMATRIX_URL", default_value = "http://127.0.0.1:8080", global = true)]
    url: String,
    /// Print the API's JSON instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    /// In whose name to ask; locks and the log know it.
    #[arg(long = "as", value_name = "NAME", env = "ORMATRIX_ACTOR", global = true)]
    actor: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What enters the matrix.
    #[command(subcommand)]
    Input(input::Command),
    /// What leaves the matrix.
    #[command(subcommand)]
    Output(output::Command),
    /// Put an input on an output, and wait until it is confirmed there.
    Take(take::Take),
    /// Take everything off an output.
    Clear(take::Clear),
    /// Several takes, all or none, now or at a time.
    Salvo(salvo::Salvo),
    /// Put back what a take changed.
    Undo(undo::Undo),
    /// Put an output's safe source on it.
    Park(undo::Park),
    /// Routes that are recalled together.
    #[command(subcommand)]
    Preset(preset::Command),
    /// Keep an output as it is.
    Lock(lock::Lock),
    /// Let go of an output.
    Unlock(lock::Unlock),
    /// Rooms, and where displays hang in them.
    #[command(subcommand)]
    Zone(zone::Command),
    /// Make the whole site what a file says; shows first what changes.
    Apply(site::Apply),
    /// Write the whole site into a file.
    Export(site::Export),
    /// What is wrong, since when, who has seen it, and what to do.
    #[command(subcommand)]
    Alarm(alarm::Command),
    /// Any call of the API, for what has no command of its own.
    Api(api::Api),
    /// Whether all is well, and if not, what to do.
    Status,
    /// What happens, as it happens.
    Events,
    Backup(backup::Backup),
    Top(top::Top),
    Restore(backup::Restore),
    Demo(demo::Demo),
    Up(up::Up),
    /// What this machine offers and lacks for the job, and how to mend it.
    Doctor,
    Completions(reference::Completions),
    Man(reference::Man),
}

/// How a command talks.
struct Context {
    client: Client,
    json: bool,
}

impl Context {
    fn new(url: &str, json: bool, actor: Option<String>) -> Self {
        let client = Client::new(url);
        let client = match actor {
            Some(actor) => client.named(actor),
            None => client,
        };
        Self { client, json }
    }
}

/// The command line; options that would do nothing are not shown.
fn command() -> clap::Command {
    let mut command = Arguments::command();
    for (name, option) in MEANINGLESS {
        let arg = command.get_arguments().find(|arg| arg.get_id() == option).cloned();
        // One that a command has already is not given to it again.
        let hidden = arg.map(|arg| arg.hide(true));
        command = command.mut_subcommand(name, |sub| sub.args(hidden));
    }
    command
}

/// Reads the command line. Options that would do nothing are not accepted.
fn arguments() -> Arguments {
    let mut command = command();
    let matches = command.get_matches_mut();
    let given = |matches: &ArgMatches, option| {
        matches.value_source(option) == Some(ValueSource::CommandLine)
    };
    for (name, option) in MEANINGLESS {
        if matches.subcommand_matches(name).is_some_and(|sub| given(sub, option)) {
            let option = if option == "actor" { "as" } else { option };
            let said = format!("`ormatrix {name}` has no option '--{option}'");
            command.error(ErrorKind::UnknownArgument, said).exit();
        }
    }
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let arguments = arguments();
    let context = Context::new(&arguments.url, arguments.json, arguments.actor);
    let done = match arguments.command {
        Command::Input(command) => input::run(&context, command),
        Command::Output(command) => output::run(&context, command),
        Command::Take(take) => take::take(&context, &take),
        Command::Clear(clear) => take::clear(&context, &clear),
        Command::Salvo(salvo) => salvo::run(&context, &salvo),
        Command::Undo(undo) => undo::undo(&context, &undo),
        Command::Park(park) => undo::park(&context, &park),
        Command::Preset(command) => preset::run(&context, command),
        Command::Lock(lock) => lock::lock(&context, &lock),
        Command::Unlock(unlock) => lock::unlock(&context, &unlock),
        Command::Zone(command) => zone::run(&context, command),
        Command::Apply(apply) => site::apply(&context, &apply),
        Command::Export(export) => site::export(&context, &export),
        Command::Alarm(command) => alarm::run(&context, command),
        Command::Api(api) => api::run(&context, &api),
        Command::Status => status::run(&context),
        Command::Events => events::run(&context),
        Command::Backup(wanted) => backup::run(&context, &wanted),
        Command::Top(top) => top::run(&context, &top),
        Command::Restore(wanted) => backup::restore(&context, &wanted),
        Command::Demo(demo) => Ok(demo::run(&demo)),
        Command::Up(up) => Ok(up::run(&up)),
        Command::Doctor => Ok(ormatrix_hardware::doctor::run(context.json)),
        Command::Completions(wanted) => reference::completions(command(), &wanted),
        Command::Man(wanted) => reference::man(command(), &wanted),
    };
    done.unwrap_or_else(|error| {
        // Whoever read the output has seen enough (`| head`).
        if !matches!(error, CliError::OutputClosed) {
            eprintln!("ormatrix: {error}");
        }
        ExitCode::FAILURE
    })
}
