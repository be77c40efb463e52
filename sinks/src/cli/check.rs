//! `ormatrix-sink check`.

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use clap::Args;
use ormatrix_sink::{
    check::{self, CheckOptions, Tolerated},
    stream::{Stream, StreamArguments},
};
use ormatrix_strip::Name;
use st2110::level::Level;

use super::{Settings, say_listening, seconds};

/// What the numbers mean, for `--help`.
pub const MEANING: &str = "\
What the report says:
  frames              frames judged: whole + partial. The frame in progress when the run
                      began, and one in progress when it ended, are not judged
  whole               every octet arrived
  partial             ended (another frame followed, or 200 ms and four frame periods of
                      silence) with octets missing
  mixed               made of two: the strips at top and bottom differ, or only one can be
                      read; or, in the order of the packet numbers, packets of another frame
                      or sender lie between; or octets came twice under different numbers
  duplicated          shown before: by the strip, a number not above this source's last, with
                      a time that is not later; without a strip, a timestamp of an ended frame
  missing_frames      frame numbers skipped between consecutive frames of one source, by the
                      strip; not counted across a switch
  missing_packets     packet numbers never received
  sequence_breaks     steps of the (extended) sequence number that neither loss nor reordering
                      explains: back by 4096 or more, or an extended number that neither
                      counts the wraps nor stays constant
  ssrc_changes        packets whose SSRC differs from the one before; packet numbers are then
                      followed anew
  malformed_packets   datagrams that are not RTP, or whose RFC 4175 headers do not fit
  outside_format      packets whose segments do not lie in the declared format
  without_marker      whole frames of which no packet had the marker
  unexpected_source   frames whose strip does not carry the name of --expect-name
  fragmented_datagrams, kernel_drops
                      datagrams in IP fragments; datagrams this host was too slow for
Not defects:
  switches            time, from, to, and gap_ns from the last packet of the old source's last
                      frame to the first of the new (to the precision of --coalesce-us)
  latency_us          from the strip's TAI time to the arrival of a frame's last packet
  extended_sequence   advancing, constant (as GStreamer's rtpvrawpay leaves it), or unknown
                      (no wrap seen)
  duplicate_packets, reordered_packets, late_packets, rtcp_packets, wrong_payload_type,
  strip_undecodable, source_restarts, format_changes

Beside the video an SDP may describe sound and ancillary data: \"audio\" and \"ancillary\" have a
report for each stream, with the packet counts above and these. \"Heard\" is one of our test
tones (each source has one, by its name), silence, or something else, millisecond by
millisecond.
  audio
    wrong_length      payloads not as long as the format says
    timestamp_breaks  steps of the timestamp other than one packet; those between two sounds
                      (timestamp_breaks_at_switches) are no defect (ST 2110-10 7.6.1)
    clicks            steps between neighbouring samples (max_step) greater by a twentieth than
                      any the tones before and after make themselves (max_step_of_tone, both in
                      24 bits). Samples that timestamps leave out count as silence. Those from
                      one sound to another (clicks_at_switches) are
                      defects only where --ramp-ms says that there is a ramp. Sound that is not
                      ours is not judged
    misplaced_channels_ms   time in which the channels were not in their order
    switches          time, from, to, mute_ms without either tone, and what the timestamps
                      leave out (gap_ms) or have twice (overlap_ms); no defect
  ancillary
    parity_faults, checksum_faults, payload_faults, field_faults, marker_faults
                      breaches of RFC 8331 and ST 291-1 (first_fault: the first, in words)
    missing_frames, duplicated   by our mark, as of the video by the strip
    mismatched        frames of another source than the picture of the same timestamp
    stale             frames of the source before that came behind the first of the next, and
                      whose picture was not the former's
    keep_alives, kinds, time_code, without_mark,
    without_picture, pictures_without (of one timestamp)   no defects
  lip_sync            one for each stream of sound, over all frames whose sound is a tone
    offset_us         how far the tone is ahead of its timestamps, less how far the strip is:
                      positive where the sound is of a later moment than the picture
    off               frames whose offset is more than a sample from their source's median
    other_source_heard   frames in whose time (but for a packet at either end, and --ramp-ms
                      at a switch) another source's tone was heard
    arrival_us        from a frame's last packet to the sound of its first moment; no defect

Exit status: 0 clean, 1 a defect or no frame at all, 2 could not run.";

/// Options of `check`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    stream: StreamArguments,
    /// Ends after this long, counted from the opening of the socket
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Ends after this many judged frames: of the video; without video, of ancillary data
    #[arg(long, value_name = "N")]
    frames: Option<u64>,
    /// Levels to judge, separated by commas: video, audio, ancillary. All that the SDP
    /// describes, if none is named
    #[arg(long, value_name = "LEVELS", value_delimiter = ',')]
    levels: Vec<Level>,
    /// How long sound is faded at a switch, in milliseconds: none may click then. 0 where it
    /// is cut
    #[arg(long, value_name = "N", default_value_t = 0)]
    ramp_ms: u16,
    /// The levels may be of different sources: that is no defect
    #[arg(long)]
    breakaway: bool,
    /// Prints the report as JSON
    #[arg(long)]
    json: bool,
    /// The name that the strip of every frame must carry
    #[arg(long, value_name = "NAME")]
    expect_name: Option<String>,
    /// Least time between two reads of the socket in microseconds; 0 to read at every packet
    #[arg(long, value_name = "N")]
    coalesce_us: Option<u32>,
}

/// Receives, judges, reports.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
) -> Result<ExitCode, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let expected = match &arguments.expect_name {
        None => None,
        Some(name) => Some(Name::new(name).map_err(|error| text(&error))?),
    };
    let coalesce = arguments.coalesce_us.unwrap_or(settings.coalesce_us);
    let options = CheckOptions {
        length: arguments.seconds,
        frames: arguments.frames,
        expected,
        coalesce: Duration::from_micros(u64::from(coalesce)),
        tolerated: Tolerated { ramp_ms: arguments.ramp_ms, breakaway: arguments.breakaway },
    };
    let mut stream = Stream::resolve_levels(&arguments.stream, &arguments.levels)
        .map_err(|error| text(&error))?;
    let report =
        check::run(&mut stream, &options, stop, say_listening).map_err(|error| text(&error))?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| text(&error))?;
        println!("{json}");
    } else {
        println!("{report}");
    }
    Ok(if report.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
