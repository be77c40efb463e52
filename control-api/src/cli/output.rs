//! `ormatrix output`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    CliError, Context, analysis, format,
    stream::{self, Beside, Stream},
    table,
};

const KIND: &str = "outputs";

/// What can be done with outputs.
#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Command {
    /// Every output and what it shows.
    List,
    /// One output, whole.
    Show {
        /// The output.
        id: String,
    },
    /// Add an output, from an SDP or from options.
    Add(Add),
    /// Remove an output; what it shows ends.
    Remove {
        /// The output.
        id: String,
    },
    /// Print the output's SDP, in the format of what it shows.
    Sdp {
        /// The output.
        id: String,
    },
    /// Have the output measured, and print the essentials of the first report.
    Analysis {
        /// The output.
        id: String,
    },
}

/// An output to add.
#[derive(Args)]
pub struct Add {
    #[command(flatten)]
    stream: Stream,
    #[command(flatten)]
    beside: Beside,
    /// How long sound fades out before a take and in after it; 0 cuts, 5 unless given.
    #[arg(long, value_name = "0-100", requires = "audio_address")]
    ramp_ms: Option<u16>,
    /// The input that it shows when it is parked.
    #[arg(long, value_name = "INPUT", conflicts_with = "sdp")]
    park: Option<String>,
    /// What it sends when its input is lost: nothing or slate.
    #[arg(long, value_name = "WHAT", conflicts_with = "sdp")]
    on_loss: Option<String>,
    /// A format that the device takes, as 1080p60; may be repeated. Any unless given.
    #[arg(long, value_name = "FORMAT", conflicts_with = "sdp")]
    accepts: Vec<String>,
    /// Sampling of the accepted formats.
    #[arg(long, default_value = "YCbCr-4:2:2")]
    sampling: String,
    /// Bits a sample of the accepted formats: 8, 10 or 12.
    #[arg(long, default_value_t = 10)]
    depth: u8,
    /// Packing of the accepted formats: GPM or BPM.
    #[arg(long, default_value = "GPM")]
    packing: String,
    /// Synchronisation source; drawn unless given.
    #[arg(long, conflicts_with = "sdp")]
    ssrc: Option<u32>,
    /// IP time to live.
    #[arg(long, conflicts_with = "sdp")]
    ttl: Option<u8>,
    /// Differentiated services code point, 0 to 63.
    #[arg(long, conflicts_with = "sdp")]
    dscp: Option<u8>,
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => stream::list(context, KIND, print)?,
        Command::Show { id } => stream::show(context, KIND, &id)?,
        Command::Add(add) => {
            let mut body = stream::body(&add.stream)?;
            for (key, value) in [
                ("ssrc", add.ssrc.map(Value::from)),
                ("ttl", add.ttl.map(Value::from)),
                ("dscp", add.dscp.map(Value::from)),
                ("on_loss", add.on_loss.map(Value::from)),
                ("park", add.park.map(Value::from)),
            ] {
                if let Some(value) = value {
                    body.insert(key.to_owned(), value);
                }
            }
            for (level, mut stream) in add.beside.bodies()? {
                if let Some(ramp_ms) = add.ramp_ms.filter(|_| level == "audio") {
                    stream.insert("ramp_ms".to_owned(), ramp_ms.into());
                }
                body.insert(level.to_owned(), Value::Object(stream));
            }
            if !add.accepts.is_empty() {
                let formats: Result<Vec<Value>, String> = add
                    .accepts
                    .iter()
                    .map(|short| format::video(short, &add.sampling, add.depth, &add.packing))
                    .collect();
                let formats = formats.map_err(CliError::Arguments)?;
                body.insert("accepts".to_owned(), json!(formats));
            }
            stream::put(context, KIND, &add.stream, body)?;
        }
        Command::Remove { id } => stream::remove(context, KIND, &id)?,
        Command::Sdp { id } => stream::sdp(context, KIND, &id)?,
        Command::Analysis { id } => return analysis::run(context, KIND, &id),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(outputs: &Value) -> Result<(), CliError> {
    let row = |output: &Value| {
        let accepts = match &output["accepts"] {
            Value::Array(formats) => {
                formats.iter().map(format::short).collect::<Vec<_>>().join(", ")
            }
            _ => "any".to_owned(),
        };
        [
            table::text(output, "id"),
            table::text(output, "label"),
            table::text(output, "zone"),
            table::legs(output),
            accepts,
            table::shows(output),
            table::text(output, "route/state"),
            table::apart(output),
            table::text(output, "route/confirmed_at"),
        ]
    };
    let rows: Vec<_> = table::list(outputs).iter().map(row).collect();
    table::print(
        ["OUTPUT", "LABEL", "ZONE", "TO", "ACCEPTS", "SHOWS", "STATE", "WITH", "CONFIRMED"],
        &rows,
    )
}
