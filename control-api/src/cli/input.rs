//! `ormatrix input`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    CliError, Context, format,
    stream::{self, Stream},
    table,
};

const KIND: &str = "inputs";

/// What can be done with inputs.
#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Command {
    /// Every input, its signal, and where it is shown.
    List,
    /// One input, whole.
    Show {
        /// The input.
        id: String,
    },
    /// Add an input, from an SDP or from options.
    Add(Add),
    /// Remove an input that nothing shows.
    Remove {
        /// The input.
        id: String,
    },
    /// Print the input's SDP.
    Sdp {
        /// The input.
        id: String,
    },
    /// Save the latest still as a JPEG file.
    Thumbnail {
        /// The input.
        id: String,
        /// Where to; `-` is standard output.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

/// An input to add.
#[derive(Args)]
pub struct Add {
    #[command(flatten)]
    stream: Stream,
    /// As 1080p60, 2160p59.94, 1080i25 or 1920x1200p60.
    #[arg(long, required_unless_present = "sdp", conflicts_with = "sdp")]
    format: Option<String>,
    /// `YCbCr-4:2:2`, `YCbCr-4:2:0`, `YCbCr-4:4:4` or `RGB`.
    #[arg(long, default_value = "YCbCr-4:2:2")]
    sampling: String,
    /// Bits a sample: 8, 10 or 12.
    #[arg(long, default_value_t = 10)]
    depth: u8,
    /// GPM or BPM.
    #[arg(long, default_value = "GPM")]
    packing: String,
    /// Of two legs, how far one may be behind: A 10 ms, B 50 ms, C 150 ms, D 150 µs.
    #[arg(long, value_name = "A-D", conflicts_with = "sdp")]
    merge_class: Option<String>,
    /// Of two legs, pass every packet on at once, and late what one of them lost.
    #[arg(long, conflicts_with = "sdp")]
    first_copy: bool,
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => stream::list(context, KIND, print)?,
        Command::Show { id } => stream::show(context, KIND, &id)?,
        Command::Add(add) => {
            let mut body = stream::body(&add.stream)?;
            let order = add.first_copy.then_some("first-copy");
            if add.merge_class.is_some() || order.is_some() {
                let merge = json!({ "class": add.merge_class, "order": order });
                body.insert("merge".to_owned(), merge);
            }
            if let Some(short) = &add.format {
                let video = format::video(short, &add.sampling, add.depth, &add.packing);
                body.insert("video".to_owned(), video.map_err(CliError::Arguments)?);
            }
            stream::put(context, KIND, &add.stream, body)?;
        }
        Command::Remove { id } => stream::remove(context, KIND, &id)?,
        Command::Sdp { id } => stream::sdp(context, KIND, &id)?,
        Command::Thumbnail { id, output } => {
            let path = format!("{}/thumbnail.jpg", stream::at(KIND, &id));
            let jpeg = context.client.bytes(&path)?;
            if output == Path::new("-") {
                table::raw(&jpeg)?;
            } else {
                fs::write(&output, jpeg)
                    .map_err(|reason| CliError::File { path: output, reason })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(inputs: &Value) -> Result<(), CliError> {
    let row = |input: &Value| {
        let tally = input.get("tally").map_or(&[][..], table::list);
        let tally: Vec<&str> = tally.iter().filter_map(Value::as_str).collect();
        [
            table::text(input, "id"),
            table::text(input, "label"),
            table::text(input, "zone"),
            format::short(&input["video"]),
            table::legs(input),
            table::text(input, "signal/state"),
            table::bits(input.pointer("/signal/bits_per_second")),
            if tally.is_empty() { "-".to_owned() } else { tally.join(", ") },
        ]
    };
    let rows: Vec<_> = table::list(inputs).iter().map(row).collect();
    table::print(["INPUT", "LABEL", "ZONE", "FORMAT", "FROM", "SIGNAL", "RATE", "SHOWN ON"], &rows)
}
