//! `ormatrix output`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ormatrix_client::{
    CreateOutputOptions, DeleteOutputOptions, GetOutputAnalysisAnswer, PutOutputOptions,
    types::{Accepts, OnLoss, Output, OutputBody, OutputStreamBody},
};

use super::{
    CliError, Context, analysis, format,
    stream::{self, Beside, Stored, Stream},
    table,
};

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

impl Add {
    /// The body that it means.
    fn body(&self) -> Result<OutputBody, CliError> {
        let (stream, beside) = (&self.stream, &self.beside);
        let accepts = self
            .accepts
            .iter()
            .map(|short| format::video(short, &self.sampling, self.depth, &self.packing))
            .collect::<Result<Vec<_>, _>>()
            .map_err(CliError::Arguments)?;
        let audio = |legs| OutputStreamBody {
            payload_type: beside.audio_payload_type.map(Into::into),
            ramp_ms: self.ramp_ms.map(Into::into),
            ..OutputStreamBody::new(legs)
        };
        let ancillary = |legs| OutputStreamBody {
            payload_type: beside.ancillary_payload_type.map(Into::into),
            ..OutputStreamBody::new(legs)
        };
        Ok(OutputBody {
            id: stream.id.clone(),
            label: stream.label.clone(),
            labels: stream.labels()?,
            zone: stream.zone.clone(),
            payload_type: stream.payload_type.map(Into::into),
            accepts: (!accepts.is_empty()).then_some(Accepts::List(accepts)),
            on_loss: self.on_loss.clone().map(OnLoss::from),
            park: self.park.clone(),
            ssrc: self.ssrc,
            ttl: self.ttl.map(Into::into),
            dscp: self.dscp.map(Into::into),
            audio: beside.audio()?.map(audio),
            ancillary: beside.ancillary()?.map(ancillary),
            ..OutputBody::new(stream.legs()?)
        })
    }
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => list(context)?,
        Command::Show { id } => table::json(context.client.get_output(&id)?.body())?,
        Command::Add(add) => put(context, &add)?,
        Command::Remove { id } => {
            context.client.delete_output(&id, &DeleteOutputOptions::default())?;
            stream::removed(context, &id)?;
        }
        Command::Sdp { id } => table::raw(context.client.get_output_sdp(&id)?.as_bytes())?,
        Command::Analysis { id } => {
            return analysis::run(context, &id, || {
                Ok(match context.client.get_output_analysis(&id)? {
                    GetOutputAnalysisAnswer::Done(report) => Some(report.value()?),
                    GetOutputAnalysisAnswer::Accepted(_) => None,
                })
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds or replaces, and says what there is now.
fn put(context: &Context, add: &Add) -> Result<(), CliError> {
    let (client, stream) = (&context.client, &add.stream);
    let (id, label, zone) = (stream.id.clone(), stream.label.clone(), stream.zone.clone());
    let tolerant = stream.tolerant.then_some(true);
    let answer = match (&stream.sdp, stream.replaces()) {
        (None, None) => client.create_output(&add.body()?, &CreateOutputOptions::default())?,
        (None, Some(id)) => client.put_output(id, &add.body()?, &PutOutputOptions::default())?,
        (Some(file), None) => {
            let options = CreateOutputOptions { id, label, zone, tolerant };
            client.create_output_sdp(&stream::read(file)?, &options)?
        }
        (Some(file), Some(replaced)) => {
            let beside = PutOutputOptions { id, label, zone, tolerant, ..Default::default() };
            client.put_output_sdp(replaced, &stream::read(file)?, &beside)?
        }
    };
    if context.json {
        return table::json(answer.body());
    }
    let output = answer.value()?;
    let stored = Stored {
        id: &output.id,
        legs: &output.legs,
        audio: output.audio.as_ref().map(|audio| &*audio.legs),
        ancillary: output.ancillary.as_ref().map(|ancillary| &*ancillary.legs),
        warnings: &output.warnings,
    };
    stream::stored(answer.is_created(), &stored)
}

fn list(context: &Context) -> Result<(), CliError> {
    let answer = context.client.list_outputs()?;
    if context.json {
        return table::json(answer.body());
    }
    let row = |output: &Output| {
        let accepts = match &output.accepts {
            Accepts::List(formats) => {
                formats.iter().map(format::short).collect::<Vec<_>>().join(", ")
            }
            Accepts::Text(word) => word.clone(),
            Accepts::Unlisted(other) => other.to_string(),
        };
        [
            table::text(&output.id),
            table::text(&output.label),
            table::text(&output.zone),
            table::legs(&output.legs),
            accepts,
            table::shows(&output.route),
            table::text(&output.route.state),
            table::apart(output),
            table::maybe(output.route.confirmed_at.as_ref()),
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(
        ["OUTPUT", "LABEL", "ZONE", "TO", "ACCEPTS", "SHOWS", "STATE", "WITH", "CONFIRMED"],
        &rows,
    )
}
