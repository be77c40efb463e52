//! `ormatrix input`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use ormatrix_client::{
    CreateInputOptions, DeleteInputOptions, GetInputAnalysisAnswer, PutInputOptions,
    types::{
        AncillaryInputBody, AudioDepth, AudioFormatBody, AudioInputBody, Back, Class, FailoverBody,
        Input, InputBody, MergeBody, MergeOrder, PacketTime, SourceType,
    },
};

use super::{
    CliError, Context, analysis, format,
    stream::{self, Beside, Stored, Stream},
    table,
};

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
    fn body(&self) -> Result<InputBody, CliError> {
        let stream = &self.stream;
        let short = self.format.as_deref().unwrap_or_default();
        let video = format::video(short, &self.sampling, self.depth, &self.packing);
        let merge = MergeBody {
            class: self.merge_class.clone().map(Class::from),
            order: self.first_copy.then_some(MergeOrder::FirstCopy),
            skew_us: None,
        };
        let failover = FailoverBody {
            back: self.back.clone().map(Back::from),
            steady_ms: self.steady_ms,
            frozen_ms: self.frozen_ms,
            black_ms: self.black_ms,
        };
        Ok(InputBody {
            id: stream.id.clone(),
            label: stream.label.clone(),
            labels: stream.labels()?,
            zone: stream.zone.clone(),
            payload_type: stream.payload_type.map(Into::into),
            merge: (merge != MergeBody::default()).then_some(merge),
            type_: self.source_type.clone().map(SourceType::from),
            backups: (!self.backup.is_empty()).then(|| self.backup.clone()),
            failover: (failover != FailoverBody::default()).then_some(failover),
            audio: self.audio()?,
            ancillary: self.ancillary()?,
            ..InputBody::new(stream.legs()?, video.map_err(CliError::Arguments)?)
        })
    }

    fn audio(&self) -> Result<Option<AudioInputBody>, CliError> {
        let format = AudioFormatBody {
            depth: self.audio_depth.clone().map(AudioDepth::from),
            rate_hz: self.audio_rate,
            channels: self.audio_channels.map(Into::into),
            packet_time: self.audio_packet_time.clone().map(PacketTime::from),
            channel_order: None,
        };
        let body = |legs| AudioInputBody {
            format: Some(format),
            payload_type: self.beside.audio_payload_type.map(Into::into),
            ..AudioInputBody::new(legs)
        };
        Ok(self.beside.audio()?.map(body))
    }

    fn ancillary(&self) -> Result<Option<AncillaryInputBody>, CliError> {
        let body = |legs| AncillaryInputBody {
            payload_type: self.beside.ancillary_payload_type.map(Into::into),
            ..AncillaryInputBody::new(legs)
        };
        Ok(self.beside.ancillary()?.map(body))
    }
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List => list(context)?,
        Command::Show { id } => table::json(context.client.get_input(&id)?.body())?,
        Command::Add(add) => put(context, &add)?,
        Command::Remove { id } => {
            context.client.delete_input(&id, &DeleteInputOptions::default())?;
            stream::removed(context, &id)?;
        }
        Command::Sdp { id } => table::raw(context.client.get_input_sdp(&id)?.as_bytes())?,
        Command::Analysis { id } => {
            return analysis::run(context, &id, || {
                Ok(match context.client.get_input_analysis(&id)? {
                    GetInputAnalysisAnswer::Done(report) => Some(report.value()?),
                    GetInputAnalysisAnswer::Accepted(_) => None,
                })
            });
        }
        Command::Thumbnail { id, output } => {
            let jpeg = context.client.get_thumbnail(&id)?;
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

/// Adds or replaces, and says what there is now.
fn put(context: &Context, add: &Add) -> Result<(), CliError> {
    let (client, stream) = (&context.client, &add.stream);
    let (id, label, zone) = (stream.id.clone(), stream.label.clone(), stream.zone.clone());
    let tolerant = stream.tolerant.then_some(true);
    let answer = match (&stream.sdp, stream.replaces()) {
        (None, None) => client.create_input(&add.body()?, &CreateInputOptions::default())?,
        (None, Some(id)) => client.put_input(id, &add.body()?, &PutInputOptions::default())?,
        (Some(file), None) => {
            let options = CreateInputOptions { id, label, zone, tolerant };
            client.create_input_sdp(&stream::read(file)?, &options)?
        }
        (Some(file), Some(replaced)) => {
            let beside = PutInputOptions { id, label, zone, tolerant, ..Default::default() };
            client.put_input_sdp(replaced, &stream::read(file)?, &beside)?
        }
    };
    if context.json {
        return table::json(answer.body());
    }
    let input = answer.value()?;
    let stored = Stored {
        id: &input.id,
        legs: &input.legs,
        audio: input.audio.as_ref().map(|audio| &*audio.legs),
        ancillary: input.ancillary.as_ref().map(|ancillary| &*ancillary.legs),
        warnings: &input.warnings,
    };
    stream::stored(answer.is_created(), &stored)
}

fn list(context: &Context) -> Result<(), CliError> {
    let answer = context.client.list_inputs()?;
    if context.json {
        return table::json(answer.body());
    }
    let row = |input: &Input| {
        let beside = [input.audio.is_some(), input.ancillary.is_some()];
        let beside = table::BESIDE.into_iter().zip(beside).filter(|(_, has)| *has);
        [
            table::text(&input.id),
            table::text(&input.label),
            table::text(&input.zone),
            format::short(&input.video),
            table::listed(&beside.map(|(level, _)| level).collect::<Vec<_>>()),
            table::legs(&input.legs),
            table::signal(&input.signal, input.findings.as_ref()),
            table::bits(input.signal.bits_per_second),
            table::listed(&input.tally),
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(
        ["INPUT", "LABEL", "ZONE", "FORMAT", "WITH", "FROM", "SIGNAL", "RATE", "SHOWN ON"],
        &rows,
    )
}
