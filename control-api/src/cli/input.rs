//! `ormatrix input`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    CliError, Context, analysis, format,
    stream::{self, Beside, Stream},
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
    /// Have the input measured, and print the essentials of the first report.
    Analysis {
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
    #[command(flatten)]
    beside: Beside,
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
    /// What it is: endoscope, robot, x-ray, ultrasound, room-camera, patient-monitor, pc, other.
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "sdp")]
    source_type: Option<String>,
    /// Channels of sound; 2 unless given.
    #[arg(long, value_name = "1-64", requires = "audio_address")]
    audio_channels: Option<u8>,
    /// L16 or L24; L24 unless given.
    #[arg(long, requires = "audio_address")]
    audio_depth: Option<String>,
    /// Samples a second; 48000 unless given.
    #[arg(long, value_name = "HZ", requires = "audio_address")]
    audio_rate: Option<u32>,
    /// Sound in a packet: 1ms, 125us, 250us, 333us or 4ms; 1ms unless given.
    #[arg(long, value_name = "TIME", requires = "audio_address")]
    audio_packet_time: Option<String>,
    /// An input that stands in when this one fails; may be repeated, the first good one does.
    #[arg(long, value_name = "INPUT", conflicts_with = "sdp")]
    backup: Vec<String>,
    /// When it is shown again after it failed: automatic or manual.
    #[arg(long, value_name = "WHEN", conflicts_with = "sdp")]
    back: Option<String>,
    /// Milliseconds of good signal before it is.
    #[arg(long, value_name = "MS", conflicts_with = "sdp")]
    steady_ms: Option<u32>,
    /// A picture frozen for so long has failed.
    #[arg(long, value_name = "MS", conflicts_with = "sdp")]
    frozen_ms: Option<u32>,
    /// A picture black for so long has failed.
    #[arg(long, value_name = "MS", conflicts_with = "sdp")]
    black_ms: Option<u32>,
}

impl Add {
    /// The body that it means.
    fn body(&self) -> Result<Map<String, Value>, CliError> {
        let mut body = stream::body(&self.stream)?;
        let order = self.first_copy.then_some("first-copy");
        if self.merge_class.is_some() || order.is_some() {
            let merge = json!({ "class": self.merge_class, "order": order });
            body.insert("merge".to_owned(), merge);
        }
        if let Some(short) = &self.format {
            let video = format::video(short, &self.sampling, self.depth, &self.packing);
            body.insert("video".to_owned(), video.map_err(CliError::Arguments)?);
        }
        for (level, mut stream) in self.beside.bodies()? {
            if level == "audio" {
                let format = json!({
                    "depth": self.audio_depth, "rate_hz": self.audio_rate,
                    "channels": self.audio_channels, "packet_time": self.audio_packet_time,
                });
                stream.insert("format".to_owned(), format);
            }
            body.insert(level.to_owned(), Value::Object(stream));
        }
        if let Some(source_type) = &self.source_type {
            body.insert("type".to_owned(), source_type.as_str().into());
        }
        if !self.backup.is_empty() {
            body.insert("backups".to_owned(), json!(self.backup));
        }
        let failover = [
            ("back", self.back.clone().map(Value::from)),
            ("steady_ms", self.steady_ms.map(Value::from)),
            ("frozen_ms", self.frozen_ms.map(Value::from)),
            ("black_ms", self.black_ms.map(Value::from)),
        ];
        let failover = failover.into_iter().filter_map(|(key, it)| Some((key.to_owned(), it?)));
        let failover: Map<String, Value> = failover.collect();
        if !failover.is_empty() {
            body.insert("failover".to_owned(), Value::Object(failover));
        }
        Ok(body)
    }
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => stream::list(context, KIND, print)?,
        Command::Show { id } => stream::show(context, KIND, &id)?,
        Command::Add(add) => stream::put(context, KIND, &add.stream, add.body()?)?,
        Command::Remove { id } => stream::remove(context, KIND, &id)?,
        Command::Sdp { id } => stream::sdp(context, KIND, &id)?,
        Command::Analysis { id } => return analysis::run(context, KIND, &id),
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
            table::levels(input),
            table::legs(input),
            table::signal(input),
            table::bits(input.pointer("/signal/bits_per_second")),
            if tally.is_empty() { "-".to_owned() } else { tally.join(", ") },
        ]
    };
    let rows: Vec<_> = table::list(inputs).iter().map(row).collect();
    table::print(
        ["INPUT", "LABEL", "ZONE", "FORMAT", "WITH", "FROM", "SIGNAL", "RATE", "SHOWN ON"],
        &rows,
    )
}
