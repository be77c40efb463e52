//! `ormatrix-sink analyse`.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use ormatrix_sink::{
    analyse::{self, AnalyseOptions, CaptureClock, Wanted, picture},
    stream::format_name,
};
use st2110::{
    format::{Depth, Sampling},
    timing::SenderType,
};

/// What the numbers mean, for `--help`.
pub const MEANING: &str = "\
A row of numbers is least / mean / greatest.
  CINST               packets in the draining network, right after each arrival, against CMAX
  VRX                 packets in the virtual receiver, right after each arrival, against
                      VRX_FULL; negative when a packet came after it should have been read
  first packet time   of each frame, behind N x TFRAME
  TROFFSET needed     the least with which no packet of this capture is too late
  latency             first packet of each frame behind its RTP timestamp
  RTP offset          RTP timestamp of each frame behind N x TFRAME
Outcomes: pass; FAIL; note: worth knowing, forbidden by no standard; unknown: not judged.

Exit status: 0 every stream is good, 1 one is not or there is none, 2 could not run.";

/// Options of `analyse`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The capture: pcap or pcapng, with micro- or nanoseconds
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// SDP of a stream in it; may be given several times
    #[arg(long, value_name = "FILE")]
    sdp: Vec<PathBuf>,
    /// The format of video streams without SDP, such as 1080p60 or 1920x1080i25; otherwise
    /// it is inferred
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Sampling of --format
    #[arg(long, default_value = "YCbCr-4:2:2", requires = "format")]
    sampling: Sampling,
    /// Depth of --format
    #[arg(long, default_value = "10", requires = "format")]
    depth: Depth,
    /// The sender type to judge by: N, NL or W; otherwise the SDP's, or any
    #[arg(long, value_name = "N|NL|W", value_parser = sender_type)]
    sender_type: Option<SenderType>,
    /// TROFFSET in microseconds; otherwise the SDP's, or the default of ST 2110-21
    #[arg(long, value_name = "N")]
    troffset_us: Option<u32>,
    /// What the capture's times are: tai, utc, or auto to let RTP timestamps decide
    #[arg(long, value_name = "CLOCK", default_value = "auto")]
    capture_clock: CaptureClock,
    /// Measures as EBU LIST does where it deviates from the standard
    #[arg(long)]
    list_compatible: bool,
    /// Prints the report as JSON
    #[arg(long)]
    json: bool,
    /// Draws VRX and CINST over time
    #[arg(long, value_name = "OUT.svg")]
    picture: Option<PathBuf>,
}

/// Reads, judges, reports.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let mut wanted = Wanted::default();
    for sdp in &arguments.sdp {
        wanted.add_sdp(sdp).map_err(|error| text(&error))?;
    }
    if let Some(name) = &arguments.format {
        let format = format_name::parse(name, arguments.sampling, arguments.depth);
        wanted.set_format(format.map_err(|error| text(&error))?);
    }
    let options = AnalyseOptions {
        wanted,
        sender_type: arguments.sender_type,
        offset_us: arguments.troffset_us,
        list_compatible: arguments.list_compatible,
        clock: arguments.capture_clock,
    };
    let analysis = analyse::run(&arguments.file, &options).map_err(|error| text(&error))?;
    if let Some(place) = &arguments.picture {
        fs::write(place, picture::svg(&analysis))
            .map_err(|error| format!("cannot write the picture {}: {error}", place.display()))?;
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&analysis).map_err(|error| text(&error))?;
        println!("{json}");
    } else {
        println!("{analysis}");
    }
    Ok(if analysis.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn sender_type(text: &str) -> Result<SenderType, String> {
    match text {
        "N" => Ok(SenderType::Narrow),
        "NL" => Ok(SenderType::NarrowLinear),
        "W" => Ok(SenderType::Wide),
        _ => text.parse().map_err(|_| format!("'{text}' is not a sender type: N, NL or W")),
    }
}
